"""Teaching a prior: the flow on latents of real works, and the mapping on the flow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from studio.flow import NOISE_DIM, Flow, Mapping
from studio.precision import autocast
from studio.training import (
    Best,
    Captured,
    Clock,
    Report,
    adamw,
    between_looks,
    descend,
    follow_average,
    kept_chance,
    set_rate,
)

CAREFUL, STEPS = 16, 6
"""Steps of Heun's method that the flow is measured with, and that it teaches with."""
ASKED_AT_ONCE = 2048


class Run(Protocol):
    """What of a training run is asked for here; `*_ema` are the averages that ship."""

    device: torch.device
    flow: Flow
    flow_ema: Flow
    flow_step: int
    mapping_step: int
    wall_seconds: float

    @property
    def mapping(self) -> Mapping: ...

    @property
    def mapping_ema(self) -> Mapping: ...

    def save(self) -> None: ...


Measure = Callable[[Callable[[Tensor], Tensor]], dict]
"""Figures of a way from noise [B, 128] to latents [B, D]."""


def train_flow(
    run: Run,
    latents: Tensor,
    held_out: Tensor,
    minutes: float,
    report: Report,
    *,
    steps: int | None = None,
    batch_size: int = 512,
    learning_rate: float = 1e-3,
    warm_up: int = 300,
    measure_every: int = 500,
    measure: Measure = lambda way: {},
) -> None:
    """Teach the flow to make latents as real works have them, for `minutes` of wall time or so
    many steps. Ends with the average that made least of an error on held-out latents: a flow that
    goes on for long learns single works by heart.

    Args:
        latents, held_out: [N, D] and [M, D] of works for training and for validation.
    """
    latents, held_out = latents.to(run.device), held_out.to(run.device)
    if not run.flow_step:
        for flow in (run.flow, run.flow_ema):
            flow.coordinates.fit(latents)
    coordinates = run.flow.coordinates.to_flow(latents)
    unseen = run.flow.coordinates.to_flow(held_out)
    adam = adamw(run.flow.parameters(), learning_rate, run.device, weight_decay=0.02)

    def learn() -> Tensor:
        rows = torch.randint(len(coordinates), (batch_size,), device=run.device)
        with autocast(run.device):
            loss = run.flow.loss(coordinates[rows])
        descend(adam, loss)
        return loss.detach()

    step = Captured(run.device, learn)
    clock, first = Clock(run, minutes, steps), run.flow_step
    total = torch.zeros((), device=run.device)
    every = between_looks(run.device, measure_every)
    best = Best(run.flow_ema)
    while not clock.is_over:
        rate = min(1.0, (run.flow_step - first + 1) / warm_up) * clock.cooling
        set_rate(adam, learning_rate * rate)
        total += step()
        run.flow_step += 1
        follow_average(run.flow_ema, run.flow, min(0.999, run.flow_step / (run.flow_step + 10)))
        clock.tick()
        if run.flow_step % every == 0:
            validation = held_out_loss(run, unseen)
            best.offer(validation)
            mean = float(total) / every
            line = {"loss": round(mean, 4), "validation": round(validation, 4)}
            total.zero_()
            figures = measure(lambda noise: run.flow_ema.carried(noise, CAREFUL))
            report({"flow_step": run.flow_step, **clock.line, **line, **figures})
            run.save()
    best.offer(held_out_loss(run, unseen))
    best.restore()
    run.save()


@torch.no_grad()
def held_out_loss(run: Run, coordinates: Tensor) -> float:
    """Of the averaged flow, the same noise and times every time."""
    with kept_chance(run.device):
        torch.manual_seed(0)
        return float(run.flow_ema.loss(coordinates.repeat(4, 1)))


def train_mapping(
    run: Run,
    minutes: float,
    report: Report,
    *,
    steps: int | None = None,
    batch_size: int = 512,
    learning_rate: float = 6e-4,
    measure_every: int = 500,
    measure: Measure = lambda way: {},
) -> None:
    """Teach the mapping to go the flow's whole way in one step, for `minutes` of wall time or
    so many steps.

    A third of the time goes into asking the flow where it carries noise; the rest into learning
    those pairs (distillation of a rectified flow, Liu et al., 2022).
    """
    mapping = run.mapping
    noise, wanted = ask_the_flow(run, Clock(run, minutes / 3, steps and max(steps // 200, 1)))
    clock = Clock(run, 2 * minutes / 3, steps)
    if not run.mapping_step:
        mapping.start_from(run.flow_ema)
        run.mapping_ema.load_state_dict(mapping.state_dict())
    adam = adamw(mapping.parameters(), learning_rate, run.device, weight_decay=0.01)

    def learn() -> Tensor:
        rows = torch.randint(len(noise), (batch_size,), device=run.device)
        with autocast(run.device):
            found = mapping(noise[rows])
        loss = (found.float() - wanted[rows]).square().sum(1).mean()
        descend(adam, loss)
        return loss.detach()

    step = Captured(run.device, learn)
    total = torch.zeros((), device=run.device)
    every = between_looks(run.device, measure_every)
    while not clock.is_over:
        set_rate(adam, learning_rate * clock.cooling)
        total += step()
        run.mapping_step += 1
        keep = min(0.998, run.mapping_step / (run.mapping_step + 20))
        follow_average(run.mapping_ema, mapping, keep)
        clock.tick()
        if run.mapping_step % every == 0:
            line = {"loss": round(float(total) / every, 4), "pairs": len(noise)}
            total.zero_()
            figures = measure(run.mapping_ema)
            report({"mapping_step": run.mapping_step, **clock.line, **line, **figures})
            run.save()
    run.save()


def ask_the_flow(run: Run, clock: Clock) -> tuple[Tensor, Tensor]:
    """Noise [N, 128] and the latents [N, D] that the flow carries it to."""
    asked: list[Tensor] = []
    answers: list[Tensor] = []
    while not clock.is_over:
        noise = torch.randn(ASKED_AT_ONCE, NOISE_DIM, device=run.device)
        with autocast(run.device):
            answers.append(run.flow_ema.carried(noise, STEPS).float())
        asked.append(noise)
        clock.tick()
    return torch.cat(asked), torch.cat(answers)
