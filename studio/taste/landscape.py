"""How well a person should like what lies where on the map of a model (see studio.atlas)."""

from __future__ import annotations

from torch import Tensor

from studio.taste.explain import Samples
from studio.taste.reward import RewardModel


def liking(reward: RewardModel, samples: Samples, features: Tensor) -> list[float]:
    """For works with features [B, F]: of what the model usually makes, the share that is expected
    to please less."""
    usual, _ = reward.predict(samples.features)
    here, _ = reward.predict(features)
    return (usual[None] < here[:, None]).float().mean(1).tolist()
