"""Shared pieces of the page that show artworks."""

from __future__ import annotations

import base64
import secrets
from html import escape
from typing import Any

import gradio as gr

from studio.medium import Artwork, Medium, Recipe, get_medium, latents_of, media
from studio.ui.assets import asset
from studio.ui.session import Visit
from studio.words import Words

LANGUAGE_NAMES = {"en": "English", "zh": "中文"}
"""What languages call themselves, whichever one the page is in."""


def artwork_of(visit: Visit, recipe: Recipe) -> Artwork:
    """The artwork of a recipe, made again by the version it names."""
    generator = visit.studio.registry.use(recipe.medium, recipe.version)
    artwork = generator.decode(latents_of([recipe]), recipe.options)[0]
    artwork.recipe = recipe
    return artwork


def desk(tab_id: str) -> tuple[gr.HTML, gr.HTML]:
    """Where a tab's gestures come in, and where a file for the browser goes out.

    The first has the events `gesture`, whose value is a list of {"do": name, …} in the order they
    were made, and `idle`, when nothing is under way; the second saves what `parcel` made.
    """
    gestures = gr.HTML(
        html_template="", js_on_load=asset("desk.js"), desk=tab_id, elem_classes="unseen"
    )
    out = gr.HTML(html_template="", js_on_load=asset("parcel.js"), elem_classes="unseen")
    return gestures, out


def medium_title(medium: Medium, language: str) -> str:
    """What a kind of artwork is called, and the language of its works where they have one."""
    title = Words(language).including(medium.words)("medium.title")
    own = LANGUAGE_NAMES.get(medium.language, medium.language)
    return f"{title} · {own}" if own else title


def one(visit: Visit, medium: str) -> str:
    """What a work of a medium is called, of one that is not here too."""
    if medium not in media():
        return medium
    return visit.words.including(get_medium(medium).words)("medium.one")


def parcel(name: str, data: bytes) -> dict[str, str]:
    """A file on its way to the browser, which keeps it; nothing stays on the server."""
    return {
        "name": name,
        "data": base64.b64encode(data).decode("ascii"),
        # The same file wanted twice must be two different values to be noticed.
        "stamp": secrets.token_hex(4),
    }


# Drawn for this page on a grid of 24, as outlines.
ICONS = {
    "undo": "M9 7 4 12l5 5M4 12h11a5 5 0 0 1 0 10h-3",
    "redo": "m15 7 5 5-5 5M20 12H9a5 5 0 0 0 0 10h3",
    "dice": "M5 4h14a1 1 0 0 1 1 1v14a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1Z"
    "M8.5 8.5h.01M15.5 8.5h.01M12 12h.01M8.5 15.5h.01M15.5 15.5h.01",
    "pin": "M12 16v6M8 3h8M9 3v7l-3 4v2h12v-2l-3-4V3",
    "heart": "M12 20.5 4.2 12.6a5 5 0 0 1 7.1-7.1l.7.8.7-.8a5 5 0 0 1 7.1 7.1Z",
    "person": "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4.5 21a7.5 7.5 0 0 1 15 0",
    "save": "M12 3v13M6.5 11l5.5 5.5 5.5-5.5M4 21h16",
    "language": "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM3.5 9h17M3.5 15h17"
    "M12 3c-5 5-5 13 0 18 5-5 5-13 0-18Z",
    "lock": "M6 11h12v10H6ZM8.5 11V7.5a3.5 3.5 0 0 1 7 0V11",
    "others": "M4 8h14l-3.5-3.5M20 16H6l3.5 3.5",
    "unlocked": "M6 11h12v10H6ZM8.5 11V7.5a3.5 3.5 0 0 1 6.7-1.4",
    "theme": "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM12 3v18M12 7l5-2M12 12l8.5-2M12 17l7-1",
    "medium": "M4 4h7v7H4ZM13 4h7v7h-7ZM4 13h7v7H4ZM13 13h7v7h-7Z",
    "whole": "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
    "close": "M6 6l12 12M18 6 6 18",
    "left": "M15 5l-7 7 7 7",
    "right": "m9 5 7 7-7 7",
    "hand": "M7.5 13V6.5a1.5 1.5 0 0 1 3 0V11M10.5 11V4.5a1.5 1.5 0 0 1 3 0V11"
    "M13.5 11V6a1.5 1.5 0 0 1 3 0v6M16.5 9.5a1.5 1.5 0 0 1 3 0V15c0 4-2.7 6.5-6.5 6.5"
    "-3 0-4.7-1.2-6-3.5l-2.6-4.2c-1-1.7 1.3-3 2.4-1.6L7.5 14",
    "triptych": "M3 6h5v12H3ZM9.5 4h5v16h-5ZM16 6h5v12h-5Z",
    "compass": "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM15.5 8.5l-2 5-5 2 2-5Z",
    "play": "M7 4v16l13-8Z",
    "pause": "M8 5v14M16 5v14",
    "people": "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM2.5 20a6.5 6.5 0 0 1 13 0"
    "M16 4.5a3.5 3.5 0 0 1 0 6.6M18 14.2a6.5 6.5 0 0 1 3.5 5.8",
}


def icon(name: str) -> str:
    return (
        '<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">'
        f'<path d="{ICONS[name]}"/></svg>'
    )


def attributes(**values: Any) -> str:
    """HTML attributes; True stands alone, None and False are left out, _ becomes -."""
    parts = []
    for name, value in values.items():
        name = name.rstrip("_").replace("_", "-")
        if value is True:
            parts.append(f" {name}")
        elif value is not None and value is not False:
            parts.append(f' {name}="{escape(str(value))}"')
    return "".join(parts)


def button(label: str, do: str, content: str = "", *, kind: str = "", **values: Any) -> str:
    """A button that is the gesture `do` (see assets/studio.js).

    Args:
        label: what it does, in words; shown where there is no other content.
        values: further attributes, such as data_id or data_key.
    """
    named = {"aria_label": label, "title": label} if content else {}
    return (
        f"<button{attributes(type='button', class_=kind or None, data_do=do, **named, **values)}>"
        f"{content or escape(label)}</button>"
    )


def making(said: str, stop: str, done: float) -> str:
    """How far a film that is being made has come, and the way to stop it (see assets/film.js).

    Args:
        said: it in words.
        stop: what the button says.
        done: 0 to 1.
    """
    bar = attributes(max=100, value=round(100 * done), aria_label=said)
    return (
        f'<div class="export busy"><progress{bar}></progress><span>{escape(said)}</span>'
        f'<button type="button" data-stop>{escape(stop)}</button></div>'
    )


def step(visit: Visit, do: str, side: str, way: str, neighbour: str | None) -> str:
    """From one work to the work "before" or "after" it, whose id goes with the gesture `do`."""
    return button(
        visit.words(f"gallery.{way}"),
        do,
        icon(side),
        kind="quiet",
        data_id=neighbour,
        data_key=f"Arrow{side.title()}",
        disabled=neighbour is None,
    )
