"""A room as a file to take along: every work with its recipe, and what came from what."""

from __future__ import annotations

import io
import json
import zipfile

from studio.errors import StudioError
from studio.medium import get_medium, with_sources
from studio.store import MemberRow, RoomRow, RoomWorkRow
from studio.ui.session import Visit
from studio.ui.surface import artwork_of

TEXT = "txt"


def packed(visit: Visit, room: RoomRow) -> tuple[bytes, int]:
    """A zip, and how many works are missing from it since their version is gone.

    Works lie in `works/`, the oldest first, in the first format of their medium and, where it is
    another, as text; `room.json` names makers, parents and files.
    """
    store, content, told, missing = visit.studio.store, io.BytesIO(), [], 0
    works = store.rooms.works(visit.key, room.token)[::-1]
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, work in enumerate(works, start=1):
            try:
                files = exported(visit, work, f"works/{number:03}-{work.medium}")
            except StudioError:
                files, missing = {}, missing + 1
            for name, data in files.items():
                archive.writestr(name, data)
            told.append(described(work, list(files)))
        people = [person(one) for one in store.rooms.members(visit.key, room.token)]
        about = {
            "made_with": "Latent Studio: a machine helped make this",
            "title": room.title,
            "created": room.created.isoformat(),
            "people": people,
            "works": told,
        }
        archive.writestr("room.json", json.dumps(about, ensure_ascii=False, indent=1) + "\n")
    return content.getvalue(), missing


def exported(visit: Visit, work: RoomWorkRow, stem: str) -> dict[str, bytes]:
    """Contents by file name."""
    medium = get_medium(work.medium)
    generator = visit.studio.registry.use(work.medium, work.recipe.version)
    artwork = with_sources(generator, artwork_of(visit, work.recipe))
    wanted = dict.fromkeys([medium.formats[0], *(f for f in medium.formats if f == TEXT)])
    return {f"{stem}.{format}": artwork.export(format) for format in wanted}


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
