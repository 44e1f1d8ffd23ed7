"""How well children take after the parent that a trait is to come from.

    python benchmarks/heredity.py painting --pairs 40
    python benchmarks/heredity.py melody --pairs 200
    python benchmarks/heredity.py poem --pairs 20

For pairs of works from noise that nobody has chosen: a child with one trait from the first and all
others from the second. Printed is how near it is to the first: distance to the second divided by
the distances to both, 0 to 1; what comes from neither is at 0.5. Paintings are compared in the
kinds of features that taste sees, melodies in when notes begin and which pitch sounds, poems in the
words of each line.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from studio import heredity
from studio.__main__ import registry
from studio.latent import noise_from_seeds
from studio.medium import Artwork, Generator, get_medium
from studio.melody.grid import METERS, Grid

FIRST, SECOND = 7_000_000, 7_100_000
"""Noises of the parents, from here on."""
Look = Callable[[Sequence[Artwork]], dict[str, Any]]


def kinds(generator: Generator) -> Look:
    """Features of works, by their kinds."""

    def look(works: Sequence[Artwork]) -> dict[str, Tensor]:
        where = generator.feature_statistics
        sizes = where.kinds.values()
        parts = generator.features(works).split(list(sizes), 1)
        return dict(zip(where.kinds, parts, strict=True))

    return look


def apart(one: Tensor, other: Tensor) -> Tensor:
    return (one - other).norm(dim=1)


def line(grid: Grid) -> Tensor:
    """Which pitch sounds, or sounded last, at each sixteenth of four bars."""
    sung, cells = grid.notes(), METERS[grid.meter]
    times = [bar * cells + cells * step / 16 for bar in range(4) for step in range(16)]
    found = [[each.pitch for each in sung if each.start <= time] or [0] for time in times]
    return torch.tensor([each[-1] for each in found], dtype=torch.float32)


def begun(grid: Grid) -> Tensor:
    """Where notes begin, in 48 places of each of four bars."""
    found, cells = torch.zeros(4, 48), METERS[grid.meter]
    for note in grid.notes():
        bar, within = divmod(note.start, cells)
        found[int(bar), round(48 * float(within) / cells)] = 1
    return found.flatten()


def heard(works: Sequence[Any]) -> dict[str, Tensor]:
    return {
        "pitches": torch.stack([line(work.grid) for work in works]),
        "rhythm": torch.stack([begun(work.grid) for work in works]),
    }


def shared_words(one: str, other: str) -> float:
    """Of the words of a line, those that are not in the other."""
    here, there = set(one.lower().split()), set(other.lower().split())
    return 1 - len(here & there) / max(len(here | there), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("medium")
    parser.add_argument("--pairs", type=int, default=40)
    said = parser.parse_args()
    torch.set_num_threads(1)
    generator = registry().use(said.medium)
    medium = get_medium(said.medium)
    names = heredity.traits_of(medium, generator)
    parents = [
        generator.map(noise_from_seeds(range(begin, begin + said.pairs)))
        for begin in (FIRST, SECOND)
    ]
    works = [generator.decode(latents) for latents in parents]
    print(f"{generator.version}, {said.pairs} pairs; nearness to the first, 0 to 1")
    for trait in names:
        children = []
        for pair in zip(*parents, strict=True):
            wanted = {name: float(name != trait) for name in names}
            shares = heredity.shares_of(names, wanted, 2, 1, 0)
            both: Sequence[Any] = [{}, {}]
            latents, options = heredity.inherited(
                medium, generator, torch.stack(pair), both, shares
            )
            children += generator.decode(latents, options[0])
        print(f"{trait} from the first:", told(medium, generator, works, children))


def told(medium: Any, generator: Any, works: Sequence[Any], children: Sequence[Any]) -> str:
    if medium.in_words:
        found = {}
        for number in range(medium.parts):
            pairs = [
                [shared_words(child.lines[number], parent.lines[number]) for parent in both]
                for child, *both in zip(children, *works, strict=True)
            ]
            near = sum(1 - first for first, _ in pairs) / len(pairs)
            other = sum(1 - second for _, second in pairs) / len(pairs)
            found[f"line {number + 1}"] = f"{near:.2f} of its words the first's, {other:.2f}"
        return "; ".join(f"{name}: {value}" for name, value in found.items())
    look = heard if hasattr(children[0], "grid") else kinds(generator)
    (first, second), born = (look(each) for each in works), look(children)
    shares = {}
    for name, values in born.items():
        near, far = apart(values, first[name]), apart(values, second[name])
        shares[name] = float((far / (near + far).clamp_min(1e-6)).mean())
    return ", ".join(f"{name} {share:.2f}" for name, share in shares.items())


if __name__ == "__main__":
    main()
