"""The generator: a mapping with weights, and a decoder that needs none."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from latent_stripes import COUNT, Stripes
from studio import adapter as low_rank
from studio.checkpoint import Checkpoint, write_checkpoint
from studio.directions import find_directions, statistics
from studio.errors import BadCheckpoint
from studio.latent import NOISE_DIM, noise_from_seeds
from studio.medium import Artwork, Direction, FeatureStatistics, LatentStatistics, Recipe

LATENT_DIM = COUNT * 3
SAMPLES = 2048


class StripesGenerator:
    """See studio.medium.Generator. Latents are the logits of the colours."""

    medium = "stripes"
    latent_dim = LATENT_DIM
    at_once = 32

    def __init__(
        self, version: str, mapping: nn.Module, directions: Sequence[Direction] = ()
    ) -> None:
        self.version = version
        self.device = torch.device("cpu")
        self.mapping = mapping.eval().requires_grad_(False)
        self.directions = directions
        latents = self.map(noise_from_seeds(range(SAMPLES)))
        self.statistics: LatentStatistics = statistics(latents)
        seen = statistics(self.latent_features(latents))
        self.feature_statistics = FeatureStatistics(seen.mean, seen.axes, seen.scales)

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint, device: str) -> StripesGenerator:
        mapping = new_mapping()
        try:
            mapping.load_state_dict(checkpoint.tensors("mapping"))
            directions = [Direction(**row) for row in checkpoint.document("directions")]
        except (RuntimeError, TypeError) as error:
            raise BadCheckpoint("checkpoint_unfitting", folder=checkpoint.version) from error
        return cls(checkpoint.version, mapping, directions)

    def map(self, noise: Tensor) -> Tensor:
        with torch.no_grad():
            return self.mapping(noise)

    def decode(
        self, latents: Tensor, options: Mapping[str, Any] | None = None
    ) -> Sequence[Stripes]:
        if latents.ndim != 2 or latents.shape[1] != LATENT_DIM or not latents.isfinite().all():
            raise ValueError(f"latents are finite and [B, {LATENT_DIM}], not {latents.shape}")
        return [
            Stripes(
                row.sigmoid().view(COUNT, 3).tolist(),
                Recipe(self.medium, self.version, tuple(row.tolist())),
            )
            for row in latents
        ]

    def encode(self, artworks: Sequence[Artwork]) -> Tensor:
        return torch.logit(self.features(artworks), eps=1e-3)

    def features(self, artworks: Sequence[Artwork]) -> Tensor:
        colours = [artwork.colours for artwork in artworks if isinstance(artwork, Stripes)]
        return torch.tensor(colours).view(-1, LATENT_DIM)

    def latent_features(self, latents: Tensor) -> Tensor:
        return self.forward(latents)

    def forward(self, latents: Tensor) -> Tensor:
        return latents.sigmoid()

    def attributes(self, artworks: Sequence[Artwork]) -> Mapping[str, Tensor]:
        red, green, blue = self.features(artworks).view(-1, COUNT, 3).mean(1).unbind(1)
        return {"brightness": (red + green + blue) / 3, "warmth": (1 + red - blue) / 2}

    def adapted(self, adapter: Mapping[str, Tensor], version: str) -> StripesGenerator:
        twin = copy.copy(self)
        twin.version, twin.mapping = version, low_rank.apply(self.mapping, adapter)
        return twin

    def memory_bytes(self) -> int:
        return sum(p.numel() * p.element_size() for p in self.mapping.parameters())


def new_mapping() -> nn.Sequential:
    return nn.Sequential(nn.Linear(NOISE_DIM, LATENT_DIM))


def publish(root: Path) -> Checkpoint:
    """Write the base version below a checkpoints folder; stripes need no training."""
    torch.manual_seed(0)
    mapping = new_mapping()
    nn.init.normal_(mapping.get_parameter("0.weight"), std=NOISE_DIM**-0.5)
    generator = StripesGenerator("base", mapping)
    latents = generator.map(noise_from_seeds(range(SAMPLES)))
    directions = find_directions(
        latents, generator.statistics, lambda rows: generator.attributes(generator.decode(rows))
    )
    card = {"medium": "stripes", "version": "base", "parent": None, "trained_on": "nothing"}
    return write_checkpoint(
        root,
        card,
        {"mapping": mapping.state_dict()},
        {"directions": [asdict(direction) for direction in directions]},
    )
