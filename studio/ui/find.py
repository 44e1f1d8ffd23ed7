"""Find me a direction: mark what has more of something and what has less, name it, turn it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import cast

import gradio as gr
import torch

from studio import latent
from studio.atlases import Atlases
from studio.errors import StudioError
from studio.medium import Artwork, Recipe, lasting, pack
from studio.taste.found import FEWEST, TooFewMarks, found
from studio.ui.assets import asset
from studio.ui.find_state import Mark, Search
from studio.ui.panel import numbered, text
from studio.ui.session import Page, Said, Visit
from studio.ui.surface import attributes, button, icon
from studio.ui.walk import LONGEST_NAME, SEARCH, SEEDS, BadGesture, Walk, name_said, number

PAGE = 12
FACE = 128


def build(page: Page) -> gr.HTML:
    """The sheet below the artwork; its gestures come in by themselves, so that a search keeps no
    dial waiting."""
    surface = gr.HTML(
        js_on_load=asset("find.js"),
        css_template=asset("panel.css") + asset("find.css"),
        elem_classes="find-frame",
        apply_default_css=False,
    )

    def act(visit: Visit, said: Said) -> str:
        once = ""
        for gesture in said["gestures"]:
            try:
                if gesture["do"] == "find.keep":
                    once += keep(visit, page.atlases, gesture)
                else:
                    ACTS[gesture["do"]](visit, gesture)
            except StudioError as error:
                visit.warn(error)
        return numbered(draw(visit) + once)

    surface.act(page.saying(act), page.inputs, surface, trigger_mode="multiple", **page.quiet)
    return surface


def load(visit: Visit) -> Search:
    saved = visit.load(SEARCH)
    search = Search.from_dict(saved) if saved else Search()
    # Another base may know other latents.
    length = visit.generator.latent_dim
    return replace(search, marks=tuple(m for m in search.marks if len(m.latent) == length))


def save(visit: Visit, search: Search) -> None:
    visit.save(SEARCH, search.to_dict())


def toggle(visit: Visit, said: Said) -> None:
    """Open the sheet with fresh works, or close it; marks stay."""
    search = load(visit)
    if search.first is None:
        offer(visit, said)
    else:
        save(visit, replace(search, first=None, faces=()))


def offer(visit: Visit, said: Said) -> None:
    """Other works to mark."""
    first = visit.throw(SEEDS)
    generator = visit.generator
    noise = latent.noise_from_seeds(range(first, first + PAGE))
    works = generator.decode(generator.map(noise))
    faces = tuple(work.thumbnail(size=FACE) for work in works)
    save(visit, replace(load(visit), first=first, faces=faces))


def mark(visit: Visit, said: Said) -> None:
    """One of the works that are offered."""
    search, place = load(visit), int(number(said["place"]))
    if search.first is None or not 0 <= place < len(search.faces):
        raise BadGesture("not_offered")
    row = tuple(visit.generator.map(latent.noise_from_seeds([search.first + place]))[0].tolist())
    save(visit, search.marked(Mark(row, said["side"] == "more", search.faces[place])))


def mark_here(visit: Visit, said: Said) -> None:
    """What stands large: a neighbour, something from the shelf or the history, one's own file."""
    artwork = Walk(visit).artwork()
    recipe = cast(Recipe, artwork.recipe)
    face = artwork.thumbnail(size=FACE)
    options = lasting(recipe.options)
    here = Mark(recipe.latent, said["side"] == "more", face, options)
    save(visit, load(visit).marked(here))


def unmark(visit: Visit, said: Said) -> None:
    save(visit, load(visit).without(max(0, int(number(said["place"])))))


ACTS: Mapping[str, Callable[[Visit, Said], None]] = {
    "find": toggle,
    "find.others": offer,
    "find.mark": mark,
    "find.here": mark_here,
    "find.unmark": unmark,
}


def keep(visit: Visit, atlases: Atlases, said: Said) -> str:
    """Find it, and hand it to the dials: HTML that does so once."""
    name = name_said(said)
    search = load(visit)
    if min(search.count(True), search.count(False)) < FEWEST:
        raise TooFewMarks("too_few_marks", needed=FEWEST)
    generator = visit.generator
    works = made_again(visit, search)
    more = torch.tensor([mark.is_more for mark in search.marks])
    vector = found(generator, atlases.of(generator).result().atlas, works, more)
    way = {"name": name, "vector": pack(tuple(vector.tolist()))}
    save(visit, replace(search, first=None, faces=(), marks=(), found=way))
    return f"<a{attributes(hidden=True, data_once=True, data_adopt=True)}></a>"


def made_again(visit: Visit, search: Search) -> list[Artwork]:
    """The marked works; those with the same choices in one pass."""
    alike: dict[str, list[int]] = {}
    for index, one in enumerate(search.marks):
        alike.setdefault(json.dumps(one.options, sort_keys=True), []).append(index)
    works: dict[int, Artwork] = {}
    for indices in alike.values():
        latents = torch.tensor([search.marks[index].latent for index in indices])
        made = visit.generator.decode(latents, search.marks[indices[0]].options)
        works |= dict(zip(indices, made, strict=True))
    return [works[index] for index in range(len(search.marks))]


def draw(visit: Visit) -> str:
    words, search = visit.words, load(visit)
    is_open = search.first is not None
    title = words("find.title")
    opens = button(
        title,
        "find",
        icon("compass") + f"<span>{text(title)}</span>",
        kind="quiet",
        data_desk="find",
        data_key="f",
        aria_expanded=str(is_open).lower(),
    )
    door = f'<div class="toolbar onward">{opens}</div>'
    if not is_open:
        return f'<div class="find">{door}</div>'
    cells = "".join(cell(visit, search, place) for place in range(len(search.faces)))
    return f"""<section class="find" data-desk="find" aria-label="{text(title)}">
      {door}<p class="hint">{text(words("find.lead"))}</p>
      <p class="row"><span>{text(words("find.here"))}</span>{sides(visit, None, "find.here")}</p>
      <ul class="find-page">{cells}</ul>
      <p class="row">{button(words("find.others"), "find.others", kind="quiet")}</p>
      {tray(visit, search, is_more=True)}{tray(visit, search, is_more=False)}
      {naming(visit, search)}</section>"""


def cell(visit: Visit, search: Search, place: int) -> str:
    """A work to mark; pressed, it is shown large, and heard or read."""
    words, first = visit.words, cast(int, search.first)
    row = tuple(visit.generator.map(latent.noise_from_seeds([first + place]))[0].tolist())
    look = button(
        words("find.look", number=place + 1),
        "seed",
        search.faces[place],
        kind="find-face",
        data_desk="tab-explore",
        data_value=first + place,
    )
    return f"<li>{look}{sides(visit, search.side(row), 'find.mark', place)}</li>"


def sides(visit: Visit, side: bool | None, do: str, place: int | None = None) -> str:
    words = visit.words
    named = "" if place is None else ".work"
    return (
        '<span class="find-sides">'
        + "".join(
            button(
                words(f"find.{name}{named}", number=(place or 0) + 1),
                do,
                f"<span>{sign}</span>",
                kind="chip",
                data_side=name,
                data_place=place,
                aria_pressed=None if place is None else str(side is is_more).lower(),
            )
            for name, sign, is_more in (("less", "−", False), ("more", "+", True))
        )
        + "</span>"
    )


def tray(visit: Visit, search: Search, *, is_more: bool) -> str:
    """What was marked on one side."""
    words, side = visit.words, "more" if is_more else "less"
    marked = [
        f"<li>{mark.thumbnail}"
        + button(words("find.unmark"), "find.unmark", icon("close"), data_place=index)
        + "</li>"
        for index, mark in enumerate(search.marks)
        if mark.is_more == is_more
    ]
    content = (
        f"<ul>{''.join(marked)}</ul>" if marked else f"<span>{text(words('find.none'))}</span>"
    )
    return f'<div class="find-tray"><h3>{text(words(f"find.marked.{side}"))}</h3>{content}</div>'


def naming(visit: Visit, search: Search) -> str:
    words = visit.words
    field = attributes(
        type="text",
        name="name",
        maxlength=LONGEST_NAME,
        required=True,
        placeholder=words("find.name"),
        aria_label=words("find.name"),
    )
    missing = [max(0, FEWEST - search.count(is_more)) for is_more in (True, False)]
    press = attributes(type="submit", class_="primary", disabled=any(missing))
    hint = words("find.missing", more=missing[0], less=missing[1]) if any(missing) else ""
    said = attributes(class_="hint", role="status", data_looking=words("find.looking"))
    return f"""<form class="row" data-do="find.keep"><input{field}>
      <button{press}>{text(words("find.keep"))}</button>
      <span{said}>{text(hint)}</span></form>"""
