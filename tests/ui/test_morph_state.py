"""Keyframes and time."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.ui.morph_state import CONSTANT, MOST_KEYS, Morph


def test_keyframes_are_moved_within_their_row() -> None:
    morph = Morph(keys=("a", "b", "c"))
    assert morph.moved_key(0, 1).keys == ("b", "a", "c")
    assert morph.moved_key(2, -1).keys == ("a", "c", "b")
    assert morph.moved_key(0, -1) is morph and morph.moved_key(2, 1) is morph
    assert morph.moved_key(9, 1) is morph
    assert morph.without_key(1).keys == ("a", "c")


def test_one_work_may_come_twice_but_not_without_end() -> None:
    morph = Morph()
    for _ in range(MOST_KEYS + 3):
        morph = morph.with_key("a")
    assert morph.keys == ("a",) * MOST_KEYS


@given(st.floats(-1, 2))
def test_without_retiming_time_is_place(time: float) -> None:
    assert Morph().place(time) == min(max(time, 0.0), 1.0)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=20), st.floats(0, 1), st.floats(0, 1))
def test_retimed_places_rise_from_start_to_end(
    places: list[float], one: float, other: float
) -> None:
    morph = Morph(speed=CONSTANT, retiming=(0.0, *sorted(places), 1.0))
    assert morph.place(0) == 0 and morph.place(1) == 1
    early, late = sorted((one, other))
    assert morph.place(early) <= morph.place(late) + 1e-12


def test_a_film_comes_back_from_the_store_as_it_was() -> None:
    morph = Morph(keys=("a", "b"), speed=CONSTANT, loop=True, retiming=(0.0, 0.4, 1.0))
    assert Morph.from_dict(json.loads(json.dumps(morph.to_dict()))) == morph


def test_music_decides_length_and_pace_and_is_heard_as_often_as_wanted() -> None:
    pace = (0.0, 0.1, 0.9, 1.0)
    morph = Morph(seconds=10.0, rate=12, music="a", round=5.0, pace=pace, retiming=(0.0, 0.5, 1.0))
    assert (morph.rounds, morph.length, morph.frames) == (2, 10.0, 120)
    assert replace(morph, seconds=1.0).rounds == 1
    # Each round is half of the way, slow at its ends.
    assert [morph.place(time) for time in (0, 0.5, 1)] == [0, 0.5, 1]
    assert morph.place(1 / 6) == pytest.approx(0.05) and morph.place(2 / 3) == pytest.approx(0.55)
    assert morph.timing == CONSTANT and replace(morph, pace=()).timing == "ease"
    assert Morph.from_dict(json.loads(json.dumps(morph.to_dict()))) == morph


def test_a_film_of_before_there_was_music_comes_back() -> None:
    before = {"keys": ["a"], "speed": "ease", "retiming": [], "retimed_for": ""}
    assert Morph.from_dict(before) == Morph(keys=("a",))
