"""A room as a file to take along: its works with their recipes, or as a page for the web."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping

from studio.errors import NotFound, StudioError
from studio.medium import Artwork, get_medium, media, with_sources
from studio.store import MemberRow, RoomRow, RoomWorkRow
from studio.ui import room_page
from studio.ui.session import Visit
from studio.ui.surface import artwork_of

Entry = tuple[str, bytes]
"""A file's name in the zip, and what is in it."""
TEXT = "txt"


def missing(visit: Visit, room: RoomRow) -> int:
    """How many works will not be in the file since their version is gone."""
    registry = visit.studio.registry
    there = {name: {c.version for c in registry.versions(name)} for name in media()}
    works = visit.studio.store.rooms.works(visit.key, room.token)
    return sum(work.recipe.version not in there.get(work.medium, ()) for work in works)


def stem(room: RoomRow) -> str:
    return f"latent-studio-room-{room.created:%Y-%m-%d}"


def archive(visit: Visit, room: RoomRow) -> Iterator[Entry]:
    """Every work in `works/`, the oldest first, in the first format of its medium and, where it is
    another, as text; `room.json` names makers, parents and files."""
    told = []
    for name, work in numbered(visit, room):
        formats = get_medium(work.medium).formats if work.medium in media() else ()
        wanted = dict.fromkeys([*formats[:1], *(f for f in formats if f == TEXT)])
        files: dict[str, bytes] = {}
        if (artwork := made(visit, work)) is not None:
            files = {f"{name}.{format}": exported(visit, artwork, format) for format in wanted}
        yield from files.items()
        told.append(described(work, list(files)))
    about = {
        "made_with": "Latent Studio: a machine helped make this",
        "title": room.title,
        "created": room.created.isoformat(),
        "people": [person(one) for one in visit.studio.store.rooms.members(visit.key, room.token)],
        "works": told,
    }
    yield "room.json", (json.dumps(about, ensure_ascii=False, indent=1) + "\n").encode()


def website(visit: Visit, room: RoomRow) -> Iterator[Entry]:
    """One folder with an `index.html` that needs nothing besides it: no script, no other host."""
    shown, folder = [], stem(room)
    for name, work in numbered(visit, room):
        files: dict[str, bytes] = {}
        artwork = made(visit, work)
        if artwork is not None:
            for format in room_page.formats(get_medium(work.medium)):
                files[f"{name}.{format}"] = exported(visit, artwork, format)
        yield from ((f"{folder}/{file}", content) for file, content in files.items())
        shown.append(room_page.Shown.of(work, artwork, list(files)))
    people = visit.studio.store.rooms.members(visit.key, room.token)
    yield f"{folder}/index.html", room_page.page(visit, room, people, shown).encode()


KINDS: Mapping[str, Callable[[Visit, RoomRow], Iterator[Entry]]] = {
    "files": archive,
    "page": website,
}


def zipped(entries: Iterator[Entry]) -> Iterator[bytes]:
    """A zip, piece by piece while it is made: a room's works need not all be in memory."""
    pieces = Pieces()
    with zipfile.ZipFile(pieces, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in entries:
            target.writestr(name, content)
            yield pieces.taken()
    yield pieces.taken()


class Pieces(io.RawIOBase):
    """What is written, until it is taken."""

    def __init__(self) -> None:
        self.waiting: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, piece: bytes) -> int:  # type: ignore[override]
        self.waiting.append(bytes(piece))
        return len(piece)

    def taken(self) -> bytes:
        pieces, self.waiting = self.waiting, []
        return b"".join(pieces)


def numbered(visit: Visit, room: RoomRow) -> list[tuple[str, RoomWorkRow]]:
    """The works with names for their files, the oldest first.

    Raises:
        NotFound: not a room this person is in.
    """
    works = visit.studio.store.rooms.works(visit.key, room.token)[::-1]
    return [(f"works/{number:03}-{work.medium}", work) for number, work in enumerate(works, 1)]


def made(visit: Visit, work: RoomWorkRow) -> Artwork | None:
    """The work made again; None: its version is gone."""
    try:
        generator = visit.studio.registry.use(work.medium, work.recipe.version)
        return with_sources(generator, artwork_of(visit, work.recipe))
    except StudioError:
        return None


def exported(visit: Visit, work: Artwork, format: str) -> bytes:
    return visit.studio.credentials.sign(work.export(format), format)


def described(work: RoomWorkRow, files: list[str]) -> dict[str, object]:
    return {
        "id": work.id,
        "files": files,
        "by": work.member.name,
        "shared": work.shared.isoformat(),
        "parents": list(work.parents),
        "reactions": work.reactions,
        "recipe": work.recipe.to_dict(),
    }


def person(member: MemberRow) -> dict[str, str]:
    joined = member.joined.isoformat()
    return {"name": member.name, "colour": member.colour, "joined": joined}


def require_member(room: RoomRow) -> None:
    """Raises: NotFound: a room is saved by those in it."""
    if not room.is_member:
        raise NotFound("room_not_in_it")
