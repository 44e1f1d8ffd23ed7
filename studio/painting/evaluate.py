"""How good a painter is: against the works it learned from, and against works held out.

Runs without the pictures, from the features kept beside the checkpoint; with a folder, against
that folder. Every figure stands beside its floor: the same figure of held-out works of the same
painters.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from studio.latent import noise_from_seeds
from studio.metrics import compare, precision_recall
from studio.painting.data import center_crops, collect
from studio.painting.features import COMPARED_AT, JUDGE, POOLED_DIM, ImageFeatures
from studio.painting.generator import PaintingGenerator

# Evaluation noise comes from seeds nobody meets by trying 1, 2, 3.
FIRST_SEED = 1_000_000


def evaluate(
    generator: PaintingGenerator, index: Mapping[str, Tensor], data: Path | None, samples: int
) -> dict[str, Any]:
    """All figures of a painter.

    Args:
        index: pooled features of works; see studio.painting.originality.originality_index.
        data: compare with this folder's works instead.
        samples: how many paintings; design §5 says 5,000.

    Returns:
        fd, kid_x1000, precision, recall, path_length, nearest (distances of samples to their
        nearest training work), equal_numbers (precision and recall of as many paintings as works),
        `held_out`, the same figures for works never trained on, and `judge`, all of them as seen
        by a network that neither painter nor discriminators looked through.
    """
    index = {name: rows.float() for name, rows in index.items()}
    judge = ImageFeatures(JUDGE).to(generator.device)
    whole = generator.config.resolution
    size = min(whole, COMPARED_AT)
    against = "training works"
    if data is not None:
        works = collect(data, smallest=64).works
        index = {
            "train": generator.network.pooled(center_crops(works, size)),
            "held_out": torch.zeros(0, POOLED_DIM),
            "judged_train": judge.pooled(center_crops(works, whole), whole=True),
            "judged_held_out": torch.zeros(0, POOLED_DIM),
        }
        against = f"{len(works)} pictures of {Path(data).name}"
    train, held_out = index["train"], index["held_out"]
    painted, judged = sample_features(generator, judge, samples)
    figures: dict[str, Any] = {
        "samples": samples,
        "against": against,
        "works": len(train),
        "features": f"EfficientNet-Lite0, pooled, {size} px",
        **compare(train, painted),
        "path_length": round(path_length(generator), 2),
        "nearest": nearest_report(train, held_out, painted),
        "equal_numbers": equal_numbers(train, painted),
    }
    figures["judge"] = {
        "features": f"EfficientNet-{JUDGE.title()}, pooled, {whole} px",
        **compare(index["judged_train"], judged),
        "equal_numbers": equal_numbers(index["judged_train"], judged),
    }
    if len(held_out) > 4:
        figures["held_out"] = {"works": len(held_out), **compare(train, held_out)}
        figures["judge"]["held_out"] = compare(index["judged_train"], index["judged_held_out"])
    return figures


def sample_features(
    generator: PaintingGenerator, judge: ImageFeatures, samples: int
) -> tuple[Tensor, Tensor]:
    """Pooled features [N, 1280] of fresh paintings, as people would see them (8 bits): as the
    painter's own network sees them, and as the judge does."""
    rows: list[tuple[Tensor, Tensor]] = []
    for first in range(0, samples, 64):
        count = min(64, samples - first)
        noise = noise_from_seeds(range(FIRST_SEED + first, FIRST_SEED + first + count))
        with torch.inference_mode():
            pictures = generator.decoder(generator.map(noise).to(generator.device))
            pictures = ((pictures.clamp(-1, 1) + 1) * 127.5).round() / 127.5 - 1
            seen = generator.network.pooled(pictures), judge.pooled(pictures, whole=True)
            rows.append((seen[0].cpu(), seen[1].cpu()))
    painted, judged = zip(*rows, strict=True)
    return torch.cat(painted), torch.cat(judged)


def path_length(generator: PaintingGenerator, pairs: int = 256, step: float = 1e-2) -> float:
    """Perceptual path length in latent space (Karras et al., StyleGAN, 2019): squared feature
    distance for a small step between two samples, per squared step. Lower is smoother."""
    noise = noise_from_seeds(range(FIRST_SEED, FIRST_SEED + 2 * pairs))
    a, b = generator.map(noise).chunk(2)
    position = torch.rand(pairs, 1, generator=torch.Generator().manual_seed(0)) * (1 - step)
    here, there = a + (b - a) * position, a + (b - a) * (position + step)
    lengths = []
    with torch.inference_mode():
        for first, second in zip(here.split(64), there.split(64), strict=True):
            rows = [
                generator.network.pooled(generator.decoder(x.to(generator.device))).cpu()
                for x in (first, second)
            ]
            lengths.append((rows[0] - rows[1]).square().sum(1) / step**2)
    return float(torch.cat(lengths).mean())


def equal_numbers(train: Tensor, painted: Tensor) -> dict[str, Any]:
    """Precision and recall with as many paintings as works, which is how they are defined: the more
    paintings, the smaller the ball that each of them stands for, and the less recall."""
    count = min(len(train), len(painted))
    precision, recall = precision_recall(train[:count], painted[:count])
    return {"samples": count, "precision": round(precision, 4), "recall": round(recall, 4)}


def nearest_report(train: Tensor, held_out: Tensor, painted: Tensor) -> dict[str, Any]:
    """Distances to the nearest training work, and the copying line that held-out works draw.

    The line is the first percentile of held-out works' own distances: as near as a painter's works
    come to each other when nobody copies.
    """
    ours = torch.cdist(painted, train).min(1).values
    report: dict[str, Any] = {
        "median": round(float(ours.median()), 3),
        "smallest": round(float(ours.min()), 3),
    }
    if len(held_out):
        theirs = torch.cdist(held_out, train).min(1).values
        line = float(theirs.quantile(0.01))
        report["held_out_median"] = round(float(theirs.median()), 3)
        report["copying_line"] = round(line, 3)
        report["below_line"] = int((ours < line).sum())
    return report
