"""Versions on one base, blended: what each has learned, weighed and added up.

What a version has learned is one adapter on its base, and adapters scale and add exactly. So there
is a generator at every place between two versions, and one that has two tastes at once (as in
Wortsman et al., Model Soups, 2022, and Ilharco et al., Editing Models with Task Arithmetic, 2023).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from studio import adapter as low_rank
from studio.checkpoint import Checkpoint, Checkpoints
from studio.errors import BadSetting, NotEnoughRatings
from studio.medium import Generator
from studio.registry import Registry
from studio.taste.climb import features_of
from studio.taste.finetune import SAMPLES, Look, changed, check_noise, compare
from studio.taste.ratings import Ratings
from studio.taste.reward import RewardModel

MOST_RANK = 64
"""Of a blend. Lessons have 8 and are kept whole until eight have come together."""

Adapter = Mapping[str, Tensor]


@dataclass(frozen=True)
class Blend:
    """What some versions have learned, together.

    Attributes:
        base: the version it lies on.
        adapter: on the base; empty if nothing of what they learned is in it.
        weights: of the versions that are no base and weigh something.
    """

    base: Checkpoint
    adapter: Adapter
    weights: Mapping[str, float]

    def on(self, base: Generator, version: str = "blend") -> Generator:
        """The generator that has it, on that of its base.

        Raises:
            ValueError: it does not fit.
        """
        return base.adapted(self.adapter, version) if self.adapter else base


def learned(checkpoints: Checkpoints, medium: str, version: str) -> tuple[Checkpoint, Adapter]:
    """The base of a version, and all that it has learned since as one adapter on it; of a base
    itself, nothing.

    Raises:
        NotFound: no such version of this medium.
        BadCheckpoint: it, or one it was fine-tuned from, cannot be trusted.
    """
    # A base's weights are not read here: who loads them has them checked, and that takes its time.
    known = {checkpoint.version: checkpoint for checkpoint in checkpoints.list(medium)}
    found: dict[str, Tensor] = {}
    checkpoint = known.get(version) or checkpoints.find(medium, version)
    while checkpoint.parent is not None:
        # A fine-tune's adapter includes those before, but for one of a decoder that it left alone.
        found = checkpoints.find(medium, checkpoint.version).tensors("adapter") | found
        checkpoint = known.get(checkpoint.parent) or checkpoints.find(medium, checkpoint.parent)
    return checkpoint, low_rank.side_by_side([found])


def blend(checkpoints: Checkpoints, medium: str, weights: Mapping[str, float]) -> Blend:
    """Add up what versions have learned.

    Exact up to rounding, as long as no layer needs more than MOST_RANK; of more, the nearest change
    that has no more (see studio.adapter.compressed).

    Args:
        weights: by version, 0 (nothing of it) to 1 (all of it); a base may be among them.

    Raises:
        BadSetting: no versions, versions on different bases, or weights that are none.
        NotFound, BadCheckpoint: see `learned`.
    """
    if not weights:
        raise BadSetting("blend_nothing")
    for weight in weights.values():
        # Not a number is between nothing and nothing.
        if not 0 <= weight <= 1:
            raise BadSetting("blend_weight")
    parts = {version: learned(checkpoints, medium, version) for version in weights}
    bases = {base.version: base for base, _ in parts.values()}
    if len(bases) > 1:
        raise BadSetting("blend_bases", bases=", ".join(sorted(bases)))
    (base,) = bases.values()
    counting = {v: w for v, w in weights.items() if w > 0 and v != base.version}
    summed = low_rank.side_by_side([low_rank.scaled(parts[v][1], w) for v, w in counting.items()])
    return Blend(base, low_rank.compressed(summed, MOST_RANK), counting)


def keep(
    registry: Registry,
    medium: str,
    weights: Mapping[str, float],
    ratings: Ratings | None = None,
    samples: int = SAMPLES,
) -> str:
    """Keep a blend as a version; its name.

    Args:
        ratings: of the person whose liking is to be expected; without enough of them the card says
            nothing of it.
        samples: works that it is measured on.

    Raises:
        BadSetting: it would be a base again; or see `blend`.
        NotFound, BadCheckpoint: see `blend`; or it cannot be written.
    """
    blended = blend(registry.checkpoints, medium, weights)
    if not blended.weights:
        raise BadSetting("blend_nothing")
    base = registry.use(medium, blended.base.version)
    measured = measure(base, blended.on(base), ratings, samples)
    parts = {version: round(weight, 4) for version, weight in blended.weights.items()}
    return registry.add_fine_tune(base, blended.adapter, measured, {"blended_from": parts})


def measure(
    before: Generator,
    after: Generator,
    ratings: Ratings | None = None,
    samples: int = SAMPLES,
) -> dict[str, Any]:
    """What lies between two generators, as of a fine-tune (studio.taste.finetune.FineTuneResult):
    `diversity_kept`, `quality_kept`, `departure`, `drift` and `samples`; with ratings that say
    something, also `gain` and `percentile`, `accuracy` and `ratings`."""
    noise = check_noise(torch.Generator().manual_seed(0), samples)
    looks = [features_of(generator, generator.map(noise)) for generator in (before, after)]
    plain = changed(looks[0], looks[1], looks[0])
    # Ratings of another base's works say nothing of this one's.
    if ratings is None or ratings.latents.shape[1] != before.latent_dim:
        return plain
    try:
        reward = RewardModel.of(before, ratings)
    except NotEnoughRatings:
        return plain
    if not reward.is_trusted:
        return plain
    figures = compare(*(Look(features, *reward.predict(features)) for features in looks))
    return {**figures, "accuracy": reward.accuracy, "ratings": len(ratings)}
