"""What a person's own dials change: measured once each, in the background, and kept."""

from __future__ import annotations

from typing import Any

from studio.checkpoint import base_of
from studio.effects import side_effects
from studio.taste.explain import Usual
from studio.ui.effect_words import effects_said
from studio.ui.walk import Walk

EFFECTS = "explore.effects"


def known(walk: Walk) -> dict[str, Any]:
    """Effects on attributes by the direction's key, of the base in use."""
    found = walk.visit.load(EFFECTS) or {}
    base = base_of(walk.visit.generator.version)
    return {key: one["effects"] for key, one in found.items() if one["of"] == base}


def said(walk: Walk) -> dict[str, str]:
    """A sentence for each of the person's own dials."""
    own_dials = [own for own in walk.desk.own if own.is_listed]
    if not own_dials:
        return {}
    words, measured = walk.visit.words, known(walk)
    return {
        own.key: effects_said(words, measured[own.key])
        if own.key in measured
        else words("explore.effect.measuring")
        for own in own_dials
    }


def measure_next(walk: Walk, usual: Usual) -> bool:
    """Measure one dial that was not yet; whether there was one."""
    generator, measured = walk.visit.generator, known(walk)
    wanted = next((o for o in walk.desk.own if o.is_listed and o.key not in measured), None)
    if wanted is None:
        return False
    effects = side_effects(generator, wanted.vector, usual.of(generator).attributes)
    kept = walk.visit.load(EFFECTS) or {}
    kept[wanted.key] = {"of": base_of(generator.version), "effects": effects}
    walk.visit.save(EFFECTS, kept)
    return True
