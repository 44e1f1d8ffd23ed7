"""Many people steering at one studio, over the page's own events, against one person alone there.

    python benchmarks/load.py [--people 32] [--minutes 3] [--alone 30] [--rest 3]
                              [--medium painting] [--url http://… [--pid N]] [--json]

Without --url a studio of its own is started, with an empty home. Everybody does what a page does:
drags a dial for a second or so (each move is asked for when the one before it is answered),
lets go, has the previews and the readout made, rests for about --rest seconds, and drags again; in
one of five times throws the dice first. A move is timed from the question until its picture is
there, whatever was waited for in between. The people need processor time too, and take it from the
studio where both run on one machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parent.parent
DRAG = (0.6, 1.6)
"""Seconds that a dial is dragged."""
HAND = 0.03
"""Seconds between two places of a hand on a dial, at least."""
TIMEOUT = 60.0
MEMORY_WINDOW = 120.0


@dataclass
class Tally:
    """What happened to some people.

    Attributes:
        moves: seconds from a move of a dial to its picture; ahead: the same of previews.
        waits: sentences that were read at the door.
        errors: what went wrong, by its name.
        mixed_up: answers that were somebody else's, or to something else.
    """

    moves: list[float] = field(default_factory=list)
    ahead: list[float] = field(default_factory=list)
    waits: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    mixed_up: int = 0

    def failed(self, what: str) -> None:
        self.errors[what] = self.errors.get(what, 0) + 1


@dataclass(frozen=True)
class Events:
    """The page's events by their numbers."""

    load: int
    gesture: int
    idle: int
    tell: int

    @classmethod
    async def of(cls, http: httpx.AsyncClient) -> Events:
        config = (await http.get("/config")).raise_for_status().json()
        found: dict[str, int] = {}
        after: dict[int, int] = {}
        for one in config["dependencies"]:
            for _, name in one["targets"]:
                found.setdefault(name, one["id"])
            if one.get("trigger_after") is not None and one["backend_fn"]:
                after.setdefault(one["trigger_after"], one["id"])
        return cls(found["load"], found["gesture"], found["idle"], after[found["idle"]])


class Person:
    """A browser without a screen."""

    def __init__(
        self, http: httpx.AsyncClient, events: Events, medium: str, rest: float, seed: int
    ) -> None:
        self.http = http
        self.events = events
        self.medium = medium
        self.rest = rest
        self.chance = random.Random(seed)
        self.key = ""
        self.sessions = {"gestures": secrets.token_hex(8), "ahead": secrets.token_hex(8)}
        self.dials: list[str] = []
        self.positions: dict[str, float] = {}
        self.looking: asyncio.Task[None] | None = None

    async def ask(self, tally: Tally, event: int, *said: Any, line: str = "gestures") -> list[Any]:
        """The outputs of an event; empty where there are none."""
        session = self.sessions[line]
        body = {"data": [self.key, self.medium, *said], "fn_index": event, "session_hash": session}
        while True:
            joined = await self.http.post("/gradio_api/queue/join", json=body)
            if joined.status_code != 429:
                break
            tally.waits += 1
            await asyncio.sleep(joined.json()["seconds"])
        joined.raise_for_status()
        async with self.http.stream(
            "GET", "/gradio_api/queue/data", params={"session_hash": session}
        ) as stream:
            async for text in stream.aiter_lines():
                if not text.startswith("data:"):
                    continue
                message = json.loads(text.removeprefix("data:"))
                if message["msg"] == "process_completed":
                    if not message["success"]:
                        raise ValueError("refused")
                    return message["output"]["data"]
        raise ValueError("the stream was closed")

    async def arrive(self, tally: Tally) -> None:
        self.key, *_ = await self.ask(tally, self.events.load, "")
        drawn = await self.ask(tally, self.events.gesture, [{"do": "dice"}])
        [dials] = [one for one in drawn if isinstance(one, dict) and "rows" in one]
        self.dials = [row["key"] for row in dials["rows"]]

    async def create(self, tally: Tally, until: float) -> None:
        """Drags, looks and rests until the time is over."""
        while time.monotonic() < until:
            try:
                await self.turn(tally)
            except (httpx.HTTPError, ValueError, KeyError) as error:
                tally.failed(named(error))

    async def turn(self, tally: Tally) -> None:
        if self.chance.random() < 0.2:
            self.positions = {}
            await self.move(tally, {"do": "dice"})
        dial = self.chance.choice(self.dials)
        here, there = self.positions.get(dial, 0.0), self.chance.uniform(-2, 2)
        began, lasts = time.monotonic(), self.chance.uniform(*DRAG)
        while (way := (time.monotonic() - began) / lasts) < 1:
            at = self.positions | {dial: round(here + way * (there - here), 2)}
            asked = time.monotonic()
            await self.move(tally, steer(at) | {"live": True})
            await asyncio.sleep(max(0.0, HAND - (time.monotonic() - asked)))
        self.positions |= {dial: round(there, 2)}
        drawn = await self.move(tally, steer(self.positions))
        [dials] = [one for one in drawn if isinstance(one, dict) and "positions" in one]
        wanted = {key: value for key, value in self.positions.items() if value}
        tally.mixed_up += dials["positions"] != wanted
        # One look ahead at a time, as the page does it; the hand does not wait for it.
        self.looking = asyncio.create_task(self.look_ahead(tally, self.looking))
        await asyncio.sleep(self.chance.uniform(0.5, 1.5) * self.rest)

    async def move(self, tally: Tally, gesture: dict[str, Any]) -> list[Any]:
        asked = time.monotonic()
        drawn = await self.ask(tally, self.events.gesture, [gesture])
        if not isinstance(drawn[0], str) or "<figure" not in drawn[0]:
            raise ValueError("no picture")
        tally.moves.append(time.monotonic() - asked)
        return drawn

    async def look_ahead(self, tally: Tally, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await before
        asked = time.monotonic()
        try:
            await self.ask(tally, self.events.idle, line="ahead")
            tally.ahead.append(time.monotonic() - asked)
            await self.ask(tally, self.events.tell, line="ahead")
        except (httpx.HTTPError, ValueError, KeyError) as error:
            tally.failed(f"looking ahead: {named(error)}")


def steer(positions: dict[str, float]) -> dict[str, Any]:
    return {"do": "steer", "positions": positions, "wildness": 1.0}


def named(error: Exception) -> str:
    return f"{type(error).__name__} {error}"[:80].strip()


async def measure(options: argparse.Namespace, url: str, pid: int | None) -> dict[str, Any]:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT, limits=limits) as http:
        events = await Events.of(http)
        people = [
            Person(http, events, options.medium, options.rest, seed)
            for seed in range(options.people + 1)
        ]
        arriving, alone, crowd = Tally(), Tally(), Tally()
        first, *others = people
        await first.arrive(arriving)
        warm = time.monotonic() + min(5.0, options.alone)
        await first.create(Tally(), warm)
        await first.create(alone, time.monotonic() + options.alone)
        await asyncio.gather(*(person.arrive(arriving) for person in others))
        lasts = 60 * options.minutes
        memory = asyncio.create_task(watched(pid, lasts))
        until = time.monotonic() + lasts
        await asyncio.gather(*(person.create(crowd, until) for person in others))
        grown = await memory
        await asyncio.gather(*(one.looking for one in people if one.looking))
    one, many = told(alone), told(crowd)
    return {
        "people": options.people,
        "minutes": options.minutes,
        "rest_s": options.rest,
        "medium": options.medium,
        "alone": one,
        "crowd": many,
        "moves_a_second": round(len(crowd.moves) / lasts, 1),
        "p50_to_single_p50": round(many["p50_ms"] / one["p50_ms"], 2),
        "p95_to_single_p50": round(many["p95_ms"] / one["p50_ms"], 2),
        "goal_p95_to_single_p50": 4.0,
        "studio": grown,
        "processors": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "load_average": [round(load, 1) for load in os.getloadavg()],
    }


def told(tally: Tally) -> dict[str, Any]:
    def slowest(times: list[float], share: float) -> float:
        ordered = sorted(times)
        return round(1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)], 1)

    if not tally.moves:
        raise SystemExit(f"Nothing was answered: {tally.errors}")
    return {
        "moves": len(tally.moves),
        "p50_ms": slowest(tally.moves, 0.5),
        "p95_ms": slowest(tally.moves, 0.95),
        "previews_p50_ms": slowest(tally.ahead, 0.5) if tally.ahead else None,
        "told_to_wait": tally.waits,
        "mixed_up": tally.mixed_up,
        "errors": tally.errors,
    }


async def watched(pid: int | None, lasts: float) -> dict[str, Any] | None:
    """How many processors the studio kept busy; its resident memory and its growth over the last
    two minutes, or two thirds of a shorter time; None where that cannot be read."""
    samples: list[tuple[float, float]] = []
    began, spent = time.monotonic(), processor_seconds(pid)
    while (now := time.monotonic() - began) < lasts:
        found = resident_mb(pid)
        if found is None:
            return None
        samples.append((now, found))
        await asyncio.sleep(min(1.0, lasts / 20))
    window = min(MEMORY_WINDOW, lasts * 2 / 3)
    late = [mb for when, mb in samples if when >= lasts - window]
    ends = max(len(late) // 12, 1)
    grown = statistics.median(late[-ends:]) - statistics.median(late[:ends])
    return {
        "resident_mb": round(late[-1]),
        "grown_mb": round(grown, 1),
        "over_seconds": round(window),
        "processors_kept_busy": round((processor_seconds(pid) - spent) / lasts, 2),
    }


def resident_mb(pid: int | None) -> float | None:
    with suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024
    return None


def processor_seconds(pid: int | None) -> float:
    with suppress(OSError):
        # After the name, which may hold blanks: user and system time are 14th and 15th of all.
        numbers = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(numbers[11]) + int(numbers[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


@contextmanager
def served() -> Iterator[tuple[str, int]]:
    """A studio with an empty home, and the settings of the environment otherwise."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {"STUDIO_HOME": home, "STUDIO_PORT": str(port)}
        process = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment)
        try:
            url = f"http://127.0.0.1:{port}"
            deadline = time.monotonic() + 240
            while True:
                with suppress(httpx.HTTPError):
                    httpx.get(f"{url}/healthz", timeout=5)
                    break
                if time.monotonic() > deadline or process.poll() is not None:
                    raise SystemExit("The studio did not start.")
                time.sleep(0.2)
            yield url, process.pid
        finally:
            process.terminate()
            process.wait()


def table(result: dict[str, Any]) -> str:
    names = ("moves", "p50_ms", "p95_ms", "previews_p50_ms", "told_to_wait", "mixed_up")
    rows = [("", "alone", f"{result['people']} people")]
    rows += [(name, str(result["alone"][name]), str(result["crowd"][name])) for name in names]
    rows += [
        ("errors", *(str(sum(result[who]["errors"].values())) for who in ("alone", "crowd"))),
        ("p95 to single p50", "", f"{result['p95_to_single_p50']} (goal 4)"),
        ("moves a second", "", str(result["moves_a_second"])),
    ]
    if seen := result["studio"]:
        grown = f"{seen['grown_mb']:+} MB in {seen['over_seconds']} s"
        rows.append(("memory", "", f"{seen['resident_mb']} MB, {grown}"))
        rows.append(("processors busy", "", str(seen["processors_kept_busy"])))
    return "\n".join(f"{name:<20}{one:>12}  {many:>12}" for name, one, many in rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=32)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--alone", type=float, default=30.0, help="seconds of one person first")
    parser.add_argument("--rest", type=float, default=3.0, help="mean seconds between two drags")
    parser.add_argument("--medium", default="painting")
    parser.add_argument("--url", help="a studio that runs already")
    parser.add_argument("--pid", type=int, help="its process, for its memory")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.url:
        result = asyncio.run(measure(options, options.url.rstrip("/"), options.pid))
    else:
        with served() as (url, pid):
            result = asyncio.run(measure(options, url, pid))
    if not options.json:
        print(table(result))
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
