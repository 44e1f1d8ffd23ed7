"""Directions found from a few marks: how well they do what was meant, and what else they change.

    python benchmarks/found_directions.py MEDIUM [--version NAME] [--starts 8] [--beams N] [--json]

A simulated person means one of the medium's named attributes, in turn, looks at a page of 24 works
and marks the k that seem to have most of it and the k that seem to have least; they misjudge each
by 0.3 of its standard deviation. The direction found is turned to five positions on samples that
nothing was fitted to, and everything is decoded: `own` is the mean rank correlation of the position
with what was meant, `others` the mean size of that with the other attributes. The finder is not
told which attribute is meant. Beside it: mean difference and ridge regression in whitened latents,
the regression through features that spares nothing, the direction that ships with the model, and
one by chance, all as long as each other but for the one that ships.
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

from studio import found as finder
from studio.__main__ import registry
from studio.atlas import Atlas
from studio.atlases import Atlases
from studio.directions import Whitening
from studio.effects import steered
from studio.latent import noise_from_seeds
from studio.medium import Artwork, Direction, Generator

PAGE = 24
POOL_SEED, POOL = 9_500_000, 96
MISJUDGED = 0.3
MARKS = (2, 3, 5, 8)
COMPARED = 5
"""Marks on each side at which the other ways are measured too."""

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

    def unspared(works: list[Artwork], latents: Tensor, more: Tensor) -> Tensor:
        nothing = replace(atlas, attributes={})
        return finder.found(generator, nothing, works, more)

    def chance(works: list[Artwork], latents: Tensor, more: Tensor) -> Tensor:
        draw = torch.Generator().manual_seed(int(latents.abs().sum() * 1000))
        return long(torch.randn(len(whitening.scales), generator=draw))

    return {
        "mean difference in latents": mean,
        "ridge regression in latents": ridge,
        "through features, nothing spared": unspared,
        "by chance": chance,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("medium")
    parser.add_argument("--version")
    parser.add_argument("--starts", type=int, default=8)
    parser.add_argument("--beams", type=int, help="poems are written with so many, not the usual")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    models = registry()
    generator = models.use(options.medium, options.version)
    if options.beams:
        generator.config = replace(generator.config, beams=options.beams)
    atlas = Atlases(models, Path("/nonexistent")).atlas(options.medium, generator.version)
    latents = generator.map(noise_from_seeds(range(POOL_SEED, POOL_SEED + POOL)))
    works = list(generator.decode(latents))
    attributes = generator.attributes(works)
    shipped = {d.attribute: d for d in generator.directions if d.attribute}
    compared = ways(generator, atlas)

    def shipped_way(works: list[Artwork], marked: Tensor, more: Tensor) -> Tensor:
        return finder.found(generator, atlas, works, more)

    tried: list[Direction] = []
    draw = torch.Generator().manual_seed(0)
    for meant in shipped:
        for marks in MARKS:
            page = torch.randperm(POOL, generator=draw)[:PAGE]
            values = attributes[meant][page]
            seen = values + MISJUDGED * attributes[meant].std() * torch.randn(PAGE, generator=draw)
            order = page[seen.argsort(descending=True)]
            chosen = torch.cat([order[:marks], order[-marks:]])
            more = torch.arange(2 * marks) < marks
            for name, way in {
                f"found, {marks} marks a side": shipped_way,
                **(compared if marks == COMPARED else {}),
            }.items():
                vector = way([works[i] for i in chosen.tolist()], latents[chosen], more)
                tried.append(Direction(f"{name}/{meant}", tuple(vector.tolist()), 1.0, meant))
        tried.append(replace(shipped[meant], key=f"the one that ships/{meant}"))
    measured = steered(generator, options.starts, tried)
    rows: dict[str, list[dict]] = {}
    for key, row in measured.items():
        rows.setdefault(key.split("/")[0], []).append(row)
    summary = {
        name: {
            "own": round(sum(r["correlation"] for r in found) / len(found), 3),
            "others": round(sum(r["aside"] for r in found) / len(found), 3),
            "effect": round(sum(r["effect"] for r in found) / len(found), 3),
        }
        for name, found in rows.items()
    }
    if options.json:
        head = {"medium": options.medium, "version": generator.version, "starts": options.starts}
        print(json.dumps({**head, "summary": summary, "each": measured}))
        return
    print("| direction | own | others | effect |\n| --- | --- | --- | --- |")
    for name, row in summary.items():
        print(f"| {name} | {row['own']:.2f} | {row['others']:.2f} | {row['effect']:.2f} |")


if __name__ == "__main__":
    main()
