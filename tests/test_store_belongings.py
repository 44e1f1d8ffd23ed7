"""Deleting everything: every row of one person goes, and what others hold stays with them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from studio.errors import NotFound
from studio.medium import Recipe
from studio.settings import Settings
from studio.store import BelongingsRow, Store
from studio.store.tables import Base, RunnerRecord, SessionRecord

PICTURE = "<img alt='a picture that nobody is to find again'>"


def counts(store: Store) -> dict[str, int]:
    """How many rows there are in every table that holds what is somebody's."""
    with store._database.reading() as db:
        return {
            table.name: db.scalar(select(func.count()).select_from(table)) or 0
            for table in Base.metadata.sorted_tables
            if table.name != RunnerRecord.__tablename__
        }


def signed_in(store: Store) -> str:
    """The key of somebody new, whose account is called by its name."""
    account = secrets.token_hex(4)
    return store.accounts.sign_in(store.open_session(None).key, account, account)


def live(store: Store, key: str, *latent: float, room: str | None = None) -> str:
    """Somebody does a bit of everything; returns a work of theirs."""
    works = [
        store.keep_artwork(key, Recipe("painting", "v1", (*latent, float(n))), PICTURE, kept=True)
        for n in range(3)
    ]
    store.rate(key, works[0], stars=4)
    store.rate(key, works[1], thumb=True)
    store.prefer(key, works[0], works[1])
    store.undo_rating(key, "painting")
    store.save_state(key, "explore.painting", {"seed": 7})
    store.use_version(key, "painting", f"tuned-{latent[0]}")
    store.note_version(key, "painting", f"tuned-{latent[0]}", "v1", {}, "accepted")
    store.jobs.add(key, "teach", "painting")
    elsewhere = store.open_session(None).key
    account = store.accounts.name(key)
    assert account is not None
    store.accounts.sign_in(elsewhere, account, account)
    store.belongings.delete(store.belongings.number(elsewhere))
    if room:
        for work in works[:2]:
            store.rooms.share(key, room, work)
        store.rooms.react(key, room, works[0], "heart")
        store.rooms.take_back(key, room, works[1])
        store.room_tastes.allow(key, room, True)
        store.rate(key, works[2], stars=5, room=room)
        store.duets.begin(key, room, works[2])
    return works[0]


@pytest.fixture
def other(store: Store) -> str:
    key = signed_in(store)
    live(store, key, 9.0)
    return key


def delete(store: Store, key: str, *, with_shared: bool = False) -> None:
    store.belongings.delete(store.belongings.number(key), with_shared=with_shared)


def test_every_row_of_one_person_goes_and_none_of_anothers(store: Store, other: str) -> None:
    before = counts(store)
    key = signed_in(store)
    alone = store.rooms.create(key, "Alone", "Ada", "red")
    live(store, key, 1.0, room=alone)
    assert all(
        now > then for now, then in zip(counts(store).values(), before.values(), strict=True)
    )
    delete(store, key)
    assert counts(store) == before
    assert not store.knows(key)
    with pytest.raises(NotFound):
        store.artworks(key)
    assert len(store.artworks(other)) == 3


def test_what_was_shared_stays_without_a_name(store: Store, other: str) -> None:
    key = signed_in(store)
    room = store.rooms.create(key, "Evening", "Ada Lovelace", "red")
    store.rooms.join(other, room, "Ben", "blue")
    shared = live(store, key, 1.0, room=room)
    store.rooms.react(other, room, shared, "leaf")
    assert store.belongings.count(key) == BelongingsRow(works=3, ratings=3, shared=2)
    heard = store.rooms.room(other, room).revision
    delete(store, key)
    _, work = store.rooms.works(other, room)
    assert (work.id, work.member.name, work.reactions) == (shared, "", {"leaf": 1})
    assert [one.name for one in store.rooms.members(other, room)] == ["Ben"]
    assert store.rooms.room(other, room).revision > heard
    row = store.artwork(shared)
    assert row is not None and (row.kept, row.stars) == (False, None)
    # Somebody has to be able to close it.
    assert store.rooms.room(other, room).is_founder


def test_the_last_one_to_go_leaves_nothing(store: Store) -> None:
    before = counts(store)
    ada, ben = (signed_in(store) for _ in range(2))
    room = store.rooms.create(ada, "Evening", "Ada", "red")
    store.rooms.join(ben, room, "Ben", "blue")
    live(store, ada, 1.0, room=room)
    live(store, ben, 2.0, room=room)
    store.rooms.leave(ben, room)
    delete(store, ada)
    assert len(store.artworks(ben)) == 3
    assert counts(store)["rooms"] == 1
    delete(store, ben)
    assert counts(store) == before


def test_what_was_shared_goes_too_where_that_is_wanted(store: Store, other: str) -> None:
    room = store.rooms.create(other, "Evening", "Ben", "blue")
    theirs = live(store, other, 2.0)
    store.rooms.share(other, room, theirs)
    before = counts(store)
    key = signed_in(store)
    store.rooms.join(key, room, "Ada", "red")
    shared = live(store, key, 1.0, room=room)
    store.rooms.react(key, room, theirs, "spark")
    store.rooms.react(other, room, shared, "heart")
    delete(store, key, with_shared=True)
    assert counts(store) == before
    assert [work.id for work in store.rooms.works(other, room)] == [theirs]
    assert store.rooms.works(other, room)[0].reactions == {}


def test_a_version_that_somebody_else_has_is_not_ones_own(store: Store, other: str) -> None:
    key = store.open_session(None).key
    for version in ("mine", "used", "noted", "parent"):
        store.note_version(key, "painting", version, "v1", {}, "accepted")
    store.note_version(key, "painting", "tried", "v1", {}, "candidate")
    store.use_version(other, "painting", "used")
    store.note_version(other, "painting", "noted", "v1", {}, "accepted")
    store.note_version(other, "painting", "child", "parent", {}, "accepted")
    found = store.belongings.versions(store.belongings.number(key))
    assert found == {("painting", "mine"), ("painting", "tried")}


@pytest.mark.sqlite
def test_what_is_deleted_is_not_left_on_the_disk(store: Store, settings: Settings) -> None:
    key = signed_in(store)
    live(store, key, 1.0)

    def found() -> list[str]:
        files = (path for path in settings.home.iterdir() if path.is_file())
        return [path.name for path in files if b"nobody is to find" in path.read_bytes()]

    assert found()
    delete(store, key)
    assert not found()


@pytest.fixture
def old(store: Store) -> Iterator[str]:
    """Somebody who was last here a hundred days ago."""
    key = signed_in(store)
    live(store, key, 5.0)
    with store._database.writing() as db:
        then = datetime.now(UTC) - timedelta(days=100)
        number = store.belongings.number(key)
        db.execute(update(SessionRecord).where(SessionRecord.id == number).values(seen=then))
    yield key


def test_who_was_not_here_for_long_is_found(store: Store, other: str, old: str) -> None:
    ago = datetime.now(UTC) - timedelta(days=99)
    assert store.belongings.untouched(ago) == [store.belongings.number(old)]
    assert store.belongings.untouched(ago - timedelta(days=2)) == []


@pytest.mark.parametrize("here", ["comes", "saves"])
def test_whoever_is_here_is_touched(store: Store, old: str, here: str) -> None:
    if here == "comes":
        assert store.open_session(old).key == old
    else:
        store.save_state(old, "explore.painting", {})
    assert store.belongings.untouched(datetime.now(UTC) - timedelta(days=1)) == []


def test_looking_on_is_no_visit_of_somebody_else(store: Store, other: str, old: str) -> None:
    work = store.artworks(old)[0]
    store.artwork(work.id, other)
    assert len(store.belongings.untouched(datetime.now(UTC) - timedelta(days=1))) == 1


def test_what_a_room_was_taught_goes_with_its_last_member(store: Store) -> None:
    ada = store.open_session(None).key
    room = store.rooms.create(ada, "Evening", "Ada", "red")
    own = store.room_tastes.key(ada, room)
    store.use_version(own, "painting", "evening-1")
    store.note_version(own, "painting", "evening-1", "v1", {}, "accepted")
    assert store.belongings.untouched(datetime.now(UTC) + timedelta(days=1)) == [
        store.belongings.number(ada)
    ]
    delete(store, ada)
    assert store.discarded_versions() == {("painting", "evening-1")}
