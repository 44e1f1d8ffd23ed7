"""Words that are sung: a poem's syllables under a melody's notes.

The poem says its syllables, the melody takes them in; neither knows the other, and this knows both
by what they can do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from studio.medium import Artwork


@dataclass(frozen=True)
class Syllable:
    """What is sung on one note, or begins on it.

    Attributes:
        text: as it is written, with the signs around it.
        is_last: of its word.
        stress: 1 stressed, 0 not, None where a language or a word leaves it open.
        opens: whether it is the first of its line.
    """

    text: str
    is_last: bool = True
    stress: int | None = None
    opens: bool = False


Lines = Sequence[Sequence[Syllable]]


@runtime_checkable
class Sayable(Protocol):
    """What an artwork can do besides, if it is words."""

    def syllables(self) -> Lines:
        """Its syllables, line by line."""


@runtime_checkable
class Singable(Protocol):
    """What an artwork can do besides, if words can be sung to it."""

    def sung(self, lines: Lines) -> Artwork:
        """The work with words under its notes, of the same recipe."""
