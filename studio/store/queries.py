"""How works and ratings are read, and made into rows."""

from __future__ import annotations

import hashlib
import json
import uuid
from functools import cache

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, aliased

from studio.medium import Recipe
from studio.store.rows import ArtworkRow, RatingRow
from studio.store.tables import ArtworkRecord, RatingRecord


@cache
def select_artworks() -> Select[ArtworkRecord, int | None]:
    newest_stars = (
        select(RatingRecord.stars)
        .where(RatingRecord.artwork_id == ArtworkRecord.id)
        .where(RatingRecord.kind == "stars", ~RatingRecord.undone)
        .order_by(RatingRecord.number.desc())
        .limit(1)
        .scalar_subquery()
    )
    return select(ArtworkRecord, newest_stars)


def select_ratings(owner: int, medium: str) -> Select[RatingRecord, ArtworkRecord, ArtworkRecord]:
    mine = (RatingRecord.session_id == owner, RatingRecord.medium == medium)
    return select_all_ratings().where(*mine)


# Putting a query together takes longer than most of them do.
@cache
def select_all_ratings() -> Select[RatingRecord, ArtworkRecord, ArtworkRecord]:
    other = aliased(ArtworkRecord)
    return (
        select(RatingRecord, ArtworkRecord, other)
        .join(ArtworkRecord, ArtworkRecord.id == RatingRecord.artwork_id)
        .outerjoin(other, other.id == RatingRecord.other_id)
        .where(~RatingRecord.undone)
    )


def counting(
    db: Session, query: Select[RatingRecord, ArtworkRecord, ArtworkRecord]
) -> list[RatingRow]:
    """Those of a query that count, oldest first: of several answers about a work, or two, the
    newest."""
    rows = [rating_row(*found) for found in db.execute(query.order_by(RatingRecord.number))]
    newest = {(row.kind, row.works): row.id for row in rows}
    return [row for row in rows if newest[row.kind, row.works] == row.id]


def new_artwork(owner: int, recipe: Recipe, thumbnail: str) -> ArtworkRecord:
    """A row of a work that a session has not got, neither kept nor pinned yet."""
    return ArtworkRecord(
        id=uuid.uuid4().hex,
        session_id=owner,
        fingerprint=fingerprint(recipe),
        medium=recipe.medium,
        version=recipe.version,
        recipe=recipe.to_dict(),
        thumbnail=thumbnail,
        kept=False,
        pinned=False,
    )


def artwork_row(record: ArtworkRecord, stars: int | None) -> ArtworkRow:
    return ArtworkRow(
        id=record.id,
        medium=record.medium,
        version=record.version,
        recipe=Recipe.from_dict(record.recipe),
        thumbnail=record.thumbnail,
        kept=record.kept,
        pinned=record.pinned,
        stars=stars,
        created=record.created,
    )


def rating_row(
    record: RatingRecord, artwork: ArtworkRecord, other: ArtworkRecord | None
) -> RatingRow:
    return RatingRow(
        id=record.number,
        kind=record.kind,
        medium=record.medium,
        artwork_id=artwork.id,
        recipe=Recipe.from_dict(artwork.recipe),
        other_id=other.id if other else None,
        other_recipe=Recipe.from_dict(other.recipe) if other else None,
        stars=record.stars,
        aspects=record.aspects,
        thumb=record.thumb,
        tie=record.tie,
        created=record.created,
    )


def fingerprint(recipe: Recipe) -> str:
    """What makes two works the same: how they came about does not matter."""
    made_of = recipe.to_dict()
    same = [made_of[part] for part in ("medium", "version", "latent", "options")]
    return hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()
