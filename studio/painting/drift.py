"""In which feature spaces paintings drift: what is painted, how, and where things are."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def descriptors(levels: list[Tensor], pooled: Tensor) -> tuple[Tensor, Tensor]:
    """What is painted [B, 1280], and how: mean and deviation of the three finer levels [B, 352]."""
    manner = []
    for level in levels[:3]:
        level = level.float()
        manner += [level.mean(dim=(2, 3)), level.std(dim=(2, 3))]
    return pooled.float(), torch.cat(manner, dim=1)


def spaces(levels: list[Tensor], pooled: Tensor) -> list[Tensor]:
    """All three, [B, ...] each, of one look at pictures."""
    return [*descriptors(levels, pooled), layout(levels)]


def layout(levels: list[Tensor]) -> Tensor:
    """Where things are: the third level on a 4 x 4 grid, [B, 1792].

    Pooled features cannot tell a face on the left from one on the right, and without this every
    kind of picture kept one single composition.
    """
    return F.adaptive_avg_pool2d(levels[2].float(), 4).flatten(1)
