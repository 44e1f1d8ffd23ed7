"""Melodies and MIDI files as music under a film: how they sound, and how much happens when."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np

from studio.errors import BadUpload
from studio.melody import sound
from studio.melody.midi import LARGEST_BYTES

LONGEST = 60.0
"""Seconds that are taken of a person's file."""
RATE = 25
"""Times a second at which energy is told."""
SPREAD = 0.22
"""Seconds: the deviation of the Gaussian that a note's beginning is spread by. Less, and a film
jerks at every note; more, and it no longer follows a phrase."""
MIDDLE, OCTAVE = 60, 12
FADE = 0.05
"""Seconds in which the last round ends, instead of with a click."""
FEWEST_NOTES = 4
TEMPO = 120
"""Quarters a minute of files written here, whose notes may lie anywhere."""

Strokes = Sequence[tuple[float, int, int]]
"""When each note begins in seconds, its pitch as a MIDI number, and its velocity, 1 to 127."""


@dataclass(frozen=True)
class Music:
    """See studio.soundtrack.Soundtrack.

    Attributes:
        midi: what is played, with room at its end for the last notes to die away.
        seconds: of one round; strokes: the notes that begin in it.
    """

    midi: bytes
    seconds: float
    strokes: Strokes

    @cached_property
    def energy(self) -> list[float]:
        return energy(self.strokes, self.seconds)

    def wave(self, rounds: int = 1) -> bytes:
        """See studio.soundtrack.Soundtrack.wave; what rings on is heard over the next round."""
        once, length = sound.samples(self.midi), round(rounds * self.seconds * sound.RENDERED_RATE)
        whole = np.zeros((length, once.shape[1]), np.float32)
        for index in range(rounds):
            start = round(index * self.seconds * sound.RENDERED_RATE)
            part = once[: length - start]
            whole[start : start + len(part)] += part
        fade = min(round(FADE * sound.RENDERED_RATE), length)
        whole[length - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None]
        return sound.encoded(whole.clip(-1, 1), sound.RENDERED_RATE, "WAV")

    def loop(self) -> bytes:
        return sound.flac(self.midi, self.seconds)


def energy(strokes: Strokes, seconds: float) -> list[float]:
    """How much happens at RATE times a second of music that goes round: how densely notes begin,
    times how loud and how high those are.

    Each beginning counts with its velocity, and twice as much an octave higher; all are spread by a
    Gaussian, across the seam too.
    """
    count = max(round(seconds * RATE), 1)
    times = (np.arange(count) + 0.5) * seconds / count
    if not len(strokes):
        return [0.0] * count
    starts, pitches, velocities = np.array(strokes, dtype=float).T
    weights = velocities / 127 * 2 ** ((pitches - MIDDLE) / OCTAVE)
    # Where the round is short, a beginning is near from both sides.
    laps = np.arange(-1, 2) * seconds
    apart = times[:, None, None] - starts[None, :, None] - laps
    near = np.exp(-0.5 * (apart / SPREAD) ** 2).sum(2)
    return [float(each) for each in near @ weights]


def read(source: str | Path | BinaryIO) -> bytes:
    """See studio.soundtrack.Musical.read_music.

    Raises:
        BadUpload: not MIDI, damaged, too large, or with fewer than FEWEST_NOTES notes.
    """
    import pretty_midi

    data = Path(source).read_bytes() if isinstance(source, str | Path) else source.read()
    song = parsed(data)
    first = min((n.start for i in song.instruments for n in i.notes), default=0.0)
    kept = pretty_midi.PrettyMIDI(initial_tempo=TEMPO)
    for voice in song.instruments:
        notes = [
            pretty_midi.Note(n.velocity, n.pitch, n.start - first, min(n.end - first, LONGEST))
            for n in voice.notes
            if n.end > n.start and n.start - first < LONGEST
        ]
        if notes:
            kept.instruments.append(pretty_midi.Instrument(voice.program, voice.is_drum))
            kept.instruments[-1].notes = notes
    if sum(len(voice.notes) for voice in kept.instruments) < FEWEST_NOTES:
        raise BadUpload("midi_empty")
    stream = io.BytesIO()
    kept.write(stream)
    return ringing(stream.getvalue())


def ringing(midi: bytes) -> bytes:
    """With silence at the end in which the last notes die away."""
    import mido

    file, stream = mido.MidiFile(file=io.BytesIO(midi)), io.BytesIO()
    # The first track holds nothing but what is at its beginning, and its end is that of the file.
    tempo = mido.bpm2tempo(TEMPO)
    end = mido.second2tick(file.length + sound.TAIL, file.ticks_per_beat, tempo)
    file.tracks[0][-1].time = round(end)
    file.save(file=stream)
    return stream.getvalue()


def of_midi(data: bytes) -> Music:
    """What `read` returned, from its first note to its last one's end."""
    song = parsed(data)
    strokes = sorted((n.start, n.pitch, n.velocity) for i in song.instruments for n in i.notes)
    return Music(data, song.get_end_time(), strokes)


def parsed(data: bytes):  # type: ignore[no-untyped-def]  # pretty_midi has no types
    """Raises: BadUpload: not MIDI, damaged, or too large."""
    import pretty_midi

    if len(data) > LARGEST_BYTES:
        raise BadUpload("midi_too_large", limit=LARGEST_BYTES // 1_000_000)
    if data[:4] != b"MThd":
        raise BadUpload("not_midi")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return pretty_midi.PrettyMIDI(io.BytesIO(data))
    # mido and pretty_midi raise nearly anything on damaged files.
    except Exception as error:
        raise BadUpload("not_midi") from error
