"""How a room, the person who asks in it, and its works are found."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from studio.errors import NotFound, StudioError
from studio.store.owner import session_id
from studio.store.rows import MemberRow
from studio.store.tables import ArtworkRecord, RoomMemberRecord, RoomRecord, RoomWorkRecord


class BadRoom(StudioError):
    """What cannot be done in this room, or not by this person."""


def find_room(db: Session, token: str, *, for_writing: bool = False) -> RoomRecord:
    query = select(RoomRecord).filter_by(token=token)
    found = db.scalar(query.with_for_update() if for_writing else query)
    if found is None:
        raise NotFound("unknown_room")
    return found


def require_open(room: RoomRecord) -> RoomRecord:
    if room.closed is not None:
        raise BadRoom("room_closed")
    return room


def find_member(
    db: Session, key: str, token: str, *, for_writing: bool = True
) -> tuple[RoomRecord, RoomMemberRecord]:
    """A room and the person in it. Raises: NotFound: they are not in it."""
    owner = session_id(db, key)
    room = find_room(db, token, for_writing=for_writing)
    query = select(RoomMemberRecord).filter_by(room_id=room.id, session_id=owner, left=None)
    member = db.scalar(query)
    if member is None:
        raise NotFound("room_not_in_it")
    return room, member


def find_work(db: Session, room: RoomRecord, artwork_id: str) -> RoomWorkRecord:
    query = select(RoomWorkRecord).filter_by(room_id=room.id, artwork_id=artwork_id)
    work = db.scalar(query.filter_by(taken_back=None))
    if work is None:
        raise NotFound("unknown_artwork")
    return work


def share_work(db: Session, room: RoomRecord, member: RoomMemberRecord, artwork_id: str) -> str:
    """Show a work of this person's to the room, or move it to the front; the id of the very same
    work where somebody else shared it already, and then nothing is changed.

    Raises:
        NotFound: not a work of theirs.
    """
    mine = {"id": artwork_id, "session_id": member.session_id}
    artwork = db.scalar(select(ArtworkRecord).filter_by(**mine))
    if artwork is None:
        raise NotFound("unknown_artwork")
    same = (
        select(RoomWorkRecord)
        .join(ArtworkRecord, ArtworkRecord.id == RoomWorkRecord.artwork_id)
        .where(RoomWorkRecord.room_id == room.id)
        .where(ArtworkRecord.fingerprint == artwork.fingerprint)
    )
    known = list(db.scalars(same))
    for record in known:
        if record.artwork_id != artwork_id and record.taken_back is None:
            return record.artwork_id
    mine_there = next((record for record in known if record.artwork_id == artwork_id), None)
    if mine_there is None:
        fresh = {"room_id": room.id, "artwork_id": artwork_id, "member_id": member.number}
        db.add(RoomWorkRecord(**fresh))
    else:
        mine_there.shared, mine_there.taken_back = datetime.now(UTC), None
    room.revision += 1
    return artwork_id


def member_row(record: RoomMemberRecord) -> MemberRow:
    return MemberRow(
        id=record.number,
        name=record.name,
        colour=record.colour,
        doing=record.doing,
        joined=record.joined,
        left=record.left,
        seen=record.seen,
    )
