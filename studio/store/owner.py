"""Whose rows: the one way from a session's key to its rows."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import BindParameter, ColumnElement, and_, bindparam, or_, select
from sqlalchemy.orm import Session

from studio.errors import NotFound
from studio.store.tables import SessionKeyRecord, SessionRecord, StateRecord, VersionUseRecord

T = TypeVar("T")
TOUCH = timedelta(hours=6)
"""How often it is written that somebody was here: days are counted, and every write waits for the
disk."""


ROOM = "room-"
"""How the hash of a room's own key begins; no hash of a person's has a hyphen."""


class RoomKey(str):
    """The key of a room's own session, which is made of the room's token.

    Whoever was sent a link knows that token; but what a browser says is a plain string, and no
    plain string opens this session.
    """


def hash_key(key: str) -> str:
    # Keys are long and random, so a fast hash without salt is enough.
    digest = hashlib.sha256(key.encode()).hexdigest()
    return f"{ROOM}{digest[:59]}" if isinstance(key, RoomKey) else digest


def new_key() -> str:
    """Unguessable."""
    return secrets.token_urlsafe(24)


def opened() -> ColumnElement[bool]:
    """Whether a session is the one that the key with `key_hash` opens: the one it was made
    with, or one that somebody signed in to."""
    said: BindParameter[str] = bindparam("key_hash")
    further = select(SessionKeyRecord.session_id).where(SessionKeyRecord.key_hash == said)
    return or_(SessionRecord.key_hash == said, SessionRecord.id.in_(further))


# Every question of every person asks this, and putting it together would take longer than it does.
OPENED = select(SessionRecord).where(opened())
OPENED_FOR_WRITING = OPENED.with_for_update()
STATE = (
    select(SessionRecord.id, StateRecord.value)
    .outerjoin(
        StateRecord,
        and_(StateRecord.session_id == SessionRecord.id, StateRecord.name == bindparam("name")),
    )
    .where(opened())
)
VERSION = (
    select(SessionRecord.id, VersionUseRecord.version)
    .outerjoin(
        VersionUseRecord,
        and_(
            VersionUseRecord.session_id == SessionRecord.id,
            VersionUseRecord.medium == bindparam("medium"),
        ),
    )
    .where(opened())
    .order_by(VersionUseRecord.number.desc())
    .limit(1)
)


def find_session(db: Session, key: str) -> SessionRecord | None:
    return db.scalar(OPENED, {"key_hash": hash_key(key)})


def find_state(db: Session, key: str, name: str) -> dict[str, Any] | None:
    """A small document of a key's session.

    Raises:
        NotFound: nobody has this key.
    """
    _, value = known(db.execute(STATE, {"key_hash": hash_key(key), "name": name}).first())
    return value


def find_version(db: Session, key: str, medium: str) -> str | None:
    """The version of a medium that a key's session uses.

    Raises:
        NotFound: nobody has this key.
    """
    _, version = known(db.execute(VERSION, {"key_hash": hash_key(key), "medium": medium}).first())
    return version


def existing_session(db: Session, key: str, *, for_writing: bool = False) -> SessionRecord:
    """The session of a key.

    Args:
        for_writing: make other writers of the same session wait, so that "look, then add" is safe
            in PostgreSQL too (SQLite has one writer at a time anyway).

    Raises:
        NotFound: nobody has this key.
    """
    query = OPENED_FOR_WRITING if for_writing else OPENED
    session = known(db.scalar(query, {"key_hash": hash_key(key)}))
    if for_writing:
        touch(session)
    return session


def session_id(db: Session, key: str, *, for_writing: bool = False) -> int:
    """The id of `existing_session`."""
    return existing_session(db, key, for_writing=for_writing).id


def known(answer: T | None) -> T:
    """Raises: NotFound: it is None."""
    if answer is None:
        raise NotFound("unknown_session")
    return answer


def touch(session: SessionRecord) -> None:
    """Somebody is here. Call it in a transaction that writes."""
    now = datetime.now(UTC)
    if now - session.seen > TOUCH:
        session.seen = now
