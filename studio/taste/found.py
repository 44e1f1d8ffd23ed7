"""A direction for what a person means by a few works that have more of it and a few that have less.

A handful of marks says next to nothing of a hundred latent dimensions, but more of what the works
look or sound like. The marks are ratings, of the best and of the worst; the reward model says of
every work of the model's map how much it has of what they have in common, and that is regressed on
the latents of those works. So the marks speak through some hundred works that nobody had to mark.
What they do not tell apart is spared, as the directions that ship spare each other.
benchmarks/found_directions.py measures it beside what is simpler.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from studio.atlas import Atlas
from studio.directions import Whitening, deviation
from studio.errors import StudioError
from studio.medium import Artwork, Generator
from studio.taste.reward import RewardModel

FEWEST = 2
"""Marks on each side, below which there is nothing to tell apart."""
MOST_OF_IT, LEAST_OF_IT = 5.0, 1.0
RIDGE = 100.0
"""Works' worth of belief that a latent axis makes no difference."""
SPARED = 1.0
"""How much is left in of a named attribute's gradient that the marks do not tell apart at all."""
SPEED = 1.5
"""Standard deviations of latents that a turn of one leads away."""


class TooFewMarks(StudioError):
    """A person has not marked enough to find a direction by."""


def found(generator: Generator, atlas: Atlas, works: Sequence[Artwork], more: Tensor) -> Tensor:
    """What one turn of the found dial adds to a latent, [D].

    Args:
        atlas: of the generator; nothing is decoded for it.
        works: the marked ones, M of them.
        more: [M], true where a work has more of what is meant, false where it has less.

    Raises:
        TooFewMarks: fewer than FEWEST on a side.
    """
    if min(int(more.sum()), int((~more).sum())) < FEWEST:
        raise TooFewMarks("too_few_marks", needed=FEWEST)
    where = generator.feature_statistics
    said = [MOST_OF_IT if is_more else LEAST_OF_IT for is_more in more.tolist()]
    marked = generator.features(works)
    meant = RewardModel.conditioned(marked, list(enumerate(said)), (), where, [0] * len(works))
    score, _ = meant.predict(atlas.features(generator))

    whitening = Whitening.of(generator.statistics)
    points = whitening.points(generator.map(atlas.noise.flatten(0, 1)))
    way = slope(points, score)
    gradients, doubts = told(points, atlas.attributes, generator.attributes(works), more)
    if len(gradients):
        shared = torch.linalg.solve(gradients @ gradients.T + doubts.diag(), gradients @ way)
        way = way - gradients.T @ shared
    step = SPEED * way / way.norm().clamp_min(1e-8)
    return whitening.ways(step)


def slope(points: Tensor, values: Tensor) -> Tensor:
    """Ridge regression of values [N] on points [N, K]: [K]."""
    centred = points - points.mean(0)
    gram = centred.T @ centred + RIDGE * torch.eye(points.shape[1])
    return torch.linalg.solve(gram, centred.T @ (values - values.mean()))


def told(
    points: Tensor, mapped: Mapping[str, Tensor], marked: Mapping[str, Tensor], more: Tensor
) -> tuple[Tensor, Tensor]:
    """Gradients [A, K] of the attributes that vary, and how little each is to be spared [A]: the
    likelihood ratio of the marks telling it apart, against by chance."""
    gradients, doubts = [], []
    sides = float(more.sum()), float((~more).sum())
    chance = (1 / sides[0] + 1 / sides[1]) ** 0.5
    for name, values in mapped.items():
        usual = values.flatten().float()
        if usual.std() < 1e-6:
            continue
        given = marked[name].float() / deviation(usual)
        apart = (given[more].mean() - given[~more].mean()) / chance
        gradients.append(slope(points, usual / deviation(usual)))
        doubts.append(SPARED * torch.exp(apart.square() / 2).clamp_max(1e4))
    if not gradients:
        return torch.zeros(0, points.shape[1]), torch.zeros(0)
    return torch.stack(gradients), torch.stack(doubts)
