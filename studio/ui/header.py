"""The header: the studio's name, what it makes, and how it is shown."""

from __future__ import annotations

from html import escape

from studio.medium import media
from studio.ui.session import Visit
from studio.ui.surface import icon, medium_title
from studio.words import Words


def header_html(visit: Visit) -> str:
    """Name, a switch of media where there is a choice, language, light, and the key sheet."""
    words = visit.words
    parts = [
        f'<a class="wordmark" href="./">{escape(words("common.studio"))}</a>',
        media_switch(visit),
        '<span class="grow"></span>',
        "" if visit.studio.settings.language else language_switch(words),
        theme_switch(words),
        f'<button type="button" class="quiet round" data-act="keys" '
        f'aria-label="{escape(words("common.keys"))}" title="{escape(words("common.keys"))}">?'
        "</button>",
        f'<dialog id="studio-keys" aria-labelledby="studio-keys-title"><form method="dialog">'
        f'<h2 id="studio-keys-title">{escape(words("common.keys"))}</h2><dl></dl>'
        f"<p>{escape(words('common.keys.more'))}</p>"
        f"<button>{escape(words('common.close'))}</button></form></dialog>",
    ]
    return f'<header class="studio-header">{"".join(parts)}</header>{fleeting(visit)}'


def fleeting(visit: Visit) -> str:
    """Where nothing lasts, people are told before they lose something."""
    if visit.studio.keeping.is_lasting:
        return ""
    words = visit.words
    return f"""<aside class="fleeting" role="note"><p>{escape(words("yours.fleeting"))}</p>
      <button type="button" data-act="backup">{escape(words("yours.backup"))}</button>
      <button type="button" class="quiet" data-go="tab-gallery-button">
        {escape(words("yours.back"))}</button></aside>"""


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
