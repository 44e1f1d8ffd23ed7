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
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from studio.errors import NotEnoughRatings
from studio.medium import FeatureStatistics, Generator
from studio.taste.ratings import Ratings

FEWEST = 6
"""Ratings below which a fit would be a guess about a guess."""
LEAST_ACCURACY = 0.6
"""What is guessed of hidden ratings below this is hardly better than a coin's throw."""

COMPONENTS = 32
# Hyperparameters tried; all of them vote by their evidence.
FADING = (0.5, 1.0, 1.5)
LENGTHS = (0.7, 1.0, 2.0)
SIGNALS = (0.2, 0.45, 0.7, 0.9)
LINEAR = 0.3
"""Share of the kernel that goes on rising beyond what was rated. Less of it leads those who like
something just right past it less often, and makes works more alike."""
OFFSET = 0.3
NEWTON_STEPS = 12


@dataclass(frozen=True)
class Hypothesis:
    """One setting of the kernel.

    Attributes:
        fading: how fast components lose weight as they explain less of the features; 0 is equal.
        length: distance over which the taste changes, relative to that between two artworks.
        signal: the share of a rating's variance that is taste; the rest is mood.
    """

    fading: float
    length: float
    signal: float


@dataclass(frozen=True)
class _Posterior:
    """A hypothesis conditioned on the ratings, ready to predict."""

    hypothesis: Hypothesis
    weights: Tensor  # [K], of the components
    points: Tensor  # [N, K], rated artworks, weighted
    alpha: Tensor  # [N], so that mean = k(x, points) @ alpha
    spread: Tensor  # [N, N], so that variance = k(x, x) - k(x, P) spread k(P, x)
    evidence: float
    guesses: Tensor  # per comparison that can be checked: 1 right, 0.5 undecided, 0 wrong
    left_out: Tensor  # [2, M], mean and variance of each observation given all the others


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

    def __init__(
        self, statistics: FeatureStatistics, posteriors: Sequence[_Posterior], ratings: int
    ) -> None:
        self.statistics = statistics
        self.ratings = ratings
        self._posteriors = tuple(posteriors)
        evidence = torch.tensor([p.evidence for p in posteriors], dtype=torch.float64)
        self._votes = torch.softmax(evidence, 0).float()
        guesses = torch.stack([p.guesses for p in posteriors])
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
        components = whiten(torch.where(sound[:, None], features, 0.0), feature_statistics)
        observations = _observations(len(features), stars, pairs, raters)
        posteriors = [
            _condition(Hypothesis(*setting), components, feature_statistics, observations)
            for setting in product(FADING, LENGTHS, SIGNALS)
        ]
        # Hypotheses that the ratings make twenty times less likely only cost time.
        best = max(p.evidence for p in posteriors)
        likely = [p for p in posteriors if p.evidence > best - math.log(20)]
        return cls(feature_statistics, likely, len(stars) + len(pairs))

    def predict(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation [B] of the liking of artworks with features [B, F].

        Differentiable with respect to the features.
        """
        return self.predict_components(whiten(features, self.statistics))

    def predict_components(self, components: Tensor) -> tuple[Tensor, Tensor]:
        """`predict` for features that are whitened already, [B, K]."""
        votes = self._votes.to(components)
        predictions = [_predict(p, components) for p in self._posteriors]
        means = torch.stack([mean for mean, _ in predictions])
        variances = torch.stack([variance for _, variance in predictions])
        mean = votes @ means
        variance = votes @ (variances + (means - mean).square())
        return mean, variance.clamp_min(1e-8).sqrt()

    def left_out(self) -> tuple[Tensor, Tensor]:
        """What all the other ratings say of each, [M] stars and then pairs: its mean and standard
        deviation. A star's is its normal score, a pair's how much better the winner is liked."""
        means, variances = torch.stack([p.left_out for p in self._posteriors]).unbind(1)
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
        tastes = []
        for index in chosen.tolist():
            posterior = self._posteriors[index]
            mean, covariance = _joint(posterior, components)
            # Hundreds of artworks in few components: singular but for rounding, hence float64.
            jitter = 1e-4 * torch.eye(len(mean), dtype=torch.float64)
            root = torch.linalg.cholesky(covariance + jitter).float()
            tastes.append(mean.float() + root @ torch.randn(len(mean), generator=rng))
        return torch.stack(tastes)

    def likeness(self, features: Tensor) -> Tensor:
        """How much of what is known of an artwork [B, F] each rated one [N] says, [B, N] of 0 to 1:
        the prior's correlation of their liking, as far as it is smooth."""
        components = whiten(features, self.statistics)
        rows = []
        for posterior in self._posteriors:
            points = components * posterior.weights
            distance = torch.cdist(points, posterior.points) / posterior.hypothesis.length
            rows.append(torch.exp(-0.5 * distance.square()))
        return torch.einsum("h,hbn->bn", self._votes, torch.stack(rows))


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


def whiten(features: Tensor, statistics: FeatureStatistics) -> Tensor:
    """Features [B, F] as their first K principal components [B, K], each of unit spread."""
    axes = statistics.axes[:COMPONENTS].to(features)
    scales = statistics.scales[:COMPONENTS].to(features).clamp_min(1e-6)
    return (features - statistics.mean.to(features)) @ axes.T / scales


@dataclass(frozen=True)
class _Observations:
    """M observations of linear combinations of N tastes.

    Attributes:
        operator: [M, N]; a row of a star has one 1, a row of a pair a 1 and a -1.
        values: [M]; the stars' normal scores, 0 for a tie, unused for a won pair.
        is_star, is_won: [M]; the rest are ties.
        stars: [M]; the stars themselves where there are some, to know which of two is better.
        raters: [M]; who gave them, to know which can be compared.
    """

    operator: Tensor
    values: Tensor
    is_star: Tensor
    is_won: Tensor
    stars: Tensor
    raters: Tensor


def _observations(
    count: int,
    stars: Sequence[tuple[int, float]],
    pairs: Sequence[tuple[int, int, bool]],
    raters: Sequence[int],
) -> _Observations:
    operator = torch.zeros(len(stars) + len(pairs), count)
    for row, (index, _) in enumerate(stars):
        operator[row, index] = 1.0
    for row, (winner, loser, _) in enumerate(pairs, start=len(stars)):
        operator[row, winner] += 1.0
        operator[row, loser] -= 1.0
    given = torch.tensor([value for _, value in stars], dtype=torch.float32)
    no_pairs = torch.zeros(len(pairs))
    people = torch.tensor(raters, dtype=torch.long)
    scores = torch.zeros(len(stars))
    for rater in people.unique():
        scores[people == rater] = normal_scores(given[people == rater])
    return _Observations(
        operator,
        torch.cat([scores, no_pairs]),
        torch.cat([torch.ones(len(stars)), no_pairs]).bool(),
        torch.tensor([False] * len(stars) + [not tie for _, _, tie in pairs]),
        torch.cat([given, no_pairs]),
        torch.cat([people, no_pairs.long() - 1]),
    )


def normal_scores(values: Tensor) -> Tensor:
    """Values [N] replaced by the normal quantiles of their mid-ranks, then of unit spread.

    A person's stars are an order, not a measure: for some a four is praise, for some a shrug.
    """
    if len(values) < 2:
        return torch.zeros_like(values)
    below = (values[None] < values[:, None]).sum(1)
    equal = (values[None] == values[:, None]).sum(1)
    quantiles = (below + 0.5 * equal) / len(values)
    scores = math.sqrt(2) * torch.erfinv(2 * quantiles - 1)
    return (scores - scores.mean()) / scores.std(unbiased=False).clamp_min(1e-6)


def _component_weights(hypothesis: Hypothesis, statistics: FeatureStatistics) -> Tensor:
    """Relevance of each component, scaled so that two artworks lie about sqrt(2) apart."""
    scales = statistics.scales[:COMPONENTS].float().clamp_min(1e-6)
    weights = (scales / scales[0]) ** hypothesis.fading
    return weights / weights.norm()


def _kernel(hypothesis: Hypothesis, a: Tensor, b: Tensor) -> Tensor:
    """Prior covariance [A, B] of the liking of weighted components [A, K] and [B, K].

    A smooth part that forgets far from what was rated, a linear part that extrapolates, and an
    offset, since what one is asked to rate is not an average sample.
    """
    inner = a @ b.T
    squared = (a.square().sum(1)[:, None] + b.square().sum(1) - 2 * inner).clamp_min(0)
    smooth = torch.exp(-0.5 * squared / hypothesis.length**2)
    return hypothesis.signal * ((1 - LINEAR) * smooth + LINEAR * inner + OFFSET)


def _condition(
    hypothesis: Hypothesis,
    components: Tensor,
    statistics: FeatureStatistics,
    observed: _Observations,
) -> _Posterior:
    weights = _component_weights(hypothesis, statistics)
    points = components * weights
    noise = 1 - hypothesis.signal
    prior = observed.operator @ _kernel(hypothesis, points, points) @ observed.operator.T
    targets = observed.values.clone()
    # Two noisy impressions meet in a pair.
    variances = torch.where(observed.is_star, noise, 2 * noise) + 1e-4
    log_scale = torch.zeros(())
    won = observed.is_won
    if won.any():
        spread = math.sqrt(2 * noise)
        for _ in range(NEWTON_STEPS):
            gain = torch.linalg.solve(prior + variances.diag(), targets)
            difference = (prior @ gain)[won] / spread
            targets[won], variances[won], log_scale = _probit_sites(difference, spread)
    root = torch.linalg.cholesky(prior + variances.diag())
    inverse = torch.cholesky_inverse(root)
    gain = inverse @ targets
    evidence = (
        -0.5 * float(targets @ gain)
        - float(root.diagonal().log().sum())
        - 0.5 * int((~won).sum()) * math.log(2 * math.pi)
        + float(log_scale)
    )
    return _Posterior(
        hypothesis,
        weights,
        points,
        observed.operator.T @ gain,
        observed.operator.T @ inverse @ observed.operator,
        evidence,
        _left_out_guesses(inverse, gain, targets, observed),
        _left_out(inverse, gain, targets, torch.where(won, 2 * noise - variances, 0.0)),
    )


def _probit_sites(difference: Tensor, spread: float) -> tuple[Tensor, Tensor, Tensor]:
    """Gaussian observations that stand for won pairs at the current differences (Laplace).

    Returns:
        Their targets and variances, and the log of the factor by which the exact likelihood
        exceeds the exponential part of those Gaussians, for the evidence.
    """
    log_likelihood = torch.special.log_ndtr(difference)
    slope = torch.exp(-0.5 * difference.square() - log_likelihood) / math.sqrt(2 * math.pi)
    curvature = (slope * (slope + difference)).clamp_min(1e-3)
    variances = spread**2 / curvature
    targets = spread * (difference + slope / curvature)
    # log N(target; difference, variance) without its 2 pi, which cancels in the evidence.
    fitted = -0.5 * (slope.square() / curvature) - 0.5 * variances.log()
    return targets, variances, (log_likelihood - fitted).sum()


def _left_out_guesses(
    inverse: Tensor, gain: Tensor, targets: Tensor, observed: _Observations
) -> Tensor:
    """What the model says about comparisons whose ratings it did not see.

    Two starred artworks are left out together: leaving one out tilts the mean of the rest away
    from it and makes even a good model look wrong (Airola et al., A comparison of AUC estimators,
    2009). Closed form for blocks: y - inverse(block)^-1 gain.
    """
    star = observed.is_star.nonzero()[:, 0]
    first, second = torch.combinations(star, 2).unbind(1) if len(star) > 1 else (star[:0],) * 2
    differ = observed.stars[first] != observed.stars[second]
    differ &= observed.raters[first] == observed.raters[second]
    first, second = first[differ], second[differ]
    a, b, c = inverse[first, first], inverse[second, second], inverse[first, second]
    determinant = (a * b - c * c).clamp_min(1e-12)
    left_first = targets[first] - (b * gain[first] - c * gain[second]) / determinant
    left_second = targets[second] - (a * gain[second] - c * gain[first]) / determinant
    agreement = (left_first - left_second) * (observed.stars[first] - observed.stars[second])
    won = observed.is_won
    left_pairs = (targets - gain / inverse.diagonal())[won]
    return 0.5 * (1 + torch.cat([agreement, left_pairs]).sign())


def _left_out(inverse: Tensor, gain: Tensor, targets: Tensor, instead: Tensor) -> Tensor:
    """Mean and variance [2, M] of each observation given the others (Rasmussen & Williams, 5.4.2).

    Args:
        instead: [M], the noise of a new answer beyond that of the observation itself: a pair's
            Gaussian is flatter than two impressions, where the answer was clear.
    """
    spread = inverse.diagonal()
    return torch.stack([targets - gain / spread, (1 / spread + instead).clamp_min(1e-4)])


def _predict(posterior: _Posterior, components: Tensor) -> tuple[Tensor, Tensor]:
    points = components * posterior.weights.to(components)
    across = _kernel(posterior.hypothesis, points, posterior.points.to(points))
    hypothesis = posterior.hypothesis
    prior = hypothesis.signal * (1 - LINEAR + LINEAR * points.square().sum(1) + OFFSET)
    variance = prior - ((across @ posterior.spread.to(points)) * across).sum(1)
    return across @ posterior.alpha.to(points), variance.clamp_min(1e-8)


def _joint(posterior: _Posterior, components: Tensor) -> tuple[Tensor, Tensor]:
    # Near what was rated, the prior and what is known of it cancel: float32 leaves no covariance.
    points = (components * posterior.weights).double()
    rated = posterior.points.double()
    across = _kernel(posterior.hypothesis, points, rated)
    prior = _kernel(posterior.hypothesis, points, points)
    return across @ posterior.alpha.double(), prior - across @ posterior.spread.double() @ across.T
