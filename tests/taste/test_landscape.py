"""A map on which expected liking rises to the right, and every place is a work."""

from __future__ import annotations

import pytest
import torch

from studio.taste import Ratings, RewardModel
from studio.taste.explain import Samples
from studio.taste.landscape import COLUMNS, REACH, ROWS, Landscape, grid, uphill
from tests.taste.curves import CurveGenerator


@pytest.fixture(scope="module")
def reward(curves: CurveGenerator, thirty: Ratings) -> RewardModel:
    return RewardModel.of(curves, thirty)


def test_liking_rises_to_the_right(curves: CurveGenerator, reward: RewardModel):
    noise = torch.randn(64, 128, generator=torch.Generator().manual_seed(2))
    found = Landscape.of(curves, reward, Samples.of(curves, noise))
    assert len(found.artworks) == len(found.shares) == ROWS * COLUMNS
    shares = torch.tensor(found.shares).view(ROWS, COLUMNS)
    assert float(shares.min()) >= 0 and float(shares.max()) <= 1
    thirds = [float(shares[:, part].mean()) for part in (slice(0, 3), slice(3, 6), slice(6, 9))]
    assert thirds == sorted(thirds) and thirds[2] > thirds[0] + 0.5


def test_a_place_is_the_work_of_its_latent(curves: CurveGenerator, reward: RewardModel):
    right = uphill(curves, reward)
    latents = grid(curves, right)
    noise = torch.randn(64, 128, generator=torch.Generator().manual_seed(2))
    found = Landscape.of(curves, reward, Samples.of(curves, noise))
    for place in (0, COLUMNS + 3, ROWS * COLUMNS - 1):
        recipe = found.artworks[place].recipe
        torch.testing.assert_close(torch.tensor(recipe.latent), latents.flatten(0, 1)[place])
    middle = latents[ROWS // 2, COLUMNS // 2]
    torch.testing.assert_close(middle, curves.statistics.mean)


def test_its_axes_stand_at_a_right_angle_and_reach_as_far_as_they_say(
    curves: CurveGenerator, reward: RewardModel
):
    statistics = curves.statistics
    latents = grid(curves, uphill(curves, reward))
    known = statistics.scales > 1e-4 * statistics.scales[0]
    white = ((latents - statistics.mean) @ statistics.axes[known].T) / statistics.scales[known]
    across = white[ROWS // 2, -1]
    up = white[0, COLUMNS // 2]
    assert float(across.norm()) == pytest.approx(REACH[0], rel=1e-3)
    assert float(up.norm()) == pytest.approx(REACH[1], rel=1e-3)
    assert abs(float(across @ up)) < 1e-2
