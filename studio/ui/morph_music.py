"""The music of a film in Morph: what can be chosen, and the pace it gives."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

from studio.errors import NotFound, StudioError
from studio.latent import paced
from studio.medium import Recipe
from studio.soundtrack import Musical, Soundtrack, musical
from studio.ui.morph_state import Morph
from studio.ui.session import Visit, passing, require_size
from studio.ui.surface import artwork_of, attributes, button
from studio.ui.walk import DESK, Walk

FILE, FILE_STATE = "file", "morph.file"
NOW = "now."
"""What Explore shows of a medium, whose name follows."""
UPLOAD = "morph-upload"
MOST = 12
DIGITS = 5


@dataclass(frozen=True)
class Chosen:
    """Music that a film can be made to.

    Attributes:
        identity: the same for the same notes.
        about: what the film's file says of it.
    """

    identity: str
    about: Mapping[str, Any]
    play: Callable[[], Soundtrack]


@dataclass(frozen=True)
class Offer:
    """A choice as people see it: what comes back with the gesture, its name, and its picture."""

    value: str
    label: str
    picture: str


def offers(visit: Visit) -> list[Offer]:
    """What Explore shows of each medium that is music, a file that was brought, and what this
    person keeps or has on the shelf, the newest first."""
    words, store, found = visit.words, visit.studio.store, []
    brought = visit.load(FILE_STATE)
    for medium in musical():
        other = of(visit, medium)
        if other.load(DESK) is not None:
            picture = Walk(other).artwork().thumbnail()
            found.append(Offer(NOW + medium.name, words("morph.music.now"), picture))
    if brought:
        name = str(brought["name"])
        label = words("morph.music.brought", name=name)
        found.append(Offer(FILE, label, f"<span>{escape(name)}</span>"))
    for medium in musical():
        rows = {
            row.id: row
            for wanted in ({"pinned": True}, {"kept": True})
            for row in store.artworks(visit.key, medium.name, limit=MOST, **wanted)
        }
        newest = sorted(rows.values(), key=lambda row: row.created, reverse=True)[:MOST]
        for number, row in enumerate(newest, 1):
            label = words("morph.music.work", number=number, date=f"{row.created:%Y-%m-%d}")
            found.append(Offer(row.id, label, row.thumbnail))
    return found


def of(visit: Visit, medium: Musical) -> Visit:
    return Visit(visit.studio, visit.key, medium.name, visit.language)


def chosen(visit: Visit, music: str) -> Chosen | None:
    """What a choice stands for now; None for none, or for what is gone."""
    if music == FILE:
        return of_file(visit)
    if music.startswith(NOW):
        for medium in musical():
            other = of(visit, medium)
            if music == NOW + medium.name and other.load(DESK) is not None:
                recipe = Walk(other).artwork().recipe
                return of_recipe(visit, medium, recipe) if recipe else None
        return None
    row = visit.studio.store.artwork(music, visit.key) if music else None
    for medium in musical():
        if row is not None and row.medium == medium.name:
            return of_recipe(visit, medium, row.recipe)
    return None


def of_recipe(visit: Visit, medium: Musical, recipe: Recipe) -> Chosen:
    about = recipe.to_dict()
    identity = digest(json.dumps([about[key] for key in ("version", "latent", "options")]))
    return Chosen(identity, about, lambda: medium.soundtrack(artwork_of(visit, recipe)))


def of_file(visit: Visit) -> Chosen | None:
    saved = visit.load(FILE_STATE)
    if not saved:
        return None
    midi, medium = base64.b64decode(saved["midi"]), musical()[0]
    return Chosen(
        digest(saved["midi"]), {"file": saved["name"]}, lambda: medium.soundtrack_of(midi)
    )


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def with_pace(visit: Visit, morph: Morph) -> Morph:
    """A film with the pace of its music, as that is now; without, if it has none or it is gone."""
    try:
        found = chosen(visit, morph.music)
    except NotFound:  # The version that made it is not here any more.
        found = None
    if found is None:
        return replace(morph, music="", round=0.0, pace=(), paced_for="")
    if found.identity == morph.paced_for:
        return morph
    track = found.play()
    pace = tuple(round(place, DIGITS) for place in paced(track.energy))
    return replace(morph, round=track.seconds, pace=pace, paced_for=found.identity)


def bring(visit: Visit, path: str) -> bool:
    """Keep a person's MIDI file as music for their films; what is wrong with it is told."""
    with passing(path):
        medium = musical()[0]
        try:
            require_size(visit, Path(path))
            midi = medium.read_music(path)
        except StudioError as error:
            # In the words of the medium that could not read it.
            of(visit, medium).warn(error)
            return False
    packed = base64.b64encode(midi).decode("ascii")
    visit.save(FILE_STATE, {"name": Path(path).name[:80], "midi": packed})
    return True


def section(visit: Visit, morph: Morph, offered: Sequence[Offer]) -> str:
    """The choices; of the chosen one its sound, which the scrub bar plays along."""
    words = visit.words
    none = button(
        words("morph.music.none"), "music", data_value="", aria_pressed=pressed(morph.music, "")
    )
    choices = "".join(
        button(
            offer.label,
            "music",
            offer.picture,
            data_value=offer.value,
            aria_pressed=pressed(morph.music, offer.value),
        )
        for offer in offered
    )
    sound = ""
    found = chosen(visit, morph.music)
    if found is not None:
        source = base64.b64encode(found.play().loop()).decode("ascii")
        data = attributes(
            controls=True,
            loop=True,
            preload="auto",
            aria_label=words("morph.music.sound"),
            src=f"data:audio/flac;base64,{source}",
        )
        sound = f"<audio{data}></audio>"
    hint = words("morph.music.hint" if offered else "morph.music.empty")
    return (
        f'<section class="strip music" aria-label="{escape(words("morph.music"))}">'
        f"<h3>{escape(words('morph.music'))}</h3>"
        f'<div class="strip-row">{none}{choices}</div>{sound}'
        f'<p class="hint">{escape(hint)}</p></section>'
    )


def pressed(music: str, value: str) -> str:
    return str(music == value).lower()
