"""The decoder learns from draws, stays near what it was, and is kept only if fresh works gain."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from studio import adapter as low_rank
from studio.taste import Ratings, hand, policy
from studio.taste import finetune as module
from studio.taste.finetune import finetune
from tests.taste.curves import CurveGenerator, UnsteadyCurves


@pytest.fixture(scope="module")
def unsteady() -> UnsteadyCurves:
    return UnsteadyCurves()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ROUNDS", 5)


def latents(unsteady: UnsteadyCurves, seed: int = 0):
    rng = torch.Generator().manual_seed(seed)
    return lambda count: unsteady.map(torch.randn(count, 128, generator=rng))


def test_each_draw_is_compared_with_the_others_of_its_latent():
    rewards = torch.tensor([[1.0, 100.0], [2.0, 100.0], [6.0, 100.0]])
    found = policy.advantages(rewards)
    assert torch.equal(found[:, 1], torch.zeros(3))
    ratios = found[:, 0] / found[2, 0]
    torch.testing.assert_close(ratios, torch.tensor([-3.0, -1.5, 4.5]) / 4.5)
    assert float(found.square().mean()) == pytest.approx(1)


def test_it_raises_a_reward_and_stays_near(unsteady: UnsteadyCurves):
    wanted = torch.randn(48, generator=torch.Generator().manual_seed(5)) / 48**0.5

    def reward(features: Tensor) -> Tensor:
        return features @ wanted

    rng = torch.Generator().manual_seed(1)
    learned = policy.learn(unsteady, latents(unsteady), reward, rng)
    tuned = unsteady.adapted(
        low_rank.adapter_tensors(low_rank.attach(unsteady.mapping))
        | low_rank.above("decoder.", low_rank.adapter_tensors(learned.decoder)),
        "curve-2",
    )
    fresh = latents(unsteady, seed=9)(256)
    before, after = (reward(each.latent_features(fresh)).detach() for each in (unsteady, tuned))
    assert after.mean() > before.mean() + 0.3 * before.std()
    assert 0.3 * policy.TARGET < learned.divergence < 2 * policy.TARGET
    assert learned.steps == policy.STEPS


def test_it_ends_when_time_is_up(unsteady: UnsteadyCurves):
    rng = torch.Generator().manual_seed(1)
    done: list[float] = []
    learned = policy.learn(
        unsteady,
        latents(unsteady),
        lambda features: features.sum(1),
        rng,
        is_over=lambda: len(done) == 2,
        tell=done.append,
    )
    assert learned.steps == 2
    assert done == [1 / policy.STEPS, 2 / policy.STEPS]


@pytest.mark.usefixtures("hurried")
def test_a_decoder_that_helps_is_kept_and_reported(
    unsteady: UnsteadyCurves, thirty: Ratings, monkeypatch: pytest.MonkeyPatch
):
    # So small a decoder cannot please without making its works more alike.
    monkeypatch.setattr(module, "LEAST_DECODER_DIVERSITY", 0.5)
    result = finetune(unsteady, thirty, deep=True)
    found = result.measured["decoder"]
    assert found["kept"]
    assert found["gain_after"] == result.measured["gain"] > found["gain_before"]
    assert found["diversity_kept"] == result.measured["diversity_kept"]
    assert any(name.startswith("decoder.") for name in result.adapter)
    again = unsteady.adapted(result.adapter, "curve-2")
    noise = torch.randn(module.SAMPLES, 128, generator=torch.Generator().manual_seed(0))
    assert not torch.allclose(
        again.heights(unsteady.map(noise)), unsteady.heights(unsteady.map(noise)), atol=1e-3
    )


@pytest.mark.usefixtures("hurried")
def test_a_reward_that_misleads_the_decoder_is_noticed(
    unsteady: UnsteadyCurves, thirty: Ratings, monkeypatch: pytest.MonkeyPatch
):
    """The check looks at fresh works, whatever the policy was paid for."""
    monkeypatch.setattr(module, "LEAST_DECODER_DIVERSITY", 0.0)
    honest = module.Pleasing.rewards
    monkeypatch.setattr(module.Pleasing, "rewards", lambda self, seen: -honest(self, seen))
    result = finetune(unsteady, thirty, deep=True)
    found = result.measured["decoder"]
    assert not found["kept"]
    assert found["gain_after"] < found["gain_before"] == result.measured["gain"]
    assert not any(name.startswith("decoder.") for name in result.adapter)


@pytest.mark.usefixtures("hurried")
def test_a_decoder_that_pleases_by_making_works_alike_is_dropped(
    unsteady: UnsteadyCurves, thirty: Ratings
):
    result = finetune(unsteady, thirty, deep=True)
    found = result.measured["decoder"]
    assert found["gain_after"] > found["gain_before"] == result.measured["gain"]
    assert found["diversity_kept"] < module.LEAST_DECODER_DIVERSITY
    assert not found["kept"]
    assert not any(name.startswith("decoder.") for name in result.adapter)


@pytest.mark.usefixtures("hurried")
def test_some_of_what_makes_works_too_alike_may_be_kept(
    unsteady: UnsteadyCurves, thirty: Ratings, monkeypatch: pytest.MonkeyPatch
):
    whole = finetune(unsteady, thirty, deep=True).measured["decoder"]
    assert whole["share"] == module.DECODER_SHARES[-1] and not whole["kept"]
    alike = whole["diversity_kept"] / finetune(unsteady, thirty).measured["diversity_kept"]
    monkeypatch.setattr(module, "LEAST_DECODER_DIVERSITY", alike - 0.01)
    result = finetune(unsteady, thirty, deep=True)
    found = result.measured["decoder"]
    assert found["kept"] and found["share"] == module.DECODER_SHARES[-1]
    assert found["gain_before"] < found["gain_after"] == result.measured["gain"]
    assert any(name.startswith("decoder.") for name in result.adapter)


def test_what_makes_a_decoder_worth_it():
    varied = torch.randn(200, 8, generator=torch.Generator().manual_seed(0))
    base = module.Look(varied, varied[:, 0], torch.full((200,), 0.1))
    alike = module.Look(0.8 * varied, base.mean + 2, base.deviation)
    better = module.Look(varied, base.mean + 2, base.deviation)
    assert module.is_worth_it(base, better, base)
    assert not module.is_worth_it(base, alike, base)
    assert not module.is_worth_it(base, base, base)


@pytest.mark.usefixtures("hurried")
def test_a_lean_fine_tune_leaves_the_decoder_alone(unsteady: UnsteadyCurves, thirty: Ratings):
    result = finetune(unsteady, thirty)
    assert "decoder" not in result.measured
    assert not any(name.startswith("decoder.") for name in result.adapter)


@pytest.mark.usefixtures("hurried")
def test_who_cannot_be_drawn_from_learns_by_gradient(curves: CurveGenerator, thirty: Ratings):
    result = finetune(curves, thirty, deep=True)
    found = result.measured["decoder"]
    assert found["steps"] == hand.STEPS and "kl" not in found
    assert found["gain_after"] > found["gain_before"]
    assert any(name.startswith("decoder.") for name in result.adapter) == found["kept"]


@pytest.mark.usefixtures("hurried")
def test_who_has_no_decoder_learns_as_before(
    curves: CurveGenerator, thirty: Ratings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(hand, "can_learn", lambda generator: False)
    assert "decoder" not in finetune(curves, thirty, deep=True).measured
