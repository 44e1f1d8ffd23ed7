"""A poem set on paper: the picture that a person keeps, prints or hangs up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from studio.poem import chinese
from studio.poem.data import Poem
from studio.poem.settings import Settings
from studio.typeface import HAN, INK, LATIN, PAPER, SOFT, font

WIDTH = 1600
"""Pixels of a page."""
MARGIN = 200
"""Pixels of paper at least on each side of a poem."""
TALL = 1000
"""Pixels of the height that a page has at least."""
SEAL = "#a63d30"

LATIN_SIZES = (44, 70)
"""Pixels of type at least and at most; a longer line turns over."""
TURNOVER = 2.0
"""Ems that the rest of a line that turns over stands in."""
LEADING = 1.5
HAN_SIZES = {5: 112, 7: 96}
PINYIN = 0.36
"""Size of a reading beside its character."""
HANGING = "’‘“"
FLOWER = "❦"


def page(poem: Poem, settings: Settings) -> Image.Image:
    """One poem on a page of its own, WIDTH pixels wide."""
    return on_paper([block(poem, settings)], TALL)


def scroll(poems: Sequence[tuple[Poem, Settings]]) -> Image.Image:
    """Poems one under another, numbered, WIDTH pixels wide."""
    gap = MARGIN // 2
    numbers = [number(index + 1) for index in range(len(poems))]
    blocks = [block(*each, is_signed=False) for each in poems]
    return on_paper([part for pair in zip(numbers, blocks, strict=True) for part in pair], 0, gap)


def on_paper(blocks: Sequence[Image.Image], least: int, gap: int = 0) -> Image.Image:
    """Blocks one under another in the middle of a page that is at least so many pixels high."""
    written = sum(each.height for each in blocks) + gap * (len(blocks) - 1)
    paper = Image.new("RGB", (WIDTH, max(least, written + 2 * MARGIN)), PAPER)
    # The optical middle of a page lies above its measured one.
    y = max(round((paper.height - written) * 0.48), MARGIN)
    for each in blocks:
        paper.paste(each, ((WIDTH - each.width) // 2, y))
        y += each.height + gap
    return paper


def block(poem: Poem, settings: Settings, is_signed: bool = True) -> Image.Image:
    """What is written, on paper that ends where the lines do; signed with a seal or a flower."""
    if poem.language == "zh":
        return han_block(poem, settings, is_signed)
    return latin_block(poem, is_signed)


def number(value: int) -> Image.Image:
    paper = Image.new("RGB", (80, 40), PAPER)
    ImageDraw.Draw(paper).text((40, 20), str(value), SOFT, font(LATIN, 36), anchor="mm")
    return paper


def latin_block(poem: Poem, is_signed: bool) -> Image.Image:
    """Ragged right, what opens a line hanging before it; the widest line decides the size."""
    room = WIDTH - 2 * MARGIN
    lines = [curled(line) for line in poem.lines]
    size = round(min(max(room / widest(lines), LATIN_SIZES[0]), LATIN_SIZES[1]))
    type_ = font(LATIN, size)
    rows = [
        (text, bool(turn)) for line in lines for turn, text in enumerate(turned(line, size, room))
    ]
    shift = {text: hung(text) * size for text, is_turned in rows if not is_turned}
    margin = max(shift.values())
    indents = [TURNOVER * size if is_turned else -shift[text] for text, is_turned in rows]
    width = max(at + type_.getlength(text) for (text, _), at in zip(rows, indents, strict=True))
    step = round(size * LEADING)
    head = step * 2 if poem.title else 0
    foot = step * 2 if is_signed else 0
    # As much paper on the right as hangs on the left, so that the lines stand in the middle.
    paper = Image.new("RGB", (round(width + 2 * margin) + 2, head + step * len(rows) + foot), PAPER)
    draw = ImageDraw.Draw(paper)
    if poem.title:
        write_title(draw, poem.title, LATIN, (margin, 0), paper.width - 2 * margin, size)
    for index, ((text, _), at) in enumerate(zip(rows, indents, strict=True)):
        draw.text((margin + at, head + step * (index + 0.75)), text, INK, type_, anchor="ls")
    if is_signed:
        y = head + step * len(rows) + foot * 0.7
        draw.text((paper.width / 2, y), FLOWER, SOFT, font(LATIN, size), anchor="mm")
    return paper


def han_block(poem: Poem, settings: Settings, is_signed: bool) -> Image.Image:
    """A grid of characters, in rows or in columns from the right, each with its reading."""
    length = max(map(len, poem.lines))
    size = HAN_SIZES.get(length, min(HAN_SIZES.values()))
    is_glossed, is_vertical = settings.gloss == "pinyin", settings.setting == "vertical"
    along = round(size * (1.3 if is_glossed else 1.16))
    across = round(size * (2.1 if is_glossed else 1.8))
    count, seal = len(poem.lines), round(size * 0.72)
    long, wide = length * along, (count - 1) * across + size
    foot = round(seal * 2.2) if is_signed else 0
    head = round(size * 1.6) if poem.title else 0
    # What stands beside the lines has its like on the other side, so that they keep the middle.
    side = round(size * 0.5) if is_glossed else 0
    if is_vertical:
        edge = max(foot, side, head)
        paper = Image.new("RGB", (wide + 2 * edge, long), PAPER)
    else:
        edge = side
        paper = Image.new("RGB", (long, head + side + wide + foot), PAPER)
    draw = ImageDraw.Draw(paper)
    for i, line in enumerate(poem.lines):
        readings = chinese.pinyin(line) if is_glossed else [""] * len(line)
        for j, (char, reading) in enumerate(zip(line, readings, strict=True)):
            if is_vertical:
                middle = (paper.width - edge - size // 2 - i * across, along * j + along // 2)
            else:
                middle = (along * j + along // 2, head + side + i * across + size // 2)
            draw.text(middle, char, INK, font(HAN, size), anchor="mm")
            if reading:
                beside(paper, reading, middle, size, is_vertical)
    if poem.title and is_vertical:
        small, x = round(size * 0.45), paper.width - edge + round(size * 1.1)
        for j, char in enumerate(poem.title[: int(long / small / 1.1)]):
            at = (x, round(small * (1.1 * j + 1)))
            draw.text(at, char, SOFT, font(HAN, small), anchor="mm")
    elif poem.title:
        write_title(draw, poem.title, HAN, (long / 2, 0), long, round(size * 0.75), anchor="ma")
    if is_signed:
        # Characters stand in the middle of their places: the seal ends where they do.
        inset = (along - size) // 2
        corner = (edge - foot, long - inset - seal)
        if not is_vertical:
            corner = (long - inset - seal, paper.height - seal)
        stamp(draw, corner, seal)
    return paper


def beside(
    paper: Image.Image, reading: str, middle: tuple[int, int], size: int, is_vertical: bool
) -> None:
    """A reading above its character, or, turned with the column, to its right."""
    type_ = font(LATIN, round(size * PINYIN))
    away = round(size * 0.74)
    if not is_vertical:
        draw = ImageDraw.Draw(paper)
        draw.text((middle[0], middle[1] - away + size // 8), reading, SOFT, type_, anchor="ms")
        return
    strip = Image.new("RGB", (round(type_.getlength(reading)) + 4, round(size * 0.5)), PAPER)
    line = (strip.width / 2, strip.height * 0.68)
    ImageDraw.Draw(strip).text(line, reading, SOFT, type_, anchor="ms")
    turned_strip = strip.transpose(Image.Transpose.ROTATE_270)
    x = middle[0] + away - turned_strip.width // 2
    paper.paste(turned_strip, (x, middle[1] - turned_strip.height // 2))


def stamp(draw: ImageDraw.ImageDraw, corner: tuple[int, int], size: int) -> None:
    """A seal with the character for poem."""
    x, y = corner
    draw.rounded_rectangle((x, y, x + size - 1, y + size - 1), size // 9, fill=SEAL)
    type_ = font(HAN, round(size * 0.74))
    draw.text((x + size / 2, y + size / 2), "诗", PAPER, type_, anchor="mm")


def write_title(
    draw: ImageDraw.ImageDraw,
    title: str,
    face: Path,
    at: tuple[float, float],
    room: float,
    size: int,
    anchor: str = "la",
) -> None:
    """A title, as small as it must be to stand on one row."""
    text = curled(title)
    fits = room / max(font(face, size).getlength(text), 1)
    draw.text(at, text, SOFT, font(face, max(round(size * min(0.62, fits)), 12)), anchor=anchor)


def curled(text: str) -> str:
    """Apostrophes as print has them; see studio.poem.data, whose text has no other use of them."""
    return text.replace("'", "’")


def widest(lines: Sequence[str]) -> float:
    """Ems of the widest of some lines in English, as curled, set on one row."""
    return max(font(LATIN, 100).getlength(line) for line in lines) / 100


def hung(line: str) -> float:
    """Ems of what hangs before a line in English."""
    return font(LATIN, 100).getlength(line[0]) / 100 if line[:1] in tuple(HANGING) else 0.0


def turned(line: str, size: float, room: float) -> list[str]:
    """A line as rows of at most `room` pixels at a size of type; all but the first are indented.

    Rows of one line are about equally long: one word left over would look like a mistake.
    """
    type_ = font(LATIN, 100)

    def length(text: str) -> float:
        return type_.getlength(text) * size / 100

    rest = room - TURNOVER * size
    count = 1
    while True:
        rows, words = [""], line.split(" ")
        aim = length(line) / count
        for word in words:
            longer = f"{rows[-1]} {word}".strip()
            limit = min(room if len(rows) == 1 else rest, max(aim * 1.15, size))
            if rows[-1] and length(longer) > limit:
                rows.append(word)
            else:
                rows[-1] = longer
        if len(rows) <= count or count >= len(words):
            return rows
        count += 1
