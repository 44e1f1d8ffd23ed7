"""Differentiable augmentation (Zhao et al., DiffAugment, 2020): both real and painted pictures are
changed before a discriminator sees them, so that a small collection cannot be learned by heart."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def augment(pictures: Tensor, strength: float = 1.0) -> Tensor:
    """Random colour, shift and cut-out of pictures [B, 3, H, W] in -1..1, differentiable."""
    return cutout(shift(colour(pictures, strength), strength), strength)


def colour(pictures: Tensor, strength: float) -> Tensor:
    """Brightness +-0.2, saturation 0.5..1.5 and contrast 0.75..1.25 at full strength."""

    def amount(low: float, high: float) -> Tensor:
        drawn = torch.rand(len(pictures), 1, 1, 1, device=pictures.device)
        return low + (high - low) * drawn

    grey = pictures.mean(dim=1, keepdim=True)
    pictures = grey + (pictures - grey) * (1 + strength * amount(-0.5, 0.5))
    mean = pictures.mean(dim=(1, 2, 3), keepdim=True)
    pictures = mean + (pictures - mean) * (1 + strength * amount(-0.25, 0.25))
    return pictures + strength * amount(-0.2, 0.2)


def shift(pictures: Tensor, strength: float, share: float = 0.125) -> Tensor:
    """Move by up to an eighth of the side; what comes in from outside is mirrored."""
    height, width = pictures.shape[-2:]
    margin = max(1, round(height * share * strength))
    padded = F.pad(pictures, (margin, margin, margin, margin), mode="reflect")
    offsets = torch.randint(0, 2 * margin + 1, (len(pictures), 2), device=pictures.device)
    rows = (offsets[:, :1] + torch.arange(height, device=pictures.device))[:, None, :, None]
    columns = (offsets[:, 1:] + torch.arange(width, device=pictures.device))[:, None, None, :]
    padded = padded.gather(2, rows.expand(-1, padded.shape[1], -1, padded.shape[3]))
    return padded.gather(3, columns.expand(-1, padded.shape[1], height, -1))


def cutout(pictures: Tensor, strength: float, share: float = 0.4) -> Tensor:
    """Blank a square in half of the pictures."""
    height, width = pictures.shape[-2:]
    size = round(height * share * strength)
    top, left, chance = torch.rand(len(pictures), 3, device=pictures.device).unbind(1)

    def inside(where: Tensor, side: int) -> Tensor:
        first = (where * side).floor()[:, None] - size // 2
        places = torch.arange(side, device=pictures.device)
        return (places >= first) & (places < first + size)

    blank = inside(top, height)[:, :, None] & inside(left, width)[:, None, :]
    blank &= (chance < 0.5)[:, None, None]
    return pictures * ~blank[:, None]
