"""A painting that follows the hand, with the small painter."""

from __future__ import annotations

import base64

import numpy as np
import pytest
import torch
from torch import Tensor

from studio.latent import noise_from_seeds
from studio.manipulation import Drag, Pliable, Point, Stroke
from studio.medium import LOCAL, Recipe
from studio.painting import places
from studio.painting.data import to_tensor
from studio.painting.generator import PaintingGenerator
from studio.painting.manipulate import Searched, distances, drawn, elsewhere, patch, unlike
from studio.ui.film import Film
from studio.ui.morph_state import Morph


def latent_of(small: PaintingGenerator, seed: int) -> Tensor:
    return small.map(noise_from_seeds([seed]))[0]


def test_one_latent_everywhere_paints_as_the_latent_does(small: PaintingGenerator) -> None:
    latents = small.map(noise_from_seeds(range(3)))
    one, everywhere = small.forward(latents), small.forward(places.everywhere(latents))
    assert torch.allclose(one, everywhere, atol=1e-4)


def test_a_latent_of_one_place_changes_mostly_that_place(small: PaintingGenerator) -> None:
    latents = places.everywhere(latent_of(small, 1)[None]).clone()
    before = small.forward(latents)
    latents[:, 0, 0] = latent_of(small, 2)
    changed = (small.forward(latents) - before).abs().mean((0, 1))
    half = changed.shape[0] // 2
    assert changed[:half, :half].mean() > 3 * changed[half:, half:].mean()


def test_what_differs_from_place_to_place_comes_back_from_a_recipe(
    small: PaintingGenerator,
) -> None:
    latents = torch.stack([latent_of(small, seed) for seed in range(16)]).view(1, 4, 4, -1)
    mean, packed = places.packed(latents)
    (painting,) = small.decode(mean[None], {LOCAL: packed})
    assert painting.recipe is not None and painting.recipe.options == {LOCAL: packed}
    wanted = to_tensor([painting.picture()])
    assert (small.forward(latents) - wanted).abs().mean() < 0.02


def test_a_film_leads_from_what_a_hand_shaped_to_what_none_did(small: PaintingGenerator) -> None:
    latents = torch.stack([latent_of(small, seed) for seed in range(16)]).view(1, 4, 4, -1)
    mean, packed = places.packed(latents)
    options: list[dict[str, str]] = [{LOCAL: packed}, {}]
    ends = [mean, latent_of(small, 20)]
    recipes = [
        Recipe("painting", "small", tuple(end.tolist()), options=own)
        for end, own in zip(ends, options, strict=True)
    ]
    frames = Film(small, recipes, Morph(keys=("a", "b"))).at([0.0, 0.5, 1.0])
    for frame, end, own in zip((frames[0], frames[2]), ends, options, strict=True):
        (wanted,) = small.decode(end[None], own)
        assert np.array_equal(frame.pixels, wanted.pixels)
    half = places.of(frames[1].options, small.latent_dim)
    whole = places.of({LOCAL: packed}, small.latent_dim)
    assert half is not None and whole is not None
    assert torch.allclose(half, whole / 2, atol=1e-2)
    assert small.local_between([{}, {}], [0.5, 0.5]) is None


@pytest.mark.parametrize("away", ["", "%", "AAAA", 7, None, [1], "nan", "far"])
def test_a_damaged_option_is_left_out(small: PaintingGenerator, away: object) -> None:
    bad = {"nan": np.nan, "far": 1e4}.get(away) if isinstance(away, str) else None
    if bad is not None:
        numbers = np.full(16 * small.latent_dim, bad, dtype="<f2")
        away = base64.b64encode(numbers.tobytes()).decode()
    latent = latent_of(small, 1)[None]
    (painting,) = small.decode(latent, {LOCAL: away})
    assert painting.options == {}
    assert np.array_equal(painting.pixels, small.decode(latent)[0].pixels)


def test_a_stroke_takes_on_its_colour_and_the_rest_stays(small: PaintingGenerator) -> None:
    assert isinstance(small, Pliable)
    latent = latent_of(small, 3)
    before = small.forward(latent[None])
    stroke = Stroke(((0.1, 0.15), (0.4, 0.15)), 0.25, (0.9, 0.1, 0.1))
    steps = list(small.follow(latent, [stroke]))
    assert len(steps) > 10
    found, options = steps[-1]
    (painting,) = small.decode(found[None], options)
    after = to_tensor([painting.picture()])
    mask = drawn(stroke, before) > 0.5
    red = torch.tensor([0.8, -0.8, -0.8]).view(1, 3, 1, 1)

    def apart(picture: Tensor) -> Tensor:
        return (picture - red).square().mean((0, 1))[mask].mean()

    assert apart(after) < 0.7 * apart(before)
    changed = (after - before).abs().mean((0, 1))
    is_far = distances(stroke.points, before) > 0.5
    assert changed[is_far].mean() < 0.5 * changed[mask].mean()


def test_a_drag_is_followed_and_its_handle_is_seen_nearer_to_the_goal(
    small: PaintingGenerator,
) -> None:
    latent = latent_of(small, 4)
    before = small.forward(latent[None])
    wanted = patch(before, (0.5, 0.3))

    def apart(picture: Tensor, at: Point) -> float:
        return float((patch(picture, at) - wanted).square().mean())

    goal = max(((0.5, 0.55), (0.3, 0.45), (0.7, 0.45)), key=lambda at: apart(before, at))
    *_, (found, options) = small.follow(latent, [Drag((0.5, 0.3), goal)])
    (painting,) = small.decode(found[None], options)
    assert apart(to_tensor([painting.picture()]), goal) < 0.8 * apart(before, goal)


def test_following_goes_on_from_where_a_hand_was_before(small: PaintingGenerator) -> None:
    latent, stroke = latent_of(small, 5), Stroke(((0.2, 0.8),), 0.3, (0.1, 0.1, 0.9))
    *_, (found, options) = small.follow(latent, [stroke])
    (before,) = small.decode(found[None], options)
    first, asked = next(small.follow(found, [Drag((0.7, 0.3), (0.7, 0.3))], options))
    (again,) = small.decode(first[None], asked)
    assert np.abs(again.pixels.astype(int) - before.pixels).mean() < 2


def test_a_handle_is_searched_where_it_is() -> None:
    view = torch.randn(1, 8, 16, 16, generator=torch.Generator().manual_seed(0))
    at = (0.4, 0.55)
    searched = Searched(view, at)
    here = searched(view, at)
    assert all(here < searched(view, there) for there in ((0.7, 0.55), (0.4, 0.2), (0.1, 0.9)))


def test_a_view_without_contrast_is_no_nearer_than_another() -> None:
    rng = torch.Generator().manual_seed(0)
    one, other = (torch.randn(1, 4, 9, 9, generator=rng) for _ in range(2))
    weight = torch.ones(9, 9)
    assert unlike(one, one, weight) == 0
    assert unlike(0.01 * one, other, weight) > 1.9
    assert 1.5 < unlike(one, other, weight) < 2.5


def test_distances_to_lines_and_what_lies_elsewhere() -> None:
    like = torch.zeros(1, 3, 20, 20)
    apart = distances([(0.0, 0.5), (1.0, 0.5)], like)
    assert torch.allclose(apart[:, 3], ((torch.arange(20) + 0.5) / 20 - 0.5).abs(), atol=1e-6)
    assert distances([(0.525, 0.525)], like)[10, 10] < 1e-6
    held = elsewhere([Drag((0.25, 0.25), (0.25, 0.25)), Stroke(((0.8, 0.8),), 0.1)], like)
    assert abs(float(held.sum()) - 1) < 1e-5
    assert held[5, 5] < 0.1 * held[0, 19] and held[16, 16] < 0.1 * held[0, 19]
