"""Who may ask now: everybody as often as a hand can, nobody more often, and in a full studio one
after another."""

from __future__ import annotations

import pytest

from studio.door import AT_ONCE, BURST, KEPT, LOST, Door
from studio.traffic import Traffic
from tests.test_traffic import values

RATE, ROOM = 10.0, 4


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def door(clock: Clock) -> Door:
    return Door(RATE, ROOM, Traffic(), clock)


def full(door: Door) -> None:
    for i in range(ROOM):
        assert door.knock(f"inside {i}") is None


def test_somebody_may_go_on_asking_at_the_rate_and_not_faster(door: Door, clock: Clock) -> None:
    let_in = 0
    for _ in range(500):
        clock.now += 0.002
        if door.knock("busy") is None:
            let_in += 1
            door.leave("busy")
    assert let_in == pytest.approx(BURST * RATE + RATE * 1.0, abs=1)
    wait = door.knock("busy")
    assert wait is not None and (wait.why, wait.place) == ("often", 0)
    assert door.knock("calm") is None
    clock.now += wait.seconds
    assert door.knock("busy") is None
    assert values(door.traffic)["studio_asks_unanswered_total/why=often"] == 500 - let_in + 1


def test_one_persons_questions_do_not_fill_the_room(clock: Clock) -> None:
    door = Door(1000.0, 50, Traffic(), clock)
    assert [door.knock("many") for _ in range(AT_ONCE)] == [None] * AT_ONCE
    wait = door.knock("many")
    assert wait is not None and wait.why == "often"
    assert door.knock("other") is None
    door.leave("many")
    assert door.knock("many") is None


def test_in_a_full_studio_everybody_keeps_their_place(door: Door, clock: Clock) -> None:
    full(door)
    for place in (1, 2, 3):
        wait = door.knock(f"person {place}")
        assert wait is not None and (wait.why, wait.place) == ("full", place)
    door.leave("inside 0")
    # Not whoever knocks first, but whoever came first.
    third, newcomer = door.knock("person 3"), door.knock("new")
    assert third is not None and third.place == 2
    assert newcomer is not None and newcomer.place == 3
    assert door.knock("person 1") is None
    second = door.knock("person 2")
    assert second is not None and second.place == 1
    door.leave("inside 1")
    assert door.knock("person 2") is None


def test_a_place_is_given_up_by_who_does_not_come_back(door: Door, clock: Clock) -> None:
    full(door)
    gone = door.knock("gone")
    assert gone is not None
    clock.now += gone.seconds + KEPT / 2
    stays = door.knock("stays")
    assert stays is not None and stays.place == 2
    clock.now += KEPT / 2 + 0.1
    stays = door.knock("stays")
    assert stays is not None and stays.place == 1


def test_a_question_that_is_lost_on_its_way_frees_its_room(door: Door, clock: Clock) -> None:
    full(door)
    assert door.knock("person") is not None
    clock.now += LOST
    assert door.knock("person") is None
    door.leave("nobody")
