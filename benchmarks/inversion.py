"""Works that a painter never saw, found again in its latent space: how near, and how quickly.

    pip install -r benchmarks/requirements.txt
    python benchmarks/inversion.py --data FOLDER [--version NAME] [--count 50] [-o SHEET.jpg]

Each work is one of the folder's held-out ones, and is given alone, as a person gives one. Beside
what inversion finds stand what costs nothing: the nearest of 1,024 samples by features, and another
sample by chance. Features are those that inversion itself compares, so SSIM (Wang et al., 2004) is
the one that it does not look at.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from PIL import Image
from skimage.metrics import structural_similarity

from studio.__main__ import registry
from studio.latent import noise_from_seeds
from studio.painting.artwork import Painting
from studio.painting.data import collect, open_picture, square

SAMPLES = 1024
SHEET = 8


def ssim(one: np.ndarray, other: np.ndarray) -> float:
    return float(structural_similarity(one, other, channel_axis=2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--version")
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("-o", "--out", type=Path, help="a sheet of works beside what was found")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    generator = registry().use("painting", options.version)
    collection = collect(options.data)
    held_out = (collection.split("validation") + collection.split("test"))[: options.count]
    size = generator.config.resolution
    works = [Painting(np.asarray(square(open_picture(work.path), size))) for work in held_out]
    samples = generator.decode(generator.map(noise_from_seeds(range(SAMPLES))))
    known = generator.features(works)
    offered = generator.features(samples)
    usual = torch.cdist(offered, offered).sum() / (SAMPLES * (SAMPLES - 1))
    found: dict[str, dict[str, list[float]]] = {}
    seconds, rows = [], []
    for index, work in enumerate(works):
        begun = time.perf_counter()
        latent = generator.encode([work])
        (again,) = generator.decode(latent)
        seconds.append(time.perf_counter() - begun)
        near = samples[int(torch.cdist(known[index][None], offered).argmin())]
        for name, made in (("found", again), ("nearest", near), ("chance", samples[index])):
            told = found.setdefault(name, {"features": [], "ssim": []})
            apart = (generator.features([made])[0] - known[index]).norm() / usual
            told["features"].append(float(apart))
            told["ssim"].append(ssim(made.pixels, work.pixels))
        rows.append(np.concatenate([work.pixels, again.pixels, near.pixels], axis=1))
    result: dict[str, Any] = {
        "version": generator.version,
        "works": len(works),
        "seconds": {"median": statistics.median(seconds), "slowest": max(seconds)},
        **{
            name: {key: statistics.fmean(values) for key, values in told.items()}
            for name, told in found.items()
        },
    }
    if options.out:
        columns = [np.concatenate(rows[i : i + SHEET // 2]) for i in (0, SHEET // 2)]
        Image.fromarray(np.concatenate(columns, axis=1)).save(options.out, quality=85)
    print(json.dumps(result, indent=None if options.json else 2))


if __name__ == "__main__":
    main()
