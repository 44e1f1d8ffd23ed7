"""One taste across the media: what a person likes in one is a hint of what they like in another.

Media say which of their attributes express a quality that others have too (`Shares.shared`). How a
person's taste leans in those, where that is fairly certain, says for another medium which of its
works to ask about first. It is worth a few ratings, fades as ratings of the medium's own come in,
and never reaches the reward model: what is taught in a medium was said in that medium.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from studio.medium import FeatureStatistics
from studio.taste.components import whiten
from studio.taste.explain import Samples, leanings
from studio.taste.process import normal_scores
from studio.taste.reward import RewardModel

Shared = Mapping[str, tuple[str, int]]
"""See `studio.medium.Shares`."""
Profile = Mapping[str, float]
"""By quality, how much better a work with one standard deviation more of it is liked."""

SURE = 0.85
"""Share of the possible tastes that have to lean alike before another medium hears of it."""
LEAST = 0.15
"""Standard deviations of the expected liking that a leaning has to make."""
WORTH = 3.0
"""Ratings that the hint is worth against those of the medium itself."""
ALIKE = 0.5
"""Correlation expected between what the hint says and the liking, before any rating."""
LAST = 12
"""Ratings of the medium's own from which the hint is not heard any more."""
RIDGE = 8.0
"""Samples' worth of belief that a component of the features says nothing of a quality."""


def profile(reward: RewardModel, samples: Samples, shared: Shared) -> Profile:
    """How a taste leans in what other media have too: what is certain enough to be passed on."""
    if not reward.is_trusted or not shared:
        return {}
    found = {leaning.name: leaning for leaning in leanings(reward, samples)}
    sure = {
        quality: (sign, found[name]) for quality, (name, sign) in shared.items() if name in found
    }
    return {
        quality: sign * leaning.effect
        for quality, (sign, leaning) in sure.items()
        if leaning.certainty >= SURE and abs(leaning.effect) >= LEAST
    }


def together(profiles: Mapping[str, Profile], shared: Shared) -> Profile:
    """What several media's profiles say of the qualities that one medium shares: their mean, where
    they do not contradict each other."""
    said = {
        quality: [each[quality] for each in profiles.values() if quality in each]
        for quality in shared
    }
    means = {quality: sum(each) / len(each) for quality, each in said.items() if each}
    return {quality: mean for quality, mean in means.items() if abs(mean) >= LEAST}


@dataclass(frozen=True)
class Hint:
    """What other media let expect of one medium's works.

    Attributes:
        weights: [K], of whitened components.
        statistics: what whitens them.
    """

    weights: Tensor
    statistics: FeatureStatistics

    @classmethod
    def of(
        cls, wanted: Profile, samples: Samples, shared: Shared, statistics: FeatureStatistics
    ) -> Hint | None:
        """None where the samples do not differ in anything that is wanted.

        Attributes of a candidate would need it decoded, features are there already: so a ridge
        regression on the samples says from features how much of the wanted a work has.
        """
        standing = samples.standing(samples.attributes)
        liking = torch.zeros(len(samples.features))
        for quality, effect in wanted.items():
            name, sign = shared[quality]
            if name in standing:
                liking += sign * effect * standing[name]
        if len(liking) < 2 or liking.std() < 1e-6:
            return None
        points = whiten(samples.features, statistics)
        inner = points.T @ points + RIDGE * torch.eye(points.shape[1])
        weights = torch.linalg.solve(inner, points.T @ (liking / liking.std()))
        return cls(weights, statistics)

    def expects(self, features: Tensor, seen: Tensor, stars: Tensor, count: int) -> Tensor:
        """Expected liking [B] of artworks with features [B, F], in standard deviations.

        Args:
            seen, stars: features [N, F] of the medium's own works that have stars, and these [N]:
                where they contradict, nothing is expected.
            count: all ratings of the medium's own: the more, the less is expected.
        """
        if count >= LAST:
            return torch.zeros(len(features))
        known = self._of(seen)
        scores = normal_scores(stars)
        # Bayesian regression of the ratings on the hint, from a prior worth WORTH ratings.
        slope = float((WORTH * ALIKE + known @ scores) / (WORTH + known.square().sum()))
        return max(slope, 0.0) * WORTH / (WORTH + count) * self._of(features)

    def _of(self, features: Tensor) -> Tensor:
        return whiten(features, self.statistics) @ self.weights
