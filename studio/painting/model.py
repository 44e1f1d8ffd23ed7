"""The painting generator, its discriminators and its encoder.

Noise [B, 128] -> mapping -> latents [B, D] -> decoder -> pictures [B, 3, R, R] in -1..1.

The mapping and the modulation follow Karras et al., StyleGAN, 2019; the discriminators judge
randomly mixed features of a frozen network (Sauer et al., Projected GANs Converge Faster, 2021).
The decoder up-samples with strided transposed convolutions: on a CPU they cost less than half of
resizing and convolving. Kernel 4 with stride 2 covers every pixel equally, yet each of the four
phases has weights of its own, which a short training leaves visible as fine dots; at the two
finest sizes a fixed [1, 2, 1] blur, zero at exactly that frequency, takes them out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from studio.painting.features import LEVELS

NOISE_DIM = 128
PLACES = 4
"""A side: of the decoder's start, each of which may have a latent of its own."""
LOCAL_UP_TO = 64


@dataclass(frozen=True)
class Config:
    """Everything that decides the shapes of the weights; kept in the checkpoint's card."""

    resolution: int = 128
    latent_dim: int = 128
    mapping_width: int = 256
    mapping_layers: int = 3
    # Channels of each resolution from 4 upwards; a 256 px model appends one number.
    channels: tuple[int, ...] = (256, 256, 192, 128, 64, 24)
    discriminator_channels: int = 64
    # Whether the two finest up-samplings are followed by a fixed blur.
    blur: bool = True

    def __post_init__(self) -> None:
        if self.resolution != 4 * 2 ** (len(self.channels) - 1):
            raise ValueError(
                f"{len(self.channels)} channel counts describe a resolution of "
                f"{4 * 2 ** (len(self.channels) - 1)}, not {self.resolution}"
            )

    @classmethod
    def from_dict(cls, values: dict) -> Config:
        return cls(**{**values, "channels": tuple(values["channels"])})

    def to_dict(self) -> dict:
        return {**asdict(self), "channels": list(self.channels)}


class Mapping(nn.Module):
    """Noise [B, 128] ~ N(0, I) to latents [B, D]."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        widths = [NOISE_DIM] + [config.mapping_width] * (config.mapping_layers - 1)
        hidden: list[nn.Module] = []
        for before, after in pairwise(widths):
            hidden += [nn.Linear(before, after), nn.LeakyReLU(0.2)]
        self.hidden = nn.Sequential(*hidden)
        self.out = nn.Linear(widths[-1], config.latent_dim)
        # Latents of unit scale from the first step: with torch's default they start near zero, and
        # every seed paints the same picture for thousands of steps.
        for layer in self.hidden:
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_normal_(layer.weight, a=0.2)
                nn.init.zeros_(layer.bias)
        nn.init.normal_(self.out.weight, std=widths[-1] ** -0.5)
        nn.init.zeros_(self.out.bias)

    def forward(self, noise: Tensor) -> Tensor:
        # Only the direction of the noise matters (as in StyleGAN): seeds then differ in what they
        # paint, never in how far they lie from the mean.
        noise = noise * torch.rsqrt(noise.square().mean(dim=1, keepdim=True) + 1e-8)
        return self.out(self.hidden(noise))

    def spread(self, factor: float, centre: Tensor) -> None:
        """Move every latent to `factor` times its distance from `centre` [D]."""
        with torch.no_grad():
            self.out.weight *= factor
            self.out.bias.sub_(centre).mul_(factor).add_(centre)


class Modulation(nn.Module):
    """Batch normalisation whose scale and shift are chosen by the latent, then a leaky ReLU."""

    def __init__(self, channels: int, latent_dim: int) -> None:
        super().__init__()
        self.norm: nn.Module = nn.BatchNorm2d(channels, affine=False)
        self.style = nn.Linear(latent_dim, 2 * channels)
        nn.init.normal_(self.style.weight, std=0.5 / latent_dim**0.5)
        nn.init.zeros_(self.style.bias)

    def forward(self, x: Tensor, latents: Tensor) -> Tensor:
        """Latents are [B, D], or [B, 4, 4, D] where they differ from place to place."""
        laid = row if latents.ndim == 2 else spread
        scale, shift = (laid(one, x) for one in self.style(latents).chunk(2, dim=-1))
        return F.leaky_relu(torch.addcmul(shift, self.norm(x), 1 + scale), 0.2, inplace=True)


def row(values: Tensor, like: Tensor) -> Tensor:
    """One value a channel [B, C] as [B, C, 1, W], laid out like `like` [B, C, H, W].

    A CPU takes channels-last pictures a row at a time then, and not a pixel of a few channels: at
    256 px that is ten times as fast.
    """
    wide = values[:, :, None, None].expand(-1, -1, 1, like.shape[3])
    return wide.contiguous(memory_format=torch.channels_last)


def spread(values: Tensor, like: Tensor) -> Tensor:
    """Values that differ from place to place [B, 4, 4, C] as [B, C, H, W] of `like`."""
    return F.interpolate(
        values.permute(0, 3, 1, 2).to(like.dtype), size=like.shape[2:], mode="bilinear"
    ).contiguous(memory_format=torch.channels_last)


class UpBlock(nn.Module):
    """Twice the resolution; up to 64 px a residual convolution follows.

    At 64 px its input gets canvas grain: one noise picture, drawn once and kept in the checkpoint.
    Strokes need something finer than the latent to hold on to, yet decoding must give the same
    picture every time. Coarser grain would hand every picture the same composition.
    """

    def __init__(self, before: int, after: int, size: int, latent_dim: int, blur: bool) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False)
        self.up_modulation = Modulation(after, latent_dim)
        self.blurred = blur and size >= 64
        if self.blurred:
            taps = torch.tensor([1.0, 2.0, 1.0]) / 4
            kernel = torch.outer(taps, taps).expand(after, 1, 3, 3).clone()
            self.blur: Tensor
            self.register_buffer("blur", kernel, persistent=False)
        self.refine = size <= 64
        self.has_grain = size == 64
        if self.has_grain:
            self.register_buffer("grain", torch.randn(1, 1, size, size))
            self.grain_strength = nn.Parameter(torch.full((1, after, 1, 1), 0.05))
        if self.refine:
            self.conv = nn.Conv2d(after, after, 3, padding=1, bias=False)
            self.conv_modulation = Modulation(after, latent_dim)

    def forward(self, x: Tensor, latents: Tensor) -> Tensor:
        x = self.up(x)
        if self.blurred:
            x = F.conv2d(x, self.blur.to(x.dtype), padding=1, groups=x.shape[1])
        x = self.up_modulation(x, latents)
        if self.refine:
            grained = x
            if self.has_grain:
                grain = (self.grain * self.grain_strength).to(x.dtype)
                grained = x + grain.contiguous(memory_format=torch.channels_last)
            x = x + self.conv_modulation(self.conv(grained), latents)
        return x


class Decoder(nn.Module):
    """Latents [B, D] (or one for each resolution, [B, L, D], or one for each place of the 4 x 4
    start, [B, 4, 4, D]) to pictures [B, 3, R, R] in -1..1.

    Latents of places blend into each other (as the latent maps of Kim et al., StyleMapGAN, 2021)
    up to LOCAL_UP_TO pixels; finer sizes only give strokes their manner and see the mean.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        first = config.channels[0]
        self.layers = len(config.channels)
        self.start = nn.Linear(config.latent_dim, first * 16, bias=False)
        # Every place of the 4 x 4 start is normalised over the batch by itself: what all pictures
        # share there is taken out, so that the composition can only come from the latent.
        self.start_norm = nn.BatchNorm1d(first * 16, affine=False)
        self.start_modulation = Modulation(first, config.latent_dim)
        pairs = pairwise(config.channels)
        self.blocks = nn.ModuleList(
            UpBlock(before, after, 8 * 2**index, config.latent_dim, config.blur)
            for index, (before, after) in enumerate(pairs)
        )
        self.to_rgb = nn.Conv2d(config.channels[-1], 3, 3, padding=1)
        # An Equaliser, once training is over.
        self.finish: nn.Module = nn.Identity()

    def forward(self, latents: Tensor) -> Tensor:
        per_layer: Sequence[Tensor]
        if latents.ndim == 4:
            mean = latents.mean((1, 2))
            per_layer = [
                latents if PLACES * 2**i <= LOCAL_UP_TO else mean for i in range(self.layers)
            ]
            # Each place takes what the start has there for its own latent.
            starts = self.start(latents.flatten(1, 2)).unflatten(2, (-1, 16))
            start = starts.diagonal(dim1=1, dim2=3).flatten(1)
        else:
            per_layer = latents.unbind(1) if latents.ndim == 3 else [latents] * self.layers
            start = self.start(per_layer[0])
        x = self.start_norm(start).unflatten(1, (-1, 4, 4))
        x = x.contiguous(memory_format=torch.channels_last)
        x = self.start_modulation(x, per_layer[0])
        for block, latent in zip(self.blocks, per_layer[1:], strict=True):
            x = block(x, latent)
        return self.finish(torch.tanh(self.to_rgb(x)))


class Painter(nn.Module):
    """Mapping and decoder together: what the generator side of training updates."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.mapping = Mapping(config)
        self.decoder = Decoder(config)

    def forward(self, noise: Tensor) -> Tensor:
        return self.decoder(self.mapping(noise))


class Projection(nn.Module):
    """Frozen random mixing of the feature levels, across channels and then from coarse to fine.

    Without it a discriminator looks at the easiest few channels only (Sauer et al., section 3.2).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(width, channels, 1) for _, width, _ in LEVELS)
        self.mix = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1) for _ in LEVELS)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
                assert module.bias is not None
                nn.init.zeros_(module.bias)
        self.requires_grad_(False)

    def forward(self, levels: list[Tensor]) -> list[Tensor]:
        mixed: list[Tensor] = []
        x = None
        for lateral, mix, level in zip(
            reversed(self.lateral), reversed(self.mix), reversed(levels), strict=True
        ):
            side = lateral(level)
            if x is not None:
                side = (side + F.interpolate(x, scale_factor=2, mode="nearest")) * 0.5**0.5
            x = mix(side)
            mixed.append(x)
        return mixed[::-1]


class Head(nn.Module):
    """One discriminator: projected features of one level to a 4x4 map of logits."""

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = channels
        while size > 4:
            layers += [spectral_norm(nn.Conv2d(width, 2 * channels, 4, stride=2, padding=1))]
            layers += [nn.LeakyReLU(0.2)]
            width = 2 * channels
            size //= 2
        layers += [spectral_norm(nn.Conv2d(width, 2 * channels, 3, padding=1)), nn.LeakyReLU(0.2)]
        layers += [spectral_norm(nn.Conv2d(2 * channels, 1, 1))]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class Discriminator(nn.Module):
    """Four heads on the projected feature levels; returns all their logits as [B, N]."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.projection = Projection(config.discriminator_channels)
        self.heads = nn.ModuleList(
            Head(config.discriminator_channels, config.resolution // stride)
            for _, _, stride in LEVELS
        )

    def forward(self, projected: list[Tensor]) -> Tensor:
        logits = [head(x).flatten(1).float() for head, x in zip(self.heads, projected, strict=True)]
        return torch.cat(logits, dim=1)


class Encoder(nn.Module):
    """Frozen features and a small copy of a picture to the latent that paints it most nearly.

    The finest levels are left out: a latent decides composition and palette, not single strokes.
    """

    THUMBNAIL = 8
    WIDTH = 4 * 4 * LEVELS[2][1] + 2 * 2 * LEVELS[3][1] + 3 * THUMBNAIL**2

    def __init__(self, config: Config, hidden: int = 384) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(self.WIDTH),
            nn.Linear(self.WIDTH, hidden),
            nn.LeakyReLU(0.2),
            nn.Linear(hidden, hidden),
            nn.LeakyReLU(0.2),
            nn.Linear(hidden, config.latent_dim),
        )

    @classmethod
    def inputs(cls, pictures: Tensor, levels: list[Tensor]) -> Tensor:
        """What the layers read [B, WIDTH], of pictures [B, 3, H, W] and their feature levels."""
        parts = [
            F.adaptive_avg_pool2d(levels[2].float(), 4),
            F.adaptive_avg_pool2d(levels[3].float(), 2),
            3 * F.adaptive_avg_pool2d(pictures.float(), cls.THUMBNAIL),
        ]
        return torch.cat([part.flatten(1) for part in parts], dim=1)

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs [B, WIDTH] to whitened latents [B, D] (see generator.PaintingGenerator.encode)."""
        return self.layers(inputs)
