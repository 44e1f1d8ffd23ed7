"""A room as a page for the web: works, names, and what came from what, without any script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from studio.medium import Artwork, Medium, Worded, get_medium
from studio.store import MemberRow, RoomRow, RoomWorkRow
from studio.ui import room_works
from studio.ui.assets import asset
from studio.ui.family import drawn
from studio.ui.panel import text
from studio.ui.session import Visit
from studio.ui.surface import attributes

PICTURES = ("jpg", "png", "webp", "svg")
SOUNDS = ("wav", "mp3", "ogg")
SCORES = ("mid",)
# The page may be put anywhere: it runs nothing, and asks no other host for anything but itself.
POLICY = (
    "default-src * data: 'unsafe-inline'; script-src 'none'; object-src 'none'; base-uri 'none'"
)


@dataclass(frozen=True)
class Shown:
    """A work on the page.

    Attributes:
        lines: of a work in words.
        language: of its lines, "" where it has none.
        files: what lies beside the page, by name.
    """

    work: RoomWorkRow
    lines: Sequence[str]
    language: str
    files: Sequence[str]

    @classmethod
    def of(cls, work: RoomWorkRow, artwork: Artwork | None, files: Sequence[str]) -> Shown:
        if artwork is None:
            return cls(work, (), "", files)
        medium = get_medium(work.medium)
        lines = tuple(cast(Worded, artwork).lines) if medium.in_words else ()
        return cls(work, lines, medium.language, files)


def formats(medium: Medium) -> list[str]:
    """What a page shows of a medium: a picture, unless its works are words; a sound, and the notes
    of it; of a medium that has nothing of these, its first format."""
    kinds = (() if medium.in_words else PICTURES, SOUNDS, SCORES)
    found = [next((f for f in kind if f in medium.formats), None) for kind in kinds]
    known = [format for format in found if format is not None]
    return known or ([] if medium.in_words else list(medium.formats[:1]))


def page(visit: Visit, room: RoomRow, people: Sequence[MemberRow], shown: Sequence[Shown]) -> str:
    """The whole page, in the language of the one who saves it.

    Args:
        shown: the oldest first.
    """
    words = visit.words
    names = "".join(f"<li>{room_works.dot(one.colour)} {text(one.name)}</li>" for one in people)
    works = [each.work for each in shown]
    by_id = {work.id: work for work in works}
    family = drawn({work.id: work.parents for work in works}, lambda id: leaf(visit, by_id[id]))
    tree = f"<h2>{text(words('together.tree'))}</h2>{family}" if family else ""
    figures = "".join(figure(visit, each, works) for each in reversed(shown))
    return f"""<!doctype html>
<html lang="{visit.language}"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{text(POLICY)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{text(room.title)} · {text(words("common.studio"))}</title>
<style>{asset("room_page.css")}{asset("family.css")}</style></head>
<body><header><h1>{text(room.title)}</h1><p>{room.created:%Y-%m-%d}</p>
<ul class="people">{names}</ul></header>
<main>{figures}</main>
<section>{tree}</section>
<footer><p>{text(words("together.page.made"))}</p></footer></body></html>
"""


def figure(visit: Visit, shown: Shown, works: Sequence[RoomWorkRow]) -> str:
    words, work = visit.words, shown.work
    alt = text(room_works.alt(visit, work))
    origin = room_works.origin(visit, work, works)
    signs = " ".join(
        f"{room_works.GLYPHS[sign]} {count}" for sign, count in work.reactions.items() if count
    )
    links = "".join(
        f'<a href="{text(file)}" download>{text(words("together.page.notes"))}</a>'
        for file in shown.files
        if ending(file) not in PICTURES + SOUNDS
    )
    notes = "".join(f"<p>{part}</p>" for part in (text(origin), text(signs), links) if part)
    made = words("together.by", name=room_works.maker(visit, work))
    return f"""<figure id="work-{text(work.id)}">{face(shown, alt)}
<figcaption><strong>{room_works.dot(work.member.colour)}
{text(made)}</strong>{notes}</figcaption></figure>
"""


def face(shown: Shown, alt: str) -> str:
    """Words as words, a picture as a picture, and what sounds with a player below it."""
    if shown.lines:
        lines = "<br>".join(map(text, shown.lines))
        return f"<blockquote{attributes(lang=shown.language or None)}>{lines}</blockquote>"
    sounds = "".join(
        f'<audio controls preload="none" src="{text(file)}"></audio>'
        for file in shown.files
        if ending(file) in SOUNDS
    )
    for file in shown.files:
        if ending(file) in PICTURES:
            return f'<img loading="lazy" src="{text(file)}" alt="{alt}">{sounds}'
    return f'<div class="small">{shown.work.thumbnail}</div>{sounds}'


def ending(file: str) -> str:
    return file.rpartition(".")[2]


def leaf(visit: Visit, work: RoomWorkRow) -> str:
    return f"""<a href="#work-{text(work.id)}" aria-label="{text(room_works.alt(visit, work))}">
      {work.thumbnail}<span class="name">{room_works.dot(work.member.colour)}
      <bdi>{text(room_works.maker(visit, work))}</bdi></span></a>"""
