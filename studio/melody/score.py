"""Melodies as written music: ABC, MusicXML, and an engraved picture of the score.

A written tune is its notes as they are heard, in their key; see Written.
"""

from __future__ import annotations

import html
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import Any
from xml.sax.saxutils import escape

from studio.melody.grid import BARS, METERS, Note
from studio.melody.harmony import Sounding
from studio.melody.keys import Key, plain
from studio.song import Syllable

ABC_RECIPE = "%%latent-studio-recipe "
RECIPE_FIELD = '<miscellaneous-field name="latent-studio-recipe">'
DIVISIONS = 12
"""Parts of a quarter in MusicXML: sixteenths and thirds are whole numbers of them."""
SIXTEENTH = Fraction(1, 4)
KINDS = ((48, "whole"), (24, "half"), (12, "quarter"), (6, "eighth"), (3, "16th"))
XML_KINDS = {"": "major", "m": "minor", "7": "dominant", "dim": "diminished"}
_engraving = threading.Lock()


@dataclass(frozen=True)
class Score:
    """What is written down of a melody.

    Attributes:
        notes: as they are heard, of `bars` bars from 0 on, none overlapping.
        meter: one of METERS; key: the signature and how notes are spelt.
        tempo: quarters a minute, 0 to leave it out.
        program: General MIDI program, which players of ABC and MusicXML read.
        harmony: chords to write above, none for a tune alone.
        verses: words to write below, for each verse what is sung on each of the notes.
    """

    notes: Sequence[Note]
    meter: str
    tempo: float
    key: Key
    bars: int = BARS
    program: int = 0
    harmony: Sequence[Sounding] = ()
    verses: Sequence[Sequence[Syllable | None]] = ()


@dataclass(frozen=True)
class Written:
    """A note or rest with one note value.

    Attributes:
        start, length: quarters from the beginning of the piece.
        pitch: MIDI number, None for a rest; is_tied: to the next; is_third: of a quarter.
        chord: the symbol above it.
    """

    start: Fraction
    length: Fraction
    pitch: int | None
    is_tied: bool = False
    is_third: bool = False
    chord: Sounding | None = None


def written(score: Score) -> list[list[Written]]:
    """Bar by bar. What crosses a bar line is tied; so is what has no single note value, and what a
    chord comes in upon."""
    bar = Fraction(METERS[score.meter])
    bars: list[list[Written]] = [[] for _ in range(score.bars)]
    waiting = [
        sounding
        for before, sounding in pairwise((None, *score.harmony))
        if sounding is not None and begins(before, sounding, bar)
    ]
    for start, end, pitch in spans(score.notes, score.bars * bar):
        while start < end:
            index = int(start // bar)
            chord = waiting.pop(0) if waiting and waiting[0].start <= start else None
            change = waiting[0].start if waiting else end
            # Not inside a third of a quarter, which has no such part: there the chord waits.
            limit = min(
                end, (index + 1) * bar, change if (change - start) % SIXTEENTH == 0 else end
            )
            length = limit - start
            thirds = (start * 3) % 1 == 0 and (start % 1 != 0 or (length * 4) % 1 != 0)
            if thirds and length != Fraction(1, 3):
                # Up to the end of its quarter, in thirds.
                length = min(length, int(start) + 1 - start)
            elif (length * 4) % 1 != 0:
                length = max(Fraction(int(length)), Fraction(1, 3))
            else:
                length = next(Fraction(n, 4) for n in VALUES if Fraction(n, 4) <= length)
            more = pitch is not None and start + length < end
            is_third = (length * 4) % 1 != 0
            bars[index].append(Written(start, length, pitch, more, is_third, chord))
            start += length
    return bars


def begins(before: Sounding | None, sounding: Sounding, bar: Fraction) -> bool:
    """Whether a chord is written: where it changes, and at the head of a line."""
    is_new = before is None or before.chord != sounding.chord
    return is_new or sounding.start % (BARS * bar) == 0


def spans(notes: Sequence[Note], end: Fraction) -> Iterator[tuple[Fraction, Fraction, int | None]]:
    """Beginning, end and pitch of notes and of the rests between them."""
    at = Fraction(0)
    for note in notes:
        if note.start > at:
            yield at, note.start, None
        yield note.start, note.end, note.pitch
        at = note.end
    if at < end:
        yield at, end, None


VALUES = (16, 12, 8, 6, 4, 3, 2, 1)
"""Lengths in sixteenths that one note value, dotted or not, can have."""


def abc_lines(score: Score) -> list[str]:
    """The bars, four to a line."""
    bars = []
    for bar in written(score):
        text, left = "", 0
        altered: dict[tuple[str, int], int] = {}
        for note in bar:
            within = note.start % METERS[score.meter]
            if within % (Fraction(3, 2) if score.meter == "6/8" else 1) == 0 and text:
                text += " "
            if note.chord is not None:
                text += f'"{plain(note.chord.chord.symbol(score.key))}"'
            if note.is_third and not left:
                text += "(3"
                left = 3
            if note.is_third:
                left = max(left - int(note.length * 3), 0)
            factor = note.length * (6 if note.is_third else 4)
            text += abc_pitch(note.pitch, score.key, altered) if note.pitch is not None else "z"
            text += ("" if factor == 1 else str(factor)) + ("-" if note.is_tied else "")
        bars.append(text)
    rows = ["|".join(bars[first : first + BARS]) for first in range(0, len(bars), BARS)]
    return [row + "|" for row in rows[:-1]] + [rows[-1] + "|]"]


def abc_pitch(pitch: int, key: Key, altered: dict[tuple[str, int], int]) -> str:
    """A note without its length; `altered` are the accidentals of the bar so far."""
    spelt = key.spell(pitch)
    above = spelt.octave - 4
    name = spelt.letter + "," * -above if above < 1 else spelt.letter.lower() + "'" * (above - 1)
    place = (spelt.letter, spelt.octave)
    if altered.get(place, key.signature[spelt.letter]) == spelt.alter:
        return name
    altered[place] = spelt.alter
    sign = "^" * spelt.alter if spelt.alter > 0 else "_" * -spelt.alter
    return (sign or "=") + name


def abc_text(score: Score, recipe: str = "") -> str:
    """An ABC tune; the recipe is a line that other programs skip."""
    inside = f"{ABC_RECIPE}{recipe}\n" if recipe else ""
    body = "\n".join(abc_lines(score))
    return (
        f"X:1\n{inside}T:Latent Studio: a machine helped make this\nM:{score.meter}\nL:1/16\n"
        f"Q:1/4={score.tempo:.0f}\n%%MIDI program {score.program}\nK:{score.key.abc}\n{body}\n"
    )


def recipe_in_abc(text: str) -> str | None:
    for line in text.splitlines():
        if line.startswith(ABC_RECIPE):
            return line[len(ABC_RECIPE) :]
    return None


def program_in_abc(text: str) -> int | None:
    """The General MIDI program that an ABC tune asks for, if it does."""
    found = re.search(r"(?m)^%%MIDI +program +(?:\d+ +)?(\d{1,3})\s*$", text)
    return min(int(found[1]), 127) if found else None


def musicxml(score: Score, recipe: str = "") -> str:
    """A MusicXML 4.0 score of one part, four bars to a line."""
    beats, unit = score.meter.split("/")
    measures = []
    tied_from = False
    words = iter(xml_words(score))
    for number, bar in enumerate(written(score), 1):
        parts = []
        for note, beam in zip(bar, beams(bar, score.meter), strict=True):
            if note.chord is not None:
                parts.append(xml_harmony(note.chord, score.key))
            is_sung = note.pitch is not None and not tied_from
            lyric = next(words, "") if is_sung else ""
            parts.append(xml_note(note, score.key, tied_from, beam, lyric))
            tied_from = note.is_tied
        head = ""
        if number == 1:
            head = (
                f"<attributes><divisions>{DIVISIONS}</divisions><key>"
                f"<fifths>{score.key.fifths}</fifths><mode>{score.key.mode}</mode></key>"
                f"<time><beats>{beats}</beats><beat-type>{unit}</beat-type></time>"
                f"<clef><sign>G</sign><line>2</line></clef></attributes>"
                f"{xml_tempo(score)}"
            )
        elif number % BARS == 1:
            head = '<print new-system="yes"/>'
        last = ""
        if number == score.bars:
            last = '<barline location="right"><bar-style>light-heavy</bar-style></barline>'
        measures.append(f'<measure number="{number}">{head}{"".join(parts)}{last}</measure>')
    kept = f"{RECIPE_FIELD}{escape(recipe)}</miscellaneous-field>" if recipe else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<score-partwise version="4.0"><identification><encoding><software>Latent Studio: a '
        f"machine helped make this</software></encoding><miscellaneous>{kept}</miscellaneous>"
        '</identification><part-list><score-part id="P1"><part-name print-object="no">Melody'
        '</part-name><score-instrument id="I1"><instrument-name>Melody</instrument-name>'
        '</score-instrument><midi-instrument id="I1"><midi-channel>1</midi-channel>'
        f"<midi-program>{score.program + 1}</midi-program></midi-instrument></score-part>"
        f'</part-list><part id="P1">{"".join(measures)}</part></score-partwise>'
    )


def xml_tempo(score: Score) -> str:
    """A metronome mark for the beat that people count."""
    if not score.tempo:
        return ""
    is_dotted = score.meter == "6/8"
    rate = score.tempo / 1.5 if is_dotted else score.tempo
    return (
        '<direction placement="above"><direction-type><metronome><beat-unit>quarter</beat-unit>'
        f"{'<beat-unit-dot/>' if is_dotted else ''}<per-minute>{rate:.0f}</per-minute>"
        f'</metronome></direction-type><sound tempo="{score.tempo:.0f}"/></direction>'
    )


def beams(bar: Sequence[Written], meter: str) -> list[str]:
    """The beam elements of each note: short notes of one beat hang together."""
    beat = Fraction(3, 2) if meter == "6/8" else Fraction(1)
    rows: list[tuple[int, int]] = []
    for note in bar:
        is_long = note.pitch is None or note.length >= 1
        level = 0 if is_long else 1 if note.length > Fraction(1, 4) else 2
        rows.append((level, int(note.start % METERS[meter] // beat)))
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


def xml_harmony(sounding: Sounding, key: Key) -> str:
    letter, alter = key.spellings[(key.tonic + sounding.chord.root) % 12]
    shown = f"<root-alter>{alter}</root-alter>" if alter else ""
    kind = sounding.chord.kind
    return (
        f"<harmony><root><root-step>{letter}</root-step>{shown}</root>"
        f'<kind text="{kind}">{XML_KINDS[kind]}</kind></harmony>'
    )


def xml_words(score: Score) -> list[str]:
    """The lyric elements of each note."""
    found = [""] * len(score.notes)
    for number, verse in enumerate(score.verses, 1):
        goes_on = False
        for place, syllable in enumerate(verse):
            if syllable is None:
                continue
            ends = "end" if goes_on else "single"
            kind = ends if syllable.is_last else "middle" if goes_on else "begin"
            goes_on = not syllable.is_last
            found[place] += (
                f'<lyric number="{number}"><syllabic>{kind}</syllabic>'
                f"<text>{escape(syllable.text)}</text></lyric>"
            )
    return found


def xml_note(note: Written, key: Key, tied_from: bool, beam: str = "", lyric: str = "") -> str:
    parts = int(note.length * DIVISIONS)
    value = parts * 3 // 2 if note.is_third else parts
    kind, dot = next(
        (name, dotted)
        for size, name in KINDS
        for dotted in (True, False)
        if value == (size * 3 // 2 if dotted else size)
    )
    body = "<rest/>"
    if note.pitch is not None:
        spelt = key.spell(note.pitch)
        shown = f"<alter>{spelt.alter}</alter>" if spelt.alter else ""
        body = f"<step>{spelt.letter}</step>{shown}<octave>{spelt.octave}</octave>"
        body = f"<pitch>{body}</pitch>"
    ties = '<tie type="stop"/>' if tied_from else ""
    ties += '<tie type="start"/>' if note.is_tied else ""
    curves = ties.replace("tie ", "tied ")
    ratio = (
        "<time-modification><actual-notes>3</actual-notes><normal-notes>2</normal-notes>"
        "</time-modification>"
        if note.is_third
        else ""
    )
    return (
        f"<note>{body}<duration>{parts}</duration>{ties}<type>{kind}</type>"
        f"{'<dot/>' if dot else ''}{ratio}{beam}"
        f"{f'<notations>{curves}</notations>' if curves else ''}{lyric}</note>"
    )


def recipe_in(text: str) -> str | None:
    """The recipe in a MusicXML file that the studio wrote; nothing else of it is read."""
    found = re.search(re.escape(RECIPE_FIELD) + r"(.*?)</miscellaneous-field>", text, re.DOTALL)
    return html.unescape(found[1]) if found else None


NOTE = re.compile(r'<g(?= [^>]*class="note")')


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
            "breaks": "encoded",
            "minLastJustification": 0,
        }
    )
    return toolkit


def engrave(score: Score) -> str:
    """The score as an SVG in the colour of the text around it.

    Each note carries when it begins, as a share of the piece (data-at), for a player to follow.
    """
    # Verovio keeps one document at a time.
    with _engraving:
        toolkit = engraver()
        # The same notes give the same text.
        toolkit.resetXmlIdSeed(1)
        # The mark would stand among the chords, and the tempo is beside the picture.
        toolkit.loadData(musicxml(replace(score, tempo=0)))
        picture = str(toolkit.renderToSVG(1))
    picture = re.sub(r"<\?xml[^>]*\?>|<desc>.*?</desc>", "", picture, flags=re.DOTALL)
    whole = score.bars * METERS[score.meter]
    starts = (float(n.start / whole) for bar in written(score) for n in bar if n.pitch is not None)
    picture = NOTE.sub(lambda found: f'{found[0]} data-at="{next(starts):.5f}"', picture)
    return picture.replace('color="black"', 'color="currentColor"')
