"""Notes dragged and lines drawn across melodies: whether they are followed, and what else changes.

    python benchmarks/draw.py [--version NAME] [--count 50]

Each target is a sample of its own. Of drags, any note goes 2 to 9 semitones up or down, and in a
third of them also one to four slots in time; it has arrived if a note begins there within a
semitone. A line goes smoothly through random heights across one to four bars; it is followed if
what sounds correlates with it by 0.9. What should stay are the other notes, and of a line those
beside it and the times at which notes begin below it. Beside each stands the best, by the same
measures, of 256 works near by.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from torch import Tensor

from studio.__main__ import registry
from studio.latent import nearby, noise_from_seeds
from studio.manipulation import UNUSUAL, Drag, Gesture, Stroke, as_far_out
from studio.melody.artwork import Melody
from studio.melody.evaluate import in_key
from studio.melody.grid import HIGHEST, LOWEST

FIRST_SEED = 1000
SAMPLES, REACHES = 256, (0.3, 1.0)
ALIKE = 0.9
FINE = 12
"""Parts of a quarter in which it is looked at what sounds."""


class DragTarget:
    """A note begins at a time with a pitch."""

    def __init__(self, melody: Melody, rng: np.random.Generator) -> None:
        notes = melody.notes
        self.note = notes[rng.integers(len(notes))]
        times = [start for start, _, _ in melody.grid.slots()]
        while True:
            self.pitch = self.note.pitch + int(rng.integers(2, 10)) * int(rng.choice([-1, 1]))
            place = times.index(self.note.start)
            if rng.random() < 1 / 3:
                place += int(rng.integers(1, 5)) * int(rng.choice([-1, 1]))
            # Within what is shown of the roll, or there is nowhere to drag it.
            y = 0.5 - (self.pitch - melody.lanes.middle) / melody.lanes.count
            if 0 <= place < len(times) and 0 < y < 1 and LOWEST <= self.pitch <= HIGHEST:
                break
        self.time = times[place]
        self.others = {(n.start, n.pitch) for n in notes if n != self.note}
        self.others -= {one for one in self.others if one[0] == self.time}
        x = float(self.note.start + self.note.duration / 2) / melody.quarters
        height = 0.5 - (self.note.pitch - melody.lanes.middle) / melody.lanes.count
        moved = float(self.time - self.note.start) / melody.quarters
        self.gesture: Gesture = Drag((x, height), (min(max(x + moved, 0), 1), y))

    def missed(self, melody: Melody) -> float:
        """Semitones; 24 where no note begins there."""
        there = [abs(n.pitch - self.pitch) for n in melody.notes if n.start == self.time]
        return float(min(there, default=24))

    def is_met(self, melody: Melody) -> bool:
        return self.missed(melody) <= 1

    def stays(self, melody: Melody) -> float:
        after = {(note.start, note.pitch) for note in melody.notes}
        return len(self.others & after) / max(len(self.others), 1)


class LineTarget:
    """What sounds follows a line."""

    def __init__(self, melody: Melody, rng: np.random.Generator) -> None:
        bar = melody.quarters / 4
        bars = int(rng.integers(1, 5))
        begin = bar * int(rng.integers(0, 5 - bars))
        self.times = np.linspace(begin, begin + bars * bar, 41)
        while True:
            knots = rng.uniform(0.1, 0.9, 2 + bars)
            along = np.linspace(0, 1, len(knots))
            # A hand draws no corners.
            fine = np.interp(np.linspace(0, 1, 41), along, knots)
            heights = np.convolve(np.pad(fine, 4, mode="edge"), np.hanning(11)[1:-1] / 5, "valid")
            if np.ptp(heights) > 0.3:
                break
        self.line = np.array([melody.lanes.pitch(y) for y in heights])
        points = zip((self.times / melody.quarters).tolist(), heights.tolist(), strict=True)
        self.gesture: Gesture = Stroke(tuple(points), 0.05)
        self.notes = [(n.start, n.pitch) for n in melody.notes]

    def is_under(self, start: Any) -> bool:
        return bool(self.times[0] <= start < self.times[-1])

    def alike(self, melody: Melody) -> float:
        """Correlation of what sounds with the line."""
        fine = np.arange(self.times[0], self.times[-1], 1 / FINE)
        sung = np.full(len(fine), np.nan)
        for note in melody.notes:
            sung[(fine >= float(note.start) - 1e-6) & (fine < float(note.end) - 1e-6)] = note.pitch
        there = ~np.isnan(sung)
        if there.sum() < 2 or np.ptp(sung[there]) == 0:
            return 0.0
        line = np.interp(fine, self.times, self.line)
        return float(np.corrcoef(sung[there], line[there])[0, 1])

    def missed(self, melody: Melody) -> float:
        return 1 - self.alike(melody)

    def is_met(self, melody: Melody) -> bool:
        return self.alike(melody) >= ALIKE

    def stays(self, melody: Melody) -> float:
        after = {(note.start, note.pitch) for note in melody.notes}
        starts = {start for start, _ in after}
        kept = [s in starts if self.is_under(s) else (s, p) in after for s, p in self.notes]
        return statistics.fmean(kept)


Target = DragTarget | LineTarget


def measure(generator: Any, kind: Callable[..., Target], count: int) -> dict[str, Any]:
    """What becomes of targets of a kind: by the hand, and by choosing near by."""
    rng = np.random.default_rng(0)
    where = generator.statistics
    usual = generator.features(generator.decode(generator.map(noise_from_seeds(range(500, 564)))))
    rows: dict[str, list[dict[str, float]]] = {}

    def add(name: str, target: Target, melody: Melody, **more: float) -> None:
        far_out = as_far_out(generator.features([melody]), usual, generator.feature_statistics)
        row = {
            "met": float(target.is_met(melody)),
            "missed": target.missed(melody),
            "stays": target.stays(melody),
            "usual": float(far_out[0] >= UNUSUAL),
            "in_key": in_key(melody.grid),
        }
        rows.setdefault(name, []).append(row | more)
        print(name, {key: round(value, 3) for key, value in rows[name][-1].items()}, flush=True)

    for index in range(count):
        latent = generator.map(noise_from_seeds([FIRST_SEED + index]))[0]
        (before,) = generator.decode(latent[None])
        target = kind(before, rng)
        add("before", target, before)
        wall, cpu = time.perf_counter(), time.process_time()
        *_, (found, _) = generator.follow(latent, [target.gesture])
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        add("hand", target, generator.decode(found[None])[0], seconds=wall, cpu=cpu)
        for reach in REACHES:
            around = nearby(latent, where.axes, where.scales, SAMPLES, reach, index * SAMPLES)
            add(f"near by, {reach}", target, nearest(target, generator, around))
    return {
        name: {key: round(statistics.fmean(row[key] for row in some), 3) for key in some[0]}
        for name, some in rows.items()
    } | {"slowest": round(max(row["seconds"] for row in rows["hand"]), 2)}


def nearest(target: Target, generator: Any, around: Tensor) -> Melody:
    """The one that is met, and else misses least; of several the one in which most stays."""
    found = generator.decode(around)
    return max(found, key=lambda m: (target.is_met(m), -target.missed(m), target.stays(m)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--version")
    parser.add_argument("--count", type=int, default=50)
    options = parser.parse_args()
    generator = registry().use_apart("melody", options.version)
    kinds = {"dragged": DragTarget, "drawn": LineTarget}
    result = {name: measure(generator, kind, options.count) for name, kind in kinds.items()}
    result |= {"version": generator.version, "targets": options.count}
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
