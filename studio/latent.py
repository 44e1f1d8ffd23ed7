"""Latent maths: sampling, truncation, interpolation, paths, mixing, breeding. No model, no screen.

Latents and noise are float32 tensors; a single one is [D], many are [N, D].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

NOISE_DIM = 128
MAX_SEED = 2**32 - 1
SERIES = 12
"""Terms of the exponential series for a matrix of norm 1: the next is below float32's rounding."""


def noise_from_seed(seed: int, dim: int = NOISE_DIM) -> Tensor:
    """Noise [dim] ~ N(0, I), the same on every machine, device and version of torch.

    numpy's PCG64 stream with its ziggurat normal is fixed by numpy's compatibility promise for a
    bit generator; torch makes no such promise between releases or devices.

    Raises:
        ValueError: the seed is negative or above 2**32 - 1.
    """
    if not 0 <= seed <= MAX_SEED:
        raise ValueError(f"a seed lies between 0 and {MAX_SEED}, not {seed}")
    rng = np.random.Generator(np.random.PCG64(seed))
    return torch.from_numpy(rng.standard_normal(dim, dtype=np.float32))


def noise_from_seeds(seeds: Sequence[int], dim: int = NOISE_DIM) -> Tensor:
    """Noise [N, dim], row by row as `noise_from_seed`."""
    if not len(seeds):
        return torch.zeros(0, dim)
    return torch.stack([noise_from_seed(seed, dim) for seed in seeds])


def truncate(latents: Tensor, mean: Tensor, psi: float) -> Tensor:
    """Move latents toward the mean: psi 0 is the mean itself, 1 leaves them, above 1 exaggerates.

    The truncation trick of Karras et al., StyleGAN, 2019. At 1 they come back to the last bit, so
    that an untouched seed stays recognisable as one.
    """
    if psi == 1.0:
        return latents.clone()
    return mean + psi * (latents - mean)


def flow(points: Tensor, step: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """Points [N, D] after one unit of time in the field `step + (points @ right.T) @ left`.

    The exact solution up to rounding, by the exponential series: going along the negated field
    (negate `step` and `left`) leads back, and fields added up act at once, in no order.

    Args:
        step: [D], the field at the origin.
        left, right: [R, D] each, how it differs elsewhere: a matrix of rank R.
    """
    if len(left) > len(step):
        left, right = right.T @ left, torch.eye(len(step))
    # Steps so short that the series is no larger than its sum: by Gelfand's formula an eighth root
    # tells the size of the largest eigenvalue, which no unit or rank of the points changes.
    power = (left @ right.T).detach()
    for _ in range(3):
        power = power @ power
    parts = max(1, math.ceil(float(power.norm()) ** (1 / 8)))
    for _ in range(parts):
        term = (step + (points @ right.T) @ left) / parts
        for order in range(2, SERIES + 2):
            points = points + term
            term = (term @ right.T) @ left / (parts * order)
    return points


def lerp(a: Tensor, b: Tensor, t: float | Tensor) -> Tensor:
    """Straight line from a (t = 0) to b (t = 1)."""
    return a + (b - a) * t


def slerp(a: Tensor, b: Tensor, t: float, centre: Tensor | None = None) -> Tensor:
    """Great-circle arc from a [D] to b [D] around `centre` (default the origin), t in 0..1.

    The length changes linearly. Parallel, opposite and zero vectors, for which no single arc
    exists, are joined by a straight line (Shoemake, 1985, with that guard).
    """
    if centre is not None:
        return centre + slerp(a - centre, b - centre, t)
    length_a, length_b = a.norm(), b.norm()
    if float(length_a) < 1e-8 or float(length_b) < 1e-8:
        return lerp(a, b, t)
    unit_a, unit_b = a / length_a, b / length_b
    cosine = torch.dot(unit_a, unit_b).clamp(-1, 1)
    if abs(float(cosine)) > 1 - 1e-6:
        return lerp(a, b, t)
    angle = torch.arccos(cosine)
    arc = (torch.sin((1 - t) * angle) * unit_a + torch.sin(t * angle) * unit_b) / torch.sin(angle)
    return arc * lerp(length_a, length_b, t)


EASINGS: dict[str, Callable[[float], float]] = {
    "linear": lambda t: t,
    "ease": lambda t: t * t * (3 - 2 * t),
    "linger": lambda t: t**3 * (t * (6 * t - 15) + 10),
}


def path(
    keys: Tensor,
    frames: int,
    *,
    centre: Tensor | None = None,
    easing: str = "linear",
    loop: bool = False,
    spherical: bool = True,
) -> Tensor:
    """Latents [frames, D] that visit every key of [K, D] in order.

    Args:
        keys: the key latents, at least one.
        frames: how many latents; at least one.
        centre: what arcs go around; usually the mean latent.
        easing: the speed curve between two keys, one of EASINGS.
        loop: come back to the first key; the last frame is then one step before it.
        spherical: slerp around the centre instead of straight lines.

    Raises:
        ValueError: no keys, no frames, or an unknown easing.
    """
    positions = frame_positions(len(keys), frames, loop=loop)
    return torch.stack(
        [
            point(keys, p, centre=centre, easing=easing, loop=loop, spherical=spherical)
            for p in positions
        ]
    )


def frame_positions(keys: int, frames: int, *, loop: bool = False) -> list[float]:
    """Evenly spaced positions in 0..1 along a path, for `point`.

    Raises:
        ValueError: no keys or no frames.
    """
    if keys < 1 or frames < 1:
        raise ValueError("a path needs at least one key and one frame")
    last = frames if loop and keys > 1 else max(frames - 1, 1)
    return [index / last for index in range(frames)]


def point(
    keys: Tensor,
    position: float,
    *,
    centre: Tensor | None = None,
    easing: str = "linear",
    loop: bool = False,
    spherical: bool = True,
) -> Tensor:
    """The latent [D] at `position` in 0..1 along the path through keys [K, D].

    Raises:
        ValueError: no keys, or an unknown easing.
    """
    if len(keys) < 1:
        raise ValueError("a path needs at least one key")
    if easing not in EASINGS:
        raise ValueError(f"unknown easing {easing!r}; known: {', '.join(EASINGS)}")
    if len(keys) == 1:
        return keys[0].clone()
    if loop:
        keys = torch.cat([keys, keys[:1]])
    along = min(max(position, 0.0), 1.0) * (len(keys) - 1)
    index = min(int(along), len(keys) - 2)
    t = EASINGS[easing](along - index)
    if t == 0.0 or t == 1.0:
        return keys[index + int(t)].clone()
    a, b = keys[index], keys[index + 1]
    return slerp(a, b, t, centre) if spherical else lerp(a, b, t)


def constant_speed(
    positions: Sequence[float], distances: Sequence[float], frames: int
) -> list[float]:
    """Positions along a path at which equal steps look equally large.

    Args:
        positions: P rising positions in 0..1 at which the path was probed.
        distances: P - 1 perceptual distances between neighbouring probes.
        frames: how many positions to return, first and last included.

    Raises:
        ValueError: the lengths do not fit, or a distance is negative.
    """
    if len(distances) != len(positions) - 1 or any(d < 0 for d in distances):
        raise ValueError("one non-negative distance is needed between every two positions")
    travelled = np.concatenate([[0.0], np.cumsum(distances)])
    # So little is nothing: shares of it have no digits left.
    if travelled[-1] < 1e-300:
        return [float(p) for p in np.linspace(positions[0], positions[-1], frames)]
    # A path that stands still somewhere would make the inverse ambiguous; a grain of time does not
    # show and keeps it rising.
    travelled = travelled + np.linspace(0, 1e-6 * travelled[-1], len(travelled))
    wanted = np.linspace(0.0, travelled[-1], frames)
    return [float(p) for p in np.interp(wanted, travelled, positions)]


STILL = 0.04
"""Of a film's mean speed: what is left of it where music is silent."""


def paced(energy: Sequence[float]) -> list[float]:
    """Places 0..1 along a path at evenly spaced times, first and last included, between which it is
    gone along as fast as music has energy then: N energies, 0 and above, give N + 1 places.

    Raises:
        ValueError: there are none, or one is negative.
    """
    speed = np.asarray(energy, dtype=float)
    if not len(speed) or (speed < 0).any():
        raise ValueError("at least one energy is needed, and none below zero")
    speed = speed + (STILL * speed.mean() or 1.0)
    gone = np.concatenate([[0.0], np.cumsum(speed)])
    return [float(place) for place in gone / gone[-1]]


def along(places: Sequence[float], time: float) -> float:
    """The place at a time 0..1, between places at evenly spaced times."""
    return float(np.interp(time * (len(places) - 1), np.arange(len(places)), places))


def nearby(
    latent: Tensor, axes: Tensor, scales: Tensor, count: int, reach: float, seed: int
) -> Tensor:
    """Variations [count, D] around a latent [D].

    Args:
        axes: principal axes [K, D], orthonormal.
        scales: standard deviation along each axis [K].
        reach: typical length of a step in standard deviations.
        seed: the same seed gives the same neighbours.
    """
    directions = noise_from_seeds([(seed + index) & MAX_SEED for index in range(count)], len(axes))
    steps = reach * directions * scales
    return latent + steps @ axes


def mix(latents: Tensor, weights: Sequence[float]) -> Tensor:
    """Weighted mean [D] of latents [N, D]; weights need not sum to one.

    Raises:
        ValueError: the number of weights differs, or they sum to nothing.
    """
    share = torch.as_tensor(weights, dtype=latents.dtype)
    if share.shape != (len(latents),) or float(share.sum()) <= 0:
        raise ValueError("one weight is needed for each latent, and they must not sum to zero")
    return (share / share.sum()) @ latents


def breed(
    parents: Tensor,
    axes: Tensor,
    scales: Tensor,
    mean: Tensor,
    count: int,
    mutation: float,
    seed: int,
) -> Tensor:
    """Children [count, D] of parents [P, D].

    Along each principal axis a child takes after one parent, chosen by chance (uniform crossover),
    then every axis is moved by `mutation` standard deviations. Crossing over along principal axes
    instead of raw coordinates keeps traits together.

    Raises:
        ValueError: no parents.
    """
    if len(parents) < 1:
        raise ValueError("at least one parent is needed")
    rng = np.random.Generator(np.random.PCG64(seed))
    traits = (parents - mean) @ axes.T
    rest = parents - mean - traits @ axes
    chosen = torch.from_numpy(rng.integers(0, len(parents), (count, len(axes))))
    inherited = traits.gather(0, chosen)
    change = torch.from_numpy(rng.standard_normal((count, len(axes)), dtype=np.float32))
    heir = torch.from_numpy(rng.integers(0, len(parents), count))
    return mean + rest[heir] + (inherited + mutation * change * scales) @ axes


def strayed(latents: Tensor, axes: Tensor, scales: Tensor, far: float, seed: int) -> Tensor:
    """Latents [N, D], each moved along every principal axis by `far` standard deviations times a
    normal number of its own."""
    rng = np.random.Generator(np.random.PCG64(seed))
    change = rng.standard_normal((len(latents), len(axes)), dtype=np.float32)
    return latents + far * torch.from_numpy(change) * scales @ axes


def level(latents: Tensor, like: Tensor, vectors: Sequence[Sequence[float]]) -> Tensor:
    """Latents [N, D] moved, no farther than needed, to where `like` [D] is along some vectors
    [V, D]; these may lean on each other: what they span together is what does not differ."""
    if not len(vectors):
        return latents
    span, _ = torch.linalg.qr(torch.tensor(vectors, dtype=latents.dtype).T)
    return latents - (latents - like) @ span @ span.T


def require_latents(latents: Tensor, dim: int) -> None:
    """Raises: ValueError: not [B, dim], or with NaN or infinity in it."""
    if latents.ndim != 2 or latents.shape[1] != dim:
        raise ValueError(f"latents are [B, {dim}], not {list(latents.shape)}")
    if not torch.isfinite(latents).all():
        raise ValueError("latents hold NaN or infinity")
