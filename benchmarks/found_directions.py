"""Directions found from a few marks: how well they do what was meant, and what else they change.

    python benchmarks/found_directions.py MEDIUM [--version NAME] [--samples 192] [--turned 0]
        [--beams N] [--json]

A simulated person means one of the medium's named attributes, looks at a page of 24 works and marks
the k that seem to have most of it and the k that seem to have least; they misjudge each by 0.3 of
its standard deviation. That happens ten times for each attribute. `own` is the rank correlation
between where samples that were not on the page lie along the direction found and what was meant,
`others` the mean size of that with the other attributes. The finder is not told which attribute is
meant. Beside it: mean difference, ridge regression and linear discriminants (their covariance
shrunk half way to the identity) in whitened latents; the same that spares nothing; a linear model
of all features alike in place of the reward model; the direction that ships with
the model (its vector, without its bend); and one by chance.

With --turned N, dials found on one page by five marks a side, and those of the other ways, are
also turned to five positions on N samples that nothing was fitted to, and decoded, as
benchmarks/directions.py does.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch
from torch import Tensor

from studio.__main__ import registry
from studio.atlas import Atlas
from studio.atlases import Atlases
from studio.directions import Whitening
from studio.effects import steered
from studio.latent import noise_from_seeds
from studio.medium import Artwork, Direction, Generator
from studio.taste import found as finder
from studio.taste.simulate import rank_correlation

PAGE, PAGES = 24, 10
POOL_SEED = 9_500_000
MISJUDGED = 0.3
MARKS = (2, 3, 5, 8)
MOOD = 0.3
"""Share of a mark, for the linear model, that is not what is meant."""
COMPARED = 5
"""Marks on each side at which dials are also turned."""

Way = Callable[[list[Artwork], Tensor, Tensor], Tensor]


def ways(generator: Generator, atlas: Atlas) -> dict[str, Way]:
    whitening = Whitening.of(generator.statistics)

    def long(way: Tensor) -> Tensor:
        step = finder.SPEED * way / way.norm()
        return (step * whitening.scales) @ whitening.axes

    def mean(works: list[Artwork], latents: Tensor, more: Tensor) -> Tensor:
        points = whitening.points(latents)
        return long(points[more].mean(0) - points[~more].mean(0))

    def ridge(works: list[Artwork], latents: Tensor, more: Tensor) -> Tensor:
        return long(finder.slope(whitening.points(latents), torch.where(more, 1.0, -1.0)))

    def discriminants(works: list[Artwork], latents: Tensor, more: Tensor) -> Tensor:
        points = whitening.points(latents)
        sides = [points[more], points[~more]]
        within = torch.cat([side - side.mean(0) for side in sides])
        spread = within.T @ within / max(len(within) - 2, 1)
        shrunk = 0.5 * spread + 0.5 * torch.eye(points.shape[1])
        return long(torch.linalg.solve(shrunk, sides[0].mean(0) - sides[1].mean(0)))

    def linear(works: list[Artwork], latents: Tensor, more: Tensor) -> Tensor:
        where = generator.feature_statistics
        weights = where.scales / where.scales.norm()
        seen = (generator.features(works) - where.mean) @ where.axes.T / where.scales * weights
        inner = seen @ seen.T + MOOD * torch.eye(len(seen))
        answers = seen.T @ torch.linalg.solve(inner, torch.where(more, 1.0, -1.0))
        mapped = whitening.points(generator.map(atlas.noise.flatten(0, 1)))
        return long(finder.slope(mapped, atlas.seen.flatten(0, 1).float() * weights @ answers))

    def shipped(works: list[Artwork], latents: Tensor, more: Tensor) -> Tensor:
        return finder.found(generator, atlas, works, more)

    def unspared(works: list[Artwork], latents: Tensor, more: Tensor) -> Tensor:
        nothing = replace(atlas, attributes={})
        return finder.found(generator, nothing, works, more)

    def chance(works: list[Artwork], latents: Tensor, more: Tensor) -> Tensor:
        draw = torch.Generator().manual_seed(int(latents.abs().sum() * 1000))
        return long(torch.randn(len(whitening.scales), generator=draw))

    return {
        "found": shipped,
        "mean difference in latents": mean,
        "ridge regression in latents": ridge,
        "discriminants in latents": discriminants,
        "nothing spared": unspared,
        "through a linear model of all features": linear,
        "by chance": chance,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("medium")
    parser.add_argument("--version")
    parser.add_argument("--samples", type=int, default=192)
    parser.add_argument("--turned", type=int, default=0)
    parser.add_argument("--beams", type=int, help="poems are written with so many, not the usual")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    models = registry()
    generator = models.use(options.medium, options.version)
    if options.beams:
        generator.config = replace(generator.config, beams=options.beams)
    atlas = Atlases(models, Path("/nonexistent")).atlas(options.medium, generator.version)
    latents = generator.map(noise_from_seeds(range(POOL_SEED, POOL_SEED + options.samples)))
    works = [work for some in latents.split(16) for work in generator.decode(some)]
    attributes = {n: v for n, v in generator.attributes(works).items() if v.std() > 1e-6}
    whitening = Whitening.of(generator.statistics)
    points = whitening.points(latents)
    shipped = {d.attribute: d for d in generator.directions if d.attribute in attributes}
    compared = ways(generator, atlas)
    rows: dict[str, list[tuple[float, float]]] = {}
    tried: list[Direction] = []
    draw = torch.Generator().manual_seed(0)

    def note(name: str, vector: Tensor, meant: str, rest: Tensor) -> None:
        along = points[rest] @ (vector @ whitening.axes.T / whitening.scales)
        ranks = {n: rank_correlation(along, values[rest]) for n, values in attributes.items()}
        others = [abs(rank) for n, rank in ranks.items() if n != meant]
        rows.setdefault(name, []).append((ranks[meant], sum(others) / len(others)))

    for meant, direction in shipped.items():
        for marks in MARKS:
            for turn in range(PAGES):
                mixed = torch.randperm(len(works), generator=draw)
                page, rest = mixed[:PAGE], mixed[PAGE:]
                mood = MISJUDGED * attributes[meant].std() * torch.randn(PAGE, generator=draw)
                order = page[(attributes[meant][page] + mood).argsort(descending=True)]
                chosen = torch.cat([order[:marks], order[-marks:]])
                more = torch.arange(2 * marks) < marks
                for name, way in compared.items():
                    vector = way([works[i] for i in chosen.tolist()], latents[chosen], more)
                    note(f"{name}/{marks}", vector, meant, rest)
                    if marks == COMPARED and turn == 0 and options.turned:
                        row = Direction(f"{name}/{meant}", tuple(vector.tolist()), 1.0, meant)
                        tried.append(row)
        note("the one that ships/0", latents.new_tensor(direction.vector), meant, rest)
    summary: dict[str, dict[str, float]] = {
        name: {
            "own": round(sum(own for own, _ in found) / len(found), 3),
            "others": round(sum(others for _, others in found) / len(found), 3),
        }
        for name, found in rows.items()
    }
    if tried:
        measured = steered(generator, options.turned, tried)
        for name in compared:
            found = [row for key, row in measured.items() if key.startswith(f"{name}/")]
            summary[f"{name}/{COMPARED}"] |= {
                f"turned_{what}": round(sum(row[figure] for row in found) / len(found), 3)
                for what, figure in (
                    *(("own", "correlation"), ("others", "aside")),
                    ("effect", "effect"),
                )
            }
    if options.json:
        head = {"medium": options.medium, "version": generator.version}
        print(json.dumps({**head, "samples": options.samples, "summary": summary}))
        return
    print("| direction / marks a side | own | others |\n| --- | --- | --- |")
    for name, row in summary.items():
        print(f"| {name} | {row['own']:.2f} | {row['others']:.2f} |")


if __name__ == "__main__":
    main()
