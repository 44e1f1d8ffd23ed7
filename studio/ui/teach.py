"""The Teach tab: a fine-tune on a person's ratings, seen before it is taken, and the way back."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from studio.taste.portable import SUFFIX
from studio.ui import compare, lesson, proof, versions, works
from studio.ui.assets import asset
from studio.ui.panel import numbered, panel, save_once
from studio.ui.session import Page, Said, Visit
from studio.ui.teach_views import comparison, progress, readiness, version_list


def build(page: Page) -> gr.Tab:
    """One panel with four faces: ready to start, under way, before and after, a blind test."""

    def draw(visit: Visit) -> str:
        job = lesson.latest(visit)
        if job and not job.is_finished:
            face = progress(visit, job)
        elif job and lesson.is_undecided(visit, job):
            face = proof.pair(visit, job) if proof.is_open(visit, job) else comparison(visit, job)
        else:
            face = readiness(visit, page, job)
        return f'<div class="teach">{face}{version_list(visit)}</div>'

    def receive(visit: Visit, path: str) -> str:
        version = versions.receive(visit, Path(path))
        visit.say("teach.file.received", version=versions.title(visit, version))
        return numbered(draw(visit))

    def take(visit: Visit, paths: list[str]) -> str:
        works.receive(visit, paths)
        return numbered(draw(visit))

    with gr.Tab(page.i18n("teach.title"), id="teach", elem_id="tab-teach") as tab:
        script, style = (asset(f"teach.{e}") + asset(f"proof.{e}") for e in ("js", "css"))
        acts = ACTS | proof.ACTS
        surface = panel(page, tab, draw, acts, script=script, style=style)
        # No file_types: what is no taste is told so, in the person's words.
        upload = gr.UploadButton(
            page.i18n("teach.file.open"),  # type: ignore[arg-type]  # it is translated
            elem_id="teach-upload",
        )
        # Pressed by the button beside the works (see works.section); like the one above it takes
        # every file, and says what cannot be used and why.
        given = gr.UploadButton(
            page.i18n("teach.works.add"),  # type: ignore[arg-type]
            elem_id=works.UPLOAD,
            file_count="multiple",
        )
        compare.build(page, tab)
    upload.upload(page.handler(receive), [*page.inputs, upload], surface, **page.quiet)
    busy = page.quiet | {"show_progress": "minimal"}  # Hundreds of works take a while to be seen.
    given.upload(page.handler(take), [*page.inputs, given], surface, **busy)
    return tab


def choose(visit: Visit, said: Said) -> None:
    name, value = str(said["choice"]), str(said["value"])
    if value in lesson.choices(visit).get(name, ()):
        visit.save("teach", (visit.load("teach") or {}) | {name: value})


def start(visit: Visit, said: Said) -> None:
    lesson.start(visit)


def start_works(visit: Visit, said: Said) -> None:
    works.start(visit)


def clear_works(visit: Visit, said: Said) -> None:
    works.clear(visit)


def cancel(visit: Visit, said: Said) -> None:
    visit.studio.jobs.cancel(visit.key, str(said["id"]))
    # It stops after the works it is looking at; until then the page says that it was heard.
    visit.save("teach", (visit.load("teach") or {}) | {"stopping": said["id"]})


def weaken(visit: Visit, said: Said) -> None:
    lesson.weaken(visit)


def accept(visit: Visit, said: Said) -> None:
    facts, anyway = proof.facts(visit), said.get("anyway") == "yes"
    version = lesson.decide(visit, "accepted", facts=facts, anyway=anyway)
    versions.use(visit, version)
    visit.say("teach.accepted", version=versions.title(visit, version))


def discard(visit: Visit, said: Said) -> None:
    lesson.decide(visit, "discarded")
    visit.say("teach.discarded", version=versions.title(visit, versions.in_use(visit)))


def keep_file(visit: Visit, said: Said) -> str:
    version = str(said["version"])
    content = versions.file_of(visit, version)
    visit.say("teach.file.saved")
    return save_once(f"latent-studio-{visit.medium}-{version.rpartition('-')[2]}{SUFFIX}", content)


def roll_back(visit: Visit, said: Said) -> None:
    visit.studio.store.roll_back(visit.key, visit.medium)
    visit.say("teach.rolled_back", version=versions.title(visit, versions.in_use(visit)))


ACTS = {
    "choose": choose,
    "start": start,
    "start_works": start_works,
    "clear_works": clear_works,
    "cancel": cancel,
    "weaken": weaken,
    "accept": accept,
    "discard": discard,
    "use": versions.choose,
    "keep_file": keep_file,
    "roll_back": roll_back,
}
