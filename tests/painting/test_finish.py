"""What is done to a painting after the decoder: its even pattern comes off, and it is enlarged."""

import io

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from studio.painting.artwork import ENLARGED_SIZE, Painting
from studio.painting.data import collect
from studio.painting.enlarger import BAND, Enlarger, bicubic, halved
from studio.painting.enlarger_training import Recipe, train_enlarger
from studio.painting.equaliser import Equaliser, measured_gains, remaining, spectrum, tolerant
from studio.painting.generator import PaintingGenerator

from .conftest import landscape

SIZE = 64
FEW = 16
"""Pictures that are enough to look at; a pattern is measured on more."""


def smooth(count: int, seed: int) -> torch.Tensor:
    """Pictures whose power falls with frequency, as that of paintings does."""
    rng = torch.Generator().manual_seed(seed)
    rows = torch.randn(count, 3, SIZE, SIZE, generator=rng)
    reach = torch.fft.fftfreq(SIZE)[:, None].square() + torch.fft.rfftfreq(SIZE).square()
    return torch.fft.irfft2(torch.fft.rfft2(rows) / (0.05 + reach.sqrt()), s=(SIZE, SIZE)) / 20


def woven(pictures: torch.Tensor) -> torch.Tensor:
    columns = torch.arange(SIZE)
    return pictures + 0.3 * torch.cos(torch.pi / 2 * columns)


def test_an_even_pattern_comes_off_and_nothing_else_does():
    gains = measured_gains(smooth(200, 0), woven(smooth(200, 1)))
    even = Equaliser(gains)
    clean = smooth(20, 2)
    before, after = (x - clean for x in (woven(clean), even(woven(clean))))
    assert after.square().mean() < 0.1 * before.square().mean()
    assert (even(clean) - clean).square().mean() < 0.05 * clean.square().mean()
    assert gains.max() <= 1


def test_no_frequency_has_more_than_works_have():
    works, painted = smooth(200, 3), woven(smooth(200, 4))
    even = Equaliser(measured_gains(works, painted))
    line = (0, SIZE // 4)
    assert spectrum(painted)[line] > 50 * spectrum(works)[line]
    assert spectrum(even(painted))[line] < 3 * spectrum(works)[line]


def test_the_equaliser_keeps_what_it_is_given_in_shape_and_lets_gradients_through():
    even = Equaliser(torch.ones(SIZE, SIZE // 2 + 1))
    pictures = smooth(2, 5).requires_grad_()
    assert torch.allclose(even(pictures), pictures, atol=1e-5)
    assert even(pictures[:0]).shape == (0, 3, SIZE, SIZE)
    even(pictures).sum().backward()
    assert torch.allclose(pictures.grad, torch.ones_like(pictures), atol=1e-4)


def test_a_checkpoint_brings_its_equaliser(checkpoint):
    gains = checkpoint.tensors("equaliser")["gains"]
    generator = PaintingGenerator.from_checkpoint(checkpoint, "cpu")
    assert gains.shape == (32, 17)
    assert isinstance(generator.decoder.finish, Equaliser)
    latents = generator.map(torch.randn(2, 128))
    shown = generator.forward(latents)
    generator.decoder.finish = torch.nn.Identity()
    plain = generator.forward(latents)
    assert torch.allclose(shown, Equaliser(tolerant(gains))(plain), atol=1e-5)


def test_what_is_enlarged_keeps_no_even_pattern_that_is_tolerated_when_shown():
    works, painted = smooth(200, 7), woven(smooth(200, 8))
    gains = measured_gains(works, painted)
    assert torch.allclose(tolerant(gains) * remaining(gains), gains)
    shown, line = Equaliser(tolerant(gains))(painted)[:FEW], (0, SIZE // 4)
    assert spectrum(shown)[line] > 2 * spectrum(Equaliser(gains)(painted)[:FEW])[line]
    enlarger = Enlarger()
    plain = enlarger.enlarged(shown)
    enlarger.before = Equaliser(remaining(gains))
    assert spectrum(enlarger.enlarged(shown))[line] < 0.4 * spectrum(plain)[line]


def test_one_that_has_learned_nothing_enlarges_as_everybody_does():
    pictures = smooth(2, 6)
    assert torch.allclose(Enlarger()(pictures), bicubic(pictures))


def test_bands_make_no_seams():
    torch.manual_seed(0)
    enlarger = Enlarger(width=8, depth=6)
    torch.nn.init.normal_(enlarger.leave.weight, std=0.1)
    pictures = torch.rand(1, 3, BAND + 40, 24) * 2 - 1
    with torch.no_grad():
        whole = enlarger(pictures).clamp(-1, 1)
    assert torch.allclose(enlarger.enlarged(pictures), whole, atol=1e-5)


def mosaic(seed: int) -> Image.Image:
    """Edges everywhere: there enlarging has something to learn, and soon does."""
    rng = np.random.default_rng(seed)
    picture = Image.new("RGB", (300, 260))
    draw = ImageDraw.Draw(picture)
    for _ in range(150):
        x, y = rng.uniform(0, 300), rng.uniform(0, 260)
        w, h = rng.uniform(8, 40, 2)
        fill = tuple(int(c) for c in rng.integers(0, 255, 3))
        draw.rectangle((x - w, y - h, x + w, y + h), fill=fill)
    return picture


def test_an_enlarger_learns_to_be_nearer_to_works_than_bicubic(tmp_path, monkeypatch):
    for seed in range(24):
        mosaic(seed).save(tmp_path / f"{seed}.png")
    works = collect(tmp_path).works
    recipe = Recipe(batch_size=2, learning_rate=8e-3, adversary=0.3, blur=0, noise=0, ema=0.9)
    monkeypatch.setattr("studio.painting.enlarger_training.Enlarger", lambda: Enlarger(12, 1))
    _, figures = train_enlarger(works[:20], works[20:], 9.0, "cpu", recipe, steps=40)
    assert figures["steps"] == 40
    held_out = figures["held_out"]
    assert held_out["works"] == 4
    ours, bicubic = held_out["ours_x2"], held_out["bicubic_x2"]
    # As the frozen network sees them, which is what it is taught; pixel by pixel it is as near.
    assert ours["features"] < 0.98 * bicubic["features"]
    assert ours["psnr"] > bicubic["psnr"] - 0.5
    assert ours["sharpness"] > 1.1 * bicubic["sharpness"]


def test_halving_loses_what_is_finer_than_two_pixels():
    fine = torch.ones(1, 3, 32, 32)
    fine[..., ::2] = -1
    assert halved(fine)[..., 2:-2].abs().max() < 0.1


@pytest.mark.parametrize("format", ["png", "jpg"])
def test_a_painting_is_saved_as_large_as_its_painter_can(format):
    pixels = np.asarray(landscape(3, (256, 256)))
    data = Painting(pixels, enlarger=Enlarger(8, 1).eval()).export(format)
    with Image.open(io.BytesIO(data)) as saved:
        assert saved.size == (ENLARGED_SIZE, ENLARGED_SIZE)
        small = np.asarray(saved.resize((256, 256), Image.Resampling.BOX), dtype=float)
    assert np.abs(small - pixels).mean() < 4
    plain = Painting(pixels).export(format)
    with Image.open(io.BytesIO(plain)) as saved:
        assert saved.size == (512, 512)


def test_what_is_large_already_is_not_enlarged():
    pixels = np.zeros((1100, 1040, 3), dtype=np.uint8)
    assert Painting(pixels, enlarger=Enlarger(8, 1)).enlarged().size == (1040, 1100)
