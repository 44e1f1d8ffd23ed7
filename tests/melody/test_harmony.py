"""Chords that a musician would have played, under tunes that everybody knows."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.melody.artwork import Melody
from studio.melody.grid import METER_NAMES, METERS, Note
from studio.melody.harmony import CHORDS, SPANS, Chord, Sounding, fitness, harmonise
from studio.melody.keys import SCALES, Key
from tests.melody import tunes


def chords(tune: str, key: Key) -> list[list[str]]:
    """Bar by bar."""
    melody = Melody(tunes.phrases(tune))
    rows: list[list[str]] = [[] for _ in range(melody.bars)]
    for sounding in harmonise(melody.notes, melody.meter, melody.key.mode, melody.bars):
        rows[int(sounding.start // METERS[melody.meter])].append(sounding.chord.symbol(key))
    return rows


@pytest.mark.parametrize(
    ("tune", "key", "home", "dominants"),
    [
        (tunes.TWINKLE, Key(0), "C", {"G", "G7"}),
        (tunes.ODE_TO_JOY, Key(2), "D", {"A", "A7"}),
        (tunes.GREENSLEEVES, Key(9, "minor"), "Am", {"E", "E7"}),
        (tunes.IRISH_WASHERWOMAN, Key(7), "G", {"D", "D7"}),
        (tunes.OLD_JOE_CLARK, Key(9, "mixolydian"), "A", {"G", "E", "Em"}),
    ],
)
def test_a_tune_begins_at_home_and_comes_home(
    tune: str, key: Key, home: str, dominants: set[str]
) -> None:
    found = [name for bar in chords(tune, key) for name in bar]
    changes = [name for name, before in zip(found, ["", *found], strict=False) if name != before]
    assert changes[0] == home
    assert changes[-1] == home
    assert changes[-2] in dominants


def test_twinkle_is_harmonised_as_it_always_was() -> None:
    assert chords(tunes.TWINKLE, Key(0)) == [["C"], ["F", "C"], ["F", "C"], ["G", "C"]]


def test_greensleeves_goes_down_by_its_steps_and_its_raised_seventh_is_heard() -> None:
    found = chords(tunes.GREENSLEEVES, Key(9, "minor"))
    assert [bar[0] for bar in found[:4]] == ["Am", "G", "Am", "E"]


def test_a_dorian_tune_has_the_chords_of_its_mode() -> None:
    found = {name for bar in chords(tunes.SCARBOROUGH_FAIR, Key(2, "dorian")) for name in bar}
    assert "Dm" in found
    assert found <= {chord.symbol(Key(2, "dorian")) for chord in CHORDS["dorian"]}


def test_every_mode_has_chords_of_its_own_scale() -> None:
    for mode, scale in SCALES.items():
        # The leading note, and the one to the dominant, are borrowed.
        allowed = {*scale, 11, 6}
        assert all(set(chord.tones) <= allowed for chord in CHORDS[mode]), mode
        assert Chord(0, "m" if 3 in scale else "") in CHORDS[mode]


@st.composite
def lines(draw: st.DrawFn) -> tuple[list[Note], str, int]:
    meter = draw(st.sampled_from(METER_NAMES))
    bars = draw(st.sampled_from((4, 8)))
    notes, at = [], Fraction(0)
    while at < bars * METERS[meter]:
        length = min(Fraction(draw(st.integers(1, 12)), 4), bars * METERS[meter] - at)
        if draw(st.integers(0, 5)):
            notes.append(Note(at, length, draw(st.integers(50, 90))))
        at += length
    return notes, meter, bars


@given(lines(), st.sampled_from(sorted(SCALES)))
def test_every_moment_has_one_chord(line: tuple[Sequence[Note], str, int], mode: str) -> None:
    notes, meter, bars = line
    found = harmonise(notes, meter, mode, bars)
    at = Fraction(0)
    for sounding in found:
        assert sounding.start == at
        assert sounding.duration % SPANS[meter] == 0
        assert at % METERS[meter] + sounding.duration <= METERS[meter]
        at += sounding.duration
    assert at == bars * METERS[meter]
    assert {sounding.chord for sounding in found} <= set(CHORDS[mode])


def test_chords_fit_better_than_the_tonic_alone() -> None:
    def fits(melody: Melody, harmony: Sequence[Sounding]) -> float:
        total = 0.0
        for note in melody.notes:
            chord = next(s.chord for s in harmony if s.start <= note.start < s.start + s.duration)
            total += float(note.duration) * fitness(note.pitch, chord)
        return total

    for tune in (tunes.ODE_TO_JOY, tunes.GREENSLEEVES, tunes.IRISH_WASHERWOMAN):
        melody = Melody(tunes.phrases(tune))
        found = harmonise(melody.notes, melody.meter, melody.key.mode, melody.bars)
        home = [Sounding(s.start, s.duration, found[0].chord) for s in found]
        assert fits(melody, found) > fits(melody, home) + 0.2 * melody.quarters
