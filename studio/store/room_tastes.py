"""What a room likes: ratings that people let it learn from, and the versions these taught.

A room has a session of its own, under which its lessons and versions lie as a person's do. Ratings
stay with those who gave them: they are handed out without names, to be pooled.
"""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from studio.store.database import Database
from studio.store.owner import RoomKey, find_session, hash_key, session_id
from studio.store.queries import counting, select_ratings
from studio.store.room_queries import find_member, require_open
from studio.store.rows import RatingRow
from studio.store.tables import (
    ArtworkRecord,
    RatingRecord,
    RoomMemberRecord,
    RoomRatingRecord,
    RoomRecord,
    RoomWorkRecord,
    SessionRecord,
    VersionRecord,
    VersionUseRecord,
)


class RoomTastes:
    def __init__(self, database: Database) -> None:
        self._database = database

    def key(self, key: str, token: str) -> RoomKey:
        """The key of a room's own session, for somebody who is in the room.

        Raises:
            NotFound: not a room this person is in.
        """
        with self._database.reading() as db:
            room, _ = find_member(db, key, token, for_writing=False)
            own = RoomKey(room.token)
            if find_session(db, own) is not None:
                return own
        with self._database.writing() as db:
            find_member(db, key, token)
            if find_session(db, own) is None:
                db.add(SessionRecord(key_hash=hash_key(own)))
        return own

    def allow(self, key: str, token: str, allows: bool) -> None:
        """Whether what this person rates from now on may teach the room; taken back, what they
        rated before teaches it no more either.

        Raises:
            NotFound: not a room this person is in.
            BadRoom: the room is closed.
        """
        with self._database.writing() as db:
            room, member = find_member(db, key, token)
            require_open(room)
            member.teaches = allows

    def ratings(self, key: str, token: str, medium: str) -> list[list[RatingRow]]:
        """What may teach a room: the ratings of each one who allows it and gave some there, oldest
        first, without anybody's name.

        Raises:
            NotFound: not a room this person is in.
        """
        with self._database.reading() as db:
            room, _ = find_member(db, key, token, for_writing=False)
            allowing = select(RoomMemberRecord).filter_by(room_id=room.id, left=None, teaches=True)
            in_room = select(RoomRatingRecord.rating_id).filter_by(room_id=room.id)
            people = []
            for member in db.scalars(allowing.order_by(RoomMemberRecord.number)):
                query = select_ratings(member.session_id, medium)
                people.append(counting(db, query.where(RatingRecord.number.in_(in_room))))
            return [rows for rows in people if rows]

    def compare(self, key: str, token: str, compares: bool) -> None:
        """Whether this person's stars for works of the room are compared with those of the others
        who want that.

        Raises:
            NotFound: not a room this person is in.
            BadRoom: the room is closed.
        """
        with self._database.writing() as db:
            room, member = find_member(db, key, token)
            require_open(room)
            member.compares = compares

    def stars(self, key: str, token: str) -> dict[str, list[int]]:
        """For works of the room the newest stars of each one who compares theirs, from low to high
        and without anybody's name; nothing for somebody who does not.

        Raises:
            NotFound: not a room this person is in.
        """
        with self._database.reading() as db:
            room, member = find_member(db, key, token, for_writing=False)
            if not member.compares:
                return {}
            comparing = select(RoomMemberRecord.session_id).filter_by(
                room_id=room.id, left=None, compares=True
            )
            shared = (
                select(ArtworkRecord.fingerprint, ArtworkRecord.id)
                .join(RoomWorkRecord, RoomWorkRecord.artwork_id == ArtworkRecord.id)
                .where(RoomWorkRecord.room_id == room.id, RoomWorkRecord.taken_back.is_(None))
            )
            works = {row.fingerprint: row.id for row in db.execute(shared)}
            given = (
                select(RatingRecord.session_id, ArtworkRecord.fingerprint, RatingRecord.stars)
                .join(ArtworkRecord, ArtworkRecord.id == RatingRecord.artwork_id)
                .where(RatingRecord.session_id.in_(comparing), RatingRecord.kind == "stars")
                .where(ArtworkRecord.fingerprint.in_(works), ~RatingRecord.undone)
                .order_by(RatingRecord.number)
            )
            newest = {(who, works[print_]): stars or 0 for who, print_, stars in db.execute(given)}
        found: dict[str, list[int]] = {}
        for (_, work), stars in newest.items():
            found.setdefault(work, []).append(stars)
        return {work: sorted(each) for work, each in found.items()}

    def versions(self, key: str, medium: str) -> dict[str, str]:
        """Versions that the rooms this person is in were taught and took, the oldest first, each
        with its room's title."""
        with self._database.reading() as db:
            mine = (
                select(RoomRecord.token, RoomRecord.title)
                .join(RoomMemberRecord, RoomMemberRecord.room_id == RoomRecord.id)
                .filter(RoomMemberRecord.session_id == session_id(db, key))
                .filter(RoomMemberRecord.left.is_(None))
            )
            titles = {hash_key(RoomKey(token)): title for token, title in db.execute(mine)}
            taken = (
                select(VersionRecord.version, SessionRecord.key_hash)
                .join(SessionRecord, SessionRecord.id == VersionRecord.session_id)
                .where(SessionRecord.key_hash.in_(titles))
                .where(VersionRecord.medium == medium, VersionRecord.status == "accepted")
                .order_by(VersionRecord.number)
            )
            return {version: titles[owner] for version, owner in db.execute(taken)}


def note_rating(db: Session, key: str, token: str, rating: RatingRecord) -> None:
    """Let a rating teach a room, if its giver allows that.

    Raises:
        NotFound: not a room this person is in.
    """
    room, member = find_member(db, key, token)
    if member.teaches and room.closed is None:
        db.add(RoomRatingRecord(rating_id=rating.number, room_id=room.id))


def forget_versions(db: Session, room: RoomRecord, member: RoomMemberRecord) -> None:
    """Have somebody who leaves no longer work with what the room was taught."""
    owner = find_session(db, RoomKey(room.token))
    if owner is not None:
        versions = select(VersionRecord.version).filter_by(session_id=owner.id)
        used = delete(VersionUseRecord).filter_by(session_id=member.session_id)
        db.execute(used.where(VersionUseRecord.version.in_(versions)))
