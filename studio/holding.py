"""Holding what else a dial would change: other dials turn against it until that is as it was.

What a direction does aside is known on average (Direction.side_effects). In one work it differs, so
it is looked at and corrected a few times: damped least squares (Levenberg, 1944; Marquardt, 1963),
where the effects learn from each look (Broyden, A class of methods for solving nonlinear
simultaneous equations, 1965).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from studio.medium import Direction

DAMPING = 0.3
"""Squared standard deviations of attributes that a turn by one has to be worth."""
COST = 0.06
"""Of a squared turn, where looks are compared: what cannot be held is not worth wild turns."""
OWN = 0.5
"""How much what the turned dial is for weighs, beside what is held."""
FARTHEST = 1.5
"""Turns that a dial may be turned to hold others."""
LEARNS = 0.5
UNSURE = 0.05
LOOKS = 3
"""After the first; three bring side effects of paintings to a third."""

Look = Callable[[Mapping[str, float]], Mapping[str, float]]
"""Turns of dials, by key, to the attributes of the work that this makes, in standard deviations."""


def balanced(
    look: Look,
    dials: Sequence[Direction],
    turned: Collection[str],
    start: Mapping[str, float],
    aims: Mapping[str, float],
    looks: int = LOOKS,
) -> dict[str, float]:
    """The turns of other dials, by key, with which attributes come nearest to where they should be.

    Args:
        look: called with what is tried, twice more than `looks` says at the most.
        dials: directions; those that are named after an attribute may be turned.
        turned: keys of those that the person turned, which are left alone.
        start: turns to begin from.
        aims: where each attribute that is held should be, in standard deviations.
    """
    free = [dial for dial in dials if dial.attribute and dial.key not in turned]
    own = {dial.attribute for dial in dials if dial.key in turned} - {""}
    names = [*aims, *sorted(own - set(aims))]
    first = np.array([start.get(dial.key, 0.0) for dial in free])
    effects = np.array([[effect(dial, name) for name in names] for dial in free])
    if not aims or not free:
        return dict(start)
    held = len(aims)
    # A dial that was turned against others does not jump when it is turned itself.
    kept = {key: turn for key, turn in start.items() if key in turned}

    def seen(turns: np.ndarray) -> np.ndarray:
        found = look(named(turns))
        return np.array([float(found[name]) for name in names])

    def named(turns: np.ndarray) -> dict[str, float]:
        found = {d.key: round(float(turn), 4) for d, turn in zip(free, turns, strict=True)}
        return kept | {key: turn for key, turn in found.items() if turn}

    none = np.zeros(len(free))
    alone = seen(none)
    # What the turned dial does by itself to what it is for is what the person asked for.
    wanted = np.concatenate([list(aims.values()), alone[held:]])
    weights = np.array([1.0] * held + [OWN] * (len(names) - held))

    def errors(values: np.ndarray) -> np.ndarray:
        return weights * (values - wanted)

    def cost(turns: np.ndarray, values: np.ndarray) -> float:
        return float((errors(values) ** 2).sum() + COST * (turns**2).sum())

    best, there = none, alone
    if first.any() and cost(first, then := seen(first)) < cost(none, alone):
        best, there = first, then
    least, gain = cost(best, there), 1.0
    for _ in range(looks):
        weighed = effects * weights
        step = np.linalg.solve(
            weighed @ weighed.T + DAMPING * np.eye(len(free)), weighed @ errors(there)
        )
        turns = np.clip(best - gain * step, -FARTHEST, FARTHEST)
        values = seen(turns)
        moved = turns - best
        surprise = values - there - moved @ effects
        effects = effects + LEARNS * np.outer(moved, surprise) / (moved @ moved + UNSURE)
        if (now := cost(turns, values)) < least:
            best, there, least, gain = turns, values, now, 1.0
        else:
            gain /= 2
    return named(best)


def effect(dial: Direction, name: str) -> float:
    """What one turn does to an attribute on average, in standard deviations."""
    return dial.effect if name == dial.attribute else float(dial.side_effects.get(name, 0.0))
