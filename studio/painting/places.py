"""Latents that differ from place to place of a painting: kept as an option of its recipe.

A latent says the same everywhere; where a hand moves one thing and not the others, each of the
4 x 4 places that the decoder starts from has a latent of its own (see studio.painting.model). The
recipe's latent is their mean, and the option LOCAL holds by how much each differs from it, so that
every dial still turns the whole.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from studio.medium import LOCAL
from studio.painting.model import PLACES

FARTHEST = 100.0
"""More than any latent differs from another by; a file that says more is not believed."""


def of(options: Mapping[str, Any], dim: int) -> Tensor | None:
    """Differences [4, 4, D] that options hold; None: there are none, or they are damaged."""
    try:
        data = base64.b64decode(options[LOCAL], validate=True)
        away = np.frombuffer(data, dtype="<f2").astype("float32").reshape(PLACES, PLACES, dim)
    except (KeyError, TypeError, ValueError):
        return None
    return torch.from_numpy(away) if (np.abs(away) <= FARTHEST).all() else None


def laid(latents: Tensor, away: Tensor | None) -> Tensor:
    """Latents [B, D] as they differ from place to place [B, 4, 4, D], or as they are."""
    return latents if away is None else latents[:, None, None] + away


def everywhere(latents: Tensor) -> Tensor:
    """Latents [B, D] or [B, 4, 4, D] as the latter."""
    if latents.ndim == 4:
        return latents
    return latents[:, None, None].expand(-1, PLACES, PLACES, -1)


def packed(latents: Tensor) -> tuple[Tensor, str]:
    """Of latents [1, 4, 4, D] the mean [D], and base64 of little-endian float16 [4, 4, D]."""
    mean = latents.mean((0, 1, 2))
    return mean, written(latents[0] - mean)


def written(away: Tensor) -> str:
    """Differences [4, 4, D] as LOCAL holds them."""
    return base64.b64encode(away.numpy().astype("<f2").tobytes()).decode("ascii")


def mixed(options: Sequence[Mapping[str, Any]], shares: Sequence[float], dim: int) -> str | None:
    """LOCAL of what lies between works with such options; None: none of them that has a share
    differs anywhere."""
    found = [(of(each, dim), share) for each, share in zip(options, shares, strict=True) if share]
    differing = [share * away for away, share in found if away is not None]
    return written(torch.stack(differing).sum(0)) if differing else None
