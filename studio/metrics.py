"""How near a set of pictures is to another, measured on features [N, F] of any frozen network.

Frechet distance: Heusel et al., 2017. Kernel distance: Binkowski et al., Demystifying MMD GANs,
2018. Precision and recall: Kynkaanniemi et al., 2019. Density and coverage: Naeem et al., 2020.
Energy distance: Székely & Rizzo, Energy statistics, 2013.
Trustworthiness: Venna & Kaski, Neighborhood Preservation in Nonlinear Projection Methods, 2001.
"""

from __future__ import annotations

import torch
from torch import Tensor

NEIGHBOURS = 3
CROWD = 5
"""Neighbours that density and coverage are counted in."""


def compare(real: Tensor, painted: Tensor) -> dict[str, float]:
    """All the distribution metrics of painted [M, F] against real [N, F]."""
    precision, recall = precision_recall(real, painted)
    density, coverage = density_coverage(real, painted)
    return {
        "fd": round(frechet_distance(real, painted), 2),
        "kid_x1000": round(1000 * kernel_distance(real, painted), 2),
        "precision": round(precision, 4),
        "recall": round(recall, 4),
        "density": round(density, 4),
        "coverage": round(coverage, 4),
    }


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """Squared Frechet distance of two Gaussians fitted to [N, F] and [M, F].

    The trace of the square root of the product of the covariances is the sum of the singular
    values of the product of their factors, so no matrix root is needed, and it stays exact when
    there are fewer rows than features. When there are more, the triangular factor of a QR
    decomposition stands for the rows.
    """
    a, b = a.double(), b.double()
    centred = [(rows - rows.mean(0)) / (len(rows) - 1) ** 0.5 for rows in (a, b)]
    means = (a.mean(0) - b.mean(0)).square().sum()
    small = [
        torch.linalg.qr(rows, mode="r").R if len(rows) > rows.shape[1] else rows for rows in centred
    ]
    cross = torch.linalg.svdvals(small[0] @ small[1].T).sum()
    return float(means + sum(rows.square().sum() for rows in centred) - 2 * cross)


def kernel_distance(a: Tensor, b: Tensor) -> float:
    """Unbiased squared maximum mean discrepancy with the cubic kernel (x.y / F + 1)^3."""
    a, b = a.double(), b.double()
    width = a.shape[1]

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        return (x @ y.T / width + 1) ** 3

    aa, bb, ab = kernel(a, a), kernel(b, b), kernel(a, b)
    n, m = len(a), len(b)
    within = (aa.sum() - aa.trace()) / (n * (n - 1)) + (bb.sum() - bb.trace()) / (m * (m - 1))
    return float(within - 2 * ab.mean())


def away_from_each(features: Tensor, works: Tensor) -> Tensor:
    """Works [N, F] from each of others [W, F], [W]: its part in their energy distance, but for how
    far these are apart. Differentiable."""
    return 2 * torch.cdist(works, features).mean(1) - torch.pdist(features).mean()


def precision_recall(real: Tensor, painted: Tensor, k: int = NEIGHBOURS) -> tuple[float, float]:
    """Share of painted rows inside the real manifold, and the other way round.

    A manifold is the union of balls around its rows that reach to the k-th neighbour.
    """
    real, painted = real.float(), painted.float()
    distance = torch.cdist(real, painted)
    real_radius = torch.cdist(real, real).kthvalue(k + 1, dim=1).values
    painted_radius = torch.cdist(painted, painted).kthvalue(k + 1, dim=1).values
    precision = (distance <= real_radius[:, None]).any(dim=0).float().mean()
    recall = (distance <= painted_radius[None, :]).any(dim=1).float().mean()
    return float(precision), float(recall)


def density_coverage(real: Tensor, painted: Tensor, k: int = CROWD) -> tuple[float, float]:
    """How many balls around real rows a painted row lies in, relative to what is usual (over 1
    where painted rows crowd), and the share of those balls that hold any.

    Unlike recall, coverage draws no balls around painted rows: an odd one that lies far from
    everything covers nothing, and more of them do not make its ball smaller.
    """
    real, painted = real.float(), painted.float()
    k = min(k, len(real) - 1)
    radius = torch.cdist(real, real).kthvalue(k + 1, dim=1).values
    inside = torch.cdist(real, painted) <= radius[:, None]
    return float(inside.float().sum(0).mean() / k), float(inside.any(dim=1).float().mean())


def trustworthiness(seen: Tensor, chart: Tensor, k: int = CROWD) -> float:
    """Whether neighbours on a chart [N, 2] are neighbours in features [N, F] too, 0..1.

    Each of a point's k nearest on the chart that is not among its k nearest in features costs as
    many ranks as it is too far away; by chance it comes to about a half.

    Raises:
        ValueError: k is not below half of N, where the measure has no meaning.
    """
    count = len(seen)
    if not 0 < k < count / 2:
        raise ValueError(f"k is between 1 and half of {count}, not {k}")
    apart, beside = (torch.cdist(x, x).fill_diagonal_(torch.inf) for x in (seen, chart))
    ranks = torch.empty(count, count, dtype=torch.long)
    ranks.scatter_(1, apart.argsort(1), torch.arange(1, count + 1).expand(count, count))
    too_far = ranks.gather(1, beside.topk(k, largest=False).indices) - k
    most = count * k * (2 * count - 3 * k - 1) / 2
    return 1 - float(too_far.clamp_min(0).sum()) / most
