"""To be liked, as far as a reward model knows: what a fine-tune on ratings is after.

The reward is pessimistic (mean minus a share of its standard deviation), since an optimiser goes
wherever a reward model is wrong (Gao et al., Scaling Laws for Reward Model Overoptimization, 2022).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from studio.medium import Generator
from studio.taste.components import components, whiten
from studio.taste.reward import RewardModel

PESSIMISM = 0.5
"""Standard deviations of the reward's doubt that are taken off its mean."""
CEILING = 0.98
"""Quantile of the pessimistic reward among works before; to please more than that counts little."""
VARIETY = 1.0
"""Weight of keeping works apart."""
FARTHEST = 2.8
"""Wanted gain, in standard deviations of the expected liking, beyond which no reward model built
on a few dozen ratings deserves to be followed."""
WELL_KNOWN = 0.5
"""Expected liking's share of the standard deviation of liking, below which it is followed less far.
Ratings given by chance that look like a taste have 0.4, tastes 0.53 to 0.61 (medians)."""


def pessimistic(mean: Tensor, deviation: Tensor) -> Tensor:
    """What may be counted on of expected likings and their deviations, each [B]."""
    return mean - PESSIMISM * deviation


@dataclass(frozen=True)
class Look:
    """What a reward model thinks of N works."""

    features: Tensor
    mean: Tensor
    deviation: Tensor

    @property
    def pessimistic(self) -> Tensor:
        """[N]; what an optimiser may count on."""
        return pessimistic(self.mean, self.deviation)


class Pleasing:
    """To be liked: the aim of a fine-tune on ratings, see studio.taste.climb.Aim.

    The unit of its gains is the standard deviation of the expected liking of works before.

    Attributes:
        known: that deviation's share of the standard deviation of liking.
    """

    def __init__(
        self, generator: Generator, reward: RewardModel, before: Look, percentile: float
    ) -> None:
        self.reward = reward
        self.statistics = generator.feature_statistics
        self.base_mean = before.mean.mean()
        self.spread = before.mean.std().clamp_min(1e-6)
        total = (self.spread.square() + before.deviation.square().mean()).sqrt()
        normal = math.sqrt(2) * float(torch.erfinv(torch.tensor(2 * percentile - 1)))
        self.known = float(self.spread / total)
        self.wanted = min(normal / self.known, FARTHEST * self.followed)
        # Nothing is gained by works that please more than nearly everything before did: there the
        # reward model only guesses.
        self.ceiling = torch.quantile(before.pessimistic, CEILING)
        feature_scales = components(self.statistics).scales
        self.feature_scales = feature_scales / feature_scales.norm()
        points = whiten(before.features, self.statistics)
        self.spread_out = torch.pdist(points * self.feature_scales).mean()
        self.apart = torch.pdist(before.features).mean()

    @property
    def followed(self) -> float:
        """Share of the way that so little knowledge deserves to be followed."""
        return min(self.known / WELL_KNOWN, 1) ** 2

    def wish(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """See studio.taste.climb.Aim."""
        points = whiten(features, self.statistics)
        mean, deviation = self.reward.predict_components(points)
        pleased = self.pleasure(mean, deviation).sum()
        varied = torch.pdist(points * self.feature_scales).mean() / self.spread_out
        wish = pleased - VARIETY * len(features) * F.relu(1 - varied)
        return wish, self.gain(mean.detach())

    def gain(self, mean: Tensor) -> Tensor:
        """Expected likings [B] in standard deviations from the mean of those before."""
        return (mean - self.base_mean) / self.spread

    def pleasure(self, mean: Tensor, deviation: Tensor) -> Tensor:
        """What is made as large as possible [B]: the pessimistic reward up to the ceiling, in
        standard deviations of the expected liking before."""
        softness = 0.3 * self.spread
        short = self.ceiling - pessimistic(mean, deviation)
        return -softness * F.softplus(short / softness) / self.spread

    def rewards(self, features: Tensor) -> Tensor:
        """`pleasure` in works with features [N, F], less what each takes from their variety."""
        white = whiten(features, self.statistics)
        points = white * self.feature_scales
        apart = torch.cdist(points, points).sum(1) / (len(points) - 1) / self.spread_out
        pleasure = self.pleasure(*self.reward.predict_components(white))
        return pleasure - VARIETY * F.relu(1 - apart)
