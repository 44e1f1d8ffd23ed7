"""Works of a person's own in the Teach tab: what they gave, and the way to learn from it.

Of a file nothing is kept but what a network sees in the work, a small preview of some, and a digest
that tells whether it is there already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from studio.errors import BadUpload
from studio.medium import Artwork
from studio.taste.own_works import OwnWorks, read_works
from studio.taste.transfer import FEWEST, MOST, require_works
from studio.ui import lesson
from studio.ui.panel import text
from studio.ui.session import Visit, passing, require_size
from studio.ui.surface import attributes, button

SHOWN, SEEN = "works", "works-seen"
"""Names of what a session saves: what the page shows, and the features, which learning needs."""
UPLOAD = "teach-works-upload"
PREVIEWS = 12
THUMBNAIL = 96
MOST_LEFT_OUT = 20


def receive(visit: Visit, paths: Sequence[str]) -> None:
    """Read files as works to learn from, beside those that are there.

    Raises:
        BadUpload: with these there would be too many works. Files that cannot be used are listed.
    """
    shown, known = visit.load(SHOWN) or {}, given(visit)
    if not len(known):
        shown = {}
    previews: list[str] = list(shown.get("previews", ()))

    def heard(artwork: Artwork) -> None:
        if len(previews) < PREVIEWS:
            previews.append(artwork.thumbnail(size=THUMBNAIL))

    fitting: list[Path] = []
    left: list[tuple[str, BadUpload]] = []
    for path in map(Path, paths):
        try:
            require_size(visit, path)
            fitting.append(path)
        except BadUpload as error:
            left.append((path.name, error))
    # What the page says of files is that they are not kept.
    with passing(*paths):
        found = read_works(visit.medium_object, visit.generator, fitting, known.digests, heard)
    both = known.with_(replace(found, left_out=[]))
    if len(both) > MOST:
        require_works(len(both))
    visit.save(SEEN, {**both.to_dict(), "base": base(visit)})
    left_out = [(name, visit.words.error(error)) for name, error in left + found.left_out]
    visit.save(SHOWN, {"count": len(both), "previews": previews, "left_out": left_out})
    if len(found):
        visit.say("teach.works.added", count=len(found))
    else:
        visit.say("teach.works.none_added")


def given(visit: Visit) -> OwnWorks:
    """What this person gave, as the version they use sees it; none if that is of another base."""
    saved = visit.load(SEEN) or {}
    return OwnWorks.from_dict(saved if saved.get("base") == base(visit) else {}, visit.generator)


def base(visit: Visit) -> str:
    return visit.studio.registry.base(visit.medium, visit.generator.version).version


def start(visit: Visit) -> None:
    """Queue a lesson on them.

    Raises:
        BadUpload: too few, or they were read for another base.
    """
    works = given(visit)
    if not len(works) and (visit.load(SHOWN) or {}).get("count"):
        raise BadUpload("works_seen_otherwise")
    lesson.start_with(visit, works)


def clear(visit: Visit) -> None:
    visit.save(SEEN, {})
    visit.save(SHOWN, {})
    visit.say("teach.works.cleared")


def section(visit: Visit, choices: str) -> str:
    """What was given, why some was not taken, and the start.

    Args:
        choices: HTML of what is chosen before a lesson, where the page does not show it yet.
    """
    words, shown = visit.words, visit.load(SHOWN) or {}
    count = int(shown.get("count", 0))
    add = attributes(type="button", class_=None if count else "primary", data_go=UPLOAD)
    return f"""<section class="teach-works"><h3>{text(words("teach.works.title"))}</h3>
      <p class="hint">{text(words("teach.works.lead", fewest=FEWEST, most=MOST))}</p>
      {collection(visit, shown, count) if count else ""}{left_out(visit, shown)}
      {choices if count >= FEWEST else ""}
      <p class="row">{ready(visit, count) if count else ""}
        <button{add}>{text(words("teach.works.add"))}</button></p></section>"""


def collection(visit: Visit, shown: dict[str, Any], count: int) -> str:
    words = visit.words
    previews = "".join(f"<li>{preview}</li>" for preview in shown["previews"])
    more = count - len(shown["previews"])
    if more > 0:
        previews += f'<li class="hint">{text(words("teach.works.and_more", count=more))}</li>'
    title = words("teach.works.count" + (".one" if count == 1 else ""), count=count)
    short = words("teach.works.more", missing=FEWEST - count) if count < FEWEST else ""
    return f"""<p><strong>{text(title)}</strong> <span class="hint">{text(short)}</span></p>
      <ul class="own-works">{previews}</ul>"""


def ready(visit: Visit, count: int) -> str:
    words = visit.words
    start = button(
        words("teach.works.start"), "start_works", kind="primary", disabled=count < FEWEST
    )
    return start + button(words("teach.works.clear"), "clear_works", kind="quiet")


def left_out(visit: Visit, shown: dict[str, Any]) -> str:
    rows = shown.get("left_out") or []
    if not rows:
        return ""
    title = text(visit.words("teach.works.left_out", count=len(rows)))
    reasons = "".join(
        f"<li><strong>{text(name)}</strong> {text(why)}</li>" for name, why in rows[:MOST_LEFT_OUT]
    )
    return f"""<details class="left-out"><summary>{title}</summary><ul>{reasons}</ul></details>"""
