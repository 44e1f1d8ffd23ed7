"""The painting generator as the studio uses it: a trained painter behind the contract."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils.fusion import fuse_conv_bn_eval

from studio.adapter import Adaptable
from studio.checkpoint import Checkpoint
from studio.directions import Whitening, from_tables
from studio.errors import BadCheckpoint
from studio.latent import require_latents
from studio.manipulation import DRAG, PAINT, Gesture, Place
from studio.medium import (
    LOCAL,
    Artwork,
    Direction,
    FeatureStatistics,
    LatentStatistics,
    Recipe,
    Remark,
    Source,
    lasting,
)
from studio.painting import attributes, invert, manipulate, places
from studio.painting.artwork import Painting
from studio.painting.data import square, to_bytes, to_tensor
from studio.painting.drift import descriptors
from studio.painting.enlarger import Enlarger
from studio.painting.equaliser import Equaliser, remaining, tolerant
from studio.painting.features import ImageFeatures, reduced
from studio.painting.hands import HAND, OtherHand
from studio.painting.model import Config, Decoder, Encoder, Modulation, Painter, UpBlock
from studio.painting.originality import Originality
from studio.precision import autocast

BATCH, CACHED_BATCH = 32, 8
KINDS = {"subject": 1280, "manner": 352, "tone": 1, "palette": 2, "light": 16, "places": 32}
"""Of features: what is painted, how, and what is seen in colours."""

TRAITS = {"composition": 2, "forms": 5, "colours": 7}
"""What a child can have from one parent and not from another, and up to which layer of a decoder
of seven it reaches: 4 and 8 pixels a side lay out the picture, 16 to 64 draw, the finest paint."""


class PaintingGenerator(Adaptable):
    """See studio.medium.Generator."""

    medium = "painting"
    graspable = (DRAG, PAINT)
    traits = tuple(TRAITS)

    def __init__(
        self,
        version: str,
        painter: Painter,
        encoder: Encoder,
        features: ImageFeatures,
        statistics: LatentStatistics,
        feature_statistics: FeatureStatistics,
        directions: Sequence[Direction],
        originality: Originality,
        device: str,
    ) -> None:
        self.version = version
        self.device = torch.device(device)
        # More pictures than this no longer fit into a processor's cache.
        self.at_once = CACHED_BATCH if self.device.type == "cpu" else BATCH
        self.config = painter.config
        self.latent_dim = painter.config.latent_dim
        self.mapping: nn.Module = painter.mapping.to(self.device).eval().requires_grad_(False)
        layout = torch.channels_last
        self.decoder = folded(painter.decoder.eval()).to(self.device, memory_format=layout)
        self.decoder.requires_grad_(False)
        self.encoder = encoder.to(self.device).eval().requires_grad_(False)
        self.network = features.to(self.device, memory_format=layout)
        self.statistics = statistics
        self.feature_statistics = replace(feature_statistics, kinds=KINDS)
        self.directions = directions
        self.originality = originality
        self.other_hand: OtherHand | None = None
        self.enlarger: Enlarger | None = None
        self.owned = [self.mapping, self.decoder, self.encoder, self.network]

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint, device: str) -> PaintingGenerator:
        """Raises: BadCheckpoint: the weights do not fit the card's configuration."""
        try:
            painter = painter_of(checkpoint)
            encoder = Encoder(painter.config)
            encoder.load_state_dict(checkpoint.tensors("encoder"))
            directions = [Direction(**row) for row in checkpoint.document("directions")]
            generator = cls(
                checkpoint.version,
                painter,
                encoder,
                ImageFeatures(),
                *from_tables(checkpoint.tensors("statistics")),
                directions,
                Originality.of(checkpoint),
                device,
            )
            if checkpoint.holds("enlarger"):
                generator.enlarger = Enlarger()
                generator.enlarger.load_state_dict(checkpoint.tensors("enlarger"))
                if checkpoint.holds("equaliser"):
                    gains = checkpoint.tensors("equaliser")["gains"]
                    generator.enlarger.before = Equaliser(remaining(gains))
                generator.enlarger.eval().requires_grad_(False).to(generator.device)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise BadCheckpoint("checkpoint_unfitting", folder=checkpoint.version) from error
        return generator

    def map(self, noise: Tensor) -> Tensor:
        """See studio.medium.Generator.map."""
        # no_grad, not inference_mode: fine-tuning differentiates through what comes out of here.
        with torch.no_grad():
            return self.mapping(noise.to(self.device)).float().cpu()

    def decode(
        self, latents: Tensor, options: Mapping[str, Any] | None = None
    ) -> Sequence[Painting]:
        """See studio.medium.Generator.decode; for the options see studio.painting.hands and
        studio.painting.places."""
        require_latents(latents, self.latent_dim)
        options = options or {}
        share = self.share(options)
        away = places.of(options, self.latent_dim)
        kept: dict[str, Any] = {HAND.key: share} if share else {}
        if away is not None:
            kept[LOCAL] = options[LOCAL]
        paint, is_as_asked = self.brush(share)
        remarks: list[Remark] = [] if is_as_asked else [("remark.no_other_hand", {})]
        paintings = []
        with torch.inference_mode():
            for chunk in latents.split(self.at_once):
                laid = places.laid(chunk, away, self.decoder.layers).to(self.device)
                painted = self.painted(partial(paint, laid))
                for row, picture in zip(chunk, to_bytes(painted), strict=True):
                    recipe = Recipe(self.medium, self.version, tuple(row.tolist()), options=kept)
                    paintings.append(Painting(picture, recipe, kept, remarks, self.enlarger))
        return paintings

    def share(self, options: Mapping[str, Any]) -> float:
        """Of the other hand."""
        return float(HAND.clean(options.get(HAND.key, HAND.default)))

    def brush(self, share: float) -> tuple[Callable[[Tensor], Tensor], bool]:
        """What paints latents with so much of the other hand, and whether it can: without another
        hand, it paints with its own."""
        weights = None
        if share and self.other_hand is not None:
            weights = self.other_hand.blended(self.decoder, share)
        if weights is None:
            return self.decoder, not share
        return partial(functional_call, self.decoder, weights), True

    def follow(
        self,
        latent: Tensor,
        gestures: Sequence[Gesture],
        options: Mapping[str, Any] | None = None,
        kept: Sequence[int] = (),
    ) -> Iterator[Place]:
        """See studio.manipulation.Pliable, and studio.painting.manipulate; there are no parts."""
        options = options or {}
        require_latents(latent[None], self.latent_dim)
        start = self.laid(latent, options)
        paint, _ = self.brush(self.share(options))
        whitening = Whitening.of(self.statistics).to(self.device)
        found = manipulate.follow(
            places.everywhere(start).to(self.device), gestures, paint, self.network, whitening
        )
        for latents in found:
            mean, packed = places.packed(latents.cpu())
            yield mean, {**options, LOCAL: packed}

    def laid(self, latent: Tensor, options: Mapping[str, Any]) -> Tensor:
        """See studio.painting.places.laid; of one latent [D] with its options."""
        return places.laid(latent[None], places.of(options, self.latent_dim), self.decoder.layers)

    def inherited(
        self, latents: Tensor, options: Sequence[Mapping[str, Any]], shares: Tensor
    ) -> tuple[Tensor, Sequence[Mapping[str, Any]]]:
        """See studio.medium.Heritable: layers of the decoder, from coarse to fine, are mixed (as
        the styles of Karras et al., StyleGAN, 2019). What a hand shaped in one place is left."""
        layers = self.decoder.layers
        parents = []
        for latent, own in zip(latents, options, strict=True):
            laid = self.laid(latent, own)
            parents.append(laid[0] if laid.ndim == 3 else latent.expand(layers, -1))
        which = [trait_of(layer, layers) for layer in range(layers)]
        mixed = torch.einsum("nlp,pld->nld", shares[:, which], torch.stack(parents))
        children, found = [], []
        for child in mixed:
            mean, away = places.layered(child)
            children.append(mean)
            found.append(lasting(options[0]) | ({LOCAL: away} if away else {}))
        return torch.stack(children), found

    def local_between(
        self, options: Sequence[Mapping[str, Any]], shares: Sequence[float]
    ) -> str | None:
        """See studio.manipulation.between."""
        return places.mixed(options, shares, self.latent_dim)

    def encode(self, artworks: Sequence[Artwork]) -> Tensor:
        """See studio.medium.Generator.encode: the trained encoder, then a short optimisation."""
        if not artworks:
            return torch.zeros(0, self.latent_dim)
        pictures = self.tensor(artworks).to(self.device)
        return invert.invert(
            pictures, self.encoder, self.decoder, self.network, self.statistics
        ).cpu()

    def features(self, artworks: Sequence[Artwork]) -> Tensor:
        """See studio.medium.Generator.features: [B, 1683], of KINDS."""
        if not artworks:
            return torch.zeros(0, len(self.feature_statistics.mean))
        with torch.no_grad():
            rows = [
                picture_features(self.network, chunk.to(self.device)).cpu()
                for chunk in self.tensor(artworks).split(BATCH)
            ]
        return torch.cat(rows)

    def latent_features(self, latents: Tensor) -> Tensor:
        """See studio.medium.Generator.latent_features."""
        return picture_features(self.network, self.forward(latents))

    def forward(self, latents: Tensor) -> Tensor:
        """Latents [B, D] to pictures [B, 3, R, R] in -1..1, on the generator's device.

        In inference mode, which is how people get their paintings, in bf16 where that is native: a
        third of a grey level away from what fp32 paints, in half of its time. Whatever learns by a
        gradient keeps fp32.
        """
        return self.painted(lambda: self.decoder(latents.to(self.device)))

    def painted(self, paint: Callable[[], Tensor]) -> Tensor:
        if not torch.is_inference_mode_enabled():
            return paint()
        with autocast(self.device):
            return paint()

    def attributes(self, artworks: Sequence[Artwork]) -> Mapping[str, Tensor]:
        """See studio.medium.Generator.attributes."""
        return attributes.measure(self.tensor(artworks))

    def sources(self, artworks: Sequence[Artwork]) -> Sequence[Sequence[Source]]:
        """See studio.medium.Sourced."""
        if not artworks:
            return []
        pictures = self.tensor(artworks).to(self.device)
        return self.originality.nearest(self.network.pooled(pictures).cpu())

    def tensor(self, artworks: Sequence[Artwork]) -> Tensor:
        """Artworks as the painter's own squares [B, 3, R, R] in -1..1."""
        size = self.config.resolution
        squares = [square(artwork.picture(), size) for artwork in artworks]  # type: ignore[attr-defined]
        return to_tensor(squares)


def picture_features(network: ImageFeatures, pictures: Tensor) -> Tensor:
    """What taste sees of pictures [B, 3, R, R] in -1..1, [B, 1683]; see KINDS."""
    small = reduced(pictures)
    levels, pooled = network(small)
    return torch.cat([*descriptors(levels, pooled), *attributes.colours(small)], dim=1)


def painter_of(checkpoint: Checkpoint) -> Painter:
    """The painter of a base as it paints for people, its equaliser included.

    Raises:
        BadCheckpoint, KeyError, TypeError, ValueError, RuntimeError: it does not fit the card.
    """
    painter = Painter(Config.from_dict(checkpoint.card["config"]))
    painter.load_state_dict(checkpoint.tensors("painter"))
    if checkpoint.holds("equaliser"):
        painter.decoder.finish = Equaliser(tolerant(checkpoint.tensors("equaliser")["gains"]))
    return painter


def trait_of(layer: int, layers: int) -> int:
    """Which of TRAITS a layer decides, in a decoder of so many; those of 128 pixels lack a fine
    one."""
    ends = [*list(TRAITS.values())[:-1], max(layers, max(TRAITS.values()))]
    return next(place for place, end in enumerate(ends) if layer < end)


def batch_norm(modulation: Modulation) -> nn.BatchNorm2d:
    assert isinstance(modulation.norm, nn.BatchNorm2d)
    return modulation.norm


def folded(decoder: Decoder) -> Decoder:
    """A copy whose batch norms are folded into the convolutions before them: exact, and faster."""
    decoder = copy.deepcopy(decoder)
    for block in decoder.blocks:
        assert isinstance(block, UpBlock)
        block.up = fuse_conv_bn_eval(block.up, batch_norm(block.up_modulation), transpose=True)
        block.up_modulation.norm = nn.Identity()
        if block.refine:
            block.conv = fuse_conv_bn_eval(block.conv, batch_norm(block.conv_modulation))
            block.conv_modulation.norm = nn.Identity()
    return decoder
