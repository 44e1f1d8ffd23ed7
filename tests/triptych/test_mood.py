"""A mood is a place among a model's own works, and can be steered to."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from studio.directions import spearman
from studio.medium import Direction
from studio.taste.explain import Samples
from studio.triptych.mood import Scale, normal_score, steered
from tests.taste.curves import CurveGenerator

WEIGHTS = {"valence": {"height": 1.0}, "energy": {"roughness": 1.0, "span": 0.5, "unknown": 3.0}}


@pytest.fixture(scope="module")
def curves() -> CurveGenerator:
    """With a direction for each attribute: the way that a linear fit says it grows."""
    made = CurveGenerator()
    latents = made.map(torch.randn(512, 128, generator=torch.Generator().manual_seed(3)))
    found = made.attributes(made.decode(latents))
    centred = latents - latents.mean(0)
    directions = []
    for name, values in found.items():
        slope = torch.linalg.lstsq(centred, (values - values.mean())[:, None]).solution[:, 0]
        vector = slope / slope.norm()
        scale = float((centred @ vector).std())
        effects = {
            other: float((centred @ vector / scale * each).mean() / each.std())
            for other, each in found.items()
        }
        effect = effects.pop(name)
        directions.append(
            Direction(name, tuple(vector.tolist()), scale, name, effect, side_effects=effects)
        )
    made.directions = tuple(directions)
    return made


@pytest.fixture(scope="module")
def scale(curves: CurveGenerator) -> Scale:
    noise = torch.randn(64, 128, generator=torch.Generator().manual_seed(4))
    return Scale.of(Samples.of(curves, noise), WEIGHTS)


def moods(curves: CurveGenerator, scale: Scale, latents: Tensor) -> dict[str, Tensor]:
    return scale.moods(curves.attributes(curves.decode(latents)))


def test_scores_are_places_in_order() -> None:
    sample = torch.tensor([0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0])
    scores = normal_score(torch.tensor([-9.0, 0.0, 0.5, 1.0, 1.5, 4.0, 9.0]), sample)
    assert torch.equal(scores, scores.sort().values)
    assert len(scores.unique()) == 7
    assert float(normal_score(torch.tensor([1.0]), sample)) == pytest.approx(0, abs=1e-6)
    # Equals share the middle of their places: 2 of 8.
    assert float(normal_score(torch.tensor([0.0]), sample)) == pytest.approx(-0.674, abs=0.01)


def test_what_a_model_does_not_measure_is_left_out(scale: Scale) -> None:
    assert scale.weights["energy"] == {"roughness": 1.0, "span": 0.5}
    assert Scale.of(scale.samples, {"nature": {"green": 1.0}}).felt == {}


def test_one_is_steered_to_the_mood_that_is_wanted(curves: CurveGenerator, scale: Scale) -> None:
    starts = curves.map(torch.randn(24, 128, generator=torch.Generator().manual_seed(5)))
    draw = torch.Generator().manual_seed(6)
    wanted = {name: 0.8 * torch.randn(24, generator=draw) for name in WEIGHTS}
    found = torch.stack(
        [
            steered(curves, start, {name: float(each[i]) for name, each in wanted.items()}, scale)
            for i, start in enumerate(starts)
        ]
    )
    reached, before = moods(curves, scale, found), moods(curves, scale, starts)
    for name, each in wanted.items():
        assert float(spearman(each, reached[name][:, None])[0]) > 0.7
        assert abs(float(spearman(each, before[name][:, None])[0])) < 0.6


def test_the_same_start_and_mood_lead_to_the_same_place(
    curves: CurveGenerator, scale: Scale
) -> None:
    start = curves.map(torch.ones(1, 128))[0]
    one, two = (steered(curves, start, {"valence": 1.0}, scale) for _ in range(2))
    assert torch.equal(one, two) and not torch.equal(one, start)
    assert torch.equal(steered(curves, start, {"nature": 1.0}, scale), start)
