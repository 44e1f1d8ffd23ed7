"""Melodies as sound: a General MIDI soundfont played without any system library."""

from __future__ import annotations

import io
from functools import cache
from importlib.resources import files

SAMPLE_RATE = 24_000
"""Of what the page plays: nothing that the soundfont holds is lost to most ears."""


@cache
def soundfont() -> bytes:
    """TimGM6mb (GPL 2, by Tim Brechbill), as pretty_midi carries it."""
    return files("pretty_midi").joinpath("TimGM6mb.sf2").read_bytes()


def wave(midi: bytes) -> bytes:
    """MIDI bytes to a WAV of 48 kHz, stereo, 16 bit."""
    import midirenderer

    return midirenderer.render_wave_from(soundfont(), midi)


def flac(midi: bytes) -> bytes:
    """MIDI bytes to a small lossless file that every browser plays: mono, SAMPLE_RATE."""
    import soundfile

    samples, rate = soundfile.read(io.BytesIO(wave(midi)))
    step = rate // SAMPLE_RATE
    # Neighbours are averaged, which is what keeps the higher half from folding down.
    usable = len(samples) // step * step
    mono = samples[:usable].mean(1).reshape(-1, step).mean(1)
    stream = io.BytesIO()
    soundfile.write(stream, mono, SAMPLE_RATE, format="FLAC")
    return stream.getvalue()
