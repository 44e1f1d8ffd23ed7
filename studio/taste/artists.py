"""Simulated artists: hidden preferences, to measure the taste loop with.

An artist cares about what people can name in an artwork (the generator's measured attributes), in
ways people do: up to a point, only together, not at all beyond a limit, against what usually comes
together, or something else tomorrow. The reward model never sees those attributes, and an artist
never sees the features the reward model works on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import torch
from torch import Tensor

NOISE = 0.1
"""Share of the variance of an artist's impressions that is mood and not liking."""
MOST_NOISE = 0.5
GENEROSITY = 0.3
"""How much artists differ in where their stars begin, in standard deviations of the liking."""
DRAWS = 40
"""Tastes tried until one is found that leaves room."""
LEVELS = (-1.2, -0.4, 0.4, 1.2)
"""Liking above which an average artist gives two, three, four and five stars."""
TIE = 0.25
"""Impressions nearer to each other than this are called equal."""
ROOM = 0.3
"""How much better the 85th percentile of base samples has to be liked than the median: where half
of all works please alike, there is nothing to learn, and no percentile says what was."""

TOGETHER = (0.3, 0.9)
"""Correlation of two attributes that usually come together, and yet not always."""

Taste = Callable[..., Tensor]


@dataclass(frozen=True)
class Kind:
    """A way of liking.

    Attributes:
        looks_at: how many attributes.
        taste: raw liking [B] of their standard scores, each [B]. Where it `changes`, the first
            argument is how far the rating has come, from 0 to 1.
        against: the two attributes usually come together among base samples.
    """

    looks_at: int
    taste: Taste
    against: bool = False
    changes: bool = False


def _more(a: Tensor) -> Tensor:
    return torch.tanh(0.7 * a)


def _just_right(a: Tensor) -> Tensor:
    return -(a - 0.8).square().clamp_max(4)


def _both(a: Tensor, b: Tensor) -> Tensor:
    return torch.sigmoid(1.5 * a) * torch.sigmoid(1.5 * b)


def _only_if(a: Tensor, b: Tensor) -> Tensor:
    return torch.where(a > 0, torch.tanh(b), -1.2)


def _extremes(a: Tensor) -> Tensor:
    return a.abs().clamp_max(2.5)


def _tension(a: Tensor, b: Tensor) -> Tensor:
    return torch.tanh(0.7 * (a - b))


def _either(a: Tensor, b: Tensor) -> Tensor:
    return torch.maximum(torch.exp(-(a - 1).square()), torch.exp(-(b - 1).square()))


def _unless(a: Tensor, b: Tensor) -> Tensor:
    return torch.tanh(a) - 2 * torch.sigmoid(4 * (b - 0.8))


def _corner(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    return -((a - 0.7).square() + (b - 0.7).square() + (c - 0.7).square()).sqrt()


def _weighed(a: Tensor, b: Tensor) -> Tensor:
    return a + 0.6 * b


def _against_the_grain(a: Tensor, b: Tensor) -> Tensor:
    return torch.sigmoid(2 * a) * torch.sigmoid(-2 * b)


def _drifting(share: float, a: Tensor, b: Tensor) -> Tensor:
    angle = 0.5 * math.pi * share
    return torch.tanh(0.7 * (math.cos(angle) * a + math.sin(angle) * b))


KINDS: Mapping[str, Kind] = {
    "more": Kind(1, _more),
    "just_right": Kind(1, _just_right),
    "both": Kind(2, _both),
    "only_if": Kind(2, _only_if),
    "tension": Kind(2, _tension),
    "unless": Kind(2, _unless),
    "either": Kind(2, _either),
    "corner": Kind(3, _corner),
    "extremes": Kind(1, _extremes),
    "weighed": Kind(2, _weighed),
    "against_the_grain": Kind(2, _against_the_grain, against=True),
    "drifting": Kind(2, _drifting, changes=True),
}
"""By name. A new one comes last, so that the artists of earlier measurements stay who they are."""


@dataclass(frozen=True)
class Artist:
    """One hidden preference.

    Attributes:
        kind: one of KINDS.
        attributes: (name, sign) of what it looks at; with sign -1 it likes little of it.
        centres, spreads: of those attributes among base samples.
        middle, spread: of the raw liking among base samples, at the end of the rating.
        generosity: added to each impression before stars are given.
        mood: standard deviation of what is not liking in an impression, in the unit of the liking.
    """

    kind: str
    attributes: tuple[tuple[str, int], ...]
    centres: tuple[float, ...]
    spreads: tuple[float, ...]
    middle: float = 0.0
    spread: float = 1.0
    generosity: float = 0.0
    mood: float = 0.0

    @property
    def name(self) -> str:
        """For reports: `only_if(busyness, -warmth)`."""
        seen = (f"{'-' if sign < 0 else ''}{name}" for name, sign in self.attributes)
        return f"{self.kind}({', '.join(seen)})"

    def liking(self, attributes: Mapping[str, Tensor], share: float = 1.0) -> Tensor:
        """True liking [B] of artworks with measured attributes, each [B].

        The unit is its standard deviation among base samples, whose average is 0.

        Args:
            share: how far the rating has come, 0 at its first question and 1 at its end; only a
                taste that changes asks.
        """
        scores = [
            (sign * (attributes[name].float() - centre) / spread).clamp(-3, 3)
            for (name, sign), centre, spread in zip(
                self.attributes, self.centres, self.spreads, strict=True
            )
        ]
        kind = KINDS[self.kind]
        raw = kind.taste(share, *scores) if kind.changes else kind.taste(*scores)
        return (raw - self.middle) / self.spread

    def stars(
        self, attributes: Mapping[str, Tensor], rng: np.random.Generator, share: float = 1.0
    ) -> list[int]:
        """Stars 1..5 for artworks, in a mood; for `share` see `liking`."""
        impressions = self._impressions(attributes, rng, share) + self.generosity
        return [1 + sum(value > level for level in LEVELS) for value in impressions]

    def prefers(
        self, attributes: Mapping[str, Tensor], rng: np.random.Generator, share: float = 1.0
    ) -> tuple[int, int, bool]:
        """(winner, loser, tie) of two artworks, in a mood; for `share` see `liking`."""
        first, second = self._impressions(attributes, rng, share)
        winner = int(second > first)
        return winner, 1 - winner, bool(abs(first - second) < TIE)

    def _impressions(
        self, attributes: Mapping[str, Tensor], rng: np.random.Generator, share: float
    ) -> np.ndarray:
        liking = self.liking(attributes, share).numpy()
        return liking + self.mood * rng.standard_normal(len(liking))


def mood(noise: float) -> float:
    """Standard deviation of the mood, in those of the liking, that makes up a share `noise` of the
    variance of impressions.

    Raises:
        ValueError: the share is not between 0 and MOST_NOISE.
    """
    if not 0 <= noise <= MOST_NOISE:
        raise ValueError(f"the noise is a share of 0 to {MOST_NOISE}, not {noise}")
    return math.sqrt(noise / (1 - noise))


def invent(base: Mapping[str, Tensor], count: int, seed: int, noise: float = NOISE) -> list[Artist]:
    """`count` artists of different kinds, for a medium whose base samples measure so.

    Args:
        base: attributes of base samples, each [B].
        noise: see `mood`.

    Raises:
        ValueError: the medium measures nothing that differs between samples, or see `mood`.
    """
    names = sorted(name for name, values in base.items() if _differs(values.float()))
    if not names:
        raise ValueError("this medium measures nothing that an artist could prefer")
    rng = np.random.Generator(np.random.PCG64(seed))
    kinds = list(KINDS)
    artists = [_invent(kinds[index % len(kinds)], names, base, rng) for index in range(count)]
    return [replace(artist, mood=mood(noise)) for artist in artists]


def _differs(values: Tensor) -> bool:
    """Whether an attribute [B] differs between ordinary works: nobody's taste is known from thirty
    ratings if it is about what one work in twenty has."""
    quarter, three_quarters = values.quantile(torch.tensor([0.25, 0.75])).tolist()
    return three_quarters > quarter


def _invent(
    kind: str, names: Sequence[str], base: Mapping[str, Tensor], rng: np.random.Generator
) -> Artist:
    found = [_draw(kind, names, base, rng)]
    # What is counted in few works, such as words of love, may leave most of them equally good.
    while _room(found[-1], base) < ROOM and len(found) < DRAWS:
        found.append(_draw(kind, names, base, rng))
    return max(found, key=lambda artist: min(_room(artist, base), ROOM))


def _room(artist: Artist, base: Mapping[str, Tensor]) -> float:
    """How much better the 85th percentile of base samples is liked than the median."""
    liking = artist.liking(base)
    return float(liking.quantile(0.85) - liking.median())


def _draw(
    kind: str, names: Sequence[str], base: Mapping[str, Tensor], rng: np.random.Generator
) -> Artist:
    looks_at = KINDS[kind].looks_at
    if KINDS[kind].against and len(names) > 1:
        looked_at = _come_together(names, base, rng)
    else:
        chosen = rng.choice(names, looks_at, replace=looks_at > len(names)).tolist()
        looked_at = [(name, int(rng.choice([-1, 1]))) for name in chosen]
    artist = Artist(
        kind,
        tuple(looked_at),
        tuple(float(base[name].float().mean()) for name, _ in looked_at),
        tuple(float(base[name].float().std()) for name, _ in looked_at),
        generosity=GENEROSITY * float(rng.standard_normal()),
    )
    raw = artist.liking(base)
    return replace(artist, middle=float(raw.mean()), spread=max(float(raw.std()), 1e-6))


def _come_together(
    names: Sequence[str], base: Mapping[str, Tensor], rng: np.random.Generator
) -> list[tuple[str, int]]:
    """Two attributes with signs, so that much of one comes with much of the other."""
    pairs = list(combinations(names, 2))
    correlations = [
        float(torch.corrcoef(torch.stack([base[a].float(), base[b].float()]))[0, 1])
        for a, b in pairs
    ]
    least, most = TOGETHER
    fitting = [i for i, value in enumerate(correlations) if least <= abs(value) <= most]
    if not fitting:
        fitting = [max(range(len(pairs)), key=lambda i: abs(correlations[i]))]
    index = int(rng.choice(fitting))
    first, second = rng.permutation(pairs[index]).tolist()
    sign = int(rng.choice([-1, 1]))
    return [(first, sign), (second, sign if correlations[index] > 0 else -sign)]
