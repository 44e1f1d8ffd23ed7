"""Doubles of the shipped base models that do nearly the same and cost next to nothing: of pages
that show, keep and rate works a test learns as much with them.

A painter's latents, directions and all else that is known of it stay; its decoder gives way to the
linear map from latents to small pictures that comes nearest to it. A wide decoder's weights can say
any such map: the start has a channel for each value of a picture, and up-sampling lays them out.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from studio.checkpoint import (
    FORESIGHT,
    USUAL,
    Checkpoint,
    Checkpoints,
    add_beside,
    stem,
    write_checkpoint,
)
from studio.directions import feature_statistics, to_tables
from studio.latent import noise_from_seeds
from studio.medium import get_medium
from studio.painting.generator import PaintingGenerator
from studio.painting.model import Decoder, Painter
from studio.poem.config import NAMES, Config
from studio.poem.model import Poet
from studio.registry import Registry
from studio.settings import SHIPPED_CHECKPOINTS
from studio.taste.explain import Samples

SIZE = 32
CHANNELS = (384, 96, 24, 6)
"""Of each size from 4 to 32 pixels: every value of a picture and its opposite, of which one comes
through a leaky ReLU whole."""
WHOLE = 1.2
"""What is between a value and its opposite after that."""
SEEDS = range(3_000_000, 3_000_256)
RIDGE = 1.0
BRIGHTEST = 0.97
LARGE_ONLY = ("equaliser", "enlarger")
"""What fits no picture of another size, or makes it larger again."""
HURRIED = {"layers": 1, "beams": 2, "lean": 0.0}


def bases_below(root: Path) -> None:
    """Fill a folder with a double of each shipped base that is slow and comes first, and the others
    as they are, unless another process of the same tests has done so."""
    root.mkdir(exist_ok=True)
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for folder in SHIPPED_CHECKPOINTS.glob("*/*"):
            medium, version = folder.parent.name, folder.name
            if (root / medium / version).exists():
                continue
            base = newcomers_base(medium)
            if medium == "painting" and version == base.version:
                simplify(base, root)
            elif medium in NAMES.values() and version == base.version:
                hurry(base, root)
            else:
                (root / medium).mkdir(exist_ok=True)
                (root / medium / version).symlink_to(folder)


def newcomers_base(medium: str) -> Checkpoint:
    """What somebody new gets of the shipped bases."""
    checkpoints = Checkpoints(SHIPPED_CHECKPOINTS, Path(os.devnull) / "none")
    version = Registry(checkpoints, "cpu").default_version(medium)
    return checkpoints.find(medium, version)


def hurry(base: Checkpoint, root: Path) -> None:
    """A poet of the same words who thinks less: rhymes and meters are kept all the same."""
    config = replace(Config.from_dict(base.card["config"]), **HURRIED)
    poet = Poet(config)
    known = base.tensors("poet")
    poet.load_state_dict({name: known[name] for name in poet.state_dict()})
    write(base, root, config.to_dict(), {"poet": poet.state_dict()})


def simplify(base: Checkpoint, root: Path) -> None:
    """A painter whose every picture is a linear function of its latent."""
    original = PaintingGenerator.from_checkpoint(base, "cpu")
    latents = original.map(noise_from_seeds(SEEDS))
    with torch.inference_mode():
        painted = torch.cat([original.forward(rows).float() for rows in latents.split(8)])
    config = replace(original.config, resolution=SIZE, channels=CHANNELS)
    painter = Painter(config)
    painter.mapping.load_state_dict(original.mapping.state_dict())
    teach(painter.decoder, latents, F.interpolate(painted, size=(SIZE, SIZE), mode="area"))
    original.decoder, original.config = painter.decoder.eval(), config
    seen = feature_statistics(original.features(original.decode(latents)))
    changed = {"painter": painter.state_dict(), "statistics": to_tables(original.statistics, seen)}
    write(base, root, config.to_dict(), changed, LARGE_ONLY)


def write(
    base: Checkpoint,
    root: Path,
    config: dict[str, Any],
    changed: Mapping[str, Mapping[str, Tensor]],
    left_out: Sequence[str] = (),
) -> None:
    """The version of a base as it is, but for what has changed."""
    files = [Path(file) for file in base.card["files"]]
    kept = {stem(file.name) for file in files if file.suffix != ".json"} - {
        USUAL,
        FORESIGHT,
        *left_out,
    }
    card = {name: said for name, said in base.card.items() if name not in ("format", "files")}
    double = write_checkpoint(
        root,
        {**card, "config": config},
        {name: base.tensors(name) for name in kept} | dict(changed),
        {file.stem: base.document(file.stem) for file in files if file.suffix == ".json"},
    )
    generator = get_medium(base.medium).load(double, "cpu")
    add_beside(double.folder, USUAL, Samples.usual(generator).tensors())


@torch.no_grad()
def teach(decoder: Decoder, latents: Tensor, pictures: Tensor) -> None:
    """Make a decoder paint the linear function of latents [N, D] that comes nearest to pictures
    [N, 3, SIZE, SIZE]."""
    wanted = pictures.clamp(-BRIGHTEST, BRIGHTEST).atanh()
    for _ in decoder.blocks:
        wanted = F.pixel_unshuffle(wanted, 2)
    rows, middle = wanted.flatten(1), latents.mean(0)
    apart = latents - middle
    bent = apart.T @ apart + RIDGE * torch.eye(len(middle))
    weight = torch.linalg.solve(bent, apart.T @ (rows - rows.mean(0))).T
    bias = rows.mean(0) - weight @ middle

    for parameter in decoder.parameters():
        parameter.zero_()
    decoder.start.weight.copy_(torch.cat([weight, -weight]))
    decoder.start_norm.running_mean.copy_(torch.cat([-bias, bias]))
    for block, width in zip(decoder.blocks, CHANNELS[1:], strict=True):
        half = width // 2
        for to in range(half):
            for row in (0, 1):
                for column in (0, 1):
                    come = 4 * to + 2 * row + column
                    at = (row + 1, column + 1)
                    for sign, into in ((1, to), (-1, half + to)):
                        block.up.weight[(come, into, *at)] = sign / WHOLE
                        block.up.weight[(4 * half + come, into, *at)] = -sign / WHOLE
    for colour in range(3):
        decoder.to_rgb.weight[colour, colour, 1, 1] = 1 / WHOLE
        decoder.to_rgb.weight[colour, 3 + colour, 1, 1] = -1 / WHOLE
