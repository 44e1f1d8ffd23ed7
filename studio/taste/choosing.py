"""How a mapping learns where works can be foreseen: from those of the base that please.

A base makes works that please, only seldom. Among a pool whose features are known the reward model
chooses those that please most, and the mapping learns to make works that are distributed as these
are: the energy distance (Székely & Rizzo, Energy statistics, 2013) between what is foreseen of its
works and what is known of the chosen ones, in their features, in what they please and in where
their latents lie. So what a lesson leads to is something that the base has made, as varied as that,
and not what a reward model dreams of beyond it (Gao et al., Scaling Laws for Reward Model
Overoptimization, 2022). Climbing its gradients instead (studio.taste.climb) leaves what a base
makes: see docs/taste.md.

Each round makes a few works all the same. They say how much they please, and how far foresight is
wrong where the mapping has come to: a kernel regression of its errors corrects it.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from studio.medium import Generator
from studio.metrics import away_from_each
from studio.taste.climb import ANCHOR_BATCH, BATCH, Climb, features_of
from studio.taste.components import whiten
from studio.taste.foresight import Foresight
from studio.taste.pleasing import Pleasing, pessimistic
from studio.taste.telling import Teller

SHARES = {"gentle": 0.3, "clear": 0.02, "bold": 0.01}
"""Of the pool, that is chosen."""
FEWEST = 32
"""Chosen works that still say how varied they are."""
LEAST_VARIETY = 0.7
"""Mean distance of two chosen works' features, relative to that of any two, below which more are
chosen."""
WIDER = 1.25
LEAST_RISE = 0.5
"""What the chosen works have to please more than those before, in standard deviations of the
expected liking. A version that has learned may have reached all that its base can do; it climbs."""
ROUND_SECONDS = 6.0
"""After the least steps, a mapping that is not cheap takes no more of them than fit in this."""
PLACES = 4.5
"""Weight of where latents lie, beside their works' features, times the third power of how much of
these foresight leaves unexplained relative to what it explains: what it does not see only places
bring along. Found for melodies (0.51 explained), where 0.5 altogether let two of twelve lessons go
where foresight is wrong and 2 one of thirteen, and for paintings (0.68), which 0.5 leads farthest
with least loss of quality. That is how a lesson begins; see Choosing.places."""
LEAST_PLACES = 0.5
"""Down to which that weight is halved."""
LEAST_EXPLAINED = 0.2
"""Below which that weight would leave nothing to features."""
PAIRING = 0.02
"""Pull of each noise towards the work it made before."""
BELIEF = 3.0
"""Variance of foresight's errors that a place does not explain, relative to what it does."""


class Choosing(Climb):
    """An adapted mapping on its way to the works that were chosen; see Climb.

    Args:
        chosen: indices of those works in the pool, see `choose`.
    """

    usual_rounds = 4
    least_rounds = 2
    recent = usual_rounds

    def __init__(
        self,
        generator: Generator,
        aim: Pleasing,
        rng: torch.Generator,
        foresight: Foresight,
        chosen: Tensor,
        batch: int = BATCH,
    ) -> None:
        super().__init__(generator, aim, rng, batch)
        self.pleasing = aim
        self.foresight = foresight
        self.chosen = chosen

    @property
    def places(self) -> float:
        """Weight of where latents lie, beside their works' features: as much at first as keeps a
        lesson from where foresight is wrong, and half of it once more whenever works have come to
        please more, since by then it is known what those on the way are like."""
        told = max(self.foresight.explained, LEAST_EXPLAINED)
        first = PLACES * (1 / told - 1) ** 3
        rises = sum(now > before for before, now in pairwise(self.gains))
        return max(first / 2**rises, min(first, LEAST_PLACES))

    @property
    def is_stuck(self) -> bool:
        """It needs no more rounds than usual."""
        return True

    @property
    def has_enough(self) -> bool:
        """What works please is reached soon; that they are as varied takes the rounds there are."""
        return False

    def round(self, done: float, teller: Teller, is_enough: bool = False) -> None:
        """Make some works, take steps towards the chosen ones.

        Raises:
            FineTuneCancelled: nobody waits for it any more.
        """
        self.gains = [*self.gains, self.look(teller)]
        correct = self.correction()
        known, errors = self.foresight, self.foresight.errors
        goal = self.seen_as(known.latents[self.chosen], known.components[self.chosen])

        def loss() -> Tensor:
            teller.stop_if_cancelled()
            which = torch.randperm(len(self.noise), generator=self.rng)[:ANCHOR_BATCH]
            latents = self.mapping(self.noise[which].to(self.generator.device)).cpu()
            white = self.whitening.points(latents)
            error = errors[torch.randint(len(errors), (len(which),), generator=self.rng)]
            told = self.foresight.foreseen(latents) + correct(white) + error
            apart = away_from_each(self.seen_as(latents, told), goal).mean()
            return apart + PAIRING * (white - self.start[which]).square().mean()

        self.descend(loss, done, ROUND_SECONDS)

    def look(self, teller: Teller) -> float:
        """Make works of fresh noise; how much they please more than those before."""
        noise = torch.randn(self.batch, 128, generator=self.rng)
        with torch.no_grad():
            latents = self.mapping(noise.to(self.generator.device)).cpu()
        features = features_of(self.generator, latents, teller)
        told = whiten(features, self.generator.feature_statistics)
        mean, _ = self.pleasing.reward.predict_components(told)
        error = told - self.foresight.foreseen(latents)
        self.seen = [*self.seen, (self.whitening.points(latents), error)][-self.recent :]
        self.pictures += self.batch
        return float(self.pleasing.gain(mean).mean())

    def correction(self) -> Callable[[Tensor], Tensor]:
        """What foresight is expected to be wrong by at whitened latents [B, W], [B, K]: a Gaussian
        process through the errors at the works made so far."""
        points, errors = (torch.cat(parts) for parts in zip(*self.seen, strict=True))

        def kernel(white: Tensor) -> Tensor:
            return torch.exp(-torch.cdist(white, points).square() / (2 * points.shape[1]))

        weights = torch.linalg.solve(kernel(points) + BELIEF * torch.eye(len(points)), errors)
        return lambda white: kernel(white) @ weights

    def seen_as(self, latents: Tensor, told: Tensor) -> Tensor:
        """Works as points: their components [B, K], how much they please, where their latents [B,
        D] lie."""
        aim = self.pleasing
        mean, deviation = aim.reward.predict_components(told)
        pleases = aim.gain(pessimistic(mean, deviation))
        white = self.whitening.points(latents)
        return torch.cat(
            [
                told * aim.feature_scales / aim.spread_out,
                pleases[:, None],
                self.places * white / white.shape[1] ** 0.5,
            ],
            dim=1,
        )


def choose(foresight: Foresight, aim: Pleasing, share: float) -> tuple[Tensor, float]:
    """The works of the pool that please most, and how much more than those before.

    What is hardly known is followed less far, and what pleases only in one way is not all that is
    made: more of them are chosen, which please less.
    """
    mean, deviation = aim.reward.predict_components(foresight.components)
    order = pessimistic(mean, deviation).argsort(descending=True)
    rises = aim.gain(mean[order]).cumsum(0) / torch.arange(1, len(order) + 1)
    count = max(round(share * len(order)), FEWEST)
    wanted = rises[count - 1] * aim.followed
    count = max(int((rises >= wanted).sum()), count)
    points = foresight.components * aim.feature_scales
    everything = torch.pdist(points[:: max(len(points) // 512, 1)]).mean()
    while count < len(order):
        if torch.pdist(points[order[:count]]).mean() >= LEAST_VARIETY * everything:
            break
        count = min(round(WIDER * count), len(order))
    return order[:count], float(rises[count - 1])
