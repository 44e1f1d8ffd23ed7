"""What a dial does, measured, in words."""

from __future__ import annotations

from collections.abc import Mapping

from studio.medium import Direction
from studio.ui.readout import way
from studio.words import Words

CLEAR, SLIGHT = 0.5, 0.2
"""Standard deviations of an attribute for one step."""
ASIDE = 0.25
"""Share of the strongest effect above which another is worth a word."""
RELIABLE = 0.9
"""Rank correlation of position and attribute below which a dial is said to fail at times."""
MOST_SAID = 3


def effect_of(words: Words, direction: Direction) -> str:
    """One or two sentences for a direction that was measured."""
    if not direction.attribute:
        return effects_said(words, direction.side_effects)
    own = {direction.attribute: direction.effect}
    said = effects_said(words, direction.side_effects, own)
    is_sure = direction.correlation >= RELIABLE
    return said if is_sure else words("explore.effect.unsure", said=said)


def effects_said(
    words: Words, effects: Mapping[str, float], own: Mapping[str, float] | None = None
) -> str:
    """What turning a dial to the right changes: first what it is for, then what else; of a dial
    that is for nothing in particular, all of it alike."""
    least = max(SLIGHT, ASIDE * max(map(abs, (own or {}).values()), default=0.0))
    aside = named(words, effects, least)
    comma = words("common.comma")
    if own is None:
        key = "explore.effect" if aside else "explore.effect.none"
        return words(key, what=comma.join(aside))
    key = "explore.effect.also" if aside else "explore.effect.alone"
    return words(key, own=comma.join(named(words, own, 0.0)), what=comma.join(aside))


def named(words: Words, effects: Mapping[str, float], least: float) -> list[str]:
    ordered = sorted(effects.items(), key=lambda item: -abs(item[1]))
    found = [
        (way(words, name, effect), abs(effect)) for name, effect in ordered if abs(effect) >= least
    ]
    return [
        words("explore.readout.clear" if size >= CLEAR else "explore.readout.slight", what=what)
        for what, size in found
        if what
    ][:MOST_SAID]
