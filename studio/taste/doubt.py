"""Ratings that a person's other ratings make unlikely, and may be asked again.

Each rating is compared with what the model says without it (leave-one-out predictive density;
Rasmussen & Williams, Gaussian Processes for Machine Learning, 2006, 5.4.2). Two works much alike
that are rated unlike, or a circle of preferences, show in the same figure.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import torch

from studio.taste.process import normal_scores
from studio.taste.ratings import Ratings
from studio.taste.reward import RewardModel

UNLIKELY = 0.05
"""Chance of an answer as far from what is expected, below which it surprises."""
FEWEST = 12
"""Ratings below which nobody's are doubted."""
LATER = 5
"""Ratings that come between an answer and its being asked again, at least."""
BETWEEN = 8
"""Ratings between two that are asked again, at least."""


@dataclass(frozen=True)
class Doubt:
    """A rating that surprises.

    Attributes:
        works: index of the rated artwork; of a pair the preferred one, then the other.
        stars: that were given; 0 for a pair.
        guess: stars that the other ratings let expect; 0 for a pair, where it is the other work.
        chance: of an answer as far from what is expected, or of this preference.
    """

    works: tuple[int, ...]
    stars: float
    guess: int
    chance: float


def doubts(reward: RewardModel, ratings: Ratings) -> list[Doubt]:
    """Ratings that the others make unlikely, the most surprising first.

    Args:
        reward: fitted to these very ratings.
    """
    if len(ratings) < FEWEST or not reward.is_trusted:
        return []
    mean, deviation = (values.numpy() for values in reward.left_out())
    given = np.array([stars for _, stars in ratings.stars])
    ndtr = NormalDist().cdf
    scores = normal_scores(torch.from_numpy(given).float()).numpy()
    # On the person's own scale: what a four is worth depends on how often they give one.
    levels, first = np.unique(given, return_index=True)
    found = []
    for row, (index, stars) in enumerate(ratings.stars):
        guess = int(np.interp(mean[row], scores[first], levels).round())
        if guess != round(stars):
            chance = 2 * ndtr(-abs(scores[row] - mean[row]) / deviation[row])
            found.append(Doubt((index,), stars, guess, chance))
    for row, (winner, loser, tie) in enumerate(ratings.pairs, start=len(ratings.stars)):
        if not tie:
            found.append(Doubt((winner, loser), 0, 0, ndtr(mean[row] / deviation[row])))
    surprising = [doubt for doubt in found if doubt.chance < UNLIKELY]
    return sorted(surprising, key=lambda doubt: doubt.chance)
