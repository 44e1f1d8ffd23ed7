"""How a room looks, and the door to it."""

from __future__ import annotations

from collections.abc import Sequence

from studio.checkpoint import base_of
from studio.medium import get_medium, media
from studio.store import MemberRow, RoomRow, RoomWorkRow
from studio.store.rooms import COLOURS, NAME, SIGNS, TITLE
from studio.ui.panel import text
from studio.ui.session import Visit
from studio.ui.surface import attributes, button, icon, medium_title

GLYPHS = {"heart": "♥", "spark": "✦", "leaf": "❧"}
SHOWN_WORKS = 60
SHOWN_PEOPLE = 24
OFFERED = 12


def lobby(visit: Visit, trouble: str = "") -> str:
    """Where one is who is in no room."""
    words = visit.words
    note = f'<p class="note" role="alert">{text(trouble)}</p>' if trouble else ""
    return f"""<div class="together-door">
      <h2>{text(words("together.title"))}</h2>{note}
      <p class="lead">{text(words("together.lead"))}</p>
      <div class="together-doors">
      <form data-do="create"><h3>{text(words("together.create"))}</h3>
        {field(words("together.create.title"), "title", TITLE.longest)}
        {who(visit)}
        <button class="primary large">{text(words("together.create.button"))}</button></form>
      <div><form data-do="look_up"><h3>{text(words("together.join"))}</h3>
        {field(words("together.join.link"), "link", 400)}
        <button>{text(words("together.join.button"))}</button></form>
      {rooms(visit)}</div></div></div>"""


def rooms(visit: Visit) -> str:
    """Those one has been in."""
    known = visit.studio.store.rooms.rooms(visit.key)
    if not known:
        return ""
    words = visit.words
    rows = "".join(
        f"<li>{button(words('together.return', title=one.title), 'return', data_room=one.token)}"
        "</li>"
        for one in known[:OFFERED]
        if one.is_member or one.closed is None
    )
    return f"<h3>{text(words('together.back'))}</h3><ul class='together-rooms'>{rows}</ul>"


def invitation(visit: Visit, room: RoomRow) -> str:
    words = visit.words
    return f"""<div class="together-door"><h2>
      {text(words("together.invited", title=room.title))}</h2>
      <p class="lead">{text(words("together.invited.lead"))}</p>
      <form{attributes(data_do="join", data_room=room.token)}>{who(visit)}
        <p class="row"><button class="primary large">{text(words("together.join.button"))}</button>
        {button(words("together.invited.not_now"), "not_now", kind="quiet")}</p></form></div>"""


def field(label: str, name: str, longest: int) -> str:
    data = attributes(name=name, maxlength=longest, required=True, autocomplete="off")
    return f"<label><span>{text(label)}</span><input{data}></label>"


def who(visit: Visit) -> str:
    """Name and colour."""
    words = visit.words
    colours = "".join(
        f"""<label title="{text(words(f"together.colour.{colour}"))}"
          ><input{attributes(type="radio", name="colour", value=colour, checked=number == 0)}
          aria-label="{text(words(f"together.colour.{colour}"))}"
          ><span class="together-dot {colour}" aria-hidden="true"></span></label>"""
        for number, colour in enumerate(COLOURS)
    )
    return f"""{field(words("together.name"), "name", NAME.longest)}
      <fieldset><legend>{text(words("together.colour"))}</legend>{colours}</fieldset>"""


def in_room(visit: Visit, room: RoomRow, playing: str, taste: str) -> str:
    """
    Args:
        playing: the duets of the room.
        taste: what it has learned, and can learn.
    """
    words, shown = visit.words, visit.studio.store.rooms.works(visit.key, room.token)
    data = attributes(
        class_="together-room",
        data_room=room.token,
        data_revision=room.revision,
        data_closed=str(room.closed is not None).lower(),
    )
    closed = f'<p class="note">{text(words("together.closed"))}</p>' if room.closed else ""
    return f"""<div{data}>
      <header class="row"><h2>{text(room.title)}</h2><span class="grow"></span>
        {button(words("together.export"), "export", icon("save") + text(words("together.export")))}
        {close(visit, room)}{button(words("together.leave"), "leave", kind="quiet")}</header>
      {closed}{"" if room.closed else link(visit)}
      <h3 id="together-people">{text(words("together.people"))}</h3>
      <ul data-part="people" class="together-people" aria-labelledby="together-people"
        >{people(visit, room)}</ul>
      {"" if room.closed else share(visit, shown)}
      {"" if room.closed else f'<section data-part="duet">{playing}</section>'}
      <h3>{text(words("together.works"))}</h3>
      <div data-part="works">{works(visit, room, shown)}</div>
      <section data-part="taste">{taste}</section>
      <h3>{text(words("together.tree"))}</h3>
      <div data-part="tree">{tree(visit, shown)}</div></div>"""


def link(visit: Visit) -> str:
    """The script knows the address, and writes it."""
    words = visit.words
    copied = attributes(type="button", data_copy=True, data_copied=words("together.copied"))
    return f"""<p class="row together-link">
      <input readonly data-link aria-label="{text(words("together.link"))}">
      <button{copied}>{text(words("together.copy"))}</button></p>"""


def close(visit: Visit, room: RoomRow) -> str:
    """Asked twice: a closed room stays closed."""
    if not room.is_founder or room.closed:
        return ""
    words = visit.words
    return f"""<details class="menu"><summary>{text(words("together.close"))}</summary>
      <div class="together-sure"><p>{text(words("together.close.sure"))}</p>
      {button(words("together.close.yes"), "close")}</div></details>"""


def people(visit: Visit, room: RoomRow) -> str:
    """Those present first."""
    words = visit.words
    everybody = visit.studio.store.rooms.members(visit.key, room.token)
    everybody.sort(key=lambda one: not one.is_present)
    rows = "".join(
        f"""<li{attributes(class_=None if one.is_present else "away")}>
          <span class="together-dot {text(one.colour)}" aria-hidden="true"></span>
          <strong><bdi>{text(one.name)}</bdi></strong>
          <span class="hint">{text(doing(visit, one))}</span></li>"""
        for one in everybody[:SHOWN_PEOPLE]
    )
    if (more := len(everybody) - SHOWN_PEOPLE) > 0:
        rows += f'<li class="hint">{text(words("together.people.more", count=more))}</li>'
    return rows


def doing(visit: Visit, member: MemberRow) -> str:
    words, tab = visit.words, f"{member.doing.get('tab')}.title"
    if not member.is_present:
        return words("together.people.away")
    if tab not in words:
        return ""
    medium = media().get(str(member.doing.get("medium")))
    version = str(member.doing.get("version") or "")
    own = words("together.doing.taste") if version and base_of(version) != version else version
    parts = [words(tab), medium_title(medium, visit.language) if medium else "", own]
    return words("common.comma").join(filter(None, parts))


def share(visit: Visit, shown: Sequence[RoomWorkRow]) -> str:
    """What Explore shows, or something kept that is not in the room yet."""
    words, there = visit.words, {work.id for work in shown}
    kept = visit.studio.store.artworks(visit.key, kept=True, limit=OFFERED + len(there))
    offered = "".join(
        "<li>"
        + button(
            words("together.share.one", alt=get_words(visit, work.medium)),
            "share",
            work.thumbnail,
            kind="together-offer",
            data_id=work.id,
        )
        + "</li>"
        for work in [one for one in kept if one.id not in there][:OFFERED]
    )
    if offered:
        offered = f"""<p class="hint">{text(words("together.share.kept"))}</p>
          <ul class="together-offers">{offered}</ul>"""
    now = button(words("together.share.explore"), "share_explore", kind="primary")
    return f"""<section><h3>{text(words("together.share"))}</h3>
      <p class="row">{now}</p>{offered}</section>"""


def get_words(visit: Visit, medium: str) -> str:
    """What a work of a medium is called."""
    if medium not in media():
        return medium
    return visit.words.including(get_medium(medium).words)("medium.one")


def alt(visit: Visit, work: RoomWorkRow) -> str:
    one = get_words(visit, work.medium)
    return visit.words("together.alt", one=one, name=work.member.name)


def works(visit: Visit, room: RoomRow, shown: Sequence[RoomWorkRow]) -> str:
    words = visit.words
    if not shown:
        return f'<p class="hint">{text(words("together.works.none"))}</p>'
    makers = {work.id: work.member.name for work in shown}
    tiles = "".join(tile(visit, room, work, makers) for work in shown[:SHOWN_WORKS])
    more = ""
    if len(shown) > SHOWN_WORKS:
        said = words("together.works.more", shown=SHOWN_WORKS, count=len(shown))
        more = f'<p class="hint">{text(said)}</p>'
    return f'<ul class="together-works">{tiles}</ul>{more}'


def tile(visit: Visit, room: RoomRow, work: RoomWorkRow, makers: dict[str, str]) -> str:
    words, name = visit.words, alt(visit, work)
    signs = "".join(sign(visit, room, work, one) for one in SIGNS)
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
    origin = "".join(
        f'<span class="hint">{text(words("together.from", name=makers[parent]))}</span>'
        for parent in work.parents[:1]
    )
    return f"""<li class="together-work" data-work="{text(work.id)}" tabindex="-1"
        aria-label="{text(name)}">{work.thumbnail}
      <p><span class="together-dot {text(work.member.colour)}" aria-hidden="true"></span>
        <bdi>{text(words("together.by", name=work.member.name))}</bdi> {origin}</p>
      <div class="row" role="group" aria-label="{text(words("together.signs"))}">{signs}</div>
      <div class="row">{onward}{back if work.is_mine else ""}</div></li>"""


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


def tree(visit: Visit, shown: Sequence[RoomWorkRow]) -> str:
    """Works under the work they come from; those without kin are not in it."""
    children: dict[str, list[RoomWorkRow]] = {}
    for work in reversed(shown):
        for parent in work.parents[:1]:
            children.setdefault(parent, []).append(work)
    if not children:
        return f'<p class="hint">{text(visit.words("together.tree.none"))}</p>'
    roots = [work for work in reversed(shown) if not work.parents and work.id in children]
    return branch(visit, roots, children)


def branch(
    visit: Visit, siblings: Sequence[RoomWorkRow], children: dict[str, list[RoomWorkRow]]
) -> str:
    rows = "".join(
        f"<li>{leaf(visit, work)}{branch(visit, children.get(work.id, []), children)}</li>"
        for work in siblings
    )
    return f'<ol class="together-tree">{rows}</ol>' if rows else ""


def leaf(visit: Visit, work: RoomWorkRow) -> str:
    said = visit.words("together.tree.go", alt=alt(visit, work))
    data = attributes(type="button", data_show=work.id, aria_label=said, title=said)
    return f"""<button{data}>{work.thumbnail}<span class="together-dot {text(work.member.colour)}"
      aria-hidden="true"></span><bdi>{text(work.member.name)}</bdi></button>"""
