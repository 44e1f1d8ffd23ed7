"""MIDI files: read with distrust, cut to a melody; and written with the recipe inside."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from studio.errors import BadUpload
from studio.melody.grid import BARS, HIGHEST, LOWEST, METERS, Note
from studio.melody.keys import Key
from studio.melody.performance import Played

LARGEST_BYTES = 2_000_000
TICKS = 480
BREATH = 10
"""Ticks before its end at which a note is let go, so that the same pitch can be struck again."""
VOLUMES = {0: 127, 10: 107, 21: 104, 24: 107, 40: 91, 42: 80, 46: 87, 56: 118, 74: 92, 78: 74}
"""By program: measured with the soundfont of studio.melody.sound, on the same tune."""
TITLE = "Latent Studio: a machine helped make this"
RECIPE = "latent-studio-recipe:"
# Krumhansl and Kessler, 1982: how well each degree fits a major and a minor key.
MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
METER_OF = {(4, 4): "4/4", (2, 2): "4/4", (2, 4): "4/4", (3, 4): "3/4", (6, 8): "6/8"}
TUNE_NAMES = ("melody", "lead", "solo", "vocal", "theme")
# Among pitched programs, those that are mostly not a tune: basses, and effects.
NO_TUNE = (*range(32, 40), *range(96, 104), *range(112, 128))


@dataclass(frozen=True)
class ReadMidi:
    """One voice of a MIDI file.

    Attributes:
        notes: in order, none overlapping, snapped to sixteenths or thirds of a quarter.
        meter: one of METERS; tonic: pitch class; mode: maj or min; tempo: quarters a minute.
        program: General MIDI program of the voice.
        reduced: what was left out, as keys of words.
    """

    notes: list[Note]
    meter: str
    tonic: int
    mode: str
    tempo: float
    program: int
    reduced: tuple[str, ...] = ()

    def phrases(self) -> Iterator[list[Note]]:
        """The file in runs of four bars, each from 0 on; those with fewer than four notes are
        left out."""
        length = BARS * METERS[self.meter]
        count = int(self.notes[-1].start // length) + 1 if self.notes else 0
        for index in range(count):
            inside = [n for n in self.notes if index * length <= n.start < (index + 1) * length]
            if len(inside) >= 4:
                yield clipped(inside, Fraction(index * length), Fraction(length))


def clipped(notes: Sequence[Note], start: Fraction, length: Fraction) -> list[Note]:
    return [
        Note(n.start - start, min(n.duration, start + length - n.start), n.pitch) for n in notes
    ]


def read_midi(data: bytes) -> ReadMidi:
    """A melody out of any MIDI file: its most tuneful voice, its highest notes, on the grid.

    Raises:
        BadUpload: not MIDI, damaged, or without pitched notes.
    """
    import pretty_midi

    if len(data) > LARGEST_BYTES:
        raise BadUpload("midi_too_large", limit=LARGEST_BYTES // 1_000_000)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            song = pretty_midi.PrettyMIDI(io.BytesIO(data))
    # mido and pretty_midi raise nearly anything on damaged files.
    except Exception as error:
        raise BadUpload("not_midi") from error
    voices = [i for i in song.instruments if not i.is_drum and i.notes]
    if not voices:
        raise BadUpload("midi_only_drums" if song.instruments else "midi_empty")
    reduced = []
    voice = max(voices, key=tunefulness)
    if len(voices) > 1:
        reduced.append("one_voice")
    changes = [(c.numerator, c.denominator) for c in song.time_signature_changes]
    meter = METER_OF.get(changes[0] if changes else (4, 4))
    if meter is None:
        meter = "4/4"
        reduced.append("meter")
    doubled = 2 if changes and changes[0] == (2, 4) else 1
    quarters = [
        (
            doubled * song.time_to_tick(max(note.start, 0.0)) / song.resolution,
            doubled * song.time_to_tick(max(note.end, 0.0)) / song.resolution,
            int(note.pitch),
        )
        for note in voice.notes
        if note.end > note.start
    ]
    line = skyline(quarters)
    if len(line) < len(quarters):
        reduced.append("highest_notes")
    notes = snapped(line, meter)
    notes = [n for n in notes if LOWEST <= n.pitch <= HIGHEST]
    if len(notes) < 2:
        raise BadUpload("midi_empty")
    # The tune begins with the bar of its first note.
    bar = METERS[meter]
    skip = Fraction(int(notes[0].start // bar) * bar)
    notes = [Note(n.start - skip, n.duration, n.pitch) for n in notes]
    tonic, mode = key_of(notes)
    _, tempi = song.get_tempo_changes()
    tempo = float(np.clip(tempi[0] * doubled if len(tempi) else 120.0, 20, 400))
    return ReadMidi(notes, meter, tonic, mode, tempo, int(voice.program), tuple(reduced))


def tunefulness(voice) -> float:  # type: ignore[no-untyped-def]
    """High, busy and single voices sing; basses and chords accompany. A name says more."""
    starts = {round(note.start, 2) for note in voice.notes}
    mean = float(np.mean([note.pitch for note in voice.notes]))
    single = len(starts) / len(voice.notes)
    named = 4 * any(word in voice.name.lower() for word in TUNE_NAMES)
    busy = min(len(starts), 64) / 32
    return mean / 12 + 3 * single + busy + named - 4 * (voice.program in NO_TUNE)


def skyline(notes: Sequence[tuple[float, float, int]]) -> list[tuple[float, float, int]]:
    """The highest of what begins together, each until the next begins."""
    tops: dict[int, tuple[float, float, int]] = {}
    for start, end, pitch in notes:
        slot = round(start * 12)
        if slot not in tops or pitch > tops[slot][2]:
            tops[slot] = (start, end, pitch)
    rows = [tops[slot] for slot in sorted(tops)]
    line = []
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        end = row[1] if following is None else min(row[1], following[0])
        line.append((row[0], end, row[2]))
    return line


def snapped(line: Sequence[tuple[float, float, int]], meter: str) -> list[Note]:
    """Times on sixteenths, or on thirds of those quarters where thirds fit better."""
    quarters: dict[int, list[float]] = {}
    for start, end, _ in line:
        for time in (start, end):
            quarters.setdefault(int(time), []).append(time % 1)
    thirds = {
        quarter
        for quarter, times in quarters.items()
        if meter != "6/8" and misfit(times, 3) + 0.01 * len(times) < misfit(times, 4)
    }

    def snap(time: float) -> Fraction:
        quarter = int(time)
        parts = 3 if quarter in thirds else 4
        return quarter + Fraction(round((time - quarter) * parts), parts)

    found: list[Note] = []
    for start, end, pitch in line:
        begin, stop = snap(start), snap(end)
        if found and begin <= found[-1].start:
            continue
        found.append(Note(begin, max(stop - begin, Fraction(1, 4)), pitch))
    # Small gaps are how players breathe, not rests.
    joined = []
    for note, following in zip(found, [*found[1:], None], strict=True):
        stop = note.end
        if following is not None:
            gap = following.start - stop
            stop = following.start if gap < Fraction(1, 4) else stop
        joined.append(Note(note.start, stop - note.start, note.pitch))
    return joined


def misfit(times: Sequence[float], parts: int) -> float:
    return sum(abs(time - round(time * parts) / parts) for time in times)


def key_of(notes: Sequence[Note]) -> tuple[int, str]:
    """Tonic and mode whose profile fits the notes' durations best (Krumhansl, 1990)."""
    weights = np.zeros(12)
    for note in notes:
        weights[note.pitch % 12] += float(note.duration)
    # The last note of a tune is mostly its tonic.
    weights[notes[-1].pitch % 12] += 0.1 * weights.sum()
    best = (-2.0, 0, "maj")
    for tonic in range(12):
        for mode, profile in (("maj", MAJOR), ("min", MINOR)):
            fit = np.corrcoef(weights, np.roll(profile, tonic))[0, 1]
            best = max(best, (float(np.nan_to_num(fit, nan=-1)), tonic, mode))
    return best[1], best[2]


def recipe_in(data: bytes) -> str | None:
    """The recipe that a MIDI file of the studio carries; None for every other file."""
    import mido

    if RECIPE.encode() not in data:
        return None
    try:
        file = mido.MidiFile(file=io.BytesIO(data), charset="utf-8")
    except Exception:  # mido raises nearly anything on damaged files.
        return None
    for message in file.tracks[0] if file.tracks else ():
        if message.type == "text" and message.text.startswith(RECIPE):
            return str(message.text[len(RECIPE) :])
    return None


def write_midi(
    played: Sequence[Played],
    meters: Sequence[tuple[Fraction, str]],
    tempo: float,
    programs: Mapping[str, int],
    quarters: Fraction,
    key: Key | None = None,
    recipe: str = "",
    markers: Sequence[tuple[Fraction, str]] = (),
    lyrics: Sequence[tuple[float, str]] = (),
) -> bytes:
    """A MIDI file of type 1: what holds for all, then a track for each voice.

    Args:
        meters: each meter and the time, in quarters, from which it holds; the first from 0.
        tempo: quarters a minute.
        programs: General MIDI programs by voice, in the order of their tracks.
        quarters: how long the piece is, silence at its end included.
        key: its signature; none is written without.
        markers: names of sections and their beginnings in quarters.
        lyrics: what is sung on notes of the first voice, and when these begin in quarters.
    """
    import mido

    file = mido.MidiFile(type=1, ticks_per_beat=TICKS, charset="utf-8")
    first: list[tuple[int, int, mido.MetaMessage]] = []
    for start, meter in meters:
        top, bottom = (int(number) for number in meter.split("/"))
        signature = mido.MetaMessage("time_signature", numerator=top, denominator=bottom)
        first.append((round(start * TICKS), 0, signature))
    for start, name in markers:
        first.append((round(start * TICKS), 1, mido.MetaMessage("marker", text=name)))
    head = [mido.MetaMessage("track_name", name=TITLE)]
    if recipe:
        head.append(mido.MetaMessage("text", text=RECIPE + recipe))
    head.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tempo)))
    if key is not None:
        head.append(mido.MetaMessage("key_signature", key=key.midi))
    end = round(quarters * TICKS)
    file.tracks.append(track_of(head, first, end))
    for channel, (voice, program) in enumerate(programs.items()):
        head = [
            mido.MetaMessage("track_name", name=voice.title()),
            mido.Message("program_change", channel=channel, program=program),
            mido.Message("control_change", channel=channel, control=7, value=volume(program)),
        ]
        events: list[tuple[int, int, Any]] = []
        for sung, text in lyrics if not channel else ():
            events.append((round(sung * TICKS), 0, mido.MetaMessage("lyrics", text=text)))
        for note in (n for n in played if n.voice == voice):
            on, off = round(note.start * TICKS), round(note.end * TICKS)
            message = mido.Message(
                "note_on", channel=channel, note=note.pitch, velocity=note.velocity
            )
            events.append((on, 2, message))
            message = mido.Message("note_off", channel=channel, note=note.pitch)
            events.append((max(off - BREATH, on + 1), 1, message))
        file.tracks.append(track_of(head, events, end))
    stream = io.BytesIO()
    file.save(file=stream)
    return stream.getvalue()


def volume(program: int) -> int:
    """Channel volume with which a program is about as loud as the others."""
    return VOLUMES.get(program, 100)


def track_of(head: Sequence[Any], events: Sequence[tuple[int, int, Any]], end: int) -> Any:
    """A track that ends at a tick, or with its last event; `events` are (tick, rank, message)."""
    import mido

    track = mido.MidiTrack(head)
    now = 0
    for tick, _, message in sorted(events, key=lambda row: row[:2]):
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=max(end - now, 0)))
    return track
