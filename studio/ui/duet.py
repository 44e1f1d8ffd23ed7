"""A duet in a room: two people put a work each, and one slider mixes them for both."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

import gradio as gr

from studio.checkpoint import base_of
from studio.errors import NotFound, StudioError
from studio.latent import point
from studio.manipulation import between
from studio.medium import Artwork, latents_of
from studio.store import DuetRow, RoomRow
from studio.ui import duet_view as view
from studio.ui import room
from studio.ui.assets import asset
from studio.ui.session import Page, Said, Visit
from studio.ui.surface import artwork_of
from studio.ui.walk import Walk, artwork_row, number, store_artwork


class BadDuet(StudioError):
    """Two works that cannot be mixed."""


def build(page: Page) -> None:
    """Where moves of the slider come in: drawn anew with the room, it would slip from the hand."""
    desk = gr.HTML(html_template="", js_on_load=asset("duet.js"), elem_classes="unseen")
    desk.mix(page.saying(mix), page.inputs, desk, trigger_mode="multiple", **page.quiet)


def all_of(visit: Visit, here: RoomRow) -> list[DuetRow]:
    """One's own first, then those in which somebody is there to play with."""
    found = visit.studio.store.duets.duets(visit.key, here.token)
    there = [
        duet
        for duet in found
        if duet.place is not None or any(side.is_played for side in duet.sides)
    ]
    return sorted(there, key=lambda duet: duet.place is None)


def own(visit: Visit, here: RoomRow) -> DuetRow:
    """Raises: NotFound: this person plays in none."""
    duet = next((one for one in all_of(visit, here) if one.place is not None), None)
    if duet is None:
        raise NotFound("unknown_duet")
    return duet


def free_place(duet: DuetRow) -> int | None:
    """The side that somebody who comes would take."""
    if len(duet.sides) == 1:
        return 1
    return next((place for place in (1, 0) if not duet.sides[place].is_played), None)


def section(visit: Visit, here: RoomRow, duets: list[DuetRow]) -> str:
    mine = next((duet for duet in duets if duet.place is not None), None)
    shown = told(visit, mine) if mine else None
    return view.section(visit, duets, shown, stamp(duets))


def stamp(duets: list[DuetRow]) -> str:
    """Differs where another picture of who plays what with whom has to be drawn."""
    who = [
        (
            duet.id,
            duet.place,
            [(s.work, s.member and s.member.id, s.is_played) for s in duet.sides],
        )
        for duet in duets
    ]
    return view.digest(repr(who))


def heard(visit: Visit, here: RoomRow, said: Said) -> tuple[dict[str, Any], dict[str, str]]:
    """What a page has to hear of the duets, and the part of the room to be drawn anew."""
    duets = all_of(visit, here)
    if stamp(duets) != said.get("duet"):
        return {}, {"duet": section(visit, here, duets)}
    mine = next((duet for duet in duets if duet.place is not None), None)
    if mine is None or mine.revision == said.get("mix"):
        return {}, {}
    return {"mix": told(visit, mine)}, {}


def told(visit: Visit, duet: DuetRow) -> dict[str, Any]:
    """What both see: the mixture and where the slider stands."""
    alt = view.alt(visit, duet)
    try:
        html = mixture(visit, duet).show(alt)
    except StudioError as error:
        html = view.gone(visit, error)
    return {
        "id": duet.id,
        "revision": duet.revision,
        "position": duet.position,
        "said": view.place(visit, duet),
        "html": html,
    }


def mixture(visit: Visit, duet: DuetRow) -> Artwork:
    """The work between the two, as the first one's version and choices make it; before anybody
    else came, the first one's work itself.

    Raises:
        NotFound, BadCheckpoint: its version is no more.
    """
    recipes = [side.recipe for side in duet.sides]
    first = recipes[0]
    if len(recipes) < 2:
        return artwork_of(visit, first)
    generator = visit.studio.registry.use(duet.medium, first.version)
    latent = point(latents_of(recipes), duet.position, centre=generator.statistics.mean)
    shares = (1 - duet.position, duet.position)
    options = between(generator, [recipe.options for recipe in recipes], shares)
    artwork = generator.decode(latent[None], options)[0]
    artwork.recipe = first.with_(
        latent=tuple(latent.tolist()),
        seed=None,
        options=options,
        parents=tuple(dict.fromkeys(side.work for side in duet.sides)),
        how="duet",
    )
    return artwork


def mix(visit: Visit, said: Said) -> dict[str, Any]:
    """The newest place of the slider; the script has to hear that it came, whatever it led to."""
    answer: dict[str, Any] = {"stamp": secrets.token_hex(4)}
    gesture = said["gestures"][-1]
    try:
        here = room.mine(visit)
        place = number(gesture["value"])
        visit.studio.store.duets.move(visit.key, here.token, int(number(gesture["duet"])), place)
        return answer | told(visit, own(visit, here))
    except StudioError as error:
        visit.warn(error)
        return answer


def chosen(visit: Visit, said: Said, medium: str) -> str:
    """The id of a work of this person's: the one they mean, or what Explore shows them."""
    guest = replace(visit, medium=medium)
    if said.get("id"):
        return artwork_row(guest, str(said["id"])).id
    return store_artwork(guest, Walk(guest).artwork())


def begin(visit: Visit, said: Said) -> None:
    work = chosen(visit, said, visit.medium)
    visit.studio.store.duets.begin(visit.key, room.mine(visit).token, work)


def put(visit: Visit, said: Said) -> None:
    """Join a duet with a work, or put another one on one's own side.

    Raises:
        BadDuet: the two works come from different models.
    """
    here, wanted = room.mine(visit), int(number(said["duet"]))
    known = visit.studio.store.duets.duets(visit.key, here.token)
    duet = next((one for one in known if one.id == wanted), None)
    if duet is None:
        raise NotFound("unknown_duet")
    work = chosen(visit, said, duet.medium)
    place = free_place(duet) if duet.place is None else duet.place
    row = visit.studio.store.artwork(work)
    for other in [side for index, side in enumerate(duet.sides) if index != place]:
        if row and place is not None and base_of(row.version) != base_of(other.recipe.version):
            raise BadDuet("duet_other_base")
    visit.studio.store.duets.put(visit.key, here.token, duet.id, work)


def keep(visit: Visit, said: Said) -> None:
    """The mixture as it is now, in the room, with both works as its parents."""
    duet = own(visit, room.mine(visit))
    if len(duet.sides) == 2:
        room.share(visit, store_artwork(visit, mixture(visit, duet)))


def leave(visit: Visit, said: Said) -> None:
    visit.studio.store.duets.leave(visit.key, room.mine(visit).token)


ACTS = {"duet_begin": begin, "duet_put": put, "duet_keep": keep, "duet_leave": leave}
