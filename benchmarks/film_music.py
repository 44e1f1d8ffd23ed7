"""Does a film move as its music does? `python benchmarks/film_music.py [--journeys 12]`

Journeys of three paintings, each to a melody of its own. Printed is the correlation (Pearson)
between how far two neighbouring frames are apart and how much happens in the music then; beside it
the same journey of the same length without music, evenly to the eye. The distance is told twice:
between features, by which the pace is made even, and between pixels, which nothing here goes by.
How far a journey goes in all must not depend on its music.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from studio.__main__ import registry
from studio.latent import noise_from_seeds, paced
from studio.medium import Artwork, Generator
from studio.painting.artwork import Painting
from studio.soundtrack import musical
from studio.ui.film import Film, retimed
from studio.ui.morph_state import CONSTANT, Morph

FIRST_SEED = 7_000_000
KEYS = 3
RATE = 12


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--journeys", type=int, default=12)
    chosen = parser.parse_args()
    models = registry()
    painter, composer = models.use("painting"), models.use("melody")
    (medium,) = musical()
    rows: dict[str, list[float]] = {}
    for number in range(chosen.journeys):
        seeds = [FIRST_SEED + number * KEYS + key for key in range(KEYS)]
        keys = painter.map(noise_from_seeds(seeds)).tolist()
        (melody,) = composer.decode(composer.map(noise_from_seeds(seeds[:1])))
        track = medium.soundtrack(melody)
        even = Morph(tuple(map(str, seeds)), CONSTANT, seconds=track.seconds, rate=RATE)
        pace = tuple(paced(track.energy))
        films = {
            "with music": replace(even, music="its", round=track.seconds, pace=pace),
            "even to the eye": even,
        }
        for name, morph in films.items():
            frames = shot(painter, keys, morph)
            heard = energy_between(track.energy, len(frames))
            for measure, moved in (("features", features), ("pixels", pixels)):
                steps = moved(painter, frames)
                rows.setdefault(f"{name}, {measure}", []).append(correlation(steps, heard))
                rows.setdefault(f"{name}, {measure}, whole way", []).append(float(steps.sum()))
    found = {name: round(float(np.mean(values)), 3) for name, values in rows.items()}
    found |= {
        f"{name}, least": round(min(values), 3)
        for name, values in rows.items()
        if name.startswith("with music") and "way" not in name
    }
    for name, value in found.items():
        print(f"{name}: {value}")
    versions = [painter.version, composer.version]
    print(json.dumps({"journeys": chosen.journeys, "versions": versions, "found": found}))


def shot(painter: Generator, keys: Sequence[Sequence[float]], morph: Morph) -> list[Artwork]:
    film = Film(painter, keys, retimed(painter, keys, morph))
    return [frame for some in film.frames() for frame in some]


def features(painter: Generator, frames: Sequence[Artwork]) -> np.ndarray:
    """Distances [N - 1] between neighbouring frames, as taste sees them."""
    where = painter.feature_statistics
    seen = (painter.features(frames) - where.mean) @ where.axes.T
    return (seen[1:] - seen[:-1]).norm(dim=1).numpy()


def pixels(painter: Generator, frames: Sequence[Artwork]) -> np.ndarray:
    """Mean difference of colours, 0 to 255, [N - 1]."""
    seen = [f.pixels.astype(np.float32) for f in frames if isinstance(f, Painting)]
    return np.array([np.abs(b - a).mean() for a, b in pairwise(seen)])


def energy_between(energy: Sequence[float], frames: int) -> np.ndarray:
    """Halfway between neighbouring frames, [frames - 1]."""
    told = (np.arange(len(energy)) + 0.5) / len(energy)
    return np.interp((np.arange(frames - 1) + 0.5) / (frames - 1), told, energy)


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one, other)[0, 1])


if __name__ == "__main__":
    main()
