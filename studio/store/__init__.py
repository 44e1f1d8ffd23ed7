"""What must not be lost: sessions, artworks' recipes, ratings, versions, rooms, jobs.

Every method is one transaction, safe to call from any thread, and on disk when it returns. Whoever
knows a session's key sees and changes that session's rows and no others: a foreign artwork or an
unknown key is NotFound. Trouble with the database is NotSaved, and then nothing was changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import exists, or_, select, update
from sqlalchemy.orm import Session

from studio.errors import NotFound, StudioError
from studio.medium import Recipe
from studio.store.accounts import Accounts
from studio.store.belongings import Belongings
from studio.store.database import Database, NotSaved
from studio.store.duets import DuetRecords
from studio.store.jobs import JobRecords
from studio.store.owner import (
    RoomKey,
    find_session,
    find_state,
    find_version,
    hash_key,
    new_key,
    session_id,
    touch,
)
from studio.store.queries import (
    artwork_row,
    counting,
    fingerprint,
    new_artwork,
    rating_row,
    select_artworks,
    select_ratings,
)
from studio.store.room_queries import BadRoom
from studio.store.room_tastes import RoomTastes, note_rating
from studio.store.rooms import RoomRecords
from studio.store.rows import (
    ArtworkRow,
    BelongingsRow,
    DuetRow,
    DuetSideRow,
    JobRow,
    MemberRow,
    RatingRow,
    RoomRow,
    RoomWorkRow,
    SessionRow,
    VersionRow,
)
from studio.store.tables import (
    ArtworkRecord,
    RatingRecord,
    SessionRecord,
    StateRecord,
    VersionRecord,
    VersionUseRecord,
)

__all__ = [
    "ArtworkRow",
    "BadRating",
    "BadRoom",
    "BelongingsRow",
    "DuetRow",
    "DuetSideRow",
    "JobRow",
    "MemberRow",
    "NotSaved",
    "RatingRow",
    "RoomKey",
    "RoomRow",
    "RoomWorkRow",
    "SessionRow",
    "Store",
    "VersionRow",
]

MOST_STARS = 5
VERSION_STATUSES = ("candidate", "accepted", "discarded")


class BadRating(StudioError):
    """A judgement that says nothing: no stars, six stars, or a pair of one work with itself."""


class Store:
    """All that a studio keeps, in the database of a SQLAlchemy URL.

    Raises:
        BadSetting: the URL cannot be used, or its folder not written.
        NotSaved: the database is there but locked, full or damaged.
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url)
        self.jobs = JobRecords(self._database)
        self.rooms = RoomRecords(self._database)
        self.accounts = Accounts(self._database)
        self.belongings = Belongings(self._database)
        self.duets = DuetRecords(self._database)
        self.room_tastes = RoomTastes(self._database)

    def close(self) -> None:
        self._database.close()

    def check(self) -> None:
        """Raises: NotSaved: the database does not answer."""
        with self._database.reading() as db:
            db.execute(select(SessionRecord.id).limit(1)).all()

    def copy_to(self, path: Path) -> bool:
        """Write a whole copy of the database to a new file while people work; False, and no file,
        where a database server keeps the data."""
        return self._database.copy_to(path)

    # Sessions: one for each browser, found again by the key that the browser keeps.

    def open_session(self, key: str | None) -> SessionRow:
        """The session of a key; a new one, with an unguessable key, for an unknown key or none."""
        with self._database.writing() as db:
            record = find_session(db, key) if key else None
            if record is not None:
                touch(record)
            else:
                key = new_key()
                record = SessionRecord(key_hash=hash_key(key))
                db.add(record)
                db.flush()
            return SessionRow(key or "", record.created)

    def knows(self, key: str) -> bool:
        """Whether somebody has this key: nobody has one whose person deleted everything."""
        with self._database.reading() as db:
            return find_session(db, key) is not None

    def load_state(self, key: str, name: str) -> dict[str, Any] | None:
        """A small document that `save_state` kept, such as where the sliders stand."""
        with self._database.reading() as db:
            return find_state(db, key, name)

    def save_state(self, key: str, name: str, value: Mapping[str, Any]) -> None:
        self.save_states(key, {name: value})

    def save_states(self, key: str, values: Mapping[str, Mapping[str, Any]]) -> None:
        """Several by their names: all of them, or none."""
        with self._database.writing() as db:
            owner = session_id(db, key, for_writing=True)
            for name, value in values.items():
                # Mostly it is there already, and need not be read to be written over.
                mine = (StateRecord.session_id == owner, StateRecord.name == name)
                over = update(StateRecord).where(*mine).values(value=dict(value))
                if not db.connection().execute(over).rowcount:
                    db.add(StateRecord(session_id=owner, name=name, value=dict(value)))

    # Artworks

    def keep_artwork(
        self,
        key: str,
        recipe: Recipe,
        thumbnail: str,
        *,
        kept: bool = False,
        pinned: bool = False,
    ) -> str:
        """Remember a work and return its id; the same work of the same session has one id.

        `kept` and `pinned` only ever add; `set_kept` and `set_pinned` take away.
        """
        same = fingerprint(recipe)
        with self._database.writing() as db:
            owner = session_id(db, key, for_writing=True)
            record = db.scalar(select(ArtworkRecord).filter_by(session_id=owner, fingerprint=same))
            if record is None:
                record = new_artwork(owner, recipe, thumbnail)
                db.add(record)
            record.kept |= kept
            record.pinned |= pinned
            return record.id

    def artwork(self, artwork_id: str, key: str | None = None) -> ArtworkRow | None:
        """A work by its unguessable id, whoever made it: an id is an invitation to look.

        What its maker thinks of it (stars, kept, pinned) is told to nobody else.

        Args:
            key: of the person who asks.
        """
        with self._database.reading() as db:
            found = db.execute(select_artworks().where(ArtworkRecord.id == artwork_id)).first()
            if found is None:
                return None
            row = artwork_row(*found)
            owner = session_id(db, key) if key else None
            is_own = found[0].session_id == owner
            return row if is_own else replace(row, kept=False, pinned=False, stars=None)

    def same_artwork(self, key: str, recipe: Recipe) -> ArtworkRow | None:
        """The session's own row of the very same work, if it has one."""
        with self._database.reading() as db:
            mine = {"session_id": session_id(db, key), "fingerprint": fingerprint(recipe)}
            found = db.execute(select_artworks().filter_by(**mine)).first()
            return artwork_row(*found) if found else None

    def artworks(
        self,
        key: str,
        medium: str | None = None,
        *,
        kept: bool | None = None,
        pinned: bool | None = None,
        rated: bool | None = None,
        newest_first: bool = True,
        limit: int = 200,
        offset: int = 0,
    ) -> list[ArtworkRow]:
        """The works of a session that fit; None for a filter means either way."""
        is_rated = exists().where(
            or_(
                RatingRecord.artwork_id == ArtworkRecord.id,
                RatingRecord.other_id == ArtworkRecord.id,
            ),
            ~RatingRecord.undone,
        )
        with self._database.reading() as db:
            query = select_artworks().where(ArtworkRecord.session_id == session_id(db, key))
            if medium is not None:
                query = query.where(ArtworkRecord.medium == medium)
            if kept is not None:
                query = query.where(ArtworkRecord.kept.is_(kept))
            if pinned is not None:
                query = query.where(ArtworkRecord.pinned.is_(pinned))
            if rated is not None:
                query = query.where(is_rated if rated else ~is_rated)
            number = ArtworkRecord.number
            query = query.order_by(number.desc() if newest_first else number)
            rows = db.execute(query.limit(limit).offset(offset))
            return [artwork_row(record, stars) for record, stars in rows]

    def set_kept(self, key: str, artwork_id: str, kept: bool) -> None:
        with self._database.writing() as db:
            _own_artwork(db, key, artwork_id).kept = kept

    def set_pinned(self, key: str, artwork_id: str, pinned: bool) -> None:
        with self._database.writing() as db:
            _own_artwork(db, key, artwork_id).pinned = pinned

    # Ratings

    def rate(
        self,
        key: str,
        artwork_id: str,
        *,
        stars: int | None = None,
        aspects: Mapping[str, int] | None = None,
        thumb: bool | None = None,
        room: str | None = None,
    ) -> RatingRow:
        """Stars (1 to 5, with optional stars for aspects) or a thumb for one work.

        Args:
            room: token of the room where it is given; it may teach the room if its giver allows.

        Raises:
            BadRating: neither stars nor thumb, or stars outside 1 to 5.
            NotFound: not a work of this session, or not a room this person is in.
        """
        if stars is None and thumb is None:
            raise BadRating("rating_empty")
        given = [stars, *(aspects or {}).values()]
        if any(value is not None and not 1 <= value <= MOST_STARS for value in given):
            raise BadRating("rating_out_of_range", most=MOST_STARS)
        with self._database.writing() as db:
            artwork = _own_artwork(db, key, artwork_id)
            rating = RatingRecord(
                session_id=artwork.session_id,
                medium=artwork.medium,
                kind="thumb" if stars is None else "stars",
                artwork_id=artwork.id,
                stars=stars,
                aspects=dict(aspects or {}),
                thumb=thumb,
                tie=False,
            )
            db.add(rating)
            db.flush()
            if room is not None:
                note_rating(db, key, room, rating)
            return rating_row(rating, artwork, None)

    def prefer(
        self,
        key: str,
        winner_id: str,
        loser_id: str,
        *,
        tie: bool = False,
        room: str | None = None,
    ) -> RatingRow:
        """One work over another, or both alike.

        Args:
            room: see `rate`.

        Raises:
            BadRating: a work against itself, or against a work of another medium.
            NotFound: not works of this session, or not a room this person is in.
        """
        with self._database.writing() as db:
            winner = _own_artwork(db, key, winner_id)
            loser = _own_artwork(db, key, loser_id)
            if winner.id == loser.id or winner.medium != loser.medium:
                raise BadRating("rating_pair_of_one")
            rating = RatingRecord(
                session_id=winner.session_id,
                medium=winner.medium,
                kind="pair",
                artwork_id=winner.id,
                other_id=loser.id,
                aspects={},
                tie=tie,
            )
            db.add(rating)
            db.flush()
            if room is not None:
                note_rating(db, key, room, rating)
            return rating_row(rating, winner, loser)

    def undo_rating(self, key: str, medium: str, number: int | None = None) -> RatingRow | None:
        """Take a rating, or else the newest, back and return it; None if there is none left."""
        with self._database.writing() as db:
            owner = session_id(db, key, for_writing=True)
            query = select_ratings(owner, medium).order_by(RatingRecord.number.desc()).limit(1)
            if number is not None:
                query = query.where(RatingRecord.number == number)
            found = db.execute(query).first()
            if found is None:
                return None
            found[0].undone = True
            return rating_row(*found)

    def ratings(self, key: str, medium: str) -> list[RatingRow]:
        """All that count, oldest first: of several answers about a work, or two, the newest."""
        with self._database.reading() as db:
            return counting(db, select_ratings(session_id(db, key), medium))

    def rating_counts(self, key: str, medium: str) -> dict[str, int]:
        """How many ratings count: {"stars", "thumbs", "pairs", "total"}."""
        kinds = [row.kind for row in self.ratings(key, medium)]
        return {
            "stars": kinds.count("stars"),
            "thumbs": kinds.count("thumb"),
            "pairs": kinds.count("pair"),
            "total": len(kinds),
        }

    # Versions: which one a session uses, with the way back.

    def current_version(self, key: str, medium: str) -> str | None:
        """The version in use; None: the registry's default."""
        with self._database.reading() as db:
            return find_version(db, key, medium)

    def use_version(self, key: str, medium: str, version: str) -> None:
        """Work with this version from now on; `roll_back` returns to the one before."""
        with self._database.writing() as db:
            owner = session_id(db, key, for_writing=True)
            uses = _version_uses(db, owner, medium)
            if not uses or uses[-1].version != version:
                db.add(VersionUseRecord(session_id=owner, medium=medium, version=version))

    def roll_back(self, key: str, medium: str) -> str | None:
        """Leave the version in use and return the one now in use (None: the default)."""
        with self._database.writing() as db:
            uses = _version_uses(db, session_id(db, key, for_writing=True), medium)
            if uses:
                db.delete(uses.pop())
            return uses[-1].version if uses else None

    def version_history(self, key: str, medium: str) -> list[str]:
        """The versions a session went through, the one in use last."""
        with self._database.reading() as db:
            return [use.version for use in _version_uses(db, session_id(db, key), medium)]

    def note_version(
        self,
        key: str,
        medium: str,
        version: str,
        parent: str | None,
        measured: Mapping[str, Any],
        status: str,
    ) -> None:
        """What a fine-tune made and how it went; noted again, it is brought up to date.

        Raises:
            ValueError: status is not one of VERSION_STATUSES.
        """
        if status not in VERSION_STATUSES:
            raise ValueError(f"the status of a version is one of {VERSION_STATUSES}, not {status}")
        with self._database.writing() as db:
            owner = session_id(db, key, for_writing=True)
            record = db.scalar(
                select(VersionRecord).filter_by(session_id=owner, medium=medium, version=version)
            )
            if record is None:
                record = VersionRecord(session_id=owner, medium=medium, version=version)
                db.add(record)
            record.parent, record.measured, record.status = parent, dict(measured), status

    def noted_versions(self, key: str, medium: str) -> list[VersionRow]:
        """The versions that this session's ratings made, oldest first."""
        with self._database.reading() as db:
            owner = session_id(db, key)
            query = select(VersionRecord).filter_by(session_id=owner, medium=medium)
            return [
                VersionRow(r.medium, r.version, r.parent, r.measured, r.status, r.created)
                for r in db.scalars(query.order_by(VersionRecord.number))
            ]

    def discard_version(self, medium: str, version: str) -> None:
        """Note for everybody whose it is that this version is no more."""
        with self._database.writing() as db:
            known = update(VersionRecord).filter_by(medium=medium, version=version)
            db.execute(known.values(status="discarded"))

    def discarded_versions(self) -> set[tuple[str, str]]:
        """Medium and name of every version that somebody did not want."""
        with self._database.reading() as db:
            query = select(VersionRecord.medium, VersionRecord.version)
            rows = db.execute(query.filter_by(status="discarded"))
            return {(medium, version) for medium, version in rows}


def _own_artwork(db: Session, key: str, artwork_id: str) -> ArtworkRecord:
    owner = session_id(db, key, for_writing=True)
    record = db.scalar(select(ArtworkRecord).filter_by(id=artwork_id, session_id=owner))
    if record is None:
        raise NotFound("unknown_artwork")
    return record


def _version_uses(db: Session, owner: int, medium: str) -> list[VersionUseRecord]:
    query = select(VersionUseRecord).filter_by(session_id=owner, medium=medium)
    return list(db.scalars(query.order_by(VersionUseRecord.number)))
