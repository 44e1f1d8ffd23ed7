"""How a room looks, and the door to it."""

from __future__ import annotations

from collections.abc import Sequence

from studio.checkpoint import base_of
from studio.medium import media
from studio.store import MemberRow, RoomRow, RoomWorkRow
from studio.store.rooms import COLOURS, NAME, TITLE
from studio.ui import room_works
from studio.ui.panel import text
from studio.ui.room_file import KINDS
from studio.ui.session import Visit
from studio.ui.surface import attributes, button, icon, medium_title, one

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
    """Those one has been in; the closed ones apart, to look at and to save."""
    known = visit.studio.store.rooms.rooms(visit.key)
    words = visit.words
    shown = [one for one in known if one.closed is None][:OFFERED]
    rows = "".join(
        f"<li>{button(words('together.return', title=one.title), 'return', data_room=one.token)}"
        "</li>"
        for one in shown
    )
    open_ones = f"<h3>{text(words('together.back'))}</h3><ul class='together-rooms'>{rows}</ul>"
    closed = "".join(closed_room(visit, one) for one in known if one.closed is not None)
    closed_ones = f"""<h3>{text(words("together.closed.rooms"))}</h3>
      <ul class="together-rooms">{closed}</ul>"""
    return (open_ones if rows else "") + (closed_ones if closed else "")


def closed_room(visit: Visit, one: RoomRow) -> str:
    words = visit.words
    look = button(words("together.closed.look", title=one.title), "return", data_room=one.token)
    save = saving(visit, one) if one.is_member else ""
    return f"""<li><strong>{text(one.title)}</strong>
      <span class="hint">{text(words("together.closed.on", date=f"{one.closed:%Y-%m-%d}"))}</span>
      <span class="row">{look}{save}</span></li>"""


def saving(visit: Visit, room: RoomRow) -> str:
    """As files with their recipes, or as a page for the web."""
    words = visit.words
    return "".join(
        button(
            words(f"together.export.{kind}.label", title=room.title),
            "export",
            icon("save") + text(words(f"together.export.{kind}")),
            data_room=room.token,
            data_kind=kind,
        )
        for kind in KINDS
    )


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
          >{room_works.dot(colour)}</label>"""
        for number, colour in enumerate(COLOURS)
    )
    return f"""{field(words("together.name"), "name", NAME.longest)}
      <fieldset><legend>{text(words("together.colour"))}</legend>{colours}</fieldset>"""


def in_room(visit: Visit, room: RoomRow, playing: str, taste: str, opened: str | None) -> str:
    """
    Args:
        playing: the duets of the room.
        taste: what it has learned, and can learn.
        opened: the work that is shown large.
    """
    words, shown = visit.words, visit.studio.store.rooms.works(visit.key, room.token)
    large = room_works.large(visit, room, shown, opened) if opened else ""
    data = attributes(
        class_="together-room",
        data_room=room.token,
        data_revision=room.revision,
        data_closed=str(room.closed is not None).lower(),
    )
    closed = f'<p class="note">{text(words("together.closed"))}</p>' if room.closed else ""
    return f"""<div{data}>
      <header class="row"><h2>{text(room.title)}</h2><span class="grow"></span>
        {saving(visit, room)}
        {close(visit, room)}{button(words("together.leave"), "leave", kind="quiet")}</header>
      {closed}{"" if room.closed else link(visit)}
      <h3 id="together-people">{text(words("together.people"))}</h3>
      <ul data-part="people" class="together-people" aria-labelledby="together-people"
        >{people(visit, room)}</ul>
      {"" if room.closed else share(visit, shown)}
      {"" if room.closed else f'<section data-part="duet">{playing}</section>'}
      <h3>{text(words("together.works"))}</h3>
      <div data-part="works">{room_works.grid(visit, room, shown)}</div>
      <section data-part="taste">{taste}</section>
      <h3>{text(words("together.tree"))}</h3>
      <div data-part="tree">{room_works.tree(visit, shown)}</div>{large}</div>"""


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
          {room_works.dot(one.colour)}
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
    own = version
    if version and base_of(version) != version:
        shared = visit.studio.store.room_tastes.versions(visit.key, str(member.doing.get("medium")))
        own = words("together.doing.room" if version in shared else "together.doing.taste")
    parts = [words(tab), medium_title(medium, visit.language) if medium else "", own]
    return words("common.comma").join(filter(None, parts))


def share(visit: Visit, shown: Sequence[RoomWorkRow]) -> str:
    """What Explore shows, or something kept that is not in the room yet."""
    words, there = visit.words, {work.id for work in shown}
    kept = visit.studio.store.artworks(visit.key, kept=True, limit=OFFERED + len(there))
    offered = "".join(
        "<li>"
        + button(
            words("together.share.one", alt=one(visit, work.medium)),
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
