"""A melody as a piano roll: time to the right, pitch upwards, colour for the place in the key."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from studio.melody.grid import BARS, Note
from studio.melody.harmony import Sounding
from studio.melody.keys import Key

LEAST_LANES = 14
"""Semitones that the height shows at least, so that a narrow tune is not blown up."""
PALER = 0.45
"""Opacity of the phrases before the last, which is the one that is steered."""
BAR_LINE, PHRASE_LINE = 0.25, 0.6
PAPER, LINES = "#fdfaf3", ("#e4dfd4", "#a8a196")
"""Of a roll that is printed: the lines inside a phrase, and between phrases."""


@dataclass(frozen=True)
class Lanes:
    """Where on a roll a pitch lies.

    Attributes:
        middle: the pitch in the middle; count: semitones from the bottom to the top.
    """

    middle: float
    count: int

    @classmethod
    def of(cls, notes: Sequence[Note]) -> Lanes:
        low = min((n.pitch for n in notes), default=60) - 2
        high = max((n.pitch for n in notes), default=72) + 2
        return cls((high + low) / 2, max(high - low + 1, LEAST_LANES))

    def top(self, pitch: int) -> float:
        """The upper edge of a pitch's lane, as a share of the height from the top."""
        return 0.5 - (pitch - self.middle + 0.5) / self.count

    def pitch(self, y: float) -> float:
        """The pitch whose lane has its middle at a share of the height from the top."""
        return self.middle + (0.5 - y) * self.count


def roll(
    notes: Sequence[Note],
    quarters: int,
    bar: int,
    phrase: int,
    width: int,
    height: int,
    pale_until: float = 0.0,
    rounding: int = 2,
) -> str:
    """An SVG of so many quarters, `width` by `height` units.

    Args:
        notes: with their tonic on C, in order.
        bar, phrase: quarters between lines, and between stronger ones.
        pale_until: quarters up to which notes are paler.
        rounding: of the notes' corners, units.
    """
    lanes = Lanes.of(notes)
    lane = height / lanes.count
    across = width / quarters
    parts = []
    for line in range(bar, quarters, bar):
        strength = PHRASE_LINE if line % phrase == 0 else BAR_LINE
        x = line * across
        parts.append(
            f'<path d="M{x:.1f} 0V{height}" stroke="#888" stroke-opacity="{strength}" '
            'vector-effect="non-scaling-stroke"/>'
        )
    for note in notes:
        x, wide = float(note.start) * across, float(note.duration) * across
        y = height * lanes.top(note.pitch)
        hue = (note.pitch * 7 % 12) * 30
        pale = f' opacity="{PALER}"' if note.start < pale_until else ""
        parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(wide - 1, 1):.1f}" '
            f'height="{lane * 0.86:.1f}" rx="{rounding}" fill="hsl({hue} 55% 52%)"{pale}/>'
        )
    return (
        f'<svg viewBox="0 0 {width} {height}" width="100%" preserveAspectRatio="none" '
        f'aria-hidden="true" style="display:block;aspect-ratio:{width}/{height}">'
        f"{''.join(parts)}</svg>"
    )


def drawn(notes: Sequence[Note], quarters: int, bar: int, phrase: int, width: int) -> Image.Image:
    """The roll as a picture on paper, so many pixels wide and a fifth as high.

    Args: see `roll`.
    """
    # Twice as large, then half: edges without steps.
    wide, height = 2 * width, 2 * width // 5
    lanes = Lanes.of(notes)
    lane = height / lanes.count
    paper = Image.new("RGB", (wide, height), PAPER)
    draw = ImageDraw.Draw(paper)
    for line in range(0, quarters + 1, bar):
        x = min(line * wide / quarters, wide - 4)
        draw.line((x, 0, x, height), fill=LINES[line % phrase == 0], width=3)
    for note in notes:
        x, long = float(note.start) * wide / quarters, float(note.duration) * wide / quarters
        y = height * lanes.top(note.pitch)
        colour = f"hsl({note.pitch * 7 % 12 * 30}, 55%, 46%)"
        box = (x + 4, y, x + max(long - 6, 6), y + lane * 0.86)
        draw.rounded_rectangle(box, lane * 0.2, fill=colour)
    return paper.resize((width, height // 2), Image.Resampling.LANCZOS)


Names = Sequence[tuple[float, str, bool]]
"""Where each begins, in quarters; the name; and whether it is inside a bar."""


def chord_names(harmony: Sequence[Sounding], key: Key, bar: int) -> Names:
    """The chords of a piece where they change."""
    found = []
    before = None
    for sounding in harmony:
        if sounding.chord != before:
            is_inside = sounding.start % bar != 0
            found.append((float(sounding.start), sounding.chord.symbol(key), is_inside))
        before = sounding.chord
    return found


def strip(names: Names, quarters: int, bar: int) -> str:
    """Names above a roll of so many quarters. They are text of the page, so that they keep their
    size however narrow the roll is; where room is scarce, those inside a bar are dropped."""
    bars = quarters // bar
    parts = []
    for start, name, is_inside in names:
        inside = ' class="is-inside"' if is_inside else ""
        left = start / quarters * 100
        parts.append(f'<span{inside} style="left:{left:.3f}%">{html.escape(name)}</span>')
    long = " is-long" if bars > 2 * BARS else ""
    return f'<div class="melody-names{long}" style="--bars:{bars}">{"".join(parts)}</div>'


# Two names to a bar have to fit: a long one is about two and a half letters' heights wide.
STYLE = (
    ".melody-roll{position:relative;border-radius:4px;overflow:hidden;"
    "container-type:inline-size;background:var(--background-fill-secondary,#8881)}"
    ".melody-playhead{position:absolute;top:0;bottom:0;width:2px;background:currentColor;"
    "left:calc(var(--at)*100%)}"
    ".melody-names{position:relative;height:1.75rem;font-weight:600;line-height:1.75rem;"
    "font-size:clamp(.5625rem,calc(21cqw/var(--bars)),.875rem)}"
    ".melody-names span{position:absolute;padding-left:.3em;white-space:nowrap}"
    "@container (max-width:40rem){.is-long .is-inside{display:none}}"
)
