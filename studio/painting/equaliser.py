"""The even pattern that up-sampling leaves on every painting, taken off again.

Transposed convolutions and the blocks of compressed training pictures leave lines in a painter's
spectrum, far above what works have there (Durall et al., Watch your Up-Convolution, 2020). No
stroke needs a single exact frequency, so what stands far above what works have is turned down.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BORDER = 1 / 8
"""Share of a picture's side that is mirrored beyond each edge, since a spectrum has no edges."""
SMOOTHING = 4
"""Frequencies on either side over which the works' spectrum is averaged: theirs has no lines."""
SPARED = 6
"""Lowest frequencies, which are composition and light: they stay as they are."""
TOLERATED = 4.0
"""Times the works' power that a frequency may have: the eye sees the weave of those far above, and
features miss what is turned down further (works have lines of their own). An enlarger would sharpen
them, so what is to be enlarged is turned down all the way."""
EPSILON = 1e-8


class Equaliser(nn.Module):
    """Pictures [B, 3, R, R] to the same, every frequency times a gain of at most one."""

    def __init__(self, gains: Tensor) -> None:
        """`gains` [R, R // 2 + 1], of torch.fft.rfft2's frequencies."""
        super().__init__()
        size = len(gains)
        self.border = round(BORDER * size)
        kernel = torch.fft.fftshift(torch.fft.irfft2(gains.float(), s=(size, size)))
        padded = torch.fft.ifftshift(F.pad(kernel, (self.border,) * 4))
        self.gains: Tensor
        # Not part of a decoder's state: it is measured of the weights, not learned with them.
        self.register_buffer("gains", torch.fft.rfft2(padded).real.contiguous(), persistent=False)

    def forward(self, pictures: Tensor) -> Tensor:
        # A library of transforms may refuse to transform nothing.
        if not len(pictures):
            return pictures
        edge = self.border
        wide = F.pad(pictures.float(), (edge,) * 4, mode="reflect")
        even = torch.fft.irfft2(torch.fft.rfft2(wide) * self.gains, s=wide.shape[-2:])
        return even[..., edge:-edge, edge:-edge]


def measured_gains(works: Tensor, paintings: Tensor) -> Tensor:
    """The gains [R, R // 2 + 1] that give paintings [N, 3, R, R] no more of any frequency than
    works [M, 3, R, R] have."""
    wanted, found = spectrum(works), spectrum(paintings)
    around = F.pad(wanted.log()[None, None], (SMOOTHING,) * 4, mode="replicate")
    wanted = F.avg_pool2d(around, 2 * SMOOTHING + 1, 1)[0, 0].exp()
    gains = (wanted / found).sqrt().clamp(max=1)
    gains[:SPARED, :SPARED] = 1
    gains[1 - SPARED :, :SPARED] = 1
    return gains


def tolerant(gains: Tensor) -> Tensor:
    """Those of `measured_gains` for paintings as they are shown: see TOLERATED."""
    return (TOLERATED**0.5 * gains.float()).clamp(max=1)


def remaining(gains: Tensor) -> Tensor:
    """What `tolerant` leaves to be done of them before a painting is enlarged."""
    return gains.float() / tolerant(gains)


def spectrum(pictures: Tensor) -> Tensor:
    """Mean power [R, R // 2 + 1] of pictures [N, 3, R, R], all colours together."""
    size = pictures.shape[-1]
    window = torch.hann_window(size)
    window = window[:, None] * window
    power = torch.zeros(size, size // 2 + 1)
    for chunk in pictures.split(64):
        bare = chunk - chunk.mean(dim=(2, 3), keepdim=True)
        power += torch.fft.rfft2(bare * window).abs().square().mean(1).sum(0)
    return power / len(pictures) + EPSILON
