"""The Gallery tab: what a person kept and rated, one of them large, and the way back to Explore."""

from __future__ import annotations

from math import ceil
from typing import Any

import gradio as gr

from studio.store import ArtworkRow
from studio.ui import triptych, triptych_state, yours
from studio.ui.assets import asset
from studio.ui.gallery_work import WORK_ACTS, draw_work
from studio.ui.panel import door, numbered, panel, text
from studio.ui.session import Page, Said, Visit
from studio.ui.surface import button, icon

PAGE = 24
LOVED = 4
MOST = 100_000
FILTERS: dict[str, tuple[dict[str, bool], ...]] = {
    "mine": ({"kept": True}, {"pinned": True}, {"rated": True}),
    "kept": ({"kept": True},),
    "pinned": ({"pinned": True},),
    "loved": ({"rated": True},),
    "rated": ({"rated": True},),
}
SORTS = ("newest", "best")


def build(page: Page) -> gr.Tab:
    """A grid to choose from and, in its place, one work large."""
    with gr.Tab(page.i18n("gallery.title"), id="gallery", elem_id="tab-gallery") as tab:
        surface = panel(
            page,
            tab,
            draw,
            {**ACTS, **triptych.acts(page)},
            script=asset("gallery.js"),
            style="".join(asset(f"{name}.css") for name in ("gallery", "triptych", "yours")),
        )
        triptych.filming(page)
        # Pressed by a button of `yours.section`; no file_types: what is no backup is told so.
        upload = gr.UploadButton(
            page.i18n("yours.back"),  # type: ignore[arg-type]  # it is translated
            elem_id=yours.UPLOAD,
        )

    def receive(visit: Visit, path: str) -> str:
        yours.bring_back(visit, path)
        return numbered(draw(visit))

    busy = page.quiet | {"show_progress": "minimal"}  # Hundreds of works take a while.
    upload.upload(page.handler(receive), [*page.inputs, upload], surface, **busy)
    return tab


def view(visit: Visit) -> dict[str, Any]:
    """What a person last looked at: filter, sort, page and the open work."""
    return {"filter": "mine", "sort": "newest", "page": 0, "open": None} | (
        visit.load("gallery") or {}
    )


def works(visit: Visit, filter: str, sort: str) -> list[ArtworkRow]:
    store = visit.studio.store
    found = {
        work.id: work
        for wanted in FILTERS[filter]
        for work in store.artworks(visit.key, visit.medium, limit=MOST, **wanted)
    }
    chosen = sorted(found.values(), key=lambda work: work.created, reverse=True)
    if filter == "loved":
        chosen = [work for work in chosen if (work.stars or 0) >= LOVED]
    if sort == "best":
        chosen.sort(key=lambda work: -(work.stars or 0))
    return chosen


def draw(visit: Visit) -> str:
    if not visit.studio.store.knows(visit.key):
        return yours.farewell(visit)
    if triptych_state.is_open(visit):
        return triptych.draw(visit)
    state = view(visit)
    shown = works(visit, state["filter"], state["sort"])
    # A parent, or a work that was just taken off the shelf, is not among those shown.
    opened = visit.studio.store.artwork(state["open"], visit.key) if state["open"] else None
    if opened is None:
        return draw_grid(visit, state, shown) + yours.section(visit)
    ids = [work.id for work in shown]
    place = ids.index(opened.id) if opened.id in ids else len(ids)
    before = ids[place - 1] if 0 < place < len(ids) else None
    after = ids[place + 1] if place + 1 < len(ids) else None
    return draw_work(visit, opened, before, after)


def draw_grid(visit: Visit, state: dict[str, Any], shown: list[ArtworkRow]) -> str:
    if not shown:
        is_new = state["filter"] == "mine"
        return empty(visit) if is_new else bar(visit, state, 0) + empty_filter(visit)
    pages = ceil(len(shown) / PAGE)
    current = min(state["page"], pages - 1)
    tiles = "".join(tile(visit, w) for w in shown[current * PAGE : (current + 1) * PAGE])
    return (
        bar(visit, state, len(shown))
        + f'<ul class="gallery-grid">{tiles}</ul>'
        + pager(visit, current, pages)
    )


def bar(visit: Visit, state: dict[str, Any], count: int) -> str:
    words = visit.words
    filters = "".join(
        button(
            words(f"gallery.filter.{name}"),
            "filter",
            kind="chip",
            data_filter=name,
            aria_pressed=str(name == state["filter"]).lower(),
        )
        for name in FILTERS
    )
    sorts = "".join(
        f'<option value="{name}"{" selected" if name == state["sort"] else ""}>'
        f"{text(words(f'gallery.sort.{name}'))}</option>"
        for name in SORTS
    )
    total = words("gallery.count.one" if count == 1 else "gallery.count", count=count)
    return f"""<div class="gallery-bar">
      <div class="chips" role="group" aria-label="{text(words("gallery.filter"))}">{filters}</div>
      <span class="hint" role="status">{text(total)}</span>
      <select data-do="sort" aria-label="{text(words("gallery.sort"))}">
        {sorts}</select>
    </div>"""


def empty(visit: Visit) -> str:
    words = visit.words
    return f"""<div class="empty">
      <h2>{text(words("gallery.empty.title"))}</h2><p>{text(words("gallery.empty"))}</p>
      <p class="row">{door(words("gallery.to_explore"), "explore", kind="primary")}
        {door(words("gallery.to_rate"), "rate")}</p>
    </div>"""


def empty_filter(visit: Visit) -> str:
    return f'<p class="empty">{text(visit.words("gallery.empty.filtered"))}</p>'


def tile(visit: Visit, work: ArtworkRow) -> str:
    words = visit.words
    name = words("gallery.alt", one=words("medium.one"), date=f"{work.created:%Y-%m-%d}")
    marks = [words("gallery.stars", stars=work.stars)] if work.stars else []
    marks += [words("gallery.unkeep")] if work.kept else []
    label = ", ".join([words("gallery.open", alt=name), *marks])
    signs = ("★" * work.stars if work.stars else "") + (" ♥" if work.kept else "")
    content = f'{work.thumbnail}<span class="gallery-signs" aria-hidden="true">{signs}</span>'
    return f"<li>{button(label, 'open', content, kind='gallery-tile', data_id=work.id)}</li>"


def pager(visit: Visit, current: int, pages: int) -> str:
    if pages < 2:
        return ""
    words = visit.words
    earlier = button(words("gallery.earlier"), "page", icon("left"), data_page=current - 1)
    later = button(words("gallery.later"), "page", icon("right"), data_page=current + 1)
    return f"""<nav class="row gallery-pager">{earlier if current else ""}
      <span>{text(words("gallery.page", page=current + 1, pages=pages))}</span>
      {later if current + 1 < pages else ""}</nav>"""


def look(visit: Visit, **changes: Any) -> None:
    visit.save("gallery", view(visit) | changes)


def choose_filter(visit: Visit, said: Said) -> None:
    if said["filter"] in FILTERS:
        look(visit, filter=said["filter"], page=0)


def choose_sort(visit: Visit, said: Said) -> None:
    if said["value"] in SORTS:
        look(visit, sort=said["value"], page=0)


def turn_page(visit: Visit, said: Said) -> None:
    look(visit, page=max(0, int(said["page"])))


def open_work(visit: Visit, said: Said) -> None:
    look(visit, open=str(said["id"]))


def close_work(visit: Visit, said: Said) -> None:
    if triptych_state.is_open(visit):
        return triptych_state.close(visit)
    look(visit, open=None)


ACTS = {
    "filter": choose_filter,
    "sort": choose_sort,
    "page": turn_page,
    "open": open_work,
    "close": close_work,
    **WORK_ACTS,
    **yours.ACTS,
}
