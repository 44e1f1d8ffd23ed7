"""Simulated artists: hidden preferences, to measure the taste loop with.

An artist cares about what people can name in an artwork (the generator's measured attributes), in
ways people do: up to a point, only together, not at all beyond a limit. The reward model never
sees those attributes, and an artist never sees the features the reward model works on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

MOOD = 0.4
"""Noise of one impression, in standard deviations of the artist's liking of base samples."""
GENEROSITY = 0.3
"""How much artists differ in where their stars begin, in the same unit."""
DRAWS = 40
"""Tastes tried until one is found that leaves room."""
LEVELS = (-1.2, -0.4, 0.4, 1.2)
"""Liking above which an average artist gives two, three, four and five stars."""
TIE = 0.25
"""Impressions nearer to each other than this are called equal."""
ROOM = 0.3
"""How much better the 85th percentile of base samples has to be liked than the median: where half
of all works please alike, there is nothing to learn, and no percentile says what was."""

Taste = Callable[..., Tensor]


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


KINDS: Mapping[str, tuple[int, Taste]] = {
    "more": (1, _more),
    "just_right": (1, _just_right),
    "both": (2, _both),
    "only_if": (2, _only_if),
    "tension": (2, _tension),
    "unless": (2, _unless),
    "either": (2, _either),
    "corner": (3, _corner),
    "extremes": (1, _extremes),
}
"""Name of a kind: how many attributes it looks at, and its liking of their standard scores."""


@dataclass(frozen=True)
class Artist:
    """One hidden preference.

    Attributes:
        kind: one of KINDS.
        attributes: (name, sign) of what it looks at; with sign -1 it likes little of it.
        centres, spreads: of those attributes among base samples.
        middle, spread: of the raw liking among base samples.
        generosity: added to each impression before stars are given.
    """

    kind: str
    attributes: tuple[tuple[str, int], ...]
    centres: tuple[float, ...]
    spreads: tuple[float, ...]
    middle: float = 0.0
    spread: float = 1.0
    generosity: float = 0.0

    @property
    def name(self) -> str:
        """For reports: `only_if(busyness, -warmth)`."""
        seen = (f"{'-' if sign < 0 else ''}{name}" for name, sign in self.attributes)
        return f"{self.kind}({', '.join(seen)})"

    def liking(self, attributes: Mapping[str, Tensor]) -> Tensor:
        """True liking [B] of artworks with measured attributes, each [B].

        The unit is its standard deviation among base samples, whose average is 0.
        """
        scores = [
            (sign * (attributes[name].float() - centre) / spread).clamp(-3, 3)
            for (name, sign), centre, spread in zip(
                self.attributes, self.centres, self.spreads, strict=True
            )
        ]
        return (KINDS[self.kind][1](*scores) - self.middle) / self.spread

    def stars(self, attributes: Mapping[str, Tensor], rng: np.random.Generator) -> list[int]:
        """Stars 1..5 for artworks, in a mood."""
        impressions = self._impressions(attributes, rng) + self.generosity
        return [1 + sum(value > level for level in LEVELS) for value in impressions]

    def prefers(
        self, attributes: Mapping[str, Tensor], rng: np.random.Generator
    ) -> tuple[int, int, bool]:
        """(winner, loser, tie) of two artworks, in a mood."""
        first, second = self._impressions(attributes, rng)
        winner = int(second > first)
        return winner, 1 - winner, bool(abs(first - second) < TIE)

    def _impressions(
        self, attributes: Mapping[str, Tensor], rng: np.random.Generator
    ) -> np.ndarray:
        liking = self.liking(attributes).numpy()
        return liking + MOOD * rng.standard_normal(len(liking))


def invent(base: Mapping[str, Tensor], count: int, seed: int) -> list[Artist]:
    """`count` artists of different kinds, for a medium whose base samples measure so.

    Args:
        base: attributes of base samples, each [B].

    Raises:
        ValueError: the medium measures nothing that differs between samples.
    """
    names = sorted(name for name, values in base.items() if _differs(values.float()))
    if not names:
        raise ValueError("this medium measures nothing that an artist could prefer")
    rng = np.random.Generator(np.random.PCG64(seed))
    kinds = list(KINDS)
    return [_invent(kinds[index % len(kinds)], names, base, rng) for index in range(count)]


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
    looks_at = KINDS[kind][0]
    chosen = rng.choice(names, looks_at, replace=looks_at > len(names)).tolist()
    artist = Artist(
        kind,
        tuple((name, int(rng.choice([-1, 1]))) for name in chosen),
        tuple(float(base[name].float().mean()) for name in chosen),
        tuple(float(base[name].float().std()) for name in chosen),
        generosity=GENEROSITY * float(rng.standard_normal()),
    )
    raw = artist.liking(base)
    middle, spread = float(raw.mean()), max(float(raw.std()), 1e-6)
    return Artist(
        kind,
        artist.attributes,
        artist.centres,
        artist.spreads,
        middle,
        spread,
        artist.generosity,
    )
