"""A room's taste: what its people rate there, as far as they allow it, teaches a version for them.

Ratings are pooled, each person's on a scale of their own, and shown to nobody.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from studio.bucket import OutOfReach
from studio.checkpoint import base_of
from studio.errors import BadCheckpoint, NotFound, StudioError
from studio.medium import Generator
from studio.store import RatingRow, RoomRow
from studio.taste import Ratings
from studio.taste.ratings import MOST
from studio.ui import lesson, room, versions
from studio.ui.session import Said, Visit
from studio.ui.walk import number

LEAST_PEOPLE = 2
"""Fewer, and what the room was taught would tell the others what one person likes."""


class BadRoomTaste(StudioError):
    """What a room cannot be taught yet."""


@dataclass(frozen=True)
class RoomVisit(Visit):
    """A room as a pupil: it has lessons and versions of its own, as a person has.

    Attributes:
        guest: the person in it who asks.
        token: the room's.
    """

    guest: Visit = field(kw_only=True)
    token: str = field(kw_only=True)

    @classmethod
    def of(cls, guest: Visit, here: RoomRow) -> RoomVisit:
        key = guest.studio.store.room_tastes.key(guest.key, here.token)
        return cls(guest.studio, key, guest.medium, guest.language, guest=guest, token=here.token)

    @cached_property
    def generator(self) -> Generator:
        """What a lesson goes on from: the newest version of the room that grew from the base its
        guest works with, or that base."""
        registry = self.studio.registry
        base = base_of(self.guest.generator.version)
        for version in reversed(versions.accepted(self)):
            if base_of(version) == base:
                try:
                    return registry.use(self.medium, version)
                except (NotFound, BadCheckpoint, OutOfReach):
                    continue
        return registry.use(self.medium, base)

    def people(self) -> list[list[RatingRow]]:
        """What each one's ratings are that may teach it, of works of the base it learns on."""
        base = base_of(self.guest.generator.version)
        store = self.studio.store
        everybody = store.room_tastes.ratings(self.guest.key, self.token, self.medium)
        found = [[row for row in rows if base_of(row.recipe.version) == base] for rows in everybody]
        return [rows for rows in found if rows]

    def rated(self) -> list[RatingRow]:
        return [row for rows in self.people() for row in rows]

    def ratings(self, until: datetime | None = None) -> Ratings:
        """Everybody's together, as many of each one's newest as a lesson can take of all."""
        people = [
            [row for row in rows if until is None or row.created <= until] for rows in self.people()
        ]
        share = MOST // max(len(people), 1)
        return Ratings.together([Ratings.from_rows(rows[-share:]) for rows in people])


def pupil(visit: Visit) -> RoomVisit:
    """Raises: NotFound: this person is in no room."""
    return RoomVisit.of(visit, room.mine(visit))


def allow(visit: Visit, said: Said) -> None:
    here = room.mine(visit)
    allows = said["allows"] == "yes"
    visit.studio.store.room_tastes.allow(visit.key, here.token, allows)


def compare(visit: Visit, said: Said) -> None:
    compares = said["compares"] == "yes"
    visit.studio.store.room_tastes.compare(visit.key, room.mine(visit).token, compares)


def rate(visit: Visit, said: Said) -> None:
    """Stars for a work of the room: one's own, and the room's where one allows it."""
    here, store = room.mine(visit), visit.studio.store
    work = room.work(visit, str(said["id"]))
    copy = store.keep_artwork(visit.key, work.recipe, work.thumbnail)
    store.rate(visit.key, copy, stars=int(number(said["stars"])), room=here.token)


def teach(visit: Visit, said: Said) -> None:
    """Raises: BadRoomTaste, NotEnoughRatings: there is too little to learn from."""
    here = room.mine(visit)
    if here.closed is not None:
        raise BadRoomTaste("room_closed")
    learner = RoomVisit.of(visit, here)
    people = len(learner.people())
    if people < LEAST_PEOPLE:
        raise BadRoomTaste("room_taste_alone", people=people)
    lesson.start(learner, people=people)


def cancel(visit: Visit, said: Said) -> None:
    learner = pupil(visit)
    visit.studio.jobs.cancel(learner.key, str(said["id"]))
    learner.save("teach", (learner.load("teach") or {}) | {"stopping": said["id"]})


def weaken(visit: Visit, said: Said) -> None:
    lesson.weaken(pupil(visit))


def accept(visit: Visit, said: Said) -> None:
    lesson.decide(pupil(visit), "accepted", anyway=said.get("anyway") == "yes")
    visit.say("taste.accepted")


def discard(visit: Visit, said: Said) -> None:
    lesson.decide(pupil(visit), "discarded")
    visit.say("taste.discarded")


ACTS = {
    "allow": allow,
    "compare": compare,
    "stars": rate,
    "teach_room": teach,
    "cancel": cancel,
    "weaken": weaken,
    "accept": accept,
    "discard": discard,
    "use": versions.choose,
}
