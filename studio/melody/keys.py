"""Keys and modes: which scale a tune is in, the same tune in another one, and how notes are spelt.

Melodies are kept with their tonic on C. The four scales share five degrees and differ only in the
third, sixth and seventh, so a tune moves from one to another without losing its outline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from studio.melody.grid import Note

SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
}
"""Semitones above the tonic. Where a tune leaves open which it is, the first that fits counts."""
TONICS = ("C", "D♭", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")
THIRDS = (3, 4)
ABC_MODES = {"major": "", "mixolydian": "mix", "minor": "m", "dorian": "dor"}
# Sharps of a mode's signature, relative to the major key on the same tonic.
BORROWED = {"major": 0, "mixolydian": -1, "dorian": -2, "minor": -3}
LINE = "FCGDAEB"
"""The letters along the line of fifths; seven steps on, each has a sharp more."""
STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
MOST_SHARPS = 6


def mode_of(notes: Sequence[Note]) -> str:
    """The scale, of SCALES, that holds most of a tune's time; its third counts twice, for it is
    what people hear a mode by."""

    def held(scale: Sequence[int]) -> Fraction:
        inside = (note for note in notes if note.pitch % 12 in scale)
        return sum(
            (note.duration * (2 if note.pitch % 12 in THIRDS else 1) for note in inside),
            Fraction(0),
        )

    return max(SCALES, key=lambda mode: held(SCALES[mode]))


def in_mode(notes: Sequence[Note], mode: str) -> list[Note]:
    """A tune in another of SCALES, degree for degree; "found" leaves it as it is.

    A note outside the tune's scale goes with the degree that it leads to, or came from, by a
    semitone; else it stays. So E D♯ E becomes E♭ D E♭, and the raised seventh of a minor tune,
    which leads to the tonic, is the seventh of the major one.
    """
    if mode not in SCALES:
        return list(notes)
    found, wanted = SCALES[mode_of(notes)], SCALES[mode]
    moves = {old: new - old for old, new in zip(found, wanted, strict=True)}
    moved = []
    for index, note in enumerate(notes):
        move = moves.get(note.pitch % 12)
        if move is None:
            around = (*notes[index + 1 : index + 2], *notes[max(index - 1, 0) : index])
            leads = (n for n in around if abs(n.pitch - note.pitch) == 1 and n.pitch % 12 in moves)
            anchor = next(leads, None)
            move = moves[anchor.pitch % 12] if anchor else 0
        moved.append(replace(note, pitch=note.pitch + move))
    return moved


def shift_to(tonic: str) -> int:
    """Semitones, -6 to 5, from the C that melodies are kept on to the nearest such tonic."""
    return (TONICS.index(tonic) + 6) % 12 - 6


@dataclass(frozen=True)
class Spelling:
    """A written note: its letter, its accidental in semitones, and the octave of its letter."""

    letter: str
    alter: int
    octave: int


@dataclass(frozen=True)
class Key:
    """What a tune is written in.

    Attributes:
        tonic: pitch class, 0 to 11; mode: one of SCALES.
    """

    tonic: int = 0
    mode: str = "major"

    @cached_property
    def fifths(self) -> int:
        """Sharps of the signature, flats below zero; of two ways to write it, the simpler."""
        fifths = next(n for n in range(-5, 7) if n * 7 % 12 == self.tonic) + BORROWED[self.mode]
        return fifths + 12 if fifths < -MOST_SHARPS else fifths

    @cached_property
    def place(self) -> int:
        """The tonic's place on the line of fifths, C being 0."""
        return self.fifths - BORROWED[self.mode]

    @cached_property
    def signature(self) -> dict[str, int]:
        """The accidental of each letter, in semitones."""
        return {letter: (self.fifths - index - 1) // 7 + 1 for index, letter in enumerate(LINE)}

    @cached_property
    def spellings(self) -> dict[int, tuple[str, int]]:
        """Letter and accidental of each pitch class.

        Twelve neighbours on the line of fifths around the tonic: in minor from the flat second to
        the sharp fourth, in major, where sharps lead to other degrees, from the flat third to the
        sharp fifth.
        """
        lowest = self.place - (3 if 4 in SCALES[self.mode] else 5)
        found = {}
        for place in range(lowest, lowest + 12):
            alter, index = divmod(place + 1, 7)
            found[place * 7 % 12] = (LINE[index], alter)
        return found

    def spell(self, pitch: int) -> Spelling:
        """A MIDI pitch as it is written in this key."""
        letter, alter = self.spellings[pitch % 12]
        return Spelling(letter, alter, (pitch - alter) // 12 - 1)

    def name_of(self, pitch_class: int) -> str:
        """For people: E♭."""
        letter, alter = self.spellings[pitch_class % 12]
        return letter + ("♯" * alter if alter > 0 else "♭" * -alter)

    @property
    def abc(self) -> str:
        """The value of ABC's K: field."""
        return plain(self.name_of(self.tonic)) + ABC_MODES[self.mode]

    @property
    def midi(self) -> str:
        """The signature as mido names it: MIDI knows only major and minor, and what decides between
        them is the third."""
        is_minor = 3 in SCALES[self.mode]
        place = self.fifths + 3 * is_minor
        alter, index = divmod(place + 1, 7)
        sign = "#" * alter if alter > 0 else "b" * -alter
        return LINE[index] + sign + "m" * is_minor


def plain(name: str) -> str:
    """A name in ASCII, as ABC and MIDI files want it: Eb."""
    return name.replace("♯", "#").replace("♭", "b")
