"""What is held stays while another dial turns, as far as the others can see to it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.holding import FARTHEST, balanced
from studio.medium import Direction

TRUE = np.array([[1.0, 0.4, -0.3], [0.3, 0.9, 0.2], [-0.2, 0.3, 0.8]])
"""What dials a, b and c do to attributes x, y and z in the one work there is here."""
KEYS, NAMES = "abc", "xyz"


def dials(known: np.ndarray = TRUE) -> list[Direction]:
    """Their effects as they are thought to be on average."""
    return [
        Direction(
            key,
            (0.0,),
            1.0,
            attribute=NAMES[n],
            effect=float(known[n, n]),
            side_effects={NAMES[m]: float(known[n, m]) for m in range(3) if m != n},
        )
        for n, key in enumerate(KEYS)
    ]


class World:
    """A work whose attributes follow the dials; `bend` is how much more than straight."""

    def __init__(self, turn: float, bend: float = 0.0) -> None:
        self.turn, self.bend, self.looks = turn, bend, 0

    def __call__(self, turns: Mapping[str, float]) -> dict[str, float]:
        self.looks += 1
        all_turns = np.array([self.turn, turns.get("b", 0.0), turns.get("c", 0.0)])
        values = all_turns @ TRUE
        values = values + self.bend * values * np.abs(values)
        return dict(zip(NAMES, values.tolist(), strict=True))


def away(found: Mapping[str, float], *names: str) -> float:
    return max(abs(found[name]) for name in names)


AIMS = {"y": 0.0, "z": 0.0}


def test_side_effects_go_and_what_was_meant_stays() -> None:
    world = World(2.0)
    alone = world({})
    turns = balanced(world, dials(), {"a"}, {}, AIMS)
    held = world(turns)
    assert "a" not in turns
    assert away(held, "y", "z") < 0.25 * away(alone, "y", "z")
    assert held["x"] > 0.6 * alone["x"]


def test_it_learns_where_a_work_differs_from_most() -> None:
    wrong = TRUE * np.array([[1, 1, 1], [1, 0.5, -1], [1, -1, 1.6]])
    world = World(1.5, bend=0.2)
    alone = away(world({}), "y", "z")
    found = [
        away(world(balanced(world, dials(wrong), {"a"}, {}, AIMS, looks)), "y", "z")
        for looks in (0, 1, 8)
    ]
    assert found[0] == alone
    assert found[2] < 0.5 * alone and found[2] <= found[1] <= alone


@given(
    st.lists(st.floats(-3, 3), min_size=9, max_size=9),
    st.floats(-3, 3),
    st.floats(-0.2, 0.2),
)
def test_it_never_makes_things_worse(known: list[float], turn: float, bend: float) -> None:
    """Whatever it was told of the dials' effects."""
    world = World(turn, bend)
    turns = balanced(world, dials(np.array(known).reshape(3, 3)), {"a"}, {}, AIMS)
    assert world.looks <= 5
    assert all(abs(each) <= FARTHEST for each in turns.values())
    alone, held = world({}), world(turns)
    assert held["y"] ** 2 + held["z"] ** 2 <= alone["y"] ** 2 + alone["z"] ** 2 + 1e-3


def test_it_goes_on_from_where_it_was() -> None:
    world = World(2.0)
    once = balanced(world, dials(), {"a"}, {}, AIMS, looks=3)
    again = balanced(world, dials(), {"a"}, once, AIMS, looks=0)
    assert again == pytest.approx(once, abs=1e-3)


def test_a_dial_that_was_turned_against_others_does_not_jump_when_it_is_turned_itself() -> None:
    turns = balanced(World(2.0), dials(), {"a"}, {"a": 0.3, "b": -0.2}, AIMS)
    assert turns["a"] == 0.3


def test_nothing_held_asks_for_nothing() -> None:
    world = World(2.0)
    assert balanced(world, dials(), {"a"}, {"b": 0.5}, {}) == {"b": 0.5}
    only = [dial for dial in dials() if dial.key == "a"]
    assert balanced(world, only, {"a"}, {}, AIMS) == {}
    assert world.looks == 0
