"""The map in Teach: latent space coloured by what a person should like, every place a work."""

from __future__ import annotations

from typing import Any

from studio.taste.landscape import COLUMNS, ROWS, Landscape
from studio.taste.reward import require_trusted
from studio.ui.panel import go_once, text
from studio.ui.session import Page, Said, Visit
from studio.ui.surface import attributes, button
from studio.ui.walk import OPEN

STATE = "landscape"
THUMBNAIL = 96


def section(visit: Visit) -> str:
    """The map as it was last drawn, and how to draw it anew."""
    words, saved = visit.words, drawn(visit)
    title = f"<h3>{text(words('teach.map'))}</h3>"
    if saved is None:
        return f"""<section class="landscape">{title}
          <p class="hint">{text(words("teach.map.lead"))}</p>
          <p>{button(words("teach.map.draw"), "draw_map")}</p></section>"""
    cells = "".join(
        cell(visit, number, thumbnail, share)
        for number, (thumbnail, share) in enumerate(
            zip(saved["thumbnails"], saved["shares"], strict=True)
        )
    )
    named = attributes(
        class_="landscape-map",
        role="group",
        aria_label=words("teach.map"),
        style=f"--columns: {COLUMNS}",
    )
    return f"""<section class="landscape">{title}
      <p class="hint">{text(words("teach.map.hint"))}</p><div{named}>{cells}</div>
      <p class="landscape-ends" aria-hidden="true"><span>{text(words("teach.map.left"))}</span>
        <span>{text(words("teach.map.right"))}</span></p>
      <p>{button(words("teach.map.again"), "draw_map", kind="quiet")}</p></section>"""


def cell(visit: Visit, number: int, thumbnail: str, share: float) -> str:
    percent = min(max(round(100 * share), 1), 99)
    row, column = divmod(number, COLUMNS)
    place = {"row": row + 1, "column": column + 1, "share": percent}
    label = visit.words("teach.map.place", **place)
    return button(label, "open_place", thumbnail, data_place=number, style=f"--liking: {share:.2f}")


def drawn(visit: Visit) -> dict[str, Any] | None:
    """What was drawn of the version in use."""
    saved = visit.load(STATE) or {}
    return saved if saved.get("version") == visit.generator.version else None


def draw(visit: Visit, page: Page) -> None:
    """Draw the map of what the ratings so far expect.

    Raises:
        NotEnoughRatings: they say nothing yet.
    """
    generator = visit.generator
    ratings = visit.ratings()
    reward = page.curator.reward(generator, ratings)
    require_trusted(reward, len(ratings))
    found = Landscape.of(generator, reward, page.usual.of(generator))
    recipes = [work.recipe.to_dict() for work in found.artworks if work.recipe]
    visit.save(
        STATE,
        {
            "version": generator.version,
            "thumbnails": [work.thumbnail(size=THUMBNAIL) for work in found.artworks],
            "shares": list(found.shares),
            "recipes": recipes,
        },
    )


def open_place(visit: Visit, said: Said) -> str | None:
    """Explore opens the work of a place."""
    saved = drawn(visit)
    place = int(said["place"]) if str(said["place"]).isdecimal() else -1
    if saved is None or not 0 <= place < ROWS * COLUMNS:
        return None
    visit.save(OPEN, {"recipe": saved["recipes"][place]})
    return go_once("explore")
