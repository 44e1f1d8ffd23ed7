"""A version that leans towards somebody's own works, judged by works it did not see."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from studio.errors import BadUpload
from studio.taste import climb, hand
from studio.taste import transfer as module
from studio.taste.telling import FineTuneCancelled
from studio.taste.transfer import Likeness, Nearness, distinct, transfer
from tests.taste.curves import CurveGenerator, UnsteadyCurves


def noise(count: int, seed: int) -> Tensor:
    return torch.randn(count, 128, generator=torch.Generator().manual_seed(seed))


def theirs(curves: CurveGenerator, count: int, seed: int = 11) -> Tensor:
    """Features of works by somebody who has a manner of their own: the latents lie around another
    middle, and less far apart."""
    latents = curves.map(noise(count, seed))
    towards = curves.statistics.scales[:3] @ curves.statistics.axes[:3]
    return curves.latent_features(0.6 * latents + 1.5 * towards).detach()


@pytest.fixture(scope="module")
def own(curves: CurveGenerator) -> Tensor:
    return theirs(curves, 40)


def test_works_made_come_nearer_to_works_never_seen(curves: CurveGenerator, own: Tensor):
    before = {name: value.clone() for name, value in curves.mapping.state_dict().items()}
    result = transfer(curves, own[:10], seconds=3600)
    tuned = curves.adapted(result.adapter, "curve-2")
    features = [each.latent_features(each.map(noise(256, 5))).detach() for each in (curves, tuned)]
    others = own[10:]
    within = float(torch.pdist(others).mean())
    far, near = (module.away(seen, others) - within for seen in features)
    assert near < 0.4 * far
    assert torch.pdist(features[1]).mean() > 0.9 * within
    measured = result.measured
    assert measured["works"] == 10 and measured["held_out"] == 3
    assert measured["closer"] > 0.5
    assert all(torch.equal(curves.mapping.state_dict()[n], v) for n, v in before.items())


def test_a_stronger_one_goes_farther(curves: CurveGenerator, own: Tensor):
    gentle, bold = (transfer(curves, own, strength=s, seconds=3600) for s in ("gentle", "bold"))
    assert gentle.measured["drift"] < bold.measured["drift"]
    assert gentle.measured["closer_learned"] < bold.measured["closer_learned"]


def test_what_is_kept_is_what_came_nearest_to_works_held_out(
    curves: CurveGenerator, own: Tensor, monkeypatch: pytest.MonkeyPatch
):
    """A climb that goes wrong after some rounds does not spoil what was there."""
    honest = climb.Climb.round
    rounds = 0

    def astray(self: climb.Climb, *arguments) -> float:
        nonlocal rounds
        gain = honest(self, *arguments)
        rounds += 1
        if rounds > 4:
            with torch.no_grad():
                for parameter in climb.low_rank.adapter_parameters(self.mapping):
                    parameter += 0.3 * torch.randn_like(parameter)
        return gain

    monkeypatch.setattr(climb.Climb, "round", astray)
    result = transfer(curves, own[:10], strength="bold", seconds=3600)
    assert result.measured["closer"] > 0.4


@pytest.mark.parametrize("kind", [CurveGenerator, UnsteadyCurves])
def test_the_hand_learns_too(kind: type[CurveGenerator], own: Tensor):
    curves = kind()
    result = transfer(curves, own, deep=True, seconds=3600)
    decoder = result.measured["decoder"]
    assert decoder["steps"] > 0
    has_part = any(name.startswith("decoder.") for name in result.adapter)
    assert has_part == decoder["kept"] == (decoder["closer_after"] > decoder["closer_before"])


def test_a_hand_follows_the_gradient_of_its_works(curves: CurveGenerator, own: Tensor):
    """Only the hand learns: the mapping's adapter does nothing."""
    before = curves.latent_features(curves.map(noise(256, 5))).detach()
    aim = Likeness(own[:30], own[30:], before, 1.0)
    nothing = climb.low_rank.adapter_tensors(climb.low_rank.attach(curves.mapping))
    learned = hand.learn(curves, nothing, aim, torch.Generator().manual_seed(0))
    tuned = curves.adapted(nothing | learned.adapter, "curve-2")
    after = tuned.latent_features(tuned.map(noise(256, 5))).detach()
    assert Nearness(own[30:], own[:30], before).of(after)["closer"] > 0.15
    assert learned.figures["steps"] == hand.STEPS


def test_the_unit_is_what_works_differ_by(curves: CurveGenerator, own: Tensor):
    before = curves.latent_features(curves.map(noise(128, 5))).detach()
    aim = Likeness(own[:30], own[30:], before, 1.0)
    _, gains = aim.wish(before)
    assert float(gains.std()) == pytest.approx(1, abs=0.05)
    assert abs(float(gains.mean())) < 0.2
    _, theirs_ = aim.wish(own[30:])
    assert float(theirs_.mean()) == pytest.approx(aim.wanted, rel=0.4)


def test_the_same_work_counts_once():
    works = torch.tensor([[0.0, 1], [2, 2], [0, 1], [5, 1], [2, 2.0001]])
    assert distinct(works).tolist() == [0, 1, 3]


@pytest.mark.parametrize(
    ("works", "key"),
    [
        (lambda own: own[:4], "works_too_few"),
        (lambda own: own[:1].expand(9, -1), "works_too_few"),
        (lambda own: own[:0], "works_too_few"),
        (lambda own: torch.randn(501, own.shape[1]), "works_too_many"),
    ],
)
def test_works_that_cannot_be_learned_from(curves: CurveGenerator, own: Tensor, works, key: str):
    with pytest.raises(BadUpload) as refused:
        transfer(curves, works(own))
    assert refused.value.key == key


def test_works_like_its_own_teach_nothing(curves: CurveGenerator):
    own = curves.latent_features(curves.map(noise(200, 3))).detach()
    with pytest.raises(BadUpload) as refused:
        transfer(curves, own)
    assert refused.value.key == "works_alike"


def test_it_stops_when_asked(curves: CurveGenerator, own: Tensor):
    told: list[str] = []

    def progress(share: float, said: dict) -> None:
        told.append(said["stage"])

    with pytest.raises(FineTuneCancelled):
        transfer(curves, own, progress=progress, is_cancelled=lambda: "learning" in told)
