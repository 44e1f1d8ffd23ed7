"""Why: what a taste leans to, in the attributes that people can name, and why one artwork pleases.

The reward model works on features that nobody can name. What it believes is told as a linear model
of the attributes around samples, its surrogate (Ribeiro et al., "Why Should I Trust You?", 2016):
once for what is expected, and once for each of many tastes that the ratings leave possible, so that
it can be said how certain each leaning is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock

import torch
from torch import Tensor

from studio import latent
from studio.checkpoint import USUAL, Checkpoints
from studio.errors import StudioError
from studio.medium import Generator
from studio.taste.reward import RewardModel

TASTES = 200
"""Possible tastes that are asked how they lean."""
RIDGE = 3.0
"""Samples' worth of belief that an attribute makes no difference."""
SAMPLES = 64
"""Works that say what a model usually makes."""
FIRST_SAMPLE = 3_000_000
ATTRIBUTE = "attribute."


@dataclass(frozen=True)
class Samples:
    """What a model usually makes: features [S, F] and attributes, each [S]."""

    features: Tensor
    attributes: Mapping[str, Tensor]

    @classmethod
    def of(cls, generator: Generator, noise: Tensor) -> Samples:
        """Of noise [S, 128]."""
        works = generator.decode(generator.map(noise))
        return cls(generator.features(works), generator.attributes(works))

    @classmethod
    def usual(cls, generator: Generator) -> Samples:
        """Of the noise that says what is usual, the same for every model."""
        seeds = range(FIRST_SAMPLE, FIRST_SAMPLE + SAMPLES)
        return cls.of(generator, latent.noise_from_seeds(seeds))

    def tensors(self) -> dict[str, Tensor]:
        """For a checkpoint folder: a few hundred kilobytes."""
        named = {f"{ATTRIBUTE}{name}": values.float() for name, values in self.attributes.items()}
        return {"features": self.features.half(), **named}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> Samples:
        """Raises: KeyError: there are no features."""
        named = {
            name.removeprefix(ATTRIBUTE): values
            for name, values in tensors.items()
            if name.startswith(ATTRIBUTE)
        }
        return cls(tensors["features"].float(), named)

    def are_of(self, generator: Generator) -> bool:
        """Whether a generator still sees and names works in this way."""
        wide = self.features.ndim == 2 and self.features.shape[1]
        names = {direction.attribute for direction in generator.directions} - {""}
        return wide == len(generator.feature_statistics.mean) and names <= {*self.attributes}

    def standing(self, attributes: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Attributes, each [B], in standard deviations from the samples' mean."""
        return {
            name: (values.float() - self.attributes[name].float().mean())
            / self.attributes[name].float().std().clamp_min(1e-6)
            for name, values in attributes.items()
        }


class Usual:
    """Samples of each model: those beside its weights, or else made once.

    Args:
        checkpoints: where the models lie; None: wherever that is, samples are made.
    """

    def __init__(self, checkpoints: Checkpoints | None = None) -> None:
        self.checkpoints = checkpoints
        self.measured: dict[tuple[str, str], Samples] = {}
        self.locks: defaultdict[tuple[str, str], Lock] = defaultdict(Lock)
        self.lock = Lock()

    def of(self, generator: Generator) -> Samples:
        key = (generator.medium, generator.version)
        with self.lock:
            # Sixty-four poems take long, and nobody else should wait for them.
            making = self.locks[key]
        with making:
            if key not in self.measured:
                self.measured[key] = self.kept(generator) or Samples.usual(generator)
            return self.measured[key]

    def kept(self, generator: Generator) -> Samples | None:
        """Those beside the weights."""
        if self.checkpoints is None:
            return None
        try:
            checkpoint = self.checkpoints.find(generator.medium, generator.version)
            if not checkpoint.holds(USUAL):
                return None
            found = Samples.from_tensors(checkpoint.tensors(USUAL))
        except (KeyError, StudioError):
            return None
        return found if found.are_of(generator) else None


@dataclass(frozen=True)
class Leaning:
    """How a taste leans in one attribute.

    Attributes:
        effect: how much better the expected liking of a sample is with one standard deviation more
            of it and all else equal, in standard deviations of the expected liking.
        certainty: the share of the possible tastes that lean to the same side, 0.5 to 1.
    """

    name: str
    effect: float
    certainty: float


@dataclass(frozen=True)
class Reason:
    """What one attribute of an artwork does to its expected liking.

    Attributes:
        standing: of the artwork, in standard deviations from what is usual.
        weight: what that adds, in standard deviations of the expected liking.
    """

    name: str
    standing: float
    weight: float


@dataclass(frozen=True)
class Expectation:
    """What a taste expects of one artwork.

    Attributes:
        share: of the samples, those that are expected to please less.
        reasons: one for each attribute, the weightiest first.
        alike: indices of the rated artworks that weigh most on it, the nearest first.
    """

    share: float
    reasons: tuple[Reason, ...]
    alike: tuple[int, ...]


def leanings(reward: RewardModel, samples: Samples, seed: int = 0) -> list[Leaning]:
    """Every attribute that differs among the samples, the strongest leaning first."""
    names, table = _table(samples)
    if not names:
        return []
    mean, _ = reward.predict(samples.features)
    effects = _slopes(table, mean[None])[0] / mean.std().clamp_min(1e-6)
    possible = _slopes(table, reward.sample(samples.features, TASTES, seed))
    agreeing = (possible.sign() == effects.sign()).float().mean(0).clamp_min(0.5)
    found = [
        Leaning(name, float(effect), float(share))
        for name, effect, share in zip(names, effects, agreeing, strict=True)
    ]
    return sorted(found, key=lambda leaning: -abs(leaning.effect))


def expectation(
    reward: RewardModel,
    samples: Samples,
    features: Tensor,
    attributes: Mapping[str, Tensor],
    most_alike: int = 2,
) -> Expectation:
    """Of one artwork with features [1, F] and attributes, each [1]."""
    usual, _ = reward.predict(samples.features)
    here, _ = reward.predict(features)
    where = {name: float(values[0]) for name, values in samples.standing(attributes).items()}
    reasons = [
        Reason(leaning.name, where[leaning.name], leaning.effect * where[leaning.name])
        for leaning in leanings(reward, samples)
    ]
    reasons.sort(key=lambda reason: -abs(reason.weight))
    nearest = reward.likeness(features)[0].argsort(descending=True)[:most_alike]
    return Expectation(
        float((usual < here).float().mean()), tuple(reasons), tuple(nearest.tolist())
    )


def _table(samples: Samples) -> tuple[list[str], Tensor]:
    """Names of the attributes that differ, and their standing [S, A]."""
    standing = samples.standing(samples.attributes)
    names = [name for name, values in samples.attributes.items() if values.float().std() > 1e-6]
    return names, torch.stack([standing[name] for name in names], 1) if names else torch.zeros(0, 0)


def _slopes(table: Tensor, likings: Tensor) -> Tensor:
    """What each attribute adds [T, A] in a ridge regression of likings [T, S]."""
    centred = likings - likings.mean(1, keepdim=True)
    inner = table.T @ table + RIDGE * torch.eye(table.shape[1])
    return torch.linalg.solve(inner, table.T @ centred.T).T
