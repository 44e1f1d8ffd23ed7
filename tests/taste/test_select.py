"""What is asked next: never twice, near favourites and far from them, and worth asking."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from studio.taste import Curator, Ratings, RewardModel
from studio.taste.artists import Artist
from studio.taste.reward import whiten
from studio.taste.select import choose
from tests.taste.curves import LATENT_DIM, CurveGenerator

NOTHING = Ratings(torch.zeros(0, LATENT_DIM))


def test_nothing_is_asked_twice(curves: CurveGenerator):
    curator = Curator()
    asked = torch.zeros(0, LATENT_DIM)
    for number in range(12):
        rated = Ratings(asked, tuple((i, float(1 + i % 5)) for i in range(len(asked))))
        asked = torch.cat([asked, curator.next_artworks(curves, rated, seed=5)])
        assert len(asked.unique(dim=0)) == number + 1


def test_what_was_asked_is_no_candidate_among_many(curves: CurveGenerator):
    curator, asked = Curator(), torch.zeros(0, LATENT_DIM)
    for number in range(30):
        shown = curator.next_artworks(curves, NOTHING, number, skipped=asked)
        asked = torch.cat([asked, shown])
    candidates = curator._candidates(curves, NOTHING, asked, seed=30)
    assert not (candidates[:, None] == asked).all(2).any()


def test_what_was_skipped_is_not_asked_again(curves: CurveGenerator):
    first = Curator().next_artworks(curves, NOTHING, seed=5)
    again = Curator().next_artworks(curves, NOTHING, seed=5, skipped=first)
    assert torch.equal(first, Curator().next_artworks(curves, NOTHING, seed=5))
    assert not torch.equal(first, again)


def test_a_pair_is_two_different_works(curves: CurveGenerator, thirty: Ratings):
    for ratings in (NOTHING, thirty):
        pair = Curator().next_artworks(curves, ratings, seed=5, kind="pair")
        assert pair.shape == (2, LATENT_DIM)
        assert not torch.equal(pair[0], pair[1])


def test_first_questions_are_more_different_than_chance(curves: CurveGenerator, base: Tensor):
    curator = Curator()
    asked = torch.zeros(0, LATENT_DIM)
    for _ in range(6):
        rated = Ratings(asked)
        asked = torch.cat([asked, curator.next_artworks(curves, rated, 1, skipped=asked)])

    def nearest(latents: Tensor) -> float:
        features = curves.latent_features(latents)
        points = whiten(features, curves.feature_statistics)
        return float((torch.cdist(points, points) + 1e6 * torch.eye(6)).amin(1).mean())

    by_chance = [nearest(base[start : start + 6]) for start in range(0, 60, 6)]
    assert nearest(asked) > np.mean(by_chance)


def test_later_questions_lean_towards_favourites_without_staying_there(
    curves: CurveGenerator, base: Tensor, thirty: Ratings
):
    reward = RewardModel.of(curves, thirty)
    features = curves.latent_features(base[30:])
    seen = curves.latent_features(thirty.latents)
    statistics = curves.feature_statistics
    chosen = [choose(features, seen, reward, statistics, seed, 1)[0] for seed in range(60)]
    expected, _ = reward.predict(features)
    assert expected[chosen].mean() > expected.mean() + 0.3 * expected.std()
    assert (expected[chosen] < expected.mean()).any()
    assert len(set(chosen)) > 5


def test_the_cached_reward_is_the_reward(curves: CurveGenerator, base: Tensor, thirty: Ratings):
    curator = Curator()
    curator.next_artworks(curves, thirty, seed=1)
    features = curves.latent_features(base)
    cached = curator.reward(curves, thirty).predict(features)[0]
    assert torch.allclose(cached, RewardModel.of(curves, thirty).predict(features)[0], atol=1e-3)


def test_asking_teaches_at_least_as_much_as_chance(
    curves: CurveGenerator, base: Tensor, artist: Artist
):
    """Of the works the model then likes best, the artist likes no less."""
    features = curves.latent_features(base)
    truth = artist.liking(curves.attributes(curves.decode(base)))

    def found(latents: Tensor, stars: list[int]) -> float:
        rated = Ratings(latents, tuple((i, float(s)) for i, s in enumerate(stars)))
        expected = RewardModel.of(curves, rated).predict(features)[0]
        return float(truth[expected.argsort(descending=True)[:50]].mean())

    chosen, chance = [], []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        curator, asked, stars = Curator(), torch.zeros(0, LATENT_DIM), []
        for number in range(16):
            rated = Ratings(asked, tuple((i, float(s)) for i, s in enumerate(stars)))
            latents = curator.next_artworks(curves, rated, seed * 100 + number)
            stars += artist.stars(curves.attributes(curves.decode(latents)), rng)
            asked = torch.cat([asked, latents])
        chosen.append(found(asked, stars))
        drawn = base[seed * 16 : seed * 16 + 16]
        shown = curves.attributes(curves.decode(drawn))
        chance.append(found(drawn, artist.stars(shown, rng)))
    assert np.mean(chosen) > np.mean(chance) - 0.1
