"""How a duet looks to those who play it, and to those who could."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from studio.errors import StudioError
from studio.medium import media
from studio.store import DuetRow, DuetSideRow
from studio.ui.panel import text
from studio.ui.room_works import dot
from studio.ui.session import Visit
from studio.ui.surface import attributes, button, medium_title, one

OFFERED = 12


def digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def section(
    visit: Visit, duets: Sequence[DuetRow], shown: Mapping[str, Any] | None, stamp: str
) -> str:
    """One's own duet, or how to begin one, and those of the others."""
    words = visit.words
    mine = next((duet for duet in duets if duet.place is not None), None)
    others = "".join(card(visit, duet, mine) for duet in duets if duet.place is None)
    cards = f'<ul class="duet-cards">{others}</ul>' if others else ""
    first = beginning(visit) if mine is None or shown is None else play(visit, mine, shown)
    return f"""<div data-stamp="{stamp}"><h3>{text(words("duet.title"))}</h3>{cards}{first}</div>"""


def beginning(visit: Visit) -> str:
    words = visit.words
    return f"""<p class="hint">{text(words("duet.lead"))}</p>
      <p class="row">{button(words("duet.begin"), "duet_begin")}</p>
      {mine_to_put(visit, visit.medium, "duet_begin")}"""


def card(visit: Visit, duet: DuetRow, mine: DuetRow | None) -> str:
    """A duet of others, and the way into it."""
    words = visit.words
    faces = "".join(side.thumbnail for side in duet.sides)
    names = words("duet.and").join(name(visit, side) for side in duet.sides)
    kind = media().get(duet.medium)
    title = medium_title(kind, visit.language) if kind else duet.medium
    # Two sides, both of them played: there is nothing to join.
    waiting = [side for side in duet.sides if side.is_played]
    if len(waiting) == 2:
        said, way = words("duet.playing", names=names), ""
    else:
        partner = name(visit, waiting[0]) if waiting else names
        said = words("duet.waits", name=partner)
        label = words("duet.join.label", name=partner)
        way = button(
            words("duet.join"), "duet_put", kind="primary", data_duet=duet.id, aria_label=label
        )
    return f"""<li><span class="duet-faces">{faces}</span>
      <span><strong>{text(said)}</strong><span class="hint">{text(title)}</span></span>{way}</li>"""


def play(visit: Visit, duet: DuetRow, shown: Mapping[str, Any]) -> str:
    words, is_waiting = visit.words, len(duet.sides) < 2
    data = attributes(class_="duet-play", data_duet=duet.id, data_revision=duet.revision)
    sides = [side_of(visit, duet, number) for number in range(len(duet.sides))]
    if is_waiting:
        sides.append(f'<p class="duet-side hint">{text(words("duet.waiting"))}</p>')
    keep = "" if is_waiting else button(words("duet.keep"), "duet_keep", kind="primary")
    swap = button(words("duet.put"), "duet_put", data_duet=duet.id)
    leave = button(words("duet.leave"), "duet_leave", kind="quiet")
    return f"""<div{data}>{sides[0]}
      <figure class="stage duet-stage">{shown["html"]}</figure>{sides[1]}
      {"" if is_waiting else slider(visit, duet)}
      <div class="row duet-acts">{keep}{swap}{leave}</div>
      {mine_to_put(visit, duet.medium, "duet_put", data_duet=duet.id)}</div>"""


def side_of(visit: Visit, duet: DuetRow, number: int) -> str:
    words, side = visit.words, duet.sides[number]
    colour = side.member.colour if side.member else "grey"
    state = ""
    if side.member is None:
        state = words("duet.left")
    elif not side.is_played:
        state = words("together.people.away")
    elif duet.place == number:
        state = words("duet.you")
    hint = f'<span class="hint">{text(state)}</span>' if state else ""
    return f"""<p class="duet-side{"" if number else " first"}">
      <span class="duet-face">{side.thumbnail}</span>
      <span>{dot(colour)}
      <bdi>{text(name(visit, side))}</bdi></span>{hint}</p>"""


def slider(visit: Visit, duet: DuetRow) -> str:
    data = attributes(
        type="range",
        min=0,
        max=1,
        step=0.01,
        value=f"{duet.position:.3f}",
        data_desk="duet",
        data_do="mix",
        data_duet=duet.id,
        data_live=True,
        aria_label=visit.words("duet.slider"),
        aria_valuetext=place(visit, duet),
    )
    return f'<p class="duet-slider"><input{data}></p>'


def mine_to_put(visit: Visit, medium: str, do: str, **data: Any) -> str:
    """Works of one's own that one can play with."""
    kept = visit.studio.store.artworks(visit.key, medium, kept=True, limit=OFFERED)
    pinned = visit.studio.store.artworks(visit.key, medium, pinned=True, limit=OFFERED)
    works = list({row.id: row for row in kept + pinned}.values())[:OFFERED]
    if not works:
        return ""
    label = visit.words("duet.put.one", one=one(visit, medium))
    kind = "together-offer"
    offers = "".join(
        f"<li>{button(label, do, row.thumbnail, kind=kind, data_id=row.id, **data)}</li>"
        for row in works
    )
    return f"""<details class="duet-mine"><summary>{text(visit.words("duet.put.mine"))}</summary>
      <ul class="together-offers">{offers}</ul></details>"""


def name(visit: Visit, side: DuetSideRow) -> str:
    return side.member.name if side.member else visit.words("duet.somebody")


def alt(visit: Visit, duet: DuetRow) -> str:
    words = visit.words
    names = words("duet.and").join(name(visit, side) for side in duet.sides)
    return words("duet.alt", one=one(visit, duet.medium), names=names)


def place(visit: Visit, duet: DuetRow) -> str:
    """Where the slider stands, in words."""
    if len(duet.sides) < 2:
        return ""
    first, second = (name(visit, side) for side in duet.sides)
    there = round(100 * duet.position)
    return visit.words("duet.place", here=100 - there, first=first, there=there, second=second)


def gone(visit: Visit, error: StudioError) -> str:
    return f'<p class="note">{text(visit.words.error(error))}</p>'
