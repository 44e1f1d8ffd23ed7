"""The Explore tab: one artwork, the dials that steer it, and every way back."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from html import escape
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.ui import explore_view as view
from studio.ui import find, hand, own_effects
from studio.ui.arrival import arrived
from studio.ui.assets import asset
from studio.ui.liking import expected
from studio.ui.panel import numbered
from studio.ui.readout import described, near
from studio.ui.session import Page, Visit
from studio.ui.surface import desk
from studio.ui.walk import GESTURES, Walk


def build(page: Page) -> gr.Tab:
    """Gestures come in one after another through a desk; what they change is drawn anew."""

    with gr.Tab(page.i18n("explore.title"), id="explore", elem_id="tab-explore") as tab:
        with gr.Row(elem_classes="explore"):
            with gr.Column(elem_classes="side", scale=0, min_width=0):
                reach = gr.HTML(apply_default_css=False)
                nearby = gr.HTML(apply_default_css=False)
                readout = gr.HTML(apply_default_css=False)
                # No file_types: the medium itself says what it can read, in the person's words.
                upload = gr.UploadButton(
                    page.i18n("explore.upload"),  # type: ignore[arg-type]  # it is translated
                    elem_id="explore-upload",
                    elem_classes="key-u",
                )
            with gr.Column(elem_classes="centre", scale=1, min_width=0):
                stage = gr.HTML(elem_classes="stage-frame", apply_default_css=False)
                toolbar = gr.HTML(elem_classes="toolbar-frame", apply_default_css=False)
                onward = gr.HTML(elem_classes="onward-frame", apply_default_css=False)
                grip = gr.HTML(
                    html_template='<div class="hand"></div>',
                    js_on_load=asset("hand.js"),
                    elem_classes="hand-frame",
                    apply_default_css=False,
                )
                search = find.build(page)
                gauge = gr.HTML(elem_classes="gauge-frame", apply_default_css=False)
                parts = gr.HTML(
                    elem_classes="parts-frame",
                    js_on_load=asset("fields.js"),
                    apply_default_css=False,
                )
                options = gr.HTML(
                    elem_classes="options-frame",
                    js_on_load=asset("fields.js"),
                    apply_default_css=False,
                )
                strip = gr.HTML(
                    elem_classes="strip-frame",
                    js_on_load=asset("strip.js"),
                    apply_default_css=False,
                )
                shelf = gr.HTML(elem_classes="shelf-frame", apply_default_css=False)
            with gr.Column(elem_classes="dials-column", scale=0, min_width=0):
                dials = gr.HTML(
                    html_template='<div class="dials"></div>',
                    js_on_load=asset("dials.js"),
                    apply_default_css=False,
                )
                ends = gr.HTML(html_template="", js_on_load=asset("ends.js"))
                effects = gr.HTML(html_template="", js_on_load=asset("effects.js"))
        gestures, parcel = desk("tab-explore")
        marks = gr.HTML(html_template="", js_on_load=asset("follow.js"), elem_classes="unseen")

    drawn = [
        *(stage, toolbar, onward, grip, gauge, parts, options),
        *(dials, strip, shelf, reach, parcel),
    ]

    def draw(walk: Walk, said: str = "") -> list[Any]:
        return [
            view.stage(walk.visit, walk.artwork(), walk.moment.upload),
            view.toolbar(walk),
            view.onward(walk),
            hand.tools(walk),
            said,
            view.parts(walk),
            view.options(walk),
            view.dials(walk),
            view.strip(walk.visit.words, walk.history),
            view.shelf(walk.visit.words, walk.rows),
            view.reach_dial(walk),
            walk.parcel or gr.skip(),
        ]

    def enter(visit: Visit) -> list[Any]:
        try:
            walk = Walk(visit)
            walk.arrive()
            walk.finish()
            return [*draw(walk), numbered(find.draw(visit))]
        except StudioError as error:
            return [view.trouble(visit, visit.words.error(error)), *[gr.skip()] * len(drawn)]

    def act(visit: Visit, said: list[dict[str, Any]]) -> list[Any]:
        is_passing = all(gesture.get("live") for gesture in said)
        with visit.asking("explore", is_passing=is_passing):
            return answer(visit, said, is_passing)

    def answer(visit: Visit, said: list[dict[str, Any]], is_passing: bool) -> list[Any]:
        walk = Walk(visit, page.usual)
        for gesture in said:
            try:
                GESTURES[gesture["do"]](walk, gesture)
            except StudioError as error:
                visit.warn(error)
        # A dial that is still held changes nothing yet, so there is nothing to save.
        if not is_passing:
            walk.finish()
        if said[-1].get("live"):
            # What is heard must go on.
            shown = view.stage(visit, walk.artwork(), is_passing=not said[-1].get("heard"))
            return [shown, *[gr.skip()] * (len(drawn) - 1)]
        return draw(walk)

    def follow(visit: Visit, marked: Any) -> Iterator[list[Any]]:
        for walk, said, has_arrived in hand.follow(visit, marked, page.usual):
            if has_arrived:
                yield draw(walk, said)
                continue
            answer: list[Any] = [gr.skip()] * len(drawn)
            answer[drawn.index(stage)] = view.stage(visit, walk.artwork())
            answer[drawn.index(gauge)] = said
            yield answer

    def look_ahead(visit: Visit) -> list[Any]:
        with visit.looking_ahead("explore"):
            walk = Walk(visit, page.usual)
            return [view.ends(walk), view.nearby(walk)]

    def try_own(visit: Visit) -> Iterator[dict[str, str]]:
        """What own dials change, one after another. No answer is like the one before, since a
        browser does not notice those: dials that were drawn meanwhile would go on waiting."""
        is_more = True
        while is_more:
            # The framework may go on with the next one in another context.
            with visit.looking_ahead("explore.own"):
                is_more = own_effects.measure_next(walk := Walk(visit), page.usual)
            yield own_effects.said(walk) | {"": secrets.token_hex(4)}

    def tell(visit: Visit) -> str:
        with visit.looking_ahead("explore"):
            return told(visit)

    def told(visit: Visit) -> str:
        walk = Walk(visit)
        generator, artwork = walk.steering.generator, walk.artwork()
        said = described(generator, artwork, page.usual, visit.words)
        source = near(generator, artwork, visit.words)
        return (
            f'<p class="readout" aria-live="polite">{escape(said)}</p>'
            + f'<p class="readout source">{escape(source)}</p>' * bool(source)
            + expected(visit, generator, artwork, page.usual.of(generator), page.curator)
        )

    def receive(visit: Visit, path: str) -> Iterator[list[Any]]:
        looking = view.looking(visit.words)
        yield [*[gr.skip()] * len(drawn), looking]
        walk = Walk(visit)
        try:
            walk.go(arrived(walk, path))
            walk.finish()
        except StudioError as error:
            visit.warn(error)
        yield [*draw(walk), ""]

    page.fills(tab, enter, [*drawn, search], stale=[nearby, readout, ends])
    gestures.gesture(
        page.handler(act),
        [*page.inputs, gestures],
        drawn,
        trigger_mode="always_last",
        **page.quiet,
    ).then(js="() => window.studio.desks['tab-explore'].done()")
    marks.gesture(
        page.handler(follow), [*page.inputs, marks], drawn, trigger_mode="multiple", **page.quiet
    ).then(js="() => window.studio.followed()")
    gestures.idle(
        page.handler(look_ahead),
        page.inputs,
        [ends, nearby],
        trigger_mode="always_last",
        **page.quiet,
    ).then(page.handler(tell), page.inputs, readout, **page.quiet).then(
        page.handler(try_own), page.inputs, effects, trigger_mode="once", **page.quiet
    )
    upload.upload(
        page.handler(receive),
        [*page.inputs, upload],
        [*drawn, readout],
        trigger_mode="multiple",
        **page.quiet,
    )
    return tab
