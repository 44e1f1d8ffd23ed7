"""The reward model: right about what it saw, unsure about what it did not, honest about both."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from studio.errors import NotEnoughRatings
from studio.taste import Ratings, RewardModel, process
from studio.taste.artists import Artist
from studio.taste.process import normal_scores
from studio.taste.reward import FEWEST
from studio.taste.simulate import rank_correlation
from tests.taste.curves import CurveGenerator


@pytest.fixture(scope="module")
def truth(curves: CurveGenerator, base: Tensor, artist: Artist) -> Tensor:
    return artist.liking(curves.attributes(curves.decode(base)))


def test_stars_tell_what_is_liked_among_works_nobody_rated(
    curves: CurveGenerator, base: Tensor, truth: Tensor, thirty: Ratings
):
    reward = RewardModel.of(curves, thirty)
    expected, _ = reward.predict(curves.latent_features(base[30:]))
    assert rank_correlation(expected, truth[30:]) > 0.6


def test_pairs_alone_tell_it_too(curves: CurveGenerator, base: Tensor, truth: Tensor):
    pairs = [
        (i, j, False) if truth[i] > truth[j] else (j, i, False)
        for i, j in zip(range(0, 60, 2), range(1, 60, 2), strict=True)
    ]
    reward = RewardModel.of(curves, Ratings(base[:60], (), tuple(pairs)))
    expected, _ = reward.predict(curves.latent_features(base[60:]))
    assert rank_correlation(expected, truth[60:]) > 0.6
    assert reward.comparisons == 30


def test_pairs_add_to_stars(curves: CurveGenerator, base: Tensor, truth: Tensor):
    stars = tuple((i, float(3 + 2 * torch.sign(truth[i]))) for i in range(8))
    pairs = tuple(
        (i, j, False) if truth[i] > truth[j] else (j, i, False)
        for i, j in zip(range(8, 68, 2), range(9, 68, 2), strict=True)
    )
    features = curves.latent_features(base[68:])
    few = RewardModel.of(curves, Ratings(base[:68], stars)).predict(features)[0]
    all_of_them = RewardModel.of(curves, Ratings(base[:68], stars, pairs)).predict(features)[0]
    assert rank_correlation(all_of_them, truth[68:]) > rank_correlation(few, truth[68:])


def test_hypotheses_tried_together_are_those_tried_one_by_one(
    curves: CurveGenerator, base: Tensor, thirty: Ratings, monkeypatch: pytest.MonkeyPatch
):
    given = Ratings(thirty.latents, thirty.stars, ((0, 1, False), (2, 3, True)))
    features = curves.latent_features(base[30:])
    together = RewardModel.of(curves, given)
    monkeypatch.setattr(process, "AT_ONCE", 1)
    one_by_one = RewardModel.of(curves, given)
    for one, other in zip(together.predict(features), one_by_one.predict(features), strict=True):
        assert torch.allclose(one, other, atol=1e-4)
    assert torch.allclose(together.teaches(features), one_by_one.teaches(features), atol=1e-5)
    assert together.accuracy == pytest.approx(one_by_one.accuracy)


def test_it_is_surer_where_it_saw_ratings(curves: CurveGenerator, base: Tensor, thirty: Ratings):
    reward = RewardModel.of(curves, thirty)
    _, seen = reward.predict(curves.latent_features(thirty.latents))
    _, unseen = reward.predict(curves.latent_features(base[100:]))
    assert seen.mean() < 0.9 * unseen.mean()


def test_uncertainty_is_calibrated(curves: CurveGenerator, base: Tensor, truth: Tensor):
    """Two thirds of what is hidden lies within about one standard deviation."""
    stars = tuple((i, float(normal_scores(truth[:40])[i])) for i in range(40))
    reward = RewardModel.of(curves, Ratings(base[:40], stars))
    mean, deviation = reward.predict(curves.latent_features(base[40:]))
    scaled = (truth[40:] - truth[:40].mean()) / truth[:40].std()
    within = ((mean - scaled).abs() < deviation).float().mean()
    assert 0.45 < within < 0.95


def test_gradient_points_towards_more_reward(curves: CurveGenerator, base: Tensor, thirty: Ratings):
    reward = RewardModel.of(curves, thirty)
    latents = base[50:60].clone().requires_grad_()
    mean, deviation = reward.predict(curves.latent_features(latents))
    (gradient,) = torch.autograd.grad((mean - 0.5 * deviation).sum(), latents)
    step = 0.02 * gradient / gradient.norm(dim=1, keepdim=True)
    better, worse = reward.predict(curves.latent_features(latents.detach() + step))
    assert (better - 0.5 * worse > (mean - 0.5 * deviation).detach()).all()


def test_accuracy_tells_a_taste_from_noise(curves: CurveGenerator, base: Tensor, thirty: Ratings):
    knows = RewardModel.of(curves, thirty).accuracy
    rng = np.random.default_rng(0)
    noise = []
    for _ in range(6):
        stars = tuple((i, float(rng.integers(1, 6))) for i in range(30))
        noise.append(RewardModel.of(curves, Ratings(base[:30], stars)).accuracy)
    assert knows > 0.7
    assert 0.35 < np.mean(noise) < 0.62


def test_a_harsh_and_a_generous_person_mean_the_same(
    curves: CurveGenerator, base: Tensor, thirty: Ratings
):
    features = curves.latent_features(base[30:])
    squeezed = Ratings(thirty.latents, tuple((i, 4 + 0.2 * s) for i, s in thirty.stars))
    usual = RewardModel.of(curves, thirty).predict(features)[0]
    generous = RewardModel.of(curves, squeezed).predict(features)[0]
    assert torch.allclose(usual, generous, atol=1e-4)


@pytest.mark.parametrize(
    ("stars", "pairs", "key"),
    [
        (((0, 5.0),), (), "not_enough_ratings"),
        (tuple((i, 3.0) for i in range(FEWEST)), (), "ratings_all_equal"),
        ((), tuple((i, i + 1, True) for i in range(FEWEST)), "ratings_all_equal"),
    ],
)
def test_too_little_is_refused_kindly(curves, base, stars, pairs, key):
    with pytest.raises(NotEnoughRatings) as refused:
        RewardModel.of(curves, Ratings(base[:10], stars, pairs))
    assert refused.value.key == key
    assert "kept" in str(refused.value)


def test_contradictory_pairs_leave_it_undecided(curves: CurveGenerator, base: Tensor):
    both_ways = [(i, i + 1, False) for i in range(0, 12, 2)]
    both_ways += [(i + 1, i, False) for i in range(0, 12, 2)]
    reward = RewardModel.of(curves, Ratings(base[:12], (), tuple(both_ways)))
    mean, _ = reward.predict(curves.latent_features(base))
    assert mean.abs().max() < 0.05
    assert reward.accuracy <= 0.5


def test_several_people_each_keep_a_scale_of_their_own(
    curves: CurveGenerator, base: Tensor, truth: Tensor
):
    """A mild and a severe rater of one taste: mixed up, their scales would be taken for liking."""
    stars = [(i, (4.0 if i < 12 else 1.0) + float(truth[i] > 0)) for i in range(24)]
    raters = (0,) * 12 + (1,) * 12
    expected = [
        RewardModel.of(curves, Ratings(base[:24], tuple(stars), (), people))
        for people in (raters, ())
    ]
    features = curves.latent_features(base[24:])
    apart, mixed = (rank_correlation(model.predict(features)[0], truth[24:]) for model in expected)
    assert apart > 0.5 and apart > mixed + 0.1
    # What two people say of different works cannot be held against each other.
    liked = [sum(value in (5.0, 2.0) for _, value in stars[part]) for part in MILD_AND_SEVERE]
    assert expected[0].comparisons == sum(n * (12 - n) for n in liked)
    assert expected[1].comparisons > expected[0].comparisons


MILD_AND_SEVERE = (slice(12), slice(12, 24))


def test_people_who_each_give_everything_the_same_say_nothing(curves: CurveGenerator, base: Tensor):
    stars = tuple((i, 5.0 if i < 6 else 2.0) for i in range(12))
    with pytest.raises(NotEnoughRatings) as refused:
        RewardModel.of(curves, Ratings(base[:12], stars, (), (0,) * 6 + (1,) * 6))
    assert refused.value.key == "ratings_all_equal"
    RewardModel.of(curves, Ratings(base[:12], stars))
