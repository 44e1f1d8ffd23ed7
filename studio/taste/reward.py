"""The reward model: what a person's ratings say about artworks they have not rated.

An exact Gaussian process (Rasmussen & Williams, Gaussian Processes for Machine Learning, 2006) on
the principal components of an artwork's features. Thirty ratings do not fill a network, but they
condition a Gaussian process well, and it knows how little it knows.

Stars and pairs speak about one function: stars are noisy observations of it, a pair is a probit
observation of a difference (Chu & Ghahramani, Preference Learning with Gaussian Processes, 2005).
Laplace's approximation turns each pair into a Gaussian observation of that difference, after which
everything has a closed form: prediction, evidence, and leaving ratings out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from studio.errors import NotEnoughRatings
from studio.medium import FeatureStatistics, Generator
from studio.taste.components import components, whiten
from studio.taste.process import Posteriors, joint, likely, marginal, observe, of_each
from studio.taste.ratings import Ratings

FEWEST = 6
"""Ratings below which a fit would be a guess about a guess."""
KEEN = 3.0
"""How much more it matters to know those works that are liked by a standard deviation more."""
LEAST_ACCURACY = 0.6
"""What is guessed of hidden ratings below this is hardly better than a coin's throw."""


class RewardModel:
    """Expected liking of artworks and its uncertainty.

    The unit is the spread of the person's own ratings: 0 is their average artwork, 1 one standard
    deviation better.

    Attributes:
        ratings: how many ratings it was fitted to.
        accuracy: of two artworks whose ratings are hidden from the model, how often it names the
            one the person liked better (0.5 is guessing), or nan if no two can be compared.
        comparisons: how many comparisons that is measured on.
    """

    def __init__(self, statistics: FeatureStatistics, posteriors: Posteriors, ratings: int) -> None:
        self.statistics = statistics
        self.ratings = ratings
        self._posteriors = posteriors
        self._votes = torch.softmax(posteriors.evidence.double(), 0).float()
        guesses = posteriors.guesses
        self.comparisons = guesses.shape[1]
        self.accuracy = float(self._votes @ guesses.mean(dim=1)) if guesses.numel() else math.nan

    @property
    def is_trusted(self) -> bool:
        """Whether it guesses hidden ratings well enough for anybody to act on it."""
        return self.accuracy >= LEAST_ACCURACY

    @classmethod
    def of(cls, generator: Generator, ratings: Ratings) -> RewardModel:
        """The taste behind ratings of a generator's artworks.

        Raises:
            NotEnoughRatings: see `fit`.
        """
        require_enough(ratings.stars, ratings.pairs, ratings.raters)
        with torch.no_grad():
            features = generator.latent_features(ratings.latents.to(generator.device)).cpu()
        return cls.fit(
            features, ratings.stars, ratings.pairs, generator.feature_statistics, ratings.raters
        )

    @classmethod
    def fit(
        cls,
        features: Tensor,
        stars: Sequence[tuple[int, float]],
        pairs: Sequence[tuple[int, int, bool]],
        feature_statistics: FeatureStatistics,
        raters: Sequence[int] = (),
    ) -> RewardModel:
        """Condition on the ratings of N artworks with features [N, F].

        Args:
            stars: (index, stars). Only their order among those of one person counts: some people
                give mostly fives, some never do.
            pairs: (winner, loser, tie).
            raters: who gave each of the stars; empty: one person gave them all. Of several the
                model learns what they have in common, and takes the rest for mood.

        Ratings of works whose features are not finite say nothing.

        Raises:
            NotEnoughRatings: fewer than FEWEST, or all artworks are rated the same.
        """
        sound = features.isfinite().all(1)
        people = raters or [0] * len(stars)
        both = zip(stars, people, strict=True)
        given = [(star, rater) for star, rater in both if sound[star[0]]]
        stars, raters = [star for star, _ in given], [rater for _, rater in given]
        pairs = [pair for pair in pairs if sound[pair[0]] and sound[pair[1]]]
        require_enough(stars, pairs, raters)
        features = torch.where(sound[:, None], features, 0.0)
        return cls.conditioned(features, stars, pairs, feature_statistics, raters)

    @classmethod
    def conditioned(
        cls,
        features: Tensor,
        stars: Sequence[tuple[int, float]],
        pairs: Sequence[tuple[int, int, bool]],
        feature_statistics: FeatureStatistics,
        raters: Sequence[int],
    ) -> RewardModel:
        """As `fit`, of however few ratings; features are finite, and each star has its rater."""
        points = whiten(features, feature_statistics)
        observations = observe(len(features), stars, pairs, raters)
        posteriors = likely(points, components(feature_statistics), observations)
        return cls(feature_statistics, posteriors, len(stars) + len(pairs))

    def predict(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation [B] of the liking of artworks with features [B, F].

        Differentiable with respect to the features.
        """
        return self.predict_components(whiten(features, self.statistics))

    def predict_components(self, components: Tensor) -> tuple[Tensor, Tensor]:
        """`predict` for features that are whitened already, [B, K]."""
        votes = self._votes.to(components)
        means, variances = marginal(self._posteriors, components)
        mean = votes @ means
        variance = votes @ (variances + (means - mean).square())
        return mean, variance.clamp_min(1e-8).sqrt()

    def goes_by(self) -> dict[str, float]:
        """How likely it is that the taste goes by each kind of features alone, [0, 1]; what is left
        to 1, that it goes by all of them."""
        names = components(self.statistics).names
        found = dict.fromkeys(names, 0.0) if len(names) > 1 else {}
        for vote, each in zip(self._votes.tolist(), self._posteriors.hypotheses, strict=True):
            if each.kind is not None:
                found[names[each.kind]] += vote
        return found

    def left_out(self) -> tuple[Tensor, Tensor]:
        """What all the other ratings say of each, [M] stars and then pairs: its mean and standard
        deviation. A star's is its normal score, a pair's how much better the winner is liked."""
        means, variances = self._posteriors.left_out.unbind(1)
        mean = self._votes @ means
        variance = self._votes @ (variances + (means - mean).square())
        return mean, variance.sqrt()

    def sample(self, features: Tensor, count: int, seed: int) -> Tensor:
        """Tastes [count, B] that the ratings leave possible, for artworks [B, F] jointly.

        This is what Thompson sampling needs: each row is one coherent opinion.
        """
        components = whiten(features, self.statistics)
        rng = torch.Generator().manual_seed(seed)
        chosen = torch.multinomial(self._votes, count, replacement=True, generator=rng)
        among, which = chosen.unique(return_inverse=True)
        mean, covariance = joint(self._posteriors.of(among.tolist()), components, torch.float64)
        # Hundreds of artworks in few components: singular but for rounding, hence float64.
        covariance.diagonal(dim1=1, dim2=2).add_(1e-4)
        root = torch.linalg.cholesky(covariance).float()
        drawn = torch.randn(count, len(features), generator=rng)
        tastes = mean.float()[which]
        for index in range(len(among)):
            mine = which == index
            tastes[mine] += drawn[mine] @ root[index].T
        return tastes

    def teaches(self, features: Tensor) -> Tensor:
        """By how much stars for each artwork [B, F] are expected to lessen what is uncertain about
        all of them, their mean variance, [B] (Cohn, Neural network exploration using optimal
        experiment design, 1996).

        What is liked counts most: it is what will be made. Hypotheses that disagree count as
        uncertainty too. What all works have in common does not: how generous somebody is teaches
        nothing.
        """
        points, votes = whiten(features, self.statistics), self._votes
        means, covariances = joint(self._posteriors, points, points.dtype)
        liking = votes @ means
        matters = torch.sigmoid(KEEN * (liking - liking.mean()) / liking.std().clamp_min(1e-6))
        apart = means - liking
        noise = 1 - votes @ of_each(self._posteriors.hypotheses, "signal", votes).flatten()
        covariance = torch.einsum("h,hbn->bn", votes, covariances)
        covariance += (apart * votes[:, None]).T @ apart
        variance = covariance.diagonal() + noise
        covariance = covariance - covariance.mean(1, keepdim=True)
        return covariance.square() @ matters / matters.sum() / variance.clamp_min(1e-6)

    def likeness(self, features: Tensor) -> Tensor:
        """How much of what is known of an artwork [B, F] each rated one [N] says, [B, N] of 0 to 1:
        the prior's correlation of their liking, as far as it is smooth."""
        posteriors = self._posteriors
        points = whiten(features, self.statistics) * posteriors.weights[:, None]
        lengths = of_each(posteriors.hypotheses, "length", points)
        distance = torch.cdist(points, posteriors.points) / lengths
        return torch.einsum("h,hbn->bn", self._votes, torch.exp(-0.5 * distance.square()))


def require_trusted(reward: RewardModel, count: int) -> None:
    """Raises: NotEnoughRatings: `count` ratings do not point anywhere yet."""
    if not reward.is_trusted:
        right = round(10 * reward.accuracy)
        raise NotEnoughRatings("ratings_contradict", count=count, right=right)


def require_enough(
    stars: Sequence[tuple[int, float]],
    pairs: Sequence[tuple[int, int, bool]],
    raters: Sequence[int] = (),
) -> None:
    """Raises: NotEnoughRatings: with a sentence that says what is missing."""
    count = len(stars) + len(pairs)
    if count < FEWEST:
        raise NotEnoughRatings("not_enough_ratings", count=count, needed=FEWEST)
    people = raters or [0] * len(stars)
    said = {(rater, value) for rater, (_, value) in zip(people, stars, strict=True)}
    if len(said) == len(set(people)) and all(tie for _, _, tie in pairs):
        raise NotEnoughRatings("ratings_all_equal", count=count)
