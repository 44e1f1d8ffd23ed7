"""Small pictures of places on maps, made as somebody comes near and kept for everybody."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from html import escape
from threading import Lock
from typing import Any, cast

from studio.atlas import Atlas
from studio.medium import Artwork, Generator, Medium, Worded

ACROSS = 4
"""Steps from side to side of the whole map, where it is shown smallest."""
DEEPEST = 7
"""How often they are halved as one comes nearer."""
FINEST = ACROSS * 2**DEEPEST
THUMBNAIL = 96
MOST_ASKED = 40
MOST_KEPT = 6000
CHUNK = 4
"""A picture that somebody points at meanwhile waits for no more than these."""

Place = tuple[int, int]
"""Steps of 1 / FINEST to the right and downwards."""


class Tiles:
    """One for a process."""

    def __init__(self) -> None:
        self.kept: OrderedDict[tuple[str, str, Place], str] = OrderedDict()
        self.lock = Lock()

    def fetch(
        self, medium: Medium, generator: Generator, atlas: Atlas, places: Sequence[Place]
    ) -> Iterator[dict[str, str]]:
        """Thumbnails by "across/down", all that are there so far each time: what is known comes at
        once."""
        name = (generator.medium, generator.version)
        with self.lock:
            found = {place: self.kept.get((*name, place)) for place in places}
        missing = [place for place, thumbnail in found.items() if thumbnail is None]
        if len(missing) < len(found) or not missing:
            yield named(found)
        for start in range(0, len(missing), CHUNK):
            some = missing[start : start + CHUNK]
            points = atlas.noise.new_tensor(some) / FINEST
            works = generator.decode(atlas.latents(generator, points))
            fresh = {place: face(medium, work) for place, work in zip(some, works, strict=True)}
            found |= fresh
            with self.lock:
                self.kept.update({(*name, place): html for place, html in fresh.items()})
                while len(self.kept) > MOST_KEPT:
                    self.kept.popitem(last=False)
            yield named(found)


def face(medium: Medium, work: Artwork) -> str:
    """A work, small; of one in words what it begins with, since nobody reads a page that small."""
    if not medium.in_words:
        return work.thumbnail(size=THUMBNAIL)
    lines = cast(Worded, work).lines
    return f'<span lang="{medium.language}">{escape(lines[0] if lines else "")}</span>'


def named(found: dict[Place, str | None]) -> dict[str, str]:
    return {f"{across}/{down}": html for (across, down), html in found.items() if html is not None}


def asked(wanted: Any) -> list[Place]:
    """The places that a browser asks for; what is none is left out."""
    found: list[Place] = []
    for one in wanted[:MOST_ASKED] if isinstance(wanted, list) else ():
        across, _, down = str(one)[:16].partition("/")
        if across.isdecimal() and down.isdecimal():
            place = (int(across), int(down))
            if max(place) <= FINEST:
                found.append(place)
    return list(dict.fromkeys(found))
