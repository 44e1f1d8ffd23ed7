"""The page: header, tabs, and what launch() needs to serve it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr

from studio.medium import media
from studio.studio import Studio
from studio.ui import (
    account,
    atlas,
    breed,
    explore,
    gallery,
    models,
    morph,
    rate,
    teach,
    together,
    yours,
)
from studio.ui.assets import asset
from studio.ui.door import door
from studio.ui.doorway import doorway
from studio.ui.head import page_head
from studio.ui.header import header_html
from studio.ui.operations import operations
from studio.ui.room_download import room_files
from studio.ui.session import UPLOADED_AT_MOST, Page, Said, Visit, visit
from studio.ui.theme import studio_theme
from studio.words import LANGUAGES

TABS = (explore, atlas, morph, breed, rate, teach, gallery, together, models)
MEGABYTE = 2**20
SPARE_THREADS = 16


def build_app(studio: Studio) -> tuple[gr.Blocks, dict[str, Any]]:
    """The page, and the arguments of its launch()."""
    with gr.Blocks(
        title="Latent Studio", analytics_enabled=False, fill_width=True, delete_cache=(3600, 86400)
    ) as app:
        # A fixed secret: with one made anew at each start, a restart would lock people out of
        # their own sessions. What protects a session is that its key cannot be guessed.
        key = gr.BrowserState("", storage_key="latent-studio.key", secret="latent-studio")
        medium = gr.BrowserState(
            next(iter(media())), storage_key="latent-studio.medium", secret="latent-studio"
        )
        before = gr.BrowserState("", storage_key="latent-studio.before", secret="latent-studio")
        page = Page(studio, key, medium)
        header = gr.HTML(
            elem_id="studio-header", js_on_load=asset("header.js"), apply_default_css=False
        )
        with gr.Tabs(elem_id="studio-tabs"):
            for module in TABS:
                module.build(page)
        together.pulse(page)
        yours.parcels(page, header)
        account.build(page, header, before)
        connect(app, page, header, before)
    middleware = [
        *door(studio.settings),
        page_head(studio.settings.language),
        operations(studio),
        room_files(studio),
        doorway(studio),
    ]
    return app, {
        "theme": studio_theme(),
        "css": "".join(asset(f"{name}.css") for name in ("studio", "hand", "tour", "touch")),
        "i18n": page.translations(),
        "footer_links": [],
        "run_history": False,
        "ssr_mode": False,
        "max_file_size": UPLOADED_AT_MOST * studio.settings.max_upload_mb * MEGABYTE,
        "app_kwargs": {"middleware": middleware},
        # Whoever was let in has a thread to be answered by.
        "max_threads": studio.settings.asks_at_once + SPARE_THREADS,
    }


def connect(app: gr.Blocks, page: Page, header: gr.HTML, before: gr.BrowserState) -> None:
    """Open the session, fill the tab that shows, follow the header's switches."""
    studio = page.studio

    def enter(
        key: str,
        medium: str,
        before: str,
        request: gr.Request,
        profile: gr.OAuthProfile | None,
    ) -> tuple[str, str, str, str]:
        with page.inside(key):
            session = studio.store.open_session(key or None)
            opened, before = account.signed_in(studio, session.key, before, profile)
            known = medium if medium in media() else next(iter(media()))
            return opened, known, before, header_html(visit(studio, opened, known, request))

    def choose_medium(visit: Visit, said: Said) -> list[str]:
        chosen = replace(visit, medium=str(said["medium"]))
        return [chosen.medium_object.name, header_html(chosen), *[""] * len(first.stale)]

    def choose_language(visit: Visit, said: Said) -> None:
        chosen = said["language"] if said["language"] in LANGUAGES else None
        studio.store.save_state(visit.key, "language", {"language": chosen})

    kept = [*page.inputs, before]
    opened = app.load(enter, kept, [*kept, header], **page.quiet)
    for index, filled in enumerate(page.filled):
        what = (filled.event, page.inputs, filled.outputs)
        if index == 0:
            opened.then(*what, **page.quiet)
        filled.tab.select(*what, **page.quiet)

    # Another medium begins where one meets it. A tab that is chosen already tells nobody when it is
    # chosen again, so its content is asked for here.
    first = page.filled[0]
    header.medium(
        page.saying(choose_medium),
        page.inputs,
        [page.medium, header, *first.stale],
        **page.quiet,
    ).then(first.event, page.inputs, first.outputs, **page.quiet).then(
        js="() => document.querySelector('#studio-tabs [role=tab]').click()"
    )
    header.language(page.saying(choose_language), page.inputs, **page.quiet).then(
        js="() => location.reload()"
    )
