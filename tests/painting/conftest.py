"""A real painter of a few thousand parameters, trained in seconds on pictures made here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from studio.checkpoint import Checkpoint
from studio.painting.generator import PaintingGenerator
from studio.painting.invert import EncoderRecipe
from studio.painting.model import Config
from studio.painting.publish import publish
from studio.painting.train import Recipe, Run, train

SMALL = Config(resolution=32, channels=(24, 24, 16, 12), mapping_width=32, latent_dim=16)


def landscape(seed: int, size: tuple[int, int] = (180, 140)) -> Image.Image:
    """A sky, a field and a sun: coloured by chance."""
    rng = np.random.default_rng(seed)
    picture = Image.new("RGB", size, tuple(int(c) for c in rng.integers(90, 255, 3)))
    draw = ImageDraw.Draw(picture)
    horizon = int(size[1] * rng.uniform(0.3, 0.8))
    draw.rectangle((0, horizon, *size), fill=tuple(int(c) for c in rng.integers(0, 160, 3)))
    x, y, r = rng.uniform(0, size[0]), rng.uniform(0, horizon), rng.uniform(6, 24)
    draw.ellipse((x - r, y - r, x + r, y + r), fill=tuple(int(c) for c in rng.integers(0, 255, 3)))
    for _ in range(12):
        a, b = rng.uniform(0, size[0], 2), rng.uniform(horizon, size[1], 2)
        fill = tuple(int(c) for c in rng.integers(0, 255, 3))
        draw.line((a[0], b[0], a[1], b[1]), fill=fill, width=3)
    return picture


@pytest.fixture(scope="session")
def pictures(tmp_path_factory) -> Path:
    """A folder of 80 small landscapes with a manifest."""
    folder = tmp_path_factory.mktemp("data") / "landscapes"
    folder.mkdir()
    rows = ["file,artist,title,year,source,licence"]
    for seed in range(80):
        landscape(seed).save(folder / f"{seed:03d}.png")
        rows.append(f"landscapes/{seed:03d}.png,a test,No. {seed},2026,made here,CC0")
    (folder.parent / "manifest.csv").write_text("\n".join(rows), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def trained(pictures, tmp_path_factory) -> tuple[Run, list[dict]]:
    """A run of a few steps, and what it reported."""
    recipe = Recipe(batch_size=8, learning_rate=4e-4)
    run = Run(tmp_path_factory.mktemp("run"), SMALL, recipe, "cpu")
    lines: list[dict] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STUDIO_COMPILE", "0")
        train(run, pictures, minutes=10, steps=120, report=lines.append, measured_on=64)
    return run, lines


@pytest.fixture(scope="session")
def checkpoint(trained, pictures, tmp_path_factory) -> Checkpoint:
    run, _ = trained
    return publish(
        run,
        pictures,
        tmp_path_factory.mktemp("checkpoints"),
        "small-32",
        title="Small",
        samples=48,
        tried=48,
        encoder_recipe=EncoderRecipe(pictures=256, epochs=4, batch_size=32),
    )


@pytest.fixture(scope="session")
def small(checkpoint) -> PaintingGenerator:
    return PaintingGenerator.from_checkpoint(checkpoint, "cpu")
