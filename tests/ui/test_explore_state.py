"""The history of Explore: nothing is lost, undo and redo are each other's way back."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from studio.ui.explore_state import LONGEST_HISTORY, Desk, History, Moment, pack, unpack

FLOATS = st.floats(-100, 100, width=32)


def moment(number: int) -> Moment:
    return Moment(base=(float(number), 0.5), start=(0.0, 0.0), version="base-1", seed=number)


def history(count: int) -> History:
    found = History()
    for number in range(count):
        found = found.added(moment(number), f"<i>{number}</i>")
    return found


@given(st.lists(FLOATS, min_size=1, max_size=64).map(tuple))
def test_a_latent_comes_back_exactly(latent: tuple[float, ...]) -> None:
    assert unpack(pack(latent)) == latent


def test_undo_goes_back_to_the_first_step_and_redo_to_the_last() -> None:
    end = history(5)
    here = end
    for _ in range(4):
        assert here.can_undo
        here = here.undone()
    assert not here.can_undo and here.present and here.present.moment == moment(0)
    assert here.undone() is here
    for _ in range(4):
        here = here.redone()
    assert here.current == end.current and not here.can_redo


def test_a_new_branch_keeps_the_undone_one() -> None:
    here = history(3).undone().added(moment(9), "")
    assert [step.moment.seed for step in here.steps] == [0, 1, 2, 9]
    assert not here.can_redo
    back = here.undone()
    assert back.present and back.present.moment == moment(1)
    # Redo follows the way taken last, not the way taken first.
    again = back.redone().present
    assert again and again.moment == moment(9)


@given(st.lists(st.sampled_from(["add", "undo", "redo", "jump"]), max_size=60), st.integers(0, 99))
def test_whatever_is_done_the_present_is_a_step_of_the_strip(acts: list[str], to: int) -> None:
    here = history(1)
    for number, act in enumerate(acts):
        if act == "add":
            here = here.added(moment(number + 1), "")
        elif act == "jump":
            here = here.jumped(to)
        else:
            here = here.undone() if act == "undo" else here.redone()
        assert here.present in here.steps
        assert History.from_dict(json.loads(json.dumps(here.to_dict()))) == here


def test_undo_then_redo_is_where_one_was() -> None:
    here = history(6).undone().undone()
    assert here.undone().redone().current == here.current


def test_a_long_history_drops_only_its_oldest_steps() -> None:
    here = history(LONGEST_HISTORY + 7)
    assert len(here.steps) == LONGEST_HISTORY
    assert here.steps[0].moment.seed == 7
    for _ in range(LONGEST_HISTORY + 5):
        here = here.undone()
    assert here.present == here.steps[0]


def test_dials_stay_within_their_ends() -> None:
    turned = moment(1).turned({"warmth": 99.0, "light": 0.0, "sky": -0.5}, 7.0)
    assert turned.positions == {"warmth": 3.0, "sky": -0.5}
    assert turned.wildness == 1.5
    assert not turned.is_untouched_seed and moment(1).is_untouched_seed


def test_a_forgotten_direction_still_explains_earlier_moments() -> None:
    desk = Desk(moment(1)).with_own("evening", (1.0, 0.0)).with_own("storm", (0.0, 1.0))
    forgot = desk.without_own(desk.own[0].key)
    assert [one.is_listed for one in forgot.own] == [False, True]
    assert forgot.own[0].vector == (1.0, 0.0)
    assert len({one.key for one in forgot.with_own("third", (1.0, 1.0)).own}) == 3


def test_the_desk_comes_back_from_the_store_as_it_was() -> None:
    desk = replace(Desk(moment(3).turned({"sky": 1.5}, 0.7)), reach=0.4, shows_more=True)
    desk = desk.with_own("evening", (0.25, 0.5))
    assert Desk.from_dict(json.loads(json.dumps(desk.to_dict()))) == desk
