"""What may teach a room: what people give there and allow, and nothing else of theirs."""

from __future__ import annotations

import pytest

from studio.errors import NotFound
from studio.medium import Recipe
from studio.store import BadRoom, RoomKey, Store

MEDIUM = "painting"


@pytest.fixture
def room(store: Store, key: str) -> str:
    """The token of a room that `key` made."""
    return store.rooms.create(key, "Evening", "Ada", "red")


@pytest.fixture
def other(store: Store, room: str) -> str:
    key = store.open_session(None).key
    store.rooms.join(key, room, "Bo", "blue")
    return key


def rate(store: Store, key: str, latent: float, stars: int, room: str | None = None) -> int:
    artwork = store.keep_artwork(key, Recipe(MEDIUM, "v1", (latent,)), "<img>")
    return store.rate(key, artwork, stars=stars, room=room).id


def stars(store: Store, key: str, room: str) -> list[list[int | None]]:
    people = store.room_tastes.ratings(key, room, MEDIUM)
    return [[row.stars for row in rows] for rows in people]


def taught(store: Store, key: str, room: str, version: str, status: str = "accepted") -> None:
    own = store.room_tastes.key(key, room)
    store.note_version(own, MEDIUM, version, "v1", {}, status)


def test_only_what_is_given_there_and_allowed_teaches_it(
    store: Store, key: str, other: str, room: str
) -> None:
    store.room_tastes.allow(key, room, True)
    rate(store, key, 1.0, 5)  # private
    rate(store, key, 2.0, 4, room)
    rate(store, other, 3.0, 1, room)  # not allowed
    assert stars(store, other, room) == [[4]]
    store.room_tastes.allow(other, room, True)
    # What was given before one allowed it stays private.
    assert stars(store, other, room) == [[4]]
    rate(store, other, 4.0, 2, room)
    assert stars(store, other, room) == [[4], [2]]
    # All of them are one's own ratings too.
    assert [row.stars for row in store.ratings(other, MEDIUM)] == [1, 2]


def test_of_several_answers_the_newest_counts_and_none_that_was_undone(
    store: Store, key: str, room: str
) -> None:
    store.room_tastes.allow(key, room, True)
    rate(store, key, 1.0, 5, room)
    rate(store, key, 1.0, 2, room)
    gone = rate(store, key, 2.0, 3, room)
    store.undo_rating(key, MEDIUM, gone)
    assert stars(store, key, room) == [[2]]


def test_a_preference_may_teach_it_too(store: Store, key: str, room: str) -> None:
    store.room_tastes.allow(key, room, True)
    one, two = (
        store.keep_artwork(key, Recipe(MEDIUM, "v1", (latent,)), "<img>") for latent in (1.0, 2.0)
    )
    store.prefer(key, one, two)
    store.prefer(key, two, one, room=room)
    [[row]] = store.room_tastes.ratings(key, room, MEDIUM)
    assert (row.kind, row.artwork_id) == ("pair", two)


def test_who_takes_it_back_or_leaves_teaches_no_more(
    store: Store, key: str, other: str, room: str
) -> None:
    for who in (key, other):
        store.room_tastes.allow(who, room, True)
        rate(store, who, 1.0, 4, room)
    assert len(stars(store, key, room)) == 2
    store.room_tastes.allow(key, room, False)
    assert len(stars(store, key, room)) == 1
    store.rooms.leave(other, room)
    assert stars(store, key, room) == []
    # Coming back is no leave to be heard again.
    store.rooms.join(other, room, "Bo", "blue")
    assert not store.rooms.room(other, room).teaches
    assert stars(store, key, room) == []


def test_a_stranger_learns_and_teaches_nothing(store: Store, key: str, room: str) -> None:
    stranger = store.open_session(None).key
    for refused in (
        lambda: store.room_tastes.ratings(stranger, room, MEDIUM),
        lambda: store.room_tastes.allow(stranger, room, True),
        lambda: store.room_tastes.key(stranger, room),
        lambda: rate(store, stranger, 1.0, 4, room),
    ):
        with pytest.raises(NotFound, match="not in this room"):
            refused()
    # A rating that cannot be given where it should is not given at all.
    assert store.ratings(stranger, MEDIUM) == []


def test_a_closed_room_learns_nothing_more(store: Store, key: str, room: str) -> None:
    store.room_tastes.allow(key, room, True)
    store.rooms.close(key, room)
    rate(store, key, 1.0, 4, room)
    assert stars(store, key, room) == []
    with pytest.raises(BadRoom, match="closed"):
        store.room_tastes.allow(key, room, True)


def test_a_rooms_versions_are_for_those_in_it(
    store: Store, key: str, other: str, room: str
) -> None:
    taught(store, key, room, "taste-1")
    taught(store, key, room, "taste-2", "candidate")
    for who in (key, other):
        assert store.room_tastes.versions(who, MEDIUM) == {"taste-1": "Evening"}
    assert store.room_tastes.versions(other, "poem") == {}
    stranger = store.open_session(None).key
    assert store.room_tastes.versions(stranger, MEDIUM) == {}
    # It is nobody's own.
    assert store.noted_versions(key, MEDIUM) == []


def test_who_leaves_works_with_it_no_longer(store: Store, key: str, other: str, room: str) -> None:
    taught(store, key, room, "taste-1")
    for version in ("v1", "taste-1"):
        store.use_version(other, MEDIUM, version)
    store.use_version(key, MEDIUM, "taste-1")
    store.rooms.leave(other, room)
    assert store.current_version(other, MEDIUM) == "v1"
    assert store.room_tastes.versions(other, MEDIUM) == {}
    assert store.current_version(key, MEDIUM) == "taste-1"


def test_no_link_opens_the_rooms_own_session(store: Store, key: str, room: str) -> None:
    own = store.room_tastes.key(key, room)
    taught(store, key, room, "taste-1")
    assert isinstance(own, RoomKey) and own == room
    assert store.room_tastes.key(key, room) == own
    with pytest.raises(NotFound):
        store.noted_versions(str(room), MEDIUM)
    opened = store.open_session(str(room)).key
    assert opened != room
    assert store.noted_versions(opened, MEDIUM) == []
