"""What turning a dial does to artworks: tried on fresh samples, and what of it is worth a word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from studio.directions import POSITIONS, along, noted, spearman
from studio.latent import noise_from_seeds, truncate
from studio.medium import Direction, Generator

STEERED_SEED = 9_100_000
"""Of samples that nothing is fitted to or chosen by."""
TAMED = 0.8
"""Wildness of the samples that dials are turned on."""
TRIED = 8
"""Samples that a person's own dial is turned on."""


def steered(
    generator: Generator, count: int, directions: Sequence[Direction] | None = None
) -> dict[str, dict[str, Any]]:
    """What each dial does to fresh samples that nothing was fitted to or chosen by.

    Args:
        count: samples that each dial is turned on; four times as many say how attributes spread.
        directions: None: those of the generator that are named after an attribute.

    Returns:
        By the direction's key: `effect` on its attribute and `side_effects` on the others, in
        standard deviations of each for one step; `correlation`, the mean over samples of the rank
        correlation between the dial's position and its attribute, and `correlations` with every
        attribute; `aside`, the mean size of those with the others.
    """
    wanted = [d for d in generator.directions if d.attribute] if directions is None else directions
    latents = generator.map(noise_from_seeds(range(STEERED_SEED, STEERED_SEED + 4 * count)))
    spread, mean = measured(generator, latents), generator.statistics.mean
    starts = truncate(latents[:count], mean, TAMED)
    positions = torch.tensor(POSITIONS)
    figures = {}
    for direction in wanted:
        tables = along(direction, starts, mean, lambda rows: measured(generator, rows))
        found = noted(direction, direction.attribute, tables, spread)
        ranks = {name: float(spearman(positions, tables[name]).mean()) for name in spread}
        others = [abs(rank) for name, rank in ranks.items() if name != direction.attribute]
        figures[direction.key] = {
            "effect": found.effect,
            "correlation": found.correlation,
            "side_effects": dict(found.side_effects),
            "correlations": {name: round(rank, 3) for name, rank in ranks.items()},
            "aside": round(sum(others) / max(len(others), 1), 3),
        }
    return figures


def measured(generator: Generator, latents: Tensor) -> Mapping[str, Tensor]:
    return generator.attributes(generator.decode(latents))


def side_effects(
    generator: Generator, vector: Sequence[float], spread: Mapping[str, Tensor]
) -> dict[str, float]:
    """What one turn of a person's own direction [D] changes, in standard deviations of each
    attribute; tried on a few samples only, since somebody is waiting for it.

    Args:
        spread: attributes of samples, each [S].
    """
    mean = generator.statistics.mean
    latents = generator.map(noise_from_seeds(range(STEERED_SEED, STEERED_SEED + TRIED)))
    starts = truncate(latents, mean, TAMED)
    own = Direction("own", tuple(vector), 1.0)
    tables = along(own, starts, mean, lambda rows: measured(generator, rows))
    return dict(noted(own, "", tables, spread).side_effects)
