"""The Together tab without a browser: who sees what, and what comes along in the file."""

from __future__ import annotations

import re

import pytest

from studio.errors import NotFound
from studio.medium import Recipe
from studio.studio import Studio
from studio.ui import explore_view, gallery_work, room, together
from studio.ui.session import Visit
from studio.ui.walk import GESTURES, Walk, store_artwork

STAMPED = ("duet", "taste")
"""Parts of a room that say themselves what they were drawn from."""
WHO = {"name": "Ada", "colour": "teal"}


@pytest.fixture
def ada(studio: Studio) -> Visit:
    """In a room that she made."""
    visit = somebody(studio)
    together.create(visit, {**WHO, "title": "Evening <i>light</i>"})
    return visit


@pytest.fixture
def bo(studio: Studio, ada: Visit) -> Visit:
    """In the same room."""
    visit = somebody(studio)
    together.join(visit, {"room": token(ada), "name": "Bo", "colour": "blue"})
    return visit


def somebody(studio: Studio) -> Visit:
    return Visit(studio, studio.store.open_session(None).key, "stripes", "en")


def token(visit: Visit) -> str:
    return room.mine(visit).token


def beat(visit: Visit, **said: object) -> dict:
    return together.beat(visit, {"tab": "together", **said})


def shared(visit: Visit) -> list[str]:
    return [work.id for work in visit.studio.store.rooms.works(visit.key, token(visit))]


def test_who_is_in_no_room_is_told_what_one_is(studio: Studio) -> None:
    assert "Make a room" in together.draw(somebody(studio))


@pytest.mark.parametrize("wrapped", ["{}", "https://host/?room={}", "  http://h/x/?a=b&room={}#y"])
def test_a_link_or_a_code_leads_to_the_door(studio: Studio, ada: Visit, wrapped: str) -> None:
    visit = somebody(studio)
    together.look_up(visit, {"link": wrapped.format(token(ada))})
    assert "You are invited" in together.draw(visit)
    together.not_now(visit, {})
    assert "Make a room" in together.draw(visit)


def test_a_wrong_link_is_told_and_forgotten(studio: Studio) -> None:
    visit = somebody(studio)
    assert beat(visit, invited="x" * 32)["open"]
    assert "no room behind this link" in together.draw(visit)
    assert "no room behind this link" not in together.draw(visit)
    with pytest.raises(NotFound):
        together.look_up(visit, {"link": "y" * 100_000})


def test_titles_and_names_are_text_only(ada: Visit, bo: Visit) -> None:
    together.join(bo, {"room": token(ada), "name": "<script>", "colour": '"><b>'})
    drawn = together.draw(ada)
    assert "Evening &lt;i&gt;light&lt;/i&gt;" in drawn and "&lt;script&gt;" in drawn
    assert "<i>" not in drawn and "<script>" not in drawn


def test_a_page_hears_only_what_changed(ada: Visit, bo: Visit) -> None:
    first = beat(ada, taste="")
    assert set(first["parts"]) == {"people", "works", "tree", *STAMPED}
    beat(bo, tab="explore")
    known = beat(ada)
    stamps = dict(re.findall(r'data-part="(\w+)"><div data-stamp="(\w+)"', together.draw(ada)))
    assert set(stamps) == set(STAMPED)
    again = beat(ada, revision=known["revision"], people=known["people"], **stamps)
    assert again["parts"] == {}
    together.share_explore(bo, {})
    heard = beat(ada, revision=known["revision"], people=known["people"], **stamps)
    assert set(heard["parts"]) == {"works", "tree"}
    assert shared(bo)[0] in heard["parts"]["works"]
    # In another tab only one's presence is told.
    assert "parts" not in beat(ada, tab="rate")


def test_a_page_that_has_no_session_yet_is_asked_to_wait(studio: Studio) -> None:
    assert beat(Visit(studio, "", "stripes", "en"))["early"]


def test_what_is_taken_further_descends_from_it(ada: Visit, bo: Visit) -> None:
    together.share_explore(ada, {})
    [origin] = shared(ada)
    together.further(bo, {"id": origin})
    walk = Walk(bo)
    walk.arrive()
    assert walk.artwork().recipe.latent == pytest.approx(work_of(ada, origin).latent)
    walk.go(walk.moment.turned({}, 0.5))
    walk.finish()
    together.share_explore(bo, {})
    newest = bo.studio.store.rooms.works(bo.key, token(bo))[0]
    assert (newest.member.name, newest.parents) == ("Bo", (origin,))
    assert "from a work by Ada" in together.draw(ada)
    # Something new comes from nothing.
    walk = Walk(bo)
    walk.go(walk.newest.from_seed(5, 1.0))
    assert walk.artwork().recipe.parents == ()


def work_of(visit: Visit, work: str) -> Recipe:
    row = visit.studio.store.artwork(work)
    assert row is not None
    return row.recipe


def test_nobody_else_reads_what_its_maker_thinks(ada: Visit, bo: Visit) -> None:
    together.share_explore(ada, {})
    [work] = shared(ada)
    before = together.draw(bo)
    ada.studio.store.rate(ada.key, work, stars=2)
    assert together.draw(bo) == before


def test_who_left_is_out_and_finds_the_way_back(ada: Visit, bo: Visit) -> None:
    here = token(bo)
    together.leave(bo, {})
    assert "Go back to" in together.draw(bo)
    assert beat(bo)["room"] == ""
    together.come_back(bo, {"room": here})
    assert "You are invited" in together.draw(bo)


def test_a_closed_room_can_be_looked_at(ada: Visit, bo: Visit) -> None:
    together.share_explore(ada, {})
    together.close(ada, {})
    drawn = together.draw(bo)
    assert "This room is closed" in drawn and shared(ada)[0] in drawn
    assert "Share what I see" not in drawn
    assert beat(bo)["closed"]


def test_a_work_is_shown_under_all_its_parents(ada: Visit, bo: Visit) -> None:
    together.share_explore(ada, {})
    together.share_explore(bo, {})
    first, second = (one.id for one in bo.studio.store.rooms.works(bo.key, token(bo)))
    child = work_of(ada, first).with_(parents=(first, second), how="breed")
    moved = child.with_(latent=tuple(value + 0.5 for value in child.latent))
    room.share(ada, ada.studio.store.keep_artwork(ada.key, moved, "<img>"))
    drawn = together.draw(bo)
    family = drawn[drawn.index('class="family"') :]
    assert family.count("<path") == 2 and family.count("<li") == 3
    assert "from a work by Bo and Ada" in drawn


def test_a_work_opens_large_and_is_put_back(ada: Visit, bo: Visit) -> None:
    together.share_explore(ada, {})
    [work] = shared(ada)
    assert "<dialog" not in together.draw(bo)
    together.look_at(bo, {"id": work})
    drawn = together.draw(bo)
    assert f'<dialog class="together-large" data-large="{work}"' in drawn
    assert "<dialog" not in together.draw(ada)
    together.look_away(bo, {})
    assert "<dialog" not in together.draw(bo)
    # What is taken back while one looks at it is gone.
    together.look_at(bo, {"id": work})
    together.take_back(ada, {"id": work})
    assert "<dialog" not in together.draw(bo)
    with pytest.raises(NotFound):
        together.look_at(bo, {"id": work})


def test_a_closed_room_is_listed_and_can_be_looked_at_again(ada: Visit, bo: Visit) -> None:
    here = token(ada)
    together.leave(bo, {})
    together.close(ada, {})
    together.leave(ada, {})
    assert "Closed rooms" in together.draw(ada) and "Closed rooms" in together.draw(bo)
    # Those still in it may save it from there, the one who left may not.
    save = f'data-room="{here}" data-kind="files"'
    assert save in together.draw(ada) and save not in together.draw(bo)
    with pytest.raises(NotFound, match="not in this room"):
        together.export(bo, {"room": here, "kind": "files"})
    together.come_back(bo, {"room": here})
    assert "This room is closed" in together.draw(bo)
    assert "<form" in together.export(bo, {"room": here, "kind": "files"})


def test_explore_and_the_gallery_share_only_where_there_is_a_room(
    studio: Studio, bo: Visit
) -> None:
    alone = somebody(studio)
    for visit, count in ((alone, 0), (bo, 1)):
        walk = Walk(visit)
        assert explore_view.toolbar(walk).count('data-do="share"') == count
        kept = visit.studio.store.artwork(store_artwork(visit, walk.artwork(), kept=True))
        assert kept is not None
        assert gallery_work.draw_work(visit, kept, None, None).count('data-do="share"') == count
    GESTURES["share"](walk, {})
    assert len(shared(bo)) == 1
    with pytest.raises(NotFound, match="not in this room"):
        GESTURES["share"](Walk(alone), {})


def test_what_is_kept_is_offered_until_it_is_shared(bo: Visit) -> None:
    kept = store_artwork(bo, Walk(bo).artwork(), kept=True)
    assert together.draw(bo).count('class="together-offer" data-do="share"') == 1
    together.share(bo, {"id": kept})
    assert 'class="together-offer" data-do="share"' not in together.draw(bo)
