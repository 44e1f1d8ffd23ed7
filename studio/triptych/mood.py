"""What a work feels like beside what its model usually makes, and how a work of another medium is
brought to feel alike.

Media say how their attributes make up a mood (`studio.medium.Felt`). A mood is told as a place
among the model's own samples, so that the gladdest hundredth of paintings goes with the gladdest
hundredth of melodies, whatever gladness is measured in.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from studio.directions import moved
from studio.medium import Direction, Generator
from studio.taste.explain import Samples

Mood = Mapping[str, float]
"""By its name, normal scores: 0 is the middle of what a model makes, 1 has 84 in 100 below it."""
Weights = Mapping[str, Mapping[str, float]]
"""See `studio.medium.Felt`."""

ROUNDS = 5
LENGTHS = (0.5, 1.0, 2.5)
"""Of each round's step: how far one leads is known only on average, and where works can only have a
word or not, a short step changes nothing."""
FARTHEST = 2.5
"""Steps that one direction is followed at most: beyond, a model knows little."""
RIDGE = 0.15
"""What a step costs beside a miss of one: of two ways to a mood, the shorter is taken."""
NEAR = 0.15
"""A miss that nobody would feel."""


@dataclass(frozen=True)
class Scale:
    """What the moods of one model's works are told by.

    Attributes:
        samples: what the model usually makes.
        weights: of attributes the model measures, by mood; a mood of none of them is left out.
        felt: each mood of the samples [S], in order.
    """

    samples: Samples
    weights: Weights
    felt: Mapping[str, Tensor]

    @classmethod
    def of(cls, samples: Samples, weights: Weights) -> Scale:
        known = {
            mood: {name: by for name, by in made_of.items() if name in samples.attributes}
            for mood, made_of in weights.items()
        }
        known = {mood: made_of for mood, made_of in known.items() if made_of}
        scale = cls(samples, known, {})
        felt = {mood: each.sort().values for mood, each in scale.raw(samples.attributes).items()}
        return cls(samples, known, felt)

    def raw(self, attributes: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """By mood, each [B]: the weighted sum of attributes in the samples' deviations."""
        standing = self.samples.standing(attributes)
        return {
            mood: torch.stack([by * standing[name] for name, by in made_of.items()]).sum(0)
            for mood, made_of in self.weights.items()
        }

    def moods(self, attributes: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """By mood, normal scores, each [B]."""
        return {
            mood: normal_score(values, self.felt[mood])
            for mood, values in self.raw(attributes).items()
        }

    def within(self, mood: str, wanted: float) -> float:
        """What is wanted of a mood, or the nearest that the model's works have of it."""
        ends = normal_score(self.felt[mood][[0, -1]], self.felt[mood])
        return min(max(wanted, float(ends[0])), float(ends[1]))


def normal_score(values: Tensor, ordered: Tensor) -> Tensor:
    """Values [B] as normal quantiles of their places among an ordered sample [S].

    Between two of the sample a place is between theirs; equals share the middle of their places.
    """
    below = torch.searchsorted(ordered, values.contiguous(), right=False).float()
    upto = torch.searchsorted(ordered, values.contiguous(), right=True).float()
    last = len(ordered) - 1
    low = ordered[(below.long() - 1).clamp(0, last)]
    high = ordered[upto.long().clamp(0, last)]
    between = ((values - low) / (high - low).clamp_min(1e-9)).clamp(0, 1) - 0.5
    is_between = (below == upto) & (below > 0) & (below <= last)
    place = (below + upto) / 2 + torch.where(is_between, between, torch.zeros_like(between))
    share = ((place + 0.5) / (len(ordered) + 1)).clamp(1e-3, 1 - 1e-3)
    return math.sqrt(2) * torch.erfinv(2 * share - 1)


def steered(generator: Generator, start: Tensor, wanted: Mood, scale: Scale) -> Tensor:
    """The latent [D] that comes nearest to a mood on the way from `start` [D] along the model's own
    directions; the same one every time. Moods that the model does not know are not asked for.

    A damped Gauss-Newton search: what directions do on average (their measured effects) says where
    to go, and the work that is made there how far off it is.
    """
    moods = [mood for mood in wanted if mood in scale.weights]
    directions = [each for each in generator.directions if each.attribute]
    if not moods or not directions:
        return start
    mean = generator.statistics.mean
    slopes = torch.tensor([[slope(each, mood, scale) for each in directions] for mood in moods])
    target = torch.tensor([scale.within(mood, wanted[mood]) for mood in moods])
    inner = slopes @ slopes.T + RIDGE * torch.eye(len(moods))

    def at(positions: Tensor) -> Tensor:
        turns = zip(directions, positions.tolist(), strict=True)
        return moved(start[None], turns, mean)[0]

    def missed_by(latents: Tensor) -> Tensor:
        found = scale.moods(generator.attributes(generator.decode(latents)))
        return target - torch.stack([found[mood] for mood in moods], dim=1)

    here = torch.zeros(len(directions))
    best, missed = start, missed_by(start[None])[0]
    least = missed
    for _ in range(ROUNDS):
        if least.norm() < NEAR:
            break
        step = slopes.T @ torch.linalg.solve(inner, missed)
        tried = [(here + by * step).clamp(-FARTHEST, FARTHEST) for by in LENGTHS]
        latents = torch.stack([at(positions) for positions in tried])
        misses = missed_by(latents)
        nearest = int(misses.norm(dim=1).argmin())
        # Onward from the nearest of them even if it was nearer before: it may be a plain.
        here, missed = tried[nearest], misses[nearest]
        if missed.norm() < least.norm():
            best, least = latents[nearest], missed
    return best


def slope(direction: Direction, mood: str, scale: Scale) -> float:
    """How much of a mood, in its samples' deviations, one step of a direction adds."""
    effects = {**direction.side_effects, direction.attribute: direction.effect}
    said = sum(by * effects.get(name, 0.0) for name, by in scale.weights[mood].items())
    return said / max(float(scale.felt[mood].std()), 1e-6)
