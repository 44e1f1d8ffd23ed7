"""Duets: two sides, one slider, and nobody who leaves takes the other's with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from studio.errors import NotFound
from studio.medium import Recipe
from studio.store import BadRoom, DuetRow, Store
from studio.store.tables import RoomMemberRecord


@pytest.fixture
def room(store: Store, key: str) -> str:
    """The token of a room that `key` made."""
    return store.rooms.create(key, "Evening", "Ada", "red")


@pytest.fixture
def other(store: Store, room: str) -> str:
    return joined(store, room, "Bo")


def joined(store: Store, room: str, name: str) -> str:
    key = store.open_session(None).key
    store.rooms.join(key, room, name, "blue")
    return key


def work(store: Store, key: str, *latent: float, medium: str = "painting") -> str:
    return store.keep_artwork(key, Recipe(medium, "v1", latent), "<img>")


def only(store: Store, key: str, room: str) -> DuetRow:
    [duet] = store.duets.duets(key, room)
    return duet


def players(duet: DuetRow) -> list[str | None]:
    return [side.member.name if side.member else None for side in duet.sides]


def test_two_people_put_a_work_each_and_share_a_slider(
    store: Store, key: str, other: str, room: str
) -> None:
    mine, theirs = work(store, key, 1.0), work(store, other, 2.0)
    duet = store.duets.begin(key, room, mine)
    assert players(only(store, other, room)) == ["Ada"]
    store.duets.put(other, room, duet, theirs)
    before = only(store, key, room)
    assert (players(before), before.place) == (["Ada", "Bo"], 0)
    assert [side.work for side in before.sides] == [mine, theirs]
    store.duets.move(other, room, duet, 0.75)
    after = only(store, key, room)
    assert after.position == 0.75 and after.revision > before.revision
    assert only(store, other, room).place == 1
    # What is put in, everybody in the room may see.
    assert {row.id for row in store.rooms.works(key, room)} == {mine, theirs}


def test_a_place_on_the_slider_is_between_the_two(store: Store, key: str, room: str) -> None:
    duet = store.duets.begin(key, room, work(store, key, 1.0))
    for said, kept in ((-5.0, 0.0), (7.0, 1.0)):
        store.duets.move(key, room, duet, said)
        assert only(store, key, room).position == kept


def test_who_leaves_does_not_end_it_for_the_other(
    store: Store, key: str, other: str, room: str
) -> None:
    duet = store.duets.begin(key, room, work(store, key, 1.0))
    store.duets.put(other, room, duet, work(store, other, 2.0))
    store.duets.leave(key, room)
    assert players(only(store, other, room)) == [None, "Bo"]
    store.duets.move(other, room, duet, 0.1)
    with pytest.raises(NotFound, match="duet"):
        store.duets.move(key, room, duet, 0.9)
    # Somebody else may take the side that was left.
    third = joined(store, room, "Cy")
    store.duets.put(third, room, duet, work(store, third, 3.0))
    assert players(only(store, other, room)) == ["Cy", "Bo"]
    store.duets.leave(third, room)
    store.duets.leave(other, room)
    assert store.duets.duets(other, room) == []


def test_leaving_or_closing_the_room_leaves_its_duets(
    store: Store, key: str, other: str, room: str
) -> None:
    duet = store.duets.begin(key, room, work(store, key, 1.0))
    store.duets.put(other, room, duet, work(store, other, 2.0))
    store.rooms.leave(other, room)
    assert players(only(store, key, room)) == ["Ada", None]
    store.rooms.close(key, room)
    assert store.duets.duets(key, room) == []
    with pytest.raises(BadRoom, match="closed"):
        store.duets.begin(key, room, work(store, key, 3.0))


def test_a_third_waits_until_somebody_is_away(
    store: Store, key: str, other: str, room: str
) -> None:
    duet = store.duets.begin(key, room, work(store, key, 1.0))
    store.duets.put(other, room, duet, work(store, other, 2.0))
    third = joined(store, room, "Cy")
    with pytest.raises(BadRoom, match="Two people"):
        store.duets.put(third, room, duet, work(store, third, 3.0))
    # What was refused is not shared either.
    assert len(store.rooms.works(key, room)) == 2
    with store._database.writing() as db:
        long_ago = datetime.now(UTC) - timedelta(minutes=5)
        db.execute(update(RoomMemberRecord).filter_by(name="Bo").values(seen=long_ago))
    store.duets.put(third, room, duet, work(store, third, 3.0))
    assert players(only(store, key, room)) == ["Ada", "Cy"]


def test_one_plays_in_one_duet_at_a_time(store: Store, key: str, other: str, room: str) -> None:
    first = store.duets.begin(key, room, work(store, key, 1.0))
    store.duets.put(other, room, first, work(store, other, 2.0))
    store.duets.begin(other, room, work(store, other, 3.0))
    assert [players(duet) for duet in store.duets.duets(key, room)] == [["Bo"], ["Ada", None]]


def test_only_ones_own_work_of_its_kind_is_put_in(
    store: Store, key: str, other: str, room: str
) -> None:
    mine = work(store, key, 1.0)
    duet = store.duets.begin(key, room, mine)
    for refused in (
        lambda: store.duets.begin(other, room, mine),
        lambda: store.duets.put(other, room, duet, mine),
        lambda: store.duets.put(other, room, duet, work(store, other, 2.0, medium="poem")),
        lambda: store.duets.put(other, room, duet, "nothing"),
    ):
        with pytest.raises(NotFound, match="not among yours"):
            refused()
    stranger = store.open_session(None).key
    for refused in (
        lambda: store.duets.duets(stranger, room),
        lambda: store.duets.put(stranger, room, duet, work(store, stranger, 2.0)),
        lambda: store.duets.move(stranger, room, duet, 0.2),
    ):
        with pytest.raises(NotFound, match="not in this room"):
            refused()
    elsewhere = store.rooms.create(other, "Morning", "Bo", "blue")
    with pytest.raises(NotFound, match="duet"):
        store.duets.put(other, elsewhere, duet, work(store, other, 2.0))


def test_the_very_same_work_is_put_in_as_it_is_there(
    store: Store, key: str, other: str, room: str
) -> None:
    mine = work(store, key, 1.0)
    duet = store.duets.begin(key, room, mine)
    store.duets.put(other, room, duet, work(store, other, 1.0))
    assert [side.work for side in only(store, key, room).sides] == [mine, mine]
    assert len(store.rooms.works(key, room)) == 1


def test_what_is_taken_back_is_mixed_no_longer(
    store: Store, key: str, other: str, room: str
) -> None:
    mine = work(store, key, 1.0)
    duet = store.duets.begin(key, room, mine)
    store.duets.put(other, room, duet, work(store, other, 2.0))
    store.rooms.take_back(key, room, mine)
    assert store.duets.duets(other, room) == []
