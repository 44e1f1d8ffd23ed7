"""Panels: HTML that Python writes whole, and whose gestures come back to Python."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.ui.assets import asset
from studio.ui.session import Page, Said, Visit
from studio.ui.surface import attributes

Act = Callable[[Visit, Said], str | None]


def panel(
    page: Page,
    tab: gr.Tab,
    draw: Callable[[Visit], str],
    acts: Mapping[str, Act],
    *,
    script: str = "",
    style: str = "",
) -> gr.HTML:
    """HTML that `draw(visit)` writes, whenever its tab comes up and after each gesture.

    Args:
        acts: what a gesture (`data-do`, see surface.button) does, by its name; HTML that it
            returns is there for one answer only.
        script: JavaScript that runs once, with `element`, `trigger` and `watch`.
        style: CSS for this panel alone.
    """
    surface = gr.HTML(
        js_on_load=asset("panel.js") + script,
        css_template=asset("panel.css") + style,
        apply_default_css=False,
    )

    def answer(visit: Visit, said: Said) -> str:
        once = ""
        for gesture in said["gestures"]:
            try:
                once += acts.get(gesture["do"], nothing)(visit, gesture) or ""
            except StudioError as error:
                visit.warn(error)
        return numbered(draw(visit) + once)

    page.fills(tab, lambda visit: numbered(draw(visit)), [surface])
    surface.act(page.saying(answer), page.inputs, surface, trigger_mode="multiple", **page.quiet)
    return surface


def nothing(visit: Visit, said: Said) -> None:
    """A gesture that only wants the panel drawn anew."""


def numbered(content: str) -> str:
    """Content that differs from every other: a browser does not notice the same value again."""
    return f'<div data-answer="{secrets.token_hex(4)}">{content}</div>'


def text(value: object) -> str:
    """Any value, safe inside HTML and its attributes."""
    return escape(str(value))


def door(label: str, tab: str, *, kind: str = "") -> str:
    """A button that leads to another tab."""
    data = attributes(type="button", class_=kind or None, data_go=tab_button(tab))
    return f"<button{data}>{text(label)}</button>"


def go_once(tab: str) -> str:
    """Leads to another tab as soon as it is shown."""
    return f'<a hidden data-once data-go="{tab_button(tab)}"></a>'


def onward_once(medium: str) -> str:
    """Leads to Explore in another medium as soon as it is shown."""
    return f"<a{attributes(hidden=True, data_once=True, data_onward=medium)}></a>"


def save_once(name: str, content: bytes) -> str:
    """A file that the browser saves as soon as it is shown."""
    packed = base64.b64encode(content).decode("ascii")
    return (
        f"<span{attributes(hidden=True, data_once=True, data_name=name, data_file=packed)}></span>"
    )


def tab_button(tab: str) -> str:
    return f"tab-{tab}-button"


def facts(rows: Mapping[str, Any]) -> str:
    """Names and values, values being HTML already."""
    lines = "".join(f"<dt>{text(name)}</dt><dd>{value}</dd>" for name, value in rows.items())
    return f'<dl class="facts">{lines}</dl>'
