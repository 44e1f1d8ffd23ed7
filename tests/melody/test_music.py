"""What is measured on melodies, on notes whose measure is known."""

from fractions import Fraction

import pytest
import torch
from torch.nn import functional as F

from studio.melody import music
from studio.melody.grid import BARS, METER_NAMES, METERS, VOCABULARY, Grid, Note
from studio.melody.model import Logits, usable
from tests.melody.tunes import GREENSLEEVES, IRISH_WASHERWOMAN, ODE_TO_JOY, TWINKLE, phrases


def melody(*lengths: str, pitches: tuple[int, ...] = (60,)) -> list[Note]:
    """Notes one after another; lengths in quarters, pitches in turn."""
    notes, at = [], Fraction(0)
    for index, length in enumerate(lengths):
        notes.append(Note(at, Fraction(length), pitches[index % len(pitches)]))
        at += Fraction(length)
    return notes


def certain(grid: Grid) -> Logits:
    """What a decoder says that is sure of one grid."""
    meter = METER_NAMES.index(grid.meter)
    slots = 40 * F.one_hot(torch.from_numpy(grid.tokens).long(), VOCABULARY).float()
    slots = slots.masked_fill(~usable()[meter], -torch.inf)
    thirds = 40 * (torch.from_numpy(grid.triplets).float() - 0.5)
    said = F.one_hot(torch.tensor([meter]), len(METER_NAMES)).float()
    return Logits(slots[None], thirds[None], said)


@pytest.mark.parametrize(
    ("meter", "lengths", "levels"),
    [
        ("4/4", ["1", "1", "1", "1"], [0, 0, 0, 0]),
        ("4/4", ["1/2", "1", "1/2", "2"], [0, 1, 0, 0]),  # over the second quarter
        ("4/4", ["3/2", "1", "3/2"], [0, 2, 1]),  # over the middle of the bar, then a quarter
        ("4/4", ["7/2", "1"], [0, 3]),  # over the bar line
        ("4/4", ["1/4", "1/2", "1/4", "3"], [0, 1, 0, 1]),  # over an eighth, then the middle
        ("3/4", ["1/2", "1", "1/2", "1"], [0, 1, 0, 0]),
        ("6/8", ["1", "1", "1"], [0, 1, 0]),  # a hemiola, over the second dotted quarter
        ("6/8", ["3/2", "1", "1/2"], [0, 0, 0]),
    ],
)
def test_syncopated_is_what_is_held_over_a_stronger_beat(meter, lengths, levels):
    notes = melody(*lengths)
    assert [music.levels_held_over(note, meter) for note in notes] == levels
    expected = sum(levels) / len(levels)
    assert music.measure(notes, meter)["syncopation"] == pytest.approx(expected)


def test_modes_are_ordered_from_dark_to_bright():
    scales = {
        "lydian": (60, 62, 64, 66, 67, 69, 71),
        "ionian": (60, 62, 64, 65, 67, 69, 71),
        "mixolydian": (60, 62, 64, 65, 67, 69, 70),
        "dorian": (60, 62, 63, 65, 67, 69, 70),
        "aeolian": (60, 62, 63, 65, 67, 68, 70),
        "phrygian": (60, 61, 63, 65, 67, 68, 70),
    }
    found = [
        music.measure(melody(*["1"] * 7, pitches=pitches), "4/4")["mode"]
        for pitches in scales.values()
    ]
    assert found == pytest.approx([3, 2, 1, 0, -1, -2])


def test_what_comes_back_changed_a_little_is_heard_to_come_back():
    def bars(*pitches):
        return melody(*["1"] * 16, pitches=pitches)

    first = (60, 62, 64, 65)
    changed, higher = (61, 62, 64, 65), (65, 67, 69, 70)
    other = (72, 60, 71, 61)
    same, near, moved, strange = (
        music.measure(bars(*first, *other, *first, *last), "4/4")["repetition"]
        for last in (first, changed, higher, (67, 55, 76, 50))
    )
    assert moved == pytest.approx(same)
    assert same > near > strange


@pytest.mark.parametrize("tune", [TWINKLE, ODE_TO_JOY, GREENSLEEVES, IRISH_WASHERWOMAN])
def test_what_is_certain_is_expected_as_it_is_measured(tune):
    for grid in phrases(tune):
        notes = grid.notes()
        assert grid.meter in METERS and notes[-1].end <= BARS * METERS[grid.meter]
        measured, expected = music.measure(notes, grid.meter), music.expected(certain(grid))
        assert list(expected) == list(measured) == list(music.UNITS)
        for name, value in measured.items():
            assert float(expected[name]) == pytest.approx(value, rel=0.05, abs=0.05), name


def test_what_is_expected_has_a_gradient_everywhere():
    (grid, *_) = phrases(GREENSLEEVES)
    said = certain(grid)
    leaf = (said.slots / 40).requires_grad_(True)
    for name, value in music.expected(Logits(leaf, said.triplets, said.meter)).items():
        (gradient,) = torch.autograd.grad(value.sum(), leaf, retain_graph=True)
        assert bool(gradient.isfinite().all()), name
        assert float(gradient.abs().sum()) > 0, name


def test_silence_is_measured_too():
    assert set(music.measure([], "4/4")) == set(music.UNITS)
