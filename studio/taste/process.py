"""The Gaussian process behind the reward model: ratings as observations of one hidden function.

Each hypothesis is one setting of the kernel. That a taste goes by one kind of features is a
hypothesis like the others, and the evidence says how likely it is: automatic relevance
determination (MacKay, Bayesian non-linear modeling for the prediction competition, 1994), by
groups, since thirty ratings cannot weigh dozens of components one by one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import product

import torch
from torch import Tensor

from studio.taste.components import Components

# Hyperparameters tried; all of them vote by their evidence.
FADING = (0.5, 1.0, 1.5)
LENGTHS = (0.7, 1.0, 2.0)
SIGNALS = (0.2, 0.45, 0.7, 0.9)
PLAIN_FADING, PLAIN_LENGTH = 1.0, 1.0
UNHEARD = 0.3
"""How loud all other kinds of features are to a taste that goes by one."""
LIKELY = math.log(20)
"""Hypotheses that the ratings make so much less likely only cost time."""
LINEAR = 0.3
"""Share of the kernel that goes on rising beyond what was rated. Less of it leads those who like
something just right past it less often, and makes works more alike."""
OFFSET = 0.3
NEWTON_STEPS = 12
AT_ONCE = 8_000_000
"""Entries of the hypotheses' covariances that are worked on together."""


@dataclass(frozen=True)
class Hypothesis:
    """One setting of the kernel.

    Attributes:
        fading: how fast components lose weight as they explain less of the features; 0 is equal.
        length: distance over which the taste changes, relative to that between two artworks.
        signal: the share of a rating's variance that is taste; the rest is mood.
        kind: the number of the kind of features that the taste goes by; None: by all, each as loud
            as it is.
    """

    fading: float
    length: float
    signal: float
    kind: int | None = None


@dataclass(frozen=True)
class Posteriors:
    """H hypotheses conditioned on M observations of N artworks, ready to predict.

    Attributes:
        weights: [H, K], of the components.
        points: [H, N, K], rated artworks, weighted.
        alpha: [H, N], so that mean = k(x, points) @ alpha.
        spread: [H, N, N], so that variance = k(x, x) - k(x, P) spread k(P, x).
        evidence: [H].
        guesses: [H, C], per comparison that can be checked: 1 right, 0.5 undecided, 0 wrong.
        left_out: [H, 2, M], mean and variance of each observation given all the others.
    """

    hypotheses: tuple[Hypothesis, ...]
    weights: Tensor
    points: Tensor
    alpha: Tensor
    spread: Tensor
    evidence: Tensor
    guesses: Tensor
    left_out: Tensor

    def of(self, which: Sequence[int]) -> Posteriors:
        """Some of them."""
        tensors = [getattr(self, name)[list(which)] for name in TENSORS]
        return Posteriors(tuple(self.hypotheses[index] for index in which), *tensors)

    def not_ruled_out(self) -> Posteriors:
        """Those that the ratings do not make much less likely than the likeliest."""
        close = self.evidence > self.evidence.max() - LIKELY
        return self.of(close.nonzero()[:, 0].tolist())

    @classmethod
    def together(cls, several: Sequence[Posteriors]) -> Posteriors:
        tensors = [torch.cat([getattr(each, name) for each in several]) for name in TENSORS]
        return cls(tuple(one for each in several for one in each.hypotheses), *tensors)


TENSORS = tuple(field.name for field in fields(Posteriors))[1:]


@dataclass(frozen=True)
class Observations:
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


def observe(
    count: int,
    stars: Sequence[tuple[int, float]],
    pairs: Sequence[tuple[int, int, bool]],
    raters: Sequence[int],
) -> Observations:
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
    return Observations(
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


def likely(points: Tensor, where: Components, observed: Observations) -> Posteriors:
    """The likely hypotheses, conditioned on what was observed at whitened points [N, K].

    That a taste goes by one kind of features is tried with all settings only where a plain one
    does not rule it out.
    """

    def tried(
        kinds: Iterable[int | None], fading: Sequence[float], lengths: Sequence[float]
    ) -> list[Posteriors]:
        settings = [
            Hypothesis(*each, kind) for kind in kinds for each in product(fading, lengths, SIGNALS)
        ]
        at_once = max(AT_ONCE // len(observed.operator) ** 2, 1)
        return [
            _condition(settings[begin : begin + at_once], points, where, observed)
            for begin in range(0, len(settings), at_once)
        ]

    found = tried([None], FADING, LENGTHS)
    if len(where.names) > 1:
        found += tried(range(len(where.names)), [PLAIN_FADING], [PLAIN_LENGTH])
        close = Posteriors.together(found).not_ruled_out().hypotheses
        kinds = {each.kind for each in close if each.kind is not None}
        others = [length for length in LENGTHS if length != PLAIN_LENGTH]
        found += tried(sorted(kinds), [PLAIN_FADING], others)
    return Posteriors.together(found).not_ruled_out()


def _component_weights(fading: float, own_kind: int | None, where: Components) -> Tensor:
    """Relevance of each component, scaled so that two artworks lie about sqrt(2) apart."""
    weights = torch.zeros(len(where.scales))
    for kind, loudness in enumerate(where.loudness):
        own = where.kinds == kind
        scales = where.scales[own].clamp_min(1e-6)
        faded = (scales / scales[0]) ** fading
        if own_kind is not None:
            loudness = 1.0 if kind == own_kind else UNHEARD
        weights[own] = loudness * faded / faded.norm()
    return weights / weights.norm()


def of_each(hypotheses: Sequence[Hypothesis], name: str, like: Tensor) -> Tensor:
    """One number of each hypothesis, [H, 1, 1]."""
    return like.new_tensor([getattr(each, name) for each in hypotheses])[:, None, None]


def _kernel(hypotheses: Sequence[Hypothesis], a: Tensor, b: Tensor) -> Tensor:
    """Prior covariance [H, A, B] of the liking of weighted components [H, A, K] and [H, B, K].

    A smooth part that forgets far from what was rated, a linear part that extrapolates, and an
    offset, since what one is asked to rate is not an average sample.
    """
    inner = a @ b.mT
    squared = a.square().sum(2)[:, :, None] + b.square().sum(2)[:, None] - 2 * inner
    lengths, signals = (of_each(hypotheses, name, a) for name in ("length", "signal"))
    smooth = torch.exp(-0.5 * squared.clamp_min(0) / lengths**2)
    return signals * ((1 - LINEAR) * smooth + LINEAR * inner + OFFSET)


def _condition(
    hypotheses: Sequence[Hypothesis],
    components: Tensor,
    where: Components,
    observed: Observations,
) -> Posteriors:
    shared = {(each.fading, each.kind) for each in hypotheses}
    relevance = {each: _component_weights(*each, where) for each in shared}
    weights = torch.stack([relevance[each.fading, each.kind] for each in hypotheses])
    points = components * weights[:, None]
    noise = 1 - of_each(hypotheses, "signal", points)[:, 0]
    operator, won = observed.operator, observed.is_won
    prior = operator @ _kernel(hypotheses, points, points) @ operator.T
    targets = observed.values.repeat(len(hypotheses), 1)
    # Two noisy impressions meet in a pair.
    variances = torch.where(observed.is_star, noise, 2 * noise) + 1e-4
    log_scale = torch.zeros(len(hypotheses))
    if won.any():
        spread = (2 * noise).sqrt()
        for _ in range(NEWTON_STEPS):
            gain = torch.linalg.solve(prior + variances.diag_embed(), targets)
            difference = torch.einsum("hmn,hn->hm", prior, gain)[:, won] / spread
            targets[:, won], variances[:, won], log_scale = _probit_sites(difference, spread)
    root = torch.linalg.cholesky(prior + variances.diag_embed())
    inverse = torch.cholesky_inverse(root)
    gain = torch.einsum("hmn,hn->hm", inverse, targets)
    evidence = (
        -0.5 * (targets * gain).sum(1)
        - root.diagonal(dim1=1, dim2=2).log().sum(1)
        - 0.5 * int((~won).sum()) * math.log(2 * math.pi)
        + log_scale
    )
    return Posteriors(
        tuple(hypotheses),
        weights,
        points,
        gain @ operator,
        operator.T @ inverse @ operator,
        evidence,
        _left_out_guesses(inverse, gain, targets, observed),
        _left_out(inverse, gain, targets, torch.where(won, 2 * noise - variances, 0.0)),
    )


def _probit_sites(difference: Tensor, spread: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Gaussian observations that stand for won pairs at the current differences (Laplace).

    Args:
        difference: [H, W], and `spread` [H, 1].

    Returns:
        Their targets and variances, [H, W], and the log of the factor by which the exact likelihood
        exceeds the exponential part of those Gaussians, for the evidence, [H].
    """
    log_likelihood = torch.special.log_ndtr(difference)
    slope = torch.exp(-0.5 * difference.square() - log_likelihood) / math.sqrt(2 * math.pi)
    curvature = (slope * (slope + difference)).clamp_min(1e-3)
    variances = spread**2 / curvature
    targets = spread * (difference + slope / curvature)
    # log N(target; difference, variance) without its 2 pi, which cancels in the evidence.
    fitted = -0.5 * (slope.square() / curvature) - 0.5 * variances.log()
    return targets, variances, (log_likelihood - fitted).sum(1)


def _left_out_guesses(
    inverse: Tensor, gain: Tensor, targets: Tensor, observed: Observations
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
    a, b, c = inverse[:, first, first], inverse[:, second, second], inverse[:, first, second]
    determinant = (a * b - c * c).clamp_min(1e-12)
    gain_first, gain_second = gain[:, first], gain[:, second]
    left_first = targets[:, first] - (b * gain_first - c * gain_second) / determinant
    left_second = targets[:, second] - (a * gain_second - c * gain_first) / determinant
    agreement = (left_first - left_second) * (observed.stars[first] - observed.stars[second])
    won = observed.is_won
    left_pairs = (targets - gain / inverse.diagonal(dim1=1, dim2=2))[:, won]
    return 0.5 * (1 + torch.cat([agreement, left_pairs], 1).sign())


def _left_out(inverse: Tensor, gain: Tensor, targets: Tensor, instead: Tensor) -> Tensor:
    """Mean and variance [H, 2, M] of each observation given the others (Rasmussen & Williams,
    5.4.2).

    Args:
        instead: [H, M], the noise of a new answer beyond that of the observation itself: a pair's
            Gaussian is flatter than two impressions, where the answer was clear.
    """
    spread = inverse.diagonal(dim1=1, dim2=2)
    return torch.stack([targets - gain / spread, (1 / spread + instead).clamp_min(1e-4)], 1)


def marginal(posteriors: Posteriors, components: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance [H, B] of the liking of artworks [B, K]."""
    points = components * posteriors.weights.to(components)[:, None]
    across = _kernel(posteriors.hypotheses, points, posteriors.points.to(points))
    signals = of_each(posteriors.hypotheses, "signal", points)[:, 0]
    prior = signals * (1 - LINEAR + LINEAR * points.square().sum(2) + OFFSET)
    variance = prior - ((across @ posteriors.spread.to(points)) * across).sum(2)
    return _mean(posteriors, across), variance.clamp_min(1e-8)


def joint(posteriors: Posteriors, components: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Mean [H, A] and covariance [H, A, A] of the liking of artworks [A, K]. Near what was rated,
    the prior and what is known of it cancel: as a covariance to draw from, float32 leaves none."""
    points = (components * posteriors.weights[:, None]).to(dtype)
    across = _kernel(posteriors.hypotheses, points, posteriors.points.to(dtype))
    known = across @ posteriors.spread.to(dtype) @ across.mT
    prior = _kernel(posteriors.hypotheses, points, points)
    return _mean(posteriors, across), prior - known


def _mean(posteriors: Posteriors, across: Tensor) -> Tensor:
    return (across @ posteriors.alpha.to(across)[:, :, None])[:, :, 0]
