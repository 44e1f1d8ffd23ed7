"""The Map tab: what the model can make, as a plane on which every point is a work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import gradio as gr

from studio.atlases import Atlases
from studio.checkpoint import base_of
from studio.errors import StudioError
from studio.line import Overtaken
from studio.medium import Artwork, latents_of
from studio.store import ArtworkRow
from studio.ui import atlas_view as view
from studio.ui import room
from studio.ui.assets import asset
from studio.ui.explore_state import clamp
from studio.ui.morph_state import CONSTANT, MOST_KEYS, Morph
from studio.ui.panel import go_once, text
from studio.ui.readout import described
from studio.ui.session import Page, Said, Visit
from studio.ui.surface import desk
from studio.ui.tiles import Tiles, asked
from studio.ui.walk import OPEN, artwork_row, number, open_next, store_artwork

STATE = "map"
LOOK_AGAIN = 0.4
"""Seconds between two words on how far a map that is being drawn has come."""
SECONDS = 8.0
"""Of a walk over the map."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Stay:
    """Where somebody is on a map, and the way that they have drawn."""

    spot: Point = (0.5, 0.5)
    trail: tuple[Point, ...] = ()

    @classmethod
    def of(cls, visit: Visit) -> Stay:
        saved = visit.load(STATE) or {}
        trail = tuple(point_of(point) for point in saved.get("trail", ()))
        return cls(point_of(saved.get("spot", cls.spot)), trail)

    def save(self, visit: Visit) -> None:
        visit.save(STATE, asdict(self))


def of(visit: Visit) -> str:
    """Which map it is."""
    return f"{visit.medium}/{visit.generator.version}"


def point_of(pair: Any) -> Point:
    """A point of the map, from a browser.

    Raises:
        BadGesture: it is none.
    """
    x, y = pair if isinstance(pair, list | tuple) and len(pair) == 2 else (pair, pair)
    return clamp(number(x), 0.0, 1.0), clamp(number(y), 0.0, 1.0)


class Sheet:
    """Everything of one event on the map."""

    def __init__(self, visit: Visit, atlases: Atlases) -> None:
        self.visit = visit
        self.generator = visit.generator
        self.finder = atlases.of(self.generator).result()
        self.atlas = self.finder.atlas
        self.stay = Stay.of(visit)
        self.once = ""

    def artworks(self, points: Sequence[Point]) -> Sequence[Artwork]:
        """What lies at some points, each carrying its recipe."""
        where = self.atlas.noise.new_tensor(points)
        works = self.generator.decode(self.atlas.latents(self.generator, where))
        for work in works:
            if work.recipe is not None:
                work.recipe = work.recipe.with_(how="map")
        return works

    def artwork(self) -> Artwork:
        return self.artworks([self.stay.spot])[0]

    def own_works(self) -> list[ArtworkRow]:
        """The newest that this person keeps or has on the shelf, of the base that the map is of."""
        store, key, medium = self.visit.studio.store, self.visit.key, self.visit.medium
        found = store.artworks(key, medium, pinned=True) + store.artworks(key, medium, kept=True)
        base = base_of(self.generator.version)
        mine = {row.id: row for row in found if base_of(row.recipe.version) == base}
        known = [r for r in mine.values() if len(r.recipe.latent) == self.generator.latent_dim]
        return known[: view.MOST_PINS]


def point(sheet: Sheet, said: Said) -> None:
    sheet.stay = replace(sheet.stay, spot=point_of(said["at"]))


def trail(sheet: Sheet, said: Said) -> None:
    points = said["points"] if isinstance(said["points"], list) else []
    sheet.stay = replace(sheet.stay, trail=tuple(point_of(one) for one in points[:MOST_KEYS]))


def walk(sheet: Sheet, said: Said) -> None:
    """The way becomes keyframes in Morph."""
    if len(sheet.stay.trail) > 1:
        works = sheet.artworks(sheet.stay.trail)
        keys = tuple(store_artwork(sheet.visit, work) for work in works)
        sheet.visit.save("morph", Morph(keys, speed=CONSTANT, seconds=SECONDS).to_dict())
        sheet.once = go_once("morph")


def open_here(sheet: Sheet, said: Said) -> None:
    """Explore opens what lies here when it comes up."""
    recipe = sheet.artwork().recipe
    if recipe is not None:
        sheet.visit.save(OPEN, {"recipe": recipe.to_dict()})
        sheet.once = go_once("explore")


def open_work(sheet: Sheet, said: Said) -> None:
    row = artwork_row(sheet.visit, str(said["id"]))
    open_next(sheet.visit, row.id, row.recipe)
    sheet.once = go_once("explore")


def open_shared(sheet: Sheet, said: Said) -> None:
    """A work of the room that the person is in."""
    work = room.work(sheet.visit, str(said["id"]))
    open_next(sheet.visit, work.id, work.recipe)
    sheet.once = go_once("explore")


def keep(sheet: Sheet, said: Said) -> None:
    store_artwork(sheet.visit, sheet.artwork(), kept=True)
    sheet.visit.say("map.kept")


def pin(sheet: Sheet, said: Said) -> None:
    store_artwork(sheet.visit, sheet.artwork(), pinned=True)
    sheet.visit.say("map.pinned")


GESTURES: Mapping[str, Callable[[Sheet, Said], None]] = {
    "point": point,
    "trail": trail,
    "walk": walk,
    "open": open_here,
    "open_work": open_work,
    "open_shared": open_shared,
    "keep": keep,
    "pin": pin,
}


def entered(visit: Visit, page: Page) -> Iterator[list[Any]]:
    """What fills chart, stage, actions and layers as the tab comes up.

    Where the same window asks for it again, in another medium too, the later one goes on alone.
    """
    words, kept, line = visit.words, [gr.skip()] * 3, visit.studio.registry.line
    arrival = line.begin(visit.key, f"map.arrival.{visit.window}", is_passing=True)
    try:
        drawing = page.atlases.of(visit.generator)
        while not drawing.is_over.wait(LOOK_AGAIN):
            if arrival.is_overtaken:
                return
            percent = round(100 * drawing.share)
            yield [view.instead(words("map.drawing", percent=percent)), *kept]
        try:
            sheet, shown = first_look(visit, page.atlases)
        except StudioError as error:
            if not arrival.is_overtaken:
                yield [view.instead(words.error(error)), *kept]
            return
        if arrival.is_overtaken:
            return
        stay = sheet.stay
        there = view.chart(words, of(visit), sheet.atlas, stay.spot, stay.trail)
        yield [there, shown, view.actions(words), gr.skip()]
        # Own works and liking take longer than the map itself.
        laid = over(sheet, page)
        if not arrival.is_overtaken:
            yield [*kept, laid]
    finally:
        line.end(arrival)


def first_look(visit: Visit, atlases: Atlases) -> tuple[Sheet, Any]:
    """Where the person is, and the work there; none where a gesture of theirs has overtaken it, as
    its own answer brings a newer one."""
    line = visit.studio.registry.line
    look = line.begin(visit.key, place_of(visit), is_passing=True)
    try:
        while True:
            sheet = Sheet(visit, atlases)
            try:
                with line.within(look):
                    shown = view.stage(visit, sheet.artwork())
            except Overtaken:
                return sheet, gr.skip()
            if look.is_overtaken:
                return sheet, gr.skip()
            # A gesture that was under way before has gone elsewhere meanwhile.
            if Stay.of(visit) == sheet.stay:
                return sheet, shown
    finally:
        line.end(look)


def acted(visit: Visit, page: Page, said: Sequence[dict[str, Any]]) -> list[Any]:
    """What gestures change of stage, actions and layers."""
    # A hand that still moves has chosen nothing yet.
    is_passing = all(gesture.get("live") for gesture in said)
    line = visit.studio.registry.line
    with line.asking(visit.key, place_of(visit), is_passing=is_passing):
        sheet = Sheet(visit, page.atlases)
        for gesture in said:
            try:
                GESTURES[gesture["do"]](sheet, gesture)
            except StudioError as error:
                visit.warn(error)
        if not is_passing:
            sheet.stay.save(visit)
        shown = view.stage(visit, sheet.artwork())
    led = view.actions(visit.words, sheet.once) if sheet.once else gr.skip()
    is_more = any(gesture["do"] in ("keep", "pin") for gesture in said)
    return [shown, led, over(sheet, page) if is_more else gr.skip()]


def place_of(visit: Visit) -> str:
    """The stage, in whatever medium, as a place of the person's page (see studio.line)."""
    return f"map.{visit.window}"


def over(sheet: Sheet, page: Page) -> dict[str, Any]:
    """What lies over the thumbnails: own works, and liking."""
    visit, generator, rows = sheet.visit, sheet.generator, sheet.own_works()
    latents = latents_of([row.recipe for row in rows])
    features = page.curator.features(generator, latents)
    points = sheet.finder.find(generator, latents, features).tolist() if rows else []
    # What was kept meanwhile lies on the map already.
    if [row.id for row in sheet.own_works()] != [row.id for row in rows]:
        return over(sheet, page)
    usual = page.usual.of(generator)
    return {
        "of": of(visit),
        "pins": view.pins(visit.words, rows, points),
        "liking": view.liked(visit, generator, sheet.atlas, usual, page.curator),
    }


def build(page: Page) -> gr.Tab:
    """Gestures come in through a desk, as in Explore; thumbnails are asked for by the map itself,
    and what only looks on (words for what is seen) once the hand is at rest."""
    atlases, tiles = page.atlases, Tiles()

    with gr.Tab(page.i18n("map.title"), id="map", elem_id="tab-map") as tab:
        with gr.Row(elem_classes="map"):
            with gr.Column(elem_classes="map-column", scale=1, min_width=0):
                chart = gr.HTML(
                    html_template='<div class="chart"></div>',
                    js_on_load=asset("map.js"),
                    css_template=asset("map.css"),
                    apply_default_css=False,
                )
            with gr.Column(elem_classes="centre", scale=1, min_width=0):
                stage = gr.HTML(elem_classes="stage-frame", apply_default_css=False)
                actions = gr.HTML(js_on_load=asset("once.js"), apply_default_css=False)
                readout = gr.HTML(apply_default_css=False)
        near = gr.HTML(html_template="", js_on_load=asset("tiles.js"), elem_classes="unseen")
        layers = gr.HTML(html_template="", js_on_load=asset("layers.js"), elem_classes="unseen")
        gestures, _ = desk("tab-map")

    drawn = [chart, stage, actions, layers]

    def enter(visit: Visit) -> Iterator[list[Any]]:
        yield from entered(visit, page)

    def act(visit: Visit, said: list[dict[str, Any]]) -> list[Any]:
        return acted(visit, page, said)

    def fetch(visit: Visit, said: Said) -> Iterator[Any]:
        atlas = atlases.of(visit.generator).result().atlas
        found: dict[str, str] = {}
        for found in tiles.fetch(
            visit.medium_object, visit.generator, atlas, asked(said["wanted"])
        ):
            yield {"of": of(visit), "found": found}
        yield {"of": of(visit), "found": found, "asked": said["asked"]}

    def tell(visit: Visit) -> str:
        sheet = Sheet(visit, atlases)
        place = view.here(visit.words, sheet.atlas, sheet.stay.spot)
        told = described(sheet.generator, sheet.artwork(), page.usual, visit.words)
        return f'<p class="readout" aria-live="polite">{text(place)} {text(told)}</p>'

    page.fills(tab, enter, drawn)
    chart.lost(page.handler(enter), page.inputs, drawn, **page.quiet)
    gestures.gesture(
        page.handler(act),
        [*page.inputs, gestures],
        [stage, actions, layers],
        trigger_mode="always_last",
        **page.quiet,
    ).then(js="() => window.studio.desks['tab-map'].done()")
    gestures.idle(
        page.handler(tell),
        page.inputs,
        readout,
        trigger_mode="always_last",
        **page.quiet,
    )
    chart.tiles(page.saying(fetch), page.inputs, near, trigger_mode="multiple", **page.quiet)
    return tab
