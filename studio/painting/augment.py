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
    offsets = torch.randint(0, 2 * margin + 1, (len(pictures), 2)).tolist()
    moved = [p[:, y : y + height, x : x + width] for p, (y, x) in zip(padded, offsets, strict=True)]
    return torch.stack(moved)


def cutout(pictures: Tensor, strength: float, share: float = 0.4) -> Tensor:
    """Blank a square in half of the pictures."""
    height, width = pictures.shape[-2:]
    size = round(height * share * strength)
    mask = torch.ones_like(pictures[:, :1])
    corners = torch.rand(len(pictures), 3).tolist()
    for row, (top, left, chance) in zip(mask, corners, strict=True):
        if chance < 0.5:
            y = int(top * height) - size // 2
            x = int(left * width) - size // 2
            row[:, max(y, 0) : max(y + size, 0), max(x, 0) : max(x + size, 0)] = 0
    return pictures * mask
