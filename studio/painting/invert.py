"""Inversion: from a picture to the latent that paints it most nearly.

A trained encoder guesses, then a short optimisation refines (Zhu et al., In-Domain GAN Inversion,
2020): features are compared at every level, colours on a small copy, and the latent is held inside
the region where the painter is good.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from studio.medium import LatentStatistics
from studio.painting.features import ImageFeatures, reduced
from studio.painting.model import Decoder, Encoder, Mapping
from studio.precision import autocast


@dataclass(frozen=True)
class EncoderRecipe:
    pictures: int = 24_000
    epochs: int = 30
    batch_size: int = 128
    learning_rate: float = 1e-3
    seed: int = 0

    def to_dict(self) -> dict:
        return asdict(self)


def train_encoder(
    encoder: Encoder,
    mapping: Mapping,
    decoder: Decoder,
    network: ImageFeatures,
    where: LatentStatistics,
    recipe: EncoderRecipe,
    report: Callable[[dict], None],
) -> dict[str, float]:
    """Teach the encoder on the painter's own pictures, whose latents are known.

    The frozen features are computed once and kept as half floats (about 6 kB a picture), so the
    epochs cost nothing beside them. Returns the share of latent variance explained on held-out
    pictures.
    """
    generator = torch.Generator().manual_seed(recipe.seed)
    device = next(encoder.parameters()).device
    inputs: list[Tensor] = []
    targets: list[Tensor] = []
    with torch.inference_mode(), autocast(device):
        while sum(len(t) for t in targets) < recipe.pictures:
            noise = torch.randn(64, 128, generator=generator).to(device)
            latents = mapping(noise).float()
            pictures = reduced(decoder(latents).float())
            levels, _ = network(pictures)
            inputs.append(Encoder.inputs(pictures, levels).half().cpu())
            targets.append(whiten(latents.cpu(), where))
            if len(targets) % 50 == 0:
                report({"encoder_pictures": len(targets) * 64})
    # Tensors made in inference mode cannot be trained on; a copy can.
    x, y = torch.cat(inputs).clone(), torch.cat(targets).clone()
    held_out = len(x) // 20
    per_epoch = max(1, (len(x) - held_out) // recipe.batch_size)
    adam = torch.optim.AdamW(encoder.parameters(), lr=recipe.learning_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        adam, recipe.learning_rate, total_steps=recipe.epochs * per_epoch
    )
    best, kept = torch.inf, copy.deepcopy(encoder.state_dict())
    for epoch in range(recipe.epochs):
        encoder.train()
        for _ in range(per_epoch):
            rows = torch.randint(held_out, len(x), (recipe.batch_size,), generator=generator)
            loss = F.mse_loss(encoder(x[rows].float().to(device)), y[rows].to(device))
            adam.zero_grad(set_to_none=True)
            loss.backward()
            adam.step()
            schedule.step()
        encoder.eval()
        with torch.no_grad():
            error = F.mse_loss(encoder(x[:held_out].float().to(device)).cpu(), y[:held_out])
        report({"encoder_epoch": epoch, "held_out": round(float(error), 4)})
        # With few pictures the encoder soon learns them by heart; the best epoch is kept.
        if float(error) < best:
            best, kept = float(error), copy.deepcopy(encoder.state_dict())
    encoder.load_state_dict(kept)
    return {"latent_variance_explained": round(1 - best / float(y[:held_out].var()), 4)}


def whiten(latents: Tensor, where: LatentStatistics) -> Tensor:
    """Latents [B, D] in standard deviations along the principal axes [B, K]."""
    return (latents - where.mean) @ where.axes.T / where.scales


def unwhiten(whitened: Tensor, where: LatentStatistics) -> Tensor:
    return where.mean + (whitened * where.scales) @ where.axes


def invert(
    pictures: Tensor,
    encoder: Encoder,
    decoder: Decoder,
    network: ImageFeatures,
    where: LatentStatistics,
    steps: int = 40,
    rate: float = 0.08,
    prior: float = 0.02,
) -> Tensor:
    """Latents [B, D] whose paintings come nearest to pictures [B, 3, R, R] in -1..1.

    The best latent met on the way is returned, the encoder's own guess included, so refining never
    makes it worse.
    """
    device, pictures = pictures.device, reduced(pictures)
    where = LatentStatistics(*(t.to(device) for t in (where.mean, where.axes, where.scales)))
    with torch.inference_mode():
        levels, pooled = network(pictures)
        start = encoder(Encoder.inputs(pictures, levels))
    levels, pooled = [level.clone() for level in levels], pooled.clone()
    small = F.adaptive_avg_pool2d(pictures, 32)
    whitened = start.clone().requires_grad_(True)
    adam = torch.optim.Adam([whitened], lr=rate, betas=(0.9, 0.99))
    best = whitened.detach().clone()
    best_fit = torch.full((len(pictures),), torch.inf, device=device)
    for step in range(steps):
        for group in adam.param_groups:
            group["lr"] = rate * min(1.0, 2 * (1 - step / steps))
        painted = reduced(decoder(unwhiten(whitened, where)))
        painted_levels, painted_pooled = network(painted)
        fit = 2 * (F.adaptive_avg_pool2d(painted, 32) - small).abs().mean((1, 2, 3))
        for ours, theirs in zip(painted_levels, levels, strict=True):
            scale = theirs.square().mean((1, 2, 3)).clamp_min(1e-6)
            fit = fit + 0.25 * (ours - theirs).square().mean((1, 2, 3)) / scale
        fit = fit + 0.5 * (1 - F.cosine_similarity(painted_pooled, pooled))
        total = fit + prior * whitened.square().mean(1)
        with torch.no_grad():
            better = total < best_fit
            best[better] = whitened[better]
            best_fit = torch.minimum(best_fit, total)
        adam.zero_grad(set_to_none=True)
        total.sum().backward()
        adam.step()
    return unwhiten(best, where).detach().float()
