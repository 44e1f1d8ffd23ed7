"""What the store hands out: plain, frozen values that outlive any transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from studio.medium import Recipe

PRESENT = timedelta(seconds=15)
"""Somebody not seen for longer is away."""


@dataclass(frozen=True)
class SessionRow:
    """One browser's place in the studio; whoever knows the key is that person."""

    key: str
    created: datetime


@dataclass(frozen=True)
class BelongingsRow:
    """How much is one person's.

    Attributes:
        works: remembered, kept or not; ratings: that count.
        shared: works in rooms that somebody else is in too.
    """

    works: int
    ratings: int
    shared: int


@dataclass(frozen=True)
class ArtworkRow:
    """A work that a person saw and that is worth finding again.

    Attributes:
        thumbnail: the HTML fragment it was kept with.
        kept: in the gallery on purpose; pinned: on the shelf.
        stars: the newest stars given to it, 1 to 5, or None.
    """

    id: str
    medium: str
    version: str
    recipe: Recipe
    thumbnail: str
    kept: bool
    pinned: bool
    stars: int | None
    created: datetime


@dataclass(frozen=True)
class RatingRow:
    """One judgement.

    Attributes:
        kind: "stars", "thumb" or "pair".
        artwork_id, recipe: the rated work; of a pair the winner.
        other_id, other_recipe: of a pair the loser, else None.
        stars: 1 to 5, or None.
        aspects: stars for single aspects by name (beauty, creativity, coherence).
        thumb: up or down, or None.
        tie: a pair that was called equal; winner and loser then mean nothing.
    """

    id: int
    kind: str
    medium: str
    artwork_id: str
    recipe: Recipe
    other_id: str | None
    other_recipe: Recipe | None
    stars: int | None
    aspects: dict[str, int]
    thumb: bool | None
    tie: bool
    created: datetime

    @property
    def works(self) -> frozenset[str]:
        """Ids of what it is about, whichever was preferred."""
        return frozenset(filter(None, (self.artwork_id, self.other_id)))


@dataclass(frozen=True)
class VersionRow:
    """A version that a person's ratings made, and what became of it.

    Attributes:
        measured: reward gain, diversity kept, drift …, as fine-tuning reported them.
        status: "candidate", "accepted" or "discarded".
    """

    medium: str
    version: str
    parent: str | None
    measured: dict[str, Any]
    status: str
    created: datetime


@dataclass(frozen=True)
class JobRow:
    """Long work in the background.

    Attributes:
        status: queued, running, done, failed, cancelled or interrupted (the studio stopped).
        progress: 0 to 1.
        stage: key of the words that say what it is doing; `values` fill them in.
        result: what the work returned, {} before it is done.
        error: key and values of a StudioError's words, or None.
        place: 1 for the next in the queue, 2 for the one after it …, 0 when not waiting.
    """

    id: str
    kind: str
    medium: str
    status: str
    progress: float
    stage: str
    values: dict[str, Any]
    result: dict[str, Any]
    error: tuple[str, dict[str, Any]] | None
    place: int
    created: datetime

    @property
    def is_finished(self) -> bool:
        return self.status not in ("queued", "running")


@dataclass(frozen=True)
class RoomRow:
    """A room as one person sees it.

    Attributes:
        token: what its link carries; whoever has it may join.
        revision: grows with everything that changes, except who was seen last.
        is_founder: whether this person made it.
        is_member: whether this person is in it now.
        teaches: whether they let it learn from what they rate.
        compares: whether they compare how they rated its works with the others.
    """

    token: str
    title: str
    revision: int
    is_founder: bool
    is_member: bool
    teaches: bool
    compares: bool
    created: datetime
    closed: datetime | None


@dataclass(frozen=True)
class MemberRow:
    """Somebody in a room.

    Attributes:
        doing: {"tab", "medium", "version", "base", "at"} when last seen, or {}; `at` is the place
            on the map of `base`, "x/y" of 0..1 each, or "" where they show themselves on none.
        left: when they went, or None.
    """

    id: int
    name: str
    colour: str
    doing: dict[str, Any]
    joined: datetime
    left: datetime | None
    seen: datetime

    @property
    def is_present(self) -> bool:
        return datetime.now(UTC) - self.seen <= PRESENT


@dataclass(frozen=True)
class RoomWorkRow:
    """A work in a room, without anything that its maker keeps to themselves.

    Attributes:
        parents: ids of the nearest works in the same room that it descends from.
        reactions: how many gave each sign.
        mine: the sign that the person who asks gave, or None.
        is_mine: whether the person who asks shared it.
    """

    id: str
    medium: str
    recipe: Recipe
    thumbnail: str
    member: MemberRow
    shared: datetime
    parents: tuple[str, ...]
    reactions: dict[str, int]
    mine: str | None
    is_mine: bool


@dataclass(frozen=True)
class DuetSideRow:
    """What one of two people put into a duet.

    Attributes:
        member: who plays it; None: they left the duet, and what they put in stays.
    """

    member: MemberRow | None
    work: str
    recipe: Recipe
    thumbnail: str

    @property
    def is_played(self) -> bool:
        """Whether somebody is there who plays it."""
        return self.member is not None and self.member.is_present


@dataclass(frozen=True)
class DuetRow:
    """A duet as one person of the room sees it.

    Attributes:
        sides: the first and, once somebody came, the second.
        position: from the first (0) to the second (1).
        revision: grows with each move.
        place: which of the sides is theirs, or None.
    """

    id: int
    medium: str
    sides: tuple[DuetSideRow, ...]
    position: float
    revision: int
    place: int | None
