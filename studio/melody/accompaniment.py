"""What is played under a melody: chords in the rhythm of the meter, broken chords, or a drone.

Times are in quarters from the beginning of the piece, and exact; how they are bent is the subject
of performance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from studio.melody.grid import BARS, METERS, Note
from studio.melody.harmony import SPANS, Sounding

STRONG, WEAK, HELD = 62, 50, 46
"""MIDI velocities, below those of the melody (74 to 100)."""
BASS_LOWEST, CHORD_LOWEST, DRONE_LOWEST = 40, 53, 38
"""E2, F3 and D2: basses, chords and drones begin in the octave up from here."""
CENTRE = 60.0
EIGHTH, QUARTER = Fraction(1, 2), Fraction(1)
# Where, in a span of each meter, the chord answers its bass.
ANSWERS = {"4/4": (QUARTER,), "3/4": (QUARTER, 2 * QUARTER), "6/8": (QUARTER,)}
# A broken chord by eighths: 0 is the bass, then the chord from its lowest note up. The second row
# is for a chord that stays for another span.
BROKEN = {
    "4/4": ((0, 1, 2, 3), (2, 3, 2, 1)),
    "3/4": ((0, 1, 2, 3, 2, 1),),
    "6/8": ((0, 1, 2), (3, 2, 1)),
}
COMPANIONS = {
    "chords": {
        "piano": ("flute", "clarinet", "trumpet", "violin", "cello", "piano"),
        "guitar": ("recorder", "whistle", "accordion", "guitar"),
        "harp": ("harp", "musicbox"),
    },
    "arpeggio": {
        "piano": ("trumpet", "cello", "piano"),
        "guitar": ("whistle", "accordion", "violin", "guitar"),
        "harp": ("flute", "recorder", "clarinet", "harp", "musicbox"),
    },
    "drone": {
        "accordion": ("whistle", "recorder", "violin", "accordion"),
        "cello": ("flute", "clarinet", "trumpet", "cello", "guitar", "harp", "piano", "musicbox"),
    },
}
"""For each kind of accompaniment, which instrument goes with which melodies."""


@dataclass(frozen=True)
class Struck:
    """A note of the accompaniment and its MIDI velocity."""

    note: Note
    velocity: int


@dataclass(frozen=True)
class Voicing:
    """MIDI pitches: a bass for strong beats and one for the next, and the chord from below."""

    bass: int
    other_bass: int
    chord: tuple[int, ...]


def companion(kind: str, instrument: str) -> str:
    """The instrument that accompanies, one of settings.INSTRUMENTS."""
    return next(name for name, melodies in COMPANIONS[kind].items() if instrument in melodies)


def accompany(
    harmony: Sequence[Sounding], meter: str, kind: str, tonic: int, bars: int = BARS
) -> list[Struck]:
    """The notes under a piece of so many bars.

    Args:
        harmony: its chords, relative to `tonic`, a pitch class.
        kind: "chords", "arpeggio", "drone", or "none" for nothing.
    """
    if kind == "drone":
        return list(drone(tonic, meter, bars))
    if kind not in ("chords", "arpeggio"):
        return []
    pattern = block if kind == "chords" else broken
    voicings = voiced(harmony, tonic)
    found: list[Struck] = []
    for sounding, voicing in zip(harmony, voicings, strict=True):
        found += pattern(sounding, voicing, meter, sounding is harmony[-1])
    return found


def voiced(harmony: Sequence[Sounding], tonic: int) -> list[Voicing]:
    """Each chord in the inversion that moves least from the one before."""
    found: list[Voicing] = []
    before: tuple[int, ...] = ()
    for sounding in harmony:
        tones = [(tonic + tone) % 12 for tone in sounding.chord.tones]
        # The bass has the root, so a seventh takes its place in the chord above.
        upper = tones[-3:]
        choices = [close(upper, turn) for turn in range(len(upper))]

        def distance(chord: tuple[int, ...], before: tuple[int, ...] = before) -> float:
            goals = before or (CENTRE,) * len(chord)
            return sum(abs(a - b) for a, b in zip(chord, goals, strict=True))

        before = min(choices, key=distance)
        bass, other = (at_or_above(tone, BASS_LOWEST) for tone in (tones[0], tones[2]))
        found.append(Voicing(bass, other, before))
    return found


def close(tones: Sequence[int], turn: int) -> tuple[int, ...]:
    """Pitch classes as a chord in close position, the tone at `turn` lowest."""
    pitches = [at_or_above(tones[turn], CHORD_LOWEST)]
    for step in range(1, len(tones)):
        pitches.append(at_or_above(tones[(turn + step) % len(tones)], pitches[-1]))
    return tuple(pitches)


def at_or_above(pitch_class: int, lowest: int) -> int:
    return lowest + (pitch_class - lowest) % 12


def block(sounding: Sounding, voicing: Voicing, meter: str, is_last: bool) -> Iterator[Struck]:
    """Bass and answer; the last chord is held."""
    start, span = sounding.start, SPANS[meter]
    if is_last:
        yield Struck(Note(start, sounding.duration, voicing.bass), STRONG)
        for pitch in voicing.chord:
            yield Struck(Note(start, sounding.duration, pitch), WEAK)
        return
    for index in range(int(sounding.duration / span)):
        at = start + index * span
        bass = voicing.other_bass if index % 2 else voicing.bass
        yield Struck(Note(at, ANSWERS[meter][0], bass), STRONG)
        length = EIGHTH if meter == "6/8" else QUARTER
        for answer in ANSWERS[meter]:
            for pitch in voicing.chord:
                yield Struck(Note(at + answer, length, pitch), WEAK)


def broken(sounding: Sounding, voicing: Voicing, meter: str, is_last: bool) -> Iterator[Struck]:
    """Eighths that ring until the chord ends; the last chord rises and stays."""
    pitches = (voicing.bass, *voicing.chord)
    rows = BROKEN[meter][:1] if is_last else BROKEN[meter]
    span = SPANS[meter]
    for index in range(int(sounding.duration / span)):
        if is_last and index:
            break
        row = rows[index % len(rows)]
        if is_last:
            row = row[: len(pitches)]
        for step, place in enumerate(row):
            at = sounding.start + index * span + step * EIGHTH
            # The same string is struck again within a span, and stops ringing when it is.
            again = next((n for n, other in enumerate(row) if n > step and other == place), None)
            end = sounding.start + (sounding.duration if is_last else (index + 1) * span)
            if again is not None:
                end = at + (again - step) * EIGHTH
            yield Struck(Note(at, end - at, pitches[place]), STRONG if place == 0 else WEAK)


def drone(tonic: int, meter: str, bars: int) -> Iterator[Struck]:
    """Tonic and fifth, anew for each phrase."""
    length = BARS * METERS[meter]
    low = at_or_above(tonic, DRONE_LOWEST)
    for start in range(0, bars * METERS[meter], length):
        for pitch in (low, low + 7):
            yield Struck(Note(Fraction(start), Fraction(length), pitch), HELD)
