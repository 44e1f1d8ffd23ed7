"""A melody as people meet it: on the page with its sound, as a file, as a long piece."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from studio.errors import BadUpload
from studio.medium import Recipe, Remark
from studio.melody import abc, score, sound
from studio.melody.accompaniment import companion
from studio.melody.data import DOUBLED, Collection, add_tune, settle
from studio.melody.grid import BARS, METERS, Grid, Note, OffGrid
from studio.melody.harmony import Sounding, harmonise
from studio.melody.keys import TONICS, Key, in_mode, mode_of, shift_to
from studio.melody.midi import read_midi, recipe_in, write_midi
from studio.melody.performance import ACCOMPANIMENT, MELODY, Played, perform
from studio.melody.player import figure
from studio.melody.roll import Lanes, chord_names, drawn, roll, strip
from studio.melody.settings import FOUND, INSTRUMENTS, Settings, nearest_instrument
from studio.melody.song import Song
from studio.melody.soundtrack import Music
from studio.song import Lines

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("mid", "wav", "abc", "musicxml")
UPLOADS = (".mid", ".midi", ".abc", ".wav", ".musicxml")
LARGEST_BYTES = 20_000_000


class Melody:
    """Phrases of four bars, one after another, and how they are to be heard.

    Attributes:
        grids: the phrases; what is in another meter than the last cannot stand beside it, and is
            left out.
        recipe: how they were made, None for an upload that carries none.
        settings: of what is heard and written; none of them changes the grids. `options` are the
            same for a recipe: what differs from the defaults.
    """

    remarks: Sequence[Remark] = ()

    def __init__(
        self,
        grids: Sequence[Grid],
        recipe: Recipe | None = None,
        settings: Settings | None = None,
    ) -> None:
        if not grids:
            raise ValueError("a melody has at least one phrase")
        self.grids = tuple(grid for grid in grids if grid.meter == grids[-1].meter)
        self.recipe = recipe
        self.settings = settings or Settings()
        self.options: Mapping[str, Any] = self.settings.to_options()

    @property
    def grid(self) -> Grid:
        """The last phrase: what is steered, and what attributes and features are of."""
        return self.grids[-1]

    @property
    def meter(self) -> str:
        return self.grid.meter

    @property
    def bars(self) -> int:
        return BARS * len(self.grids)

    @property
    def quarters(self) -> int:
        return self.bars * METERS[self.meter]

    @property
    def tempo(self) -> float:
        """Quarters a minute."""
        return self.settings.tempo_in(self.meter)

    @cached_property
    def notes(self) -> list[Note]:
        """All notes of the piece as they were decoded, the tonic on C."""
        phrase = Fraction(BARS * METERS[self.meter])
        return [
            replace(note, start=note.start + index * phrase)
            for index, grid in enumerate(self.grids)
            for note in grid.notes()
        ]

    @cached_property
    def tune(self) -> list[Note]:
        """All notes in the mode that is wanted, the tonic on C."""
        return in_mode(self.notes, self.settings.mode)

    @property
    def lanes(self) -> Lanes:
        """Where pitches of `tune` lie on the roll that is shown."""
        return Lanes.of(self.tune)

    @cached_property
    def heard(self) -> list[Note]:
        """All notes in the mode and the key that are wanted."""
        shift = shift_to(self.settings.key)
        return [replace(note, pitch=note.pitch + shift) for note in self.tune]

    @cached_property
    def key(self) -> Key:
        """What the notes that are heard are written in."""
        chosen = self.settings.mode
        mode = mode_of(self.tune) if chosen == FOUND else chosen
        return Key(TONICS.index(self.settings.key), mode)

    @cached_property
    def harmony(self) -> list[Sounding]:
        """The chords of the accompaniment; none where it has none."""
        if self.settings.accompaniment not in ("chords", "arpeggio"):
            return []
        return harmonise(self.tune, self.meter, self.key.mode, self.bars)

    @property
    def programs(self) -> dict[str, int]:
        """General MIDI programs by voice."""
        found = {MELODY: INSTRUMENTS[self.settings.instrument]}
        kind = self.settings.accompaniment
        if kind != "none":
            found[ACCOMPANIMENT] = INSTRUMENTS[companion(kind, self.settings.instrument)]
        return found

    @classmethod
    def read(cls, source: str | Path | BinaryIO) -> Melody:
        """MIDI, ABC, or a file that the studio saved; of a long piece the first four bars.

        It is to sound as it is known: in the file's key and tempo, on the nearest instrument; or,
        with a recipe, as the recipe says.

        Raises:
            BadUpload: it cannot be used.
        """
        data = Path(source).read_bytes() if isinstance(source, str | Path) else source.read()
        if len(data) > LARGEST_BYTES:
            raise BadUpload("melody_too_large", limit=LARGEST_BYTES // 1_000_000)
        if data[:4] == b"RIFF":
            return cls.from_recipe(sound.wave_recipe(data))
        if data[:4] == b"MThd":
            return cls.from_midi(data)
        text = data[: 10**6].decode("utf-8", errors="replace")
        if score.RECIPE_FIELD in text:
            return cls.from_recipe(score.recipe_in(text))
        if "X:" in text or "K:" in text:
            return cls.from_abc(text)
        raise BadUpload("not_a_melody")

    @classmethod
    def from_midi(cls, data: bytes) -> Melody:
        carried = recipe_in(data)
        if carried:
            return cls.from_recipe(carried, lambda settings: notes_of_ours(data, settings))
        parsed = read_midi(data)
        for notes in parsed.phrases():
            try:
                grid = Grid.of(settle(notes, parsed.tonic), parsed.meter)
            except OffGrid:
                continue
            return cls([grid], None, as_known(parsed.tonic, parsed.tempo, parsed.program))
        raise BadUpload("midi_empty")

    @classmethod
    def from_abc(cls, text: str) -> Melody:
        carried = score.recipe_in_abc(text)
        if carried:
            return cls.from_recipe(carried, lambda _: notes_of_abc(text)[0])
        grid, tune = notes_of_abc(text)
        tempo = tune.tempo * (2 if tune.meter in DOUBLED else 1)
        return cls([grid], None, as_known(tune.tonic, tempo, score.program_in_abc(text)))

    @classmethod
    def from_recipe(
        cls, text: str | None, reader: Callable[[Settings], Grid] | None = None
    ) -> Melody:
        """A file of the studio: the recipe rules, and its notes are there where they can be read
        back, for those who have not got the model."""
        if not text:
            raise BadUpload("no_recipe")
        recipe = Recipe.from_json(text)
        settings = Settings.of(recipe.options)
        grid = Grid.of([Note(Fraction(0), Fraction(1), 60)], "4/4")
        if reader is not None:
            with suppress(BadUpload, OffGrid):
                grid = reader(settings)
        return cls([grid], recipe, settings)

    def played(self) -> list[Played]:
        """What sounds, in quarters from the beginning."""
        tonic = self.key.tonic
        return perform(self.heard, self.harmony, self.meter, self.settings, tonic, self.bars)

    def midi(self, tail: float = 0.0) -> bytes:
        """A MIDI file with the recipe inside, and so many seconds of silence at its end."""
        return write_midi(
            self.played(),
            [(Fraction(0), self.meter)],
            self.tempo,
            self.programs,
            Fraction(self.quarters) + quarters_in(tail, self.tempo),
            self.key,
            self.recipe.to_json() if self.recipe else "",
        )

    def sung(self, lines: Lines) -> Song:
        """See studio.song.Singable."""
        return Song(self, lines)

    def music(self) -> Music:
        """What lies under a film that is made to it."""
        second = 60 / self.tempo
        strokes = [(note.start * second, note.pitch, note.velocity) for note in self.played()]
        return Music(self.midi(sound.TAIL), self.quarters * second, strokes)

    @property
    def score(self) -> score.Score:
        """What is written down."""
        return score.Score(
            self.heard,
            self.meter,
            self.tempo,
            self.key,
            self.bars,
            self.programs[MELODY],
            self.harmony,
        )

    def show(self, alt: str = "") -> str:
        """See studio.medium.Artwork.show: a piano roll, its score, and a player."""
        return self.drawn(alt, self.midi(sound.TAIL))

    def glimpse(self, alt: str = "") -> str:
        """See studio.medium.Glimpsed: without the sound, which takes longest."""
        return self.drawn(alt, None)

    def drawn(self, alt: str, midi: bytes | None) -> str:
        bar = METERS[self.meter]
        steered_from = self.quarters - BARS * bar
        names = chord_names(self.harmony, self.key, bar)
        picture = strip(names, self.quarters, bar) if names else ""
        notes = roll(self.tune, self.quarters, bar, BARS * bar, 640, 280, pale_until=steered_from)
        picture += f"<div data-graspable>{notes}</div>"
        seconds = self.quarters * 60 / self.tempo
        return figure(alt, picture, score.engrave(self.score), midi, seconds)

    def thumbnail(self, alt: str = "", size: int = 128) -> str:
        """See studio.medium.Artwork.thumbnail: the last phrase."""
        label = html.escape(alt, quote=True)
        style = f"display:block;width:100%;max-width:{size}px"
        bar = METERS[self.meter]
        begin = self.quarters - BARS * bar
        last = [replace(n, start=n.start - begin) for n in self.tune if n.start >= begin]
        return (
            f'<span class="thumbnail" role="img" aria-label="{label}" style="{style}">'
            f"{roll(last, BARS * bar, bar, BARS * bar, 128, 128, rounding=1)}</span>"
        )

    def on_paper(self, width: int) -> Image:
        """See studio.medium.OnPaper: the piano roll."""
        bar = METERS[self.meter]
        return drawn(self.tune, self.quarters, bar, BARS * bar, width)

    def export(self, format: str) -> bytes:
        """Bytes of a file with the recipe inside.

        Raises:
            ValueError: not one of FORMATS.
        """
        recipe = self.recipe.to_json() if self.recipe else ""
        if format == "mid":
            return self.midi()
        if format == "wav":
            return sound.labelled(sound.wave(self.midi(sound.TAIL)), recipe)
        if format == "abc":
            return score.abc_text(self.score, recipe).encode()
        if format == "musicxml":
            return score.musicxml(self.score, recipe).encode()
        raise ValueError(f"a melody exports to {', '.join(FORMATS)}, not {format!r}")


def as_known(tonic: int, tempo: float, program: int | None) -> Settings:
    """Settings with which a file sounds as its owner knows it.

    Args:
        tonic: pitch class; tempo: quarters a minute, 0 if the file says none.
        program: General MIDI program, None if the file says none.
    """
    options: dict[str, Any] = {"key": TONICS[tonic], "tempo": tempo}
    if program is not None:
        options["instrument"] = nearest_instrument(program)
    return Settings.of(options)


def notes_of_ours(data: bytes, settings: Settings) -> Grid:
    """The first phrase of a MIDI file that the studio wrote, back on its tonic.

    Raises:
        BadUpload, OffGrid: feel or humanise have moved its notes too far from the grid.
    """
    parsed = read_midi(data)
    shift = shift_to(settings.key)
    for notes in parsed.phrases():
        return Grid.of([replace(n, pitch=n.pitch - shift) for n in notes], parsed.meter)
    raise BadUpload("midi_empty")


def notes_of_abc(text: str) -> tuple[Grid, abc.Tune]:
    """The first phrase of the first tune, its tonic on C, and the tune.

    Raises:
        BadUpload: there is none; says why.
    """
    found = Collection()
    start = max(text.find("X:"), 0)
    try:
        tune = abc.read_tune(text[start:].split("\n\n")[0])
        add_tune(found, "", tune)
    except abc.AbcError as error:
        raise BadUpload("abc_damaged", reason=str(error)) from error
    except KeyError as error:
        raise BadUpload("abc_meter") from error
    if not found.phrases:
        raise BadUpload("abc_short", bars=BARS)
    return found.phrases[0].grid, tune


def quarters_in(seconds: float, tempo: float) -> Fraction:
    """Quarters that pass in some seconds."""
    return Fraction(seconds * tempo / 60).limit_denominator(1000)
