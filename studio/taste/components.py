"""Features as few numbers of unit spread, those of each kind by themselves.

A medium may say which of its features are of a kind: what is painted, how, in which colours. Each
kind then has principal components of its own, so that a taste may go by one kind of thing and be
deaf to the rest, however loud that is (relevance determination by groups; see studio.taste.reward).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from torch import Tensor

from studio.medium import FeatureStatistics

COMPONENTS = 32
"""Of features that are all of one kind."""
OF_A_KIND = 12
FAINTEST = 0.05
"""Scale, relative to the largest of its kind, below which a component is left out."""


@dataclass(frozen=True)
class Components:
    """Principal components of features, kind by kind.

    Attributes:
        mean: [F].
        axes: [K, F], orthonormal.
        scales: standard deviation along each [K].
        kinds: the number of the kind that each is of [K].
        names: of the kinds; one, "", where the medium tells none apart.
        loudness: how much works differ in each kind, relative to the one that they differ most in.
    """

    mean: Tensor
    axes: Tensor
    scales: Tensor
    kinds: Tensor
    names: tuple[str, ...]

    @cached_property
    def loudness(self) -> tuple[float, ...]:
        scales = self.scales.clamp_min(1e-6)
        norms = [float(scales[self.kinds == kind].norm()) for kind in range(len(self.names))]
        return tuple(norm / max(norms) for norm in norms)


@lru_cache(maxsize=64)
def components(statistics: FeatureStatistics) -> Components:
    """Those of a kind follow from the axes that all features share: these say how the features of
    one kind vary together, but for what they leave out."""
    if len(statistics.kinds) < 2:
        axes, scales = statistics.axes[:COMPONENTS], statistics.scales[:COMPONENTS].float()
        one = torch.zeros(len(scales), dtype=torch.long)
        return Components(statistics.mean, axes, scales, one, ("",))
    spread = statistics.axes * statistics.scales[:, None]
    found: list[Tensor] = []
    kept: list[Tensor] = []
    kinds: list[int] = []
    begin = 0
    for number, width in enumerate(statistics.kinds.values()):
        _, scales, axes = torch.linalg.svd(
            spread[:, begin : begin + width].float(), full_matrices=False
        )
        count = min(OF_A_KIND, int((scales > FAINTEST * scales[0]).sum()))
        whole = torch.zeros(count, len(statistics.mean))
        whole[:, begin : begin + width] = axes[:count]
        found.append(whole)
        kept.append(scales[:count])
        kinds += [number] * count
        begin += width
    return Components(
        statistics.mean,
        torch.cat(found),
        torch.cat(kept),
        torch.tensor(kinds),
        tuple(statistics.kinds),
    )


def whiten(features: Tensor, statistics: FeatureStatistics) -> Tensor:
    """Features [B, F] as their components [B, K], each of unit spread."""
    where = components(statistics)
    scales = where.scales.to(features).clamp_min(1e-6)
    return (features - where.mean.to(features)) @ where.axes.to(features).T / scales
