"""The measurement of a crowd measures a crowd: real events of a studio that really runs."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from benchmarks import load
from studio.studio import Studio
from tests.test_traffic import served as served

T = TypeVar("T")


def run(measured: Coroutine[Any, Any, T]) -> T:
    """In a thread of its own: Playwright's loop may be running in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, measured).result()


def test_a_few_people_steer_for_seconds(studio: Studio, served: str) -> None:
    options = argparse.Namespace(people=3, minutes=0.05, alone=1.0, rest=0.2, medium="stripes")
    result = run(load.measure(options, served, os.getpid()))
    for who in ("alone", "crowd"):
        told = result[who]
        assert told["moves"] > 0 and (told["errors"], told["mixed_up"]) == ({}, 0)
        assert 0 < told["p50_ms"] <= told["p95_ms"]
    assert result["crowd"]["moves"] > result["people"]
    assert result["studio"]["resident_mb"] > 100
    assert 0 < result["studio"]["processors_kept_busy"] <= os.cpu_count()
    assert "3 people" in load.table(result)
    # Every move was an artwork that the studio decoded.
    lately = studio.registry.traffic.lately()
    assert lately is not None and lately.works > result["crowd"]["moves"]


def test_what_goes_wrong_is_counted_and_not_measured(studio: Studio, served: str) -> None:
    options = argparse.Namespace(people=1, minutes=0.02, alone=0.5, rest=0.1, medium="stripes")
    # Refused at once: room for nobody.
    studio.door.room = 0

    async def alone() -> load.Tally:
        tally = load.Tally()
        async with load.httpx.AsyncClient(base_url=served, timeout=5) as http:
            events = await load.Events.of(http)
            person = load.Person(http, events, options.medium, options.rest, 1)
            person.key = studio.store.open_session(None).key
            asking = asyncio.create_task(person.move(tally, {"do": "dice"}))
            while tally.waits < 2:
                await asyncio.sleep(0.02)
            assert not asking.done() and tally.moves == []
            studio.door.room = 1
            assert "<figure" in (await asking)[0]
            person.medium = "sculpture"
            person.dials = ["warmth"]
            await person.create(tally, load.time.monotonic() + 0.2)
        return tally

    tally = run(alone())
    assert len(tally.moves) == 1 and tally.waits >= 2
    assert tally.errors
