"""Melodies as sound: a General MIDI soundfont played without any system library, and WAV files
that carry a recipe and the names of their sections."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import numpy as np

RENDERED_RATE, PAGE_RATE = 48_000, 24_000
"""Samples a second of files, and of what the page plays: nothing that the soundfont holds is lost
to most ears."""
PAGE_STEPS = 2**13
"""Of loudness, on either side of silence, in what the page plays."""
GAIN = 5.0
"""The renderer leaves room for sixteen channels at their loudest; here there are two."""
KNEE = 0.8
"""Above this the loudest moments are rounded off instead of clipped."""
TAIL = 1.5
"""Seconds in which the last note dies away."""
RECIPE_CHUNK = b"ICMT"


@cache
def soundfont() -> bytes:
    """TimGM6mb (GPL 2, by Tim Brechbill), as pretty_midi carries it."""
    return files("pretty_midi").joinpath("TimGM6mb.sf2").read_bytes()


def samples(midi: bytes) -> np.ndarray:
    """MIDI bytes to samples [n, 2] at RENDERED_RATE, between -1 and 1."""
    import midirenderer
    import soundfile

    rendered = midirenderer.render_wave_from(soundfont(), midi)
    raw = GAIN * soundfile.read(io.BytesIO(rendered), dtype="float32")[0]
    over = np.abs(raw) > KNEE
    raw[over] = np.sign(raw[over]) * (
        KNEE + (1 - KNEE) * np.tanh((np.abs(raw[over]) - KNEE) / (1 - KNEE))
    )
    return raw


def wave(midi: bytes) -> bytes:
    """MIDI bytes to a WAV of 48 kHz, stereo, 16 bit."""
    return encoded(samples(midi), RENDERED_RATE, "WAV")


def flac(midi: bytes, seconds: float) -> bytes:
    """MIDI bytes to a small lossless file that every browser plays: mono, PAGE_RATE.

    It lasts exactly `seconds` and can go round without a seam: what rings on after its end is
    heard over its beginning.
    """
    step = RENDERED_RATE // PAGE_RATE
    length = round(seconds * PAGE_RATE)
    found = samples(midi).mean(1)
    # Neighbours are averaged, which is what keeps the higher half from folding down.
    found = found[: len(found) // step * step].reshape(-1, step).mean(1)
    loop = np.zeros(length, np.float32)
    loop[: min(length, len(found))] = found[:length]
    tail = found[length : 2 * length]
    loop[: len(tail)] += tail
    # What no loudspeaker on a desk lets one hear is most of what a lossless file is made of.
    return encoded(np.round(loop.clip(-1, 1) * PAGE_STEPS) / PAGE_STEPS, PAGE_RATE, "FLAC")


def encoded(sound: np.ndarray, rate: int, format: str) -> bytes:
    import soundfile

    stream = io.BytesIO()
    soundfile.write(stream, sound, rate, format=format, subtype="PCM_16")
    return stream.getvalue()


def labelled(wave: bytes, recipe: str = "", sections: Sequence[tuple[float, str]] = ()) -> bytes:
    """A WAV with a recipe as the comment of its LIST INFO chunk, and cue points with labels.

    Args:
        sections: beginnings in seconds and names.
    """
    body = wave[8:]
    if recipe:
        text = recipe.encode() + b"\0"
        body += chunk(b"LIST", b"INFO" + chunk(RECIPE_CHUNK, text))
    if sections:
        points, labels = struct.pack("<I", len(sections)), b"adtl"
        for number, (start, name) in enumerate(sections, 1):
            at = round(start * RENDERED_RATE)
            points += struct.pack("<II4sIII", number, at, b"data", 0, 0, at)
            labels += chunk(b"labl", struct.pack("<I", number) + name.encode() + b"\0")
        body += chunk(b"cue ", points) + chunk(b"LIST", labels)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


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
