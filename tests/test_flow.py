"""What a flow knows before it learns, and that older checkpoints still load."""

from __future__ import annotations

import torch

from studio.flow import NOISE_DIM, Coordinates, Mapping, Shape

SHAPE = Shape(parts=4, part_dim=32, width=8, heads=2, layers=1)


def kindred(count: int) -> torch.Tensor:
    """Latents whose parts have half of what they are in common."""
    rng = torch.Generator().manual_seed(0)
    shared = torch.randn(count, 1, 32, generator=rng)
    return (shared + torch.randn(count, 4, 32, generator=rng) + 0.5).flatten(1)


def test_untaught_noise_already_leads_to_parts_that_belong_together() -> None:
    latents = kindred(20_000)
    mapping = Mapping(SHAPE)
    mapping.coordinates.fit(latents)
    with torch.no_grad():
        made = mapping(torch.randn(20_000, NOISE_DIM, generator=torch.Generator().manual_seed(1)))
    torch.testing.assert_close(torch.cov(made.T), torch.cov(latents.T), atol=0.15, rtol=0)
    coordinates = mapping.coordinates
    torch.testing.assert_close(
        coordinates.to_latents(coordinates.to_flow(latents)), latents, atol=1e-3, rtol=1e-3
    )


def test_checkpoints_without_what_parts_share_lead_where_they_did() -> None:
    latents, old = kindred(500), Coordinates(SHAPE)
    saved = {name: old.state_dict()[name] for name in ("mean", "axes", "scales")}
    saved["axes"] = torch.eye(32)
    new = Coordinates(SHAPE)
    new.load_state_dict(saved)
    assert torch.equal(new.to_latents(latents), latents)
