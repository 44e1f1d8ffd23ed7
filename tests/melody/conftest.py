"""A real composer of a few thousand parameters, trained in seconds on tunes made here."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from studio.checkpoint import Checkpoint, Checkpoints
from studio.flow_training import train_flow, train_mapping
from studio.melody.config import Config
from studio.melody.data import Collection, collect
from studio.melody.generator import MelodyGenerator
from studio.melody.medium import MEDIA
from studio.melody.publish import publish
from studio.melody.train import Recipe, Run, encoded, tensors, train_autoencoder
from studio.settings import SHIPPED_CHECKPOINTS

SMALL = Config(
    bar_dim=12,
    width=48,
    heads=2,
    layers=1,
    slot_width=16,
    flow_width=48,
    flow_heads=2,
    flow_layers=1,
)
FIGURES = ("C2E2G2c2", "c2G2E2C2", "D2F2A2d2", "G4E4", "E2D2C4", "c2B2A2G2", "C2D2E2F2", "G8")


def tune(number: int) -> str:
    """Eight bars of figures chosen by chance, in one of two keys."""
    rng = random.Random(number)
    bars = ["".join(rng.choice(FIGURES) for _ in range(2)) for _ in range(7)]
    key = rng.choice(("C", "Am"))
    return (
        f"X:{number}\nT:Tune number {number * 7919:x}\nM:4/4\nL:1/16\nK:{key}\n"
        f"{'|'.join(bars[:4])}||{'|'.join(bars[4:])}|c8C8|]\n\n"
    )


@pytest.fixture(scope="session")
def tunes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tunes")
    (folder / "book.abc").write_text("".join(tune(number) for number in range(1, 121)))
    return folder


@pytest.fixture(scope="session")
def collection(tunes: Path) -> Collection:
    return collect(tunes)


@pytest.fixture(scope="session")
def trained(
    collection: Collection, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Run, list[dict]]:
    """A run of some seconds, and what it reported."""
    recipe = Recipe(batch_size=64, learning_rate=3e-3, warm_up=20, ema=0.98)
    run = Run(tmp_path_factory.mktemp("run"), SMALL, recipe, "cpu")
    lines: list[dict] = []
    train_autoencoder(run, collection, 0, lines.append, steps=200, measure_every=50)
    known, unseen = (
        encoded(run.ema, tensors(collection.split(name))) for name in ("train", "validation")
    )
    train_flow(
        run, known, unseen, 0, lines.append, steps=150, batch_size=128, warm_up=20, measure_every=50
    )
    train_mapping(run, 0, lines.append, steps=100, batch_size=256, measure_every=50)
    return run, lines


@pytest.fixture(scope="session")
def checkpoint(
    trained: tuple[Run, list[dict]],
    collection: Collection,
    tmp_path_factory: pytest.TempPathFactory,
) -> Checkpoint:
    run, _ = trained
    root = tmp_path_factory.mktemp("checkpoints")
    return publish(
        run, collection, root, "small", title="Small", samples=64, tried=160, following=60, tries=12
    )


@pytest.fixture(scope="session")
def small(checkpoint: Checkpoint) -> MelodyGenerator:
    return MelodyGenerator.from_checkpoint(checkpoint, "cpu")


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> MelodyGenerator:
    """The base that people get."""
    roots = Checkpoints(SHIPPED_CHECKPOINTS, tmp_path_factory.mktemp("home"))
    base = [checkpoint for checkpoint in roots.list("melody") if checkpoint.is_base][-1]
    return MEDIA[0].load(base, "cpu")
