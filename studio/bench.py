"""`python -m studio bench`: our speeds as ratios to floors measured in the same run.

The slider's floor needs a browser and is measured by benchmarks/slider_latency.py.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from itertools import chain, count, islice
from typing import TYPE_CHECKING, Any, cast

from studio.latent import noise_from_seeds
from studio.medium import media
from studio.registry import Registry, SharedGenerator

if TYPE_CHECKING:
    from torch import Tensor

# Both sides of a ratio are timed in turn, so that a busy machine slows them alike.
ROUNDS = 25
CROWDS = 5


def run(registry: Registry) -> dict[str, Any]:
    """All ratios, with the milliseconds they come from."""
    return {
        "decode": {name: decode(registry, name) for name in media() if registry.versions(name)},
        "crowd": {name: crowd(registry, name) for name in media() if registry.versions(name)},
        "first_artwork": first_artwork(),
    }


def paired(ours: Callable[[], Any], floor: Callable[[], Any], rounds: int = ROUNDS) -> dict:
    """Medians in milliseconds of two things done in turn, and the ratio of the medians."""
    times: tuple[list[float], list[float]] = ([], [])
    for side in (ours, floor):
        side()
    for _ in range(rounds):
        for side, kept in zip((ours, floor), times, strict=True):
            started = time.perf_counter()
            side()
            kept.append(1000 * (time.perf_counter() - started))
    mine, least = (statistics.median(kept) for kept in times)
    return {"ms": round(mine, 2), "floor_ms": round(least, 2), "ratio": round(mine / least, 2)}


def decode(registry: Registry, medium: str) -> dict[str, Any]:
    """One artwork through the registry against the bare network's forward pass."""
    import torch

    generator = registry.use(medium)
    # No work twice: the registry remembers what it has just made.
    latents = generator.map(noise_from_seeds(range(ROUNDS + 1)))
    fresh = iter(latents.split(1))

    def bare() -> None:
        with torch.inference_mode():
            generator.forward(latents[:1])

    return paired(lambda: generator.decode(next(fresh)), bare)


class LockedGenerator:
    """What batching is compared with: one lock around the model."""

    def __init__(self, generator: Any) -> None:
        self.inner = generator
        self.lock = threading.Lock()

    def decode(self, latents: Any) -> Any:
        with self.lock:
            return self.inner.decode(latents)


def crowd(registry: Registry, medium: str, people: int = 16, each: int = 8) -> dict[str, Any]:
    """`people` threads decoding at once: throughput through the line against a lock around the
    model, and the 95th percentile against a lone person's median; and what a work costs in one
    pass of `people`, as a share of what it costs alone."""
    shared = cast(SharedGenerator, registry.use(medium))
    inner = shared.inner
    latents = inner.map(noise_from_seeds(range(people)))
    fresh = chain.from_iterable(
        inner.map(noise_from_seeds(range(first, first + people * each))).split(1)
        for first in count(people, people * each)
    )
    alone, together, lone = [], [], []
    throughput: dict[str, list[float]] = {"line": [], "lock": []}
    waits: dict[str, list[float]] = {"line": [], "lock": []}
    for _ in range(CROWDS):
        alone.append(seconds(lambda: inner.decode(latents[:1])))
        together.append(seconds(lambda: inner.decode(latents)) / people)
        lone.append(seconds(partial(shared.decode, next(fresh))))
        for name, model in (("line", shared), ("lock", LockedGenerator(inner))):

            def person(
                index: int, mine: list[Tensor], model: Any = model, kept: list[float] = waits[name]
            ) -> None:
                with shared.line.asking(str(index)):
                    for one in mine:
                        kept.append(seconds(partial(model.decode, one)))

            threads = [
                threading.Thread(target=person, args=(i, list(islice(fresh, each))))
                for i in range(people)
            ]

            def crowded(threads: list[threading.Thread] = threads) -> None:
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()

            throughput[name].append(people * each / seconds(crowded))
    rates = {name: statistics.median(found) for name, found in throughput.items()}
    slow = statistics.quantiles(waits["line"], n=20)[-1]
    return {
        "people": people,
        "works_a_second": {name: round(rate, 1) for name, rate in rates.items()},
        "throughput_ratio": round(rates["line"] / rates["lock"], 2),
        "p95_to_single_p50": round(slow / statistics.median(lone), 2),
        "batch_cost_ratio": round(statistics.median(together) / statistics.median(alone), 2),
    }


def seconds(act: Callable[[], Any]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def first_artwork() -> dict[str, Any]:
    """A new process to its first artwork against a new process that imports torch and gradio."""
    name = next(iter(media()))
    ours = (
        "from studio.__main__ import registry; from studio.latent import noise_from_seeds; "
        "import gradio; "
        f"g = registry().use({name!r}); g.decode(g.map(noise_from_seeds([1])))[0].show()"
    )
    return paired(
        lambda: subprocess.run([sys.executable, "-c", ours], check=True),
        lambda: subprocess.run([sys.executable, "-c", "import torch, gradio"], check=True),
        rounds=3,
    )
