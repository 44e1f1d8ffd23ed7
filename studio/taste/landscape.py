"""A map of latent space, coloured by expected liking.

Of all planes through the middle of what a model makes, the one in which liking changes most is
drawn: to the right, the way that expected liking rises fastest on average; upwards, the way in
which works differ most of those that remain. Every point of it is a latent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from studio.latent import noise_from_seeds
from studio.medium import Artwork, Generator
from studio.taste.explain import Samples
from studio.taste.reward import RewardModel

COLUMNS, ROWS = 9, 5
REACH = (4.0, 3.0)
"""Standard deviations of the latents from the middle to an edge, to the side and upwards."""
LOOKS = 16
FIRST_LOOK = 5_000_000
"""Works that say which way liking rises; their seeds are nobody else's."""
BATCH = 16


@dataclass(frozen=True)
class Landscape:
    """A grid of works.

    Attributes:
        artworks: ROWS times COLUMNS, row by row, the upper left first.
        shares: as many; of what the model usually makes, what is expected to please less.
    """

    artworks: Sequence[Artwork]
    shares: Sequence[float]

    @classmethod
    def of(cls, generator: Generator, reward: RewardModel, samples: Samples) -> Landscape:
        """What a taste expects of a generator's works.

        Args:
            samples: what the generator usually makes.
        """
        latents = grid(generator, uphill(generator, reward))
        usual, _ = reward.predict(samples.features)
        artworks: list[Artwork] = []
        shares: list[float] = []
        for chunk in latents.flatten(0, 1).split(BATCH):
            works = generator.decode(chunk)
            here, _ = reward.predict(generator.features(works))
            artworks += works
            shares += (usual[None] < here[:, None]).float().mean(1).tolist()
        return cls(artworks, shares)


def uphill(generator: Generator, reward: RewardModel) -> Tensor:
    """Which way expected liking rises, [K]: of length one, in standard deviations along the
    principal axes of the latents."""
    statistics = generator.statistics
    found = torch.zeros(len(statistics.axes))
    seeds = range(FIRST_LOOK, FIRST_LOOK + LOOKS)
    for chunk in generator.map(noise_from_seeds(seeds)).split(BATCH):
        chunk.requires_grad_()
        mean, _ = reward.predict(generator.latent_features(chunk.to(generator.device)).cpu())
        (slope,) = torch.autograd.grad(mean.sum(), chunk)
        found += statistics.scales * (slope.sum(0) @ statistics.axes.T)
    if found.norm() == 0:  # Nothing pleases more than anything else.
        found[0] = 1.0
    return found / found.norm()


def grid(generator: Generator, right: Tensor) -> Tensor:
    """Latents [ROWS, COLUMNS, D] of a plane through the middle."""
    statistics = generator.statistics
    # The most of one axis that is left at a right angle to the other, whichever axis has it.
    axis = int((1 - right.square()).mul(statistics.scales).argmax())
    up = torch.zeros_like(right)
    up[axis] = 1.0
    up -= (up @ right) * right
    up /= up.norm()
    x = torch.linspace(-REACH[0], REACH[0], COLUMNS)[None, :, None]
    y = torch.linspace(REACH[1], -REACH[1], ROWS)[:, None, None]
    places = x * right + y * up
    return statistics.mean + (places * statistics.scales) @ statistics.axes
