"""All that is one person's: counted, brought back, and taken away without a trace.

What others hold stays: a work that lies in a room with somebody else in it stays there, without a
name, unless its maker wants it gone too.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    SQLColumnExpression,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from studio.store.database import Database
from studio.store.owner import ROOM, RoomKey, find_session, session_id
from studio.store.queries import fingerprint, new_artwork
from studio.store.rows import ArtworkRow, BelongingsRow, RatingRow
from studio.store.tables import (
    AccountRecord,
    ArtworkRecord,
    JobRecord,
    RatingRecord,
    RoomDuetRecord,
    RoomMemberRecord,
    RoomRatingRecord,
    RoomReactionRecord,
    RoomRecord,
    RoomWorkRecord,
    SessionKeyRecord,
    SessionRecord,
    StateRecord,
    VersionRecord,
    VersionUseRecord,
)

NOBODY = "grey"
"""The colour of a maker who is no more."""


class Belongings:
    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, key: str) -> BelongingsRow:
        """What there is to be deleted. Raises: NotFound: nobody has this key."""
        with self._database.reading() as db:
            owner = session_id(db, key)
            shared = _of_member(owner, RoomWorkRecord.member_id)
            return BelongingsRow(
                works=_count(db, ArtworkRecord.session_id == owner),
                ratings=_count(db, RatingRecord.session_id == owner, ~RatingRecord.undone),
                shared=_count(db, shared, RoomWorkRecord.taken_back.is_(None), _has_others(owner)),
            )

    def number(self, key: str) -> int:
        """By what `versions` and `delete` know a person. Raises: NotFound: nobody has this key."""
        with self._database.reading() as db:
            return session_id(db, key)

    def untouched(self, since: datetime) -> list[int]:
        """The numbers of those who have not been here since."""
        with self._database.reading() as db:
            query = select(SessionRecord.id).where(
                SessionRecord.seen < since,
                SessionRecord.deleted.is_(None),
                # A room's own session goes with the room, which goes with its people.
                ~SessionRecord.key_hash.startswith(ROOM),
            )
            return list(db.scalars(query))

    def versions(self, number: int) -> set[tuple[str, str]]:
        """Medium and name of every version that is this person's and nobody else's."""
        with self._database.reading() as db:
            noted = select(VersionRecord.medium, VersionRecord.version)
            mine = noted.where(VersionRecord.session_id == number)
            others = noted.where(
                VersionRecord.session_id != number, VersionRecord.status != "discarded"
            )
            parents = select(VersionRecord.medium, VersionRecord.parent).where(
                VersionRecord.session_id != number, VersionRecord.status != "discarded"
            )
            used = select(VersionUseRecord.medium, VersionUseRecord.version).where(
                VersionUseRecord.session_id != number
            )
            held = {
                (row[0], row[1]) for query in (others, parents, used) for row in db.execute(query)
            }
            return {(row[0], row[1]) for row in db.execute(mine)} - held

    def bring_back(
        self, key: str, works: Sequence[ArtworkRow], ratings: Sequence[RatingRow]
    ) -> int:
        """Add what was saved elsewhere, all of it or nothing; how many ratings were added.

        Works that are there are not added again, nor are ratings of what was rated here since.

        Args:
            works: with their ids where they come from, by which `ratings` and other works'
                parents know them; they get new ones here.
        """
        with self._database.writing() as db:
            owner = session_id(db, key, for_writing=True)
            query = select(ArtworkRecord).filter_by(session_id=owner)
            there = {record.fingerprint: record for record in db.scalars(query)}
            here: dict[str, ArtworkRecord] = {}
            for work in works:
                parents = tuple(here[p].id if p in here else p for p in work.recipe.parents)
                recipe = work.recipe.with_(parents=parents)
                same = fingerprint(recipe)
                if same not in there:
                    there[same] = new_artwork(owner, recipe, work.thumbnail)
                    there[same].created = work.created
                    db.add(there[same])
                here[work.id] = there[same]
                here[work.id].kept |= work.kept
                here[work.id].pinned |= work.pinned
            db.flush()
            return _bring_ratings(db, owner, ratings, {old: new.id for old, new in here.items()})

    def delete(self, number: int, *, with_shared: bool = False) -> None:
        """Delete every row of a person, or nothing.

        Args:
            with_shared: also what lies in rooms with others. Else it stays there without a name.
        """
        with self._database.writing() as db:
            person = db.get(SessionRecord, number, with_for_update=True)
            if person is None:
                return
            given = select(RatingRecord.number).where(RatingRecord.session_id == number)
            db.execute(delete(RoomRatingRecord).where(RoomRatingRecord.rating_id.in_(given)))
            for record in (
                *(AccountRecord, SessionKeyRecord, StateRecord),
                *(VersionUseRecord, VersionRecord, JobRecord, RatingRecord),
            ):
                db.execute(delete(record).where(record.session_id == number))
            _leave_rooms(db, number, with_shared)
            _forget_unshared(db, number)
            if db.scalar(select(exists().where(RoomMemberRecord.session_id == number))):
                person.key_hash, person.deleted = secrets.token_hex(32), datetime.now(UTC)
            else:
                db.delete(person)
            db.flush()
            _forget_the_nameless(db)
        self._database.compact()


def _bring_ratings(
    db: Session, owner: int, ratings: Sequence[RatingRow], here: Mapping[str, str]
) -> int:
    query = select(RatingRecord).filter_by(session_id=owner, undone=False)
    given = {
        (record.kind, frozenset(filter(None, (record.artwork_id, record.other_id))))
        for record in db.scalars(query)
    }
    added = 0
    for rating in ratings:
        # Two works may turn out to be one here, and then nothing is said of them as a pair.
        about = frozenset(here[work] for work in rating.works)
        if (rating.kind, about) in given or len(about) < len(rating.works):
            continue
        added += 1
        db.add(
            RatingRecord(
                session_id=owner,
                medium=rating.medium,
                kind=rating.kind,
                artwork_id=here[rating.artwork_id],
                other_id=here[rating.other_id] if rating.other_id else None,
                stars=rating.stars,
                aspects=rating.aspects,
                thumb=rating.thumb,
                tie=rating.tie,
                created=rating.created,
            )
        )
    return added


def _count(db: Session, *conditions: ColumnElement[bool]) -> int:
    return db.scalar(select(func.count()).where(*conditions)) or 0


def _of_member(owner: int, member: SQLColumnExpression[Any]) -> ColumnElement[bool]:
    own = select(RoomMemberRecord.number).where(RoomMemberRecord.session_id == owner)
    return member.in_(own)


def _others_in(owner: int, room_id: SQLColumnExpression[int] | int) -> Select[int]:
    """The sessions of everybody else who was ever in a room and may come back, those in it
    first."""
    return (
        select(RoomMemberRecord.session_id)
        .join(SessionRecord, SessionRecord.id == RoomMemberRecord.session_id)
        .where(RoomMemberRecord.room_id == room_id, RoomMemberRecord.session_id != owner)
        .where(SessionRecord.deleted.is_(None))
        .order_by(RoomMemberRecord.left.is_not(None), RoomMemberRecord.number)
    )


def _has_others(owner: int) -> ColumnElement[bool]:
    return _others_in(owner, RoomWorkRecord.room_id).order_by(None).exists()


def _leave_rooms(db: Session, owner: int, with_shared: bool) -> None:
    mine = _of_member(owner, RoomReactionRecord.member_id)
    db.execute(delete(RoomReactionRecord).where(mine))
    _end_duets(db, owner)
    gone = _of_member(owner, RoomWorkRecord.member_id)
    if not with_shared:
        gone &= RoomWorkRecord.taken_back.is_not(None)
    _delete_works(db, gone)
    rooms = select(RoomRecord).where(
        or_(
            RoomRecord.founder_id == owner,
            RoomRecord.id.in_(
                select(RoomMemberRecord.room_id).where(RoomMemberRecord.session_id == owner)
            ),
        )
    )
    for room in db.scalars(rooms).all():
        others = db.scalars(_others_in(owner, room.id)).all()
        if not others:
            _delete_works(db, RoomWorkRecord.room_id == room.id)
            _forget_taste(db, room)
            db.execute(delete(RoomMemberRecord).where(RoomMemberRecord.room_id == room.id))
            db.delete(room)
            continue
        if room.founder_id == owner:
            room.founder_id = others[0]
        room.revision += 1
        _leave(db, room, owner)
    db.flush()


def _leave(db: Session, room: RoomRecord, owner: int) -> None:
    """Whoever has works here stays known as nobody; others are taken off the list."""
    query = select(RoomMemberRecord).filter_by(room_id=room.id, session_id=owner)
    member = db.scalar(query)
    if member is None:
        return
    if not db.scalar(select(exists().where(RoomWorkRecord.member_id == member.number))):
        db.delete(member)
        return
    member.name, member.colour, member.doing = "", NOBODY, {}
    member.left = member.seen = member.joined


def _end_duets(db: Session, owner: int) -> None:
    """Take away the duets that a person, or a work of theirs, was part of."""
    works = select(ArtworkRecord.id).where(ArtworkRecord.session_id == owner)
    sides = (RoomDuetRecord.first_work_id.in_(works), RoomDuetRecord.second_work_id.in_(works))
    seats = (
        _of_member(owner, RoomDuetRecord.first_id),
        _of_member(owner, RoomDuetRecord.second_id),
    )
    db.execute(delete(RoomDuetRecord).where(or_(*sides, *seats)))


def _forget_taste(db: Session, room: RoomRecord) -> None:
    """What a room was taught goes with its last member; the folders go at the next start."""
    db.execute(delete(RoomRatingRecord).where(RoomRatingRecord.room_id == room.id))
    own = find_session(db, RoomKey(room.token))
    if own is None:
        return
    for record in (StateRecord, VersionUseRecord):
        db.execute(delete(record).where(record.session_id == own.id))
    taught = update(VersionRecord).where(VersionRecord.session_id == own.id)
    db.execute(taught.values(status="discarded"))


def _delete_works(db: Session, which: ColumnElement[bool]) -> None:
    works = select(RoomWorkRecord.number).where(which)
    db.execute(delete(RoomReactionRecord).where(RoomReactionRecord.work_id.in_(works)))
    db.execute(delete(RoomWorkRecord).where(which))


def _forget_unshared(db: Session, owner: int) -> None:
    in_a_room = exists().where(RoomWorkRecord.artwork_id == ArtworkRecord.id)
    db.execute(delete(ArtworkRecord).where(ArtworkRecord.session_id == owner, ~in_a_room))
    for work in db.scalars(select(ArtworkRecord).filter_by(session_id=owner)):
        work.kept = work.pinned = False
    db.flush()


def _forget_the_nameless(db: Session) -> None:
    """The works of those who are no more, and they themselves, once no room holds them."""
    gone = select(SessionRecord.id).where(SessionRecord.deleted.is_not(None))
    for number in db.scalars(gone).all():
        _forget_unshared(db, number)
        has_works = exists().where(ArtworkRecord.session_id == SessionRecord.id)
        db.execute(delete(SessionRecord).where(SessionRecord.id == number, ~has_works))
