"""Feature drift: a pull towards works that no sample resembles yet, and away from one's own kind.

An adversary alone lets a small painter repeat what fools it (with 681 works its recall stays near
0.1). The drift of a sample x in a frozen feature space is the kernel-weighted mean of real
features near x minus that of recent samples near x (Deng et al., Generative Modeling via Drifting,
2026); it vanishes exactly when both distributions agree around x.
"""

from __future__ import annotations

import torch
from torch import Tensor

# Kernel widths as shares of the mean distance: the narrow one asks for single works to be reached,
# the wide one for the overall balance.
TEMPERATURES = (0.04, 0.12)


class Memory:
    """A ring of the latest feature rows [capacity, F]."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.rows: Tensor | None = None
        self.next = 0
        self.filled = 0

    def add(self, rows: Tensor) -> None:
        if self.rows is None:
            self.rows = torch.zeros(self.capacity, rows.shape[1], device=rows.device)
        places = (torch.arange(len(rows), device=rows.device) + self.next) % self.capacity
        self.rows[places] = rows.detach().float()
        self.next = (self.next + len(rows)) % self.capacity
        self.filled = min(self.filled + len(rows), self.capacity)

    def get(self) -> Tensor:
        assert self.rows is not None
        return self.rows[: self.filled]


def drift_loss(samples: Tensor, real: Tensor, recent: Tensor) -> Tensor:
    """Squared distance of samples [B, F] to where the drift would carry them.

    Its gradient is minus the drift. Distances are measured in units of the mean distance between
    samples and real rows, so that every feature space weighs the same.
    """
    with torch.no_grad():
        to_real = torch.cdist(samples, real)
        to_recent = torch.cdist(samples, recent)
        scale = to_real.mean()
        target = torch.zeros_like(samples)
        for temperature in TEMPERATURES:
            pull = torch.softmax(-to_real / (scale * temperature), dim=1) @ real
            push = torch.softmax(-to_recent / (scale * temperature), dim=1) @ recent
            target += (pull - push) / len(TEMPERATURES)
        target = samples + target
    return ((samples - target) / scale).square().sum(dim=1).mean()
