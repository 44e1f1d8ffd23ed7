"""Simulated artists are what they claim, and the measurement can tell good from bad."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import Tensor

from studio.taste import finetune as finetune_module
from studio.taste.artists import KINDS, ROOM, invent
from studio.taste.simulate import best_of_groups, mean_distance, oracle_keeps, simulate
from tests.taste.curves import CurveGenerator


@pytest.fixture(scope="module")
def attributes(curves: CurveGenerator, base: Tensor) -> dict[str, Tensor]:
    return dict(curves.attributes(curves.decode(base)))


def test_there_are_at_least_eight_kinds_and_all_can_judge(attributes: dict[str, Tensor]):
    artists = invent(attributes, len(KINDS), seed=2)
    assert len({artist.kind for artist in artists}) == len(KINDS) >= 8
    for artist in artists:
        liking = artist.liking(attributes)
        assert liking.mean() == pytest.approx(0, abs=1e-3)
        assert liking.std() == pytest.approx(1, abs=1e-3)
        assert artist.name.startswith(artist.kind)


def test_artists_differ(attributes: dict[str, Tensor]):
    likings = torch.stack([a.liking(attributes) for a in invent(attributes, 9, seed=2)])
    others = torch.corrcoef(likings) - torch.eye(9)
    assert others.max() < 0.95


def test_stars_follow_the_liking_but_not_exactly(attributes: dict[str, Tensor]):
    artist = invent(attributes, 1, seed=2)[0]
    stars = np.array(artist.stars(attributes, np.random.default_rng(1)))
    correlation = np.corrcoef(stars, artist.liking(attributes).numpy())[0, 1]
    assert set(stars) <= {1, 2, 3, 4, 5}
    assert len(set(stars)) >= 4
    assert 0.7 < correlation < 0.98


def test_the_better_of_two_usually_wins(attributes: dict[str, Tensor]):
    artist = invent(attributes, 1, seed=2)[0]
    liking = artist.liking(attributes)
    rng = np.random.default_rng(1)
    right = []
    for start in range(0, 400, 2):
        pair = {name: values[start : start + 2] for name, values in attributes.items()}
        winner, loser, tie = artist.prefers(pair, rng)
        if not tie:
            right.append(bool(liking[start + winner] > liking[start + loser]))
    assert 0.75 < np.mean(right) < 1


def test_a_medium_that_measures_nothing_has_no_artists():
    with pytest.raises(ValueError, match="measures nothing"):
        invent({"height": torch.zeros(5)}, 1, seed=0)


def test_an_oracle_keeps_as_much_as_it_may():
    liking = torch.tensor([3.0, -1.0, 1.0, 2.0])
    assert sorted(oracle_keeps(liking, 2.0).tolist()) == [0, 2, 3]
    assert sorted(oracle_keeps(liking, 1.25).tolist()) == [0, 1, 2, 3]
    assert len(oracle_keeps(liking, 99.0)) == 2


def test_best_of_groups_takes_one_from_each():
    expected = torch.arange(20.0)
    assert best_of_groups(expected).tolist() == [7, 15]


def test_works_that_are_alike_have_no_distance():
    assert mean_distance(torch.ones(4, 3)) == 0
    assert mean_distance(torch.eye(3)) == pytest.approx(2**0.5)


def test_the_whole_loop_is_measured(curves: CurveGenerator, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(finetune_module, "MOST_ROUNDS", 6)
    heard: list[str] = []
    found = simulate(curves, 1, 24, seed=1, base_samples=256, fresh_samples=64, tell=heard.append)
    json.dumps(found)
    assert len(found["artists"]) == len(heard) == 1
    row = found["artists"][0]
    assert row["reward"]["rank_correlation"] > 0.4
    assert row["loop"]["liking"] > row["no_learning"]["liking"] + 0.4
    assert row["no_learning"]["diversity_of_oracle"] == pytest.approx(1, abs=0.15)
    assert row["best_of_8"]["liking"] > row["no_learning"]["liking"]
    assert found["aggregate"]["percentile"] == row["loop"]["percentile"]


def test_no_artist_is_content_with_most_of_what_there_is(attributes: dict[str, Tensor]):
    # In six works of ten nothing is counted, as of words of love.
    counted = (torch.arange(len(attributes["height"])) % 5).sub(2).clamp_min(0).float()
    base = {**attributes, "counted": counted}
    for artist in (a for seed in range(4) for a in invent(base, len(KINDS), seed)):
        liking = artist.liking(base)
        assert liking.quantile(0.85) - liking.median() >= ROOM, artist.name
