"""A room on the map: who is where, and of one mind about what, as far as each of them wants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from studio.atlases import Atlases
from studio.store.tables import RoomMemberRecord
from studio.studio import Studio
from studio.ui import atlas, room, room_map, room_taste, together
from studio.ui.session import Page, Visit
from studio.ui.walk import OPEN, store_artwork


@pytest.fixture(scope="module")
def page(shared_studio: Studio) -> Page:
    page = Page(shared_studio, None, None)  # type: ignore[arg-type]  # no event is wired here
    page.atlases = Atlases(shared_studio.registry, shared_studio.settings.home)
    return page


@pytest.fixture
def people(shared_studio: Studio, page: Page) -> list[Visit]:
    """Ada, Bo and Cy in one room, the map being there."""
    store = shared_studio.store
    found = [Visit(shared_studio, store.open_session(None).key, "stripes", "en") for _ in range(3)]
    together.create(found[0], {"title": "Evening", "name": "Ada", "colour": "teal"})
    token = room.mine(found[0]).token
    for visit, name, colour in zip(found[1:], ("Bo", "Cy"), ("blue", "pink"), strict=True):
        together.join(visit, {"room": token, "name": name, "colour": colour})
    page.atlases.of(found[0].generator).result()
    return found


def beat(visit: Visit, page: Page, at: Any = (0.25, 0.5), **said: Any) -> dict[str, Any]:
    """What the page of somebody who points at a place of the map hears."""
    said = {"tab": "map", "of": atlas.of(visit), "at": at, **said}
    together.beat(visit, said)
    return room_map.told(visit, room.mine(visit), said, page)


def seen(visit: Visit, page: Page) -> dict[str, tuple[float, ...]]:
    return {one["name"]: tuple(one["at"]) for one in beat(visit, page)["cursors"]}


def test_each_sees_where_the_others_are(people: list[Visit], page: Page) -> None:
    ada, bo, cy = people
    beat(bo, page, (0.125, 1.0))
    assert seen(ada, page) == {"Bo": (0.125, 1.0)}
    (cursor,) = beat(ada, page)["cursors"]
    assert cursor["colour"] == "blue" and cursor["label"] == "Bo, 12 % across, 100 % down"
    beat(bo, page, (0.5, 0.25))
    beat(cy, page)
    assert seen(ada, page) == {"Bo": (0.5, 0.25), "Cy": (0.25, 0.5)}


@pytest.mark.parametrize(
    "said",
    [
        {"at": None},
        {"at": "<b>"},
        {"at": [float("nan"), 0]},
        {"of": "stripes/another"},
        {"tab": "explore"},
    ],
)
def test_who_does_not_show_themselves_is_not_seen(
    people: list[Visit], page: Page, said: dict[str, Any]
) -> None:
    ada, bo, _ = people
    beat(bo, page)
    together.beat(bo, {"tab": "map", "of": atlas.of(bo), "at": [0.5, 0.5], **said})
    assert seen(ada, page) == {}


def test_who_goes_is_gone(people: list[Visit], page: Page, shared_studio: Studio) -> None:
    ada, bo, cy = people
    beat(bo, page)
    beat(cy, page)
    together.leave(bo, {})
    assert set(seen(ada, page)) == {"Cy"}
    # A browser that was closed says nothing at all.
    past = datetime.now(UTC) - room_map.FRESH - timedelta(seconds=1)
    with shared_studio.store._database.writing() as db:
        db.execute(update(RoomMemberRecord).where(RoomMemberRecord.name == "Cy").values(seen=past))
    assert seen(ada, page) == {}


def test_another_medium_is_another_map(people: list[Visit], page: Page) -> None:
    ada, bo, _ = people
    elsewhere = Visit(bo.studio, bo.key, "melody", "en")
    together.beat(elsewhere, {"tab": "map", "of": atlas.of(elsewhere), "at": [0.5, 0.5]})
    assert seen(ada, page) == {}


@pytest.fixture
def shared(people: list[Visit], page: Page) -> str:
    """The id of a work that Ada shared; Bo and Cy have rated it as she did not."""
    ada = people[0]
    sheet = atlas.Sheet(ada, page.atlases)
    atlas.point(sheet, {"at": [0.75, 0.125]})
    work = store_artwork(ada, sheet.artwork())
    room.share(ada, work)
    for visit, stars in zip(people, (5, 2, 4), strict=True):
        room_taste.rate(visit, {"id": work, "stars": stars})
    return work


def compare(*people: Visit) -> None:
    for visit in people:
        room_taste.compare(visit, {"compares": "yes"})


def shown(visit: Visit, page: Page) -> str:
    (pin,) = beat(visit, page, places="")["works"]
    return str(pin["verdict"])


def test_works_of_the_room_lie_where_they_are(people: list[Visit], page: Page, shared: str) -> None:
    bo = people[1]
    (pin,) = beat(bo, page, places="")["works"]
    assert (pin["x"], pin["y"]) == pytest.approx((0.75, 0.125), abs=2e-3)
    assert pin["id"] == shared and "Ada" in pin["label"]
    sheet = atlas.Sheet(bo, page.atlases)
    atlas.open_shared(sheet, {"id": shared})
    assert (bo.load(OPEN) or {})["parents"] == [shared] and sheet.once
    # What is known already is not sent again, nor looked for where nobody asked.
    stamp = beat(bo, page, places="")["stamp"]
    assert "works" not in beat(bo, page, places=stamp)
    assert "works" not in beat(bo, page)


def test_only_those_who_compare_are_compared(people: list[Visit], page: Page, shared: str) -> None:
    ada, bo, cy = people
    assert [shown(visit, page) for visit in people] == ["", "", ""]
    compare(ada)
    assert [shown(visit, page) for visit in people] == ["", "", ""]
    # Bo's two stars do not count, and Bo sees nothing of the others'.
    compare(cy)
    assert [shown(visit, page) for visit in people] == ["alike", "", "alike"]
    compare(bo)
    assert [shown(visit, page) for visit in people] == ["unlike"] * 3
    answer = beat(ada, page, places="")
    assert "Green" in answer["legend"] and "differently" in answer["works"][0]["label"]
    # The newest stars count, and nobody's are told.
    room_taste.rate(bo, {"id": shared, "stars": 4})
    answer = beat(ada, page, places="")
    assert answer["works"][0]["verdict"] == "alike"
    assert set(answer["works"][0]) == {"x", "y", "id", "label", "thumbnail", "verdict"}
    # Whoever leaves, or changes their mind, is out of it.
    room_taste.compare(bo, {"compares": "no"})
    together.leave(cy, {})
    assert shown(ada, page) == shown(bo, page) == ""


def test_what_nobody_shared_is_compared_with_nothing(people: list[Visit], page: Page) -> None:
    ada, bo, _ = people
    compare(ada, bo)
    sheet = atlas.Sheet(ada, page.atlases)
    work = sheet.artwork()
    for visit, stars in ((ada, 5), (bo, 1)):
        visit.studio.store.rate(visit.key, store_artwork(visit, work), stars=stars)
    assert ada.studio.store.room_tastes.stars(ada.key, room.mine(ada).token) == {}
    assert beat(ada, page, places="")["works"] == []


@pytest.mark.parametrize(
    ("stars", "kind"),
    [([], ""), ([5], ""), ([4, 5], "alike"), ([1, 1, 2], "alike"), ([3, 5], "unlike")],
)
def test_alike_is_a_star_apart(stars: list[int], kind: str) -> None:
    assert room_map.verdict(stars) == kind
