"""The tables, in types that SQLite and PostgreSQL share.

A change here needs a migration in `migrations/versions`; a test compares the two.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, DateTime, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """A moment. SQLite forgets time zones, so moments are kept in UTC and come back aware."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value and value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value and value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    type_annotation_map: ClassVar[dict[Any, Any]] = {dict[str, Any]: JSON, datetime: UtcDateTime}


def _now() -> datetime:
    return datetime.now(UTC)


class SessionRecord(Base):
    __tablename__ = "sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    # Only a hash: who reads a backup of the database must not become the people in it.
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created: Mapped[datetime] = mapped_column(default=_now)
    seen: Mapped[datetime] = mapped_column(default=_now)
    # Of somebody who deleted everything, while works of theirs lie in others' rooms.
    deleted: Mapped[datetime | None]


class AccountRecord(Base):
    """Whose session it is, of somebody who signed in."""

    __tablename__ = "accounts"

    # Only a hash of what the provider calls them.
    account_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    session_id: Mapped[int] = mapped_column(ForeignKey("sessions.id"), unique=True)
    name: Mapped[str] = mapped_column(String(64))
    created: Mapped[datetime] = mapped_column(default=_now)


class SessionKeyRecord(Base):
    """A further key of a session, for another browser of the same person."""

    __tablename__ = "session_keys"
    __table_args__ = (Index("session_keys_of_session", "session_id"),)

    key_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    session_id: Mapped[int] = mapped_column(ForeignKey("sessions.id"))


class StateRecord(Base):
    __tablename__ = "states"

    session_id: Mapped[int] = mapped_column(ForeignKey("sessions.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    value: Mapped[dict[str, Any]]


class ArtworkRecord(Base):
    __tablename__ = "artworks"
    __table_args__ = (
        UniqueConstraint("session_id", "fingerprint", name="artworks_once"),
        Index("artworks_of_session", "session_id", "medium"),
    )

    number: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(String(32), unique=True)
    session_id: Mapped[int] = mapped_column(ForeignKey("sessions.id"))
    fingerprint: Mapped[str] = mapped_column(String(64))
    medium: Mapped[str] = mapped_column(String(64))
    version: Mapped[str] = mapped_column(String(128))
    recipe: Mapped[dict[str, Any]]
    thumbnail: Mapped[str] = mapped_column(Text)
    kept: Mapped[bool]
    pinned: Mapped[bool]
    created: Mapped[datetime] = mapped_column(default=_now)


class RatingRecord(Base):
    """Ratings are only ever added; taking one back marks it."""

    __tablename__ = "ratings"
    __table_args__ = (
        Index("ratings_of_session", "session_id", "medium"),
        Index("ratings_of_artwork", "artwork_id"),
        Index("ratings_of_other", "other_id"),
    )

    number: Mapped[int] = mapped_column(primary_key=True)
    session_id: Mapped[int] = mapped_column(ForeignKey("sessions.id"))
    medium: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(16))
    artwork_id: Mapped[str] = mapped_column(ForeignKey("artworks.id"))
    other_id: Mapped[str | None] = mapped_column(ForeignKey("artworks.id"))
    stars: Mapped[int | None]
    aspects: Mapped[dict[str, Any]]
    thumb: Mapped[bool | None]
    tie: Mapped[bool]
    undone: Mapped[bool] = mapped_column(default=False)
    created: Mapped[datetime] = mapped_column(default=_now)


class VersionUseRecord(Base):
    """The versions a session went through, a stack: the last one is in use."""

    __tablename__ = "version_uses"
    __table_args__ = (Index("version_uses_of_session", "session_id", "medium"),)

    number: Mapped[int] = mapped_column(primary_key=True)
    session_id: Mapped[int] = mapped_column(ForeignKey("sessions.id"))
    medium: Mapped[str] = mapped_column(String(64))
    version: Mapped[str] = mapped_column(String(128))
    created: Mapped[datetime] = mapped_column(default=_now)


class VersionRecord(Base):
    __tablename__ = "versions"
    __table_args__ = (UniqueConstraint("session_id", "medium", "version", name="versions_once"),)

    number: Mapped[int] = mapped_column(primary_key=True)
    session_id: Mapped[int] = mapped_column(ForeignKey("sessions.id"))
    medium: Mapped[str] = mapped_column(String(64))
    version: Mapped[str] = mapped_column(String(128))
    parent: Mapped[str | None] = mapped_column(String(128))
    measured: Mapped[dict[str, Any]]
    status: Mapped[str] = mapped_column(String(16))
    created: Mapped[datetime] = mapped_column(default=_now)


class JobRecord(Base):
    __tablename__ = "jobs"
    __table_args__ = (
        Index("jobs_of_session", "session_id", "kind", "medium"),
        Index("jobs_by_status", "status"),
    )

    number: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(String(32), unique=True)
    session_id: Mapped[int] = mapped_column(ForeignKey("sessions.id"))
    kind: Mapped[str] = mapped_column(String(64))
    medium: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(16), default="queued")
    progress: Mapped[float] = mapped_column(default=0.0)
    stage: Mapped[str] = mapped_column(String(128), default="")
    stage_values: Mapped[dict[str, Any]] = mapped_column(default=dict)
    result: Mapped[dict[str, Any]] = mapped_column(default=dict)
    runner: Mapped[str | None] = mapped_column(String(32))
    is_unwanted: Mapped[bool] = mapped_column(default=False)
    error_key: Mapped[str | None] = mapped_column(String(128))
    error_values: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created: Mapped[datetime] = mapped_column(default=_now)


class RunnerRecord(Base):
    """A process that does jobs, and when it last said that it lives, by the database's clock; only
    where several may share it."""

    __tablename__ = "runners"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    seen: Mapped[datetime]


class RoomRecord(Base):
    """People creating together; `revision` grows with everything that changes in it, except who
    was seen last."""

    __tablename__ = "rooms"

    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(String(32), unique=True)
    title: Mapped[str] = mapped_column(String(80))
    founder_id: Mapped[int] = mapped_column(ForeignKey("sessions.id"))
    revision: Mapped[int] = mapped_column(default=1)
    created: Mapped[datetime] = mapped_column(default=_now)
    closed: Mapped[datetime | None]


class RoomMemberRecord(Base):
    """One who leaves stays known: the works in the room have a maker."""

    __tablename__ = "room_members"
    __table_args__ = (
        UniqueConstraint("room_id", "session_id", name="room_members_once"),
        Index("room_members_of_session", "session_id"),
    )

    number: Mapped[int] = mapped_column(primary_key=True)
    room_id: Mapped[int] = mapped_column(ForeignKey("rooms.id"))
    session_id: Mapped[int] = mapped_column(ForeignKey("sessions.id"))
    name: Mapped[str] = mapped_column(String(40))
    colour: Mapped[str] = mapped_column(String(16))
    doing: Mapped[dict[str, Any]] = mapped_column(default=dict)
    teaches: Mapped[bool] = mapped_column(default=False)
    compares: Mapped[bool] = mapped_column(default=False)
    joined: Mapped[datetime] = mapped_column(default=_now)
    left: Mapped[datetime | None]
    seen: Mapped[datetime] = mapped_column(default=_now)


class RoomWorkRecord(Base):
    __tablename__ = "room_works"
    __table_args__ = (UniqueConstraint("room_id", "artwork_id", name="room_works_once"),)

    number: Mapped[int] = mapped_column(primary_key=True)
    room_id: Mapped[int] = mapped_column(ForeignKey("rooms.id"))
    artwork_id: Mapped[str] = mapped_column(ForeignKey("artworks.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("room_members.number"))
    shared: Mapped[datetime] = mapped_column(default=_now)
    taken_back: Mapped[datetime | None]


class RoomReactionRecord(Base):
    __tablename__ = "room_reactions"
    __table_args__ = (UniqueConstraint("work_id", "member_id", name="room_reactions_once"),)

    number: Mapped[int] = mapped_column(primary_key=True)
    work_id: Mapped[int] = mapped_column(ForeignKey("room_works.number"))
    member_id: Mapped[int] = mapped_column(ForeignKey("room_members.number"))
    sign: Mapped[str] = mapped_column(String(16))


class RoomDuetRecord(Base):
    """Two works of a room's people and a place between them.

    Who left is no longer named, though their work stays for the other one; `revision` grows with
    each move.
    """

    __tablename__ = "room_duets"
    __table_args__ = (Index("room_duets_of_room", "room_id"),)

    number: Mapped[int] = mapped_column(primary_key=True)
    room_id: Mapped[int] = mapped_column(ForeignKey("rooms.id"))
    medium: Mapped[str] = mapped_column(String(64))
    first_id: Mapped[int | None] = mapped_column(ForeignKey("room_members.number"))
    first_work_id: Mapped[str] = mapped_column(ForeignKey("artworks.id"))
    second_id: Mapped[int | None] = mapped_column(ForeignKey("room_members.number"))
    second_work_id: Mapped[str | None] = mapped_column(ForeignKey("artworks.id"))
    position: Mapped[float] = mapped_column(default=0.5)
    revision: Mapped[int] = mapped_column(default=1)
    begun: Mapped[datetime] = mapped_column(default=_now)
    ended: Mapped[datetime | None]


class RoomRatingRecord(Base):
    """A rating that was given where it may teach a room, which says nothing about its giver still
    allowing it."""

    __tablename__ = "room_ratings"
    __table_args__ = (Index("room_ratings_of_room", "room_id"),)

    rating_id: Mapped[int] = mapped_column(ForeignKey("ratings.number"), primary_key=True)
    room_id: Mapped[int] = mapped_column(ForeignKey("rooms.id"))
