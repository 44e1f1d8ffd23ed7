"""Who signed in: one session for each account, opened by a key of its own in each browser."""

from __future__ import annotations

import hashlib
import secrets

from sqlalchemy import delete, select

from studio.errors import NotFound
from studio.store.database import Database
from studio.store.owner import existing_session, find_session, hash_key, new_key, session_id
from studio.store.tables import AccountRecord, SessionKeyRecord, SessionRecord

LONGEST_NAME = 64


class Accounts:
    def __init__(self, database: Database) -> None:
        self._database = database

    def sign_in(self, key: str, account: str, name: str) -> str:
        """The key with which this browser opens the account's session from now on.

        Whoever signs in for the first time keeps what they made so far: the browser's session
        becomes the account's, unless it is somebody else's. The key that it had opens nothing any
        more, or whoever knew it would be let in to the account (session fixation, CWE-384).

        Args:
            key: that of the browser's session.
            account: what the provider calls this person, the same each time and nobody else's.
            name: what the page calls them.

        Raises:
            NotFound: nobody has this key.
        """
        known, name = hashlib.sha256(account.encode()).hexdigest(), name[:LONGEST_NAME]
        with self._database.writing() as db:
            here = existing_session(db, key, for_writing=True)
            found, fresh = db.get(AccountRecord, known), new_key()
            if found is not None:
                found.name = name
                if here.id == found.session_id:
                    return key
                db.add(SessionKeyRecord(key_hash=hash_key(fresh), session_id=found.session_id))
                return fresh
            if db.scalar(select(AccountRecord).filter_by(session_id=here.id)) is not None:
                here = SessionRecord()
                db.add(here)
            here.key_hash = hash_key(fresh)
            db.flush()
            db.add(AccountRecord(account_hash=known, session_id=here.id, name=name))
            return fresh

    def name(self, key: str) -> str | None:
        """Of the account whose session a key opens; None: nobody signed in to it.

        Raises:
            NotFound: nobody has this key.
        """
        with self._database.reading() as db:
            here = session_id(db, key)
            return db.scalar(select(AccountRecord.name).filter_by(session_id=here))

    def sign_out(self, key: str) -> None:
        """The key opens nothing any more; those of other browsers do.

        Raises:
            NotFound: nobody signed in with this key: no other way might lead to its session.
        """
        with self._database.writing() as db:
            here = find_session(db, key)
            if here is None or not db.scalar(select(AccountRecord).filter_by(session_id=here.id)):
                raise NotFound("unknown_session")
            if here.key_hash == hash_key(key):
                here.key_hash = secrets.token_hex(32)
            further = SessionKeyRecord.key_hash == hash_key(key)
            db.execute(delete(SessionKeyRecord).where(further))
