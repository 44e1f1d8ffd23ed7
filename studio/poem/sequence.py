"""Poems read one after another: a path as a sequence."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from studio.poem import page, typeset
from studio.poem.artwork import Verse, png, recipe_row

FORMATS = ("txt", "png")
LONGEST = 9


class Cycle:
    """The frames of a path as a cycle of poems, set as the first is.

    A path has hundreds of frames; LONGEST of them, evenly chosen, are enough to read the way. One
    that says the same as the one before it is left out.

    Attributes:
        verses: the poems.
    """

    def __init__(self, verses: Sequence[Verse]) -> None:
        """Raises: ValueError: no poems."""
        if not verses:
            raise ValueError("a cycle needs at least one poem")
        last, count = len(verses) - 1, min(len(verses), LONGEST)
        chosen = [verses[round(i * last / max(count - 1, 1))] for i in range(count)]
        self.verses = chosen[:1] + [
            verse for before, verse in pairwise(chosen) if verse.lines != before.lines
        ]
        self.set = [(verse.poem, verses[0].settings) for verse in self.verses]

    def show(self, alt: str = "") -> str:
        """HTML of all of them, one under another."""
        return page.pages(self.set, alt)

    def export(self, format: str) -> bytes:
        """Bytes of a file with the first one's recipe inside.

        Raises:
            ValueError: not one of FORMATS.
        """
        recipe = self.verses[0].recipe
        if format == "txt":
            parts = [f"{i + 1}\n\n{verse.text()}" for i, verse in enumerate(self.verses)]
            return ("\n".join(parts) + recipe_row(recipe)).encode()
        if format == "png":
            return png(typeset.scroll(self.set), recipe)
        raise ValueError(f"a path of poems exports to {', '.join(FORMATS)}, not {format!r}")
