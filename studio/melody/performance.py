"""What is played of a melody: when, how loud, and what accompanies it.

A score says quarters and eighths; players bend them. First the feel moves the short notes inside
their beat, then hands that are not machines drift around the beat, together, and shape a phrase.
What is written down stays as it is. Times are in quarters from the beginning.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from itertools import zip_longest

import numpy as np

from studio.melody.accompaniment import accompany
from studio.melody.grid import BARS, METERS, Note
from studio.melody.harmony import Sounding
from studio.melody.settings import Settings

MELODY, ACCOMPANIMENT = "melody", "accompaniment"

# Time that is swung: where a place in the beat goes to.
Places = tuple[tuple[float, float], ...]
EVEN: Places = ((0, 0), (2, 2))
SWUNG: Places = ((0, 0), (1 / 2, 2 / 3), (1, 1))
SWUNG_SIXTEENTHS: Places = ((0, 0), (1 / 4, 1 / 3), (1 / 2, 1 / 2), (3 / 4, 5 / 6), (1, 1))
LILTED: Places = ((0, 0), (1 / 2, 3 / 4), (1, 1))
LILTED_SIXTEENTHS: Places = ((0, 0), (1 / 4, 3 / 8), (1 / 2, 1 / 2), (3 / 4, 7 / 8), (1, 1))
# The jig's long, short, middling eighths; the beat is three of them.
JIG: Places = ((0, 0), (1 / 2, 2 / 3), (1, 1), (3 / 2, 3 / 2))

DRIFT = 0.035
"""Largest drift of the beat at full humanise, in quarters: 19 ms at 112 a minute."""
SCATTER = 0.01
"""Largest deviation of one note from the drifting beat, in quarters."""
LEAN = 0.006
"""How early the bar's first note is and how late what is off the beat, in quarters."""
LARGEST_SHIFT = DRIFT + SCATTER + LEAN
"""Bound of what `humanise` does to a time, in quarters: less than half of the least distance that a
feel leaves between two notes, an eighth of a quarter, so that none overtakes another."""
ARCH, HEIGHT, TOUCH = 12.0, 0.5, 5.0
"""MIDI velocity at full humanise: from a phrase's edge to its middle, for each semitone above the
mean, and what no two strokes have in common."""
LOUDEST = 127
LEAST_LENGTH = 0.05


@dataclass(frozen=True)
class Played:
    """A note as it sounds.

    Attributes:
        start, duration: quarters; pitch: MIDI number; velocity: 1 to 127.
        voice: MELODY or ACCOMPANIMENT.
    """

    start: float
    duration: float
    pitch: int
    velocity: int
    voice: str = MELODY

    @property
    def end(self) -> float:
        return self.start + self.duration


def perform(
    notes: Sequence[Note],
    harmony: Sequence[Sounding],
    meter: str,
    settings: Settings,
    tonic: int = 0,
    bars: int = BARS,
) -> list[Played]:
    """What is played, in the order of its beginnings.

    Args:
        notes: as they are heard, in their key, of `bars` bars from 0 on, none overlapping.
        harmony: chords relative to `tonic`, a pitch class; only some accompaniments need them.
    """
    melody = [
        Played(float(n.start), float(n.duration), n.pitch, velocity(n.start, meter)) for n in notes
    ]
    band = [
        Played(float(n.start), float(n.duration), n.pitch, struck.velocity, ACCOMPANIMENT)
        for struck in accompany(harmony, meter, settings.accompaniment, tonic, bars)
        for n in (struck.note,)
    ]
    felt = feel(notes, meter, settings.feel)
    voices = [[moved(note, felt) for note in voice] for voice in (melody, band)]
    if settings.humanise:
        voices = [humanised(voice, meter, settings.humanise) for voice in voices]
    voices[0] = one_at_a_time(voices[0])
    return sorted((n for voice in voices for n in voice), key=lambda n: (n.start, n.pitch))


def one_at_a_time(voice: Sequence[Played]) -> list[Played]:
    """No note longer than until the next begins."""
    return [
        note
        if after is None
        else replace(note, duration=min(note.duration, after.start - note.start))
        for note, after in zip_longest(voice, voice[1:])
    ]


def velocity(start: Fraction, meter: str) -> int:
    """Louder where the meter is strong, as anybody plays."""
    within = start % METERS[meter]
    if within == 0:
        return 100
    strong = Fraction(3, 2) if meter == "6/8" else Fraction(2)
    if within % strong == 0:
        return 90
    return 82 if within % 1 == 0 or meter == "6/8" else 74


def moved(note: Played, felt: Callable[[float], float]) -> Played:
    start = felt(note.start)
    return replace(note, start=start, duration=felt(note.end) - start)


def feel(notes: Sequence[Note], meter: str, name: str) -> Callable[[float], float]:
    """Where each time goes, so that no two change places; what is on the beat stays.

    In quarters, swing delays the second eighth 2:1. A lilt sets the shortest pairs of a quarter
    3:1, sixteenths where there are some. In 6/8, where a pair of notes is uneven already, swing is
    left to the sixteenths, and the lilt is a jig's. Quarters in thirds stay even.
    """
    if name == "straight":
        return lambda time: time
    beat = Fraction(3, 2) if meter == "6/8" else Fraction(1)
    inside: dict[int, set[Fraction]] = {}
    for note in notes:
        for time in (note.start, note.end):
            inside.setdefault(int(time // beat), set()).add(time % beat)

    @cache
    def places(index: int) -> Places:
        times = inside.get(index, set())
        if any((time * 4).denominator > 1 for time in times):
            return EVEN
        has_sixteenths = any((time * 4) % 2 for time in times)
        if meter == "6/8":
            return JIG if name == "lilt" else SWUNG_SIXTEENTHS
        if name == "swing":
            return SWUNG
        return LILTED_SIXTEENTHS if has_sixteenths else LILTED

    def felt(time: float) -> float:
        # Sixteenths of 6/8 pair within quarters of their own, as its beats do not divide by two.
        unit = 1.0 if meter == "6/8" and name == "swing" else float(beat)
        index, within = divmod(time, unit)
        written, played = zip(*places(int(time // float(beat))), strict=True)
        return index * unit + float(np.interp(within, written, played))

    return felt


def humanised(voice: Sequence[Played], meter: str, amount: float) -> list[Played]:
    """A voice as hands play it.

    The beat drifts with the long memory that is measured in players (Hennig et al., The nature and
    perception of fluctuations in human musical rhythms, 2011), the same for all voices, for players
    listen; the bar's first note leans forward and off-beats lag; phrases swell and fade (Todd, The
    dynamics of dynamics, 1992), and what is high is louder (Friberg, Bresin and Sundberg, Overview
    of the KTH rule system for musical performance, 2006). What one note gets depends on no other,
    so that a melody that is steered keeps its hands.
    """
    phrase = BARS * METERS[meter]
    mean = sum(note.pitch for note in voice) / max(len(voice), 1)

    def shifted(time: float) -> float:
        return max(time + amount * (DRIFT * drift(time) + lean(time, meter)), 0.0)

    found = []
    for note in voice:
        scatter, touch = chance(note)
        start = max(shifted(note.start) + amount * SCATTER * scatter, 0.0)
        arch = math.sin(math.pi * ((note.start / phrase) % 1)) - 0.5
        loud = ARCH * arch + HEIGHT * (note.pitch - mean) + TOUCH * touch
        found.append(
            replace(
                note,
                start=start,
                duration=max(shifted(note.end) - start, LEAST_LENGTH),
                velocity=round(min(max(note.velocity + amount * loud, 1), LOUDEST)),
            )
        )
    return found


def lean(time: float, meter: str) -> float:
    if time % METERS[meter] == 0:
        return -LEAN
    return 0.0 if time % (1.5 if meter == "6/8" else 1) == 0 else LEAN


def chance(note: Played) -> tuple[float, float]:
    """Two numbers between -1 and 1 that are this note's own."""
    text = f"{note.voice} {note.start:.4f} {note.duration:.4f} {note.pitch}"
    digest = hashlib.sha256(text.encode()).digest()
    return tuple(int.from_bytes(digest[i : i + 4], "big") / 2**31 - 1 for i in (0, 4))  # type: ignore[return-value]


def drift(time: float) -> float:
    """Where the beat is, between -1 and 1: noise on scales from one quarter to sixteen, which
    together have nearly the power spectrum 1/f."""
    total = 0.0
    for octave in range(5):
        index, within = divmod(time / 2**octave, 1.0)
        ends = [drift_at(octave, int(index) + step) for step in (0, 1)]
        ease = within * within * (3 - 2 * within)
        total += ends[0] + (ends[1] - ends[0]) * ease
    return math.tanh(total)


@cache
def drift_at(octave: int, index: int) -> float:
    digest = hashlib.sha256(f"drift {octave} {index}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**31 - 1
