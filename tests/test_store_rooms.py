"""Rooms: what is shared stays, each does only what is theirs, and nobody's ratings are told."""

from __future__ import annotations

import pytest

from studio.errors import NotFound
from studio.medium import Recipe
from studio.settings import Settings
from studio.store import BadRoom, MemberRow, Store
from studio.store.rooms import SIGNS

OVERRIDE = "\u202e"


@pytest.fixture
def other(store: Store) -> str:
    """The key of somebody else."""
    return store.open_session(None).key


@pytest.fixture
def room(store: Store, key: str) -> str:
    """The token of a room that `key` made."""
    return store.rooms.create(key, "Evening", "Ada", "red")


def work(store: Store, key: str, *latent: float, parents: tuple[str, ...] = ()) -> str:
    return store.keep_artwork(key, Recipe("painting", "v1", latent, parents=parents), "<img>")


def names(members: list[MemberRow]) -> list[str]:
    return [member.name for member in members]


def test_a_room_outlives_the_process(store: Store, settings: Settings, key: str, room: str) -> None:
    shared = work(store, key, 1.0)
    store.rooms.share(key, room, shared)
    store.rooms.react(key, room, shared, "heart")
    store.close()
    again = Store(settings.resolved_database_url)
    assert [row.title for row in again.rooms.rooms(key)] == ["Evening"]
    assert [row.id for row in again.rooms.works(key, room)] == [shared]
    assert again.rooms.works(key, room)[0].reactions == {"heart": 1}
    again.close()


def test_tokens_cannot_be_guessed_and_a_wrong_one_is_told(store: Store, key: str) -> None:
    tokens = {store.rooms.create(key, "Evening", "Ada", "red") for _ in range(20)}
    assert len(tokens) == 20 and all(len(token) == 32 for token in tokens)
    for token in ("", "nonsense", "x" * 100_000, next(iter(tokens))[:-1]):
        with pytest.raises(NotFound, match="no room"):
            store.rooms.join(key, token, "Ada", "red")


@pytest.mark.parametrize("name", ["", "   ", OVERRIDE, "\x00\n"])
def test_nobody_is_without_a_name(store: Store, other: str, room: str, name: str) -> None:
    with pytest.raises(BadRoom, match="name"):
        store.rooms.join(other, room, name, "red")
    with pytest.raises(BadRoom, match="title"):
        store.rooms.create(other, name, "Bo", "red")


def test_names_and_titles_are_cut_and_cleaned(store: Store, key: str, other: str) -> None:
    token = store.rooms.create(key, "t" * 10_000, f"A{OVERRIDE}da\n<b>", "no colour")
    store.rooms.join(other, token, "n" * 10_000, "blue")
    assert store.rooms.room(key, token).title == "t" * 80
    ada, long = store.rooms.members(key, token)
    assert (ada.name, ada.colour) == ("A da <b>", "red")
    assert long.name == "n" * 40


def test_joining_twice_is_one_person_with_the_newest_name(
    store: Store, other: str, room: str
) -> None:
    store.rooms.join(other, room, "Bo", "blue")
    store.rooms.join(other, room, "Bodil", "green")
    assert names(store.rooms.members(other, room)) == ["Ada", "Bodil"]


def test_who_leaves_sees_nothing_and_may_come_back(store: Store, other: str, room: str) -> None:
    store.rooms.join(other, room, "Bo", "blue")
    shared = work(store, other, 1.0)
    store.rooms.share(other, room, shared)
    store.rooms.leave(other, room)
    for refused in (store.rooms.works, store.rooms.members, store.rooms.leave):
        with pytest.raises(NotFound, match="not in this room"):
            refused(other, room)
    assert not store.rooms.room(other, room).is_member
    store.rooms.join(other, room, "Bo", "blue")
    assert store.rooms.works(other, room)[0].is_mine


def test_a_link_alone_shows_no_work(store: Store, key: str, other: str, room: str) -> None:
    shared = work(store, key, 1.0)
    store.rooms.share(key, room, shared)
    for refused in (
        lambda: store.rooms.works(other, room),
        lambda: store.rooms.beat(other, room, {}),
        lambda: store.rooms.share(other, room, work(store, other, 2.0)),
        lambda: store.rooms.react(other, room, shared, "heart"),
    ):
        with pytest.raises(NotFound, match="not in this room"):
            refused()


def test_only_ones_own_work_is_shared_and_taken_back(
    store: Store, key: str, other: str, room: str
) -> None:
    store.rooms.join(other, room, "Bo", "blue")
    mine = work(store, key, 1.0)
    with pytest.raises(NotFound, match="not among yours"):
        store.rooms.share(other, room, mine)
    store.rooms.share(key, room, mine)
    with pytest.raises(NotFound, match="not among yours"):
        store.rooms.take_back(other, room, mine)
    store.rooms.take_back(key, room, mine)
    assert store.rooms.works(key, room) == []
    store.rooms.share(key, room, mine)
    assert [row.id for row in store.rooms.works(other, room)] == [mine]


def test_the_very_same_work_is_there_once(store: Store, key: str, other: str, room: str) -> None:
    store.rooms.join(other, room, "Bo", "blue")
    mine = work(store, key, 1.0)
    store.rooms.share(key, room, mine)
    store.rooms.share(key, room, mine)
    with pytest.raises(BadRoom, match="already"):
        store.rooms.share(other, room, work(store, other, 1.0, parents=(mine,)))
    assert len(store.rooms.works(key, room)) == 1


def test_each_gives_a_work_one_sign(store: Store, key: str, other: str, room: str) -> None:
    store.rooms.join(other, room, "Bo", "blue")
    shared = work(store, key, 1.0)
    store.rooms.share(key, room, shared)
    for who, sign in ((key, "heart"), (other, "heart"), (other, "leaf")):
        store.rooms.react(who, room, shared, sign)
    [row] = store.rooms.works(other, room)
    assert (row.reactions, row.mine) == ({"heart": 1, "leaf": 1}, "leaf")
    store.rooms.react(other, room, shared, "leaf")
    [row] = store.rooms.works(other, room)
    assert (row.reactions, row.mine) == ({"heart": 1}, None)
    with pytest.raises(BadRoom):
        store.rooms.react(other, room, shared, "☠")
    assert "heart" in SIGNS


def test_only_the_founder_closes_and_then_nothing_is_added(
    store: Store, key: str, other: str, room: str
) -> None:
    store.rooms.join(other, room, "Bo", "blue")
    shared = work(store, key, 1.0)
    store.rooms.share(key, room, shared)
    with pytest.raises(BadRoom, match="founded"):
        store.rooms.close(other, room)
    store.rooms.close(key, room)
    newcomer = store.open_session(None).key
    for refused in (
        lambda: store.rooms.join(newcomer, room, "Cy", "teal"),
        lambda: store.rooms.share(key, room, work(store, key, 2.0)),
        lambda: store.rooms.react(other, room, shared, "heart"),
    ):
        with pytest.raises(BadRoom, match="closed"):
            refused()
    assert [row.id for row in store.rooms.works(other, room)] == [shared]
    # Who was in it may still come back to look.
    store.rooms.leave(other, room)
    store.rooms.come_back(other, room)
    assert [row.id for row in store.rooms.works(other, room)] == [shared]
    assert names(store.rooms.members(other, room)) == ["Ada", "Bo"]
    with pytest.raises(NotFound, match="not in this room"):
        store.rooms.come_back(newcomer, room)


def test_descent_is_followed_through_what_was_not_shared(
    store: Store, key: str, other: str, room: str
) -> None:
    store.rooms.join(other, room, "Bo", "blue")
    first = work(store, key, 1.0)
    between = work(store, other, 2.0, parents=(first, "unknown"))
    last = work(store, other, 3.0, parents=(between,))
    store.rooms.share(key, room, first)
    store.rooms.share(other, room, last)
    assert {row.id: row.parents for row in store.rooms.works(key, room)} == {
        first: (),
        last: (first,),
    }


def test_the_revision_grows_with_changes_and_with_nothing_else(
    store: Store, key: str, other: str, room: str
) -> None:
    seen = [store.rooms.beat(key, room, {"tab": "explore"})]
    assert store.rooms.beat(key, room, {"tab": "x" * 10_000}) == seen[0]
    assert len(store.rooms.members(key, room)[0].doing["tab"]) == 128
    store.rooms.join(other, room, "Bo", "blue")
    seen.append(store.rooms.beat(key, room, {}))
    shared = work(store, key, 1.0)
    store.rooms.share(key, room, shared)
    seen.append(store.rooms.beat(key, room, {}))
    store.rooms.react(other, room, shared, "leaf")
    seen.append(store.rooms.beat(key, room, {}))
    assert seen == sorted(set(seen))


def test_ratings_stay_with_who_gave_them(store: Store, key: str, other: str) -> None:
    shared = work(store, key, 1.0)
    store.rate(key, shared, stars=2)
    store.set_kept(key, shared, True)
    own, strangers = store.artwork(shared, key), store.artwork(shared, other)
    assert own is not None and (own.stars, own.kept) == (2, True)
    assert strangers is not None and (strangers.stars, strangers.kept) == (None, False)


def test_a_thousand_may_join(store: Store, room: str, key: str) -> None:
    for number in range(1000):
        store.rooms.join(store.open_session(None).key, room, f"Guest {number}", "teal")
    assert len(store.rooms.members(key, room)) == 1001
