"""Words under a piano roll, on the page and on paper."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from studio.melody.grid import Note
from studio.song import Syllable
from studio.typeface import INK, PAPER, face_of, font, length

Verse = Sequence[Syllable | None]
NARROWEST, WIDEST = 36, 120
"""Ems that a roll with words is wide at least, and at most for the sake of them."""
GAP = 0.35
"""Ems between two syllables."""
ASIDE = 1.2
"""Ems that a syllable may stand to the right of its note."""
LARGEST, SMALLEST = 34, 20
"""Pixels of type on paper."""
LEADING = 1.7


@dataclass(frozen=True)
class Places:
    """Where the syllables of each verse stand.

    Attributes:
        width: ems of the whole roll at least; lefts: for each verse, shares of it, 0 to 1.
    """

    width: float
    lefts: Sequence[Sequence[float]]


def laid_out(notes: Sequence[Note], verses: Sequence[Verse], quarters: int) -> Places:
    """As narrow as it can be with every syllable near its note and none upon another."""
    width = float(NARROWEST)
    while True:
        found = [lefts(notes, verse, quarters, width) for verse in verses]
        if all(is_near for _, is_near in found) or width >= WIDEST:
            return Places(width, [places for places, _ in found])
        width += 4


def lefts(
    notes: Sequence[Note], verse: Verse, quarters: int, width: float
) -> tuple[list[float], bool]:
    """Shares of the width for those of the notes that have a syllable, each as far left as the one
    before allows; and whether that is near enough."""
    free, found, is_near = 0.0, [], True
    for note, syllable in zip(notes, verse, strict=True):
        if syllable is None:
            continue
        own = float(note.start) / quarters * width
        at = max(own, free)
        free = at + length(shown(syllable), 100) / 100 + GAP
        is_near = is_near and at - own <= ASIDE and free - GAP <= width
        found.append(at / width)
    return found, is_near


def shown(syllable: Syllable) -> str:
    return syllable.text + ("" if syllable.is_last else "-")


def row(verse: Verse, lefts: Sequence[float]) -> str:
    """HTML of one verse: text of the page, so that it keeps its size however wide the roll is."""
    said = [shown(syllable) for syllable in verse if syllable is not None]
    parts = [
        f'<span style="left:{100 * left:.3f}%">{html.escape(text)}</span>'
        for text, left in zip(said, lefts, strict=True)
    ]
    return f'<p class="melody-words">{" ".join(parts)}</p>'


def drawn_under(
    picture: Image.Image, notes: Sequence[Note], verses: Sequence[Verse], quarters: int
) -> Image.Image:
    """A roll on paper with a row of words for each verse below it."""
    if not verses:
        return picture
    places = laid_out(notes, verses, quarters)
    size = round(min(max(picture.width / places.width, SMALLEST), LARGEST))
    wide = picture.width / size
    rows = [lefts(notes, verse, quarters, wide)[0] for verse in verses]
    step = round(size * LEADING)
    paper = Image.new(
        "RGB", (picture.width, picture.height + step * len(verses) + step // 2), PAPER
    )
    paper.paste(picture, (0, 0))
    draw = ImageDraw.Draw(paper)
    for index, (verse, found) in enumerate(zip(verses, rows, strict=True)):
        y = picture.height + step * (index + 1)
        said = [shown(syllable) for syllable in verse if syllable is not None]
        for text, left in zip(said, found, strict=True):
            x = left * picture.width
            for sign in text:
                draw.text((x, y), sign, INK, font(face_of(sign), size), anchor="ls")
                x += font(face_of(sign), size).getlength(sign)
    return paper
