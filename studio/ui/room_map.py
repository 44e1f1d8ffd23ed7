"""A room on the map: where its other people are, and its works, coloured by how they were rated."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from studio.checkpoint import base_of
from studio.manipulation import BadGesture
from studio.medium import latents_of
from studio.store import MemberRow, RoomRow, RoomWorkRow
from studio.ui import atlas, room_works
from studio.ui.duet_view import digest
from studio.ui.session import Page, Said, Visit

TAB = "map"
FRESH = timedelta(seconds=4)
"""Somebody who was not heard of for so long has gone without a word."""
MOST_CURSORS = 24
MOST_WORKS = 40
ALIKE, UNLIKE = 1, 2
"""Stars between the lowest and the highest: at most, and at least."""


def place(visit: Visit, said: Said) -> dict[str, str]:
    """Where on which map somebody lets the others see them, for `RoomRecords.beat`; nothing where
    they do not, or look at another map than that of the version they work with."""
    if said.get("tab") != TAB or not said.get("at") or said.get("of") != atlas.of(visit):
        return {}
    try:
        x, y = atlas.point_of(said["at"])
    except BadGesture:
        return {}
    return {"base": base_of(visit.generator.version), "at": f"{x:.4f}/{y:.4f}"}


def told(visit: Visit, here: RoomRow, said: Said, page: Page) -> dict[str, Any]:
    """What assets/map.js draws of a room: its people on this map and, where asked for and changed,
    its works."""
    words = visit.words
    answer: dict[str, Any] = {
        "of": atlas.of(visit),
        "label": words("map.room.others"),
        "cursors": [cursor(visit, one) for one in others(visit, here)],
    }
    if said.get("places") is None or said.get("of") != atlas.of(visit):
        return answer
    drawing = page.atlases.of(visit.generator)
    if not drawing.is_over.is_set():
        return answer
    works = on_map(visit, here)
    stars = visit.studio.store.room_tastes.stars(visit.key, here.token)
    verdicts = [verdict(stars.get(work.id, [])) for work in works]
    stamp = digest(repr([atlas.of(visit), visit.language, [one.id for one in works], verdicts]))
    if stamp != said["places"]:
        answer |= {"stamp": stamp, "works": pins(visit, works, verdicts, page)}
        answer["legend"] = words("map.room.legend") if any(verdicts) else ""
    return answer


def others(visit: Visit, here: RoomRow) -> list[MemberRow]:
    """Whoever else of the room is on this map now. A place is the same on the maps of all versions
    of a base."""
    base, now = base_of(visit.generator.version), datetime.now(UTC)
    return [
        one
        for one in visit.studio.store.rooms.others(visit.key, here.token)
        if one.doing.get("at")
        and one.doing.get("medium") == visit.medium
        and one.doing.get("base") == base
        and now - one.seen <= FRESH
    ][:MOST_CURSORS]


def cursor(visit: Visit, one: MemberRow) -> dict[str, Any]:
    at = [float(share) for share in str(one.doing["at"]).split("/")]
    across, down = (round(100 * share) for share in at)
    where = visit.words("map.room.at", name=one.name, across=across, down=down)
    return {"id": one.id, "name": one.name, "colour": one.colour, "at": at, "label": where}


def on_map(visit: Visit, here: RoomRow) -> list[RoomWorkRow]:
    """The newest works of the room that lie on this map."""
    base, length = base_of(visit.generator.version), visit.generator.latent_dim
    return [
        work
        for work in visit.studio.store.rooms.works(visit.key, here.token)
        if work.medium == visit.medium
        and base_of(work.recipe.version) == base
        and len(work.recipe.latent) == length
    ][:MOST_WORKS]


def verdict(stars: Sequence[int]) -> str:
    """Whether those who compare their stars for a work are of one mind: "alike", "unlike", or ""
    where only one rated it."""
    if len(stars) < 2:
        return ""
    return "alike" if max(stars) - min(stars) <= ALIKE else "unlike"


def pins(
    visit: Visit, works: Sequence[RoomWorkRow], verdicts: Sequence[str], page: Page
) -> list[dict[str, Any]]:
    """Works where they lie on the map, for a browser."""
    if not works:
        return []
    generator = visit.generator
    finder = page.atlases.of(generator).result()
    latents = latents_of([work.recipe for work in works])
    points = finder.find(generator, latents, page.curator.features(generator, latents)).tolist()
    found = []
    for work, (x, y), kind in zip(works, points, verdicts, strict=True):
        said = room_works.alt(visit, work)
        if kind:
            said += visit.words("common.comma") + visit.words(f"map.room.{kind}")
        label = visit.words("map.room.pin", work=said)
        face = {"id": work.id, "thumbnail": work.thumbnail, "verdict": kind}
        found.append({"x": x, "y": y, "label": label, **face})
    return found
