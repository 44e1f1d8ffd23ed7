"""A melody with words under its notes: what is sung, heard, written and shown of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

from studio.medium import Recipe, Remark
from studio.melody import score, sound
from studio.melody.grid import BARS, METERS, Note
from studio.melody.keys import in_mode, shift_to
from studio.melody.lyrics import drawn_under, laid_out, row
from studio.melody.midi import write_midi
from studio.melody.performance import MELODY, Played, perform
from studio.melody.player import figure
from studio.melody.roll import chord_names, drawn, roll, strip
from studio.melody.setting import set_to
from studio.melody.soundtrack import Music
from studio.song import Lines

if TYPE_CHECKING:
    from PIL.Image import Image

    from studio.melody.artwork import Melody

GOES_ON = "_"
"""The lyric of a note that draws out the syllable before it."""
SPARE = 1.15
"""What a page's own typeface may be wider than the one that words are laid out in."""


class Song:
    """See studio.medium.Artwork: a melody, sung once for each verse.

    Attributes:
        melody: whose recipe and settings hold; notes: as they were decoded, the tonic on C, some
            split (see studio.melody.setting).
        verses: what is sung on each of the notes.
    """

    def __init__(self, melody: Melody, lines: Lines) -> None:
        self.melody = melody
        self.recipe: Recipe | None = melody.recipe
        self.options: Mapping[str, Any] = melody.options
        self.remarks: Sequence[Remark] = melody.remarks
        placed = set_to(melody.notes, lines, melody.meter, melody.bars)
        self.notes, self.verses = placed.notes, placed.verses

    @property
    def rounds(self) -> int:
        """How often the melody is sung."""
        return max(len(self.verses), 1)

    @property
    def tune(self) -> list[Note]:
        """See Melody.tune; of one verse."""
        return in_mode(self.notes, self.melody.settings.mode)

    @property
    def heard(self) -> list[Note]:
        """See Melody.heard; of one verse."""
        shift = shift_to(self.melody.settings.key)
        return [replace(note, pitch=note.pitch + shift) for note in self.tune]

    @cached_property
    def verse(self) -> list[Played]:
        """What sounds of one verse, in quarters from its beginning."""
        melody = self.melody
        return perform(
            self.heard,
            melody.harmony,
            melody.meter,
            melody.settings,
            melody.key.tonic,
            melody.bars,
        )

    def played(self) -> list[Played]:
        """All verses, in quarters from the beginning."""
        return [
            replace(note, start=note.start + index * self.melody.quarters)
            for index in range(self.rounds)
            for note in self.verse
        ]

    @property
    def starts(self) -> list[float]:
        """When each note of a verse begins as it is played, in quarters."""
        return [note.start for note in self.verse if note.voice == MELODY]

    @property
    def lyrics(self) -> list[tuple[float, str]]:
        """For each note from the first word on, when it begins in quarters, and its text as
        karaoke files have it: a hyphen where the word goes on, else a space."""
        found: list[tuple[float, str]] = []
        for index, verse in enumerate(self.verses):
            for start, syllable in zip(self.starts, verse, strict=True):
                if syllable is not None:
                    text = syllable.text + (" " if syllable.is_last else "-")
                elif found:
                    text = GOES_ON
                else:
                    continue
                found.append((start + index * self.melody.quarters, text))
        return found

    @property
    def openings(self) -> list[float]:
        """When each line begins, in seconds."""
        return [
            (start + index * self.melody.quarters) * 60 / self.melody.tempo
            for index, verse in enumerate(self.verses)
            for start, syllable in zip(self.starts, verse, strict=True)
            if syllable is not None and syllable.opens
        ]

    def midi(self, tail: float = 0.0) -> bytes:
        """All verses as a MIDI file, with the words as its lyrics; see Melody.midi."""
        melody = self.melody
        return write_midi(
            self.played(),
            [(Fraction(0), melody.meter)],
            melody.tempo,
            melody.programs,
            Fraction(melody.quarters * self.rounds) + Fraction(tail * melody.tempo / 60),
            melody.key,
            self.recipe.to_json() if self.recipe else "",
            lyrics=self.lyrics,
        )

    @property
    def seconds(self) -> float:
        """Of all verses."""
        return self.rounds * self.melody.quarters * 60 / self.melody.tempo

    def music(self) -> Music:
        """See Melody.music."""
        second = 60 / self.melody.tempo
        strokes = [(note.start * second, note.pitch, note.velocity) for note in self.played()]
        return Music(self.midi(sound.TAIL), self.seconds, strokes)

    def show(self, alt: str = "") -> str:
        """See studio.medium.Artwork.show: the roll with its words, the score, and all verses to
        hear; the playhead goes along the roll once for each."""
        melody, bar = self.melody, METERS[self.melody.meter]
        names = chord_names(melody.harmony, melody.key, bar)
        picture = strip(names, melody.quarters, bar) if names else ""
        picture += roll(self.tune, melody.quarters, bar, BARS * bar, 640, 280)
        places = laid_out(self.notes, self.verses, melody.quarters)
        picture += "".join(map(row, self.verses, places.lefts))
        written = score.engrave(self.score)
        midi = self.midi(sound.TAIL)
        return figure(
            alt,
            picture,
            written,
            midi,
            self.seconds,
            self.rounds,
            places.width if self.verses else 0,
        )

    @property
    def score(self) -> score.Score:
        """One verse as it is written down, the words of all below it."""
        texts = tuple(tuple(verse) for verse in self.verses)
        return replace(self.melody.score, notes=self.heard, verses=texts)

    def thumbnail(self, alt: str = "", size: int = 128) -> str:
        return self.melody.thumbnail(alt, size)

    def on_paper(self, width: int) -> Image:
        """See studio.medium.OnPaper: the piano roll, and the words under it."""
        melody, bar = self.melody, METERS[self.melody.meter]
        picture = drawn(self.tune, melody.quarters, bar, BARS * bar, width)
        return drawn_under(picture, self.notes, self.verses, melody.quarters)

    def export(self, format: str) -> bytes:
        """Bytes of a file with the words, where it can hold some, and the recipe inside.

        Raises:
            ValueError: not one of the melody's formats.
        """
        recipe = self.recipe.to_json() if self.recipe else ""
        if format == "mid":
            return self.midi()
        if format == "wav":
            return sound.labelled(sound.wave(self.midi(sound.TAIL)), recipe)
        if format == "musicxml":
            return score.musicxml(self.score, recipe).encode()
        return self.melody.export(format)
