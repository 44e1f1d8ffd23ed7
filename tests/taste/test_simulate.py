"""Simulated artists are what they claim, and the measurement can tell good from bad."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from studio import __main__ as command
from studio.taste import finetune as finetune_module
from studio.taste.aggregate import GOALS, aggregate, harmed, intervals
from studio.taste.artists import KINDS, ROOM, Artist, invent, mood
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


def test_artists_of_earlier_measurements_are_who_they_were(attributes: dict[str, Tensor]):
    earlier = ["more", "just_right", "both", "only_if", "tension", "unless", "either", "corner"]
    assert list(KINDS)[:9] == [*earlier, "extremes"]
    artists = invent(attributes, 7, seed=2)
    assert [artist.name for artist in artists] == [
        "more(-span)",
        "just_right(rise)",
        "both(height, roughness)",
        "only_if(-rise, bulge)",
        "tension(-height, bulge)",
        "unless(rise, height)",
        "either(-span, -height)",
    ]
    generosity = [artist.generosity for artist in artists[:6]]
    pinned = [-0.156825, -0.73244, 0.232142, 0.29327, 0.136487, -0.182156]
    assert generosity == pytest.approx(pinned, abs=1e-6)


def one(kind: str, attributes: dict[str, Tensor], seed: int, noise: float = 0.1) -> Artist:
    artists = invent(attributes, len(KINDS), seed, noise)
    return next(artist for artist in artists if artist.kind == kind)


def test_what_is_wanted_against_the_grain_is_rarer_than_either(attributes: dict[str, Tensor]):
    for seed in range(4):
        artist = one("against_the_grain", attributes, seed)
        (first, sign), (second, other_sign) = artist.attributes
        much, little = sign * attributes[first], other_sign * attributes[second]
        assert torch.corrcoef(torch.stack([much, little]))[0, 1] > 0.3
        liking = artist.liking(attributes)
        high, low = much > much.median(), little < little.median()
        assert (high & low).float().mean() < 0.24
        assert liking[high & low].mean() > max(liking[high & ~low].mean(), liking[~high].mean())


def test_what_is_liked_drifts_while_it_is_rated(attributes: dict[str, Tensor]):
    artist = one("drifting", attributes, seed=2)
    looked_at = [sign * attributes[name] for name, sign in artist.attributes]
    for share, likes in ((0.0, 0), (1.0, 1)):
        stars = artist.stars(attributes, np.random.default_rng(1), share)
        both = torch.stack([torch.tensor(stars).float(), *looked_at])
        followed = torch.corrcoef(both)[0, 1:]
        assert followed[likes] > 0.8
        assert followed[1 - likes] < 0.4
    pair = {name: values[:2] for name, values in attributes.items()}
    for share in (0.0, 1.0):
        winner, _, _ = one("drifting", attributes, 2, noise=0).prefers(
            pair, np.random.default_rng(1), share
        )
        assert winner == int(artist.liking(pair, share).argmax())
    assert torch.equal(artist.liking(attributes), artist.liking(attributes, 1.0))


def test_the_loop_asks_a_drifting_taste_as_it_is_at_that_rating(
    curves: CurveGenerator, attributes: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(finetune_module, "MOST_ROUNDS", 1)
    shares: list[float] = []
    stars = Artist.stars

    def heard(self, attributes, rng, share=1.0):
        shares.append(share)
        return stars(self, attributes, rng, share)

    monkeypatch.setattr(Artist, "stars", heard)
    simulate(curves, 1, 21, seed=1, base_samples=64, fresh_samples=16)
    assert shares[:21] == pytest.approx(np.linspace(0, 1, 21))


@pytest.mark.parametrize("noise", [0.0, 0.1, 0.3, 0.5])
def test_noise_is_the_share_of_impressions_that_is_mood(
    attributes: dict[str, Tensor], noise: float
):
    many = {name: values.repeat(40) for name, values in attributes.items()}
    artist = one("more", attributes, 2, noise)
    impressions = artist._impressions(many, np.random.default_rng(1), 1.0)
    of_mood = (impressions - artist.liking(many).numpy()).var() / impressions.var()
    assert of_mood == pytest.approx(noise, abs=0.01)


@pytest.mark.parametrize("noise", [-0.1, 0.51, float("nan")])
def test_more_mood_than_liking_is_refused(attributes: dict[str, Tensor], noise: float):
    with pytest.raises(ValueError, match=r"0 to 0\.5"):
        mood(noise)
    with pytest.raises(ValueError, match=r"0 to 0\.5"):
        invent(attributes, 1, 0, noise)


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
    assert len(found["artists"]) == 1
    assert found["noise"] == 0.1
    row = found["artists"][0]
    assert row["artist"] in heard[-1]
    assert f"{row['loop']['percentile']:.2f}" in heard[-1]
    assert row["reward"]["rank_correlation"] > 0.4
    assert row["loop"]["liking"] > row["no_learning"]["liking"] + 0.4
    assert row["no_learning"]["diversity_of_oracle"] == pytest.approx(1, abs=0.15)
    assert row["best_of_8"]["liking"] > row["no_learning"]["liking"]
    assert found["aggregate"]["percentile"] == row["loop"]["percentile"]
    # Of one artist nothing else can be drawn.
    assert found["intervals"]["percentile"] == [row["loop"]["percentile"]] * 2
    assert found["harmed"] == []


def measured(percentile: float, before: float = 0.5, dealt: float = 0.0) -> dict:
    """Figures of one artist, as a trial gives them."""
    way = {"percentile": before, "mean_rank": 0.5, "diversity": 1.0, "diversity_of_oracle": 1.0}
    loop = {**way, "percentile": percentile, "seconds": 40.0}
    return {
        "artist": f"more({percentile})",
        "slowest_question_s": 0.1,
        "reward": {"rank_correlation": 0.5, "accuracy": 0.7},
        "no_learning": way,
        "loop": loop,
        "best_of_rated": way,
        "best_of_8": way,
        "bayesian_optimisation": way,
        "random_ratings": {**loop, "percentile_change": dealt, "diversity_change": 0.0},
    }


def test_a_mean_hides_nobody():
    rows = [measured(0.95), measured(0.45), measured(0.5, dealt=-0.3), measured(0.9, dealt=0.3)]
    figures = aggregate(rows)
    assert figures["percentile"] == pytest.approx(0.7)
    assert figures["ended_below_base"] == 1
    assert harmed(rows) == [{"artist": "more(0.45)", "before": 0.5, "after": 0.45}]
    assert figures["random_harm"] == pytest.approx(0)
    assert figures["random_harmed"] == 1


def test_intervals_hold_the_mean_and_narrow_with_more_artists():
    rows = [measured(0.7 + 0.02 * index) for index in range(10)]
    few, many = intervals(rows[::3]), intervals(rows * 4)
    for spans in (few, many):
        assert spans["percentile"][0] < aggregate(rows)["percentile"] < spans["percentile"][1]
        assert spans["instead"]["no_learning"]["percentile"] == [0.5, 0.5]
    low, high = many["percentile"]
    # 1.645 standard errors on each side.
    assert high - low == pytest.approx(2 * 1.645 * 0.0574 / 40**0.5, rel=0.1)
    assert few["percentile"][1] - few["percentile"][0] > 2 * (high - low)
    assert intervals(rows) == intervals(rows)


class OfCurves:
    """A registry with one generator."""

    def __init__(self, curves: CurveGenerator) -> None:
        self.curves = curves

    def use(self, medium: str, version: str | None = None) -> CurveGenerator:
        return self.curves

    def base(self, medium: str, version: str) -> SimpleNamespace:
        """One beside whose weights nothing lies."""
        return SimpleNamespace(holds=lambda name: False)


def test_progress_is_told_beside_the_one_object(
    curves: CurveGenerator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(finetune_module, "MOST_ROUNDS", 1)
    monkeypatch.setattr(command, "registry", lambda: OfCurves(curves))
    asked = ["simulate", "curve", "--artists", "2", "--ratings", "8", "--noise", "0.3", "--json"]
    assert command.main(asked) == 0
    printed = capsys.readouterr()
    (line,) = printed.out.splitlines()
    found = json.loads(line)
    assert found["noise"] == 0.3
    assert set(found["reached"]) == set(found["surely_reached"]) == set(GOALS)
    for number, row in enumerate(found["artists"], start=1):
        assert f"{number}/2 {row['artist']}: percentile" in printed.err or "refused" in printed.err


def test_no_artist_is_content_with_most_of_what_there_is(attributes: dict[str, Tensor]):
    # In six works of ten nothing is counted, as of words of love.
    counted = (torch.arange(len(attributes["height"])) % 5).sub(2).clamp_min(0).float()
    base = {**attributes, "counted": counted}
    for artist in (a for seed in range(4) for a in invent(base, len(KINDS), seed)):
        liking = artist.liking(base)
        assert liking.quantile(0.85) - liking.median() >= ROOM, artist.name
