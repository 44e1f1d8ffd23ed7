"""How busy the models are: for Prometheus, and for the Models tab. Nothing here is about people.

Every number counts works, seconds or bytes by medium; no key, no version of somebody's own and no
recipe is ever a label, so that `/metrics` may be read by whoever watches the machine.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

BATCHES = (1, 2, 4, 8, 16, 32)
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
REMEMBERED = 2000
"""Decodes that `lately` can look back on."""
LATELY = 300.0
"""Seconds that it does look back."""


@dataclass(frozen=True)
class Lately:
    """The last LATELY seconds.

    Attributes:
        works: artworks that were asked for; batch: mean number of them in one forward pass.
        median, slow: seconds from the wish to the artwork, and what one in twenty exceeds.
    """

    works: int
    batch: float
    median: float
    slow: float


class Traffic:
    """Counts what a registry decodes, loads and unloads."""

    def __init__(self) -> None:
        self.collected = CollectorRegistry()
        self._passes = Histogram(
            "studio_decode_batch_works",
            "Artworks that were decoded in one forward pass.",
            ["medium"],
            buckets=BATCHES,
            registry=self.collected,
        )
        self._waits = Histogram(
            "studio_decode_seconds",
            "Seconds from asking for artworks to having them.",
            ["medium"],
            buckets=SECONDS,
            registry=self.collected,
        )
        self._models = Counter(
            "studio_models",
            "Models that were loaded, or unloaded for want of memory.",
            ["medium", "event"],
            registry=self.collected,
        )
        self._unanswered = Counter(
            "studio_asks_unanswered",
            "Requests dropped for a newer one of the same person, or told to wait.",
            ["why"],
            registry=self.collected,
        )
        self._recent: deque[tuple[float, int, float]] = deque(maxlen=REMEMBERED)
        self._recent_passes: deque[tuple[float, int]] = deque(maxlen=REMEMBERED)
        self._lock = threading.Lock()

    def gauge(self, name: str, meaning: str, read: Callable[[], float]) -> None:
        """A number that is looked up whenever somebody asks."""
        Gauge(f"studio_{name}", meaning, registry=self.collected).set_function(read)

    def decoded(self, medium: str, works: int) -> None:
        """One forward pass made so many artworks."""
        self._passes.labels(medium).observe(works)
        with self._lock:
            self._recent_passes.append((time.monotonic(), works))

    def answered(self, medium: str, works: int, seconds: float) -> None:
        """Somebody waited so long for so many artworks."""
        self._waits.labels(medium).observe(seconds)
        with self._lock:
            self._recent.append((time.monotonic(), works, seconds))

    def unanswered(self, why: str) -> None:
        """Something that was asked for is not made: overtaken, often (somebody asks too often) or
        full."""
        self._unanswered.labels(why).inc()

    def loaded(self, medium: str) -> None:
        self._models.labels(medium, "loaded").inc()

    def unloaded(self, medium: str) -> None:
        self._models.labels(medium, "unloaded").inc()

    def lately(self) -> Lately | None:
        """None: nobody has asked for anything."""
        since = time.monotonic() - LATELY
        with self._lock:
            waits = sorted(seconds for when, _, seconds in self._recent if when > since)
            works = sum(count for when, count, _ in self._recent if when > since)
            passes = [count for when, count in self._recent_passes if when > since]
        if not waits or not passes:
            return None
        slow = waits[min(int(0.95 * len(waits)), len(waits) - 1)]
        return Lately(works, statistics.fmean(passes), statistics.median(waits), slow)

    def text(self) -> bytes:
        """All of it in Prometheus's text format."""
        return generate_latest(self.collected)
