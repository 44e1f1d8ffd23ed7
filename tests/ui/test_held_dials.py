"""Holding dials in Explore: what is locked stays while another turns, and can be let go."""

from __future__ import annotations

import pytest
import torch

from studio.studio import Studio
from studio.taste.explain import Usual
from studio.ui import explore_view, held_dials
from studio.ui.explore_state import Desk
from studio.ui.session import Visit
from studio.ui.walk import Walk, steer, throw

TURNED = "density"


@pytest.fixture(scope="module")
def usual() -> Usual:
    return Usual()


@pytest.fixture
def visit(studio: Studio) -> Visit:
    visit = Visit(studio, studio.store.open_session(None).key, "melody", "en")
    walk = Walk(visit)
    walk.go(walk.newest.from_seed(7, 1.0))
    walk.finish()
    return visit


def walked(visit: Visit, usual: Usual, to: float, **said: object) -> Walk:
    walk = Walk(visit, usual)
    steer(walk, {"positions": {TURNED: to} if to else {}, "wildness": 1.0, **said})
    return walk


def aside(walk: Walk, before: dict[str, float]) -> float:
    now = held_dials.standing(walk, walk.artwork())
    others = [name for name in before if name != TURNED]
    return sum(abs(now[name] - before[name]) for name in others) / len(others)


def test_what_is_held_stays_while_another_turns(visit: Visit, usual: Usual) -> None:
    start = Walk(visit, usual)
    before = held_dials.standing(start, start.artwork())
    free = walked(visit, usual, 2.0)
    held_dials.toggle(walk := Walk(visit, usual), {"key": held_dials.ALL})
    walk.finish()
    assert Walk(visit, usual).desk.aims == pytest.approx(before)
    held = walked(visit, usual, 2.0)
    assert held.moment.positions == {TURNED: 2.0} and held.moment.balance
    assert TURNED not in held.moment.balance
    assert aside(held, before) < 0.8 * aside(free, before)
    # What is shown is what was looked at, and what the moment makes again.
    assert held.shown is not None and held.shown[0] is held.moment
    [again] = held.steering.artworks([held.moment])
    assert again.show("") == held.artwork().show("")
    # From there the next turn goes on, and without any turn nothing is turned against it.
    held.finish()
    assert walked(visit, usual, 2.5).moment.balance
    assert walked(visit, usual, 0.0).moment == held.steering.from_seed(7, 1.0).turned({}, 1.0)


def test_a_hand_that_is_still_turning_is_followed_with_one_look(
    visit: Visit, usual: Usual, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_dials.toggle(walk := Walk(visit, usual), {"key": "register"})
    walk.finish()
    made: list[int] = []
    walk = Walk(visit, usual)
    artworks = type(walk.steering).artworks
    monkeypatch.setattr(type(walk.steering), "artworks", lambda *a: made.append(1) or artworks(*a))
    steer(walk, {"positions": {TURNED: 1.0}, "wildness": 1.0, "live": True})
    walk.artwork()
    assert len(made) == 2


def test_previews_show_what_turning_would_do_with_what_is_held(visit: Visit, usual: Usual) -> None:
    free = explore_view.ends(Walk(visit, usual))
    held_dials.toggle(walk := Walk(visit, usual), {"key": held_dials.ALL})
    walk.finish()
    walk = Walk(visit, usual)
    shown = explore_view.ends(walk)
    assert shown.keys() == free.keys() and shown != free
    assert all(low and high for low, high in shown.values())
    # Looking has moved nothing.
    assert walk.moment.balance == {} and walk.artwork().show("") == Walk(visit).artwork().show("")
    turned = held_dials.held(walk, walk.steering.turned_by(walk.moment, TURNED, 2.0), looks=1)
    [there] = walk.steering.artworks([turned])
    assert shown[TURNED][1] == there.thumbnail(size=explore_view.END_THUMBNAIL)


def test_a_new_work_is_not_drawn_to_the_one_before(visit: Visit, usual: Usual) -> None:
    """Where both gestures come at once, too."""
    held_dials.toggle(walk := Walk(visit, usual), {"key": held_dials.ALL})
    walk.finish()
    walk = Walk(visit, usual)
    throw(walk, 1234)
    there = held_dials.standing(walk, walk.artwork())
    steer(walk, {"positions": {TURNED: 0.5}, "wildness": 1.0})
    by_hand = Walk(visit, usual)
    throw(by_hand, 1234)
    by_hand.finish()
    assert by_hand.desk.aims == pytest.approx(there)
    steer(by_hand, {"positions": {TURNED: 0.5}, "wildness": 1.0})
    assert by_hand.moment.balance == pytest.approx(walk.moment.balance)


def test_locks_open_and_shut(visit: Visit, usual: Usual) -> None:
    walk = Walk(visit, usual)
    every = held_dials.holdable(walk)
    held_dials.toggle(walk, {"key": "register"})
    assert walk.desk.held == ("register",)
    held_dials.toggle(walk, {"key": held_dials.ALL})
    assert walk.desk.held == tuple(every)
    held_dials.toggle(walk, {"key": "register"})
    assert set(walk.desk.held) == {*every} - {"register"}
    held_dials.toggle(walk, {"key": held_dials.ALL})
    held_dials.toggle(walk, {"key": held_dials.ALL})
    assert walk.desk.held == ()
    for nonsense in ("axis-1", "<b>", ""):
        held_dials.toggle(walk, {"key": nonsense})
    assert walk.desk.held == ()
    assert Desk.from_dict(walk.desk.to_dict()) == walk.desk


def test_the_turned_dial_may_itself_be_held(visit: Visit, usual: Usual) -> None:
    held_dials.toggle(walk := Walk(visit, usual), {"key": TURNED})
    walk.finish()
    # Nothing else is held, so nothing is turned against it.
    moved = walked(visit, usual, 1.5)
    assert not moved.moment.balance
    assert not torch.equal(moved.steering.latent(moved.moment), walk.steering.latent(walk.moment))
