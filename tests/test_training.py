"""What every training loop needs."""

from __future__ import annotations

import torch
from torch import nn

from studio.checkpoint import halved
from studio.training import Best


def test_the_best_state_comes_back() -> None:
    module = nn.Linear(2, 2)
    best = Best(module)
    best.restore()
    for error, weight in ((3.0, 1.0), (1.0, 2.0), (2.0, 3.0)):
        nn.init.constant_(module.weight, weight)
        best.offer(error)
    best.restore()
    assert torch.equal(module.weight, torch.full((2, 2), 2.0))


def test_matrices_are_halved_and_vectors_kept() -> None:
    state = {"kernel": torch.randn(3, 3), "variance": torch.tensor([1e-9]), "seen": torch.tensor(5)}
    found = halved(state)
    assert found["kernel"].dtype == torch.float16
    assert torch.allclose(found["kernel"].float(), state["kernel"], atol=2e-3)
    assert torch.equal(found["variance"], state["variance"])
    assert torch.equal(found["seen"], state["seen"])
