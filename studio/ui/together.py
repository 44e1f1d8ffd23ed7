"""The Together tab: a room that several people share, and the pulse that keeps it live."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

import gradio as gr

from studio.errors import NotFound
from studio.ui import duet, room, room_download, room_file, room_map, room_taste, room_works
from studio.ui import room_taste_view as taste_view
from studio.ui import together_view as view
from studio.ui.assets import asset
from studio.ui.panel import go_once, onward_once, panel
from studio.ui.session import Page, Said, Visit
from studio.ui.walk import Walk, open_next, store_artwork

TAB = "together"


def build(page: Page) -> gr.Tab:
    with gr.Tab(page.i18n("together.title"), id=TAB, elem_id=f"tab-{TAB}") as tab:
        style = "".join(asset(f"{name}.css") for name in ("teach", "together", "duet", "family"))
        panel(page, tab, draw, ACTS, script=asset("together.js") + asset("teach.js"), style=style)
        duet.build(page)
    return tab


def pulse(page: Page) -> None:
    """Beside the tabs, since people are in their room whichever of them shows."""
    heart = gr.HTML(html_template="", js_on_load=asset("pulse.js"), elem_classes="unseen")

    def heard(visit: Visit, said: Said) -> dict[str, Any]:
        answer = beat(visit, said)
        here = room.present(visit) if answer["room"] and said.get("tab") == room_map.TAB else None
        if here is not None:
            answer["map"] = room_map.told(visit, here, said, page)
        return answer

    heart.beat(page.saying(heard), page.inputs, heart, **page.quiet)


def draw(visit: Visit) -> str:
    here = room.present(visit)
    if here is not None:
        playing = duet.section(visit, here, duet.all_of(visit, here))
        taste, opened = taste_view.section(visit, here), room.state(visit).get("open")
        return view.in_room(visit, here, playing, taste, opened)
    invited = room.state(visit).get("invited")
    if invited is None:
        return view.lobby(visit)
    try:
        wanted = visit.studio.store.rooms.room(visit.key, invited)
    except NotFound as error:
        room.remember(visit, invited=None)
        return view.lobby(visit, visit.words.error(error))
    return view.invitation(visit, wanted)


def beat(visit: Visit, said: Said) -> dict[str, Any]:
    """What changed since the page last heard; next to nothing where nothing did."""
    answer: dict[str, Any] = {"stamp": secrets.token_hex(4), "room": ""}
    store = visit.studio.store
    try:
        if said.get("invited"):
            invite(visit, room.token_in(said["invited"]))
            answer["open"] = True
        here = room.present(visit)
    except NotFound:
        # The page asks before its session is opened; it will ask again.
        return answer | {"early": True}
    if here is None:
        return answer
    doing = {
        "tab": str(said.get("tab")),
        "medium": visit.medium,
        "version": store.current_version(visit.key, visit.medium) or "",
        **room_map.place(visit, said),
    }
    revision = store.rooms.beat(visit.key, here.token, doing)
    answer |= {"room": here.token, "revision": revision, "closed": here.closed is not None}
    if said.get("tab") != TAB:
        return answer
    people = view.people(visit, here)
    answer["people"] = hashlib.sha256(people.encode()).hexdigest()[:16]
    parts = {"people": people} if answer["people"] != said.get("people") else {}
    if revision != said.get("revision"):
        works = store.rooms.works(visit.key, here.token)
        parts |= {
            "works": room_works.grid(visit, here, works),
            "tree": room_works.tree(visit, works),
        }
    if here.closed is None:
        told, drawn = duet.heard(visit, here, said)
        answer, parts = answer | told, parts | drawn
    if said.get("taste") is not None:
        taste = taste_view.section(visit, here)
        if taste_view.stamp(taste) != said["taste"]:
            parts["taste"] = taste
    return answer | {"parts": parts}


def invite(visit: Visit, token: str) -> None:
    """A link leads to its room, or into it for one who is already there."""
    here = room.present(visit)
    if here is None or here.token != token:
        room.remember(visit, invited=token, token=None)


def create(visit: Visit, said: Said) -> None:
    token = visit.studio.store.rooms.create(
        visit.key, str(said["title"]), str(said["name"]), str(said.get("colour"))
    )
    room.remember(visit, token=token, invited=None)


def look_up(visit: Visit, said: Said) -> None:
    """Somebody pasted a link. Raises: NotFound: it leads nowhere."""
    token = room.token_in(said["link"])
    visit.studio.store.rooms.room(visit.key, token)
    room.remember(visit, invited=token)


def join(visit: Visit, said: Said) -> None:
    token = str(said["room"])
    name, colour = str(said["name"]), str(said.get("colour"))
    visit.studio.store.rooms.join(visit.key, token, name, colour)
    room.remember(visit, token=token, invited=None)


def come_back(visit: Visit, said: Said) -> None:
    """Straight into a room that was only out of sight or is closed, else to its door."""
    token = str(said["room"])
    here = visit.studio.store.rooms.room(visit.key, token)
    if here.closed is not None and not here.is_member:
        visit.studio.store.rooms.come_back(visit.key, token)
    if here.is_member or here.closed is not None:
        room.remember(visit, token=token, invited=None)
    else:
        room.remember(visit, invited=token)


def not_now(visit: Visit, said: Said) -> None:
    room.remember(visit, invited=None)


def share_explore(visit: Visit, said: Said) -> None:
    room.share(visit, store_artwork(visit, Walk(visit).artwork()))


def share(visit: Visit, said: Said) -> None:
    room.share(visit, str(said["id"]))


def take_back(visit: Visit, said: Said) -> None:
    visit.studio.store.rooms.take_back(visit.key, room.mine(visit).token, str(said["id"]))


def react(visit: Visit, said: Said) -> None:
    here = room.mine(visit)
    visit.studio.store.rooms.react(visit.key, here.token, str(said["id"]), str(said["sign"]))


def further(visit: Visit, said: Said) -> str:
    """Explore opens the work; what is made there descends from it."""
    work = room.work(visit, str(said["id"]))
    # An open dialog would keep the hands off every other tab.
    room.remember(visit, open=None)
    open_next(visit, work.id, work.recipe)
    if work.medium == visit.medium:
        return go_once("explore")
    return onward_once(work.medium)


def look_at(visit: Visit, said: Said) -> None:
    room.remember(visit, open=room.work(visit, str(said["id"])).id)


def look_away(visit: Visit, said: Said) -> None:
    room.remember(visit, open=None)


def export(visit: Visit, said: Said) -> str:
    """The browser fetches the file by itself, since a room may be large."""
    here = visit.studio.store.rooms.room(visit.key, str(said["room"]))
    if missing := room_file.missing(visit, here):
        visit.say("together.export.left_out", count=missing)
    else:
        visit.say("together.export.done")
    return room_download.form(visit, here, str(said["kind"]))


def leave(visit: Visit, said: Said) -> None:
    here = room.mine(visit)
    # A closed one is only put out of sight: those who were in it at the end can always save it.
    if here.closed is None:
        visit.studio.store.rooms.leave(visit.key, here.token)
    room.remember(visit, token=None, open=None)
    visit.say("together.left")


def close(visit: Visit, said: Said) -> None:
    visit.studio.store.rooms.close(visit.key, room.mine(visit).token)


ACTS = {
    "create": create,
    "look_up": look_up,
    "join": join,
    "return": come_back,
    "not_now": not_now,
    "share_explore": share_explore,
    "share": share,
    "take_back": take_back,
    "react": react,
    "further": further,
    "look_at": look_at,
    "look_away": look_away,
    "export": export,
    "leave": leave,
    "close": close,
    **duet.ACTS,
    **room_taste.ACTS,
}
