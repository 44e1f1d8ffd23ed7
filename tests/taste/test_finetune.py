"""A fine-tune: more of what is liked on fresh works, still varied, never a surprise."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from studio.errors import NotEnoughRatings
from studio.taste import Ratings, climb, pleasing
from studio.taste import finetune as module
from studio.taste.artists import Artist
from studio.taste.finetune import FineTuneResult, Look, compare, finetune
from studio.taste.telling import FineTuneCancelled
from tests.taste.curves import CurveGenerator, UnsteadyCurves

HURRIED = 5
"""Rounds that are enough for a model this small."""
UNHURRIED = 3600.0
"""Seconds: on a busy machine too, rounds are what ends these fine-tunes."""


@pytest.fixture(scope="module")
def lesson(curves: CurveGenerator, thirty: Ratings) -> SimpleNamespace:
    """One fine-tune that several tests look at, and what it told on the way."""
    told: list[tuple[float, dict]] = []
    before = {name: value.clone() for name, value in curves.mapping.state_dict().items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MOST_ROUNDS", HURRIED)
        result = finetune(
            curves,
            thirty,
            preview_noise=torch.zeros(2, 128) + 1,
            seconds=UNHURRIED,
            progress=lambda share, values: told.append((share, values)),
        )
    return SimpleNamespace(result=result, told=told, before=before)


@pytest.fixture(scope="module")
def fresh(curves: CurveGenerator, lesson: SimpleNamespace) -> tuple[Tensor, Tensor]:
    """Latents before and after, of noise no fine-tune ever saw."""
    noise = torch.randn(400, 128, generator=torch.Generator().manual_seed(999))
    tuned = curves.adapted(lesson.result.adapter, "curve-2")
    return curves.map(noise), tuned.map(noise)


def test_the_artist_likes_fresh_works_more(
    curves: CurveGenerator, artist: Artist, fresh: tuple[Tensor, Tensor]
):
    before, after = (artist.liking(curves.attributes(curves.decode(w))) for w in fresh)
    assert after.mean() > before.mean() + 0.6


def test_works_stay_varied(curves: CurveGenerator, fresh: tuple[Tensor, Tensor]):
    before, after = (torch.pdist(curves.latent_features(w)).mean() for w in fresh)
    assert after > 0.75 * before


def test_what_is_reported_is_what_fresh_works_show(
    curves: CurveGenerator, thirty: Ratings, lesson: SimpleNamespace, fresh
):
    reward = module.RewardModel.of(curves, thirty)
    before, after = (
        Look(curves.latent_features(w), *reward.predict(curves.latent_features(w))) for w in fresh
    )
    again = compare(before, after)
    for name in ("gain", "percentile", "diversity_kept", "drift"):
        assert lesson.result.measured[name] == pytest.approx(again[name], rel=0.2, abs=0.05)
    assert lesson.result.measured["samples"] == module.SAMPLES
    assert lesson.result.measured["ratings"] == 30


def test_the_generator_itself_is_not_touched(curves: CurveGenerator, lesson: SimpleNamespace):
    now = curves.mapping.state_dict()
    assert all(torch.equal(now[name], value) for name, value in lesson.before.items())


def test_progress_rises_and_shows_works(lesson: SimpleNamespace):
    shares = [share for share, _ in lesson.told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    learning = [values for _, values in lesson.told if values["stage"] == "learning"]
    assert len(learning) == HURRIED
    assert all(len(values["artworks"]) == 2 for values in learning)
    assert learning[-1]["reward"] > learning[0]["reward"]


def test_it_can_be_cancelled_between_any_two_batches(curves: CurveGenerator, thirty: Ratings):
    calls = 0

    def is_cancelled() -> bool:
        nonlocal calls
        calls += 1
        return calls > 12

    with pytest.raises(FineTuneCancelled):
        finetune(curves, thirty, is_cancelled=is_cancelled)
    assert calls == 13


def test_the_time_given_is_kept(
    curves: CurveGenerator, thirty: Ratings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(climb.Climb, "least_rounds", 0)
    with pytest.raises(NotEnoughRatings, match="did not show"):
        finetune(curves, thirty, seconds=0.0)


def test_a_slow_machine_learns_something_too(curves: CurveGenerator, thirty: Ratings):
    rounds: list[float] = []
    finetune(
        curves,
        thirty,
        seconds=0.0,
        progress=lambda share, values: rounds.append(share) if "reward" in values else None,
    )
    assert len(rounds) == climb.Climb.least_rounds


def test_contradictory_ratings_are_refused(curves: CurveGenerator, base: Tensor):
    pairs = [(i, i + 1, False) for i in range(0, 20, 2)]
    pairs += [(i + 1, i, False) for i in range(0, 20, 2)]
    with pytest.raises(NotEnoughRatings) as refused:
        finetune(curves, Ratings(base[:20], (), tuple(pairs)))
    assert refused.value.key == "ratings_contradict"


@pytest.mark.parametrize("lost", [3, 30])
def test_works_that_cannot_be_measured_say_nothing(
    thirty: Ratings, monkeypatch: pytest.MonkeyPatch, lost: int
):
    """What a broken or foreign latent does to features; nothing may come of it but a sentence."""

    class Torn(CurveGenerator):
        def latent_features(self, latents: Tensor) -> Tensor:
            is_torn = (latents[:, None] == thirty.latents[:lost]).all(2).any(1)
            return super().latent_features(latents).masked_fill(is_torn[:, None], float("nan"))

    monkeypatch.setattr(module, "MOST_ROUNDS", 2)
    monkeypatch.setattr(module, "LEAST_GAIN", -9.0)
    monkeypatch.setattr(climb, "ROUND_SECONDS", UNHURRIED)
    if lost == len(thirty):
        with pytest.raises(NotEnoughRatings) as refused:
            finetune(Torn(), thirty, seconds=UNHURRIED)
        assert refused.value.key == "not_enough_ratings"
    else:
        found = finetune(Torn(), thirty, seconds=UNHURRIED)
        assert all(tensor.isfinite().all() for tensor in found.adapter.values())
        whole = replace(thirty, latents=thirty.latents[lost:], stars=thirty.stars[lost:])
        whole = replace(whole, stars=tuple((index - lost, stars) for index, stars in whole.stars))
        expected = finetune(CurveGenerator(), whole, seconds=UNHURRIED)
        assert found.measured["gain"] == pytest.approx(expected.measured["gain"], abs=1e-3)


def test_a_model_whose_works_cannot_be_measured_is_not_taught(
    curves: CurveGenerator, thirty: Ratings, monkeypatch: pytest.MonkeyPatch
):
    class Blind(CurveGenerator):
        def latent_features(self, latents: Tensor) -> Tensor:
            seen = super().latent_features(latents)
            is_rated = (latents[:, None] == thirty.latents).all(2).any(1)
            return seen.masked_fill(~is_rated[:, None], float("nan"))

    blind = Blind.__new__(Blind)
    blind.__dict__ |= curves.__dict__
    monkeypatch.setattr(module, "MOST_ROUNDS", 2)
    with pytest.raises(NotEnoughRatings) as refused:
        finetune(blind, thirty, seconds=UNHURRIED)
    assert refused.value.key == "taste_no_gain"


def test_a_collapse_is_refused(
    curves: CurveGenerator, thirty: Ratings, monkeypatch: pytest.MonkeyPatch
):
    """Without its anchor the mapping runs to one work; the check notices."""
    monkeypatch.setattr(module, "MOST_ROUNDS", 10)
    monkeypatch.setattr(pleasing, "VARIETY", 0.0)
    monkeypatch.setattr(pleasing, "FARTHEST", 9.0)
    monkeypatch.setattr(climb, "TRUST", 0.05)
    monkeypatch.setitem(module.STRENGTHS, "clear", 0.9999)
    monkeypatch.setattr(climb.Climb, "divergence", lambda self, latents: latents.var(0).sum() * 2.0)
    with pytest.raises(NotEnoughRatings) as refused:
        finetune(curves, thirty, seconds=UNHURRIED)
    assert refused.value.key in ("taste_collapse", "taste_no_gain")


def test_a_fine_tune_of_a_fine_tune_goes_on(
    curves: CurveGenerator, thirty: Ratings, lesson: SimpleNamespace, monkeypatch
):
    monkeypatch.setattr(module, "MOST_ROUNDS", HURRIED)
    tuned = curves.adapted(lesson.result.adapter, "curve-2")
    again: FineTuneResult = finetune(tuned, thirty, strength="gentle", seconds=UNHURRIED)
    assert again.measured["gain"] > module.LEAST_GAIN
    latents = tuned.adapted(again.adapter, "curve-3").map(torch.ones(1, 128))
    assert torch.isfinite(latents).all()


def test_the_same_ratings_teach_the_same(curves: CurveGenerator, thirty: Ratings, monkeypatch):
    monkeypatch.setattr(module, "MOST_ROUNDS", 2)
    monkeypatch.setattr(module, "LEAST_GAIN", -9.0)
    first, second = (finetune(curves, thirty, seconds=UNHURRIED).adapter for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


class Crash(Exception):
    """What a killed process looks like from within: nothing more is done."""


def rounds_until(crash: int, told: list[float]) -> Callable[[float, dict[str, Any]], None]:
    """Progress that ends a fine-tune once it has told of so many rounds."""

    def progress(share: float, values: dict[str, Any]) -> None:
        if "reward" in values:
            told.append(values["reward"])
        if len(told) == crash:
            raise Crash

    return progress


@pytest.mark.parametrize("strength", ["gentle", "bold"])
def test_what_was_stopped_goes_on_and_ends_as_if_nothing_had_been(
    curves: CurveGenerator, thirty: Ratings, tmp_path: Path, monkeypatch, strength: str
):
    monkeypatch.setattr(climb, "ROUND_SECONDS", UNHURRIED)
    monkeypatch.setattr(module, "MOST_ROUNDS", HURRIED)
    monkeypatch.setattr(module, "LEAST_GAIN", -9.0)
    wanted = {"strength": strength, "seconds": UNHURRIED}
    whole: list[float] = []
    expected = finetune(curves, thirty, **wanted, progress=rounds_until(99, whole))
    kept = tmp_path / "lessons" / "mine.safetensors"
    told: list[float] = []
    for crash in (1, 4):
        with pytest.raises(Crash):
            finetune(curves, thirty, **wanted, unfinished=kept, progress=rounds_until(crash, told))
    found = finetune(curves, thirty, **wanted, unfinished=kept, progress=rounds_until(99, told))
    assert told == whole
    assert len(whole) == HURRIED
    for name, tensor in expected.adapter.items():
        assert torch.equal(found.adapter[name], tensor)
    same = ("gain", "percentile", "diversity_kept", "drift", "pictures")
    assert [found.measured[name] for name in same] == [expected.measured[name] for name in same]
    assert list(kept.parent.iterdir()) == [kept]


def test_a_deep_fine_tune_goes_on_too(thirty: Ratings, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(climb, "ROUND_SECONDS", UNHURRIED)
    monkeypatch.setattr(module, "MOST_ROUNDS", HURRIED)
    monkeypatch.setattr(module, "LEAST_GAIN", -9.0)
    unsteady = UnsteadyCurves()
    expected = finetune(unsteady, thirty, deep=True, seconds=UNHURRIED)
    kept = tmp_path / "mine.safetensors"

    def until_the_decoder_learns(share: float, values: dict[str, Any]) -> None:
        if share > 0.8:
            raise Crash

    with pytest.raises(Crash):
        finetune(
            unsteady,
            thirty,
            deep=True,
            seconds=UNHURRIED,
            unfinished=kept,
            progress=until_the_decoder_learns,
        )
    found = finetune(unsteady, thirty, deep=True, seconds=UNHURRIED, unfinished=kept)
    assert found.measured["decoder"] == expected.measured["decoder"]
    assert all(torch.equal(found.adapter[name], t) for name, t in expected.adapter.items())


@pytest.mark.parametrize("change", ["ratings", "strength", "version", "damage", "no file"])
def test_another_fine_tune_is_not_taken_up(
    curves: CurveGenerator, thirty: Ratings, tmp_path: Path, monkeypatch, change: str
):
    """Whoever rates more, chooses otherwise or has a damaged file begins afresh."""
    monkeypatch.setattr(module, "MOST_ROUNDS", 2)
    monkeypatch.setattr(module, "LEAST_GAIN", -9.0)
    kept, told, again = tmp_path / "mine.safetensors", [], []
    with pytest.raises(Crash):
        finetune(curves, thirty, unfinished=kept, progress=rounds_until(1, told))
    wanted: dict[str, Any] = {"unfinished": kept, "progress": rounds_until(99, again)}
    generator, ratings = curves, thirty
    if change == "ratings":
        ratings = replace(thirty, stars=thirty.stars[:-1])
    elif change == "strength":
        wanted["strength"] = "gentle"
    elif change == "version":
        generator = copy.copy(curves)
        generator.version = "curve-2"
    elif change == "damage":
        kept.write_bytes(kept.read_bytes()[:-1])
    else:
        kept.unlink()
        kept.mkdir()
    finetune(generator, ratings, **wanted)
    assert len(again) == 2


def test_works_that_are_not_yet_as_wanted_get_more_rounds(
    curves: CurveGenerator, thirty: Ratings, monkeypatch: pytest.MonkeyPatch
):
    """Up to MOST_ROUNDS, but none after UNHURRIED seconds."""
    monkeypatch.setattr(climb.Climb, "usual_rounds", 1)
    monkeypatch.setattr(module, "MOST_ROUNDS", 3)
    monkeypatch.setattr(module, "LEAST_GAIN", -9.0)
    for most, expected in ((3600.0, 3), (-1.0, 1)):
        monkeypatch.setattr(module, "UNHURRIED", most)
        rounds: list[float] = []
        finetune(
            curves,
            thirty,
            progress=lambda share, values, seen=rounds: "reward" in values and seen.append(share),
        )
        assert len(rounds) == expected


def test_rounds_that_gain_nothing_are_the_last(
    curves: CurveGenerator, thirty: Ratings, monkeypatch: pytest.MonkeyPatch
):
    rounds: list[float] = []

    def still(self: climb.Climb, *_: object, **__: object) -> None:
        """As far as a round may have come that moves nothing."""
        self.gains = [*self.gains, 0.5]
        rounds.append(0.5)

    monkeypatch.setattr(climb.Climb, "round", still)
    with pytest.raises(NotEnoughRatings):
        finetune(curves, thirty)
    assert len(rounds) == climb.Climb.usual_rounds < module.MOST_ROUNDS


def test_where_works_are_as_wanted_it_stays(
    curves: CurveGenerator, thirty: Ratings, monkeypatch: pytest.MonkeyPatch
):
    """The gain is known at the beginning of a round: what its steps would do, nobody has seen."""
    looks: list[float] = []
    mapped: list[Tensor] = []
    look_ahead = climb.Climb.look_ahead

    def pleased(self: climb.Climb, *given: Any) -> tuple[Tensor, Tensor, float]:
        points, gradients, _ = look_ahead(self, *given)
        mapped.append(next(iter(self.parameters)).detach().clone())
        looks.append(self.aim.wanted if len(self.gains) > climb.Climb.least_rounds else 0.0)
        return points, gradients, looks[-1]

    monkeypatch.setattr(climb.Climb, "look_ahead", pleased)
    result = finetune(curves, thirty)
    assert len(looks) == climb.Climb.least_rounds + 2
    assert any(torch.equal(mapped[-1], each) for each in result.adapter.values())
