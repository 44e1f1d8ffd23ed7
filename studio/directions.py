"""Finding directions in a latent space that do one thing people can name.

A direction is a field that latents are carried along by: a constant one where one vector does the
job, else an affine one, whose integral curves are the trajectories of Spingarn et al., GAN
"Steerability" without optimization, 2021. It is fitted to gradients of attributes at many samples,
then learns from where it leads. Principal axes are those of Harkonen et al., GANSpace, 2020. Every
direction that ships has been tried: its effect is measured on artworks decoded along it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import torch
from torch import Tensor, nn

from studio.latent import flow
from studio.medium import (
    Direction,
    FeatureStatistics,
    LatentStatistics,
    pack,
    unpack,
)

Measure = Callable[[Tensor], Mapping[str, Tensor]]
"""Latents [B, D] to attributes of their artworks, each [B]."""

POSITIONS = (-2.0, -1.0, 0.0, 1.0, 2.0)
RELIABLE = 0.95
NOTICEABLE = 0.4
WILDNESS = (0.8, 1.0)
"""Of the samples that directions are tried on: what people usually start from."""
TAME_TO_WILD = (0.7, 1.3)
SPEEDS = (1.0, 1.5, 2.0, 3.0)
"""Standard deviations that a turn of one leads away, tried in turn: the shorter, the purer."""
DRAWING_SPEEDS = (3.0, 4.0, 6.0, 8.0)
CHUNK = 64
APART = 0.5
"""Standard deviations to each side for differences: less would miss what comes in whole notes."""
STEEPEST = 5.0
SPARED = (0.1, 1.0)
"""How much of the other attributes' gradients is left in, tried in turn: where an attribute is
nearly another, or gradients are noisy, taking them out leaves too little."""
RIDGE = 4.0
"""Samples, for each axis, that the bend of a field has to be seen in."""
WALK = (-2.5, -1.25, 0.0, 1.25, 2.5)
WALKING_SPEED = 1.75
WALKERS = 24
LEARNING_RATE = 0.012
RISE, SOFTNESS = 1.3, 0.3
"""What an attribute should rise by from one of WALK to the next, and how strictly, in its standard
deviations."""
ASIDE, LENGTH = 0.01, 0.005


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


def moved(latents: Tensor, turns: Iterable[tuple[Direction, float]], mean: Tensor) -> Tensor:
    """Latents [N, D] with dials turned: the one place where a direction is applied.

    A direction's field is `scale * vector`, and where it bends a matrix times the distance to the
    mean latent. Fields of all turns are added up and followed together, so that their order does
    not matter and the opposite positions lead back.

    Args:
        turns: directions with their positions, in steps of `scale`.
        mean: [D], where bends are told from (LatentStatistics.mean).
    """
    step = torch.zeros_like(mean)
    left, right = [], []
    for direction, position in turns:
        step = step + position * direction.scale * mean.new_tensor(direction.vector)
        if direction.bend:
            to, from_ = bend(direction.bend, len(mean))
            left.append(position * to)
            right.append(from_)
    if not left:
        return latents + step
    return mean + flow(latents - mean, step, torch.cat(left), torch.cat(right))


@lru_cache(maxsize=128)
def bend(packed: str, dim: int) -> Tensor:
    """The factors [2, rank, D] of Direction.bend."""
    return torch.tensor(unpack(packed)).view(2, -1, dim)


@dataclass(frozen=True)
class Field:
    """A direction in the making, in whitened coordinates: see studio.latent.flow.

    Attributes:
        step: [K].
        left, right: [R, K] each.
    """

    step: Tensor
    left: Tensor
    right: Tensor

    def at(self, points: Tensor) -> Tensor:
        """The field [N, K] at points [N, K]."""
        return self.step + (points @ self.right.T) @ self.left

    def moved(self, points: Tensor, position: float) -> Tensor:
        return flow(points, position * self.step, position * self.left, self.right)

    def at_speed(self, speed: float, points: Tensor) -> Field:
        """The same ways, on average `speed` standard deviations long at points [N, K]."""
        factor = speed / self.at(points).norm(dim=1).mean().clamp_min(1e-8)
        return Field(factor * self.step, factor * self.left, self.right)


@dataclass(frozen=True)
class Whitening:
    """Latents as standard deviations along principal axes, those that hardly vary left out."""

    mean: Tensor
    axes: Tensor
    scales: Tensor

    @classmethod
    def of(cls, where: LatentStatistics, least: float = 1e-3) -> Whitening:
        """Without axes that vary by less than `least` of the first."""
        kept = where.scales > least * where.scales[0]
        return cls(where.mean, where.axes[kept], where.scales[kept])

    def to(self, device: torch.device) -> Whitening:
        return Whitening(*(one.to(device) for one in (self.mean, self.axes, self.scales)))

    def points(self, latents: Tensor) -> Tensor:
        """[N, D] to [N, K]."""
        return (latents - self.mean) @ self.axes.T / self.scales

    def latents(self, points: Tensor) -> Tensor:
        """[N, K] to [N, D]."""
        return self.mean + self.ways(points)

    def ways(self, steps: Tensor) -> Tensor:
        """Steps between points [..., K] as those between their latents [..., D]."""
        return (steps * self.scales) @ self.axes

    def direction(self, key: str, field: Field) -> Direction:
        """A field as a direction in latent space, not measured yet."""
        step, left = self.ways(field.step), self.ways(field.left)
        right = (field.right / self.scales) @ self.axes
        scale = float(step.norm().clamp_min(1e-8))
        bent = torch.stack([left, right])
        return Direction(
            key=key,
            vector=tuple(float(v) for v in step / scale),
            scale=scale,
            bend=pack(bent.flatten().tolist()) if len(left) else "",
        )


def slopes(
    points: Tensor, spread: Mapping[str, Tensor], whitening: Whitening, gradient: Measure
) -> Tensor:
    """Gradients [N, A, K] of attributes at points [N, K], in standard deviations of both.

    Args:
        spread: attributes among samples, in the order of the result.
        gradient: latents to attributes that autograd can differentiate.
    """
    rows = []
    for chunk in points.split(CHUNK):
        leaf = chunk.clone().requires_grad_(True)
        values = gradient(whitening.latents(leaf))
        found = [
            torch.autograd.grad(values[name].sum() / deviation(kept), leaf, retain_graph=True)[0]
            for name, kept in spread.items()
        ]
        rows.append(torch.stack(found, dim=1))
    # Where a probability is nearly certain a gradient can be huge, and says nothing of a step.
    return torch.cat(rows).nan_to_num(0, 0, 0).clamp(-STEEPEST, STEEPEST)


def differences(
    points: Tensor, spread: Mapping[str, Tensor], whitening: Whitening, measure: Measure
) -> Tensor:
    """As `slopes`, by central differences of half a standard deviation along every axis."""
    columns = []
    for axis in torch.eye(points.shape[1]):
        high = measure(whitening.latents(points + APART * axis))
        low = measure(whitening.latents(points - APART * axis))
        change = [(high[name] - low[name]) / deviation(kept) for name, kept in spread.items()]
        columns.append(torch.stack(change, dim=1) / (2 * APART))
    return torch.stack(columns, dim=2)


def deviation(values: Tensor) -> Tensor:
    return values.std().clamp_min(1e-8)


def fitted(points: Tensor, gradients: Tensor, wanted: int, spared: float, rank: int) -> Field:
    """The affine field nearest to the steepest ascent of one attribute that spares the others.

    At each point that is the step d of the least `|d - g|^2 + sum of (g_k d)^2 / spared` over the
    others' gradients g_k. The field is ridge regression of these steps on the points, its matrix
    cut to `rank`.

    Args:
        points: [N, K].
        gradients: [N, A, K].
        wanted: which of the A.
        spared: one of SPARED.
    """
    gradient = gradients[:, wanted]
    others = torch.cat([gradients[:, :wanted], gradients[:, wanted + 1 :]], dim=1)
    shared = (others @ gradient[..., None]).squeeze(2)
    gram = others @ others.mT + spared * torch.eye(others.shape[1])
    steps = gradient - (others.mT @ torch.linalg.solve(gram, shared)[..., None]).squeeze(2)
    step = steps.mean(0)
    centred, size = points - points.mean(0), points.shape[1]
    matrix = torch.linalg.solve(
        centred.T @ centred + RIDGE * size * torch.eye(size), centred.T @ (steps - step)
    )
    inner, strengths, outer = torch.linalg.svd(matrix, full_matrices=False)
    root = strengths[:rank].sqrt()[:, None]
    return Field(step, root * outer[:rank], root * inner.T[:rank])


def drawn_together(parts: int, whitening: Whitening) -> Field:
    """The field that makes the equal parts of a latent more and more alike.

    What comes back in a work does so between its parts, and no gradient tells: two bars with
    nothing in common are not made more alike by a small step, only by the whole way.
    """
    size = len(whitening.mean) // parts
    centring = torch.linalg.qr(torch.eye(parts)[:, 1:] - 1 / parts)[0]
    basis = torch.kron(centring.T.contiguous(), torch.eye(size))
    rows = basis @ whitening.axes.T
    away = -(basis.T @ (basis @ whitening.mean)) @ whitening.axes.T / whitening.scales
    return Field(away, -rows / whitening.scales, rows * whitening.scales)


def walked(
    field: Field,
    points: Tensor,
    wanted: str,
    spread: Mapping[str, Tensor],
    whitening: Whitening,
    gradient: Measure,
    walks: int,
) -> Field:
    """The field after learning from where it leads, not only from how it begins.

    Points are moved to WALK; from each position to the next the attribute should rise noticeably,
    the others should stay as they were, and the way should be short: the learned walks of
    Jahanian et al., On the "steerability" of generative adversarial networks, 2020, with the
    attribute measured instead of an edit of the picture.

    Args:
        points: [N, K] to walk from.
        walks: how many steps of Adam.
    """
    learned = [part.clone().requires_grad_(True) for part in (field.step, field.left, field.right)]
    optimizer = torch.optim.Adam(learned, LEARNING_RATE, betas=(0.9, 0.95))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, total_steps=walks, pct_start=0.15
    )
    names = list(spread)
    deviations = torch.stack([deviation(spread[name]) for name in names])
    target, others = names.index(wanted), [i for i, name in enumerate(names) if name != wanted]
    distance = torch.tensor([abs(position) for position in WALK if position])[:, None]
    picks = torch.Generator().manual_seed(0)
    for _ in range(walks):
        starts = points[torch.randint(len(points), (WALKERS,), generator=picks)]
        walking = Field(*learned)
        places = torch.stack([walking.moved(starts, position) for position in WALK])
        values = gradient(whitening.latents(places.flatten(0, 1)))
        table = torch.stack([values[name] for name in names], dim=1).cpu() / deviations
        table = table.unflatten(0, (len(WALK), -1))
        rise = table[1:, :, target] - table[:-1, :, target]
        here = WALK.index(0)
        away = [index for index in range(len(WALK)) if index != here]
        aside = (table[away] - table[here])[:, :, others].clamp(-3, 3)
        length = (places[away] - starts).norm(dim=2) / distance
        loss = (
            SOFTNESS * nn.functional.softplus((RISE - rise) / SOFTNESS).mean()
            + ASIDE * aside.square().sum(2).mean()
            + LENGTH * length.square().mean()
        )
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(learned, 1.0)
        optimizer.step()
        schedule.step()
    return Field(*(part.detach() for part in learned))


def measured(
    direction: Direction,
    attribute: str,
    starts: Tensor,
    mean: Tensor,
    spread: Mapping[str, Tensor],
    measure: Measure,
) -> Direction:
    """Try a direction on artworks and note what it does.

    Args:
        attribute: what it is meant to change, or "".
        starts: latents [N, D] to move.
        spread: the attributes among samples; effects are in their standard deviations.
        measure: latents [B, D] to attributes [B] of their artworks.
    """
    return noted(direction, attribute, along(direction, starts, mean, measure), spread)


def along(
    direction: Direction, starts: Tensor, mean: Tensor, measure: Measure
) -> dict[str, Tensor]:
    """Attributes, each [len(POSITIONS), N], of latents [N, D] moved along a direction."""
    results = [measure(moved(starts, [(direction, p)], mean)) for p in POSITIONS]
    return {name: torch.stack([r[name] for r in results]) for name in results[0]}


def noted(
    direction: Direction,
    attribute: str,
    tables: Mapping[str, Tensor],
    spread: Mapping[str, Tensor],
) -> Direction:
    """A direction with what `along` found written on it."""
    positions = torch.tensor(POSITIONS)
    effects = {}
    for name, values in spread.items():
        slope = (positions[:, None] * tables[name]).mean(0) / positions.square().mean()
        effects[name] = round(float(slope.mean() / deviation(values)), 3)
    correlation = 0.0
    if attribute:
        correlation = round(float(spearman(positions, tables[attribute]).mean()), 3)
    return replace(
        direction,
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
    measure: Measure,
    gradient: Measure | None = None,
    *,
    tries: int = 48,
    fits: int = 2000,
    walks: int = 60,
    rank: int = 32,
    parts: int = 0,
    least: float = 0.65,
    axes: int = 8,
) -> list[Direction]:
    """One direction for each attribute that can be steered; then principal axes.

    Of the fields tried for an attribute the first that does its job is kept, or else the one that
    comes nearest to it, unless that one hardly does anything: a dial that does not do what it is
    called is worse than none.

    Args:
        latents: [N, D] of samples; some thousand. The first `tries` only choose, as many after
            them only measure, and fields are fitted to the rest.
        measure: latents [B, D] to attributes of their artworks, each [B].
        gradient: the same as far as it can be differentiated by latents; without it gradients are
            differences of what is measured, for which `measure` is called on 2 K times `fits`
            latents, and no walks are learned.
        tries: on how many samples each field is tried, at each of POSITIONS.
        fits: at how many samples gradients are taken.
        walks: steps of learning for each attribute; 0 for none.
        rank: of the bends; 0 for straight directions only.
        parts: how many equal parts a latent has (see studio.medium.Medium.parts).
        least: rank correlation below which an attribute gets no direction.
        axes: how many principal axes to keep.
    """
    tries = min(tries, len(latents) // 3)
    whitening = Whitening.of(where)
    spread = measure(latents)
    wildness = torch.linspace(*WILDNESS, tries)[:, None]
    # The best of many on some samples looks better there than it is: what is written down is
    # measured on others, which neither fitting nor choosing has seen.
    starts, unseen = (
        where.mean + wildness * (some - where.mean)
        for some in (latents[:tries], latents[tries : 2 * tries])
    )
    points = whitening.points(latents[2 * tries :][:fits])
    # Gradients are wanted wherever a dial may be turned, from tame to wild.
    points = points * torch.linspace(*TAME_TO_WILD, len(points))[:, None]
    slope = differences if gradient is None else slopes
    gradients = slope(points, spread, whitening, measure if gradient is None else gradient)
    together = drawn_together(parts, whitening) if parts > 1 else None
    found = []
    for index, name in enumerate(spread):
        learn = None
        if gradient is not None and walks:
            learn = partial(
                walked,
                points=points,
                wanted=name,
                spread=spread,
                whitening=whitening,
                gradient=gradient,
                walks=walks,
            )
        tried: list[Direction] = []
        for field in candidates(points, gradients, index, rank, learn, together):
            direction = whitening.direction(name, field)
            tried.append(measured(direction, name, starts, where.mean, spread, measure))
            if does_its_job(tried[-1]) >= 1:
                best = tried[-1]
                break
        else:
            best = max(tried, key=merit)
        best = measured(best, name, unseen, where.mean, spread, measure)
        if best.correlation >= least:
            found.append(best)
    for index in range(min(axes, len(where.axes))):
        scale = float(where.scales[index])
        axis = Direction(f"axis-{index + 1}", tuple(where.axes[index].tolist()), scale)
        found.append(measured(axis, "", unseen, where.mean, spread, measure))
    return found


def candidates(
    points: Tensor,
    gradients: Tensor,
    wanted: int,
    rank: int,
    learn: Callable[[Field], Field] | None,
    together: Field | None,
) -> Iterator[Field]:
    """Fields worth trying for an attribute; what takes long comes late, when it is asked for."""
    fields = [fitted(points, gradients, wanted, spared, rank) for spared in SPARED]
    for field in fields:
        yield from (field.at_speed(speed, points) for speed in SPEEDS)
    if learn is not None:
        yield learn(fields[0].at_speed(WALKING_SPEED, points))
    if together is not None:
        yield from (together.at_speed(speed, points) for speed in DRAWING_SPEEDS)


def does_its_job(direction: Direction) -> float:
    """1 or more if it moves its attribute reliably and noticeably."""
    return min(direction.correlation / RELIABLE, direction.effect / NOTICEABLE)


def merit(direction: Direction) -> float:
    """What is chosen by where no field does its job: how nearly it does, and how little else."""
    aside = max((abs(effect) for effect in direction.side_effects.values()), default=0.0)
    return does_its_job(direction) - 0.1 * aside / max(direction.effect, 0.1)
