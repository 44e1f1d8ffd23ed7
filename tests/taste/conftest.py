from __future__ import annotations

import numpy as np
import pytest
import torch

from studio.taste import Ratings
from studio.taste.artists import Artist, invent
from tests.taste.curves import CurveGenerator


@pytest.fixture(scope="session")
def curves() -> CurveGenerator:
    return CurveGenerator()


@pytest.fixture(scope="session")
def base(curves: CurveGenerator) -> torch.Tensor:
    """Latents [512, D] of base samples."""
    return curves.map(torch.randn(512, 128, generator=torch.Generator().manual_seed(7)))


@pytest.fixture(scope="session")
def artist(curves: CurveGenerator, base: torch.Tensor) -> Artist:
    """One who likes much of one thing."""
    return invent(curves.attributes(curves.decode(base)), 1, seed=1)[0]


@pytest.fixture(scope="session")
def thirty(curves: CurveGenerator, base: torch.Tensor, artist: Artist) -> Ratings:
    """The artist's stars for thirty base samples."""
    latents = base[:30]
    rng = np.random.default_rng(3)
    stars = artist.stars(curves.attributes(curves.decode(latents)), rng)
    return Ratings(latents, tuple((index, float(value)) for index, value in enumerate(stars)))
