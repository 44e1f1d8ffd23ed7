"""One latent, painted by two hands."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from studio import adapter
from studio.checkpoint import Checkpoint, write_checkpoint
from studio.latent import noise_from_seeds
from studio.painting.generator import PaintingGenerator
from studio.painting.hands import kin_of
from studio.painting.medium import PaintingMedium


@pytest.fixture
def pair(checkpoint: Checkpoint, tmp_path: Path) -> tuple[PaintingGenerator, PaintingGenerator]:
    """A base, and one that was transferred from it: the same painter with redder paint."""
    shutil.copytree(checkpoint.folder, tmp_path / "painting" / checkpoint.version)
    groups = ("painter", "encoder", "equaliser", "statistics", "originality", "discriminator")
    tensors = {name: checkpoint.tensors(name) for name in groups}
    bias = next(name for name in tensors["painter"] if name.endswith("to_rgb.bias"))
    tensors["painter"][bias] = tensors["painter"][bias] + torch.tensor([0.8, 0.0, 0.0])
    documents = {name: checkpoint.document(name) for name in ("directions", "works")}
    card = {key: checkpoint.card[key] for key in ("medium", "parent", "created", "config")}
    card |= {"version": "red-32", "transferred_from": f"painting/{checkpoint.version}"}
    red = write_checkpoint(tmp_path, card, tensors, documents)
    base = Checkpoint(tmp_path / "painting" / checkpoint.version, checkpoint.card)
    medium = PaintingMedium()
    return medium.load(base, "cpu"), medium.load(red, "cpu")


def painted(generator: PaintingGenerator, latents: torch.Tensor, hand: float = 0.0) -> np.ndarray:
    (work,) = generator.decode(latents, {"hand": hand})
    assert dict(work.options) == ({"hand": hand} if hand else {})
    assert work.recipe is not None and work.recipe.options == work.options
    assert not work.remarks
    return work.pixels.astype(int)


def test_all_of_the_other_hand_paints_as_the_other_does(
    pair: tuple[PaintingGenerator, PaintingGenerator],
) -> None:
    base, red = pair
    latents = base.map(noise_from_seeds([4]))
    assert np.abs(painted(base, latents, 1.0) - painted(red, latents)).max() <= 1
    assert np.abs(painted(red, latents, 1.0) - painted(base, latents)).max() <= 1
    assert painted(red, latents)[..., 0].mean() > painted(base, latents)[..., 0].mean() + 5


def test_some_of_it_lies_between(pair: tuple[PaintingGenerator, PaintingGenerator]) -> None:
    base, _ = pair
    latents = base.map(noise_from_seeds([4]))
    redness = [painted(base, latents, hand)[..., 0].mean() for hand in (0.0, 0.3, 0.7, 1.0)]
    assert redness == sorted(redness) and redness[1] > redness[0] and redness[3] > redness[2]


def test_a_hand_that_has_learned_blends_too(
    pair: tuple[PaintingGenerator, PaintingGenerator],
) -> None:
    """One and the same other hand serves every version of a base, and mixes none of them up."""
    base, red = pair
    of_mapping = adapter.adapter_tensors(adapter.attach(base.mapping))
    learned = adapter.adapter_tensors(adapter.attach(base.decoder))
    untouched = base.adapted(of_mapping | adapter.above("decoder.", learned), "mine-1")
    changed = {n: t + 0.2 if n.endswith(".bias") else t for n, t in learned.items()}
    tuned = base.adapted(of_mapping | adapter.above("decoder.", changed), "mine-2")
    latents = base.map(noise_from_seeds([4]))
    half = painted(base, latents, 0.5)
    assert np.abs(painted(untouched, latents, 0.5) - half).max() <= 1
    assert np.abs(painted(untouched, latents, 1.0) - painted(red, latents)).max() <= 1
    assert np.abs(painted(tuned, latents, 0.5) - half).mean() > 2
    assert np.array_equal(painted(base, latents, 0.5), half)


def test_kin_is_who_was_transferred_from_it_or_whom_it_was_transferred_from(
    pair: tuple[PaintingGenerator, PaintingGenerator],
) -> None:
    base, red = pair
    for generator, other in ((base, red), (red, base)):
        assert generator.other_hand is not None
        kin = kin_of(generator.other_hand.checkpoint)
        assert kin is not None and kin.version == other.version


def test_without_kin_the_picture_is_its_own_and_says_so(checkpoint: Checkpoint) -> None:
    generator = PaintingMedium().load(checkpoint, "cpu")
    latents = generator.map(noise_from_seeds([4]))
    (work,) = generator.decode(latents, {"hand": 0.5})
    assert [key for key, _ in work.remarks] == ["remark.no_other_hand"]
    assert np.array_equal(work.pixels, generator.decode(latents)[0].pixels)


def test_damaged_kin_is_no_kin(
    pair: tuple[PaintingGenerator, PaintingGenerator], tmp_path: Path
) -> None:
    base, _ = pair
    folder = tmp_path / "painting" / "red-32"
    card = json.loads((folder / "card.json").read_text())
    (folder / next(name for name in card["files"] if name.startswith("painter"))).write_bytes(b"")
    assert base.other_hand is not None and kin_of(base.other_hand.checkpoint) is None
