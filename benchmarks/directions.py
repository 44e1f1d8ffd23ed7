"""What each dial does to every attribute: the matrix of docs/directions.md.

    python benchmarks/directions.py MEDIUM [--version NAME] [--samples 48] [--beams N] [--json]

Each dial that is named after an attribute is turned to five positions on samples that nothing was
fitted to or chosen by (studio.effects.steered). Rows are dials, columns attributes; what is printed
is the mean over the samples of the rank correlation between the dial's position and the attribute,
and in the last column the mean size of those with all attributes but the dial's own. Random
directions, as long as a standard deviation, are the baseline.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch

from studio.__main__ import registry
from studio.directions import Field, Whitening
from studio.effects import steered
from studio.medium import Direction, Generator

BASELINES = 3


def chance(generator: Generator) -> list[Direction]:
    """Directions at random, one standard deviation a step."""
    whitening = Whitening.of(generator.statistics)
    draw = torch.Generator().manual_seed(0)
    none = torch.zeros(0, len(whitening.scales))
    steps = torch.randn(BASELINES, len(whitening.scales), generator=draw)
    return [
        whitening.direction(f"random-{number}", Field(step / step.norm(), none, none))
        for number, step in enumerate(steps, start=1)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("medium")
    parser.add_argument("--version")
    parser.add_argument("--samples", type=int, default=48)
    parser.add_argument("--beams", type=int, help="poems are written with so many, not the usual")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    generator = registry().use(options.medium, options.version)
    if options.beams:
        generator.config = replace(generator.config, beams=options.beams)
    named = [direction for direction in generator.directions if direction.attribute]
    found = steered(generator, options.samples, [*named, *chance(generator)])
    if options.json:
        head = {"medium": options.medium, "version": generator.version, "samples": options.samples}
        print(json.dumps({**head, "directions": found}))
        return
    names = [direction.attribute for direction in named]
    print(f"| {generator.version} | {' | '.join(names)} | others |")
    print("| --- |" + " --- |" * (len(names) + 1))
    for key, row in found.items():
        ranks = [
            f"**{rank:.2f}**" if name == key else f"{rank:.2f}"
            for name, rank in row["correlations"].items()
            if name in names
        ]
        print(f"| {key} | {' | '.join(ranks)} | {row['aside']:.2f} |")


if __name__ == "__main__":
    main()
