"""The learned prior: a rectified flow from noise to the latents of real works.

A flow (Liu et al., Flow Straight and Fast, 2022; Lipman et al., Flow Matching, 2022) learns the
velocity that carries Gaussian noise along straight lines to data. It is the teacher of the mapping,
which learns to go the whole way in one step: what a slider, a dice throw or a fine-tune asks of the
mapping thousands of times must cost next to nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

NOISE_DIM = 128
FREQUENCIES = 32
LEAST_VARIANCE = 1e-3
"""Of whitened parts, where they have something in common."""
FASTEST = 200.0
"""Largest angular frequency that the time from 0 to 1 is told by."""


@dataclass(frozen=True)
class Shape:
    """What decides the shapes of a flow's weights.

    Attributes:
        parts: a latent is a row of so many equal parts (bars, lines), told apart by their places.
        part_dim: numbers of each.
        width, heads, layers: of the network.
    """

    parts: int
    part_dim: int
    width: int
    heads: int
    layers: int

    @property
    def part_noise(self) -> int:
        return NOISE_DIM // self.parts


class Coordinates(nn.Module):
    """Latents [B, parts x part_dim] as whitened coordinates of parts [B, 128], and back.

    A part's latent has about as many active units as its share of the noise has numbers, so that
    hardly anything is lost; noise and coordinates then have the same shape, as a flow needs. What
    parts have in common is whitened away too, by the matrix that turns each the least (ZCA: Kessy
    et al., Optimal Whitening and Decorrelation, 2018): a flow that has learned nothing already
    leads to parts that belong together.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.parts = shape.parts
        self.mean: Tensor
        self.axes: Tensor
        self.scales: Tensor
        self.apart: Tensor
        self.together: Tensor
        self.register_buffer("mean", torch.zeros(shape.part_dim))
        self.register_buffer("axes", torch.zeros(shape.part_noise, shape.part_dim))
        self.register_buffer("scales", torch.ones(shape.part_noise))
        self.register_buffer("apart", torch.eye(shape.parts * shape.part_noise))
        self.register_buffer("together", torch.eye(shape.parts * shape.part_noise))

    def fit(self, latents: Tensor) -> None:
        """Measure them on latents [N, parts x part_dim]; a part_dim below its share of the noise
        leaves some unused."""
        parts = latents.unflatten(1, (self.parts, -1)).flatten(0, 1)
        mean = parts.mean(0)
        _, singular, axes = torch.linalg.svd(parts - mean, full_matrices=False)
        count = min(len(self.axes), len(axes))
        self.mean.copy_(mean)
        self.axes.zero_()[:count] = axes[:count]
        self.scales.fill_(1.0)[:count] = (singular[:count] / len(parts) ** 0.5).clamp_min(1e-2)
        whole = self.of_parts(latents)
        values, vectors = torch.linalg.eigh(whole.T @ whole / len(whole))
        # What hardly varies stays as it is: blown up, it would be noise.
        spread = torch.where(values > LEAST_VARIANCE, values, 1.0).sqrt()
        self.apart.copy_(vectors / spread @ vectors.T)
        self.together.copy_(vectors * spread @ vectors.T)

    def of_parts(self, latents: Tensor) -> Tensor:
        parts = latents.unflatten(1, (self.parts, -1)) - self.mean
        return (parts @ self.axes.T / self.scales).flatten(1)

    def to_flow(self, latents: Tensor) -> Tensor:
        return self.of_parts(latents) @ self.apart

    def to_latents(self, coordinates: Tensor) -> Tensor:
        parts = (coordinates @ self.together).unflatten(1, (self.parts, -1)) * self.scales
        return (parts @ self.axes + self.mean).flatten(1)

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *others: Any, **more: Any
    ) -> None:
        # Checkpoints from before the parts were whitened together hold neither matrix.
        for name in ("apart", "together"):
            state_dict.setdefault(prefix + name, torch.eye(len(self.apart)))
        super()._load_from_state_dict(state_dict, prefix, *others, **more)


class Block(nn.Module):
    """Attention over the parts and a layer of its own for each; scales, shifts and gates [B, 6 x
    width] from outside make it one thing or another (adaLN-Zero of Peebles and Xie, 2023)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.attend = nn.Linear(width, 3 * width)
        self.mix = nn.Linear(width, width)
        self.feed = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor, modulation: Tensor) -> Tensor:
        scale, shift, gate, feed_scale, feed_shift, feed_gate = modulation[:, None].chunk(6, 2)
        y = self.norm(x) * (1 + scale) + shift
        q, k, v = self.attend(y).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        x = x + (1 + gate) * self.mix(y)
        y = self.norm(x) * (1 + feed_scale) + feed_shift
        return x + (1 + feed_gate) * self.feed(y)


class Trunk(nn.Module):
    """Coordinates [B, 128] in, velocity [B, 128] out; the parts look at each other."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.width
        self.enter = nn.Linear(shape.part_noise, width)
        self.places = nn.Parameter(0.02 * torch.randn(shape.parts, width))
        self.blocks = nn.ModuleList(Block(width, shape.heads) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(width)
        self.leave = nn.Linear(width, shape.part_noise)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, place: Tensor, modulations: Sequence[Tensor]) -> Tensor:
        x = self.enter(place.unflatten(1, (len(self.places), -1))) + self.places
        for block, modulation in zip(self.blocks, modulations, strict=True):
            x = block(x, modulation)
        return self.leave(self.norm(x)).flatten(1)


class Flow(nn.Module):
    """Velocity [B, 128] at a place [B, 128] and a time [B] from 0 (noise) to 1 (works)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.width
        self.coordinates = Coordinates(shape)
        self.trunk = Trunk(shape)
        self.time = nn.Sequential(
            nn.Linear(2 * FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU()
        )
        self.modulate = nn.ModuleList(nn.Linear(width, 6 * width) for _ in range(shape.layers))
        for parameter in self.modulate.parameters():
            nn.init.zeros_(parameter)

    def forward(self, place: Tensor, time: Tensor) -> Tensor:
        return self.trunk(place, self.modulations(time))

    def modulations(self, time: Tensor) -> list[Tensor]:
        """What times [B] make of each block [B, 6 x width]."""
        rates = torch.linspace(0, math.log(FASTEST), FREQUENCIES, device=time.device).exp()
        angles = time[:, None] * rates
        told = self.time(torch.cat([angles.sin(), angles.cos()], dim=1))
        return [layer(told) for layer in self.modulate]

    def loss(self, coordinates: Tensor) -> Tensor:
        """Mean squared error of the velocity on the way to coordinates [B, 128]; times are drawn
        most often in the middle, where they are hardest (Esser et al., 2024)."""
        noise = torch.randn_like(coordinates)
        time = torch.randn(len(coordinates), device=coordinates.device).sigmoid()
        place = torch.lerp(noise, coordinates, time[:, None])
        return (self(place, time) - (coordinates - noise)).square().mean()

    @torch.no_grad()
    def carried(self, noise: Tensor, steps: int) -> Tensor:
        """Where noise [B, 128] is carried, in steps of Heun's method; latents [B, D]."""
        place, times = noise, torch.linspace(0, 1, steps + 1, device=noise.device)
        for now, then in pairwise(times):
            velocity = self(place, now.expand(len(place)))
            ahead = self(place + (then - now) * velocity, then.expand(len(place)))
            place = place + (then - now) * (velocity + ahead) / 2
        return self.coordinates.to_latents(place)


class Mapping(nn.Module):
    """Noise [B, 128] ~ N(0, I) to latents [B, D]: the flow's whole way in one step.

    It begins as the flow at time 0, whose first velocity already points to the mean of where the
    noise may end, and learns the rest (see train_mapping).
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.coordinates = Coordinates(shape)
        self.trunk = Trunk(shape)
        self.modulation = nn.Parameter(torch.zeros(shape.layers, 6 * shape.width))

    @torch.no_grad()
    def start_from(self, flow: Flow) -> None:
        self.coordinates.load_state_dict(flow.coordinates.state_dict())
        self.trunk.load_state_dict(flow.trunk.state_dict())
        beginning = flow.modulations(torch.zeros(1, device=self.modulation.device))
        self.modulation.copy_(torch.cat(beginning))

    def forward(self, noise: Tensor) -> Tensor:
        velocity = self.trunk(noise, [row[None] for row in self.modulation])
        return self.coordinates.to_latents(noise + velocity)
