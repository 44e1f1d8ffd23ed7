"""The works of a room: side by side, one of them large, and what came from what."""

from __future__ import annotations

from collections.abc import Sequence

from studio.errors import StudioError
from studio.store import MOST_STARS, RoomRow, RoomWorkRow
from studio.store.rooms import SIGNS
from studio.ui.family import drawn
from studio.ui.panel import text
from studio.ui.session import Visit
from studio.ui.surface import artwork_of, attributes, button, icon, one, step

GLYPHS = {"heart": "♥", "spark": "✦", "leaf": "❧"}
SHOWN_WORKS = 60


def dot(colour: str) -> str:
    """Somebody's colour."""
    return f'<span class="together-dot {text(colour)}" aria-hidden="true"></span>'


def maker(visit: Visit, work: RoomWorkRow) -> str:
    """Who shared a work; somebody who deleted everything has no name any more."""
    return work.member.name or visit.words("together.somebody")


def alt(visit: Visit, work: RoomWorkRow) -> str:
    return visit.words("together.alt", one=one(visit, work.medium), name=maker(visit, work))


def origin(visit: Visit, work: RoomWorkRow, shown: Sequence[RoomWorkRow]) -> str:
    """Whose works it comes from, "" where it comes from none of the room."""
    makers = {each.id: maker(visit, each) for each in shown}
    names = dict.fromkeys(makers[parent] for parent in work.parents if parent in makers)
    if not names:
        return ""
    is_duet = work.recipe.how == "duet" and len(work.parents) > 1
    key = "together.from.duet" if is_duet else "together.from"
    return visit.words(key, name=visit.words("duet.and").join(names))


def grid(visit: Visit, room: RoomRow, shown: Sequence[RoomWorkRow]) -> str:
    words = visit.words
    if not shown:
        return f'<p class="hint">{text(words("together.works.none"))}</p>'
    tiles = "".join(tile(visit, room, work, shown) for work in shown[:SHOWN_WORKS])
    more = ""
    if len(shown) > SHOWN_WORKS:
        said = words("together.works.more", shown=SHOWN_WORKS, count=len(shown))
        more = f'<p class="hint">{text(said)}</p>'
    return f'<ul class="together-works">{tiles}</ul>{more}'


def tile(visit: Visit, room: RoomRow, work: RoomWorkRow, shown: Sequence[RoomWorkRow]) -> str:
    name = alt(visit, work)
    label = visit.words("together.open", alt=name)
    face = button(label, "look_at", work.thumbnail, kind="together-face", data_id=work.id)
    data = attributes(class_="together-work", data_work=work.id, aria_label=name)
    return f"""<li{data}>{face}
      {about(visit, work, shown)}{signs(visit, room, work)}{acts(visit, work)}</li>"""


def about(visit: Visit, work: RoomWorkRow, shown: Sequence[RoomWorkRow]) -> str:
    """Whose it is."""
    said = origin(visit, work, shown)
    hint = f'<span class="hint">{text(said)}</span>' if said else ""
    return f"""<p>{dot(work.member.colour)}
      <bdi>{text(visit.words("together.by", name=maker(visit, work)))}</bdi> {hint}</p>"""


def signs(visit: Visit, room: RoomRow, work: RoomWorkRow) -> str:
    buttons = "".join(sign(visit, room, work, each) for each in SIGNS)
    label = text(visit.words("together.signs"))
    return f'<div class="row" role="group" aria-label="{label}">{buttons}</div>'


def sign(visit: Visit, room: RoomRow, work: RoomWorkRow, one: str) -> str:
    count = work.reactions.get(one, 0)
    return button(
        visit.words(f"together.sign.{one}", count=count),
        "react",
        f"{GLYPHS[one]} {count or ''}",
        kind="chip",
        data_id=work.id,
        data_sign=one,
        aria_pressed=str(work.mine == one).lower(),
        disabled=room.closed is not None,
    )


def acts(visit: Visit, work: RoomWorkRow) -> str:
    words, name = visit.words, alt(visit, work)
    onward = button(
        words("together.further.label", alt=name),
        "further",
        text(words("together.further")),
        data_id=work.id,
    )
    back = button(
        words("together.take_back.label", alt=name),
        "take_back",
        text(words("together.take_back")),
        kind="quiet",
        data_id=work.id,
    )
    return f'<div class="row">{onward}{back if work.is_mine else ""}</div>'


def large(visit: Visit, room: RoomRow, shown: Sequence[RoomWorkRow], opened: str) -> str:
    """One work over the room, with the way to the next one; "" where it is no longer there."""
    place = next((n for n, each in enumerate(shown) if each.id == opened), None)
    if place is None:
        return ""
    work, words, name = shown[place], visit.words, alt(visit, shown[place])
    try:
        picture = artwork_of(visit, work.recipe).show(name)
    except StudioError:
        # A version can be deleted from the disk; what was made with it is still remembered.
        picture = work.thumbnail
    before = shown[place - 1].id if place else None
    after = shown[place + 1].id if place + 1 < len(shown) else None
    shut = button(words("together.close_work"), "look_away", icon("close"), kind="quiet")
    data = attributes(class_="together-large", data_large=work.id, aria_label=name)
    return f"""<dialog{data}>
      <div class="row">{shut}<span class="grow"></span>
        {step(visit, "look_at", "left", "before", before)}
        {step(visit, "look_at", "right", "after", after)}</div>
      <figure class="stage">{picture}</figure>
      <div class="together-about">{about(visit, work, shown)}{signs(visit, room, work)}
        {stars(visit, work)}{acts(visit, work)}</div></dialog>"""


def stars(visit: Visit, work: RoomWorkRow) -> str:
    """One's own, which nobody else sees."""
    words = visit.words
    mine = visit.studio.store.same_artwork(visit.key, work.recipe)
    given = (mine.stars if mine else None) or 0
    row = "".join(
        button(
            words("taste.star", stars=count),
            "stars",
            "★" if count <= given else "☆",
            data_id=work.id,
            data_stars=count,
            aria_pressed=str(count == given).lower(),
        )
        for count in range(1, MOST_STARS + 1)
    )
    label = text(words("taste.rate"))
    return f"""<div class="row"><span class="together-stars" role="group" aria-label="{label}">{row}
      </span><span class="hint">{label}</span></div>"""


def tree(visit: Visit, shown: Sequence[RoomWorkRow]) -> str:
    """Every work that has kin, under all its parents."""
    works = {work.id: work for work in reversed(shown)}
    parents = {work.id: work.parents for work in works.values()}
    family = drawn(parents, lambda id: leaf(visit, works[id], shown))
    return family or f'<p class="hint">{text(visit.words("together.tree.none"))}</p>'


def leaf(visit: Visit, work: RoomWorkRow, shown: Sequence[RoomWorkRow]) -> str:
    said = visit.words("together.open", alt=alt(visit, work))
    if came := origin(visit, work, shown):
        said = f"{said}, {came}"
    face = f"""{work.thumbnail}<span class="name">{dot(work.member.colour)}
      <bdi>{text(maker(visit, work))}</bdi></span>"""
    data = {"data_do": "look_at", "data_id": work.id, "aria_label": said, "title": said}
    return f"<button{attributes(type='button', **data)}>{face}</button>"
