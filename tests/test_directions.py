"""Directions do the one thing they are named after, on a decoder whose truth is known."""

import pytest
import torch

from studio.directions import find_directions, spearman, statistics

torch.manual_seed(1)
ROTATION = torch.linalg.qr(torch.randn(12, 12))[0]
SPREADS = torch.linspace(2.0, 0.3, 12)


def samples(count: int, seed: int = 0) -> torch.Tensor:
    noise = torch.randn(count, 12, generator=torch.Generator().manual_seed(seed))
    return 3 + (noise * SPREADS) @ ROTATION


def measure(latents):
    """Three attributes of hidden coordinates; two of them are partly the same thing."""
    hidden = (latents - 3) @ ROTATION.T / SPREADS
    return {
        "light": torch.tanh(hidden[:, 0]),
        "warmth": hidden[:, 1] + 0.6 * hidden[:, 0],
        "size": hidden[:, 2] ** 3 / 3 + hidden[:, 2],
    }


def test_statistics_recover_the_axes():
    where = statistics(samples(20_000))
    assert where.scales == pytest.approx(SPREADS, rel=0.05)
    assert float((where.axes @ where.axes.T - torch.eye(12)).abs().max()) < 1e-4
    assert float((where.axes[0] @ ROTATION[0]).abs()) > 0.98


def test_axes_point_the_same_way_in_every_build():
    for seed in (1, 2):
        axes = statistics(samples(20_000, seed)).axes
        assert bool((axes.gather(1, axes.abs().argmax(1, keepdim=True)) > 0).all())


def test_directions_are_named_measured_and_pure():
    latents = samples(2000)
    where = statistics(latents)
    found = {d.key: d for d in find_directions(latents, where, measure, axes=2)}
    assert list(found) == ["light", "warmth", "size", "axis-1", "axis-2"]
    for name in ("light", "warmth", "size"):
        direction = found[name]
        assert direction.correlation > 0.9
        assert direction.effect > 0.3
        assert torch.tensor(direction.vector).norm() == pytest.approx(1, abs=1e-4)
        for effect in direction.side_effects.values():
            assert abs(effect) < 0.5 * direction.effect
    # Warmth was measured with light mixed in; its direction leaves light alone.
    assert abs(found["warmth"].side_effects["light"]) < 0.15


def test_an_attribute_that_is_nearly_another_still_gets_a_direction_that_works():
    def twins(latents):
        values = measure(latents)
        return {"light": values["light"], "glow": values["light"] + 0.01 * values["size"]}

    latents = samples(2000)
    found = find_directions(latents, statistics(latents), twins, axes=0)
    assert all(d.correlation > 0.9 and d.effect > 0.3 for d in found)


def test_rank_correlation():
    positions = torch.tensor([-1.0, 0.0, 1.0])
    values = torch.tensor([[1.0, 3.0, 1.0], [2.0, 2.0, 9.0], [30.0, 1.0, 4.0]])
    assert spearman(positions, values).tolist() == pytest.approx([1, -1, 0.5], abs=1e-5)


def test_what_changes_nothing_correlates_by_nothing():
    positions = torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0])
    still = torch.full((5, 3), 7.0)
    steps = torch.tensor([0.0, 0.0, 1.0, 1.0, 1.0])[:, None]
    assert float(spearman(positions, still).abs().max()) == pytest.approx(0, abs=1e-6)
    assert float(spearman(positions, steps)) == pytest.approx(0.866, abs=1e-3)
    assert float(spearman(positions, positions[:, None] ** 3)) == pytest.approx(1)
