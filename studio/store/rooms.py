"""Rooms: who is in them, what they share, and what comes from what.

A room's token is an invitation: whoever has it may join. Everything else is for those who are in
the room, each known by the key of their own session; nobody learns another's ratings here.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session

from studio.errors import NotFound
from studio.medium import Option, Recipe
from studio.store.database import Database
from studio.store.duets import end_duets, leave_duets
from studio.store.owner import session_id
from studio.store.room_queries import (
    BadRoom,
    find_member,
    find_room,
    find_work,
    member_row,
    require_open,
    share_work,
)
from studio.store.room_tastes import forget_versions
from studio.store.rows import MemberRow, RoomRow, RoomWorkRow
from studio.store.tables import (
    ArtworkRecord,
    RoomMemberRecord,
    RoomReactionRecord,
    RoomRecord,
    RoomWorkRecord,
)

COLOURS = ("red", "amber", "green", "teal", "blue", "violet", "pink", "grey")
SIGNS = ("heart", "spark", "leaf")
HEARTBEAT = timedelta(seconds=5)
"""How often it is written that somebody is still there: a room asks oftener than that."""
HEARTBEAT_ON_MAP = timedelta(seconds=1)
"""The same of somebody whose place on the map the others see."""
NAME = Option("name", "", longest=40)
TITLE = Option("title", "", longest=80)
DOING = Option("doing", "", longest=128)
MOST_GENERATIONS = 16
"""How far back a work's descent is followed through works that were not shared."""


class RoomRecords:
    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, key: str, title: str, name: str, colour: str) -> str:
        """A new room with its founder in it; returns its token.

        Raises:
            BadRoom: nothing is left of the title or the name once they are cleaned.
        """
        title = str(TITLE.clean(title))
        if not title:
            raise BadRoom("room_without_title")
        with self._database.writing() as db:
            founder = session_id(db, key, for_writing=True)
            room = RoomRecord(token=secrets.token_urlsafe(24), title=title, founder_id=founder)
            db.add(room)
            db.flush()
            _enter(db, room, founder, name, colour)
            return room.token

    def join(self, key: str, token: str, name: str, colour: str) -> None:
        """Come in, or back; a person is in a room once, with the name they gave last.

        Raises:
            NotFound: no such room.
            BadRoom: it is closed, or nothing is left of the name once it is cleaned.
        """
        with self._database.writing() as db:
            owner = session_id(db, key, for_writing=True)
            room = find_room(db, token, for_writing=True)
            require_open(room)
            _enter(db, room, owner, name, colour)
            room.revision += 1

    def come_back(self, key: str, token: str) -> None:
        """Into a room this person was in, a closed one too, as who they were there.

        Raises:
            NotFound: no such room, or they were never in it.
        """
        with self._database.writing() as db:
            owner = session_id(db, key, for_writing=True)
            room = find_room(db, token, for_writing=True)
            known = {"room_id": room.id, "session_id": owner}
            member = db.scalar(select(RoomMemberRecord).filter_by(**known))
            if member is None:
                raise NotFound("room_not_in_it")
            member.left, member.seen = None, datetime.now(UTC)
            room.revision += 1

    def leave(self, key: str, token: str) -> None:
        """Go; what was shared stays until it is taken back."""
        with self._database.writing() as db:
            room, member = find_member(db, key, token)
            leave_duets(db, member)
            forget_versions(db, room, member)
            member.left = datetime.now(UTC)
            member.teaches = member.compares = False
            room.revision += 1

    def close(self, key: str, token: str) -> None:
        """Nothing is added from now on; those in it can still look and save.

        Raises:
            BadRoom: only the founder closes a room.
        """
        with self._database.writing() as db:
            room, member = find_member(db, key, token)
            if room.founder_id != member.session_id:
                raise BadRoom("room_not_founder")
            room.closed = room.closed or datetime.now(UTC)
            end_duets(db, room)
            room.revision += 1

    def room(self, key: str, token: str) -> RoomRow:
        """What a link leads to. Raises: NotFound: no such room."""
        with self._database.reading() as db:
            return _room_row(db, find_room(db, token), session_id(db, key))

    def rooms(self, key: str) -> list[RoomRow]:
        """Every room this person was ever in, the newest first."""
        with self._database.reading() as db:
            owner = session_id(db, key)
            query = (
                select(RoomRecord)
                .join(RoomMemberRecord, RoomMemberRecord.room_id == RoomRecord.id)
                .where(RoomMemberRecord.session_id == owner)
                .order_by(RoomRecord.id.desc())
            )
            return [_room_row(db, room, owner) for room in db.scalars(query)]

    def beat(self, key: str, token: str, doing: Mapping[str, str]) -> int:
        """Say that one is here and what one does; returns the room's revision.

        Raises:
            NotFound: not a room this person is in.
        """
        names = ("tab", "medium", "version", "base", "at")
        known = {name: str(DOING.clean(doing.get(name))) for name in names}
        now, often = datetime.now(UTC), HEARTBEAT_ON_MAP if known["at"] else HEARTBEAT
        with self._database.reading() as db:
            room, member = find_member(db, key, token, for_writing=False)
            if member.doing == known and now - member.seen < often:
                return room.revision
        with self._database.writing() as db:
            room, member = find_member(db, key, token)
            member.doing, member.seen = known, now
            return room.revision

    def members(self, key: str, token: str) -> list[MemberRow]:
        """Who is in the room, those who came first first. Raises: NotFound: not in it."""
        with self._database.reading() as db:
            room, _ = find_member(db, key, token, for_writing=False)
            return [member_row(one) for one in db.scalars(_present(room))]

    def others(self, key: str, token: str) -> list[MemberRow]:
        """As `members`, without the person who asks."""
        with self._database.reading() as db:
            room, me = find_member(db, key, token, for_writing=False)
            query = _present(room).where(RoomMemberRecord.number != me.number)
            return [member_row(one) for one in db.scalars(query)]

    def share(self, key: str, token: str, artwork_id: str) -> None:
        """Show a work of one's own to the room; shared again, it moves to the front.

        Raises:
            NotFound: not a room this person is in, or not a work of theirs.
            BadRoom: the room is closed, or somebody shared the very same work.
        """
        with self._database.writing() as db:
            room, member = find_member(db, key, token)
            if share_work(db, require_open(room), member, artwork_id) != artwork_id:
                raise BadRoom("room_has_it")

    def take_back(self, key: str, token: str, artwork_id: str) -> None:
        """Raises: NotFound: not a work that this person shared here."""
        with self._database.writing() as db:
            room, member = find_member(db, key, token)
            work = find_work(db, room, artwork_id)
            if work.member_id != member.number:
                raise NotFound("unknown_artwork")
            work.taken_back = datetime.now(UTC)
            end_duets(db, room, artwork_id)
            room.revision += 1

    def react(self, key: str, token: str, artwork_id: str, sign: str) -> None:
        """Give a work one of SIGNS instead of the sign it had from this person; given again, it
        is taken away.

        Raises:
            NotFound: not a work of this room.
            BadRoom: no such sign, or the room is closed.
        """
        if sign not in SIGNS:
            raise BadRoom("room_no_sign")
        with self._database.writing() as db:
            room, member = find_member(db, key, token)
            work = find_work(db, require_open(room), artwork_id)
            known = {"work_id": work.number, "member_id": member.number}
            given = db.scalar(select(RoomReactionRecord).filter_by(**known))
            if given is not None:
                db.execute(delete(RoomReactionRecord).filter_by(**known))
            if given is None or given.sign != sign:
                db.add(RoomReactionRecord(**known, sign=sign))
            room.revision += 1

    def works(self, key: str, token: str) -> list[RoomWorkRow]:
        """What is shared, the newest first. Raises: NotFound: not a room this person is in."""
        with self._database.reading() as db:
            room, me = find_member(db, key, token, for_writing=False)
            query = (
                select(RoomWorkRecord, ArtworkRecord, RoomMemberRecord)
                .join(ArtworkRecord, ArtworkRecord.id == RoomWorkRecord.artwork_id)
                .join(RoomMemberRecord, RoomMemberRecord.number == RoomWorkRecord.member_id)
                .where(RoomWorkRecord.room_id == room.id, RoomWorkRecord.taken_back.is_(None))
                .order_by(RoomWorkRecord.shared.desc(), RoomWorkRecord.number.desc())
            )
            found = [(row[0], row[1], row[2]) for row in db.execute(query)]
            recipes = {artwork.id: Recipe.from_dict(artwork.recipe) for _, artwork, _ in found}
            descent = _descent(db, {id: recipe.parents for id, recipe in recipes.items()})
            counts, mine = _reactions(db, room, me)
            return [
                RoomWorkRow(
                    id=artwork.id,
                    medium=artwork.medium,
                    recipe=recipes[artwork.id],
                    thumbnail=artwork.thumbnail,
                    member=member_row(member),
                    shared=work.shared,
                    parents=descent[artwork.id],
                    reactions=counts.get(work.number, {}),
                    mine=mine.get(work.number),
                    is_mine=member.number == me.number,
                )
                for work, artwork, member in found
            ]


def _enter(db: Session, room: RoomRecord, owner: int, name: str, colour: str) -> None:
    name = str(NAME.clean(name))
    if not name:
        raise BadRoom("room_without_name")
    known = {"room_id": room.id, "session_id": owner}
    member = db.scalar(select(RoomMemberRecord).filter_by(**known))
    if member is None:
        member = RoomMemberRecord(**known)
        db.add(member)
    member.name, member.colour = name, colour if colour in COLOURS else COLOURS[0]
    member.left, member.seen = None, datetime.now(UTC)


def _reactions(
    db: Session, room: RoomRecord, me: RoomMemberRecord
) -> tuple[dict[int, dict[str, int]], dict[int, str]]:
    """How many gave which sign to each work, and which one this person gave."""
    reaction = RoomReactionRecord
    of_room = (
        select(reaction.work_id, reaction.sign, func.count())
        .join(RoomWorkRecord, RoomWorkRecord.number == reaction.work_id)
        .where(RoomWorkRecord.room_id == room.id)
        .group_by(reaction.work_id, reaction.sign)
    )
    counts: dict[int, dict[str, int]] = {}
    for work, sign, count in db.execute(of_room):
        counts.setdefault(work, {})[sign] = count
    given = select(reaction.work_id, reaction.sign).filter_by(member_id=me.number)
    return counts, {row.work_id: row.sign for row in db.execute(given)}


def _descent(db: Session, parents: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """For each work the nearest of these works that it comes from, through any others between."""
    known: dict[str, Iterable[str]] = dict(parents)
    for _ in range(MOST_GENERATIONS):
        wanted = {one for ids in known.values() for one in ids} - set(known)
        if not wanted:
            break
        query = select(ArtworkRecord.id, ArtworkRecord.recipe).where(ArtworkRecord.id.in_(wanted))
        found = {id: Recipe.from_dict(recipe).parents for id, recipe in db.execute(query)}
        known |= {id: found.get(id, ()) for id in wanted}
    return {work: _nearest(work, parents, known) for work in parents}


def _nearest(
    work: str, shared: Mapping[str, Any], known: Mapping[str, Iterable[str]]
) -> tuple[str, ...]:
    nearest, seen, coming = [], {work}, list(known[work])
    while coming:
        one = coming.pop(0)
        if one in seen:
            continue
        seen.add(one)
        if one in shared:
            nearest.append(one)
        else:
            coming += known.get(one, ())
    return tuple(nearest)


def _present(room: RoomRecord) -> Select[RoomMemberRecord]:
    """Who is in a room, those who came first first."""
    query = select(RoomMemberRecord).filter_by(room_id=room.id, left=None)
    return query.order_by(RoomMemberRecord.number)


def _room_row(db: Session, room: RoomRecord, owner: int) -> RoomRow:
    mine = {"room_id": room.id, "session_id": owner, "left": None}
    member = db.scalar(select(RoomMemberRecord).filter_by(**mine))
    return RoomRow(
        token=room.token,
        title=room.title,
        revision=room.revision,
        is_founder=room.founder_id == owner,
        is_member=member is not None,
        teaches=member is not None and member.teaches,
        compares=member is not None and member.compares,
        created=room.created,
        closed=room.closed,
    )
