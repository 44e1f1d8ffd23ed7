"""Kinds of features: each with components of its own, and a taste that goes by one of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from studio.directions import feature_statistics
from studio.medium import FeatureStatistics
from studio.taste import RewardModel
from studio.taste.components import COMPONENTS, components, whiten
from studio.taste.simulate import rank_correlation

KINDS = {"loud": 40, "faint": 6}
RATED = 30


@pytest.fixture(scope="module")
def features() -> Tensor:
    """[512, 46]: of the kind that is faint there is a hundredth as much as of the other."""
    rng = torch.Generator().manual_seed(0)
    loud = torch.randn(512, 40, generator=rng)
    return torch.cat([loud, 0.25 * torch.randn(512, 6, generator=rng)], 1)


@pytest.fixture(scope="module")
def told_apart(features: Tensor) -> FeatureStatistics:
    return replace(feature_statistics(features), kinds=KINDS)


def test_components_are_of_one_kind_each_and_of_unit_spread(features, told_apart):
    where = components(told_apart)
    assert where.names == tuple(KINDS)
    torch.testing.assert_close(where.axes @ where.axes.T, torch.eye(len(where.axes)))
    loud, faint = where.axes[where.kinds == 0], where.axes[where.kinds == 1]
    assert not loud[:, 40:].any() and not faint[:, :40].any()
    torch.testing.assert_close(
        whiten(features, told_apart).std(0), torch.ones(len(where.axes)), atol=0.02, rtol=0
    )


def test_of_one_kind_they_are_the_principal_ones(features):
    statistics = feature_statistics(features)
    where = components(statistics)
    assert where.names == ("",)
    assert torch.equal(where.axes, statistics.axes[:COMPONENTS])


def test_a_taste_that_goes_by_what_is_faint_is_found(features, told_apart):
    liking = features[:, 41] - features[:, 44]
    order = liking[:RATED].argsort().argsort().tolist()
    stars = [(index, float(1 + 5 * rank // RATED)) for index, rank in enumerate(order)]

    def fitted(statistics: FeatureStatistics) -> tuple[float, dict[str, float]]:
        reward = RewardModel.fit(features[:RATED], stars, (), statistics)
        expected, _ = reward.predict(features[RATED:])
        return rank_correlation(expected, liking[RATED:]), reward.goes_by()

    mixed, nothing = fitted(replace(told_apart, kinds={}))
    apart, by = fitted(told_apart)
    assert nothing == {}
    assert by["faint"] > 0.9 > by["loud"]
    assert apart > 0.8 > mixed + 0.2


def test_ratings_by_chance_go_by_nothing(features, told_apart):
    rewards = []
    for seed in range(8):
        rng = torch.Generator().manual_seed(seed)
        dealt = torch.randint(1, 6, (RATED,), generator=rng).tolist()
        stars = [(index, float(value)) for index, value in enumerate(dealt)]
        rewards.append(RewardModel.fit(features[:RATED], stars, (), told_apart))
    assert sum(max(reward.goes_by().values()) > 0.7 for reward in rewards) <= 1
    assert sum(reward.is_trusted for reward in rewards) <= 2
