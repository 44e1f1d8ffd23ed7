"""The melody generator as the studio uses it: a trained composer behind the contract."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from studio import adapter as low_rank
from studio.checkpoint import Checkpoint
from studio.directions import from_tables
from studio.errors import BadCheckpoint
from studio.medium import Artwork, Direction, FeatureStatistics, LatentStatistics, Recipe
from studio.melody import music
from studio.melody.artwork import Melody
from studio.melody.data import Phrase
from studio.melody.grid import (
    BARS,
    CELLS,
    FIRST_PITCH,
    HOLD,
    LOWEST,
    METER_NAMES,
    METERS,
    PAD,
    SLOTS,
    VOCABULARY,
    Grid,
)
from studio.melody.model import Composer, Config, Decoder, Encoder, Logits
from studio.melody.train import tensors

BATCH = 64


class MelodyGenerator:
    """See studio.medium.Generator."""

    medium = "melody"

    def __init__(
        self,
        version: str,
        composer: Composer,
        statistics: LatentStatistics,
        feature_statistics: FeatureStatistics,
        directions: Sequence[Direction],
        device: str,
    ) -> None:
        self.version = version
        self.device = torch.device(device)
        self.config = composer.config
        self.latent_dim = composer.config.latent_dim
        composer = composer.to(self.device).eval().requires_grad_(False)
        self.mapping: nn.Module = composer.mapping
        self.decoder: Decoder = composer.decoder
        self.encoder: Encoder = composer.encoder
        self.statistics = statistics
        self.feature_statistics = feature_statistics
        self.directions = directions
        self.shares_weights = False
        self.usable = usable().to(self.device)

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint, device: str) -> MelodyGenerator:
        """Raises: BadCheckpoint: the weights do not fit the card's configuration."""
        try:
            composer = Composer(Config.from_dict(checkpoint.card["config"]))
            composer.load_state_dict(checkpoint.tensors("composer"))
            directions = [Direction(**row) for row in checkpoint.document("directions")]
            return cls(
                checkpoint.version,
                composer,
                *from_tables(checkpoint.tensors("statistics")),
                directions,
                device,
            )
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise BadCheckpoint("checkpoint_unfitting", folder=checkpoint.version) from error

    def map(self, noise: Tensor) -> Tensor:
        """See studio.medium.Generator.map."""
        with torch.no_grad():
            return self.mapping(noise.to(self.device)).float().cpu()

    def decode(self, latents: Tensor, options: Mapping[str, Any] | None = None) -> Sequence[Melody]:
        """See studio.medium.Generator.decode. There are no options yet."""
        if latents.ndim != 2 or latents.shape[1] != self.latent_dim:
            raise ValueError(f"latents are [B, {self.latent_dim}], not {list(latents.shape)}")
        if not torch.isfinite(latents).all():
            raise ValueError("latents hold NaN or infinity")
        melodies = []
        with torch.inference_mode():
            for chunk in latents.split(BATCH):
                for row, grid in zip(chunk, grids(self.say(chunk)), strict=True):
                    recipe = Recipe(self.medium, self.version, tuple(row.tolist()))
                    melodies.append(Melody(grid, recipe))
        return melodies

    def say(self, latents: Tensor) -> Logits:
        """The decoder's logits of latents [B, D], on the generator's device; slots that the meter
        does not use say nothing, those in use never say so."""
        logits = self.decoder(latents.to(self.device))
        allowed = self.usable[logits.meter.argmax(1)]
        slots = logits.slots.masked_fill(~allowed, -torch.inf)
        return Logits(slots, logits.triplets, logits.meter)

    def forward(self, latents: Tensor) -> Tensor:
        """See studio.medium.Generator.forward."""
        return self.decoder(latents.to(self.device)).slots

    def encode(self, artworks: Sequence[Artwork]) -> Tensor:
        """See studio.medium.Generator.encode: the encoder's mean."""
        if not artworks:
            return torch.zeros(0, self.latent_dim)
        batch = self.batch(artworks)
        with torch.no_grad():
            return self.encoder(batch.tokens, batch.triplets, batch.meter)[0].float().cpu()

    def features(self, artworks: Sequence[Artwork]) -> Tensor:
        """See studio.medium.Generator.features: the latent that is heard, and simple counts."""
        if not artworks:
            return torch.zeros(0, len(self.feature_statistics.mean))
        batch = self.batch(artworks)
        with torch.no_grad():
            weights = F.one_hot(batch.tokens, VOCABULARY).float()
            meter = F.one_hot(batch.meter, len(METER_NAMES)).float()
            return self.heard(weights, batch.triplets, meter).cpu()

    def latent_features(self, latents: Tensor) -> Tensor:
        """See studio.medium.Generator.latent_features.

        What is heard is the likeliest token; the gradient is that of the tokens' probabilities
        (the straight-through estimator of Bengio et al., 2013).
        """
        logits = self.say(latents)
        weights = straight_through(logits.slots)
        meter = straight_through(logits.meter)
        soft = logits.triplets.sigmoid()
        flags = soft + ((logits.triplets > 0).float() - soft).detach()
        cells = torch.tensor([METERS[name] for name in METER_NAMES], device=self.device)
        fourth = torch.arange(BARS * CELLS, device=self.device) % CELLS
        used = fourth[None] < cells[logits.meter.argmax(1)][:, None]
        return self.heard(weights, flags * used, meter)

    def heard(self, weights: Tensor, triplets: Tensor, meter: Tensor) -> Tensor:
        """Features [B, D + 28] of token weights [B, 64, V]: the encoder's mean; how often each
        pitch class begins (12); for each bar how many notes begin and how high they are (8); for
        each slot of a cell how many begin (4); and rests (4 bars)."""
        mean = self.encoder(weights, triplets, meter)[0].float()
        notes = weights[..., FIRST_PITCH:]
        pitches = torch.arange(notes.shape[2], device=weights.device) + LOWEST
        classes = F.one_hot(pitches % 12, 12).float()
        begins = notes.sum(2)
        count = begins.sum(1, keepdim=True).clamp_min(1)
        shares = notes.sum(1) @ classes / count
        bars = begins.unflatten(1, (BARS, -1)).sum(2)
        height = (notes @ ((pitches - 66.0) / 12)).unflatten(1, (BARS, -1)).sum(2)
        height = height / bars.clamp_min(1)
        slots = begins.unflatten(1, (-1, SLOTS)).sum(1) / count
        rests = weights[..., 1].unflatten(1, (BARS, -1)).sum(2)
        return torch.cat([mean, 4 * shares, bars / 4, height, 4 * slots, rests], dim=1)

    def attributes(self, artworks: Sequence[Artwork]) -> Mapping[str, Tensor]:
        """See studio.medium.Generator.attributes."""
        rows = [music.measure(a.notes, a.grid.meter) for a in artworks]  # type: ignore[attr-defined]
        return {name: torch.tensor([row[name] for row in rows]) for name in music.UNITS}

    def batch(self, artworks: Sequence[Artwork]) -> Any:
        phrases = [Phrase(artwork.grid, "", 0) for artwork in artworks]  # type: ignore[attr-defined]
        return tensors(phrases).to(self.device)

    def adapted(self, adapter: Mapping[str, Tensor], version: str) -> MelodyGenerator:
        """See studio.medium.Generator.adapted."""
        twin = copy.copy(self)
        twin.version = version
        twin.mapping = low_rank.apply(self.mapping, adapter)
        twin.shares_weights = True
        return twin

    def memory_bytes(self) -> int:
        """See studio.medium.Generator.memory_bytes."""
        modules = [self.mapping]
        if not self.shares_weights:
            modules += [self.decoder, self.encoder]
        tensors = [t for m in modules for t in (*m.parameters(), *m.buffers())]
        return sum(t.numel() * t.element_size() for t in tensors)


def straight_through(logits: Tensor) -> Tensor:
    """One-hot of the largest forwards, softmax backwards."""
    soft = logits.softmax(-1)
    hard = F.one_hot(soft.argmax(-1), soft.shape[-1]).to(soft.dtype)
    return soft + (hard - soft).detach()


def usable() -> Tensor:
    """[meters, 64, VOCABULARY]: which tokens a slot may hold."""
    table = torch.zeros(len(METER_NAMES), BARS * CELLS * SLOTS, VOCABULARY, dtype=torch.bool)
    cells = torch.arange(BARS * CELLS * SLOTS) // SLOTS % CELLS
    for index, name in enumerate(METER_NAMES):
        used = cells < METERS[name]
        table[index, used] = True
        table[index, used, PAD] = False
        table[index, ~used, PAD] = True
        # A phrase has nothing before it to hold on to.
        table[index, 0, HOLD] = False
    return table


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
