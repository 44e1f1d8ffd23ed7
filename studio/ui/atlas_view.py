"""What the Map tab shows beside the map itself, which assets/map.js draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from studio.atlas import Atlas
from studio.errors import NotEnoughRatings
from studio.medium import Artwork, Generator
from studio.store import ArtworkRow
from studio.taste import Curator
from studio.taste.explain import Samples
from studio.taste.landscape import liking
from studio.ui.explore_view import remarks
from studio.ui.panel import text
from studio.ui.readout import way
from studio.ui.session import Visit
from studio.ui.surface import attributes, button, icon
from studio.ui.tiles import ACROSS, DEEPEST
from studio.words import Words

REGIONS = (4, 8)
"""Regions along each side that have names, seen from afar and from near."""
STRIKING = 0.6
"""Standard deviations of the whole map, at least, for a region to be called after an attribute."""
MOST_NAMES = 2
MOST_PINS = 24


def chart(words: Words, of: str, atlas: Atlas, spot: Sequence[float], trail: Sequence[Any]) -> Any:
    """The value from which the map is drawn; `of` says which map it is."""
    said = {key: words(f"map.{key}") for key in ("label", "hint", "walk", "liking.hint")}
    said["comma"] = words("common.comma")
    return {
        "of": of,
        "words": said,
        "across": ACROSS,
        "deepest": DEEPEST,
        "regions": [regions(words, atlas, count) for count in REGIONS],
        "spot": list(spot),
        "trail": [list(point) for point in trail],
        "tools": tools(words),
    }


def instead(sentence: str) -> Any:
    """What stands where the map should, while there is none."""
    return {"instead": sentence}


def tools(words: Words) -> str:
    """Buttons over and under the map."""
    arrows = "".join(
        f"<button{attributes(type='button', tabindex=-1, aria_hidden='true', data_move=way)}"
        f"{attributes(data_key=f'Arrow{way.title()}', title=words(f'map.{way}'))}></button>"
        for way in ("left", "right", "up", "down")
    )
    zoom = "".join(
        tool(words(f"map.{name}"), name, sign, data_key=key)
        for name, sign, key in (
            ("nearer", "+", "+"),
            ("farther", "−", "-"),
            ("whole", icon("whole"), "0"),
        )
    )
    layers = "".join(
        tool(words(f"map.{name}"), name, "", aria_pressed="true", data_key=key)
        for name, key in (("names", "n"), ("works", "w"), ("liking", "l"), ("room", "r"))
    )
    trail = "".join(
        tool(words(f"map.{name}"), name, "", data_key=key, **more)
        for name, key, more in (
            ("draw", "m", {"aria_pressed": "false"}),
            ("stop", "a", {}),
            ("forget", "x", {}),
        )
    )
    return (
        f'<div class="unseen">{arrows}</div><div class="map-zoom" role="toolbar" '
        f'aria-label="{text(words("map.zoom"))}">{zoom}</div>'
        f'<div class="map-tools"><span role="group" aria-label="{text(words("map.layers"))}">'
        f'{layers}</span><span role="group" aria-label="{text(words("map.trail"))}">{trail}'
        f"{button('', 'walk', kind='strong')}</span></div>"
    )


def tool(label: str, name: str, content: str, **values: Any) -> str:
    """A button that the map itself answers."""
    said = {"aria_label": label, "title": label} if content else {}
    data = attributes(type="button", data_tool=name, **said, **values)
    return f"<button{data}>{content or text(label)}</button>"


def regions(words: Words, atlas: Atlas, count: int) -> list[dict[str, Any]]:
    """Names of regions in rows of `count`: one that is called like the one before it, or above it,
    says nothing new."""
    rows = [[name(words, atlas, (x, y), count) for x in range(count)] for y in range(count)]
    found = []
    for y, row in enumerate(rows):
        for x, said in enumerate(row):
            beside = [row[x - 1] if x else [], rows[y - 1][x] if y else []]
            if said and said not in beside:
                found.append({"x": (x + 0.5) / count, "y": (y + 0.5) / count, "name": said})
    return found


def name(words: Words, atlas: Atlas, region: tuple[int, int], count: int) -> list[str]:
    """What a region is called, after that in which it differs most; [] where it hardly does."""
    x, y = (slice(size * atlas.size // count, (size + 1) * atlas.size // count) for size in region)
    away = {name: float(values[y, x].mean()) for name, values in atlas.standing().items()}
    striking = sorted(away.items(), key=lambda pair: -abs(pair[1]))
    said = [way(words, key, value) for key, value in striking if abs(value) >= STRIKING]
    return [one for one in said if one][:MOST_NAMES]


def here(words: Words, atlas: Atlas, spot: Sequence[float]) -> str:
    """Where one is, in words."""
    count = REGIONS[-1]
    x, y = (min(int(along * count), count - 1) for along in spot)
    across, down = (round(100 * along) for along in spot)
    said = words("common.comma").join(name(words, atlas, (x, y), count))
    place = words("map.place", across=across, down=down)
    return f"{place} {words('map.region', what=said)}" if said else place


def stage(visit: Visit, artwork: Artwork) -> str:
    shown = artwork.show(visit.words("map.alt", one=visit.words("medium.one")))
    return f'<figure class="stage">{shown}</figure>{remarks(visit.words, artwork)}'


def actions(words: Words, once: str = "") -> str:
    """What can be done with the work beside the map; `once` leads to another tab."""
    opened = button(words("map.open"), "open", kind="strong", data_key="Enter")
    kept = "".join(
        button(words(f"explore.{do}"), do, icon(sign), data_key=key)
        for do, sign, key in (("pin", "pin", "p"), ("keep", "heart", "k"))
    )
    return f'<div class="toolbar map-actions">{opened}{kept}</div>{once}'


def pins(words: Words, rows: Sequence[ArtworkRow], points: Sequence[Any]) -> list[dict[str, Any]]:
    """A person's own works, where they lie on the map."""
    return [
        {
            "x": x,
            "y": y,
            "id": row.id,
            "label": words("map.pin", number=number),
            "thumbnail": row.thumbnail,
        }
        for number, (row, (x, y)) in enumerate(zip(rows, points, strict=True), start=1)
    ]


def liked(
    visit: Visit, generator: Generator, atlas: Atlas, samples: Samples, curator: Curator
) -> list[float]:
    """How well the person should like what lies at each node, row by row; none while their taste
    is not known."""
    try:
        reward = curator.reward(generator, visit.ratings())
    except NotEnoughRatings:
        return []
    return liking(reward, samples, atlas.features(generator)) if reward.is_trusted else []
