"""What works look like before they are made: a small network from latents to features.

A lesson has to know which way is up for thousands of latents, and decoding each would take minutes.
The network is learned once for a base, from thousands of its works, and lies beside its weights. It
tells the principal components of features that the reward model works on (studio.taste.components),
as well as a latent says them at all. What it cannot know is kept too: a pool of works that it never
saw, whose components are exact, and how far it was wrong about each.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import cached_property

import torch
from torch import Tensor, nn

from studio.adapter import above, split
from studio.checkpoint import FORESIGHT, Checkpoint
from studio.directions import Whitening, statistics
from studio.errors import BadCheckpoint
from studio.latent import noise_from_seeds
from studio.medium import Generator
from studio.taste.climb import features_of
from studio.taste.components import components, whiten

WIDTH = 256
DROPOUT = 0.3
FIRST_WORK = 5_000_000
POOL = 4096
"""Works that the network never sees; choosing one in fifty leaves enough to learn from."""
WORKS = 12_288
"""Works that it learns from, unless told otherwise."""
PASSES = 30
BATCH = 128
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 0.3
LEAST_AXIS = 0.02
NETWORK, WHITENING = "network.", "whitening."
HALF_AS_WELL = 0.5
"""Of what it foresees of the pool; whoever's works it foresees less well are not its base's."""

log = logging.getLogger(__name__)


class Network(nn.Module):
    """Whitened latents [B, D] to components [B, K]: what is linear, and what is not."""

    def __init__(self, given: int, told: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(given, WIDTH),
            nn.SiLU(),
            nn.Dropout(DROPOUT),
            nn.Linear(WIDTH, WIDTH),
            nn.SiLU(),
            nn.Dropout(DROPOUT),
            nn.Linear(WIDTH, told),
        )
        self.skip = nn.Linear(given, told)

    def forward(self, points: Tensor) -> Tensor:
        return self.net(points) + self.skip(points)


class Foresight:
    """See this module.

    Attributes:
        whitening: of latents, as the network takes them.
        latents: of the pool [P, D].
        components: of the pool's works [P, K].
    """

    def __init__(
        self, network: Network, whitening: Whitening, latents: Tensor, components: Tensor
    ) -> None:
        self.network = network.eval().requires_grad_(False)
        self.whitening = whitening
        self.latents = latents
        self.components = components

    def foreseen(self, latents: Tensor) -> Tensor:
        """Components [B, K] that works of latents [B, D] are expected to have; differentiable."""
        return self.network(self.whitening.points(latents))

    @cached_property
    def errors(self) -> Tensor:
        """What the pool's works have besides what was expected of them [P, K]."""
        return self.components - self.foreseen(self.latents)

    @cached_property
    def explained(self) -> float:
        """Share of the variance of the pool's components that is foreseen."""
        return explained(self.errors, self.components)

    def is_of(self, generator: Generator, latents: Tensor, features: Tensor) -> bool:
        """Whether works of these latents [N, D] with features [N, F] are as foreseen: a decoder
        that has learned since makes others."""
        if not self.fits(generator):
            return False
        seen = whiten(features, generator.feature_statistics)
        # Works of a version that has learned differ less from each other, so what they share counts
        # too.
        found = explained(seen - self.foreseen(latents), seen, self.components.mean(0))
        return found >= HALF_AS_WELL * self.explained

    def fits(self, generator: Generator) -> bool:
        told = len(components(generator.feature_statistics).scales)
        return (self.latents.shape[1], self.components.shape[1]) == (generator.latent_dim, told)

    def tensors(self) -> dict[str, Tensor]:
        """For a checkpoint folder: two megabytes or three."""
        weights = above(NETWORK, self.network.state_dict())
        whitening = above(WHITENING, vars(self.whitening))
        pool = {"latents": self.latents.half(), "components": self.components.half()}
        return {n: t.contiguous() for n, t in (weights | whitening | pool).items()}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> Foresight:
        """Raises: KeyError, RuntimeError, TypeError: they are those of something else."""
        weights, others = split(NETWORK, tensors)
        of_latents, pool = split(WHITENING, others)
        whitening = Whitening(**of_latents)
        latents, told = pool["latents"].float(), pool["components"].float()
        network = Network(len(whitening.scales), told.shape[1])
        network.load_state_dict(weights)
        return cls(network, whitening, latents, told)

    @classmethod
    def kept(cls, checkpoint: Checkpoint) -> Foresight | None:
        """What lies beside a base's weights, if anything does that can be used."""
        if not checkpoint.holds(FORESIGHT):
            return None
        try:
            return cls.from_tensors(checkpoint.tensors(FORESIGHT))
        except (KeyError, RuntimeError, TypeError, BadCheckpoint, OSError):
            log.warning("the foresight of %s cannot be read", checkpoint.version, exc_info=True)
            return None


def learn(
    generator: Generator,
    works: int = WORKS,
    pool: int = POOL,
    told: Callable[[float], None] = lambda share: None,
) -> Foresight:
    """Make works of a base and learn to foresee them.

    Args:
        works: to learn from; as many again as `pool` are made for that.
        told: hears a share of the work done.
    """
    latents, seen = [], []
    total = works + pool
    for begin in range(0, total, BATCH):
        seeds = range(FIRST_WORK + begin, FIRST_WORK + min(begin + BATCH, total))
        latents.append(generator.map(noise_from_seeds(seeds)).cpu())
        features = features_of(generator, latents[-1])
        seen.append(whiten(features, generator.feature_statistics))
        told(min(begin + BATCH, total) / total)
    return learn_from(torch.cat(latents), torch.cat(seen), pool)


def learn_from(latents: Tensor, seen: Tensor, pool: int = POOL) -> Foresight:
    """Of latents [N, D] and the components of their works [N, K]; the first `pool` of them are kept
    and not learned from."""
    whitening = Whitening.of(statistics(latents), least=LEAST_AXIS)
    points, wanted = whitening.points(latents[pool:]), seen[pool:]
    steps = PASSES * max(len(points) // BATCH, 1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Network(points.shape[1], seen.shape[1])
        optimiser = torch.optim.AdamW(
            network.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=steps)
        for _ in range(steps):
            chosen = torch.randint(len(points), (BATCH,))
            loss = (network(points[chosen]) - wanted[chosen]).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return Foresight(network, whitening, latents[:pool], seen[:pool])


def explained(errors: Tensor, seen: Tensor, middle: Tensor | None = None) -> float:
    """Share of the variance of what was seen [N, K], around its own mean or another `middle`, that
    the errors [N, K] leave explained."""
    middle = seen.mean(0) if middle is None else middle
    return float(1 - errors.square().sum() / (seen - middle).square().sum())
