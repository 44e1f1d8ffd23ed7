"""Keyframes and time."""

from __future__ import annotations

import json

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
