"""A triptych in the Gallery: a work and its companions, to throw again, lock, keep and take along.

Works are made one at a time, so that nobody waits before an empty wall.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.latent import noise_from_seeds
from studio.medium import Artwork, Generator, Recipe, with_sources
from studio.triptych import Triptych, companion, files, film, is_wide, mood, seed_of
from studio.ui.assets import asset
from studio.ui.panel import go_once, onward_once, save_once, text
from studio.ui.session import Page, Said, Visit
from studio.ui.surface import artwork_of, attributes, button, icon, making, one, parcel
from studio.ui.triptych_state import STATE, state
from studio.ui.walk import SEEDS, open_next, store_artwork

FORMATS = ("html", "png", "pdf", files.SONG)


class NoTriptych(StudioError):
    """What was asked of the triptych cannot be done now."""


def generator(visit: Visit, name: str) -> Generator:
    """The version that this person uses of a medium."""
    return Visit(visit.studio, visit.key, name, visit.language).generator


def made(visit: Visit, name: str) -> Artwork | None:
    recipe = state(visit)["hung"][name]["recipe"]
    return artwork_of(visit, Recipe.from_dict(recipe)) if recipe else None


def make_next(visit: Visit, page: Page) -> None:
    """Make the first work that is still to be made."""
    now = state(visit)
    waiting = [name for name, each in now.get("hung", {}).items() if each["recipe"] is None]
    if not waiting:
        return
    name = waiting[0]
    lead = made(visit, now["lead"])
    assert lead is not None and lead.recipe is not None
    by = visit.studio.registry.use(now["lead"], lead.recipe.version)
    wanted = mood(by, lead, page.usual)
    work = companion(generator(visit, name), now["hung"][name]["seed"], wanted, page.usual)
    assert work.recipe is not None
    parents = (now["work"],) if now["work"] else ()
    # What was thrown meanwhile is newer.
    latest = state(visit)
    if latest and latest["hung"][name]["seed"] == now["hung"][name]["seed"]:
        latest["hung"][name]["recipe"] = work.recipe.with_(parents=parents).to_dict()
        visit.save(STATE, latest)


def draw(visit: Visit) -> str:
    words, now = visit.words, state(visit)
    works = {name: made(visit, name) for name in now["hung"]}
    ready = {name: work for name, work in works.items() if work is not None}
    is_ready = len(ready) == len(works)
    shown = Triptych(now["lead"], ready).sung().works if is_ready else works
    downloads = "".join(
        button(
            words(f"triptych.save.{format}"),
            "triptych_save",
            kind="quiet",
            data_format=format,
            disabled=not is_ready,
        )
        for format in FORMATS
    )
    shoot = attributes(type="button", class_="quiet", data_film=film.FORMAT, disabled=not is_ready)
    downloads += f"<button{shoot}>{text(words(f'triptych.save.{film.FORMAT}'))}</button>"
    said = words("triptych.lead", one=one(visit, now["lead"]))
    hung = "".join(panel(visit, name, work) for name, work in shown.items())
    waits = "" if is_ready else " data-poll"
    return f"""<article class="triptych" tabindex="-1" data-work="triptych"{waits}
        aria-label="{text(words("triptych.title"))}">
      <div class="row gallery-top">
        {button(words("triptych.close"), "close", icon("close"), kind="quiet")}
        <div><h2>{text(words("triptych.title"))}</h2><p class="hint">{text(said)}</p></div>
      </div>
      <div class="triptych-wall">{hung}</div>
      <div class="row">
        {button(words("triptych.keep"), "triptych_keep", kind="primary", disabled=not is_ready)}
        {
        button(
            words("triptych.all"),
            "triptych_all",
            icon("dice") + text(words("triptych.all")),
            data_key="d",
            disabled=not is_ready,
        )
    }
        <span class="grow"></span>
        <span role="group" aria-label="{text(words("triptych.save"))}" class="row">
          {icon("save")}{downloads}</span>
      </div></article>"""


def panel(visit: Visit, name: str, work: Artwork | None) -> str:
    """One work and what can be done with it alone."""
    words, called = visit.words, one(visit, name)
    kind = "wide" if is_wide(name) else ""
    if work is None:
        waiting = text(words("triptych.wait", one=called))
        return f"""<section class="triptych-panel {kind}" aria-busy="true">
          <p class="triptych-wait" role="status">{waiting}</p></section>"""
    is_locked = state(visit)["hung"][name]["locked"]
    again = words("triptych.again", one=called)
    lock = words("triptych.lock", one=called)
    onward = words("triptych.explore", one=called)
    tools = (
        button(again, "triptych_again", icon("dice"), data_name=name, disabled=is_locked),
        button(
            lock,
            "triptych_lock",
            icon("lock" if is_locked else "unlocked"),
            kind="toggle",
            data_name=name,
            aria_pressed=str(is_locked).lower(),
        ),
        button(onward, "triptych_explore", icon("right"), data_name=name),
    )
    shown = work.show(words("triptych.alt", one=called))
    return f"""<section class="triptych-panel {kind}" aria-label="{text(called)}">
      <figure>{shown}</figure><div class="row triptych-tools">{"".join(tools)}</div></section>"""


def change(visit: Visit, name: str, **changes: Any) -> None:
    now = state(visit)
    now["hung"][name] |= changes
    visit.save(STATE, now)


def named(visit: Visit, said: Said) -> str:
    """The medium that a gesture is about.

    Raises:
        NoTriptych: it does not hang here.
    """
    name = str(said.get("name"))
    if name not in state(visit).get("hung", {}):
        raise NoTriptych("triptych_not_ready")
    return name


def throw(visit: Visit, names: list[str]) -> None:
    """New noise for some works; companions follow a lead that changes unless they are locked."""
    now, seed = state(visit), visit.throw(SEEDS)
    lead = now["lead"]
    if lead in names:
        latents = generator(visit, lead).map(noise_from_seeds([seed]))
        (work,) = generator(visit, lead).decode(latents)
        assert work.recipe is not None
        change(visit, lead, recipe=work.recipe.with_(seed=seed, how="seed").to_dict(), seed=seed)
        visit.save(STATE, state(visit) | {"work": ""})
        names = [name for name, each in now["hung"].items() if not each["locked"]]
    for name in names:
        if name != lead:
            change(visit, name, recipe=None, seed=seed)


def again(visit: Visit, said: Said) -> None:
    throw(visit, [named(visit, said)])


def all_again(visit: Visit, said: Said) -> None:
    unlocked = [name for name, each in state(visit)["hung"].items() if not each["locked"]]
    if not unlocked:
        raise NoTriptych("triptych_all_locked")
    throw(visit, unlocked)


def lock(visit: Visit, said: Said) -> None:
    name = named(visit, said)
    change(visit, name, locked=not state(visit)["hung"][name]["locked"])


def ready(visit: Visit) -> Triptych:
    """Raises: NoTriptych: something is still to be made."""
    now = state(visit)
    works = {name: work for name in now.get("hung", {}) if (work := made(visit, name))}
    if not works or len(works) < len(now["hung"]):
        raise NoTriptych("triptych_not_ready")
    return Triptych(now["lead"], works)


def keep(visit: Visit, said: Said) -> None:
    for work in ready(visit).works.values():
        store_artwork(visit, work, kept=True)
    visit.say("triptych.kept")


def explore(visit: Visit, said: Said) -> str:
    """Explore opens the work, in its own medium."""
    name = named(visit, said)
    work = ready(visit).works[name]
    assert work.recipe is not None
    open_next(visit, store_artwork(visit, work), work.recipe)
    if name == visit.medium:
        return go_once("explore")
    return onward_once(name)


def with_nearest(visit: Visit, found: Triptych) -> Triptych:
    """Its recipes say what each work comes nearest to."""
    for recipe in found.recipes:
        with_sources(
            visit.studio.registry.use(recipe.medium, recipe.version), found.works[recipe.medium]
        )
    return found


def name_of(found: Triptych, format: str) -> str:
    return f"latent-studio-triptych-{seed_of(found.recipes[0])}.{format}"


def save(visit: Visit, said: Said) -> str:
    """A file with every recipe inside."""
    found, format = ready(visit), str(said["format"])
    if format not in FORMATS:
        raise NoTriptych("unknown_format", format=format)
    with_nearest(visit, found)
    content = files.content(found, format, visit.words, visit.studio.registry)
    visit.say("triptych.saved")
    return save_once(name_of(found, format), visit.studio.credentials.sign(content, format))


def shoot(visit: Visit, said: Said) -> Iterator[list[Any]]:
    """The film, as how far it has come in HTML, and at the end as a file (see surface.parcel); of
    what hangs as it begins, whatever is thrown meanwhile."""
    words = visit.words
    try:
        found = ready(visit)
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / name_of(found, film.FORMAT)
            for done in film.shot(with_nearest(visit, found), visit.studio.registry, target):
                percent = words("triptych.filming", percent=round(100 * done))
                yield [making(percent, words("triptych.filming.stop"), done), gr.skip()]
            signed = visit.studio.credentials.sign(target.read_bytes(), film.FORMAT)
            sent = parcel(target.name, signed)
    except StudioError as error:
        visit.warn(error)
        yield ["", gr.skip()]
        return
    visit.say("triptych.saved")
    yield ["", sent]


def filming(page: Page) -> None:
    """Below the triptych, or whatever the Gallery shows meanwhile: how far its film has come."""
    bar = gr.HTML(js_on_load=asset("film.js"), elem_classes="filming", apply_default_css=False)
    out = gr.HTML(html_template="", js_on_load=asset("parcel.js"), elem_classes="unseen")

    def stop(visit: Visit) -> str:
        visit.say("triptych.filming.stopped")
        return ""

    shooting = bar.film(
        page.saying(shoot), page.inputs, [bar, out], trigger_mode="multiple", **page.quiet
    )
    bar.stop(page.handler(stop), page.inputs, bar, cancels=[shooting], **page.quiet)


def acts(page: Page) -> dict[str, Callable[[Visit, Said], str | None]]:
    return {
        "look": lambda visit, said: make_next(visit, page),
        "triptych_again": again,
        "triptych_all": all_again,
        "triptych_lock": lock,
        "triptych_keep": keep,
        "triptych_explore": explore,
        "triptych_save": save,
    }
