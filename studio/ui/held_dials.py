"""Dials that are held in Explore: what they are named after stays as it is while others turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from studio.holding import LOOKS, balanced
from studio.medium import Artwork
from studio.ui.explore_state import Moment
from studio.ui.session import Said

if TYPE_CHECKING:
    from studio.ui.walk import Walk

ALL = "*"


def holdable(walk: Walk) -> list[str]:
    """Keys of the dials that are named after something that can be measured."""
    return [one.key for one in walk.steering.generator.directions if one.attribute]


def toggle(walk: Walk, said: Said) -> None:
    """Hold a dial, or let it go; or all of them."""
    key, every = str(said["key"]), holdable(walk)
    held = set(walk.desk.held)
    chosen = {*every} if key == ALL else {key} & {*every}
    changed = held - chosen if chosen <= held else held | chosen
    walk.desk = replace(walk.desk, held=tuple(one for one in every if one in changed))


def standing(walk: Walk, artwork: Artwork) -> dict[str, float]:
    """A work's attributes, in standard deviations from what is usual."""
    generator = walk.steering.generator
    assert walk.usual is not None
    found = walk.usual.of(generator).standing(generator.attributes([artwork]))
    return {name: float(values[0]) for name, values in found.items()}


def aims(walk: Walk) -> Mapping[str, float]:
    """Where a work is from which dials are turned, measured once; nothing where none is held."""
    if not walk.desk.held:
        return {}
    if walk.desk.aims or walk.usual is None:
        return walk.desk.aims
    return standing(walk, walk.artwork())


def held(walk: Walk, wanted: Moment, looks: int = LOOKS) -> Moment:
    """The moment that somebody turned dials to, with others turned against what is held; shown
    as it is."""
    moment, artwork = sought(walk, wanted, looks)
    if artwork is not None:
        walk.shown = (moment, artwork)
    return moment


def preview(walk: Walk, wanted: Moment) -> Artwork:
    """What a turn would lead to, with one look."""
    moment, artwork = sought(walk, wanted, looks=1)
    return artwork or walk.steering.artworks([moment])[0]


def sought(walk: Walk, wanted: Moment, looks: int) -> tuple[Moment, Artwork | None]:
    """As `held`, and the work there if it was looked at."""
    if not wanted.positions and wanted.wildness == walk.moment.wildness:
        return replace(wanted, balance={}), None
    if not walk.desk.held or walk.usual is None:
        return wanted, None
    here = walk.moment
    keys = {*wanted.positions, *here.positions}
    turned = {key for key in keys if wanted.positions.get(key) != here.positions.get(key)}
    directions = walk.steering.directions
    names = {directions[key].attribute for key in walk.desk.held if key in directions}
    names -= {directions[key].attribute for key in turned if key in directions}
    there = aims(walk)
    wished = {name: there[name] for name in sorted(names) if name in there}
    made: dict[tuple[tuple[str, float], ...], tuple[Moment, Artwork]] = {}

    def look(turns: Mapping[str, float]) -> Mapping[str, float]:
        moment = replace(wanted, balance=dict(turns))
        [artwork] = walk.steering.artworks([moment])
        made[tuple(sorted(turns.items()))] = (moment, artwork)
        return standing(walk, artwork)

    found = balanced(look, [*directions.values()], turned, here.balance, wished, looks)
    return made.get(tuple(sorted(found.items())), (replace(wanted, balance=found), None))
