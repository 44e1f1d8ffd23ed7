"""The melody model: an autoencoder whose latent has a part for each bar, and a mapping from noise.

Noise [B, 128] -> mapping -> latents [B, 4 x bar_dim] -> decoder -> tokens of the grid.

A variational autoencoder (Kingma and Welling, 2014) over phrases, hierarchical as MusicVAE's
conductor is (Roberts et al., 2018): cells are read by attention over the whole phrase, each bar has
a latent of its own, and the decoder writes all slots at once from the four of them. Writing at once
instead of note after note keeps decoding quick and differentiable, and leaves the decoder nothing
to lean on but the latent, so that the latent cannot be ignored. What the prior lacks against the
posterior the mapping makes up for: it learns from a flow over latents of real phrases (see
studio.flow).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from studio.flow import Mapping
from studio.melody.config import Config
from studio.melody.grid import (
    BARS,
    CELLS,
    HOLD,
    METER_NAMES,
    METERS,
    PAD,
    SLOTS,
    VOCABULARY,
    Grid,
)

PLACES = BARS * CELLS


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
        x = self.hear(tokens, triplets, meter)
        bars = self.out(x.unflatten(1, (BARS, CELLS)).flatten(2))
        mean, log_variance = bars.chunk(2, dim=2)
        return mean.flatten(1), log_variance.flatten(1).clamp(-10, 2)

    def hear(self, tokens: Tensor, triplets: Tensor, meter: Tensor) -> Tensor:
        """What each cell is in its phrase [B, 16, width]."""
        weights = self.tokens.weight
        seen = tokens @ weights if tokens.ndim == 3 else self.tokens(tokens)
        seen = seen.unflatten(1, (PLACES, SLOTS)).flatten(2)
        cells = self.slots(torch.cat([seen, triplets[..., None].to(seen.dtype)], dim=2))
        pulse = meter @ self.meters.weight if meter.ndim == 2 else self.meters(meter)
        return self.body(cells + self.places + pulse[:, None])


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


class Follower(nn.Module):
    """Scores of what comes after what; both in [-1, 1] times a learned sharpness."""

    def __init__(self, config: Config, width: int = 256, common: int = 96) -> None:
        super().__init__()

        def reader() -> nn.Module:
            return nn.Sequential(
                nn.Linear(config.latent_dim, width), nn.GELU(), nn.Linear(width, common)
            )

        self.earlier, self.later = reader(), reader()
        self.sharpness = nn.Parameter(torch.tensor(2.0))

    def forward(self, earlier: Tensor, later: Tensor) -> Tensor:
        """Latents [A, D] and [B, D]; returns [A, B]."""
        one = F.normalize(self.earlier(earlier), dim=1)
        other = F.normalize(self.later(later), dim=1)
        return self.sharpness.exp() * one @ other.T


class Composer(nn.Module):
    """Everything that a checkpoint of this medium holds."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        self.mapping = Mapping(config.flow)
        self.follower = Follower(config)
        # Mean latents of phrases in each meter: the way from one meter to another.
        self.meters: Tensor
        self.register_buffer("meters", torch.zeros(len(METER_NAMES), config.latent_dim))


def say(decoder: Decoder, latents: Tensor, meter: Tensor | None = None) -> Logits:
    """Logits of latents [B, D] in which slots that the meter does not use say nothing, and those
    in use never say so. `meter` as in Decoder.forward."""
    logits = decoder(latents, meter)
    allowed = usable().to(latents.device)[logits.meter.argmax(1) if meter is None else meter]
    slots = logits.slots.masked_fill(~allowed, -torch.inf)
    return Logits(slots, logits.triplets, logits.meter)


@cache
def usable() -> Tensor:
    """[meters, 64, VOCABULARY]: which tokens a slot may hold."""
    table = torch.zeros(len(METER_NAMES), PLACES * SLOTS, VOCABULARY, dtype=torch.bool)
    cells = torch.arange(PLACES * SLOTS) // SLOTS % CELLS
    for index, name in enumerate(METER_NAMES):
        used = cells < METERS[name]
        table[index, used] = True
        table[index, used, PAD] = False
        table[index, ~used, PAD] = True
        # A phrase has nothing before it to hold on to.
        table[index, 0, HOLD] = False
    return table


def straight_through(logits: Logits) -> tuple[Tensor, Tensor, Tensor]:
    """What is heard, as weights of tokens [B, 64, V], triplets [B, 16] and meter [B, 3].

    Forwards the likeliest, backwards the probabilities (Bengio et al., 2013).
    """
    soft = logits.triplets.sigmoid()
    flags = soft + ((logits.triplets > 0).float() - soft).detach()
    lengths = torch.tensor([METERS[name] for name in METER_NAMES], device=flags.device)
    fourth = torch.arange(PLACES, device=flags.device) % CELLS
    used = fourth[None] < lengths[logits.meter.argmax(1)][:, None]
    return likeliest(logits.slots), flags * used, likeliest(logits.meter)


def likeliest(logits: Tensor) -> Tensor:
    """One-hot of the largest forwards, softmax backwards."""
    soft = logits.float().softmax(-1)
    hard = F.one_hot(soft.argmax(-1), soft.shape[-1]).to(soft.dtype)
    return soft + (hard - soft).detach()


def grids(logits: Logits) -> list[Grid]:
    """The likeliest grid of each row."""
    tokens = logits.slots.argmax(2).to(torch.uint8).cpu().numpy()
    flags = (logits.triplets > 0).cpu().numpy()
    found = []
    for row, thirds, meter in zip(tokens, flags, logits.meter.argmax(1).tolist(), strict=True):
        name = METER_NAMES[meter]
        cells = np.arange(BARS * CELLS) % CELLS < METERS[name]
        found.append(tidy(Grid(row, thirds & cells, name)))
    return found


def tidy(grid: Grid) -> Grid:
    """The same notes as they would be read from a file: what is not heard is not kept."""
    tokens, triplets = grid.tokens.copy(), grid.triplets.copy()
    for cell in np.flatnonzero(triplets):
        place = cell * SLOTS
        tokens[place + 3] = HOLD
        if (tokens[place + 1 : place + 3] == HOLD).all():
            triplets[cell] = False
    return Grid(tokens, triplets, grid.meter)
