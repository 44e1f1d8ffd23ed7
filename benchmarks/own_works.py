"""What a few works of somebody's own move, against works of the same hand that were not given.

python benchmarks/own_works.py painting --folder DIR [--version V] [--count 10] [--deep] [--json]

Of the works in a folder some, chosen by seed, are given to `studio.taste.transfer`; the others are
what the version before and after are compared with. Distances of few works in many features are
mostly chance, so beside the Fréchet distance in all features stand the one in the 32 principal
components that taste works in, the unbiased kernel distance, and as a floor the same figures of
some of the other works against the rest of them.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from studio.__main__ import registry
from studio.latent import noise_from_seeds
from studio.medium import FeatureStatistics, Generator, get_medium
from studio.metrics import frechet_distance, kernel_distance
from studio.taste.climb import features_of
from studio.taste.components import COMPONENTS
from studio.taste.own_works import files_below, read_works
from studio.taste.transfer import away, transfer

FIRST_SEED = 2_000_000
"""Fresh works come from seeds that nothing else uses."""


def look(generator: Generator, samples: int) -> Tensor:
    seeds = range(FIRST_SEED, FIRST_SEED + samples)
    return features_of(generator, generator.map(noise_from_seeds(seeds)))


def figures(made: Tensor, others: Tensor, statistics: FeatureStatistics) -> dict[str, float]:
    """How far works [N, F] are from others [M, F]."""

    def few(features: Tensor) -> Tensor:
        return (features - statistics.mean) @ statistics.axes[:COMPONENTS].T

    return {
        "frechet": frechet_distance(others, made),
        "frechet_32": frechet_distance(few(others), few(made)),
        "kernel": 1000 * kernel_distance(others, made),
        "energy": away(made, others) - float(torch.pdist(others).mean()),
        "diversity": float(torch.pdist(made).mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("medium")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--version")
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--most", type=int, default=400, help="of the works in the folder")
    parser.add_argument("--samples", type=int, default=512)
    parser.add_argument("--strength", default="clear")
    parser.add_argument("--deep", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    medium = get_medium(options.medium)
    generator = registry().use(options.medium, options.version)
    paths = files_below(options.folder, medium)
    random.Random(options.seed).shuffle(paths)
    works = read_works(medium, generator, paths[: options.most]).features
    given, others = works[: options.count], works[options.count :]
    if len(others) < 2:
        sys.exit(f"{len(works)} works in {options.folder} are too few beside {options.count}")
    statistics = generator.feature_statistics
    half = len(others) // 2
    result: dict[str, Any] = {
        "medium": options.medium,
        "version": generator.version,
        "given": len(given),
        "others": len(others),
        "before": figures(look(generator, options.samples), others, statistics),
        "floor": figures(others[:half], others[half:], statistics),
    }
    for name, deep in (("lean", False), ("deep", True))[: 1 + options.deep]:
        found = transfer(generator, given, strength=options.strength, deep=deep, seed=options.seed)
        tuned = generator.adapted(found.adapter, "tuned")
        after = figures(look(tuned, options.samples), others, statistics)
        before = result["before"]
        fallen = {key: 1 - after[key] / before[key] for key in after if key != "diversity"}
        result[name] = {**after, "fallen": fallen, "measured": found.measured}
        print(name, result[name], file=sys.stderr, flush=True)
    print(json.dumps(result, indent=None if options.json else 2))


if __name__ == "__main__":
    main()
