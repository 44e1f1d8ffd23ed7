"""What a flow knows before it learns, and that older checkpoints still load."""

from __future__ import annotations

from types import SimpleNamespace

import torch

from studio.flow import NOISE_DIM, Coordinates, Flow, Mapping, Shape
from studio.flow_training import held_out_loss, train_flow

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


def test_a_flow_that_learns_by_heart_goes_back_to_where_it_knew_others_best() -> None:
    torch.manual_seed(0)
    flow = Flow(SHAPE)
    run = SimpleNamespace(
        device=torch.device("cpu"),
        flow=flow,
        flow_ema=Flow(SHAPE).requires_grad_(False),
        flow_step=0,
        wall_seconds=0.0,
        save=lambda: None,
    )
    run.flow_ema.load_state_dict(flow.state_dict())
    # So few, and so fast, that it is soon wrong about all others.
    few, others, lines = kindred(8), kindred(64)[8:], []
    train_flow(
        run,
        few,
        others,
        1.0,
        lines.append,
        steps=120,
        batch_size=8,
        learning_rate=0.05,
        warm_up=1,
        measure_every=10,
    )
    losses = [line["validation"] for line in lines]
    assert min(losses) < losses[-1]
    unseen = run.flow.coordinates.to_flow(others)
    assert round(held_out_loss(run, unseen), 4) == min(losses)


def test_a_look_at_held_out_works_leaves_chance_as_it_was() -> None:
    run = SimpleNamespace(device=torch.device("cpu"), flow_ema=Flow(SHAPE))
    torch.manual_seed(5)
    expected = torch.randn(4)
    torch.manual_seed(5)
    held_out_loss(run, torch.randn(3, NOISE_DIM, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(torch.randn(4), expected)
