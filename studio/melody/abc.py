"""Reading monophonic tunes in ABC notation (the 2.1 standard's core).

A strict reader of what the tune books use: headers, notes with accidentals that last for the bar,
broken rhythm, tuplets, ties, grace notes (left out), chords (their top note), repeats and sections.
What it does not know makes it refuse the tune instead of guessing. music21 reads more and takes
some fifty times as long.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
SHARPS, FLATS = "FCGDAEB", "BEADGCF"
# Sharps of the major key a mode borrows its signature from, relative to the tonic's own major.
MODES = {"": 0, "maj": 0, "ion": 0, "lyd": 1, "mix": -1, "dor": -2, "m": -3, "min": -3, "aeo": -3}
MODES |= {"phr": -4, "loc": -5}
FIFTHS = {"F": -1, "C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5}
TUPLETS = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}


class AbcError(ValueError):
    """This is not ABC that the reader can trust; says what and where."""


@dataclass(frozen=True)
class Note:
    """A sounding note, or a rest when `pitch` is None; times in quarter notes within its bar."""

    start: Fraction
    duration: Fraction
    pitch: int | None
    tied: bool = False


@dataclass
class Tune:
    """One tune as it is written, repeats not unfolded.

    Attributes:
        tonic: pitch class 0-11; mode: one of MODES' names, "" for major.
        bar: length of a bar in quarter notes.
        tempo: quarters a minute, 0 where the tune does not say.
        sections: lists of bars between double bars and repeat signs; a bar is a list of notes.
    """

    number: str
    title: str
    meter: str
    key: str
    tonic: int
    mode: str
    bar: Fraction
    sections: list[list[list[Note]]] = field(default_factory=list)
    tempo: float = 0.0


def tunes(text: str) -> Iterator[str]:
    """The tunes of a book, each from its X: field on."""
    for part in re.split(r"(?m)^(?=X:)", text):
        if part.startswith("X:"):
            yield part


def key_of(value: str) -> tuple[int, str, dict[str, int]]:
    """Tonic, mode and signature (accidental by letter) of a K: field."""
    found = re.match(r"\s*([A-G])([#b]?)\s*([A-Za-z]*)", value)
    if not found:
        raise AbcError(f"no key in K:{value}")
    letter, sign, word = found.groups()
    mode = "m" if word == "m" else word.lower()[:3]
    if mode not in MODES:
        raise AbcError(f"unknown mode in K:{value}")
    bend = {"#": 1, "b": -1, "": 0}[sign]
    fifths = FIFTHS[letter] + 7 * bend + MODES[mode]
    if abs(fifths) > 7:
        raise AbcError(f"no such key signature: K:{value}")
    signature = dict.fromkeys(SHARPS[: max(fifths, 0)], 1)
    signature |= dict.fromkeys(FLATS[: max(-fifths, 0)], -1)
    plain = {"maj": "", "ion": "", "m": "min", "aeo": "min"}.get(mode, mode)
    return (STEPS[letter] + bend) % 12, plain, signature


def meter_of(value: str) -> tuple[str, Fraction]:
    """Name and bar length in quarter notes of an M: field."""
    value = value.split("%")[0].strip()
    value = {"C": "4/4", "C|": "2/2"}.get(value, value)
    found = re.fullmatch(r"(\d+)/(\d+)", value)
    if not found or not int(found[1]) or not int(found[2]):
        raise AbcError(f"unknown meter M:{value}")
    return value, Fraction(4 * int(found[1]), int(found[2]))


def tempo_of(value: str, unit: Fraction) -> float:
    """Quarters a minute of a Q: field, whose plain number counts `unit` quarters; 0 if it says only
    a word."""
    found = re.search(r"(?:(\d+)/(\d+)\s*=\s*)?(\d+)", re.sub('"[^"]*"', "", value))
    if not found:
        return 0.0
    if found[1] and int(found[2]):
        unit = Fraction(4 * int(found[1]), int(found[2]))
    return float(unit * int(found[3]))


def length_of(text: str) -> Fraction:
    """The factor that follows a note: "", "2", "/", "//", "3/2", "/4"."""
    top, slashes, bottom = re.fullmatch(r"(\d*)(/*)(\d*)", text).groups()  # type: ignore[union-attr]
    if not slashes:
        return Fraction(int(top or 1))
    return Fraction(int(top or 1), int(bottom) if bottom else 2 ** len(slashes))


TOKEN = re.compile(
    r"""(?P<skip>"[^"]*"|![^!\n]*!|\+[^+\n]*\+|\{[^}]*\}|(?:[~.uvkUTHLMOPSh)\\`$\s*]|\((?!\d))+|y\d*)
      | (?P<field>\[[A-Za-z]:[^\]]*\])
      | (?P<tuplet>\((?P<p>\d)(?::(?P<q>\d?))?(?::(?P<r>\d?))?)
      | (?P<chord>\[[^\]|:\d][^\]]*\](?P<chord_length>[\d/]*))
      | (?P<note>(?P<sharp>\^{1,2}|_{1,2}|=)?
          (?P<letter>[A-Ga-g])(?P<octave>[,']*)(?P<length>[\d/]*))
      | (?P<rest>[zx](?P<rest_length>[\d/]*))
      | (?P<many>Z\d*)
      | (?P<broken>>+|<+)
      | (?P<tie>-)
      | (?P<bar>:*\|[\]:|]*|::+|\[\||:?\]\|?:?)
      | (?P<ending>\[?\d(?:[,-]\d)*)""",
    re.VERBOSE,
)
TUPLET_FIRST = re.compile(r"\((?P<p>\d)(?::(?P<q>\d?))?(?::(?P<r>\d?))?")


def read_tune(text: str) -> Tune:
    """Raises: AbcError: something the reader does not know, or no notes at all."""
    header: dict[str, str] = {}
    lines = text.splitlines()
    body: list[str] = []
    for number, line in enumerate(lines):
        line = re.sub(r"(?<!\\)%.*", "", line)
        found = re.match(r"([A-Za-z+]):(.*)", line)
        if found and "K" not in header:
            header.setdefault(found[1], found[2].strip())
        elif found and found[1] in "MLK" and number:
            body.append(f"[{found[1]}:{found[2].strip()}]")
        elif found and found[1] in "VPQwWTNRBSZOHDFGIC":
            if found[1] == "V":
                raise AbcError("more than one voice")
        else:
            body.append(line)
    if "K" not in header:
        raise AbcError("no key")
    meter, bar = meter_of(header.get("M", "4/4"))
    tonic, mode, _ = key_of(header["K"])
    tune = Tune(
        header.get("X", ""), header.get("T", ""), meter, header["K"], tonic, mode, bar, [[]]
    )
    reader = _Reader(tune, header)
    tune.tempo = tempo_of(header.get("Q", ""), reader.unit)
    reader.read(" ".join(body))
    if not any(note.pitch for section in tune.sections for b in section for note in b):
        raise AbcError("no notes")
    return tune


class _Reader:
    def __init__(self, tune: Tune, header: dict[str, str]) -> None:
        self.tune = tune
        self.signature = key_of(header["K"])[2]
        default = Fraction(1, 8) if tune.bar >= 3 else Fraction(1, 16)
        self.unit = 4 * (Fraction(header["L"]) if header.get("L") else default)
        self.accidentals: dict[tuple[str, int], int] = {}
        self.notes: list[Note] = []
        self.at = Fraction(0)
        self.tuplet: list[Fraction | int] = [Fraction(1), 0]
        self.broken = Fraction(1)
        self.tie = False

    def read(self, text: str) -> None:
        place = 0
        while place < len(text):
            found = TUPLET_FIRST.match(text, place) or TOKEN.match(text, place)
            if not found or found.end() == place:
                raise AbcError(f"not understood: {text[place : place + 12]!r}")
            place = found.end()
            named = found.groupdict()
            if found.re is TUPLET_FIRST or named.get("tuplet"):
                self.open_tuplet(named)
            elif named["field"]:
                self.change(named["field"][1], named["field"][3:-1])
            elif named["chord"]:
                self.chord(named["chord"], named["chord_length"])
            elif named["note"]:
                self.sound(self.pitch(named), length_of(named["length"]))
            elif named["rest"]:
                self.sound(None, length_of(named["rest_length"]))
            elif named["many"]:
                raise AbcError("bars of rest")
            elif named["broken"]:
                self.dot(named["broken"])
            elif named["tie"]:
                self.tie_last()
            elif named["bar"]:
                self.end_bar(named["bar"])
            elif named["ending"]:
                self.end_section()
        self.end_bar("|]")

    def open_tuplet(self, named: dict[str, str | None]) -> None:
        p = int(named["p"] or 3)
        if p not in TUPLETS and not named["q"]:
            raise AbcError(f"unknown tuplet ({p}")
        q = int(named["q"] or TUPLETS[p])
        self.tuplet = [Fraction(q, p), int(named["r"] or p)]

    def change(self, kind: str, value: str) -> None:
        if kind == "L":
            self.unit = 4 * Fraction(value.strip())
        elif kind == "K":
            raise AbcError("the key changes")
        elif kind == "M" and meter_of(value)[1] != self.tune.bar:
            raise AbcError("the meter changes")

    def pitch(self, named: dict[str, str | None]) -> int:
        letter = str(named["letter"])
        octave = 5 if letter.isupper() else 6
        octave += str(named["octave"]).count("'") - str(named["octave"]).count(",")
        name = letter.upper()
        if named["sharp"] is not None:
            sign = str(named["sharp"])
            bend = len(sign) * {"^": 1, "_": -1, "=": 0}[sign[0]]
            self.accidentals[name, octave] = bend
        bend = self.accidentals.get((name, octave), self.signature.get(name, 0))
        return 12 * octave + STEPS[name] + bend

    def chord(self, text: str, length: str) -> None:
        inside = [m for m in TOKEN.finditer(text[1 : text.rindex("]")]) if m["note"]]
        if not inside:
            raise AbcError(f"empty chord {text}")
        pitches = [self.pitch(m.groupdict()) for m in inside]
        factor = length_of(inside[0]["length"]) * (length_of(length) if length else 1)
        self.sound(max(pitches), factor)

    def sound(self, pitch: int | None, factor: Fraction) -> None:
        duration = self.unit * factor * self.broken
        self.broken = Fraction(1)
        if self.tuplet[1]:
            duration *= self.tuplet[0]
            self.tuplet[1] -= 1
        last = self.notes[-1] if self.notes else None
        if self.tie and last is not None and pitch == last.pitch:
            self.notes[-1] = Note(last.start, last.duration + duration, pitch)
        else:
            self.notes.append(Note(self.at, duration, pitch, self.tie and not self.notes))
        self.tie = False
        self.at += duration

    def dot(self, signs: str) -> None:
        if not self.notes or not self.at:
            raise AbcError("broken rhythm without a note")
        short = Fraction(1, 2 ** len(signs))
        mine, its = (2 - short, short) if signs[0] == ">" else (short, 2 - short)
        last = self.notes[-1]
        self.notes[-1] = Note(last.start, last.duration * mine, last.pitch, last.tied)
        self.at = last.start + self.notes[-1].duration
        self.broken = its

    def tie_last(self) -> None:
        # A dash between different notes is a slur in these books; `sound` tells them apart.
        self.tie = True

    def end_bar(self, sign: str) -> None:
        if self.notes:
            self.tune.sections[-1].append(self.notes)
        self.notes, self.at, self.accidentals = [], Fraction(0), {}
        if ":" in sign or len(sign) > 1:
            self.end_section()

    def end_section(self) -> None:
        if self.tune.sections[-1]:
            self.tune.sections.append([])
