"""What surprises is what was said wrongly, and nobody is doubted on thin ground."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from studio.taste import Ratings, RewardModel
from studio.taste.artists import Artist
from studio.taste.doubt import FEWEST, UNLIKELY, doubts
from tests.taste.curves import CurveGenerator


@pytest.fixture(scope="module")
def liking(curves: CurveGenerator, base: Tensor, artist: Artist) -> Tensor:
    return artist.liking(curves.attributes(curves.decode(base)))


@pytest.fixture(scope="module")
def honest(base: Tensor, liking: Tensor) -> Ratings:
    """Sixty works and stars without any mood."""
    levels = liking[:60].quantile(torch.tensor([0.2, 0.4, 0.6, 0.8]))
    stars = 1 + (liking[:60, None] > levels).sum(1)
    return Ratings(base[:60], tuple(enumerate(stars.float().tolist())))


def found(curves: CurveGenerator, ratings: Ratings):
    return doubts(RewardModel.of(curves, ratings), ratings)


def test_a_slip_is_what_surprises_most(curves: CurveGenerator, honest: Ratings):
    best = max(honest.stars, key=lambda each: each[1])[0]
    slipped = tuple((i, 1.0 if i == best else value) for i, value in honest.stars)
    first = found(curves, replace(honest, stars=slipped))[0]
    assert first.works == (best,)
    assert first.stars == 1
    assert first.guess >= 3
    assert first.chance < UNLIKELY
    assert best not in {doubt.works[0] for doubt in found(curves, honest)}


def test_a_slip_in_a_pair_surprises_too(curves: CurveGenerator, base: Tensor, liking: Tensor):
    order = liking[:60].argsort().tolist()
    worst, best = order[0], order[-1]
    pairs = [(high, low, False) for low, high in zip(order[:30], order[30:], strict=True)]
    pairs += [(high, low, False) for low, high in zip(order[1:30], order[-2:29:-1], strict=True)]
    slipped = (*pairs, (worst, best, False))
    first = found(curves, Ratings(base[:60], (), slipped))[0]
    assert first.works == (worst, best)
    assert (first.stars, first.guess) == (0, 0)


def test_leaving_out_is_what_a_model_without_the_rating_says(
    curves: CurveGenerator, honest: Ratings
):
    """The closed form against fits to the other stars, up to the scores' being ranks among all."""
    mean, deviation = RewardModel.of(curves, honest).left_out()
    assert (deviation > 0.2).all()
    assert (deviation < 2).all()
    features = curves.latent_features(honest.latents)
    afresh = [
        float(
            RewardModel.of(
                curves, replace(honest, stars=honest.stars[:row] + honest.stars[row + 1 :])
            ).predict(features[[row]])[0]
        )
        for row in range(10)
    ]
    assert torch.allclose(mean[:10], torch.tensor(afresh), atol=0.2)


def test_few_ratings_are_never_doubted(curves: CurveGenerator, honest: Ratings):
    few = Ratings(honest.latents, honest.stars[: FEWEST - 1])
    assert found(curves, few) == []


def test_who_is_not_understood_is_not_doubted(curves: CurveGenerator, honest: Ratings):
    contrary = tuple((i, float(1 + (7 * i) % 5)) for i, _ in honest.stars)
    reward = RewardModel.of(curves, replace(honest, stars=contrary))
    assert not reward.is_trusted
    assert doubts(reward, replace(honest, stars=contrary)) == []
