"""What is compared stays what a person chose, as long as it is there."""

import pytest

from studio.ui.compare_state import BOTH, Comparison

BASES = {"oil": "oil", "ink": "ink", "oil-1": "oil", "ink-1": "ink", "oil-2": "oil"}
"""Oldest first, as studio.ui.versions.bases gives them."""


def test_at_first_the_newest_stands_beside_the_newest_on_its_base():
    found = Comparison().among(BASES)
    assert (found.first, found.second) == ("oil-1", "oil-2")


def test_what_is_gone_is_replaced_and_what_is_there_stays():
    assert Comparison(first="gone", second="ink-1").among(BASES).first == "ink"
    found = Comparison(first="oil-2", second="gone").among(BASES)
    assert found.first == "oil-2" and found.second == "ink-1"
    kept = Comparison(is_open=True, first="ink", second="oil")
    assert kept.among(BASES) == kept


def test_there_is_nothing_to_compare_with_one_version():
    assert not Comparison(is_open=True).among({"oil": "oil"}).is_open


def test_the_version_on_the_other_side_changes_places():
    state = Comparison(first="oil", second="oil-1", job="done before")
    swapped = state.chosen("first", "oil-1")
    assert (swapped.first, swapped.second, swapped.job) == ("oil-1", "oil", "")
    assert state.chosen("second", "ink").first == "oil"


@pytest.mark.parametrize(
    ("slider", "value", "stands"),
    [("at", 0.32, 0.3), ("at", 7, 1.0), ("left", -1, 0.0), ("uncovered", 0.337, 0.34)],
)
def test_sliders_stand_on_their_steps(slider: str, value: float, stands: float):
    assert getattr(Comparison().moved(slider, value), slider) == stands


def test_nothing_else_is_a_slider():
    assert Comparison().moved("first", 0.5) == Comparison()


def test_what_the_sliders_ask_for():
    state = Comparison(first="oil", second="oil-1", at=0.3)
    assert state.weights == {"oil": 0.7, "oil-1": 0.3}
    both = Comparison(first="oil-1", second="oil-2", way=BOTH, left=1.0, right=0.2)
    assert both.weights == {"oil-1": 1.0, "oil-2": 0.2}


def test_it_survives_being_saved():
    state = Comparison(is_open=True, first="oil", second="ink", at=0.2, job="7")
    assert Comparison.from_dict(state.to_dict()) == state
    assert Comparison.from_dict({"first": "oil", "from a newer studio": 1}).first == "oil"
