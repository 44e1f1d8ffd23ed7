"""A whole small medium for tests of taste: an artwork is a curve of 24 heights.

Random weights, fixed by a seed, make a real generator of some ten thousand parameters: its latents
decode to different curves, its features say what a curve looks like in ways nobody can name, and
its attributes say what people can.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn

from studio import adapter as low_rank
from studio.medium import Draws, FeatureStatistics, LatentStatistics, Recipe

LATENT_DIM = 24
POINTS = 24


@dataclass(frozen=True)
class Curve:
    heights: Tensor
    recipe: Recipe

    def show(self, alt: str = "") -> str:
        return f"<pre>{self.heights.tolist()}</pre>"

    def thumbnail(self, alt: str = "", size: int = 128) -> str:
        return self.show(alt)

    def export(self, format: str) -> bytes:
        return self.recipe.to_json().encode()


class Sphere(nn.Module):
    def forward(self, noise: Tensor) -> Tensor:
        return noise * torch.rsqrt(noise.square().mean(1, keepdim=True) + 1e-8)


class CurveGenerator:
    """See studio.medium.Generator and Handed."""

    medium = "curve"
    version = "curve-1"
    device = torch.device("cpu")
    latent_dim = LATENT_DIM
    directions = ()

    def __init__(self, seed: int = 0) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.mapping: nn.Module = nn.Sequential(
                Sphere(), nn.Linear(128, 48), nn.LeakyReLU(0.2), nn.Linear(48, LATENT_DIM)
            )
            nn.init.normal_(self.mapping[1].weight, std=128**-0.5)
            nn.init.normal_(self.mapping[3].weight, std=1.5 * 48**-0.5)
            self.decoder: nn.Module = nn.Sequential(
                nn.Linear(LATENT_DIM, 48), nn.Tanh(), nn.Linear(48, POINTS)
            )
            nn.init.normal_(self.decoder[0].weight, std=LATENT_DIM**-0.5)
            self.eyes = nn.Sequential(nn.Linear(POINTS, 64), nn.Tanh(), nn.Linear(64, 48))
            nn.init.normal_(self.eyes[0].weight, std=1.5 * POINTS**-0.5)
        for module in (self.mapping, self.decoder, self.eyes):
            module.eval().requires_grad_(False)
        # Curves are smooth: neighbouring heights are averaged over a window.
        place = torch.arange(POINTS)
        window = torch.exp(-0.5 * ((place[:, None] - place) / 3.0).square())
        self.smoothing = window / window.norm(dim=1, keepdim=True)
        latents = self.map(torch.randn(2048, 128, generator=torch.Generator().manual_seed(1)))
        self.statistics = LatentStatistics(*_principal(latents))
        self.feature_statistics = FeatureStatistics(*_principal(self.latent_features(latents)))

    def map(self, noise: Tensor) -> Tensor:
        with torch.no_grad():
            return self.mapping(noise)

    def heights(self, latents: Tensor) -> Tensor:
        return 2 * self.decoder(latents) @ self.smoothing.T

    def decode(self, latents: Tensor, options: Mapping[str, Any] | None = None) -> Sequence[Curve]:
        if latents.ndim != 2 or latents.shape[1] != LATENT_DIM:
            raise ValueError("latents are [B, D]")
        with torch.no_grad():
            rows = self.heights(latents)
        return [
            Curve(row, Recipe(self.medium, self.version, tuple(latent.tolist())))
            for row, latent in zip(rows, latents, strict=True)
        ]

    def encode(self, artworks: Sequence[Curve]) -> Tensor:
        return torch.tensor([artwork.recipe.latent for artwork in artworks])

    def features(self, artworks: Sequence[Curve]) -> Tensor:
        return self.eyes(torch.stack([artwork.heights for artwork in artworks]))

    def latent_features(self, latents: Tensor) -> Tensor:
        return self.eyes(self.heights(latents))

    def attributes(self, artworks: Sequence[Curve]) -> Mapping[str, Tensor]:
        rows = torch.stack([artwork.heights for artwork in artworks])
        third = POINTS // 3
        return {
            "height": rows.mean(1),
            "rise": rows[:, -third:].mean(1) - rows[:, :third].mean(1),
            "roughness": rows.diff(dim=1).abs().mean(1),
            "bulge": rows[:, third:-third].mean(1) - rows.mean(1),
            "span": rows.amax(1) - rows.amin(1),
        }

    def adapted(self, adapter: Mapping[str, Tensor], version: str) -> Self:
        of_decoder, of_mapping = low_rank.split("decoder.", adapter)
        twin = copy.copy(self)
        twin.version = version
        twin.mapping = low_rank.apply(self.mapping, of_mapping)
        if of_decoder:
            twin.decoder = low_rank.apply(self.decoder, of_decoder)
        return twin

    def memory_bytes(self) -> int:
        modules = (self.mapping, self.decoder, self.eyes)
        return sum(p.numel() * 4 for module in modules for p in module.parameters())


class UnsteadyCurves(CurveGenerator):
    """Whose decoder's heights are the means of Gaussians: see studio.medium.Sampled."""

    tremor = 0.3

    def draw(self, policy: nn.Module, latents: Tensor, count: int, rng: torch.Generator) -> Draws:
        means, base = policy(latents), self.decoder(latents)
        luck = torch.randn(count, *means.shape, generator=rng)
        heights = means.detach() + self.tremor * luck
        surprise = ((heights - means) / self.tremor).square().sum(2)
        with torch.no_grad():
            features = self.eyes(2 * heights @ self.smoothing.T)
        divergence = 0.5 * ((means - base) / self.tremor).square().sum(1)
        return Draws(features, -0.5 * surprise, divergence)


def _principal(rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    mean = rows.mean(0)
    _, scales, axes = torch.linalg.svd(rows - mean, full_matrices=False)
    return mean, axes, scales / len(rows) ** 0.5
