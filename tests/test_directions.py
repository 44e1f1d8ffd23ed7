"""Directions do the one thing they are named after, on a decoder whose truth is known."""

from dataclasses import asdict, replace

import pytest
import torch

from studio.directions import find_directions, measured, moved, spearman, statistics
from studio.medium import Direction, pack

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


def shapes(latents):
    """A hidden coordinate, and attributes that no single vector changes: how far two pairs of
    coordinates lie from where most are, and how unlike two others are."""
    hidden = (latents - 3) @ ROTATION.T / SPREADS
    return {
        "height": hidden[:, 0],
        "width": hidden[:, 1:3].square().sum(1).sqrt(),
        "depth": hidden[:, 3:6].square().sum(1).add(0.1).log(),
        "difference": (hidden[:, 6:8] - hidden[:, 8:10]).square().sum(1).sqrt(),
    }


@pytest.mark.parametrize("gradient", [None, shapes])
def test_what_is_another_way_from_everywhere_is_found_as_a_bent_direction(gradient):
    latents = samples(2000)
    where = statistics(latents)
    found = find_directions(latents, where, shapes, gradient, fits=600, axes=0)
    assert [d.key for d in found] == ["height", "width", "depth", "difference"]
    assert all(d.correlation > 0.95 and d.effect > 0.4 for d in found)
    for direction in found:
        assert max(abs(e) for e in direction.side_effects.values()) < 0.3 * direction.effect
    # Straight ways are what the same method finds when nothing may bend.
    straight = find_directions(latents, where, shapes, gradient, fits=600, rank=0, walks=0, axes=0)
    assert [d.key for d in straight] == ["height"]


def test_a_direction_does_the_same_on_samples_it_was_not_found_with():
    latents = samples(2000)
    where = statistics(latents)
    spread = shapes(samples(2000, seed=5))
    for direction in find_directions(latents, where, shapes, shapes, fits=600, axes=0):
        again = measured(
            direction, direction.attribute, samples(100, seed=6), where.mean, spread, shapes
        )
        assert again.correlation > 0.95
        assert again.effect == pytest.approx(direction.effect, rel=0.2)


def test_an_attribute_that_cannot_be_steered_gets_no_direction():
    def with_noise(latents):
        # Changes at the slightest touch, and no way of changing it leads anywhere.
        return measure(latents) | {"noise": torch.sin(1e4 * latents.sum(1))}

    latents = samples(1000)
    found = find_directions(latents, statistics(latents), with_noise, fits=200, axes=0)
    assert [d.key for d in found] == ["light", "warmth", "size"]


def test_parts_are_drawn_together():
    def likeness(latents):
        first, second, third = latents.unflatten(1, (3, 4)).unbind(1)
        apart = (first - second).norm(dim=1) + (second - third).norm(dim=1)
        return {"likeness": (apart < 12).float() + (apart < 8).float() + 1e-3 * (apart < 4)}

    latents = 2 * torch.randn(1000, 12, generator=torch.Generator().manual_seed(2))
    latents = latents + torch.arange(12)
    (found,) = find_directions(
        latents, statistics(latents), likeness, fits=50, rank=0, parts=3, axes=0
    )
    assert found.correlation > 0.5 and found.bend
    apart = [
        moved(latents, [(found, position)], latents.mean(0)).unflatten(1, (3, 4)).std(1).mean()
        for position in (-1, 0, 1, 3)
    ]
    assert apart == sorted(apart, reverse=True)


def bent(seed: int) -> Direction:
    numbers = torch.randn(2 * 3 * 12 + 12, generator=torch.Generator().manual_seed(seed))
    vector = numbers[:12] / numbers[:12].norm()
    return Direction(
        f"d{seed}", tuple(vector.tolist()), 0.7, bend=pack((0.2 * numbers[12:]).tolist())
    )


def test_turning_back_leads_back_and_the_order_of_dials_does_not_matter():
    latents, mean = samples(8), torch.full((12,), 3.0)
    straight = replace(bent(3), bend="")
    turns = [(bent(1), 2.0), (straight, -1.5), (bent(2), -3.0)]
    there = moved(latents, turns, mean)
    torch.testing.assert_close(moved(latents, turns[::-1], mean), there, rtol=1e-4, atol=1e-4)
    back = moved(there, [(direction, -position) for direction, position in turns], mean)
    torch.testing.assert_close(back, latents, rtol=1e-3, atol=1e-3)
    # Two turns of one are one turn of two.
    once = moved(latents, [(bent(1), 1.0)], mean)
    twice = moved(once, [(bent(1), 1.0)], mean)
    torch.testing.assert_close(moved(latents, [(bent(1), 2.0)], mean), twice, rtol=1e-4, atol=1e-4)


def test_a_straight_direction_is_a_step_and_an_old_one_loads():
    latents, mean = samples(4), torch.full((12,), 3.0)
    row = asdict(replace(bent(3), bend=""))
    del row["bend"]  # as checkpoints were written before directions could bend
    old = Direction(**{**row, "vector": list(row["vector"])})
    step = 2 * old.scale * torch.tensor(old.vector)
    torch.testing.assert_close(moved(latents, [(old, 2.0)], mean), latents + step)
    assert torch.equal(moved(latents, [], mean), latents)


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
