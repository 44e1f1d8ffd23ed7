"""The Map tab without a browser: what is pointed at, opened, walked, and what a browser may ask."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from threading import Event

import gradio as gr
import pytest

from studio.atlases import Atlases, Drawing
from studio.line import Line
from studio.manipulation import BadGesture
from studio.medium import Generator, Recipe
from studio.studio import Studio
from studio.taste import Curator
from studio.ui import atlas as tab
from studio.ui import atlas_view as view
from studio.ui.morph import Cut
from studio.ui.readout import Usual
from studio.ui.session import Page, Visit
from studio.ui.tiles import FINEST, MOST_ASKED, Tiles, asked
from studio.ui.walk import OPEN, Walk, store_artwork
from tests.test_line import until


@pytest.fixture(scope="module")
def drawn(shared_studio: Studio) -> Atlases:
    return Atlases(shared_studio.registry, shared_studio.settings.home)


@pytest.fixture
def visit(shared_studio: Studio) -> Visit:
    return Visit(shared_studio, shared_studio.store.open_session(None).key, "stripes", "en")


@pytest.fixture
def sheet(visit: Visit, drawn: Atlases) -> tab.Sheet:
    return tab.Sheet(visit, drawn)


def test_a_place_is_pointed_at_kept_and_still_there_the_next_time(
    visit: Visit, drawn: Atlases, sheet: tab.Sheet
) -> None:
    assert sheet.stay.spot == (0.5, 0.5)
    before = sheet.artwork().show()
    tab.point(sheet, {"at": [0.125, 0.75]})
    sheet.stay.save(visit)
    assert sheet.artwork().show() != before
    again = tab.Sheet(visit, drawn)
    assert again.stay.spot == (0.125, 0.75)
    assert again.artwork().show() == sheet.artwork().show()


@pytest.mark.parametrize("at", [["x", 0], [float("nan"), 0], None, {"x": 1}])
def test_what_is_no_place_changes_nothing(sheet: tab.Sheet, at: object) -> None:
    with pytest.raises(BadGesture):
        tab.point(sheet, {"at": at})
    assert sheet.stay.spot == (0.5, 0.5)


@pytest.fixture
def page(shared_studio: Studio, drawn: Atlases) -> Page:
    page = Page(shared_studio, None, None)  # type: ignore[arg-type]  # no event is wired here
    page.atlases = drawn
    return page


@contextmanager
def held(line: Line, generator: Generator) -> Iterator[None]:
    """Whoever asks for a pass of a model stands in line."""
    free = Event()

    def steps() -> Iterator[bool]:
        yield free.wait(20)

    with ThreadPoolExecutor() as others:
        for _ in range(line.passes):
            others.submit(line.step, generator, steps())
        until(lambda: len(line.running) == line.passes)
        try:
            yield
        finally:
            free.set()


def test_a_gesture_overtakes_what_the_tab_was_still_answering(visit: Visit, page: Page) -> None:
    line = visit.studio.registry.line
    there = [{"do": "point", "at": [0.1, 0.9]}]
    # A place whose work nobody has made yet.
    tab.Stay((0.33, 0.77)).save(visit)
    with ThreadPoolExecutor() as others:
        with held(line, visit.generator):
            arriving = others.submit(next, tab.entered(visit, page))
            until(lambda: line.waiting)
            asked = line.waiting[0].ask
            acting = others.submit(tab.acted, visit, page, there)
            until(lambda: asked.is_overtaken)
        chart, stage, *_ = arriving.result()
        (shown, *_) = acting.result()
    assert "of" in chart and stage == gr.skip() and "<figure" in shown
    # Nor does a gesture that began before the tab came up again lose to what it left behind.
    with ThreadPoolExecutor() as others:
        with held(line, visit.generator):
            acting = others.submit(tab.acted, visit, page, [{"do": "point", "at": [0.6, 0.2]}])
            until(lambda: line.waiting)
            arriving = others.submit(next, tab.entered(visit, page))
            until(lambda: len(line.waiting) == 2)
        chart, stage, *_ = arriving.result()
    assert chart["spot"] == [0.6, 0.2] and stage == acting.result()[0] != shown


def test_a_map_that_is_still_drawn_gives_way_to_the_next_one(
    visit: Visit, shared_studio: Studio, page: Page
) -> None:
    page.atlases = Atlases(shared_studio.registry, shared_studio.settings.home)
    name = (visit.medium, visit.generator.version)
    page.atlases.drawings[name] = Drawing(share=0.4)
    earlier = tab.entered(visit, page)
    assert "40 %" in next(earlier)[0]["instead"]
    later = list(tab.entered(replace(visit, medium="melody"), page))
    assert later[-2][0]["of"].startswith("melody/")
    assert list(earlier) == []
    # In another window both go on.
    earlier = tab.entered(visit, page)
    next(earlier)
    next(tab.entered(replace(visit, medium="melody", window="another"), page))
    assert "40 %" in next(earlier)[0]["instead"]
    earlier.close()


def test_beyond_the_map_is_its_edge(sheet: tab.Sheet) -> None:
    tab.point(sheet, {"at": [-3, 1e9]})
    assert sheet.stay.spot == (0.0, 1.0)


def test_explore_opens_exactly_what_lies_there(visit: Visit, sheet: tab.Sheet) -> None:
    tab.point(sheet, {"at": [0.3, 0.2]})
    recipe = sheet.artwork().recipe
    tab.open_here(sheet, {})
    assert 'data-go="tab-explore-button"' in view.actions(visit.words, sheet.once)
    assert Recipe.from_dict((visit.load(OPEN) or {})["recipe"]).latent == recipe.latent
    walk = Walk(visit)
    walk.arrive()
    assert walk.artwork().show() == sheet.artwork().show()


def test_a_way_becomes_keyframes_in_morph(visit: Visit, sheet: tab.Sheet) -> None:
    tab.walk(sheet, {})
    assert not sheet.once
    points = [[0.1, 0.1], [0.5, 0.2], [0.9, 0.9]]
    tab.trail(sheet, {"points": points})
    tab.walk(sheet, {})
    assert sheet.once
    cut = Cut(visit)
    works = sheet.artworks([tuple(point) for point in points])
    assert [list(recipe.latent) for recipe in cut.recipes] == [
        list(work.recipe.latent) for work in works
    ]
    film = cut.film
    assert film is not None and film.at([0.0])[0].show() == works[0].show()
    tab.trail(sheet, {"points": points * 20})
    assert len(sheet.stay.trail) == 12


def test_own_works_are_where_they_were_found(visit: Visit, sheet: tab.Sheet) -> None:
    tab.point(sheet, {"at": [0.25, 0.6]})
    tab.pin(sheet, {})
    (row,) = sheet.own_works()
    latents = sheet.generator.statistics.mean.new_tensor([row.recipe.latent])
    features = Curator().features(sheet.generator, latents)
    (point,) = sheet.finder.find(sheet.generator, latents, features).tolist()
    assert point == pytest.approx([0.25, 0.6], abs=2e-3)
    (pin,) = view.pins(visit.words, [row], [point])
    assert pin["id"] == row.id and "work 1" in pin["label"]
    tab.open_work(sheet, {"id": row.id})
    assert (visit.load(OPEN) or {})["parents"] == [row.id]


def test_liking_is_drawn_once_there_is_a_taste(visit: Visit, sheet: tab.Sheet) -> None:
    usual, curator = Usual().of(sheet.generator), Curator()
    assert view.liked(visit, sheet.generator, sheet.atlas, usual, curator) == []
    points = [(x / 5, y / 5) for x in range(6) for y in range(6)]
    works = sheet.artworks(points)
    light = sheet.generator.attributes(works)["brightness"].tolist()
    for work, shine in zip(works, light, strict=True):
        stars = 1 + sum(shine > other for other in light) * 5 // (len(light) + 1)
        visit.studio.store.rate(visit.key, store_artwork(visit, work), stars=stars)
    found = view.liked(visit, sheet.generator, sheet.atlas, usual, curator)
    shine = sheet.atlas.attributes["brightness"].flatten().tolist()
    assert len(found) == len(shine)
    order = [share for _, share in sorted(zip(shine, found, strict=True))]
    third = len(order) // 3
    assert sum(order[-third:]) / third > sum(order[:third]) / third + 0.3


def test_regions_are_named_after_what_is_there(visit: Visit, sheet: tab.Sheet) -> None:
    found = view.regions(visit.words, sheet.atlas, 4)
    assert found and all(one["name"] for one in found)
    bright = sheet.atlas.attributes["brightness"].unfold(0, 4, 4).unfold(1, 4, 4).mean((2, 3))
    y, x = divmod(int(bright.argmax()), 4)
    brighter = visit.words("direction.brightness.high")
    assert brighter in view.name(visit.words, sheet.atlas, (x, y), 4)
    assert "50 % across, 50 % down" in view.here(visit.words, sheet.atlas, (0.5, 0.5))


def test_thumbnails_come_some_at_a_time_and_at_once_the_next_time(
    visit: Visit, sheet: tab.Sheet
) -> None:
    tiles, places = Tiles(), [(step, 2 * step) for step in range(10)]
    medium, generator, atlas = visit.medium_object, sheet.generator, sheet.atlas
    counts = [len(found) for found in tiles.fetch(medium, generator, atlas, places)]
    assert counts[-1] == 10 and len(counts) > 2
    assert all(before < after for before, after in pairwise(counts))
    (again,) = tiles.fetch(medium, generator, atlas, places)
    at = (3 / FINEST, 6 / FINEST)
    assert again["3/6"] == sheet.artworks([at])[0].thumbnail(size=96)


def test_a_browser_may_ask_for_places_only() -> None:
    wanted = [
        "0/0",
        "0/0",
        f"{FINEST}/{FINEST}",
        f"{FINEST + 1}/0",
        "-1/2",
        "a/b",
        "1",
        None,
        7,
        "²/1",
    ]
    assert asked(wanted) == [(0, 0), (FINEST, FINEST)]
    assert asked("0/0") == asked(None) == []
    assert len(asked([f"{step}/0" for step in range(500)])) == MOST_ASKED
