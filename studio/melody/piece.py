"""Several melodies heard one after another: a path as one piece."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

from studio.melody import sound
from studio.melody.artwork import Melody, quarters_in
from studio.melody.grid import Note
from studio.melody.midi import write_midi
from studio.melody.player import figure
from studio.melody.roll import roll, strip

FORMATS = ("mid", "wav")
SECTIONS = 9
FILLING = "4/4"
"""The meter of silence after a section that is shorter than the longest. Bars have three or four
quarters and phrases four bars, so what is left is always whole bars of four."""


class Piece:
    """The frames of a path as sections of one length.

    A path has hundreds of frames; SECTIONS of them, evenly chosen, are enough to hear the way. They
    are heard as the first is: in its key and tempo, on its instrument.

    Attributes:
        sections: the melodies; length: quarters of each; tempo: quarters a minute.
    """

    def __init__(self, melodies: Sequence[Melody]) -> None:
        """Raises: ValueError: no melodies."""
        if not melodies:
            raise ValueError("a piece needs at least one melody")
        last = len(melodies) - 1
        count = min(len(melodies), SECTIONS)
        chosen = [melodies[round(i * last / max(count - 1, 1))] for i in range(count)]
        self.first = melodies[0]
        self.tempo = self.first.tempo
        self.sections = [Melody(melody.grids, None, self.first.settings) for melody in chosen]
        self.length = max(section.quarters for section in self.sections)

    @cached_property
    def markers(self) -> list[tuple[Fraction, str]]:
        """Where sections begin, in quarters, and their names."""
        return [(Fraction(i * self.length), str(i + 1)) for i in range(len(self.sections))]

    @property
    def quarters(self) -> int:
        return len(self.sections) * self.length

    @property
    def meters(self) -> list[tuple[Fraction, str]]:
        """Where the meter changes, in quarters, and to which."""
        found: list[tuple[Fraction, str]] = []
        for (start, _), section in zip(self.markers, self.sections, strict=True):
            found.append((start, section.meter))
            if section.quarters < self.length:
                found.append((start + section.quarters, FILLING))
        return found[:1] + [new for old, new in pairwise(found) if new[1] != old[1]]

    def midi(self, tail: float = 0.0) -> bytes:
        """A MIDI file with a marker at each section, the first one's recipe inside, and so many
        seconds of silence at its end."""
        played = [
            replace(note, start=note.start + float(start))
            for (start, _), section in zip(self.markers, self.sections, strict=True)
            for note in section.played()
        ]
        return write_midi(
            played,
            self.meters,
            self.tempo,
            self.first.programs,
            self.quarters + quarters_in(tail, self.tempo),
            self.first.key,
            self.first.recipe.to_json() if self.first.recipe else "",
            self.markers,
        )

    def show(self, alt: str = "") -> str:
        """HTML of the whole as one piano roll, its sections named, and a player."""
        notes: list[Note] = []
        for (start, _), section in zip(self.markers, self.sections, strict=True):
            notes += [replace(note, start=note.start + start) for note in section.tune]
        names = [(float(start), name, False) for start, name in self.markers]
        picture = strip(names, self.quarters, self.length)
        picture += roll(notes, self.quarters, self.length, self.length, 640, 280)
        return figure(alt, picture, "", self.midi(sound.TAIL), self.quarters * 60 / self.tempo)

    def export(self, format: str) -> bytes:
        """Bytes of a file with its sections labelled.

        Raises:
            ValueError: not one of FORMATS.
        """
        if format == "mid":
            return self.midi()
        if format == "wav":
            seconds = [(float(start) * 60 / self.tempo, name) for start, name in self.markers]
            recipe = self.first.recipe.to_json() if self.first.recipe else ""
            return sound.labelled(sound.wave(self.midi(sound.TAIL)), recipe, seconds)
        raise ValueError(f"a path of melodies exports to {', '.join(FORMATS)}, not {format!r}")
