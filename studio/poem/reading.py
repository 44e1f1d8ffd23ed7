"""What taste sees in a poem: what it speaks of, how it sounds, and what it is like as a whole.

From the words of each line, [B, 4, V]: counts of those that were written, or the shares that the
latent says they have, which carry a gradient.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

THEMES, LAST, MEANING, ENDING, FORM, UNNAMED = 1.0, 0.7, 1.0, 0.6, 0.5, 0.12
"""Scales that give each part of the features its share of the variance among samples."""


@dataclass(frozen=True)
class Reader:
    """Features of poems by tables of a vocabulary.

    Attributes:
        themes: [V, A], see studio.poem.themes.tables.
        meanings: [V, M], what tokens are like; rows of unit length.
    """

    themes: Tensor
    meanings: Tensor

    def features(self, words: Tensor, beats: Tensor, scheme: Tensor, latents: Tensor) -> Tensor:
        """[B, F] of the words of lines [B, 4, V], the shares of their beats [B, 4, n] and of rhyme
        schemes [B, m], and latents [B, D] of the poems."""
        count = words.sum(2, keepdim=True).clamp_min(1e-6)
        spoken = words @ self.themes
        meant = (words / count) @ self.meanings
        whole = spoken.sum(1) / count.sum(1)
        return torch.cat(
            [
                THEMES * (whole * 10).tanh(),
                LAST * (spoken[:, -1] / count[:, -1] * 10).tanh(),
                MEANING * meant.mean(1),
                ENDING * meant[:, -1],
                FORM * beats.flatten(1),
                FORM * scheme,
                UNNAMED * latents,
            ],
            dim=1,
        )

    def kinds(self, width: int, latent_dim: int) -> dict[str, int]:
        """How many of `width` features of poems with latents [B, D] are of which kind."""
        themes, meanings = self.themes.shape[1], self.meanings.shape[1]
        form = width - 2 * (themes + meanings) - latent_dim
        return {
            "themes": themes,
            "last_theme": themes,
            "meaning": meanings,
            "last_meaning": meanings,
            "form": form,
            "unnamed": latent_dim,
        }

    def shares(self, words: Tensor) -> Tensor:
        """How much of poems with words [B, 4, V] speaks of each theme [B, A]; -1 to 1."""
        return (words.sum(1) @ self.themes) / words.sum((1, 2)).clamp_min(1e-6)[:, None]


def unit_rows(table: Tensor) -> Tensor:
    """Rows [V, M] around their mean, each of length one: frequent words are not nearer to all."""
    return F.normalize(table - table.mean(0), dim=1)
