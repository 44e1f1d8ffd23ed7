"""How fast a path is gone along, measured in what is seen on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from studio.latent import constant_speed
from studio.medium import Artwork, Generator

PROBES_A_LEG = 8
POINTS = 101


def even_to_the_eye(
    generator: Generator, shown: Callable[[Sequence[float]], Sequence[Artwork]], legs: int
) -> list[float]:
    """Places 0..1 along a path at evenly spaced times, between which what is seen changes evenly.

    Speed is the distance between features: what the eye and taste see, not what the latent does.

    Args:
        shown: the works at some places; legs: from one key of the path to the next.
    """
    probes = [index / (legs * PROBES_A_LEG) for index in range(legs * PROBES_A_LEG + 1)]
    where = generator.feature_statistics
    features = (generator.features(shown(probes)) - where.mean) @ where.axes.T
    distances = (features[1:] - features[:-1]).norm(dim=1).tolist()
    return constant_speed(probes, distances, POINTS)
