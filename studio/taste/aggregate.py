"""What many simulated artists say together: means, how sure those are, and the goals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

GOALS = {"percentile": 0.85, "diversity_of_oracle": 0.9, "seconds": 60.0, "random_harm": 0.05}
"""What `aggregate` is measured against: at least, at least, at most, at most."""
AT_MOST = frozenset({"seconds", "random_harm"})
CONFIDENCE = 0.9
RESAMPLES = 2000
"""Of the artists, with replacement, for the intervals (Efron & Tibshirani, 1993)."""


def aggregate(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Means over artists; of times the slowest; and counts of artists: `refused` and
    `random_refused` (no lesson came of their ratings, or of random ones), `ended_below_base`, and
    `random_harmed` (random ratings cost more than the goal allows).

    `random_harm` is a loss on average: `random_harmed` counts those whom a mean hides.
    """

    def mean(*path: str) -> float:
        values = []
        for row in rows:
            value: Any = row
            for name in path:
                value = value[name]
            values.append(float(value))
        return float(np.mean(values))

    def worst(row: dict[str, Any]) -> float:
        found = row["random_ratings"]
        return -min(found["percentile_change"], found["diversity_change"])

    ways = ("no_learning", "best_of_rated", "best_of_8", "bayesian_optimisation")
    harms = (
        mean("random_ratings", "percentile_change"),
        mean("random_ratings", "diversity_change"),
    )
    return {
        "percentile": mean("loop", "percentile"),
        "mean_rank": mean("loop", "mean_rank"),
        "diversity": mean("loop", "diversity"),
        "diversity_of_oracle": mean("loop", "diversity_of_oracle"),
        "seconds": max(row["loop"]["seconds"] for row in rows),
        "slowest_question_s": max(row["slowest_question_s"] for row in rows),
        "refused": sum("refused" in row["loop"] for row in rows),
        "ended_below_base": sum(ended_below(row) for row in rows),
        "rank_correlation": mean("reward", "rank_correlation"),
        "accuracy": mean("reward", "accuracy"),
        "random_harm": max(0.0, -min(harms)),
        "random_harmed": sum(worst(row) > GOALS["random_harm"] for row in rows),
        "random_refused": sum("refused" in row["random_ratings"] for row in rows),
        "instead": {
            way: {
                name: mean(way, name)
                for name in ("percentile", "mean_rank", "diversity", "diversity_of_oracle")
            }
            for way in ways
        },
    }


def intervals(rows: Sequence[dict[str, Any]], seed: int = 0) -> dict[str, Any]:
    """`aggregate` with [lowest, highest] in place of each figure: the bootstrap's interval that
    holds the figure of CONFIDENCE of as many artists drawn again from these."""
    rng = np.random.Generator(np.random.PCG64(seed))
    drawn = [
        aggregate([rows[index] for index in rng.integers(0, len(rows), len(rows))])
        for _ in range(RESAMPLES)
    ]
    return _span(drawn)


def _span(drawn: Sequence[Any]) -> Any:
    if isinstance(drawn[0], dict):
        return {name: _span([one[name] for one in drawn]) for name in drawn[0]}
    tail = (1 - CONFIDENCE) / 2
    return [float(value) for value in np.quantile(drawn, [tail, 1 - tail])]


def reaches(goal: str, value: float) -> bool:
    return value <= GOALS[goal] if goal in AT_MOST else value >= GOALS[goal]


def ended_below(row: dict[str, Any]) -> bool:
    """Whether an artist likes fresh works less after the lesson than before it."""
    return row["loop"]["percentile"] < row["no_learning"]["percentile"]


def harmed(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Who ended below where they began, with the percentile before and after."""
    return [
        {
            "artist": row["artist"],
            "before": row["no_learning"]["percentile"],
            "after": row["loop"]["percentile"],
        }
        for row in rows
        if ended_below(row)
    ]


def in_short(row: dict[str, Any]) -> str:
    """One artist's way, for a person who waits."""
    loop, before = row["loop"], row["no_learning"]
    if "refused" in loop:
        return f"refused ({loop['refused']}), percentile {before['percentile']:.2f} as before"
    return (
        f"percentile {before['percentile']:.2f} to {loop['percentile']:.2f}, "
        f"{loop['diversity_of_oracle']:.2f} of the oracle's variety, {loop['seconds']:.0f} s"
    )
