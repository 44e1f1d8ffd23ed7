"""The grid that melodies live on: four bars of four cells of four slots.

A cell is a quarter note. Its slots are sixteenths, or, where its triplet flag is set, thirds of the
quarter (the last slot is then unused). Bars of three quarters (3/4, and 6/8 with its twelve
sixteenths) leave the fourth cell empty. A slot holds a token: a pitch that begins there, a rest
that begins there, or nothing new.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

BARS, CELLS, SLOTS = 4, 4, 4
LENGTH = BARS * CELLS * SLOTS
PAD, REST, HOLD = 0, 1, 2
FIRST_PITCH = 3
LOWEST, HIGHEST = 45, 96
"""MIDI pitches that have a token: A2 to C7."""
VOCABULARY = FIRST_PITCH + HIGHEST - LOWEST + 1
METERS = {"4/4": 4, "3/4": 3, "6/8": 3}
"""Cells in a bar."""
METER_NAMES = tuple(METERS)
TONIC = 60
"""Every melody is kept with its tonic moved to C; which octave its range decides."""


class OffGrid(ValueError):
    """These notes do not lie on the grid."""


@dataclass(frozen=True)
class Note:
    """Times in quarter notes from the beginning; `pitch` is a MIDI number."""

    start: Fraction
    duration: Fraction
    pitch: int

    @property
    def end(self) -> Fraction:
        return self.start + self.duration


@dataclass(frozen=True)
class Grid:
    """One phrase.

    Attributes:
        tokens: [64] uint8; triplets: [16] bool, one a cell; meter: one of METERS.
    """

    tokens: np.ndarray
    triplets: np.ndarray
    meter: str

    def notes(self) -> list[Note]:
        """The notes, in order, none overlapping."""
        found: list[Note] = []
        begun: tuple[Fraction, int] | None = None
        at = Fraction(0)
        for index, (start, _, token) in enumerate(self.slots()):
            if token == HOLD and index:
                continue
            if begun is not None:
                found.append(Note(begun[0], start - begun[0], begun[1]))
            begun = (start, token - FIRST_PITCH + LOWEST) if token >= FIRST_PITCH else None
        at = Fraction(BARS * METERS[self.meter])
        if begun is not None:
            found.append(Note(begun[0], at - begun[0], begun[1]))
        return found

    def slots(self) -> list[tuple[Fraction, int, int]]:
        """Start in quarters, place in `tokens`, and token of every slot in use."""
        cells = METERS[self.meter]
        rows = []
        for bar in range(BARS):
            for cell in range(cells):
                place = (bar * CELLS + cell) * SLOTS
                thirds = bool(self.triplets[bar * CELLS + cell])
                for slot in range(3 if thirds else SLOTS):
                    start = bar * cells + cell + Fraction(slot, 3 if thirds else SLOTS)
                    rows.append((start, place + slot, int(self.tokens[place + slot])))
        return rows

    @classmethod
    def of(cls, notes: Sequence[Note], meter: str) -> Grid:
        """Notes that lie on the grid, none overlapping, as a grid.

        Raises:
            OffGrid: a time between slots, or a pitch without a token.
        """
        cells = METERS[meter]
        end = BARS * cells
        tokens = np.full(LENGTH, PAD, np.uint8)
        used = np.arange(LENGTH).reshape(BARS, CELLS, SLOTS)[:, :cells].reshape(-1)
        tokens[used] = HOLD
        triplets = np.zeros(BARS * CELLS, bool)
        events: dict[Fraction, int] = {}
        for note in notes:
            if not LOWEST <= note.pitch <= HIGHEST:
                raise OffGrid(f"pitch {note.pitch}")
            events[note.start] = note.pitch - LOWEST + FIRST_PITCH
        for note in notes:
            if note.end < end:
                events.setdefault(note.end, REST)
        events.setdefault(Fraction(0), REST)
        placed: dict[int, set[int]] = {}
        for start, token in events.items():
            quarter, within = divmod(start, 1)
            bar, cell = divmod(int(quarter), cells)
            index = bar * CELLS + cell
            straight, thirds = within * SLOTS, within * 3
            if straight.denominator == 1:
                slot = int(straight)
                kind = 0 if slot else -1
            elif thirds.denominator == 1:
                slot, kind = int(thirds), 1
            else:
                raise OffGrid(f"time {start}")
            if kind >= 0:
                placed.setdefault(index, set()).add(kind)
            tokens[index * SLOTS + slot] = token
        for index, kinds in placed.items():
            if len(kinds) > 1:
                raise OffGrid("sixteenths and thirds in one quarter")
            triplets[index] = kinds == {1}
        return cls(tokens, triplets, meter)
