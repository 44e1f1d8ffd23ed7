"""Whose rows: the one way from a session's key to its rows."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from studio.errors import NotFound
from studio.store.tables import SessionKeyRecord, SessionRecord

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


def opened_by(key: str) -> Select[SessionRecord]:
    """The session that a key opens: the one it was made with, or one that somebody signed in to."""
    known = hash_key(key)
    further = select(SessionKeyRecord.session_id).where(SessionKeyRecord.key_hash == known)
    is_opened = or_(SessionRecord.key_hash == known, SessionRecord.id.in_(further))
    return select(SessionRecord).where(is_opened)


def find_session(db: Session, key: str) -> SessionRecord | None:
    return db.scalar(opened_by(key))


def session_id(db: Session, key: str, *, for_writing: bool = False) -> int:
    """The id of a key's session.

    Args:
        for_writing: make other writers of the same session wait, so that "look, then add" is safe
            in PostgreSQL too (SQLite has one writer at a time anyway).

    Raises:
        NotFound: nobody has this key.
    """
    query = opened_by(key)
    found = db.scalar(query.with_for_update() if for_writing else query)
    if found is None:
        raise NotFound("unknown_session")
    if for_writing:
        touch(found)
    return found.id


def touch(session: SessionRecord) -> None:
    """Somebody is here. Call it in a transaction that writes."""
    now = datetime.now(UTC)
    if now - session.seen > TOUCH:
        session.seen = now
