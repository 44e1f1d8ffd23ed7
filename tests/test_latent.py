"""Latent maths keeps its promises for any vectors, not only for well-behaved ones."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from studio import latent

seeds = st.integers(0, latent.MAX_SEED)
shares = st.floats(0, 1)


def vector(seed: int, length: float = 1.0) -> torch.Tensor:
    return length * latent.noise_from_seed(seed, 16)


def test_noise_is_the_same_on_every_machine():
    # Written down once; a change of numpy, torch or machine must not change what a seed paints.
    expected = [1.5219693, -1.1441058, 1.1501616, -1.7846532]
    assert latent.noise_from_seed(7)[:4].tolist() == pytest.approx(expected, abs=1e-7)
    assert latent.noise_from_seed(7).dtype == torch.float32


@given(seeds)
def test_noise_repeats_and_looks_normal(seed):
    noise = latent.noise_from_seed(seed)
    assert torch.equal(noise, latent.noise_from_seed(seed))
    assert abs(float(noise.mean())) < 0.6
    assert 0.5 < float(noise.std()) < 1.6


@pytest.mark.parametrize("seed", [-1, latent.MAX_SEED + 1])
def test_noise_refuses_impossible_seeds(seed):
    with pytest.raises(ValueError, match="seed"):
        latent.noise_from_seed(seed)


def test_no_seeds_give_no_rows():
    assert latent.noise_from_seeds([]).shape == (0, latent.NOISE_DIM)


@given(seeds, st.floats(0, 2))
def test_truncation_scales_the_distance_to_the_mean(seed, psi):
    mean, point = vector(1), vector(seed)
    moved = latent.truncate(point, mean, psi)
    assert float((moved - mean).norm()) == pytest.approx(
        psi * float((point - mean).norm()), rel=1e-4, abs=1e-4
    )


@given(seeds, st.floats(0, 0.5))
def test_flow_is_the_exponential_of_its_field(seed, strength):
    left, right = (
        torch.stack([vector((seed + k) % latent.MAX_SEED, strength) for k in some])
        for some in ((0, 1), (2, 3))
    )
    step, points = vector(5), torch.stack([vector(6), vector(7)])
    field = torch.zeros(17, 17)
    field[:16, :16], field[:16, 16] = left.T @ right, step
    expected = torch.cat([points, torch.ones(2, 1)], dim=1) @ torch.linalg.matrix_exp(field).T
    found = latent.flow(points, step, left, right)
    size = float(expected.abs().max())
    torch.testing.assert_close(found, expected[:, :16], rtol=1e-3, atol=1e-4 * size)
    back = latent.flow(found, -step, -left, right)
    torch.testing.assert_close(back, points, rtol=1e-2, atol=1e-4 * size**2)


@given(seeds, seeds, shares, st.floats(0.01, 100))
def test_slerp_of_equally_long_vectors_stays_on_their_sphere(a, b, t, length):
    first = vector(a)
    first = length * first / first.norm()
    second = vector(b)
    second = length * second / second.norm()
    if abs(float(torch.dot(first, second))) / length**2 > 0.999:
        return
    assert float(latent.slerp(first, second, t).norm()) == pytest.approx(length, rel=1e-3)


@pytest.mark.parametrize(
    "pair", [([0.0, 0, 0], [1.0, 0, 0]), ([1.0, 2, 3], [2.0, 4, 6]), ([1.0, 0, 0], [-1.0, 0, 0])]
)
def test_slerp_has_no_nan_for_zero_parallel_and_opposite_vectors(pair):
    a, b = (torch.tensor(v) for v in pair)
    assert torch.allclose(latent.slerp(a, b, 0.25), a + (b - a) * 0.25, atol=1e-5)


@given(
    st.lists(seeds, min_size=1, max_size=5, unique=True),
    st.sampled_from(sorted(latent.EASINGS)),
    st.booleans(),
    st.booleans(),
)
def test_a_path_meets_every_key(chosen, easing, loop, spherical):
    keys = torch.stack([vector(seed) for seed in chosen])
    segments = len(keys) if loop and len(keys) > 1 else max(len(keys) - 1, 1)
    for index in range(len(keys)):
        at = latent.point(
            keys,
            index / segments,
            centre=vector(0),
            easing=easing,
            loop=loop and len(keys) > 1,
            spherical=spherical,
        )
        assert torch.allclose(at, keys[index], atol=1e-4)


def test_a_looped_path_does_not_repeat_its_first_frame():
    keys = torch.stack([vector(1), vector(2), vector(3)])
    frames = latent.path(keys, 12, loop=True)
    assert len(frames) == 12
    assert not torch.allclose(frames[0], frames[-1])
    closing = float((frames[0] - frames[-1]).norm())
    assert closing == pytest.approx(float((frames[1] - frames[0]).norm()), rel=0.8)


@pytest.mark.parametrize(("keys", "frames"), [(0, 5), (2, 0)])
def test_a_path_needs_keys_and_frames(keys, frames):
    with pytest.raises(ValueError, match="at least one"):
        latent.path(torch.zeros(keys, 4), frames)


def test_an_unknown_easing_is_refused():
    with pytest.raises(ValueError, match="bouncy"):
        latent.point(torch.zeros(2, 4), 0.5, easing="bouncy")


@given(st.lists(st.floats(0, 10), min_size=2, max_size=12), st.integers(2, 40))
@example([0.0, 2.2250738585e-313], 3)
def test_constant_speed_makes_equal_steps(distances, frames):
    positions = np.linspace(0, 1, len(distances) + 1)
    found = latent.constant_speed(positions, distances, frames)
    assert found[0] == 0 and found[-1] == pytest.approx(1)
    assert all(b >= a for a, b in pairwise(found))
    if sum(distances) > 0.1:
        travelled = np.interp(found, positions, np.concatenate([[0], np.cumsum(distances)]))
        steps = np.diff(travelled)
        assert steps.max() - steps.min() < 1e-3 * sum(distances) + 1e-9


def test_constant_speed_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="distance"):
        latent.constant_speed([0, 1], [1, 2], 5)


@given(seeds, st.floats(0.1, 2))
def test_nearby_steps_are_as_long_as_asked(seed, reach):
    axes, scales = torch.eye(16), torch.full((16,), 0.5)
    around = latent.nearby(vector(3), axes, scales, 32, reach, seed)
    mean_step = float((around - vector(3)).norm(dim=1).mean())
    assert mean_step == pytest.approx(reach * 0.5 * math.sqrt(16), rel=0.25)


def test_mixing_is_a_weighted_mean():
    rows = torch.stack([vector(1), vector(2)])
    assert torch.allclose(latent.mix(rows, [3, 1]), 0.75 * rows[0] + 0.25 * rows[1])
    with pytest.raises(ValueError, match="weight"):
        latent.mix(rows, [1])
    with pytest.raises(ValueError, match="weight"):
        latent.mix(rows, [0, 0])


@given(seeds)
def test_children_without_mutation_take_every_trait_from_a_parent(seed):
    axes, scales, mean = torch.eye(16), torch.ones(16), torch.zeros(16)
    parents = torch.stack([vector(1), vector(2), vector(3)])
    for child in latent.breed(parents, axes, scales, mean, 4, 0.0, seed):
        assert bool(((child[None] - parents).abs() < 1e-5).any(0).all())


def test_mutation_moves_children():
    axes, scales, mean = torch.eye(16), torch.ones(16), torch.zeros(16)
    parents = vector(1)[None]
    children = latent.breed(parents, axes, scales, mean, 64, 0.5, 9)
    assert float((children - parents).std()) == pytest.approx(0.5, rel=0.1)
    with pytest.raises(ValueError, match="parent"):
        latent.breed(parents[:0], axes, scales, mean, 1, 0.1, 0)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=60))
def test_a_paced_path_is_gone_along_whole_and_as_fast_as_the_music(energy):
    places = latent.paced(energy)
    assert places[0] == 0 and places[-1] == pytest.approx(1)
    steps = [after - before for before, after in pairwise(places)]
    # Never back, and where much happens no slower than where little does.
    assert min(steps) > 0
    busiest, calmest = max(energy), min(energy)
    assert steps[energy.index(busiest)] >= steps[energy.index(calmest)] - 1e-9


def test_where_music_is_still_a_film_hardly_moves():
    places = latent.paced([1.0] * 9 + [0.0])
    assert 0 < places[-1] - places[-2] < 0.005
    assert latent.along(places, 0.05) == pytest.approx(places[1] / 2)
    for wrong in ([], [1.0, -1.0]):
        with pytest.raises(ValueError, match="energy"):
            latent.paced(wrong)
