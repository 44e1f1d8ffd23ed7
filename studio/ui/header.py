"""The header: the studio's name, what it makes, and how it is shown."""

from __future__ import annotations

from html import escape

from studio.medium import media
from studio.ui import account
from studio.ui.session import Visit
from studio.ui.surface import icon, medium_title
from studio.ui.tour import invitation, steps
from studio.words import Words

EVERYWHERE = {
    "move": ("Tab", "⇧ Tab"),
    "arrows": ("←", "→"),
    "press": ("Enter",),
    "middle": ("0",),
    "undo": ("Ctrl Z",),
    "away": ("Esc",),
    "sheet": ("?",),
}
"""Keys that do the same in every tab, by what the words say of them."""


def header_html(visit: Visit) -> str:
    """Name, a switch of media where there is a choice, language, light, and the key sheet."""
    words = visit.words
    parts = [
        f'<button type="button" class="skip" data-act="skip">'
        f"{escape(words('common.skip'))}</button>",
        f'<h1><a class="wordmark" href="./">{escape(words("common.studio"))}</a></h1>',
        media_switch(visit),
        '<span class="grow"></span>',
        invitation(words),
        "" if visit.studio.settings.language else language_switch(words),
        theme_switch(words),
        account.header(visit),
        f'<button type="button" class="quiet round" data-act="keys" '
        f'aria-label="{escape(words("common.help"))}" title="{escape(words("common.help"))}">?'
        "</button>",
        key_sheet(words),
        steps(words),
    ]
    return f'<header class="studio-header">{"".join(parts)}</header>{fleeting(visit)}'


def fleeting(visit: Visit) -> str:
    """Where nothing lasts, or not everything is within reach, people are told."""
    words = visit.words
    if visit.studio.registry.checkpoints.is_away:
        return f"""<aside class="fleeting" role="note"><p>{escape(words("yours.bucket_away"))}</p>
          </aside>"""
    if visit.studio.keeping.is_lasting:
        return ""
    return f"""<aside class="fleeting" role="note"><p>{escape(words("yours.fleeting"))}</p>
      <button type="button" data-act="backup">{escape(words("yours.backup"))}</button>
      <button type="button" class="quiet" data-go="tab-gallery-button">
        {escape(words("yours.back"))}</button></aside>"""


def key_sheet(words: Words) -> str:
    """What `?` opens: the keys of the tab that shows, which the browser fills in; those that hold
    everywhere; and the tour."""
    everywhere = "".join(
        f"<dt>{''.join(f'<kbd>{escape(key)}</kbd>' for key in keys)}</dt>"
        f"<dd>{escape(words(f'common.keys.{name}'))}</dd>"
        for name, keys in EVERYWHERE.items()
    )
    return (
        '<dialog id="studio-keys" aria-labelledby="studio-keys-title"><form method="dialog">'
        f'<h2 id="studio-keys-title">{escape(words("common.help"))}</h2>'
        f"<h3>{escape(words('common.keys.here'))}</h3><dl data-keys></dl>"
        f"<h3>{escape(words('common.keys.everywhere'))}</h3><dl>{everywhere}</dl>"
        f"<div><button>{escape(words('common.close'))}</button>"
        f'<button type="button" data-tour="start">{escape(words("tour.again"))}</button></div>'
        "</form></dialog>"
    )


def media_switch(visit: Visit) -> str:
    if len(media()) < 2:
        return ""
    names = {name: medium_title(medium, visit.language) for name, medium in media().items()}
    return switch(visit.words("common.medium"), "medium", names, visit.medium)


def language_switch(words: Words) -> str:
    names = {"auto": words("common.auto"), "en": "EN", "zh": "中文"}
    return switch(words("common.language"), "language", names)


def theme_switch(words: Words) -> str:
    names = {name: words(f"common.theme.{name}") for name in ("auto", "light", "dark")}
    return switch(words("common.theme"), "theme", names)


def switch(label: str, name: str, options: dict[str, str], chosen: str = "") -> str:
    """A labelled select; the browser marks what it has kept itself where nothing is chosen."""
    rows = "".join(
        f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>'
        f"{escape(title)}</option>"
        for value, title in options.items()
    )
    return (
        f'<label class="switch" title="{escape(label)}">{icon(name)}'
        f'<select data-switch="{name}" aria-label="{escape(label)}">{rows}</select></label>'
    )
