"""Metrics against cases whose answer is known."""

import pytest
import torch

from studio import metrics


def rows(n, shift=0.0, scale=1.0, seed=0, width=8):
    noise = torch.randn(n, width, generator=torch.Generator().manual_seed(seed))
    return noise * scale + shift


def test_frechet_distance_of_known_gaussians():
    a, b = rows(20_000), rows(20_000, shift=1.0, scale=2.0, seed=1)
    # |mean difference|^2 + sum (1 - 2)^2 over eight dimensions
    assert metrics.frechet_distance(a, b) == pytest.approx(8 + 8, rel=0.05)


def test_frechet_distance_with_fewer_rows_than_features():
    a = rows(20, width=64)
    assert metrics.frechet_distance(a, a) == pytest.approx(0, abs=1e-6)


def test_kernel_distance_is_unbiased_and_sees_a_shift():
    same = [metrics.kernel_distance(rows(200, seed=i), rows(200, seed=i + 99)) for i in range(20)]
    assert abs(sum(same) / 20) < 0.02
    assert metrics.kernel_distance(rows(200), rows(200, shift=1.0, seed=5)) > 0.5


def test_precision_and_recall_tell_missing_from_wrong():
    real = torch.cat([rows(200, -5), rows(200, 5, seed=1)])
    one_mode = rows(400, 5, seed=2)
    precision, recall = metrics.precision_recall(real, one_mode)
    assert precision > 0.8 and 0.3 < recall < 0.6
    too_wide = torch.cat([rows(400, 5, seed=3), rows(400, 50, seed=4)])
    assert metrics.precision_recall(real, too_wide)[0] < 0.6


def test_density_and_coverage_tell_crowding_from_spreading():
    """For one and the same distribution density is 1 and coverage 1 - 2^-k or so."""
    real = rows(600)
    density, coverage = metrics.density_coverage(real, rows(600, seed=1))
    assert density == pytest.approx(1, abs=0.1)
    assert coverage == pytest.approx(1 - 2**-metrics.CROWD, abs=0.03)
    density, coverage = metrics.density_coverage(real, rows(600, scale=0.3, seed=2))
    assert density > 1.5 and coverage < 0.5
    # One that lies far off changes nothing but its own share.
    odd = torch.cat([rows(600, seed=1), rows(1, shift=50, seed=3)])
    assert metrics.density_coverage(real, odd)[1] == metrics.density_coverage(real, odd[:-1])[1]
