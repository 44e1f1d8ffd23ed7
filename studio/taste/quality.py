"""Whether works still look like something their base could have made.

No medium says how good a work is, but every base shows what its works look like. A manifold of
features stands for that: the union of balls around the base's works that reach to their k-th
neighbour (Kynkäänniemi et al., Improved Precision and Recall, 2019). The share of works within it
is their precision. Distance from the base says something else, that taste has moved them: works
may all lie in one corner of the manifold, far from its middle and as well made as any.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from studio.metrics import frechet_distance

NEIGHBOURS = 5
"""With the paper's 3 of its 50,000, a base's rarer works would count as none of its own here, where
a few works stand for all: see docs/taste.md."""


def quality_kept(base: Tensor, works: Tensor) -> float:
    """Precision of works, relative to that of the base's own: 0 is none inside, 1 as many.

    It may exceed 1, where works keep to what the base does most often.

    Args:
        base, works: features [N, F] of works of the same N noises. Each is judged by the base's
            works of the other noises alone, and so are the base's own: a work that hardly moved
            lies beside the one it was, which says nothing.
    """
    own = float(is_inside(base, base).float().mean())
    return float(is_inside(base, works).float().mean()) / max(own, 1 / len(base))


def is_inside(base: Tensor, works: Tensor) -> Tensor:
    """[N]: whether each work lies in the manifold of the base's works of other noises."""
    base, works = base.float(), works.float()
    k = min(NEIGHBOURS, len(base) - 2)
    apart = torch.cdist(base, base)
    nearest = apart.sort(dim=1).values  # [N, N], itself first
    reach, farther = nearest[:, k, None], nearest[:, k + 1, None]
    # [j, i]: how far the ball around work j reaches when work i is not there.
    radius = torch.where(apart <= reach, farther, reach)
    within = torch.cdist(base, works) <= radius
    return within.fill_diagonal_(False).any(dim=0)


def departure(base: Tensor, works: Tensor) -> float:
    """Squared Fréchet distance of features [N, F] of works from those of the base, in units of the
    base's total variance: 0 is no change at all; nan where works cannot be measured."""
    if not (base.isfinite().all() and works.isfinite().all()):
        return math.nan
    return frechet_distance(base, works) / float(base.double().var(dim=0).sum())
