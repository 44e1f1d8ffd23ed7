"""What a fine-tune cost is seen, and less of it costs less."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from studio import adapter as low_rank
from studio.errors import NotEnoughRatings
from studio.taste import Ratings, guard
from studio.taste import finetune as module
from studio.taste.finetune import FineTuneResult, check_noise, finetune
from studio.taste.guard import KEPT, lost, weaker
from studio.taste.quality import departure, is_inside, quality_kept
from studio.taste.telling import FineTuneCancelled, Teller
from tests.taste.curves import CurveGenerator


def features(curves: CurveGenerator, latents: Tensor) -> Tensor:
    with torch.no_grad():
        return curves.latent_features(latents)


@pytest.fixture(scope="module")
def own(curves: CurveGenerator, base: Tensor) -> Tensor:
    """Features of base works."""
    return features(curves, base[:256])


def test_works_of_the_base_itself_keep_all_quality(curves: CurveGenerator, base: Tensor, own):
    assert quality_kept(own, own) == 1
    others = features(curves, base[256:])
    assert quality_kept(own, others) == pytest.approx(1, abs=0.1)


def test_works_that_leave_the_manifold_lose_quality(curves: CurveGenerator, base: Tensor, own):
    mean = base.mean(0)
    found = [
        quality_kept(own, features(curves, mean + far * (base[256:] - mean)))
        for far in (1.0, 2.0, 6.0)
    ]
    assert found == sorted(found, reverse=True)
    assert found[0] > 0.95
    assert found[2] < KEPT["quality_kept"]
    assert quality_kept(own, own + 10 * own.std(0)) == 0


def test_what_a_taste_picks_of_the_base_keeps_quality(curves: CurveGenerator, base: Tensor, own):
    """Rare works are not bad ones: those of the base that are liked best are still its own."""
    others = features(curves, base[256:])
    for axis in torch.linalg.svd(own - own.mean(0), full_matrices=False).Vh[:8]:
        picked = others[(others @ axis).argsort()[-64:]].repeat(4, 1)
        assert quality_kept(own, picked) > KEPT["quality_kept"]


def test_a_collapse_is_no_loss_of_quality_but_of_variety(curves: CurveGenerator, base: Tensor, own):
    """One good work again and again is well made; the other figure is there for it."""
    middle = (own - own.mean(0)).norm(dim=1).argmin()
    works = own[middle] + 0.02 * (own - own[middle])
    assert quality_kept(own, works) >= 1
    assert torch.pdist(works).mean() / torch.pdist(own).mean() < KEPT["diversity_kept"]


def test_a_work_is_not_judged_by_the_one_it_was():
    """An odd work that stays as it is has no likeness but itself."""
    rows = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    rows[0] += 100
    assert not is_inside(rows, rows)[0]
    assert not is_inside(rows, rows + 1e-3)[0]
    assert is_inside(rows, rows)[1:].float().mean() > 0.9


def test_departure_is_nothing_where_nothing_changed_and_grows_with_a_shift(own: Tensor):
    assert departure(own, own) == pytest.approx(0, abs=1e-4)
    spread = float(own.var(0).sum() ** 0.5)
    shift = torch.zeros(own.shape[1])
    shift[0] = 2 * spread
    assert departure(own, own + shift) == pytest.approx(4, rel=1e-2)


def test_what_was_lost_is_named():
    assert lost({"diversity_kept": 0.8, "quality_kept": 0.9}) == ()
    assert lost({"diversity_kept": 0.79, "quality_kept": 0.95}) == ("diversity_kept",)
    assert lost({"diversity_kept": 0.9, "quality_kept": 0.89}) == ("quality_kept",)
    assert lost({"diversity_kept": 0.7, "quality_kept": 0.7}) == tuple(KEPT)
    assert lost({"diversity_kept": 0.9}) == ()


@pytest.fixture(scope="module")
def lesson(curves: CurveGenerator, thirty: Ratings) -> FineTuneResult:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MOST_ROUNDS", 5)
        return finetune(curves, thirty, seconds=3600.0)


@pytest.fixture(scope="module")
def too_strong(curves: CurveGenerator, thirty: Ratings, lesson: FineTuneResult) -> FineTuneResult:
    """The same lesson, four times overdone."""
    adapter = low_rank.scaled(lesson.adapter, 4.0)
    return FineTuneResult(adapter, lesson.measured | measured(curves, thirty, adapter))


def measured(curves: CurveGenerator, ratings: Ratings, adapter: dict[str, Tensor]) -> dict:
    reward = module.RewardModel.of(curves, ratings)
    noise = check_noise(torch.Generator().manual_seed(0))
    tuned, teller = curves.adapted(adapter, "curve-2"), Teller(curves, None, None, None)
    before, after = (module.look(each, each.map(noise), reward, teller) for each in (curves, tuned))
    return module.compare(before, after)


def test_a_lesson_says_what_it_kept(
    curves: CurveGenerator, thirty: Ratings, lesson: FineTuneResult
):
    again = measured(curves, thirty, lesson.adapter)
    for name in ("gain", "diversity_kept", "quality_kept", "departure"):
        assert lesson.measured[name] == pytest.approx(again[name], abs=1e-4)
    assert lost(lesson.measured) == ()
    assert lesson.measured["departure"] > 0


def test_quality_is_measured_against_the_base_through_all_lessons(
    curves: CurveGenerator, thirty: Ratings, too_strong: FineTuneResult, monkeypatch
):
    """Against a version that is off already, nothing would look off any more."""
    monkeypatch.setattr(module, "MOST_ROUNDS", 0)
    monkeypatch.setattr(module, "LEAST_GAIN", -9.0)
    spoilt = curves.adapted(too_strong.adapter, "curve-2")
    found = [
        finetune(spoilt, thirty, base=base, strength="gentle", seconds=3600.0).measured
        for base in (curves, None)
    ]
    assert found[0]["quality_kept"] == pytest.approx(too_strong.measured["quality_kept"])
    assert found[0]["departure"] == pytest.approx(too_strong.measured["departure"], rel=1e-3)
    assert (found[1]["quality_kept"], found[1]["departure"]) == (1, pytest.approx(0, abs=1e-4))
    assert found[0]["diversity_kept"] == found[1]["diversity_kept"] == pytest.approx(1)


def test_a_weaker_one_loses_nothing_and_still_pleases(
    curves: CurveGenerator, thirty: Ratings, too_strong: FineTuneResult, monkeypatch
):
    # So small a medium keeps its variety for long: a stricter line stands for a larger loss.
    monkeypatch.setitem(KEPT, "diversity_kept", (too_strong.measured["diversity_kept"] + 1) / 2)
    assert "diversity_kept" in lost(too_strong.measured)
    told: list[float] = []
    found = weaker(curves, too_strong, thirty, progress=lambda share, values: told.append(share))
    share = found.measured["share"]
    assert lost(found.measured) == ()
    assert found.measured["gain"] > module.LEAST_GAIN
    assert told == sorted(told) and told[-1] == 1
    # What is said of it is what its works show, and an eighth more would have been too much.
    assert found.measured.items() >= measured(curves, thirty, found.adapter).items()
    more = low_rank.scaled(too_strong.adapter, share + 0.5**guard.HALVINGS)
    assert share == 1 - 0.5**guard.HALVINGS or lost(measured(curves, thirty, more))
    assert found.measured["ratings"] == 30


def test_a_weaker_one_of_a_second_lesson_keeps_the_first(
    curves: CurveGenerator, thirty: Ratings, lesson: FineTuneResult, monkeypatch
):
    monkeypatch.setattr(module, "MOST_ROUNDS", 3)
    monkeypatch.setattr(module, "LEAST_GAIN", -9.0)
    monkeypatch.setattr(guard, "LEAST_GAIN", -9.0)
    first = curves.adapted(lesson.adapter, "curve-2")
    second = finetune(first, thirty, base=curves, strength="gentle", seconds=3600.0)
    found = weaker(first, second, thirty, base=curves)
    noise = torch.randn(64, 128, generator=torch.Generator().manual_seed(5))
    start, end = first.map(noise), first.adapted(second.adapter, "curve-3").map(noise)
    between = first.adapted(found.adapter, "curve-3").map(noise)
    assert (between - start).norm() < (end - start).norm()
    assert (between - end).norm() < (curves.map(noise) - end).norm()


def test_where_nothing_would_be_left_no_weaker_one_is_made(
    curves: CurveGenerator, thirty: Ratings, too_strong: FineTuneResult, monkeypatch
):
    monkeypatch.setitem(KEPT, "diversity_kept", 1.5)
    with pytest.raises(NotEnoughRatings) as refused:
        weaker(curves, too_strong, thirty)
    assert refused.value.key == "weaker_no_gain"


def test_making_a_weaker_one_can_be_cancelled(
    curves: CurveGenerator, thirty: Ratings, too_strong: FineTuneResult
):
    with pytest.raises(FineTuneCancelled):
        weaker(curves, too_strong, thirty, is_cancelled=lambda: True)
