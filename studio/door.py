"""Who may ask now: a full studio says so before it does any work, and keeps everybody's place."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from studio.traffic import Traffic

BURST = 2.0
"""Seconds' worth of asking that somebody may do at once."""
AT_ONCE = 8
"""Questions of one person under way at the same time: a page has four at most."""
SOON, LATER, LATEST = 0.4, 0.1, 3.0
"""Seconds until whoever stands first asks again, what each place adds to that, and the most."""
KEPT = 5.0
"""Seconds by which somebody may be late without losing their place."""
LOST = 120.0
"""Seconds after which a question that was let in must have been lost on its way."""
REMEMBERED = 10_000
"""People whose rate is remembered."""


@dataclass(frozen=True)
class Wait:
    """Not now.

    Attributes:
        why: "often": this person asks faster than anybody can look; "full": too many ask at once.
        place: in the line of those who wait, from 1; 0 where there is none.
        seconds: when to ask again.
    """

    why: str
    place: int
    seconds: float


class Door:
    """Lets questions in.

    Args:
        rate: questions a second that one person may go on asking (a token bucket).
        room: questions under way at the same time. Each waits for one decode at a time, so that
            no more than this many decodes are ever waited for.
    """

    def __init__(
        self,
        rate: float,
        room: int,
        traffic: Traffic,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.rate = rate
        self.room = room
        self.traffic = traffic
        self.clock = clock
        self.inside: dict[str, list[float]] = {}
        self.outside: dict[str, float] = {}
        """Until when a place in line is kept, in the order of the line."""
        self.buckets: dict[str, tuple[float, float]] = {}
        """Tokens left, and when that was."""
        self.lock = threading.Lock()

    def knock(self, person: str) -> Wait | None:
        """None: the question is let in, and `leave` must follow once it is answered."""
        with self.lock:
            now = self.clock()
            wait = self.too_often(person, now) or self.too_full(person, now)
            if wait is None:
                self.take_token(person, now)
                self.inside.setdefault(person, []).append(now)
                return None
        self.traffic.unanswered(wait.why)
        return wait

    def leave(self, person: str) -> None:
        """A question of this person is under way no longer."""
        with self.lock:
            questions = self.inside.get(person, [])
            if len(questions) > 1:
                questions.pop(0)
            else:
                self.inside.pop(person, None)

    def too_often(self, person: str, now: float) -> Wait | None:
        missing = 1 - self.tokens(person, now)
        if missing <= 0 and len(self.inside.get(person, ())) < AT_ONCE:
            return None
        return Wait("often", 0, max(SOON, missing / self.rate))

    def too_full(self, person: str, now: float) -> Wait | None:
        self.outside = {who: until for who, until in self.outside.items() if until > now}
        for who, questions in [*self.inside.items()]:
            self.inside[who] = [since for since in questions if now - since < LOST]
            if not self.inside[who]:
                del self.inside[who]
        line = [*self.outside]
        before = line.index(person) if person in self.outside else len(line)
        free = self.room - sum(map(len, self.inside.values()))
        if before < free:
            self.outside.pop(person, None)
            return None
        place = before - max(free, 0) + 1
        seconds = min(SOON + LATER * place, LATEST)
        self.outside[person] = now + seconds + KEPT
        return Wait("full", place, seconds)

    def tokens(self, person: str, now: float) -> float:
        left, when = self.buckets.get(person, (BURST * self.rate, now))
        return min(left + self.rate * (now - when), BURST * self.rate)

    def take_token(self, person: str, now: float) -> None:
        left = self.tokens(person, now) - 1
        self.buckets.pop(person, None)
        self.buckets[person] = (left, now)
        if len(self.buckets) > REMEMBERED:
            self.buckets.pop(next(iter(self.buckets)))
