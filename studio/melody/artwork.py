"""A melody as people meet it: on the page with its sound, as a file, as a long piece."""

from __future__ import annotations

import base64
import html
import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from studio.errors import BadUpload
from studio.medium import Recipe
from studio.melody import abc, score, sound
from studio.melody.data import Collection, add_tune, settle
from studio.melody.grid import BARS, METERS, Grid, Note, OffGrid
from studio.melody.midi import read_midi, write_midi

FORMATS = ("mid", "wav", "abc", "musicxml")
PATH_FORMATS = ("mid", "wav")
UPLOADS = (".mid", ".midi", ".abc", ".wav", ".musicxml")
TEMPO = {"4/4": 112.0, "3/4": 126.0, "6/8": 144.0}
"""Quarters a minute."""
FLUTE = 73
SECTIONS = 9
LARGEST_BYTES = 20_000_000
RECIPE_CHUNK = b"ICMT"


class Melody:
    """Four bars of one voice, the tonic on C, with their recipe.

    Attributes:
        grid: the notes; recipe: how it was made, None for an upload that carries none.
        tempo: quarters a minute; program: General MIDI program.
    """

    def __init__(
        self,
        grid: Grid,
        recipe: Recipe | None = None,
        tempo: float | None = None,
        program: int = FLUTE,
    ) -> None:
        self.grid = grid
        self.recipe = recipe
        self.tempo = tempo or TEMPO[grid.meter]
        self.program = program

    @property
    def notes(self) -> list[Note]:
        return self.grid.notes()

    @property
    def quarters(self) -> int:
        return BARS * METERS[self.grid.meter]

    @classmethod
    def read(cls, source: str | Path | BinaryIO) -> Melody:
        """MIDI, ABC, or a file that the studio saved; of a long piece the first four bars.

        Raises:
            BadUpload: it cannot be used.
        """
        data = Path(source).read_bytes() if isinstance(source, str | Path) else source.read()
        if len(data) > LARGEST_BYTES:
            raise BadUpload("melody_too_large", limit=LARGEST_BYTES // 1_000_000)
        if data[:4] == b"RIFF":
            return cls.from_recipe(wave_recipe(data))
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
        parsed = read_midi(data)
        recipe = Recipe.from_json(parsed.recipe) if parsed.recipe else None
        for notes in parsed.phrases():
            try:
                settled = notes if recipe else settle(notes, parsed.tonic)
                grid = Grid.of(settled, parsed.meter)
            except OffGrid:
                continue
            return cls(grid, recipe, parsed.tempo, parsed.program)
        raise BadUpload("midi_empty")

    @classmethod
    def from_abc(cls, text: str) -> Melody:
        start = text.find("X:")
        found = Collection()
        try:
            tune = abc.read_tune(text[max(start, 0) :].split("\n\n")[0])
            add_tune(found, "", tune)
        except abc.AbcError as error:
            raise BadUpload("abc_damaged", reason=str(error)) from error
        except KeyError as error:
            raise BadUpload("abc_meter") from error
        if not found.phrases:
            raise BadUpload("abc_short", bars=BARS)
        recipe = score.recipe_in_abc(text)
        return cls(found.phrases[0].grid, Recipe.from_json(recipe) if recipe else None)

    @classmethod
    def from_recipe(cls, text: str | None) -> Melody:
        """A file whose notes cannot be read back, only its recipe."""
        if not text:
            raise BadUpload("no_recipe")
        recipe = Recipe.from_json(text)
        return cls(Grid.of([Note(Fraction(0), Fraction(1), 60)], "4/4"), recipe)

    def midi(self) -> bytes:
        recipe = self.recipe.to_json() if self.recipe else ""
        return write_midi(self.notes, self.grid.meter, self.tempo, self.program, recipe)

    def show(self, alt: str = "") -> str:
        """See studio.medium.Artwork.show: a piano roll, its score, and a player."""
        source = base64.b64encode(sound.flac(self.midi())).decode("ascii")
        label = html.escape(alt, quote=True)
        return (
            f'<div class="artwork melody" role="group" aria-label="{label}" style="--at:0;{FRAME}">'
            f'<style>{STYLE}</style><div class="melody-roll">{self.roll(640, 280)}'
            f'<i class="melody-playhead"></i></div>'
            f'<div class="melody-score">{score.engrave(self.notes, self.grid.meter)}</div>'
            f'<audio controls loop preload="auto" {PLAYER} '
            f'src="data:audio/flac;base64,{source}"></audio></div>'
        )

    def thumbnail(self, alt: str = "", size: int = 128) -> str:
        """See studio.medium.Artwork.thumbnail."""
        label = html.escape(alt, quote=True)
        style = f"display:block;width:100%;max-width:{size}px"
        return (
            f'<span class="thumbnail" role="img" aria-label="{label}" style="{style}">'
            f"{self.roll(128, 128, False)}</span>"
        )

    def roll(self, width: int, height: int, is_large: bool = True) -> str:
        """A piano roll as SVG; the colour of a note is its place in the scale."""
        notes = self.notes
        low = min((n.pitch for n in notes), default=60) - 2
        high = max((n.pitch for n in notes), default=72) + 2
        lane = height / max(high - low + 1, 14)
        middle = (high + low) / 2
        across = width / self.quarters
        parts = []
        for bar in range(BARS + 1):
            x = bar * width / BARS
            parts.append(f'<path d="M{x:.0f} 0V{height}" stroke="#8886" stroke-width="1"/>')
        for note in notes:
            x, wide = float(note.start) * across, float(note.duration) * across
            y = height / 2 - (note.pitch - middle + 0.5) * lane
            hue = (note.pitch * 7 % 12) * 30
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(wide - 1, 1):.1f}" '
                f'height="{lane * 0.86:.1f}" rx="{1 + is_large}" fill="hsl({hue} 55% 52%)"/>'
            )
        return (
            f'<svg viewBox="0 0 {width} {height}" width="100%" preserveAspectRatio="none" '
            f'aria-hidden="true" style="display:block;aspect-ratio:{width}/{height}">'
            f"{''.join(parts)}</svg>"
        )

    def export(self, format: str) -> bytes:
        """Bytes of a file with the recipe inside.

        Raises:
            ValueError: not one of FORMATS.
        """
        recipe = self.recipe.to_json() if self.recipe else ""
        if format == "mid":
            return self.midi()
        if format == "wav":
            return with_recipe(sound.wave(self.midi()), recipe)
        if format == "abc":
            return score.abc_text(self.notes, self.grid.meter, self.tempo, recipe).encode()
        if format == "musicxml":
            return score.musicxml(self.notes, self.grid.meter, self.tempo, recipe).encode()
        raise ValueError(f"a melody exports to {', '.join(FORMATS)}, not {format!r}")


# The playhead follows the sound by a property of the figure. A melody that takes the place of one
# that is playing plays on from there, so that one can steer while it sounds; an element that has
# left the page is not one that somebody has paused.
PLAYER = " ".join(
    f'{event}="{script}"'
    for event, script in {
        "ontimeupdate": "window.melodyAt = this.currentTime / this.duration || 0; "
        "this.parentElement.style.setProperty('--at', window.melodyAt)",
        "onplay": "window.melodyPlays = true",
        "onpause": "if (this.isConnected) window.melodyPlays = false",
        "onloadedmetadata": "if (window.melodyPlays) "
        "{ this.currentTime = window.melodyAt * this.duration; this.play() }",
    }.items()
)
# Inline: the page's own rules for artworks, which are square, are stronger than a style sheet.
FRAME = "display:flex;flex-direction:column;gap:.75rem;aspect-ratio:auto;padding-bottom:.75rem"
STYLE = (
    ".melody-roll{position:relative;border-radius:4px;overflow:hidden;"
    "background:var(--background-fill-secondary,#8881)}"
    ".melody-playhead{position:absolute;top:0;bottom:0;width:2px;background:currentColor;"
    "left:calc(var(--at)*100%);transition:left .25s linear}"
    ".melody-score svg{width:100%;height:auto;display:block;color:inherit}"
    ".melody audio{width:100%}"
)


def with_recipe(wave: bytes, recipe: str) -> bytes:
    """A WAV with a comment in its LIST INFO chunk."""
    if not recipe:
        return wave
    text = recipe.encode() + b"\0"
    text += b"\0" * (len(text) % 2)
    info = b"INFO" + RECIPE_CHUNK + struct.pack("<I", len(text)) + text
    body = wave[8:] + b"LIST" + struct.pack("<I", len(info)) + info
    return b"RIFF" + struct.pack("<I", len(body)) + body


def wave_recipe(data: bytes) -> str | None:
    """The comment of a WAV, distrusting every length in it."""
    place = 12
    while place + 8 <= len(data):
        kind, size = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "little")
        if kind == b"LIST" and data[place + 8 : place + 16] == b"INFO" + RECIPE_CHUNK:
            length = int.from_bytes(data[place + 16 : place + 20], "little")
            text = data[place + 20 : place + 20 + length]
            return text.rstrip(b"\0").decode("utf-8", errors="replace")
        place += 8 + size + size % 2
    return None


def export_piece(melodies: Sequence[Melody], format: str, target: Path) -> None:
    """The frames of a path one after another, each a labelled section of the same length.

    A film has hundreds of frames; of melodies SECTIONS are enough to hear the way, evenly chosen.

    Raises:
        ValueError: no melodies, or not one of PATH_FORMATS.
    """
    if not melodies:
        raise ValueError("a piece needs at least one melody")
    if format not in PATH_FORMATS:
        raise ValueError(f"a path of melodies exports to {', '.join(PATH_FORMATS)}")
    if len(melodies) > SECTIONS:
        last = len(melodies) - 1
        melodies = [melodies[round(i * last / (SECTIONS - 1))] for i in range(SECTIONS)]
    longest = max(melody.quarters for melody in melodies)
    notes, markers = [], []
    for index, melody in enumerate(melodies):
        offset = Fraction(index * longest)
        markers.append((offset, f"{index + 1}"))
        notes += [Note(offset + n.start, n.duration, n.pitch) for n in melody.notes]
    first = melodies[0]
    recipe = first.recipe.to_json() if first.recipe else ""
    data = write_midi(notes, first.grid.meter, first.tempo, first.program, recipe, markers)
    target.write_bytes(data if format == "mid" else with_recipe(sound.wave(data), recipe))
