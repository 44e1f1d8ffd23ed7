"""The room that a person is in, whichever tab shows."""

from __future__ import annotations

import re
from typing import Any

from studio.errors import NotFound
from studio.store import RoomRow, RoomWorkRow
from studio.ui.session import Visit

ROOM = "room"
TOKEN = re.compile(r"[\w-]{32}")


def state(visit: Visit) -> dict[str, Any]:
    """{"token": of the room one is in, "invited": of one that a link led to}, for all media."""
    return visit.studio.store.load_state(visit.key, ROOM) or {}


def remember(visit: Visit, **changes: str | None) -> None:
    visit.studio.store.save_state(visit.key, ROOM, state(visit) | changes)


def token_in(said: object) -> str:
    """The token in a link or a code that somebody pasted; what is none leads nowhere."""
    found = TOKEN.findall(str(said)[:2000])
    return found[-1] if found else ""


def present(visit: Visit) -> RoomRow | None:
    """The room this person is in; None: in none."""
    token = state(visit).get("token")
    if not token:
        return None
    try:
        room = visit.studio.store.rooms.room(visit.key, token)
    except NotFound:
        return None
    return room if room.is_member else None


def mine(visit: Visit) -> RoomRow:
    """Raises: NotFound: this person is in no room."""
    room = present(visit)
    if room is None:
        raise NotFound("room_not_in_it")
    return room


def work(visit: Visit, artwork_id: str) -> RoomWorkRow:
    """Raises: NotFound: no such work in the room this person is in."""
    works = visit.studio.store.rooms.works(visit.key, mine(visit).token)
    found = next((one for one in works if one.id == artwork_id), None)
    if found is None:
        raise NotFound("unknown_artwork")
    return found


def is_open(visit: Visit) -> bool:
    """Whether there is a room to share something with."""
    here = present(visit)
    return here is not None and here.closed is None


def teaching(visit: Visit) -> RoomRow | None:
    """The room that learns from what this person rates; None: none does."""
    here = present(visit)
    return here if here is not None and here.teaches and here.closed is None else None


def share(visit: Visit, artwork_id: str) -> None:
    """Raises: NotFound: in no room, or not a work of this person."""
    visit.studio.store.rooms.share(visit.key, mine(visit).token, artwork_id)
    visit.say("together.shared")
