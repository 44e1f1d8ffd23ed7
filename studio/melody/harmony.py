"""Chords that go with a melody.

A tune is cut into spans of half a bar (a whole one in three), and each gets one chord of those that
its mode uses. Of all rows of chords the best is found by dynamic programming (Viterbi, 1967), as in
the harmonisers of Raphael and Stoddard (Functional harmonic analysis using probabilistic models,
2004) and MySong (Simon, Morris and Basu, 2008), with scores set by hand instead of learned:

- how the notes of a span fit a chord. Each counts by how long it sounds there and by its place in
  the bar; a short note that moves on by step is an ornament and may well be foreign to the chord
  (Temperley, The Cognition of Basic Musical Structures, 2001, chapters 6 and 7).
- how chords follow one another: tonic, subdominant, dominant and back, roots falling by fifths
  (Kostka and Payne, Tonal Harmony, chapter 7), and for the old modes the seventh degree in the
  dominant's place. A change inside a bar has to be worth it.
- where the phrase is: a piece begins on the tonic and comes home to it after a dominant; each
  earlier phrase of four bars ends there or on the dominant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import zip_longest

import numpy as np

from studio.melody.grid import BARS, METERS, Note
from studio.melody.keys import Key

KINDS = {"": (0, 4, 7), "m": (0, 3, 7), "7": (0, 4, 7, 10), "dim": (0, 3, 6)}
"""Semitones above the root, by the suffix of the chord's symbol."""
SPANS = {"4/4": Fraction(2), "3/4": Fraction(3), "6/8": Fraction(3, 2)}
"""Quarters that one chord holds at least."""


@dataclass(frozen=True)
class Chord:
    """A chord relative to the tonic.

    Attributes:
        root: semitones above the tonic, 0 to 11; kind: one of KINDS.
    """

    root: int
    kind: str

    @property
    def tones(self) -> tuple[int, ...]:
        """Semitones above the tonic, 0 to 11, from the root up."""
        return tuple((self.root + tone) % 12 for tone in KINDS[self.kind])

    def symbol(self, key: Key) -> str:
        """As it is written above a score in this key: E♭, Am, G7."""
        return key.name_of(key.tonic + self.root) + self.kind


@dataclass(frozen=True)
class Sounding:
    """A chord and when it sounds, in quarters."""

    start: Fraction
    duration: Fraction
    chord: Chord


TONIC, SUBDOMINANT, DOMINANT, APPLIED = range(4)
# Each mode's chords: what a chord does, and how far it is behind the commonest.
CHORDS: dict[str, dict[Chord, tuple[int, float]]] = {
    "major": {
        Chord(0, ""): (TONIC, 0.0),
        Chord(7, ""): (DOMINANT, 0.1),
        Chord(7, "7"): (DOMINANT, 0.15),
        Chord(5, ""): (SUBDOMINANT, 0.15),
        Chord(2, "m"): (SUBDOMINANT, 0.4),
        Chord(9, "m"): (TONIC, 0.45),
        Chord(4, "m"): (TONIC, 0.9),
        Chord(2, "7"): (APPLIED, 0.6),
    },
    "mixolydian": {
        Chord(0, ""): (TONIC, 0.0),
        Chord(10, ""): (DOMINANT, 0.1),
        Chord(5, ""): (SUBDOMINANT, 0.2),
        Chord(7, "m"): (DOMINANT, 0.5),
        Chord(7, ""): (DOMINANT, 0.5),
        Chord(2, "m"): (SUBDOMINANT, 0.6),
        Chord(9, "m"): (TONIC, 0.7),
    },
    "dorian": {
        Chord(0, "m"): (TONIC, 0.0),
        Chord(10, ""): (DOMINANT, 0.1),
        Chord(5, ""): (SUBDOMINANT, 0.3),
        Chord(7, "m"): (DOMINANT, 0.4),
        Chord(3, ""): (TONIC, 0.6),
        Chord(7, ""): (DOMINANT, 0.6),
        Chord(2, "m"): (SUBDOMINANT, 0.8),
    },
    "minor": {
        Chord(0, "m"): (TONIC, 0.0),
        Chord(7, ""): (DOMINANT, 0.2),
        Chord(7, "7"): (DOMINANT, 0.25),
        Chord(10, ""): (DOMINANT, 0.3),
        Chord(5, "m"): (SUBDOMINANT, 0.25),
        Chord(3, ""): (TONIC, 0.4),
        Chord(8, ""): (SUBDOMINANT, 0.4),
        Chord(7, "m"): (DOMINANT, 0.6),
        Chord(2, "dim"): (SUBDOMINANT, 0.8),
    },
}
# From tonic, subdominant, dominant, applied dominant (rows) to the same: a subdominant after a
# dominant turns back, and an applied dominant is one only where the dominant follows.
FLOW = np.array(
    [
        [0.0, 0.2, 0.2, 0.0],
        [0.2, 0.0, 0.4, 0.2],
        [0.5, -0.5, 0.0, -0.5],
        [-1.0, -1.0, 0.6, -1.0],
    ]
)
FALLING_FIFTH = 0.15
CHANGE_IN_A_BAR = -0.7
SAME_IN_A_NEW_BAR = -0.1
BEGINS_AT_HOME = 0.6
COMES_HOME = 2.5
ENDS_HALFWAY = 0.6
CADENCE = 0.6
FITTING = 2.2
"""How much a span's notes weigh against everything else."""
TONES = (1.0, 1.0, 1.0, 0.7)
"""How well root, third, fifth and seventh fit."""
FOREIGN = -1.2
ORNAMENT = 0.3
"""What is left of a short note's weight where it moves on by step."""


def harmonise(notes: Sequence[Note], meter: str, mode: str, bars: int = BARS) -> list[Sounding]:
    """A chord for every span of a tune whose tonic is C; neighbouring spans of one chord in one
    bar are one.

    Args:
        notes: of `bars` bars from 0 on, none overlapping.
        meter: one of METERS; mode: one of keys.SCALES.
    """
    chords = CHORDS[mode]
    span = SPANS[meter]
    count = int(bars * METERS[meter] / span)
    in_bar = int(METERS[meter] / span)
    scores = fit(notes, list(chords), meter, count)
    scores -= np.array([behind for _, behind in chords.values()])
    scores += placement(chords, count, in_bar)
    steps = transitions(chords)
    best, came_from = scores[0], []
    for index in range(1, count):
        moves = best[:, None] + steps["bar" if index % in_bar == 0 else "inside"]
        if index >= count - in_bar:
            moves = moves + steps["cadence"]
        came_from.append(moves.argmax(0))
        best = moves.max(0) + scores[index]
    row = [int(best.argmax())]
    for origins in reversed(came_from):
        row.append(int(origins[row[-1]]))
    return joined([list(chords)[index] for index in reversed(row)], span, in_bar)


def joined(row: Sequence[Chord], span: Fraction, in_bar: int) -> list[Sounding]:
    found: list[Sounding] = []
    for index, chord in enumerate(row):
        last = found[-1] if found else None
        if last is not None and last.chord == chord and index % in_bar:
            found[-1] = Sounding(last.start, last.duration + span, chord)
        else:
            found.append(Sounding(index * span, span, chord))
    return found


def fit(notes: Sequence[Note], chords: Sequence[Chord], meter: str, count: int) -> np.ndarray:
    """How well each chord goes with the notes of each span [count, chords]."""
    span = SPANS[meter]
    table = np.zeros((count, len(chords)))
    for note, following in zip_longest(notes, notes[1:]):
        # The last of many short notes is no ornament: it is where they led.
        moves_on = following is not None and 0 < abs(following.pitch - note.pitch) <= 2
        is_short = note.duration <= Fraction(1, 2) and moves_on
        values = np.array([fitness(note.pitch, chord) for chord in chords])
        for index in range(int(note.start // span), count):
            overlap = min(note.end, (index + 1) * span) - max(note.start, index * span)
            if overlap <= 0:
                break
            place = note.start - index * span
            weight = float(overlap) * (1.5 if place <= 0 else 1.2 if place % 1 == 0 else 1.0)
            if is_short and place > 0:
                weight *= ORNAMENT
            table[index] += FITTING * weight * values / float(span)
    return table


def fitness(pitch: int, chord: Chord) -> float:
    tone = pitch % 12
    return TONES[chord.tones.index(tone)] if tone in chord.tones else FOREIGN


def placement(chords: dict[Chord, tuple[int, float]], count: int, in_bar: int) -> np.ndarray:
    """What the form of the piece wants in each span [count, chords]."""
    table = np.zeros((count, len(chords)))
    phrase = BARS * in_bar
    for column, (chord, (function, _)) in enumerate(chords.items()):
        is_home = chord.root == 0
        table[0, column] += BEGINS_AT_HOME * is_home
        table[-1, column] += COMES_HOME * is_home
        for end in range(phrase - 1, count - 1, phrase):
            table[end, column] += ENDS_HALFWAY * (is_home or function == DOMINANT)
    return table


def transitions(chords: dict[Chord, tuple[int, float]]) -> dict[str, np.ndarray]:
    """Scores [from, to] of changes at a bar line, inside a bar, and besides in the last bar."""
    functions = [function for function, _ in chords.values()]
    roots = np.array([chord.root for chord in chords])
    flow = FLOW[np.ix_(functions, functions)]
    flow = flow + FALLING_FIFTH * ((roots[:, None] - roots[None]) % 12 == 7)
    same = np.eye(len(chords), dtype=bool)
    home = roots == 0
    dominant = np.array(functions) == DOMINANT
    return {
        "bar": np.where(same, SAME_IN_A_NEW_BAR, flow),
        "inside": np.where(same, 0.0, flow + CHANGE_IN_A_BAR),
        "cadence": CADENCE * (dominant[:, None] & home[None]),
    }
