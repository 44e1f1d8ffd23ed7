"""What each dial does to every attribute: the matrix of docs/directions.md.

    python benchmarks/directions.py MEDIUM [--version NAME] [--samples 48] [--beams N] [--json]
                                           [--held]

Each dial that is named after an attribute is turned to five positions on samples that nothing was
fitted to or chosen by (studio.effects.steered). Rows are dials, columns attributes; what is printed
is the mean over the samples of the rank correlation between the dial's position and the attribute,
and in the last column the mean size of those with all attributes but the dial's own. Random
directions, as long as a standard deviation, are the baseline.

With --held each dial is turned twice, alone and with all others held (studio.holding), as people
may; beside ranks stands how far the other attributes went, in their standard deviations.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch

from studio.__main__ import registry
from studio.directions import Field, Whitening, moved, spearman
from studio.effects import STEERED_SEED, TAMED, measured, steered
from studio.holding import balanced
from studio.latent import noise_from_seeds, truncate
from studio.medium import Direction, Generator
from studio.taste.explain import Samples

BASELINES = 3
WAY = (1.0, 2.0)
"""Where dials are turned to, to either side, with the others held."""


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


def figures(row: Sequence[Mapping[float, Mapping[str, float]]], own: str) -> dict[str, float]:
    """Of a dial: for each sample, attributes in standard deviations by the dial's position."""
    positions = sorted(row[0])
    names = list(row[0][0.0])
    tables = {
        name: torch.tensor([[sample[at][name] for sample in row] for at in positions])
        for name in names
    }
    ranks = {name: spearman(torch.tensor(positions), tables[name]).mean() for name in names}
    others = [name for name in names if name != own]
    ends = torch.stack([(tables[name] - tables[name][2])[[0, -1]] for name in others])
    mine = tables[own]
    return {
        "own": float(ranks[own]),
        "others": float(torch.stack([ranks[name].abs() for name in others]).mean()),
        "effect": float((mine[-1] - mine[0]).mean()) / (positions[-1] - positions[0]),
        "aside": float(ends.abs().mean()),
    }


def held(generator: Generator, count: int) -> dict[str, dict[str, dict[str, float]]]:
    """What each dial does to fresh samples, alone and with all others held."""
    dials = [direction for direction in generator.directions if direction.attribute]
    latents = generator.map(noise_from_seeds(range(STEERED_SEED, STEERED_SEED + 4 * count)))
    mean = generator.statistics.mean
    usual = Samples(torch.empty(0), measured(generator, latents))

    def at(start: torch.Tensor, turns: Mapping[str, float]) -> dict[str, float]:
        turned = [(dial, turns[dial.key]) for dial in dials if dial.key in turns]
        found = usual.standing(measured(generator, moved(start[None], turned, mean)))
        return {name: float(values[0]) for name, values in found.items()}

    rows: dict[str, dict[str, dict[str, float]]] = {}
    starts = truncate(latents[:count], mean, TAMED)
    here = [at(start, {}) for start in starts]
    for dial in dials:
        alone: list[dict[float, dict[str, float]]] = []
        kept: list[dict[float, dict[str, float]]] = []
        for start, first in zip(starts, here, strict=True):
            free, fast = {0.0: first}, {0.0: first}
            aims = {d.attribute: first[d.attribute] for d in dials if d is not dial}
            for side in (1.0, -1.0):
                balance: dict[str, float] = {}
                for step in WAY:
                    turn = {dial.key: side * step}
                    free[side * step] = at(start, turn)
                    balance = balanced(
                        partial(lambda s, t, b: at(s, {**t, **b}), start, turn),
                        dials,
                        turn,
                        balance,
                        aims,
                    )
                    fast[side * step] = at(start, {**turn, **balance})
            alone.append(free)
            kept.append(fast)
        own = dial.attribute
        rows[dial.key] = {"alone": figures(alone, own), "held": figures(kept, own)}
        print(f"{dial.key} {rows[dial.key]}", file=sys.stderr)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("medium")
    parser.add_argument("--version")
    parser.add_argument("--samples", type=int, default=48)
    parser.add_argument("--beams", type=int, help="poems are written with so many, not the usual")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--held", action="store_true")
    options = parser.parse_args()
    generator = registry().use(options.medium, options.version)
    if options.beams:
        generator.config = replace(generator.config, beams=options.beams)
    if options.held:
        rows = held(generator, options.samples)
        if options.json:
            print(json.dumps(rows))
            return
        print(f"| {generator.version} | own | others | effect a turn | others moved |")
        print("| --- | --- | --- | --- | --- |")
        for key, row in rows.items():
            pairs = [
                f"{row['alone'][figure]:.2f}, {row['held'][figure]:.2f}"
                for figure in ("own", "others", "effect", "aside")
            ]
            print(f"| {key} | {' | '.join(pairs)} |")
        return
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
