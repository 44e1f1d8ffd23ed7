"""Latents that differ within a painting: kept as an option of its recipe.

A latent says the same everywhere; where a hand moves one thing and not the others, each of the
4 x 4 places that the decoder starts from has a latent of its own (see studio.painting.model), and
in a child that has its composition from one parent and its colours from another, each of the
decoder's layers. The recipe's latent is their mean, and the option LOCAL holds by how much each
differs from it, so that every dial still turns the whole.
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

MOST_LAYERS = 12
"""A decoder of so many has pictures of 8,192 pixels a side; more places than that have latents."""
FARTHEST = 100.0
"""More than any latent differs from another by; a file that says more is not believed."""


def of(options: Mapping[str, Any], dim: int) -> Tensor | None:
    """Differences [4, 4, D] of places or [L, D] of layers that options hold; None: there are none,
    or they are damaged."""
    try:
        data = base64.b64decode(options[LOCAL], validate=True)
        flat = np.frombuffer(data, dtype="<f2").astype("float32")
        of_layers = (-1, dim) if 0 < len(flat) <= MOST_LAYERS * dim else (PLACES, PLACES, dim)
        away: np.ndarray = flat.reshape(of_layers)
    except (KeyError, TypeError, ValueError):
        return None
    return torch.from_numpy(away) if (np.abs(away) <= FARTHEST).all() else None


def laid(latents: Tensor, away: Tensor | None, layers: int) -> Tensor:
    """Latents [B, D] as they differ from place to place [B, 4, 4, D] or between the decoder's
    layers [B, L, D], or as they are; differences of another number of layers are left out."""
    if away is None or (away.ndim == 2 and len(away) != layers):
        return latents
    return latents[:, None, None] + away if away.ndim == 3 else latents[:, None] + away


def everywhere(latents: Tensor) -> Tensor:
    """Latents [B, D] or [B, 4, 4, D] as the latter; those of layers [B, L, D] by their mean, since
    a place has one latent for all layers."""
    if latents.ndim == 4:
        return latents
    if latents.ndim == 3:
        latents = latents.mean(1)
    return latents[:, None, None].expand(-1, PLACES, PLACES, -1)


def packed(latents: Tensor) -> tuple[Tensor, str]:
    """Of latents [1, 4, 4, D] the mean [D], and base64 of little-endian float16 [4, 4, D]."""
    mean = latents.mean((0, 1, 2))
    return mean, written(latents[0] - mean)


def layered(latents: Tensor) -> tuple[Tensor, str | None]:
    """Of latents of layers [L, D] the mean [D], and what LOCAL holds of them; None where all are
    the same."""
    mean = latents.mean(0)
    away = latents - mean
    return mean, written(away) if away.abs().max() > 1e-4 else None


def written(away: Tensor) -> str:
    """Differences [4, 4, D] or [L, D] as LOCAL holds them."""
    return base64.b64encode(away.numpy().astype("<f2").tobytes()).decode("ascii")


def mixed(options: Sequence[Mapping[str, Any]], shares: Sequence[float], dim: int) -> str | None:
    """LOCAL of what lies between works with such options; None: none of them that has a share
    differs anywhere. Where some differ between places and others between layers, those count that
    have the larger share."""
    found = [(of(each, dim), share) for each, share in zip(options, shares, strict=True) if share]
    kinds: dict[tuple[int, ...], list[tuple[Tensor, float]]] = {}
    for away, share in found:
        if away is not None:
            kinds.setdefault(tuple(away.shape), []).append((away, share))
    if not kinds:
        return None
    most = max(kinds.values(), key=lambda each: sum(abs(share) for _, share in each))
    return written(torch.stack([share * away for away, share in most]).sum(0))
