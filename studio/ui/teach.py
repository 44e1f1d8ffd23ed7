"""The Teach tab: a fine-tune on a person's ratings, seen before it is taken, and the way back."""

from __future__ import annotations

import gradio as gr

from studio.taste import Curator
from studio.taste.finetune import STRENGTHS
from studio.ui import lesson, versions
from studio.ui.assets import asset
from studio.ui.panel import panel
from studio.ui.session import Page, Said, Visit
from studio.ui.teach_views import comparison, progress, readiness, version_list


def build(page: Page) -> gr.Tab:
    """One panel with three faces: ready to start, under way, before and after."""
    curator = Curator()

    def draw(visit: Visit) -> str:
        job = lesson.latest(visit)
        if job and not job.is_finished:
            face = progress(visit, job)
        elif job and lesson.is_undecided(visit, job):
            face = comparison(visit, job)
        else:
            face = readiness(visit, curator, job)
        return f'<div class="teach">{face}{version_list(visit)}</div>'

    with gr.Tab(page.i18n("teach.title"), id="teach", elem_id="tab-teach") as tab:
        panel(page, tab, draw, ACTS, script=asset("teach.js"), style=asset("teach.css"))
    return tab


def choose_strength(visit: Visit, said: Said) -> None:
    if said["value"] in STRENGTHS:
        visit.save("teach", (visit.load("teach") or {}) | {"strength": said["value"]})


def start(visit: Visit, said: Said) -> None:
    lesson.start(visit, (visit.load("teach") or {}).get("strength", lesson.USUAL))


def cancel(visit: Visit, said: Said) -> None:
    visit.studio.jobs.cancel(visit.key, str(said["id"]))
    # It stops after the works it is looking at; until then the page says that it was heard.
    visit.save("teach", (visit.load("teach") or {}) | {"stopping": said["id"]})


def accept(visit: Visit, said: Said) -> None:
    version = lesson.decide(visit, "accepted")
    versions.use(visit, version)
    visit.say("teach.accepted", version=versions.title(visit, version))


def discard(visit: Visit, said: Said) -> None:
    lesson.decide(visit, "discarded")
    visit.say("teach.discarded", version=versions.title(visit, versions.in_use(visit)))


def use(visit: Visit, said: Said) -> None:
    versions.use(visit, str(said["version"]))
    visit.say("teach.now_using", version=versions.title(visit, versions.in_use(visit)))


def roll_back(visit: Visit, said: Said) -> None:
    visit.studio.store.roll_back(visit.key, visit.medium)
    visit.say("teach.rolled_back", version=versions.title(visit, versions.in_use(visit)))


ACTS = {
    "strength": choose_strength,
    "start": start,
    "cancel": cancel,
    "accept": accept,
    "discard": discard,
    "use": use,
    "roll_back": roll_back,
}
