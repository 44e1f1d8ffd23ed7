"""A person's ratings as numbers: which latents, how many stars, which of two."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from studio.checkpoint import base_of
from studio.errors import BadUpload
from studio.medium import Generator, Recipe

THUMB_STARS = {True: 4.0, False: 2.0}
"""A thumb says the direction of an opinion, not its strength."""

MOST = 1000
"""Ratings that a taste is made of: twice as many take minutes to fit, and tastes change."""
MOST_BYTES = 64 * 2**20
"""Of a file; a thousand ratings are a tenth of that."""


@dataclass(frozen=True)
class Ratings:
    """What a person, or several, said about artworks of one medium.

    Attributes:
        latents: [N, D], every rated artwork once, in the order of its first rating.
        stars: (index of the artwork, 1..5); of each person at most one for each artwork, the
            latest.
        pairs: (index of the winner, index of the loser, whether it was a tie).
        raters: who gave each of the stars, as a number; empty: all are one person's.
    """

    latents: Tensor
    stars: tuple[tuple[int, float], ...] = ()
    pairs: tuple[tuple[int, int, bool], ...] = ()
    raters: tuple[int, ...] = ()

    def __len__(self) -> int:
        """How many ratings were given."""
        return len(self.stars) + len(self.pairs)

    @classmethod
    def together(cls, people: Sequence[Ratings]) -> Ratings:
        """What several people said of works of one base, each with stars of their own scale."""
        people = [ratings for ratings in people if len(ratings)]
        if len(people) < 2:
            return people[0] if people else cls(torch.zeros(0, 0))
        index: dict[tuple[float, ...], int] = {}
        stars: list[tuple[int, float]] = []
        pairs: list[tuple[int, int, bool]] = []
        raters: list[int] = []
        for ratings in people:
            place = [index.setdefault(tuple(r), len(index)) for r in ratings.latents.tolist()]
            first = len(set(raters))
            numbers = {rater: first + i for i, rater in enumerate(sorted(set(ratings.raters)))}
            stars += [(place[work], value) for work, value in ratings.stars]
            raters += [numbers[r] for r in ratings.raters] or [first] * len(ratings.stars)
            pairs += [(place[winner], place[loser], tie) for winner, loser, tie in ratings.pairs]
        latents = torch.tensor(list(index), dtype=torch.float32)
        return cls(latents, tuple(stars), tuple(pairs), tuple(raters))

    @classmethod
    def from_rows(cls, rows: Iterable[Any]) -> Ratings:
        """The newest MOST ratings of `Store.ratings`, oldest first; a later rating of an artwork
        replaces it.

        Latents of another length than the newest come from a base that was replaced since; this
        one could not decode them, so they are left out.
        """
        rows = list(rows)[-MOST:]
        collected = _Collected()
        for row in rows:
            if len(row.recipe.latent) != len(rows[-1].recipe.latent):
                continue
            if row.kind == "pair":
                collected.pair(row.recipe, row.other_recipe, bool(row.tie))
            elif row.kind == "thumb":
                collected.star(row.recipe, THUMB_STARS[bool(row.thumb)])
            elif row.stars is not None:
                collected.star(row.recipe, float(row.stars))
            elif row.aspects:
                collected.star(row.recipe, sum(row.aspects.values()) / len(row.aspects))
        return collected.ratings()

    @classmethod
    def from_file(cls, path: Path, generator: Generator) -> Ratings:
        """Ratings of a generator's artworks, the last MOST of a file: one JSON object a line; empty
        lines are skipped.

        `{"kind": "stars", "recipe": {...}, "stars": 4}` or
        `{"kind": "pair", "winner": {...}, "loser": {...}, "tie": false}`.

        Raises:
            BadUpload: the file or one of its lines cannot be used; the sentence names the line.
        """
        try:
            # What is no file, such as a pipe, may never end.
            if path.exists() and not path.is_file():
                raise OSError("not a file")
            if path.stat().st_size > MOST_BYTES:
                raise BadUpload("ratings_too_large", path=path.name, limit=MOST_BYTES // 2**20)
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError) as error:
            raise BadUpload("ratings_unreadable", path=path.name) from error
        collected = _Collected()
        filled = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
        for number, line in filled[-MOST:]:
            _read_line(collected, number, line, generator)
        return collected.ratings()


def line_for_stars(recipe: Recipe, stars: float) -> str:
    """The line of a ratings file that gives an artwork stars."""
    values = {"kind": "stars", "recipe": recipe.to_dict(), "stars": stars}
    return json.dumps(values, ensure_ascii=False)


def line_for_pair(winner: Recipe, loser: Recipe, *, tie: bool = False) -> str:
    """The line of a ratings file that prefers one artwork to another."""
    values = {"kind": "pair", "winner": winner.to_dict(), "loser": loser.to_dict(), "tie": tie}
    return json.dumps(values, ensure_ascii=False)


class _Collected:
    """Ratings being read; an artwork is known by its latent."""

    def __init__(self) -> None:
        self.index: dict[tuple[float, ...], int] = {}
        self.stars: dict[int, float] = {}
        self.pairs: list[tuple[int, int, bool]] = []

    def star(self, recipe: Recipe, stars: float) -> None:
        self.stars[self._artwork(recipe)] = stars

    def pair(self, winner: Recipe, loser: Recipe, tie: bool) -> None:
        self.pairs.append((self._artwork(winner), self._artwork(loser), tie))

    def ratings(self) -> Ratings:
        latents = torch.tensor(list(self.index), dtype=torch.float32)
        if not self.index:
            latents = torch.zeros(0, 0)
        return Ratings(latents, tuple(self.stars.items()), tuple(self.pairs))

    def _artwork(self, recipe: Recipe) -> int:
        return self.index.setdefault(recipe.latent, len(self.index))


def _read_line(collected: _Collected, number: int, line: str, generator: Generator) -> None:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadUpload("ratings_line_json", line=number) from error
    kind = values.get("kind") if isinstance(values, dict) else None
    if kind == "stars":
        recipe = _recipe(values, "recipe", number, generator)
        stars = values.get("stars")
        if isinstance(stars, bool) or not isinstance(stars, int | float) or not 1 <= stars <= 5:
            raise BadUpload("ratings_line_stars", line=number, stars=str(stars)[:32])
        collected.star(recipe, float(stars))
    elif kind == "pair":
        winner = _recipe(values, "winner", number, generator)
        loser = _recipe(values, "loser", number, generator)
        if winner.latent == loser.latent:
            raise BadUpload("ratings_line_same", line=number)
        collected.pair(winner, loser, values.get("tie") is True)
    else:
        raise BadUpload("ratings_line_kind", line=number)


def _recipe(values: Mapping[str, Any], name: str, number: int, generator: Generator) -> Recipe:
    try:
        recipe = Recipe.from_dict(values[name])
    except (KeyError, TypeError, AttributeError, BadUpload) as error:
        raise BadUpload("ratings_line_recipe", line=number, name=name) from error
    medium = generator.medium
    if recipe.medium != medium:
        raise BadUpload("ratings_line_medium", line=number, found=recipe.medium, medium=medium)
    if len(recipe.latent) != generator.latent_dim:
        raise BadUpload("ratings_line_length", line=number, length=generator.latent_dim)
    found, wanted = base_of(recipe.version), base_of(generator.version)
    if found != wanted:
        raise BadUpload("ratings_line_base", line=number, found=found, base=wanted)
    return recipe
