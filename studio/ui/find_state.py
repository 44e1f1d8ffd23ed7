"""What somebody has marked while they look for a direction of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from studio.medium import pack, unpack
from studio.ui.explore_state import Latent

MOST_MARKS = 16
"""The oldest gives way: more say little more, and each is looked at again."""


@dataclass(frozen=True)
class Mark:
    """A work that has more, or less, of what somebody means."""

    latent: Latent
    is_more: bool
    thumbnail: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return {**self.__dict__, "latent": pack(self.latent)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Mark:
        return cls(**{**values, "latent": unpack(values["latent"])})


@dataclass(frozen=True)
class Search:
    """One person's search in one medium.

    Attributes:
        first: seed of the first of the samples that are offered; None: the sheet is closed.
        faces: small pictures of them.
        found: a direction on its way to the dials: its name and packed vector.
    """

    first: int | None = None
    faces: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ()
    found: Mapping[str, str] | None = None

    def to_dict(self) -> dict[str, Any]:
        return {**self.__dict__, "marks": [mark.to_dict() for mark in self.marks]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Search:
        marks = tuple(Mark.from_dict(mark) for mark in values["marks"])
        return cls(**{**values, "marks": marks, "faces": tuple(values["faces"])})

    def side(self, latent: Latent) -> bool | None:
        """Whether a work was marked as having more; None: it was not marked."""
        return next((mark.is_more for mark in self.marks if mark.latent == latent), None)

    def marked(self, mark: Mark) -> Search:
        """With a work marked, or not any more if it was marked so."""
        others = tuple(one for one in self.marks if one.latent != mark.latent)
        if self.side(mark.latent) == mark.is_more:
            return replace(self, marks=others)
        return replace(self, marks=(*others, mark)[-MOST_MARKS:])

    def without(self, index: int) -> Search:
        return replace(self, marks=self.marks[:index] + self.marks[index + 1 :])

    def count(self, is_more: bool) -> int:
        return sum(mark.is_more == is_more for mark in self.marks)
