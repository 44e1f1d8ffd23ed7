"""Melodies as written music: ABC, MusicXML, and an engraved picture of the score."""

from __future__ import annotations

import html
import re
import threading
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

from studio.melody.grid import BARS, METERS, Note

ABC_RECIPE = "%%latent-studio-recipe "
RECIPE_FIELD = '<miscellaneous-field name="latent-studio-recipe">'
SHARP = ("C", "^C", "D", "^D", "E", "F", "^F", "G", "^G", "A", "^A", "B")
FLAT = ("C", "_D", "D", "_E", "E", "F", "^F", "G", "_A", "A", "_B", "B")
DIVISIONS = 12
"""Parts of a quarter in MusicXML: sixteenths and thirds are whole numbers of them."""
KINDS = ((48, "whole"), (24, "half"), (12, "quarter"), (6, "eighth"), (3, "16th"))
_engraving = threading.Lock()


def names(notes: Sequence[Note]) -> tuple[str, ...]:
    """Flats for what is mostly minor, sharps else; the fourth is raised more often than lowered."""
    classes = [note.pitch % 12 for note in notes]
    return FLAT if classes.count(3) + classes.count(10) >= classes.count(6) else SHARP


Written = tuple[Fraction, int | None, bool, bool]


def pieces(
    notes: Sequence[Note], meter: str
) -> list[list[tuple[Fraction, int | None, bool, bool]]]:
    """Bars of (duration, pitch or None for a rest, tied to the next, third of a quarter).

    What crosses a bar line is tied; so is what has no single note value.
    """
    bar = Fraction(METERS[meter])
    bars: list[list[Written]] = [[] for _ in range(BARS)]
    spans: list[tuple[Fraction, Fraction, int | None]] = []
    at = Fraction(0)
    for note in notes:
        if note.start > at:
            spans.append((at, note.start, None))
        spans.append((note.start, note.end, note.pitch))
        at = note.end
    if at < BARS * bar:
        spans.append((at, BARS * bar, None))
    for start, end, pitch in spans:
        while start < end:
            index = int(start // bar)
            limit = min(end, (index + 1) * bar)
            length = limit - start
            thirds = (start * 3) % 1 == 0 and (start % 1 != 0 or (length * 4) % 1 != 0)
            if thirds and length != Fraction(1, 3):
                # Up to the end of its quarter, in thirds.
                length = min(length, int(start) + 1 - start)
            elif (length * 4) % 1 != 0:
                length = max(Fraction(int(length)), Fraction(1, 3))
            else:
                length = next(Fraction(n, 4) for n in VALUES if Fraction(n, 4) <= length)
            is_third = (length * 4) % 1 != 0
            more = pitch is not None and start + length < end
            bars[index].append((length, pitch, more, is_third))
            start += length
    return bars


VALUES = (16, 12, 8, 6, 4, 3, 2, 1)
"""Lengths in sixteenths that one note value, dotted or not, can have."""


def abc_bars(notes: Sequence[Note], meter: str) -> str:
    spelt = names(notes)
    bars = []
    for bar in pieces(notes, meter):
        text, at, left = "", Fraction(0), 0
        altered: dict[str, str] = {}
        for length, pitch, tied, is_third in bar:
            if at % (Fraction(3, 2) if meter == "6/8" else 1) == 0 and text:
                text += " "
            if is_third and not left:
                text += "(3"
                left = 3
            if is_third:
                left = max(left - int(length * 3), 0)
            written = length * Fraction(3, 2) * 4 if is_third else length * 4
            text += abc_pitch(pitch, spelt, altered) if pitch is not None else "z"
            text += ("" if written == 1 else str(written)) + ("-" if tied else "")
            at += length
        bars.append(text)
    return "|".join(bars) + "|]"


def abc_pitch(pitch: int, spelt: Sequence[str], altered: dict[str, str]) -> str:
    name = spelt[pitch % 12]
    octave = pitch // 12 - 5
    letter = name[-1].lower() + "'" * (octave - 1) if octave >= 1 else name[-1] + "," * -octave
    sign = name[:-1]
    if altered.get(letter, "") == sign:
        return letter
    altered[letter] = sign
    return (sign or "=") + letter


def abc_text(notes: Sequence[Note], meter: str, tempo: float, recipe: str = "") -> str:
    """An ABC tune; the recipe is a line that other programs skip."""
    inside = f"{ABC_RECIPE}{recipe}\n" if recipe else ""
    return (
        f"X:1\n{inside}T:Latent Studio: a machine helped make this\nM:{meter}\nL:1/16\n"
        f"Q:1/4={tempo:.0f}\nK:C\n{abc_bars(notes, meter)}\n"
    )


def recipe_in_abc(text: str) -> str | None:
    for line in text.splitlines():
        if line.startswith(ABC_RECIPE):
            return line[len(ABC_RECIPE) :]
    return None


def musicxml(notes: Sequence[Note], meter: str, tempo: float, recipe: str = "") -> str:
    """A MusicXML 4.0 score of one part."""
    spelt = names(notes)
    beats, unit = meter.split("/")
    measures = []
    tied_from = False
    for number, bar in enumerate(pieces(notes, meter), 1):
        parts = []
        for (length, pitch, tied, is_third), beam in zip(bar, beams(bar, meter), strict=True):
            parts.append(xml_note(length, pitch, spelt, tied_from, tied, is_third, beam))
            tied_from = tied
        attributes = ""
        if number == 1:
            attributes = (
                f"<attributes><divisions>{DIVISIONS}</divisions><key><fifths>0</fifths></key>"
                f"<time><beats>{beats}</beats><beat-type>{unit}</beat-type></time>"
                f"<clef><sign>G</sign><line>2</line></clef></attributes>"
                f'<direction><sound tempo="{tempo:.0f}"/></direction>'
            )
        measures.append(f'<measure number="{number}">{attributes}{"".join(parts)}</measure>')
    kept = f"{RECIPE_FIELD}{escape(recipe)}</miscellaneous-field>" if recipe else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<score-partwise version="4.0"><identification><encoding><software>Latent Studio: a '
        f"machine helped make this</software></encoding><miscellaneous>{kept}</miscellaneous>"
        '</identification><part-list><score-part id="P1"><part-name print-object="no">Melody'
        "</part-name></score-part></part-list>"
        f'<part id="P1">{"".join(measures)}</part></score-partwise>'
    )


def beams(bar: Sequence[Written], meter: str) -> list[str]:
    """The beam elements of each note: short notes of one beat hang together."""
    beat = Fraction(3, 2) if meter == "6/8" else Fraction(1)
    at = Fraction(0)
    rows: list[tuple[int, int]] = []
    for length, pitch, _, _ in bar:
        level = 0 if pitch is None or length >= 1 else 1 if length > Fraction(1, 4) else 2
        rows.append((level, int(at // beat)))
        at += length
    found = []
    for index, (level, group) in enumerate(rows):
        text = ""
        for number in range(1, level + 1):
            before, after = (
                0 <= other < len(rows) and rows[other][1] == group and rows[other][0] >= number
                for other in (index - 1, index + 1)
            )
            kind = {(0, 1): "begin", (1, 1): "continue", (1, 0): "end"}.get((before, after))
            if kind is None and number == 2:
                kind = "forward hook" if index + 1 < len(rows) and text else None
                if index and rows[index - 1][1] == group:
                    kind = "backward hook"
            text += f'<beam number="{number}">{kind}</beam>' if kind else ""
        found.append(text)
    return found


def xml_note(
    length: Fraction,
    pitch: int | None,
    spelt: Sequence[str],
    tied_from: bool,
    tied: bool,
    is_third: bool,
    beam: str = "",
) -> str:
    parts = int(length * DIVISIONS)
    written = parts * 3 // 2 if is_third else parts
    kind, dot = next(
        (name, dotted)
        for size, name in KINDS
        for dotted in (True, False)
        if written == (size * 3 // 2 if dotted else size)
    )
    body = "<rest/>"
    if pitch is not None:
        name = spelt[pitch % 12]
        alter = {"^": 1, "_": -1}.get(name[0], 0)
        shown = f"<alter>{alter}</alter>" if alter else ""
        body = f"<pitch><step>{name[-1]}</step>{shown}<octave>{pitch // 12 - 1}</octave></pitch>"
    ties = ('<tie type="stop"/>' if tied_from else "") + ('<tie type="start"/>' if tied else "")
    curves = ties.replace("tie ", "tied ")
    ratio = (
        "<time-modification><actual-notes>3</actual-notes><normal-notes>2</normal-notes>"
        "</time-modification>"
        if is_third
        else ""
    )
    return (
        f"<note>{body}<duration>{parts}</duration>{ties}<type>{kind}</type>"
        f"{'<dot/>' if dot else ''}{ratio}{beam}"
        f"{f'<notations>{curves}</notations>' if curves else ''}</note>"
    )


def recipe_in(text: str) -> str | None:
    """The recipe in a MusicXML file that the studio wrote; nothing else of it is read."""
    found = re.search(re.escape(RECIPE_FIELD) + r"(.*?)</miscellaneous-field>", text, re.DOTALL)
    return html.unescape(found[1]) if found else None


@cache
def engraver() -> Any:
    import verovio

    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    toolkit.setOptions(
        {
            "adjustPageHeight": True,
            "pageWidth": 2100,
            "scale": 30,
            "header": "none",
            "footer": "none",
            "pageMarginTop": 10,
            "pageMarginBottom": 10,
            "svgViewBox": True,
            "svgHtml5": True,
            "breaks": "none",
        }
    )
    return toolkit


def engrave(notes: Sequence[Note], meter: str) -> str:
    """The score as an SVG in the colour of the text around it."""
    # Verovio keeps one document at a time.
    with _engraving:
        toolkit = engraver()
        # The same notes give the same text.
        toolkit.resetXmlIdSeed(1)
        toolkit.loadData(musicxml(notes, meter, 112))
        picture = str(toolkit.renderToSVG(1))
    picture = re.sub(r"<\?xml[^>]*\?>|<desc>.*?</desc>", "", picture, flags=re.DOTALL)
    return picture.replace('color="black"', 'color="currentColor"')
