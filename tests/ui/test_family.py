"""Who stands where in the drawing of a family."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from studio.ui.family import drawn, generations


def test_a_child_stands_below_all_its_parents() -> None:
    parents = {"a": [], "b": ["a"], "c": [], "d": ["b", "c"], "alone": []}
    assert generations(parents) == [["a", "c"], ["b"], ["d"]]
    html = drawn(parents, lambda work: f"<b>{work}</b>")
    assert re.findall(r"<b>(\w+)</b>", html) == ["a", "c", "b", "d"]
    assert html.count("<path") == 3


def test_those_without_kin_are_not_drawn() -> None:
    assert drawn({"a": [], "b": ["unknown"], "c": ["c"]}, str) == ""


def test_works_that_claim_to_come_from_each_other_are_drawn_once() -> None:
    assert generations({"a": ["b"], "b": ["a"]}) == [["a"], ["b"]]


@given(st.dictionaries(st.integers(0, 12), st.lists(st.integers(0, 12), max_size=3), max_size=12))
def test_everybody_with_kin_is_drawn_once(said: dict[int, list[int]]) -> None:
    parents = {str(work): list(map(str, of)) for work, of in said.items()}
    shown = [work for row in generations(parents) for work in row]
    kin = {
        one
        for work, of in parents.items()
        for parent in of
        if parent in parents and parent != work
        for one in (work, parent)
    }
    assert sorted(shown) == sorted(kin)
