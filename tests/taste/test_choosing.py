"""Lessons that learn from works of the base that please, foreseen instead of made."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import torch

from studio.checkpoint import FORESIGHT, Checkpoint, Checkpoints, add_beside, write_checkpoint
from studio.registry import Registry
from studio.settings import SHIPPED_CHECKPOINTS
from studio.taste import Ratings, choosing
from studio.taste import finetune as module
from studio.taste.artists import Artist
from studio.taste.choosing import Choosing, choose
from studio.taste.components import whiten
from studio.taste.finetune import begin, check_noise, finetune, look
from studio.taste.foresight import Foresight, explained, learn
from studio.taste.pleasing import Pleasing
from studio.taste.reward import RewardModel
from studio.taste.telling import Teller
from tests.taste.curves import CurveGenerator

UNHURRIED = 3600.0


@pytest.fixture(scope="module")
def foresight(curves: CurveGenerator) -> Foresight:
    return learn(curves, works=2048, pool=1024)


@pytest.fixture(scope="module")
def known(curves: CurveGenerator, thirty: Ratings) -> SimpleNamespace:
    """What a lesson knows before it begins."""
    reward = RewardModel.of(curves, thirty)
    latents = curves.map(check_noise(torch.Generator().manual_seed(0)))
    before = look(curves, latents, reward, Teller(curves, None, None, None))
    aim = Pleasing(curves, reward, before, 0.97)
    return SimpleNamespace(aim=aim, before=before, latents=latents)


def begun(curves: CurveGenerator, known: SimpleNamespace, foresight: Foresight | None):
    rng = torch.Generator().manual_seed(1)
    return begin(curves, known.aim, rng, foresight, "clear", known.before, known.latents)


def test_works_are_foreseen_that_were_never_learned_from(
    curves: CurveGenerator, foresight: Foresight
) -> None:
    latents = curves.map(torch.randn(256, 128, generator=torch.Generator().manual_seed(5)))
    seen = whiten(curves.latent_features(latents), curves.feature_statistics)
    found = explained(seen - foresight.foreseen(latents), seen)
    assert found == pytest.approx(foresight.explained, abs=0.05)
    linear = torch.linalg.lstsq(
        torch.nn.functional.pad(foresight.latents, (0, 1), value=1.0), foresight.components
    ).solution
    assert found > explained(
        seen - torch.nn.functional.pad(latents, (0, 1), value=1.0) @ linear, seen
    )


def test_it_is_kept_beside_the_weights(
    curves: CurveGenerator, foresight: Foresight, tmp_path: Path
) -> None:
    card = {"medium": curves.medium, "version": curves.version, "parent": None}
    write_checkpoint(tmp_path, card, {"weights": {"none": torch.zeros(1)}})

    def found() -> Checkpoint:
        return Checkpoints(tmp_path, tmp_path / "home").find(curves.medium, curves.version)

    assert Foresight.kept(found()) is None
    where = tmp_path / curves.medium / curves.version
    add_beside(where, FORESIGHT, foresight.tensors())
    again = Foresight.kept(found())
    assert again is not None and again.explained == pytest.approx(foresight.explained, abs=0.01)
    spoiled = foresight.tensors()
    del spoiled["whitening.mean"]
    add_beside(where, FORESIGHT, spoiled)
    assert Foresight.kept(found()) is None


def test_it_is_of_one_base_only(curves: CurveGenerator, foresight: Foresight) -> None:
    latents = curves.map(torch.randn(128, 128, generator=torch.Generator().manual_seed(6)))
    assert foresight.is_of(curves, latents, curves.latent_features(latents))
    other = CurveGenerator(seed=9)
    assert not foresight.is_of(curves, latents, other.latent_features(latents))


def test_every_shipped_base_that_has_one_is_foreseen() -> None:
    registry = Registry(Checkpoints(SHIPPED_CHECKPOINTS, Path("none")), "cpu")
    generator = registry.use("painting")
    found = Foresight.kept(registry.base("painting", generator.version))
    assert found is not None and found.fits(generator)
    latents = found.latents[:32]
    with torch.no_grad():
        features = generator.latent_features(latents)
    assert found.is_of(generator, latents, features)
    # Half precision, and another machine's rounding.
    told = whiten(features, generator.feature_statistics)
    assert explained(told - found.components[:32], told) > 0.99


def test_the_artist_likes_fresh_works_more_and_they_look_like_the_base(
    curves: CurveGenerator, foresight: Foresight, thirty: Ratings, artist: Artist
) -> None:
    result = finetune(curves, thirty, foresight=foresight, seconds=UNHURRIED)
    noise = torch.randn(400, 128, generator=torch.Generator().manual_seed(999))
    tuned = curves.adapted(result.adapter, "curve-2")
    before, after = (
        artist.liking(curves.attributes(each.decode(each.map(noise)))).mean()
        for each in (curves, tuned)
    )
    assert after > before + 0.6
    climbed = finetune(curves, thirty, seconds=UNHURRIED)
    assert result.measured["quality_kept"] >= max(0.9, climbed.measured["quality_kept"])
    assert result.measured["diversity_kept"] > 0.6
    looked = Choosing.usual_rounds * 32 + 2 * module.SAMPLES
    assert result.measured["pictures"] == looked < climbed.measured["pictures"]


def test_what_was_stopped_goes_on_and_ends_as_if_nothing_had_been(
    curves: CurveGenerator,
    foresight: Foresight,
    thirty: Ratings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(choosing, "ROUND_SECONDS", UNHURRIED)
    wanted = {"foresight": foresight, "seconds": UNHURRIED}
    whole = finetune(curves, thirty, **wanted)
    kept = tmp_path / "mine.safetensors"
    rounds = []

    def stop(share: float, values: dict) -> None:
        rounds.append("reward" in values)
        if sum(rounds) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        finetune(curves, thirty, **wanted, unfinished=kept, progress=stop)
    again = finetune(curves, thirty, **wanted, unfinished=kept)
    assert all(torch.equal(again.adapter[name], t) for name, t in whole.adapter.items())


def test_what_is_hardly_known_is_followed_less_far(
    foresight: Foresight, known: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "LEAST_VARIETY", 0.0)
    monkeypatch.setattr(known.aim, "known", 0.9)
    few, far = choose(foresight, known.aim, 0.05)
    monkeypatch.setattr(known.aim, "known", 0.25)
    many, near = choose(foresight, known.aim, 0.05)
    assert len(few) == round(0.05 * len(foresight.components))
    assert len(many) > 3 * len(few)
    assert near == pytest.approx(far / 4, abs=0.05)
    assert torch.equal(many[: len(few)], few)


def test_what_pleases_in_one_way_only_is_not_all_that_is_chosen(
    foresight: Foresight, known: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for least in (0.0, 0.7, 0.9):
        monkeypatch.setattr(choosing, "LEAST_VARIETY", least)
        chosen, _ = choose(foresight, known.aim, 0.03)
        points = foresight.components[chosen] * known.aim.feature_scales
        everything = foresight.components * known.aim.feature_scales
        found.append((len(chosen), torch.pdist(points).mean() / torch.pdist(everything).mean()))
    (few, alike), (some, varied), (many, most) = found
    assert few < some < many
    assert alike < varied < most
    assert varied > 0.68 and most > 0.88


@pytest.mark.parametrize("explained, first", [(0.5, 4.5), (0.68, 0.469)])
def test_places_count_less_once_works_please_more(
    curves: CurveGenerator,
    foresight: Foresight,
    known: SimpleNamespace,
    explained: float,
    first: float,
) -> None:
    lesson = begun(curves, known, foresight)
    assert isinstance(lesson, Choosing)
    lesson.foresight = cast(Foresight, SimpleNamespace(explained=explained))
    weights = []
    for gain in (0.1, 1.5, 1.2, 1.9, 2.0, 2.1):
        lesson.gains = [*lesson.gains, gain]
        weights.append(lesson.places)
    shares = (1, 1 / 2, 1 / 2, 1 / 4, 1 / 8, 1 / 16)
    least = min(first, choosing.LEAST_PLACES)
    wanted = [max(first * share, least) for share in shares]
    assert weights == pytest.approx(wanted, rel=0.01)


@pytest.mark.thorough
def test_melodies_are_made_where_the_base_makes_some() -> None:
    """For one who likes them calm and even, foresight promised most where there are none."""
    registry = Registry(Checkpoints(SHIPPED_CHECKPOINTS, Path("none")), "cpu")
    generator = registry.use("melody")
    foresight = Foresight.kept(registry.base("melody", generator.version))
    assert foresight is not None
    rated = foresight.latents[:60]
    melodies = generator.decode(rated)
    measured = generator.attributes(melodies)
    liking = torch.ones(len(rated))
    for name in ("density", "dotted"):
        scores = (measured[name] - measured[name].mean()) / measured[name].std()
        liking *= torch.sigmoid(-1.5 * scores)
    ranks = liking.argsort().argsort()
    stars = [(index, 1.0 + int(5 * rank / len(rated))) for index, rank in enumerate(ranks)]
    reward = RewardModel.fit(generator.features(melodies), stars, (), generator.feature_statistics)
    rng = torch.Generator().manual_seed(0)
    teller = Teller(generator, None, None, None)
    before = look(generator, generator.map(check_noise(rng)), reward, teller)
    aim = Pleasing(generator, reward, before, 0.97)
    chosen, rise = choose(foresight, aim, 0.03)
    lesson = Choosing(generator, aim, rng, foresight, chosen)
    for number in range(lesson.usual_rounds):
        lesson.round(number / lesson.usual_rounds, teller)
    whitened = foresight.whitening.points
    latents = lesson.mapping(lesson.noise[:256]).detach()
    usual = whitened(foresight.latents).norm(dim=1).quantile(0.95)
    assert whitened(latents).norm(dim=1).median() < usual
    assert lesson.look(teller) > 0.6 * rise


def test_it_climbs_where_nothing_can_be_chosen(
    curves: CurveGenerator,
    foresight: Foresight,
    known: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert isinstance(begun(curves, known, foresight), Choosing)
    assert not isinstance(begun(curves, known, None), Choosing)
    wrong = learn(CurveGenerator(seed=9), works=512, pool=256)
    assert not isinstance(begun(curves, known, wrong), Choosing)
    # Who has learned all that the base can do has nothing to choose there.
    monkeypatch.setattr(known.aim, "base_mean", known.aim.base_mean + 9 * known.aim.spread)
    assert not isinstance(begun(curves, known, foresight), Choosing)
