"""Duets: two people of a room mix a work each, and one slider is theirs together.

A person plays in one duet of a room at a time. Whoever leaves, or is not seen any more, frees their
side; what they put in stays until somebody else takes it, and the duet ends with the last one.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from studio.errors import NotFound
from studio.medium import Recipe
from studio.store.database import Database
from studio.store.room_queries import (
    BadRoom,
    find_member,
    member_row,
    require_open,
    share_work,
)
from studio.store.rows import PRESENT, DuetRow, DuetSideRow
from studio.store.tables import (
    ArtworkRecord,
    RoomDuetRecord,
    RoomMemberRecord,
    RoomRecord,
)

SIDES = ("first", "second")


class DuetRecords:
    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, key: str, token: str, artwork_id: str) -> int:
        """A new duet that waits for somebody; returns its id. What is put in is shared.

        Raises:
            NotFound: not a room this person is in, or not a work of theirs.
            BadRoom: the room is closed.
        """
        with self._database.writing() as db:
            room, member = find_member(db, key, token)
            work = share_work(db, require_open(room), member, artwork_id)
            leave_duets(db, member)
            medium = db.scalar(select(ArtworkRecord.medium).filter_by(id=work))
            duet = RoomDuetRecord(
                room_id=room.id, medium=medium, first_id=member.number, first_work_id=work
            )
            db.add(duet)
            db.flush()
            return duet.number

    def put(self, key: str, token: str, duet_id: int, artwork_id: str) -> None:
        """Take a side that is free with a work, or put another work on one's own.

        Raises:
            NotFound: no such duet in a room this person is in, or not a work of theirs of its
                medium.
            BadRoom: the room is closed, or two people play already.
        """
        with self._database.writing() as db:
            room, member = find_member(db, key, token)
            duet = _duet(db, require_open(room), duet_id)
            kind = db.scalar(select(ArtworkRecord.medium).filter_by(id=artwork_id))
            if kind != duet.medium:
                raise NotFound("unknown_artwork")
            side = _side_of(duet, member) or _free_side(db, duet)
            if side is None:
                raise BadRoom("duet_full")
            work = share_work(db, room, member, artwork_id)
            leave_duets(db, member, but=duet)
            setattr(duet, f"{side}_id", member.number)
            setattr(duet, f"{side}_work_id", work)
            duet.revision += 1

    def move(self, key: str, token: str, duet_id: int, position: float) -> None:
        """Move the slider of a duet one plays in.

        Raises:
            NotFound: not a duet this person plays in.
        """
        with self._database.writing() as db:
            room, member = find_member(db, key, token)
            duet = _duet(db, room, duet_id)
            if _side_of(duet, member) is None:
                raise NotFound("unknown_duet")
            duet.position = min(max(position, 0.0), 1.0)
            duet.revision += 1

    def leave(self, key: str, token: str) -> None:
        """Leave the duet one plays in, if any."""
        with self._database.writing() as db:
            _, member = find_member(db, key, token)
            leave_duets(db, member)

    def duets(self, key: str, token: str) -> list[DuetRow]:
        """Those of a room that have not ended, the newest first.

        Raises:
            NotFound: not a room this person is in.
        """
        with self._database.reading() as db:
            room, me = find_member(db, key, token, for_writing=False)
            query = select(RoomDuetRecord).filter_by(room_id=room.id, ended=None)
            found = db.scalars(query.order_by(RoomDuetRecord.number.desc()))
            return [_duet_row(db, duet, me) for duet in found]


def leave_duets(db: Session, member: RoomMemberRecord, but: RoomDuetRecord | None = None) -> None:
    """Free a person's sides; a duet without anybody ends."""
    plays = or_(RoomDuetRecord.first_id == member.number, RoomDuetRecord.second_id == member.number)
    for duet in db.scalars(select(RoomDuetRecord).filter_by(ended=None).where(plays)):
        if duet is but:
            continue
        setattr(duet, f"{_side_of(duet, member)}_id", None)
        duet.revision += 1
        if duet.first_id is None and duet.second_id is None:
            duet.ended = datetime.now(UTC)


def end_duets(db: Session, room: RoomRecord, work: str | None = None) -> None:
    """End all of a room, or those that a work is in."""
    query = select(RoomDuetRecord).filter_by(room_id=room.id, ended=None)
    if work is not None:
        here = (RoomDuetRecord.first_work_id == work, RoomDuetRecord.second_work_id == work)
        query = query.where(or_(*here))
    for duet in db.scalars(query):
        duet.ended = datetime.now(UTC)


def _duet(db: Session, room: RoomRecord, duet_id: int) -> RoomDuetRecord:
    known = {"number": duet_id, "room_id": room.id, "ended": None}
    duet = db.scalar(select(RoomDuetRecord).filter_by(**known))
    if duet is None:
        raise NotFound("unknown_duet")
    return duet


def _side_of(duet: RoomDuetRecord, member: RoomMemberRecord) -> str | None:
    return next((side for side in SIDES if getattr(duet, f"{side}_id") == member.number), None)


def _free_side(db: Session, duet: RoomDuetRecord) -> str | None:
    """One that nobody took, that was left, or whose player has not been seen for a while."""
    for side in reversed(SIDES):
        player = db.get(RoomMemberRecord, getattr(duet, f"{side}_id") or 0)
        if player is None or datetime.now(UTC) - player.seen > PRESENT:
            return side
    return None


def _duet_row(db: Session, duet: RoomDuetRecord, me: RoomMemberRecord) -> DuetRow:
    place = _side_of(duet, me)
    sides = [
        _side_row(db, work, getattr(duet, f"{side}_id"))
        for side in SIDES
        if (work := getattr(duet, f"{side}_work_id")) is not None
    ]
    return DuetRow(
        id=duet.number,
        medium=duet.medium,
        sides=tuple(sides),
        position=duet.position,
        revision=duet.revision,
        place=None if place is None else SIDES.index(place),
    )


def _side_row(db: Session, work: str, player: int | None) -> DuetSideRow:
    artwork = db.scalars(select(ArtworkRecord).filter_by(id=work)).one()
    member = db.get(RoomMemberRecord, player) if player is not None else None
    return DuetSideRow(
        member=None if member is None else member_row(member),
        work=work,
        recipe=Recipe.from_dict(artwork.recipe),
        thumbnail=artwork.thumbnail,
    )
