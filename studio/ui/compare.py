"""Two versions side by side in the Teach tab, what lies between them, and keeping a place there."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.jobs import JobContext
from studio.latent import noise_from_seeds
from studio.medium import Artwork
from studio.registry import Registry
from studio.studio import Studio
from studio.taste import Ratings
from studio.taste.blend import blend, keep
from studio.ui import compare_view as view
from studio.ui import versions
from studio.ui.assets import asset
from studio.ui.compare_state import BETWEEN, BOTH, Comparison
from studio.ui.lesson import SHOWN
from studio.ui.session import Page, Said, Visit
from studio.ui.walk import number

KIND = "blend"
NOISES = SHOWN[:6]
REMEMBERED = 48
"""Sets of works: a person's way from one version to another, and back."""

Weights = tuple[tuple[str, float], ...]
Make = Callable[[str, Weights], Sequence[Artwork]]


def build(page: Page, tab: gr.Tab) -> None:
    """One HTML component, whose script asks for works as a slider moves: two listeners would
    redraw the slider under the hand."""

    @lru_cache(REMEMBERED)
    def make(medium: str, weights: Weights) -> Sequence[Artwork]:
        return works_of(page.studio.registry, medium, weights)

    def enter(visit: Visit) -> dict[str, Any]:
        return answer(html=drawn(visit, load(visit), make))

    def act(visit: Visit, said: Said) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for gesture in said["gestures"]:
            try:
                found |= ACTS[gesture["do"]](visit, gesture, make)
            except StudioError as error:
                visit.warn(error)
        return answer(**found)

    surface = gr.HTML(
        html_template='<div data-desk="compare"></div>',
        css_template=asset("panel.css") + asset("compare.css"),
        js_on_load=asset("compare.js"),
        apply_default_css=False,
    )
    page.fills(tab, enter, [surface])
    surface.act(page.saying(act), page.inputs, surface, trigger_mode="multiple", **page.quiet)


def answer(**found: Any) -> dict[str, Any]:
    """What the script shows; different from every other, or a browser would not notice it."""
    return {"nonce": secrets.token_hex(4), **found}


def works_of(registry: Registry, medium: str, weights: Weights) -> Sequence[Artwork]:
    """What a blend makes of the noises."""
    found = blend(registry.checkpoints, medium, dict(weights))
    generator = found.on(registry.use(medium, found.base.version))
    return generator.decode(generator.map(noise_from_seeds(NOISES)))


def load(visit: Visit) -> Comparison:
    return Comparison.from_dict(visit.load("compare") or {}).among(versions.bases(visit))


def save(visit: Visit, state: Comparison) -> None:
    visit.save("compare", state.to_dict())


def drawn(visit: Visit, state: Comparison, make: Make) -> str:
    if not state.is_open:
        return ""
    works = {side: make(visit.medium, ((getattr(state, side), 1.0),)) for side in SIDES}
    bases = versions.bases(visit)
    is_one_base = bases[state.first] == bases[state.second]
    can_merge = is_one_base and bases[state.first] not in (state.first, state.second)
    if not can_merge and state.way == BOTH:
        state = replace(state, way=BETWEEN)
    if is_one_base:
        live = make(visit.medium, tuple(state.weights.items()))
        works = {"first": works["first"], "live": live, "second": works["second"]}
    return view.section(
        visit,
        state,
        works,
        is_one_base=is_one_base,
        can_merge=can_merge,
        job=latest(visit, state),
    )


def latest(visit: Visit, state: Comparison) -> Any:
    """The job that keeps, or kept, what was asked for here."""
    job = visit.studio.jobs.latest(visit.key, KIND, visit.medium) if state.job else None
    return job if job and job.id == state.job else None


def open_(visit: Visit, said: Said, make: Make) -> dict[str, Any]:
    state = replace(load(visit), is_open=True)
    save(visit, state)
    return {"html": drawn(visit, state, make), "opened": True}


def close(visit: Visit, said: Said, make: Make) -> dict[str, Any]:
    save(visit, replace(load(visit), is_open=False, job=""))
    return {"html": "", "closed": True}


def choose(visit: Visit, said: Said, make: Make) -> dict[str, Any]:
    state, side, version = load(visit), str(said["side"]), str(said["value"])
    if side in SIDES:
        versions.require_reach(visit, version)
        state = state.chosen(side, version)
        save(visit, state)
    return {"html": drawn(visit, state, make)}


def way(visit: Visit, said: Said, make: Make) -> dict[str, Any]:
    state = load(visit)
    if said["way"] in (BETWEEN, BOTH):
        state = replace(state, way=str(said["way"]))
        save(visit, state)
    return {"html": drawn(visit, state, make)}


def move(visit: Visit, said: Said, make: Make) -> dict[str, Any]:
    """Sliders moved; the works there, unless the browser has them."""
    state = load(visit)
    for slider, value in dict(said["values"]).items():
        state = state.moved(slider, number(value))
    save(visit, state)
    if said.get("seen"):
        return {}
    works = view.between(visit, make(visit.medium, tuple(state.weights.items())))
    return {"works": works, "place": said["place"]}


def start_keeping(visit: Visit, said: Said, make: Make) -> dict[str, Any]:
    """Queue what makes a version of what the sliders ask for."""
    state = load(visit)
    running = latest(visit, state)
    if running is None or running.is_finished:
        ratings = visit.ratings()
        studio, medium, weights = visit.studio, visit.medium, state.weights

        def work(context: JobContext) -> dict[str, Any]:
            return kept(studio, medium, weights, ratings, context)

        state = replace(state, job=studio.jobs.submit(visit.key, KIND, medium, work))
        save(visit, state)
    return look(visit, said, make)


def kept(
    studio: Studio, medium: str, weights: dict[str, float], ratings: Ratings, context: JobContext
) -> dict[str, Any]:
    """The work of the job.

    Raises:
        BadSetting, NotFound, BadCheckpoint: see studio.taste.blend.keep.
    """
    version = keep(studio.registry, medium, weights, ratings, studio.settings.lesson_works)
    card = studio.registry.checkpoints.find(medium, version).card
    studio.store.note_version(
        context.key, medium, version, card["parent"], card["measured"], "accepted"
    )
    return {"version": version, "base": card["parent"], "measured": card["measured"]}


def look(visit: Visit, said: Said, make: Make) -> dict[str, Any]:
    """How far keeping is."""
    state = load(visit)
    job = latest(visit, state)
    return {
        "parts": {"outcome": view.outcome(visit, job), "figures": view.figures(visit, job)},
        "is_finished": job is None or job.is_finished,
    }


def refresh(visit: Visit, said: Said, make: Make) -> dict[str, Any]:
    """There are other versions than before."""
    return {"html": drawn(visit, load(visit), make)}


SIDES = ("first", "second")
ACTS = {
    "open": open_,
    "close": close,
    "choose": choose,
    "way": way,
    "move": move,
    "keep": start_keeping,
    "look": look,
    "refresh": refresh,
}
