"""The tour of a first visit: what it says, and the real thing that each step points at."""

from __future__ import annotations

from html import escape

from studio.ui.surface import attributes, icon
from studio.words import Words

STEPS: dict[str, tuple[str, str]] = {
    "work": ("#tab-explore figure.stage > :first-child", ""),
    "dice": ("#tab-explore [data-do=dice]", "D"),
    "dials": ("#tab-explore .dials", "← →"),
    "nearby": ("#tab-explore .explore > .side", "N"),
    "history": ("#tab-explore .strip", "[ ]"),
    "keep": ("#tab-explore [data-do=keep]", "K"),
    "rate": ("#tab-rate-button", ""),
    "medium": (".switch:has([data-switch=medium])", ""),
    "help": ("[data-act=keys]", "?"),
}
"""By its words: a selector, and the key that does the same. A step whose thing the page does not
show is passed by."""


def invitation(words: Words) -> str:
    """What a newcomer finds in the header, out of the way of whoever wants to begin. The browser
    knows whether there has been one, so it shows this."""
    no = words("tour.invite.no")
    return (
        '<span class="tour-invite" hidden>'
        f'<button type="button" data-tour="start">{escape(words("tour.invite"))}</button>'
        f'<button type="button" data-tour="no"{attributes(aria_label=no, title=no)}>'
        f"{icon('close')}</button></span>"
    )


def steps(words: Words) -> str:
    """For assets/tour.js, which shows one at a time."""
    pages = "".join(
        f"<li{attributes(data_at=at, data_key_shown=key or None)}>"
        f"<h2>{escape(words(f'tour.{name}'))}</h2><p>{escape(words(f'tour.{name}.text'))}</p></li>"
        for name, (at, key) in STEPS.items()
    )
    said = {
        f"data_{name}": words(f"tour.{name}") for name in ("label", "next", "back", "skip", "done")
    }
    return f"<ol{attributes(id='studio-tour-steps', hidden=True, **said)}>{pages}</ol>"
