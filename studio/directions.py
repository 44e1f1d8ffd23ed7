"""Finding directions in a latent space that do one thing people can name.

Linear regression of measured attributes on latents, as in Shen et al., InterFaceGAN, 2020, and
principal axes as in Harkonen et al., GANSpace, 2020. Every direction that ships has been tried:
its effect is measured on artworks decoded along it, not read off the regression.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from studio.latent import truncate
from studio.medium import Direction, FeatureStatistics, LatentStatistics

POSITIONS = (-2.0, -1.0, 0.0, 1.0, 2.0)
# How much of what other attributes share with one is taken out of its direction, tried in turn
# until the direction does its own job.
ORTHOGONALITY = (1.0, 0.8, 0.5, 0.0)
RELIABLE = 0.95
NOTICEABLE = 0.25


def statistics(latents: Tensor) -> LatentStatistics:
    """Mean, principal axes and scales of latents [N, D], N > D."""
    mean = latents.mean(0)
    _, singular, axes = torch.linalg.svd(latents - mean, full_matrices=False)
    scales = singular / (len(latents) - 1) ** 0.5
    # The sign of a principal axis is arbitrary; fixing it keeps sliders pointing the same way
    # from one build of a checkpoint to the next.
    signs = axes.gather(1, axes.abs().argmax(1, keepdim=True)).sign()
    return LatentStatistics(mean, axes * signs, scales)


def feature_statistics(features: Tensor, axes: int = 64) -> FeatureStatistics:
    """Mean and leading principal axes of the features [N, F] of samples."""
    found = statistics(features)
    return FeatureStatistics(found.mean, found.axes[:axes], found.scales[:axes])


def to_tables(where: LatentStatistics, seen: FeatureStatistics) -> dict[str, Tensor]:
    """Both statistics as named tensors for a checkpoint folder."""
    return {
        "mean": where.mean,
        "axes": where.axes,
        "scales": where.scales,
        "feature_mean": seen.mean,
        "feature_axes": seen.axes,
        "feature_scales": seen.scales,
    }


def from_tables(table: Mapping[str, Tensor]) -> tuple[LatentStatistics, FeatureStatistics]:
    """What `to_tables` wrote. Raises: KeyError: something is missing."""
    return (
        LatentStatistics(table["mean"], table["axes"], table["scales"]),
        FeatureStatistics(table["feature_mean"], table["feature_axes"], table["feature_scales"]),
    )


def regress(latents: Tensor, values: Tensor, where: LatentStatistics, ridge: float) -> Tensor:
    """Coefficients [K] of standardised values [N] on whitened latents [N, D]."""
    whitened = (latents - where.mean) @ where.axes.T / where.scales
    target = (values - values.mean()) / values.std().clamp_min(1e-8)
    gram = whitened.T @ whitened + ridge * torch.eye(whitened.shape[1])
    return torch.linalg.solve(gram, whitened.T @ target)


def attribute_steps(
    latents: Tensor,
    attributes: Mapping[str, Tensor],
    where: LatentStatistics,
    ridge: float = 100.0,
) -> dict[str, list[Tensor]]:
    """For each attribute, latent steps [D] of one standard deviation that change it.

    The first has everything taken out, in whitened space, that the other attributes' regressions
    have in common with it; the later ones less and less of it. Attributes that people see as
    different may be nearly the same thing in a model (a colourful painting is a warm one), and
    what the full orthogonalisation leaves of them then does nothing.

    Args:
        latents: [N, D] of samples.
        attributes: measured on the artworks of the same latents, each [N].
    """
    raw = {name: regress(latents, values, where, ridge) for name, values in attributes.items()}
    found = {}
    for name, wanted in raw.items():
        cleaned = without(wanted, [other for key, other in raw.items() if key != name])
        candidates = [wanted + share * (cleaned - wanted) for share in ORTHOGONALITY]
        units = [c / c.norm().clamp_min(1e-8) for c in candidates]
        found[name] = [(unit * where.scales) @ where.axes for unit in units]
    return found


def without(vector: Tensor, others: Sequence[Tensor]) -> Tensor:
    """The part of a vector [K] orthogonal to the span of others."""
    if not others:
        return vector
    basis, _ = torch.linalg.qr(torch.stack(list(others), dim=1))
    return vector - basis @ (basis.T @ vector)


def measured(
    key: str,
    step: Tensor,
    attribute: str,
    starts: Tensor,
    spread: Mapping[str, Tensor],
    measure: Callable[[Tensor], Mapping[str, Tensor]],
) -> Direction:
    """Try a direction on artworks and note what it does.

    Args:
        step: the latent change [D] of one slider unit.
        starts: latents [N, D] to move.
        spread: the attributes among samples; effects are in their standard deviations.
        measure: latents [B, D] to attributes [B] of their artworks.
    """
    results = [measure(starts + position * step) for position in POSITIONS]
    positions = torch.tensor(POSITIONS)
    effects, correlation = {}, 0.0
    for name, values in spread.items():
        table = torch.stack([r[name] for r in results])
        slope = (positions[:, None] * table).mean(0) / positions.square().mean()
        effects[name] = round(float(slope.mean() / values.std().clamp_min(1e-8)), 3)
        if name == attribute:
            correlation = round(float(spearman(positions, table).mean()), 3)
    length = float(step.norm())
    return Direction(
        key=key,
        vector=tuple(float(v) for v in step / length),
        scale=length,
        attribute=attribute,
        effect=effects.get(attribute, 0.0),
        correlation=correlation,
        side_effects={n: e for n, e in effects.items() if n != attribute},
    )


def spearman(positions: Tensor, values: Tensor) -> Tensor:
    """Rank correlation of positions [P] with each column of values [P, N].

    Equal values share a rank: what a direction does not change at all correlates by 0.
    """
    ranks, order = shared_ranks(values), shared_ranks(positions[:, None])
    ranks, order = ranks - ranks.mean(0), order - order.mean()
    return (ranks * order).sum(0) / (ranks.norm(dim=0) * order.norm() + 1e-12)


def shared_ranks(values: Tensor) -> Tensor:
    """Ranks within each column of [P, N], the mean of their places for equal values."""
    below = (values[:, None] > values[None]).sum(1)
    equal = (values[:, None] == values[None]).sum(1)
    return below.float() + (equal.float() - 1) / 2


def find_directions(
    latents: Tensor,
    where: LatentStatistics,
    measure: Callable[[Tensor], Mapping[str, Tensor]],
    tries: int = 48,
    axes: int = 8,
) -> list[Direction]:
    """One direction for each attribute, as pure as it can be and still work; then principal axes.

    Args:
        latents: [N, D] of samples; some thousand.
        measure: latents to attributes of their artworks.
        tries: on how many samples each direction is tried.
        axes: how many principal axes to keep.
    """
    spread = measure(latents)
    starts = truncate(latents[:tries], where.mean, 0.8)
    found = []
    for name, steps in attribute_steps(latents, spread, where).items():
        tried: list[Direction] = []
        for step in steps:
            tried.append(measured(name, step, name, starts, spread, measure))
            if tried[-1].correlation >= RELIABLE and tried[-1].effect >= NOTICEABLE:
                break
        else:
            tried.sort(key=lambda d: min(d.correlation / RELIABLE, d.effect / NOTICEABLE))
        found.append(tried[-1])
    for index in range(min(axes, len(where.axes))):
        step = where.axes[index] * where.scales[index]
        found.append(measured(f"axis-{index + 1}", step, "", starts, spread, measure))
    return found
