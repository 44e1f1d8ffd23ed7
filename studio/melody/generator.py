"""The melody generator as the studio uses it: a trained composer behind the contract."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from studio.adapter import Adaptable
from studio.checkpoint import Checkpoint
from studio.directions import Whitening, from_tables
from studio.errors import BadCheckpoint
from studio.latent import require_latents
from studio.manipulation import CONTOUR, DRAG, Gesture, Place
from studio.medium import (
    BEFORE,
    Artwork,
    Direction,
    Draws,
    FeatureStatistics,
    LatentStatistics,
    Recipe,
    before_of,
    unpack,
)
from studio.melody import hand, heredity, music
from studio.melody.artwork import Melody
from studio.melody.config import Config
from studio.melody.data import Phrase
from studio.melody.follow import Chooser
from studio.melody.grid import HOLD, LENGTH, METER_NAMES, SLOTS, VOCABULARY
from studio.melody.hearing import ASPECTS, KINDS, UNNAMED, aspects
from studio.melody.model import (
    Composer,
    Decoder,
    Encoder,
    Follower,
    Logits,
    grids,
    say,
    straight_through,
    usable,
)
from studio.melody.settings import FOUND, LONGEST, Settings
from studio.melody.train import tensors

BATCH = 64


class MelodyGenerator(Adaptable):
    """See studio.medium.Generator."""

    medium = "melody"
    at_once = 32
    graspable = (DRAG, CONTOUR)
    traits = heredity.TRAITS

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
        self.follower: Follower = composer.follower
        self.meters: Tensor = composer.meters
        self.statistics = statistics
        unnamed = len(feature_statistics.mean) - sum(KINDS.values())
        self.feature_statistics = replace(feature_statistics, kinds=KINDS | {"unnamed": unnamed})
        self.directions = directions
        self.owned: list[nn.Module] = [self.mapping, self.decoder, self.encoder]

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
        """See studio.medium.Generator.decode; for options see studio.melody.settings and BEFORE."""
        require_latents(latents, self.latent_dim)
        settings = Settings.of(options or {})
        packed = before_of(options or {}, self.latent_dim, LONGEST - 1)
        kept = settings.to_options() | ({BEFORE: packed} if packed else {})
        with torch.inference_mode():
            meter = self.asked_meter(options or {})
            before = grids(self.in_meter(self.earlier(packed), meter)) if packed else []
            melodies = []
            for chunk in latents.split(BATCH):
                for row, grid in zip(chunk, grids(self.in_meter(chunk, meter)), strict=True):
                    recipe = Recipe(self.medium, self.version, tuple(row.tolist()), options=kept)
                    melodies.append(Melody([*before, grid], recipe, settings))
        return melodies

    def earlier(self, packed: Sequence[str]) -> Tensor:
        """Latents [K, D] of option BEFORE."""
        return torch.tensor([unpack(text) for text in packed]).view(-1, self.latent_dim)

    def asked_meter(self, options: Mapping[str, Any]) -> int | None:
        """Index of the meter asked for, or else that of what came before; None: as found."""
        meter = Settings.of(options).meter
        if meter != FOUND:
            return METER_NAMES.index(meter)
        packed = before_of(options, self.latent_dim, LONGEST - 1)
        return int(self.say(self.earlier(packed[:1])).meter.argmax()) if packed else None

    def say(self, latents: Tensor) -> Logits:
        """See studio.melody.model.say; on the generator's device."""
        return say(self.decoder, latents.to(self.device))

    def in_meter(self, latents: Tensor, meter: int | None) -> Logits:
        """Logits of latents [B, D] in one of METER_NAMES by its index; None: as they are.

        The way to another meter is the mean way of phrases; what is in it already stays.
        """
        latents = latents.to(self.device)
        if meter is None:
            return self.say(latents)
        shares = self.decoder.meter(latents).softmax(1)
        moved = latents + self.meters[meter] - shares @ self.meters
        wanted = torch.full((len(latents),), meter, device=self.device)
        logits = say(self.decoder, moved, wanted)
        said = F.one_hot(wanted, len(METER_NAMES)).to(logits.meter.dtype)
        return Logits(logits.slots, logits.triplets, said)

    def refilled(
        self,
        latent: Tensor,
        kept: Sequence[int],
        seed: int,
        options: Mapping[str, Any] | None = None,
    ) -> tuple[Tensor, Mapping[str, Any]]:
        """See studio.medium.InParts.refilled; the parts are bars."""
        options = options or {}
        meter = self.asked_meter(options)
        found = self.chooser.refilled(
            latent.to(self.device), kept, seed, lambda latents: self.in_meter(latents, meter)
        )
        return found.float().cpu(), options

    def continued(self, latent: Tensor, seed: int) -> Tensor:
        """See studio.medium.InParts.continued: the next four bars."""
        return self.chooser.continued(latent.to(self.device), seed).float().cpu()

    def follow(
        self,
        latent: Tensor,
        gestures: Sequence[Gesture],
        options: Mapping[str, Any] | None = None,
        kept: Sequence[int] = (),
    ) -> Iterator[Place]:
        """See studio.manipulation.Pliable, and studio.melody.hand."""
        options = options or {}
        (melody,) = self.decode(latent[None], options)
        meter = self.asked_meter(options)
        found = hand.follow(
            latent.to(self.device),
            gestures,
            melody,
            kept,
            lambda latents: self.in_meter(latents, meter),
            lambda phrases: self.encode([Melody([phrase]) for phrase in phrases]),
            Whitening.of(self.statistics).to(self.device),
        )
        for place in found:
            yield place.cpu(), options

    def inherited(
        self, latents: Tensor, options: Sequence[Mapping[str, Any]], shares: Tensor
    ) -> tuple[Tensor, Sequence[Mapping[str, Any]]]:
        """See studio.medium.Heritable: the melodies that each trait is from are crossed, and the
        encoder says what latent such a melody has."""
        pitches, rhythm = (shares[:, place] @ latents for place in range(len(self.traits)))
        meter = self.asked_meter(options[0])
        sung, beaten = (grids(self.in_meter(each, meter)) for each in (pitches, rhythm))
        crossed = [Melody([heredity.crossed(*pair)]) for pair in zip(sung, beaten, strict=True)]
        # What has both from the same needs nobody to say what it is.
        is_one = (shares[:, 0] - shares[:, 1]).abs().amax(1, keepdim=True) < 1e-6
        return torch.where(is_one, rhythm, self.encode(crossed)), [options[0]] * len(shares)

    @property
    def chooser(self) -> Chooser:
        return Chooser(self.mapping, self.decoder, self.follower)

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
        """See studio.medium.Generator.features, and `heard`."""
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
        return self.heard(*straight_through(self.say(latents)))

    def heard(self, weights: Tensor, triplets: Tensor, meter: Tensor) -> Tensor:
        """Features [B, 118 + D] of token weights [B, 64, V], triplets [B, 16] and meter [B, 3]:
        what of ASPECTS is heard, and the encoder's mean."""
        found = aspects(weights, triplets, meter)
        mean = self.encoder(weights, triplets, meter)[0].float()
        named = [scale * found[name] for name, scale in ASPECTS.items()]
        return torch.cat([*named, UNNAMED * mean], dim=1)

    def draw(self, policy: nn.Module, latents: Tensor, count: int, rng: torch.Generator) -> Draws:
        """See studio.medium.Sampled.draw. Slots and triplets are independent given the latent; the
        meter, on which it depends which of them are in use, stays what the latent says."""
        latents = latents.to(self.device)
        with torch.no_grad():
            base = self.say(latents)
        meter = base.meter.argmax(1)
        said = say(policy, latents, meter)  # type: ignore[arg-type]
        # Finite, since nothing times infinity is no number; as impossible as before.
        log_slots, log_base = (one.slots.clamp_min(-1e4).log_softmax(2) for one in (said, base))
        used = usable().to(self.device)[meter][:, ::SLOTS, HOLD].float()
        used[:, 0] = 1.0
        odds = [F.logsigmoid(torch.stack([one.triplets, -one.triplets])) for one in (said, base)]
        divergence = (log_slots.exp() * (log_slots - log_base)).sum((1, 2))
        divergence = divergence + (used * odds[0].exp() * (odds[0] - odds[1])).sum((0, 2))

        chances = log_slots.detach().exp().flatten(0, 1).cpu()
        tokens = torch.multinomial(chances, count, replacement=True, generator=rng)
        tokens = tokens.T.reshape(count, len(latents), LENGTH).to(self.device)
        luck = torch.rand(count, len(latents), LENGTH // SLOTS, generator=rng).to(self.device)
        flags = (luck < said.triplets.detach().sigmoid()).float() * used
        chosen = log_slots.expand(count, -1, -1, -1).gather(3, tokens[..., None])[..., 0].sum(2)
        chosen = chosen + (used * torch.where(flags > 0, odds[0][0], odds[0][1])).sum(2)
        with torch.no_grad():
            features = self.heard(
                F.one_hot(tokens.flatten(0, 1), VOCABULARY).float(),
                flags.flatten(0, 1),
                F.one_hot(meter.repeat(count), len(METER_NAMES)).float(),
            )
        return Draws(
            features.unflatten(0, (count, len(latents))).cpu(), chosen.cpu(), divergence.cpu()
        )

    def attributes(self, artworks: Sequence[Artwork]) -> Mapping[str, Tensor]:
        """See studio.medium.Generator.attributes."""
        rows = [music.measure(a.grid.notes(), a.grid.meter) for a in artworks]  # type: ignore[attr-defined]
        return {name: torch.tensor([row[name] for row in rows]) for name in music.UNITS}

    def batch(self, artworks: Sequence[Artwork]) -> Any:
        phrases = [Phrase(artwork.grid, "", 0) for artwork in artworks]  # type: ignore[attr-defined]
        return tensors(phrases).to(self.device)
