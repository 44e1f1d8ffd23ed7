"""Works of a person's own in the Teach tab: what they gave, and the way to learn from it.

Of a file nothing is kept but what a network sees in the work, a small preview of some, and a digest
that tells whether it is there already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from studio.medium import Artwork
from studio.taste.own_works import OwnWorks, read_works
from studio.taste.transfer import FEWEST, MOST, require_works
from studio.ui.panel import text
from studio.ui.session import Visit, require_size
from studio.ui.surface import button

SHOWN, SEEN = "works", "works-seen"
"""Names of what a session saves: what the page shows, and the features, which only learning needs."""
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

    for path in paths:
        require_size(visit, Path(path))
    found = read_works(
        visit.medium_object, visit.generator, [Path(path) for path in paths], known.digests, heard
    )
    both = known.with_(replace(found, left_out=[]))
    if len(both) > MOST:
        require_works(len(both))
    visit.save(SEEN, both.to_dict())
    left_out = [(name, visit.words.error(error)) for name, error in found.left_out]
    visit.save(SHOWN, {"count": len(both), "previews": previews, "left_out": left_out})
    if len(found):
        visit.say("teach.works.added", count=len(found))
    else:
        visit.say("teach.works.none_added")


def given(visit: Visit) -> OwnWorks:
    """What this person gave, as the version they use sees it."""
    return OwnWorks.from_dict(visit.load(SEEN) or {}, visit.generator)


def clear(visit: Visit) -> None:
    visit.save(SEEN, {})
    visit.save(SHOWN, {})
    visit.say("teach.works.cleared")


def section(visit: Visit) -> str:
    """What was given, why some was not taken, and the start."""
    words, shown = visit.words, visit.load(SHOWN) or {}
    count = int(shown.get("count", 0))
    return f"""<section class="teach-works"><h3>{text(words("teach.works.title"))}</h3>
      <p class="hint">{text(words("teach.works.lead", fewest=FEWEST, most=MOST))}</p>
      {collection(visit, shown, count) if count else ""}{left_out(visit, shown)}</section>"""


def collection(visit: Visit, shown: dict[str, Any], count: int) -> str:
    words = visit.words
    previews = "".join(f"<li>{preview}</li>" for preview in shown["previews"])
    more = count - len(shown["previews"])
    if more > 0:
        previews += f'<li class="hint">{text(words("teach.works.and_more", count=more))}</li>'
    title = words("teach.works.count" + (".one" if count == 1 else ""), count=count)
    missing = FEWEST - count
    short = text(words("teach.works.more", missing=missing)) if missing > 0 else ""
    start = button(words("teach.works.start"), "start_works", kind="primary", disabled=missing > 0)
    away = button(words("teach.works.clear"), "clear_works", kind="quiet")
    return f"""<p><strong>{text(title)}</strong> <span class="hint">{short}</span></p>
      <ul class="own-works">{previews}</ul><p class="row">{start}{away}</p>"""


def left_out(visit: Visit, shown: dict[str, Any]) -> str:
    rows = shown.get("left_out") or []
    if not rows:
        return ""
    title = text(visit.words("teach.works.left_out", count=len(rows)))
    reasons = "".join(
        f"<li><strong>{text(name)}</strong> {text(why)}</li>" for name, why in rows[:MOST_LEFT_OUT]
    )
    return f"""<details class="left-out"><summary>{title}</summary><ul>{reasons}</ul></details>"""
