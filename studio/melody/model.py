"""The melody model: an autoencoder whose latent has a part for each bar, and a mapping from noise.

Noise [B, 128] -> mapping -> latents [B, 4 x bar_dim] -> decoder -> tokens of the grid.

A variational autoencoder (Kingma and Welling, 2014) over phrases, hierarchical as MusicVAE's
conductor is (Roberts et al., 2018): cells are read by attention over the whole phrase, each bar has
a latent of its own, and the decoder writes all slots at once from the four of them. Writing at once
instead of note after note keeps decoding quick and differentiable, and leaves the decoder nothing
to lean on but the latent, so that the latent cannot be ignored. What the prior lacks against the
posterior the mapping makes up for: it is trained adversarially on the latents of real phrases.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from studio.melody.grid import BARS, CELLS, METER_NAMES, SLOTS, VOCABULARY

NOISE_DIM = 128
PLACES = BARS * CELLS


@dataclass(frozen=True)
class Config:
    """Everything that decides the shapes of the weights; kept in the checkpoint's card."""

    bar_dim: int = 40
    width: int = 192
    heads: int = 6
    layers: int = 3
    slot_width: int = 48
    mapping_width: int = 512
    mapping_layers: int = 4

    @property
    def latent_dim(self) -> int:
        return BARS * self.bar_dim

    @classmethod
    def from_dict(cls, values: dict) -> Config:
        return cls(**values)

    def to_dict(self) -> dict:
        return asdict(self)


@dataclass(frozen=True)
class Logits:
    """What the decoder says: slots [B, 64, VOCABULARY], triplets [B, 16], meter [B, 3]."""

    slots: Tensor
    triplets: Tensor
    meter: Tensor


def transformer(config: Config) -> nn.TransformerEncoder:
    layer = nn.TransformerEncoderLayer(
        config.width,
        config.heads,
        2 * config.width,
        dropout=0.0,
        activation="gelu",
        batch_first=True,
        norm_first=True,
    )
    return nn.TransformerEncoder(
        layer, config.layers, norm=nn.LayerNorm(config.width), enable_nested_tensor=False
    )


class Encoder(nn.Module):
    """Phrases to the mean and log variance of their latents.

    Reads token weights [B, 64, VOCABULARY] as well as tokens [B, 64]: weights carry a gradient.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.tokens = nn.Embedding(VOCABULARY, config.slot_width)
        self.slots = nn.Linear(SLOTS * config.slot_width + 1, config.width)
        self.meters = nn.Embedding(len(METER_NAMES), config.width)
        self.places = nn.Parameter(0.02 * torch.randn(PLACES, config.width))
        self.body = transformer(config)
        self.out = nn.Linear(CELLS * config.width, 2 * config.bar_dim)

    def forward(self, tokens: Tensor, triplets: Tensor, meter: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens [B, 64] or weights [B, 64, V]; triplets [B, 16]; meter [B] or weights [B, 3].

        Returns mean and log variance, each [B, 4 x bar_dim].
        """
        weights = self.tokens.weight
        seen = tokens @ weights if tokens.ndim == 3 else self.tokens(tokens)
        seen = seen.unflatten(1, (PLACES, SLOTS)).flatten(2)
        cells = self.slots(torch.cat([seen, triplets[..., None].to(seen.dtype)], dim=2))
        pulse = meter @ self.meters.weight if meter.ndim == 2 else self.meters(meter)
        x = self.body(cells + self.places + pulse[:, None])
        bars = self.out(x.unflatten(1, (BARS, CELLS)).flatten(2))
        mean, log_variance = bars.chunk(2, dim=2)
        return mean.flatten(1), log_variance.flatten(1).clamp(-10, 2)


class Decoder(nn.Module):
    """Latents [B, 4 x bar_dim] to logits of every slot at once."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.bar_dim = config.bar_dim
        self.cells = nn.Linear(config.bar_dim, CELLS * config.width)
        self.meter = nn.Sequential(
            nn.Linear(config.latent_dim, 64), nn.GELU(), nn.Linear(64, len(METER_NAMES))
        )
        self.meters = nn.Embedding(len(METER_NAMES), config.width)
        self.places = nn.Parameter(0.02 * torch.randn(PLACES, config.width))
        self.body = transformer(config)
        self.slots = nn.Linear(config.width, SLOTS * config.slot_width)
        self.slot_places = nn.Parameter(torch.zeros(SLOTS, config.slot_width))
        self.tokens = nn.Linear(config.slot_width, VOCABULARY)
        self.triplets = nn.Linear(config.width, 1)

    def forward(self, latents: Tensor, meter: Tensor | None = None) -> Logits:
        """`meter` [B]: the meter is known (training); None: what the latent says."""
        said = self.meter(latents)
        pulse = self.meters(said.argmax(1) if meter is None else meter)
        bars = latents.unflatten(1, (BARS, self.bar_dim))
        x = self.cells(bars).unflatten(2, (CELLS, -1)).flatten(1, 2)
        x = self.body(x + self.places + pulse[:, None])
        slots = F.gelu(self.slots(x).unflatten(2, (SLOTS, -1)) + self.slot_places)
        return Logits(self.tokens(slots).flatten(1, 2), self.triplets(x).squeeze(2), said)


class Mapping(nn.Module):
    """Noise [B, 128] ~ N(0, I) to latents [B, 4 x bar_dim]."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        widths = [NOISE_DIM] + [config.mapping_width] * config.mapping_layers
        hidden: list[nn.Module] = []
        for before, after in pairwise(widths):
            hidden += [nn.Linear(before, after), nn.LeakyReLU(0.2)]
        self.hidden = nn.Sequential(*hidden)
        self.out = nn.Linear(widths[-1], config.latent_dim)
        for layer in self.hidden:
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_normal_(layer.weight, a=0.2)
                nn.init.zeros_(layer.bias)
        nn.init.normal_(self.out.weight, std=widths[-1] ** -0.5)
        nn.init.zeros_(self.out.bias)

    def forward(self, noise: Tensor) -> Tensor:
        return self.out(self.hidden(noise))


class Composer(nn.Module):
    """Everything that a checkpoint of this medium holds."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        self.mapping = Mapping(config)
