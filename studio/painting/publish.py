"""From a training run to a checkpoint folder: everything the studio needs beside the weights."""

from __future__ import annotations

import copy
import datetime
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from studio.checkpoint import Checkpoint, halved, write_checkpoint
from studio.directions import feature_statistics, find_directions, statistics, to_tables
from studio.latent import noise_from_seeds
from studio.medium import FeatureStatistics
from studio.metrics import compare
from studio.painting import attributes
from studio.painting.data import center_crops, collect
from studio.painting.enlarger_training import train_enlarger
from studio.painting.equaliser import Equaliser, measured_gains, tolerant
from studio.painting.evaluate import evaluate
from studio.painting.features import ImageFeatures
from studio.painting.generator import KINDS, PaintingGenerator
from studio.painting.invert import EncoderRecipe, train_encoder
from studio.painting.model import Encoder, Painter
from studio.painting.originality import Originality, originality_index
from studio.painting.train import Run, settled

STATISTICS_SEED = 2_000_000
SPREADS = (1.0, 1.15, 1.3, 1.45, 1.6)
ALIKE = 1.02
"""Frechet distances that are within this of each other differ by chance, with SPREAD_SAMPLES."""
SPREAD_SAMPLES = 1024
EVENED = 640
"""Paintings that the equaliser is measured on."""


def publish(
    run: Run,
    data: Path,
    root: Path,
    version: str,
    *,
    title: str,
    samples: int = 5000,
    tried: int = 2048,
    encoder_recipe: EncoderRecipe | None = None,
    enlarger_minutes: float = 0.0,
    report: Callable[[dict], None] = lambda line: None,
) -> Checkpoint:
    """Write the averaged painter of a run as `<root>/painting/<version>/`.

    Adds what is learned after the painter: latent and feature statistics, directions with their
    measured effects, the encoder, the originality index, and the evaluation.

    Args:
        samples: paintings for the evaluation.
        tried: paintings from which feature statistics and directions are found.
        enlarger_minutes: of wall time, to learn how to enlarge; 0: it does not learn that.

    Raises:
        BadCheckpoint: the version exists, or the folder cannot be written.
        BadUpload: the data folder holds no usable pictures.
    """
    encoder_recipe = encoder_recipe or EncoderRecipe()
    network = ImageFeatures().to(run.device, memory_format=torch.channels_last)
    works = collect(data)
    index, known, summary = originality_index(network, works, run.config.resolution)
    report({"works": summary["works"], "left_out": len(summary["left_out"])})

    noise = noise_from_seeds(range(STATISTICS_SEED, STATISTICS_SEED + 8192))
    painter, spread = best_spread(run.ema, network, index["train"].float(), noise, report)
    with torch.no_grad():
        latents = painter.mapping(noise.to(run.device)).cpu()
        painted = [painter.decoder(z.to(run.device)).cpu() for z in latents[:EVENED].split(64)]
    squares = center_crops(works.split("train"), run.config.resolution)
    gains = measured_gains(squares, torch.cat(painted))
    painter.decoder.finish = Equaliser(tolerant(gains)).to(run.device)
    where = statistics(latents)
    encoder = Encoder(run.config).to(run.device)
    width = sum(KINDS.values())
    empty = FeatureStatistics(torch.zeros(width), torch.zeros(0, width), torch.zeros(0))
    generator = PaintingGenerator(
        version,
        painter,
        encoder,
        network,
        where,
        empty,
        [],
        Originality(index, known),
        str(run.device),
    )
    fit = train_encoder(
        encoder.requires_grad_(True),
        generator.mapping,  # type: ignore[arg-type]
        generator.decoder,
        network,
        where,
        encoder_recipe,
        report,
    )
    encoder.requires_grad_(False)
    generator.feature_statistics = feature_statistics(
        generator.features(generator.decode(latents[:tried]))
    )
    report({"encoder": fit})
    generator.directions = find_directions(
        latents[:tried],
        where,
        lambda rows: generator.attributes(generator.decode(rows)),
        lambda rows: attributes.measure(generator.forward(rows).cpu()),
        fits=3 * tried // 4,
        # A step of a walk takes as long as the gradients of a dozen paintings' every attribute.
        walks=0,
    )
    report({d.key: [d.effect, d.correlation] for d in generator.directions})
    figures = evaluate(generator, index, None, samples)
    report(figures)
    card = {
        "medium": "painting",
        "version": version,
        "title": title,
        "parent": None,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "trained_on": run.trained_on,
        "config": run.config.to_dict(),
        "recipe": asdict(run.recipe),
        "training": {k: v for k, v in run.describe().items() if k not in ("config", "recipe")},
        "spread": spread,
        "encoder": {**encoder_recipe.to_dict(), **fit},
        "data": {"folder": Path(data).name, **summary},
        "evaluation": figures,
    }
    if base := transferred_from(run, summary["sha256"]):
        card["transferred_from"] = base
    extra = {}
    if enlarger_minutes:
        held_out = works.split("validation") + works.split("test")
        enlarger, card["enlarger"] = train_enlarger(
            works.split("train"), held_out, enlarger_minutes, str(run.device), report=report
        )
        extra["enlarger"] = halved(enlarger.state_dict())
    return write_checkpoint(
        root,
        card,
        {
            **extra,
            "equaliser": {"gains": gains.half()},
            "painter": halved(painter.state_dict()),
            "encoder": halved(encoder.state_dict()),
            "statistics": to_tables(generator.statistics, generator.feature_statistics),
            "originality": index,
            # The averaged painter is resumed from as well: after some hundred steps the raw one
            # is as far from where it was as from the average.
            "discriminator": halved(run.discriminator.state_dict()),
        },
        {"directions": [asdict(d) for d in generator.directions], "works": known},
    )


def best_spread(
    ema: Painter,
    network: ImageFeatures,
    real: Tensor,
    noise: Tensor,
    report: Callable[[dict], None] = lambda line: None,
) -> tuple[Painter, float]:
    """The averaged painter, its latents as far apart as makes its samples most like real works.

    Weights that circle an optimum differ most in what makes samples unlike each other; their
    average draws latents together. Drawing them apart again by one factor gives the variety back.
    The Frechet distance to the training works says where more would spoil the pictures; among
    factors that it holds for alike the kernel distance decides, which so few samples do not bias.

    Args:
        real: features [N, 1280] of the training works.
        noise: [N, 128] from which the mean latent is taken.

    Returns:
        The painter with the factor folded into its mapping, and the factor.
    """
    device = next(ema.parameters()).device
    with torch.no_grad():
        centre = ema.mapping(noise.to(device)).mean(0)
    tried = noise[:SPREAD_SAMPLES]
    found: list[tuple[float, float, Painter, float]] = []
    for factor in SPREADS:
        apart = copy.deepcopy(ema)
        apart.mapping.spread(factor, centre)
        apart = settled(apart)
        with torch.inference_mode():
            rows = [network.pooled(apart(z.to(device)).float()).cpu() for z in tried.split(64)]
        figures = compare(real, torch.cat(rows))
        report({"spread": factor, **figures})
        found.append((figures["fd"], figures["kid_x1000"], apart, factor))
        least = min(fd for fd, *_ in found)
        if figures["fd"] > ALIKE * least:
            break
    alike = [row for row in found if row[0] <= ALIKE * least]
    _, _, painter, factor = min(alike, key=lambda row: row[1])
    return painter, factor


def transferred_from(run: Run, works: str) -> str:
    """The checkpoint that a run began as, if that one learned from other works; `works` is the
    fingerprint of those it learned from since."""
    name, before = run.begun_from
    return name if before != works else ""


def resume_from(checkpoint: Checkpoint, folder: Path, device: str, **changes: Any) -> Run:
    """A run that goes on from a shipped checkpoint; optimizer moments start afresh.

    Raises:
        BadCheckpoint: the checkpoint keeps no discriminator.
    """
    from studio.painting.model import Config
    from studio.painting.train import Recipe

    saved = checkpoint.card
    recipe = replace(Recipe(**saved["recipe"]), **changes)
    run = Run(folder, Config.from_dict(saved["config"]), recipe, device)
    run.ema.load_state_dict(checkpoint.tensors("painter"))
    if (spread := saved.get("spread", 1.0)) != 1.0:
        # Training goes on from what it had reached; the factor would add up from run to run.
        run.ema.mapping.spread(1 / spread, checkpoint.tensors("statistics")["mean"].to(device))
        run.ema = settled(run.ema).requires_grad_(False)
    run.painter.load_state_dict(run.ema.state_dict())
    run.discriminator.load_state_dict(checkpoint.tensors("discriminator"))
    for name in ("step", "pictures", "cpu_seconds", "wall_seconds", "drift_weight"):
        setattr(run, name, saved["training"][name])
    # The first one stays: a transfer that is trained on is still one.
    before = saved["training"].get("begun_from") or ("", "")
    name = f"{checkpoint.medium}/{checkpoint.version}"
    run.begun_from = tuple(before) if before[0] else (name, saved["data"]["sha256"])
    run.trained_on = saved["trained_on"]
    torch.manual_seed(recipe.seed + run.step)
    return run
