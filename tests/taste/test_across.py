"""What is liked in one medium is a hint in another: heard first, outweighed soon, never kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from studio.taste import Curator, Ratings, RewardModel
from studio.taste.across import LAST, Hint, profile, together
from studio.taste.explain import Samples
from tests.taste.curves import LATENT_DIM, CurveGenerator

HERE = {"depth": ("height", -1), "rise": ("rise", 1)}
"""What the curves share."""
NOTHING = Ratings(torch.zeros(0, LATENT_DIM))


@pytest.fixture(scope="module")
def samples(curves: CurveGenerator) -> Samples:
    return Samples.of(curves, torch.randn(64, 128, generator=torch.Generator().manual_seed(9)))


@pytest.fixture(scope="module")
def deep(curves: CurveGenerator, base: Tensor) -> Ratings:
    """Of one who likes low curves."""
    height = -depth(curves, base[:40])
    levels = height.quantile(torch.tensor([0.2, 0.4, 0.6, 0.8]))
    stars = 5 - (height[:, None] > levels).sum(1)
    return Ratings(base[:40], tuple(enumerate(stars.float().tolist())))


@pytest.fixture(scope="module")
def hint(curves: CurveGenerator, samples: Samples) -> Hint:
    found = Hint.of({"depth": 0.8}, samples, HERE, curves.feature_statistics)
    assert found is not None
    return found


def depth(curves: CurveGenerator, latents: Tensor) -> Tensor:
    return -curves.attributes(curves.decode(latents))["height"]


def expects(hint: Hint, curves: CurveGenerator, base: Tensor, ratings: Ratings) -> Tensor:
    seen = curves.latent_features(ratings.latents[[i for i, _ in ratings.stars]])
    stars = torch.tensor([value for _, value in ratings.stars])
    return hint.expects(curves.latent_features(base), seen, stars, len(ratings))


def test_a_profile_says_what_is_certain_with_the_sign_of_the_quality(
    curves: CurveGenerator, samples: Samples, deep: Ratings
):
    found = profile(RewardModel.of(curves, deep), samples, HERE)
    assert found["depth"] > 0.3
    assert profile(RewardModel.of(curves, deep), samples, {}) == {}
    assert profile(RewardModel.of(curves, deep), samples, {"fame": ("fame", 1)}) == {}


def test_who_is_not_understood_has_no_profile(
    curves: CurveGenerator, samples: Samples, deep: Ratings
):
    contrary = replace(deep, stars=tuple((i, float(1 + (7 * i) % 5)) for i, _ in deep.stars))
    reward = RewardModel.of(curves, contrary)
    assert not reward.is_trusted
    assert profile(reward, samples, HERE) == {}


def test_media_that_contradict_each_other_say_nothing():
    heard = {"one": {"depth": 0.6, "rise": 0.4, "fame": 1.0}, "other": {"depth": -0.55}}
    assert together(heard, HERE) == {"rise": 0.4}
    assert together({}, HERE) == {}


def test_features_say_who_has_what_is_wanted(curves: CurveGenerator, base: Tensor, hint: Hint):
    expected = expects(hint, curves, base, NOTHING)
    likeness = torch.corrcoef(torch.stack([expected, depth(curves, base)]))[0, 1]
    assert likeness > 0.7


def test_what_is_expected_fades_with_every_rating(
    curves: CurveGenerator, base: Tensor, hint: Hint, deep: Ratings
):
    spreads = [
        float(expects(hint, curves, base, replace(deep, stars=deep.stars[:count])).std())
        for count in (0, 4, 8, LAST)
    ]
    assert spreads[0] > spreads[1] > spreads[2] > spreads[3] == 0


def test_ratings_that_contradict_silence_it(
    curves: CurveGenerator, base: Tensor, hint: Hint, deep: Ratings
):
    wild = replace(deep, stars=tuple((i, 6 - value) for i, value in deep.stars[:8]))
    agreeing = replace(deep, stars=deep.stars[:8])
    silenced = expects(hint, curves, base, wild).std()
    assert silenced < 0.25 * expects(hint, curves, base, agreeing).std()


def test_nothing_to_go_by_is_no_hint(curves: CurveGenerator, samples: Samples):
    statistics = curves.feature_statistics
    assert Hint.of({}, samples, HERE, statistics) is None
    same = Samples(torch.zeros(3, 48), {"height": torch.zeros(3)})
    assert Hint.of({"depth": 1.0}, same, HERE, statistics) is None


@pytest.mark.parametrize("kind", ["single", "pair"])
def test_first_questions_lean_towards_it_without_being_alike(
    curves: CurveGenerator, base: Tensor, hint: Hint, kind: str
):
    def asked(hint: Hint | None) -> Tensor:
        curator, latents = Curator(), torch.zeros(0, LATENT_DIM)
        for number in range(6):
            shown = curator.next_artworks(curves, NOTHING, number, kind, skipped=latents, hint=hint)
            latents = torch.cat([latents, shown])
        return latents

    usual, leaning = depth(curves, asked(None)), depth(curves, asked(hint))
    assert leaning.mean() > usual.mean() + 0.5 * depth(curves, base).std()
    spread = torch.pdist(curves.latent_features(asked(hint))).mean()
    assert spread > 0.5 * torch.pdist(curves.latent_features(base[:6])).mean()
