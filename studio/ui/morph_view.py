"""The HTML that Morph shows. What it looks like is in assets/studio.css."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from studio.latent import EASINGS
from studio.medium import Artwork
from studio.store import ArtworkRow
from studio.ui.morph_state import CONSTANT, MOST_KEYS, RATES, SECONDS, SPEEDS, Morph
from studio.ui.surface import attributes, button, icon, making
from studio.words import Words

FILMSTRIP = 12
FILMSTRIP_THUMBNAIL = 80


def stage(words: Words, artwork: Artwork | None) -> str:
    """The present frame, large; before there is a path, how to get one."""
    if artwork is None:
        return (
            f'<div class="stage empty"><div><h2>{escape(words("morph.empty.title"))}</h2>'
            f"<p>{escape(words('morph.empty'))}</p>"
            f'<button type="button" class="strong" data-go="tab-explore-button">'
            f"{escape(words('morph.empty.go'))}</button></div></div>"
        )
    shown = artwork.show(words("morph.alt", one=words("medium.one")))
    return f'<figure class="stage">{shown}</figure>'


def scrub(words: Words, morph: Morph, strip: Sequence[Artwork]) -> str:
    """Play button and scrub bar, over the filmstrip they run along."""
    if not strip:
        return ""
    dial = attributes(
        type="range",
        min=0,
        max=1,
        step=0.002,
        value=morph.position,
        data_do="scrub",
        data_live=True,
        data_seconds=morph.length,
        data_loop=str(morph.loop).lower(),
        aria_label=words("morph.scrub"),
    )
    pictures = "".join(
        button(
            words("morph.strip.go", percent=round(100 * time)),
            "scrub",
            artwork.thumbnail(size=FILMSTRIP_THUMBNAIL),
            data_value=round(time, 3),
        )
        for time, artwork in zip(strip_times(morph), strip, strict=True)
    )
    play = (
        f'<button type="button" class="play" data-play data-key=" " '
        f'aria-label="{escape(words("morph.play"))}" title="{escape(words("morph.play"))}">'
        f"{icon('play')}{icon('pause')}</button>"
    )
    return (
        f'<div class="scrub">{play}<div class="scrub-track"><input{dial}>'
        f'<div class="filmstrip" style="--count:{len(strip)}">{pictures}</div></div></div>'
    )


def whole(words: Words, shown: str, *, can_be: bool) -> str:
    """The way as one work, or the button that makes it."""
    if shown:
        return f'<figure class="whole">{shown}</figure>'
    return button(words("morph.whole"), "whole", kind="quiet", data_key="h") if can_be else ""


def strip_times(morph: Morph) -> list[float]:
    last = FILMSTRIP if morph.loop else FILMSTRIP - 1
    return [index / last for index in range(FILMSTRIP)]


def keyframes(words: Words, morph: Morph, rows: Sequence[ArtworkRow]) -> str:
    """The film's keyframes in order, and below them the shelf to take more from."""
    by_id = {row.id: row for row in rows}
    cells = [
        keyframe(words, index, len(morph.keys), by_id[id]) for index, id in enumerate(morph.keys)
    ]
    pinned = [row for row in rows if row.pinned]
    if not cells and not pinned:
        return ""  # the stage says where to find some
    chosen = f'<ol class="keyframes">{"".join(cells)}</ol>'
    is_full = len(morph.keys) >= MOST_KEYS
    shelf = "".join(
        button(words("morph.add"), "add", row.thumbnail, data_id=row.id, disabled=is_full)
        for row in pinned
    )
    nothing = f'<p class="hint">{escape(words("morph.shelf.empty"))}</p>'
    return (section(words("morph.keys"), chosen) if cells else "") + section(
        words("morph.shelf"), f'<div class="strip-row">{shelf or nothing}</div>'
    )


def section(title: str, content: str) -> str:
    return f'<section class="strip"><h3>{escape(title)}</h3>{content}</section>'


def keyframe(words: Words, index: int, count: int, row: ArtworkRow) -> str:
    number = index + 1
    return (
        f'<li class="keyframe">{row.thumbnail}<span class="keyframe-tools">'
        + button(
            words("morph.earlier", number=number),
            "move",
            icon("left"),
            data_index=index,
            data_by=-1,
            disabled=index == 0,
        )
        + button(words("morph.remove", number=number), "remove", icon("close"), data_index=index)
        + button(
            words("morph.later", number=number),
            "move",
            icon("right"),
            data_index=index,
            data_by=1,
            disabled=index == count - 1,
        )
        + "</span></li>"
    )


def settings(words: Words, morph: Morph) -> str:
    """Speed curve, loop, length."""
    speeds = "".join(
        f'<label class="speed"><input type="radio" name="speed" data-do="speed" value="{name}"'
        f"{' checked' if name == morph.speed else ''}>{curve(name)}"
        f"<span>{escape(words(f'morph.speed.{name}'))}</span></label>"
        for name in SPEEDS
    )
    rates = "".join(
        f'<option value="{rate}"{" selected" if rate == morph.rate else ""}>{rate}</option>'
        for rate in RATES
    )
    seconds = attributes(
        type="number",
        min=SECONDS[0],
        max=SECONDS[1],
        step=0.5,
        value=f"{morph.seconds:g}",
        data_do="seconds",
    )
    checked = " checked" if morph.loop else ""
    legend = f"<legend>{escape(words('morph.speed'))}</legend>"
    chosen = f'<fieldset class="speeds">{legend}{speeds}</fieldset>'
    if morph.pace:
        length = f"{morph.length:.1f}"
        told = words("morph.music.pace", rounds=morph.rounds, seconds=length)
        chosen = f'<p class="hint">{escape(told)}</p>'
    return (
        f"{chosen}"
        f'<label class="line"><input type="checkbox" data-do="loop" data-key="l"{checked} '
        f'aria-label="{escape(words("morph.loop"))}"><span>{escape(words("morph.loop"))}</span></label>'
        f'<label class="line"><span>{escape(words("morph.seconds"))}</span><input{seconds}></label>'
        f'<label class="line"><span>{escape(words("morph.rate"))}</span>'
        f'<select data-do="rate">{rates}</select></label>'
        f'<p class="hint">{escape(words("morph.frames", count=morph.frames))}</p>'
    )


def curve(speed: str) -> str:
    """A little drawing of how far the film is at each moment between two keyframes."""
    ease = EASINGS.get(speed, EASINGS["linear"])
    if speed == CONSTANT:
        dots = "".join(f'<circle cx="{4 + 8 * n}" cy="12" r="1.6"/>' for n in range(6))
        return f'<svg class="curve dots" viewBox="0 0 48 24" aria-hidden="true">{dots}</svg>'
    points = " ".join(
        f"{2 + 44 * step / 16:.1f},{22 - 20 * ease(step / 16):.1f}" for step in range(17)
    )
    line = f'<polyline points="{points}"/>'
    return f'<svg class="curve" viewBox="0 0 48 24" aria-hidden="true">{line}</svg>'


def export(words: Words, formats: Sequence[str], *, is_ready: bool, done: float | None) -> str:
    """Buttons that make the film; while one is being made, how far it is."""
    if done is not None:
        said = words("morph.making", percent=round(100 * done))
        return making(said, words("morph.stop"), done)
    makers = "".join(
        f'<button type="button" class="strong" data-film="{escape(name)}"'
        f"{'' if is_ready else ' disabled'}>"
        f"{escape(words('morph.export', format=name.upper()))}</button>"
        for name in formats
    )
    frame = button(words("morph.pin"), "pin", data_key="p", disabled=not is_ready)
    return f'<div class="export">{makers}{frame}</div>'
