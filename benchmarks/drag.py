"""Things dragged across paintings: whether they arrive, what else changes, and how long it takes.

    python benchmarks/drag.py [--version NAME] [--count 50] [-o SHEET.jpg] [--json]

Each target is a sample of its own, a handle on one of its five clearest corners (Shi & Tomasi, Good
Features to Track, 1994), and a goal 8 to 25 % of the width away in any direction. Where the handle
is afterwards, two judges say that nothing was optimised for; each looks for the first picture's
patch everywhere in the last one: EfficientNet-Lite2 by features of stride 8 at full size, and the
normalised correlation of the pixels. It has arrived within 5 % of the width of its goal. What lies
elsewhere is compared by the first judge's features; 1 is the difference between samples.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor
from torch.nn import functional as F

from studio.__main__ import registry
from studio.latent import noise_from_seeds
from studio.manipulation import Drag, Point, as_far_out
from studio.painting.data import to_tensor
from studio.painting.features import JUDGE, ImageFeatures
from studio.painting.manipulate import distances, patch

FIRST_SEED = 1000
NEAR = 0.05
SIDE = 64
"""Places a side of which the judges ask whether the handle is there."""
AWAY = 0.177
"""Shares of the width: what is farther than this from handle and goal is elsewhere."""


def corners(picture: Tensor) -> list[Point]:
    """The five clearest of a picture [1, 3, R, R], at least 16 % from its edges, in order."""
    grey = F.interpolate(picture.mean(1, keepdim=True), size=(SIDE, SIDE), mode="area")
    dx = F.pad(grey[..., :, 2:] - grey[..., :, :-2], (1, 1, 0, 0))
    dy = F.pad(grey[..., 2:, :] - grey[..., :-2, :], (0, 0, 1, 1))
    xx, xy, yy = (F.avg_pool2d(each, 7, 1, 3) for each in (dx * dx, dx * dy, dy * dy))
    clear = (xx + yy) / 2 - (((xx - yy) / 2) ** 2 + xy * xy).sqrt()
    peaks = (clear == F.max_pool2d(clear, 9, 1, 4)) * clear
    inner = F.pad(peaks[..., 10:-10, 10:-10], (10,) * 4)[0, 0]
    found = inner.flatten().topk(5).indices.tolist()
    return [((i % SIDE + 0.5) / SIDE, (i // SIDE + 0.5) / SIDE) for i in found]


def target(picture: Tensor, rng: np.random.Generator) -> Drag:
    handles = corners(picture)
    x, y = handles[rng.integers(len(handles))]
    while True:
        angle, way = rng.uniform(0, 2 * math.pi), rng.uniform(0.08, 0.25)
        goal = (x + way * math.cos(angle), y + way * math.sin(angle))
        if all(0.1 <= value <= 0.9 for value in goal):
            return Drag((x, y), goal)


def found(first: Tensor, last: Tensor, handle: Point, reach: float, cells: int) -> Point:
    """Where in `last` [1, C, H, W] the patch around the handle in `first` is found: the place of
    the highest cosine."""
    wanted = patch(first, handle, reach, cells)
    apart = round(2 * reach / (cells - 1) * SIDE)
    fine = F.interpolate(last, size=(SIDE, SIDE), mode="bilinear")
    fine = F.pad(fine, (apart * (cells // 2),) * 4, mode="replicate")
    there = F.unfold(fine, cells, dilation=apart)
    alike = F.cosine_similarity(F.unfold(wanted, cells), there, dim=1)[0]
    best = int(alike.argmax())
    return (best % SIDE + 0.5) / SIDE, (best // SIDE + 0.5) / SIDE


def correlated(first: Tensor, last: Tensor, handle: Point, cells: int = 11) -> Point:
    """As `found`, of pixels [1, 3, H, W], each patch in each colour around its own mean."""
    small = [F.interpolate(each, size=(SIDE, SIDE), mode="area") for each in (first, last)]
    wanted = F.unfold(patch(small[0], handle, (cells // 2) / SIDE, cells), cells)
    there = F.unfold(F.pad(small[1], (cells // 2,) * 4, mode="replicate"), cells)
    colours = [each.unflatten(1, (3, -1)) for each in (wanted, there)]
    centred = [(each - each.mean(2, keepdim=True)).flatten(1, 2) for each in colours]
    best = int(F.cosine_similarity(*centred, dim=1)[0].argmax())
    return (best % SIDE + 0.5) / SIDE, (best // SIDE + 0.5) / SIDE


class Judge:
    """EfficientNet-Lite2 features of stride 8, in standard deviations of samples."""

    def __init__(self, samples: Tensor) -> None:
        self.network = ImageFeatures(JUDGE)
        self.mean, self.scale = torch.zeros(1), torch.ones(1)
        seen = self(samples)
        self.mean = seen.mean((0, 2, 3), keepdim=True)
        self.scale = seen.std((0, 2, 3), keepdim=True)
        self.samples = self(samples)

    def __call__(self, pictures: Tensor) -> Tensor:
        with torch.inference_mode():
            return (self.network(pictures)[0][1] - self.mean) / self.scale

    def changed(self, first: Tensor, last: Tensor, drag: Drag) -> float:
        """How much of what lies elsewhere, beside the difference from samples."""
        marks = [distances([at], first) for at in (drag.start, drag.end)]
        is_away = torch.minimum(*marks) > AWAY

        def apart(other: Tensor) -> float:
            return float((first - other).square().mean(1)[:, is_away].mean().sqrt())

        usual = statistics.fmean(apart(other[None]) for other in self.samples[:8])
        return apart(last) / usual


def marked(picture: Tensor, drag: Drag) -> np.ndarray:
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    for (x, y), colour in ((drag.start, "red"), (drag.end, "lime")):
        x, y = x * image.width, y * image.height
        draw.ellipse((x - 4, y - 4, x + 4, y + 4), outline=colour, width=2)
    return np.asarray(image)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--version")
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("-o", "--out", type=Path, help="a sheet of pictures before and after")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    generator = registry().use_apart("painting", options.version)
    rng = np.random.default_rng(0)
    sampled = generator.decode(generator.map(noise_from_seeds(range(500, 564))))
    usual = generator.features(sampled)
    judge = Judge(to_tensor([one.picture() for one in sampled[:32]]))
    rows: list[dict[str, Any]] = []
    sheet = []
    for index in range(options.count):
        latent = generator.map(noise_from_seeds([FIRST_SEED + index]))[0]
        (before,) = generator.decode(latent[None])
        first = to_tensor([before.picture()])
        drag = target(first, rng)
        wall, cpu = time.perf_counter(), time.process_time()
        *_, (latent, asked) = generator.follow(latent, [drag])
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        (after,) = generator.decode(latent[None], asked)
        last = to_tensor([after.picture()])
        seen, now = judge(first), judge(last)
        far_out = as_far_out(generator.features([after]), usual, generator.feature_statistics)
        rows.append(
            {
                "way": math.dist(drag.start, drag.end),
                "judge": math.dist(found(seen, now, drag.start, 0.0625, 5), drag.end),
                "pixels": math.dist(correlated(first, last, drag.start), drag.end),
                "elsewhere": judge.changed(seen, now, drag),
                "as_far_out": float(far_out[0]),
                "seconds": wall,
                "cpu": cpu,
            }
        )
        if not options.json:
            print(index, {name: round(value, 3) for name, value in rows[-1].items()}, flush=True)
        pair = [marked(each.pixels, drag) for each in (before, after)]
        sheet.append(np.concatenate(pair, axis=1))
    result = {
        "version": generator.version,
        "targets": len(rows),
        "arrived": {
            name: statistics.fmean(row[name] <= NEAR for row in rows)
            for name in ("judge", "pixels")
        },
        "median": {name: statistics.median(row[name] for row in rows) for name in rows[0]},
        "slowest": {name: max(row[name] for row in rows) for name in ("seconds", "cpu")},
    }
    if options.out:
        across = 4
        full = len(sheet) // across * across
        lines = [np.concatenate(sheet[i : i + across], axis=1) for i in range(0, full, across)]
        Image.fromarray(np.concatenate(lines)).save(options.out, quality=80)
    print(json.dumps(result, indent=None if options.json else 2))


if __name__ == "__main__":
    main()
