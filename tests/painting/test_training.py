"""Training is real, resumable, and ends in a checkpoint the studio can use."""

import copy
import json
import math

import numpy as np
import pytest
import torch

from studio.drift import drift_loss
from studio.errors import BadCheckpoint, BadUpload
from studio.latent import noise_from_seeds
from studio.painting.augment import augment
from studio.painting.command import main
from studio.painting.data import center_crops, collect
from studio.painting.features import ImageFeatures
from studio.painting.generator import PaintingGenerator, folded
from studio.painting.model import Painter
from studio.painting.publish import ALIKE, best_spread, resume_from, transferred_from
from studio.painting.train import Run, settled
from tests.painting.conftest import SMALL


def test_training_learns(trained, pictures):
    run, lines = trained
    untrained = Painter(SMALL).eval()
    features = ImageFeatures()
    real = features.pooled(center_crops(collect(pictures).works, 32))
    noise = noise_from_seeds(range(64))

    def distance(painter):
        with torch.no_grad():
            return float((features.pooled(painter(noise)).mean(0) - real.mean(0)).norm())

    assert run.step == 120
    assert distance(settled(run.ema, 2)) < 0.9 * distance(untrained)
    assert all(math.isfinite(v) for line in lines for v in line.values())


def test_a_run_goes_on_where_it_stopped(trained):
    run, _ = trained
    again = Run.resume(run.folder, "cpu")
    assert (again.step, again.pictures) == (run.step, run.pictures)
    for name in ("painter", "ema", "discriminator"):
        ours, theirs = getattr(run, name).state_dict(), getattr(again, name).state_dict()
        assert all(torch.equal(ours[k], theirs[k]) for k in ours)
    moments = again.painter_adam.state_dict()["state"]
    assert moments and float(moments[0]["step"]) == run.step


def test_resuming_nothing_is_told(tmp_path):
    with pytest.raises(BadUpload, match=str(tmp_path)):
        Run.resume(tmp_path, "cpu")


def test_augmentation_is_differentiable_and_changes_pictures():
    pictures = torch.rand(4, 3, 32, 32).requires_grad_(True)
    changed = augment(pictures)
    changed.sum().backward()
    assert pictures.grad is not None and float(pictures.grad.abs().sum()) > 0
    assert not torch.allclose(changed, pictures)


def test_drift_pulls_towards_what_is_missing():
    real = torch.cat([torch.randn(100, 4) * 0.1 + 3, torch.randn(100, 4) * 0.1 - 3])
    samples = (torch.randn(64, 4) * 0.1 + 1).requires_grad_(True)
    drift_loss(samples, real, samples.detach()).backward()
    moved = -samples.grad.mean(0)
    assert bool((moved > 0).all())
    balanced = real[torch.randperm(200)[:64]].clone().requires_grad_(True)
    drift_loss(balanced, real, real).backward()
    assert float(balanced.grad.norm()) < 0.05 * float(samples.grad.norm())


def test_folding_is_exact(trained):
    run, _ = trained
    decoder = settled(run.ema, 2).decoder
    latents = torch.randn(3, SMALL.latent_dim)
    with torch.no_grad():
        assert torch.allclose(folded(decoder)(latents), decoder(latents), atol=1e-4)


def test_the_card_tells_what_matters(checkpoint):
    card = checkpoint.card
    assert card["trained_on"] == "cpu"
    assert card["data"]["licences"] == {"CC0": 80}
    assert {"fd", "kid_x1000", "precision", "recall", "path_length"} <= set(card["evaluation"])
    judged = card["evaluation"]["judge"]
    assert "Lite2" in judged["features"]
    assert judged["fd"] != card["evaluation"]["fd"]
    assert {"fd", "kid_x1000", "recall"} <= set(judged["held_out"])
    assert card["training"]["step"] > 0
    assert len(checkpoint.document("works")) == 80
    text = json.dumps(card)
    assert "NaN" not in text


def test_a_published_painter_paints(small):
    latents = small.map(noise_from_seeds([1, 2, 3]))
    works = small.decode(latents)
    assert [w.pixels.shape for w in works] == [(32, 32, 3)] * 3
    assert not np.array_equal(works[0].pixels, works[1].pixels)
    again = small.decode(latents)
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(works, again, strict=True))
    assert np.float32(works[0].recipe.latent) == pytest.approx(latents[0].numpy())


def test_inversion_comes_nearer_than_another_painting(small):
    latents = small.map(noise_from_seeds(range(8)))
    works = small.decode(latents)
    found = small.decode(small.encode(works))

    def difference(a, b):
        return np.mean(
            [np.abs(x.pixels.astype(float) - y.pixels).mean() for x, y in zip(a, b, strict=True)]
        )

    assert difference(works, found) < 0.7 * difference(works, works[1:] + works[:1])


def test_features_have_a_gradient_back_to_the_latent(small):
    latents = small.map(noise_from_seeds([4])).requires_grad_(True)
    small.latent_features(latents).sum().backward()
    assert float(latents.grad.norm()) > 0


def test_a_shipped_checkpoint_can_be_trained_on_from_what_training_had_reached(
    checkpoint, trained, tmp_path
):
    run = resume_from(checkpoint, tmp_path, "cpu")
    assert run.step == checkpoint.card["training"]["step"]
    reached, _ = trained
    # To within half precision, which is what ships.
    found, wanted = run.ema.mapping.out.weight, reached.ema.mapping.out.weight
    assert torch.allclose(found, wanted, rtol=1e-3, atol=1e-4)
    works = checkpoint.card["data"]["sha256"]
    assert transferred_from(run, works) == transferred_from(reached, works) == ""
    assert transferred_from(run, "other works") == "painting/small-32"
    run.save()
    again = Run.resume(tmp_path, "cpu")
    assert transferred_from(again, "other works") == "painting/small-32"


def test_the_shipped_spread_fits_the_works_best(trained, pictures):
    run, _ = trained
    network = ImageFeatures()
    real = network.pooled(center_crops(collect(pictures).works, 32))
    narrow = copy.deepcopy(run.ema)
    noise = noise_from_seeds(range(256))
    centre = narrow.mapping(noise).mean(0).detach()
    narrow.mapping.spread(1 / 1.3, centre)
    tried = []
    painter, factor = best_spread(narrow, network, real, noise, tried.append)
    least = min(line["fd"] for line in tried)
    alike = [line for line in tried if line["fd"] <= ALIKE * least]
    best = min(alike, key=lambda line: line["kid_x1000"])
    assert factor == best["spread"] and len(tried) > 1
    widths = [p.mapping(noise).var(0).sum().detach() for p in (narrow, painter)]
    assert float((widths[1] / widths[0]).sqrt()) == pytest.approx(factor, rel=1e-3)


def test_a_card_with_another_shape_is_refused(checkpoint):
    card = {**checkpoint.card, "config": {**checkpoint.card["config"], "latent_dim": 99}}
    with pytest.raises(BadCheckpoint, match="small-32"):
        PaintingGenerator.from_checkpoint(type(checkpoint)(checkpoint.folder, card), "cpu")


def test_the_command_refuses_too_few_pictures(tmp_path, pictures):
    for name in ("001.png", "002.png"):
        (tmp_path / name).write_bytes((pictures / name).read_bytes())
    with pytest.raises(BadUpload, match="needs at least 16"):
        main(["--data", str(tmp_path), "--run", str(tmp_path / "run")])
