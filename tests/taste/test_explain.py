"""What a taste is said to lean to is what the artist behind the ratings cares about."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from studio.checkpoint import USUAL, Checkpoints, add_beside, write_checkpoint
from studio.medium import Direction, media
from studio.registry import Registry
from studio.settings import SHIPPED_CHECKPOINTS
from studio.taste import Ratings, RewardModel
from studio.taste.artists import Artist
from studio.taste.explain import Samples, Usual, expectation, leanings
from tests.taste.curves import CurveGenerator

NAMES = ("height", "rise", "roughness", "bulge", "span")


@pytest.fixture(scope="module")
def samples(curves: CurveGenerator) -> Samples:
    noise = torch.randn(64, 128, generator=torch.Generator().manual_seed(11))
    return Samples.of(curves, noise)


def taste_for(
    curves: CurveGenerator, base: Tensor, name: str, sign: int, count: int = 40
) -> RewardModel:
    """What is learned of somebody who likes much, or little, of one thing."""
    everything = curves.attributes(curves.decode(base))[name]
    artist = Artist(
        "more", ((name, sign),), (float(everything.mean()),), (float(everything.std()),)
    )
    attributes = curves.attributes(curves.decode(base[:count]))
    stars = artist.stars(attributes, np.random.default_rng(5))
    rated = Ratings(base[:count], tuple((i, float(value)) for i, value in enumerate(stars)))
    return RewardModel.of(curves, rated)


class Unasked:
    """A generator that is asked for no work."""

    def __init__(self, generator: Any) -> None:
        self.generator = generator

    def __getattr__(self, name: str) -> Any:
        assert name != "decode"
        return getattr(self.generator, name)


def test_what_is_usual_lies_beside_what_ships(tmp_path: Path) -> None:
    shipped = Checkpoints(SHIPPED_CHECKPOINTS, tmp_path)
    registry = Registry(shipped, "cpu")
    bases = [base for medium in media() for base in registry.versions(medium)]
    assert bases
    for base in bases:
        assert base.holds(USUAL), base.version
    generator = registry.use("melody")
    told, made = Usual(shipped).of(Unasked(generator)), Samples.usual(generator)
    torch.testing.assert_close(told.features, made.features, atol=2e-2, rtol=2e-3)
    assert told.attributes.keys() == made.attributes.keys()
    for name, values in made.attributes.items():
        torch.testing.assert_close(told.attributes[name], values, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("spoiled", ["features", "nothing"])
def test_what_is_usual_of_another_model_is_not_believed(
    curves: CurveGenerator, samples: Samples, tmp_path: Path, spoiled: str
) -> None:
    told = samples.tensors()
    if spoiled == "features":
        told["features"] = told["features"][:, 1:].contiguous()
    card = {"medium": curves.medium, "version": curves.version, "parent": None}
    write_checkpoint(tmp_path, card, {"weights": {"none": torch.zeros(1)}})
    add_beside(tmp_path / curves.medium / curves.version, USUAL, told)
    found = Usual(Checkpoints(tmp_path, tmp_path / "home")).of(curves)
    wanted = samples if spoiled == "nothing" else Samples.usual(curves)
    torch.testing.assert_close(found.features, wanted.features, atol=2e-2, rtol=2e-3)


def test_what_is_usual_is_told_of_all_that_dials_are_named_after(
    curves: CurveGenerator, samples: Samples
) -> None:
    dial = Direction("rise", (1.0,), 1.0, attribute="rise")
    generator = SimpleNamespace(
        feature_statistics=curves.feature_statistics, directions=[dial, replace(dial, attribute="")]
    )
    assert samples.are_of(generator)  # type: ignore[arg-type]
    generator.directions.append(replace(dial, attribute="depth"))
    assert not samples.are_of(generator)  # type: ignore[arg-type]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("name", ["height", "rise"])
def test_it_finds_what_somebody_likes(
    curves: CurveGenerator, base: Tensor, samples: Samples, name: str, sign: int
):
    first, *others = leanings(taste_for(curves, base, name, sign), samples)
    assert first.name == name
    assert first.effect * sign > 0.3
    assert first.certainty > 0.9
    assert abs(first.effect) > 2 * abs(others[1].effect)


def test_nobody_is_sure_of_stars_dealt_by_chance(
    curves: CurveGenerator, base: Tensor, samples: Samples
):
    rng = np.random.default_rng(8)
    certainties = []
    for _ in range(5):
        stars = rng.integers(1, 6, 20)
        rated = Ratings(base[:20], tuple((i, float(value)) for i, value in enumerate(stars)))
        found = leanings(RewardModel.of(curves, rated), samples)
        assert sorted(leaning.name for leaning in found) == sorted(NAMES)
        certainties += [leaning.certainty for leaning in found]
    assert 0.5 <= np.mean(certainties) < 0.85


def test_what_never_differs_is_no_reason(curves: CurveGenerator, base: Tensor, samples: Samples):
    flat = {**samples.attributes, "colour": torch.ones(len(samples.features))}
    reward = taste_for(curves, base, "rise", 1)
    found = leanings(reward, Samples(samples.features, flat))
    assert "colour" not in {leaning.name for leaning in found}
    nothing = Samples(samples.features, {"colour": flat["colour"]})
    assert leanings(reward, nothing) == []


def test_one_artwork_is_explained(curves: CurveGenerator, base: Tensor, samples: Samples):
    reward = taste_for(curves, base, "rise", 1)
    works = curves.decode(base[100:])
    rises = curves.attributes(works)["rise"]
    for index, sign in ((int(rises.argmax()), 1), (int(rises.argmin()), -1)):
        work = [works[index]]
        found = expectation(reward, samples, curves.features(work), curves.attributes(work))
        assert (found.share > 0.8) if sign > 0 else (found.share < 0.2)
        reason = found.reasons[0]
        assert reason.name == "rise"
        assert reason.standing * sign > 1
        assert reason.weight * sign > 0.5


def test_a_rated_work_is_most_like_itself(curves: CurveGenerator, base: Tensor, samples: Samples):
    reward = taste_for(curves, base, "rise", 1)
    for index in (0, 7, 31):
        work = curves.decode(base[index : index + 1])
        found = expectation(reward, samples, curves.features(work), curves.attributes(work))
        assert found.alike[0] == index
        assert len(found.alike) == 2
