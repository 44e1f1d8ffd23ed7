"""Which traits a work can inherit one by one, and what children of some parents then are.

What a trait is a model says itself (`studio.medium.Heritable`): layers of a painter, pitches and
rhythm of a melody. Where a latent is a row of equal parts, as with the lines of a poem, each part
is a trait.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from studio.medium import Generator, Heritable, Medium, held_of, holding

if TYPE_CHECKING:
    from torch import Tensor

WHOLLY = 0.999
"""Share from which on a part is somebody's own: what they held of it comes along."""


def is_heritable(generator: Any) -> TypeGuard[Heritable]:
    """As `studio.medium.is_sourced`."""
    return hasattr(generator, "inherited")


def part(number: int) -> str:
    """The name of a part as a trait, counted from 0."""
    return f"part.{number}"


def traits_of(medium: Medium, generator: Generator) -> tuple[str, ...]:
    """Names of what can be inherited one by one; none where only the whole can."""
    if is_heritable(generator):
        return tuple(generator.traits)
    return tuple(part(number) for number in range(medium.parts))


def inherited(
    medium: Medium,
    generator: Generator,
    latents: Tensor,
    options: Sequence[Mapping[str, Any]],
    shares: Tensor,
) -> tuple[Tensor, Sequence[Mapping[str, Any]]]:
    """See `Heritable.inherited`; for any generator with traits."""
    if is_heritable(generator):
        return generator.inherited(latents, options, shares)
    parts = latents.unflatten(1, (medium.parts, -1))
    children = (shares.transpose(0, 1) @ parts.transpose(0, 1)).transpose(0, 1).flatten(1)
    return children, [held_from(options, row) for row in shares.tolist()]


def shares_of(
    names: Sequence[str], wanted: Mapping[str, float], parents: int, count: int, seed: int
) -> Tensor:
    """How much of each trait each of `count` children has from each parent [count, T, P].

    Args:
        wanted: by trait, a place from the first parent (0) along the others to the last one
            (`parents` - 1); a trait without one is by chance from one parent, another for each
            child.
    """
    import torch

    rng = np.random.Generator(np.random.PCG64(seed))
    places = torch.from_numpy(rng.integers(0, parents, (count, len(names)))).double()
    for place, name in enumerate(names):
        if name in wanted:
            places[:, place] = min(max(wanted[name], 0.0), parents - 1.0)
    # Between two neighbours, as far from one as near to the other.
    apart = (places[:, :, None] - torch.arange(parents)).abs()
    return (1 - apart).clamp_min(0).float()


def held_from(
    options: Sequence[Mapping[str, Any]], shares: Sequence[Sequence[float]]
) -> Mapping[str, Any]:
    """The first parent's options, but what is held of each part by whoever it is from."""
    found = dict(options[0])
    for number, row in enumerate(shares):
        whose = max(range(len(row)), key=row.__getitem__)
        text = held_of(options[whose]).get(number) if row[whose] >= WHOLLY else None
        found = holding(found, number, text)
    return found
