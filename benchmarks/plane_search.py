"""Sequential plane search (Koyama, Sato & Goto, Sequential Gallery for Interactive Visual Design
Optimization, 2020), written from its description, for many trials at once.

A person picks the best point of a plane through the best point so far. A Gaussian process on all
picks (Matern 5/2 kernel, a length for each dimension, Bradley-Terry-Luce likelihood, values and
hyperparameters by maximum a posteriori) says where the next plane goes: its first axis leads to the
point of the greatest expected improvement, its second makes the mean expected improvement over the
plane greatest while the two stay orthogonal. Constants are the authors' (their repository). What
differs: optimisers are projected gradient ascents by Adam from several starts, where they use
L-BFGS; and nearly equal points are kept apart by jitter, where they merge them.

Tensors are float64; the first dimension [T] is the trial, points lie in the unit cube [0, 1]^d.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

SIGNAL, LENGTH = 0.2, 0.5
"""Where the priors of the kernel's variance and lengths lie."""
PRIOR_VARIANCE = 0.01
CHOICE_SCALE = 0.01
ORTHOGONALITY = 1.0
AXIS = 1.0
"""Length of the axes of a plane that nothing is known for."""
RESOLUTION = 5
FINEST = 640
"""Steps across a plane at the gallery's last zoom: 5 candidates, 8 levels, each half as wide."""
COARSE, FINE = 64, 10
STARTS, AXIS_STARTS = 10, 3
"""Of the search for the first axis, and for the second, where the authors have ten too."""
JITTER = 1e-6
SHRINK = 0.9

Objective = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Planes:
    """A plane of each trial: four triangles between its centre [T, d] and corners [T, 4, d], in
    their order around it."""

    centre: Tensor
    corners: Tensor

    def points(self, coordinates: Tensor) -> Tensor:
        """Points [T, P, d] at coordinates [P, 2] or [T, P, 2] in [-1, 1]."""
        signs = torch.tensor([[-1, -1], [1, -1], [1, 1], [-1, 1]], dtype=torch.float64)
        weights = (0.5 * coordinates @ signs.T).clamp_min(0)
        at_centre = (1 - weights.sum(-1, keepdim=True)) * self.centre[:, None]
        return at_centre + weights @ self.corners

    def pick(self, objective: Objective) -> Tensor:
        """The best point [T, d], found as a person does: over all of it, then zoomed in."""
        lattice = torch.linspace(-1, 1, COARSE + 1, dtype=torch.float64)
        seen = torch.cartesian_prod(lattice, lattice)
        best = seen[objective(self.points(seen)).argmax(1)]
        near = torch.arange(-FINE, FINE + 1, dtype=torch.float64) * 2 / FINEST
        zoomed = (best[:, None] + torch.cartesian_prod(near, near)).clamp(-1, 1)
        points = self.points(zoomed)
        return points[torch.arange(len(points)), objective(points).argmax(1)]


@dataclass(frozen=True)
class Belief:
    """What the picks say of each trial's function.

    Attributes:
        points: [T, M, d].
        values: [T, M], of these points.
        log_hyperparameters: [T, 1 + d], of the variance and the lengths.
        white: [T, M], of which the values are `root` times.
        unroot: [T, M, M], inverse of the kernel's Cholesky factor `root`.
    """

    points: Tensor
    values: Tensor
    log_hyperparameters: Tensor
    white: Tensor
    unroot: Tensor

    @property
    def best(self) -> Tensor:
        """The best point [T, d] so far."""
        return self.points[torch.arange(len(self.points)), self.values.argmax(1)]

    def expected_improvement(self, points: Tensor) -> Tensor:
        """[T, P], of points [T, P, d] over the best so far."""
        across = kernel(self.log_hyperparameters, self.points, points)
        known = self.unroot @ across
        mean = (known * self.white[..., None]).sum(1)
        variance = self.log_hyperparameters[:, :1].exp() - known.square().sum(1)
        spread = variance.clamp_min(1e-10).sqrt()
        gain = mean - self.values.amax(1, keepdim=True)
        scaled = gain / spread
        density = torch.exp(-0.5 * scaled.square()) / math.sqrt(2 * math.pi)
        return gain * torch.special.ndtr(scaled) + spread * density


def kernel(log_hyperparameters: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Matern 5/2, [T, A, B]."""
    lengths = log_hyperparameters[:, None, 1:].exp()
    a, b = a / lengths, b / lengths
    squared = a.square().sum(-1)[..., None] + b.square().sum(-1)[:, None] - 2 * a @ b.mT
    distance = (5 * squared.clamp_min(0) + 1e-12).sqrt()
    shape = (1 + distance + distance.square() / 3) * torch.exp(-distance)
    return log_hyperparameters[:, :1, None].exp() * shape


def believe(
    points: Tensor, picks: Tensor, before: Belief | None, steps: int = 80, rate: float = 0.05
) -> Belief:
    """Maximum a posteriori of values and hyperparameters.

    Args:
        points: [T, M, d].
        picks: [T, K, C], indices of the points that were to choose from; the first was picked.
        before: the belief that knew the first of these points, to begin from.
    """
    trials, count, dimensions = points.shape
    centre = torch.tensor([SIGNAL] + [LENGTH] * dimensions, dtype=torch.float64).log()
    theta = centre.repeat(trials, 1) if before is None else before.log_hyperparameters.clone()
    # Values are sought as root @ white: as they are, the kernel makes the slope too steep.
    white = torch.zeros(trials, count, dtype=torch.float64)
    if before is not None:
        white[:, : before.white.shape[1]] = before.white
    theta.requires_grad_(True)
    white.requires_grad_(True)
    optimiser = torch.optim.Adam([theta, white], rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        optimiser.zero_grad()
        loss = -log_posterior(theta, white, points, picks, centre).sum()
        loss.backward()
        optimiser.step()
        schedule.step()
    theta, white = theta.detach(), white.detach()
    root = factor(theta, points)
    values = (root @ white[..., None])[..., 0]
    one = torch.eye(count, dtype=torch.float64).expand_as(root)
    unroot = torch.linalg.solve_triangular(root, one, upper=False)
    return Belief(points, values, theta, white, unroot)


def factor(theta: Tensor, points: Tensor) -> Tensor:
    covariance = kernel(theta, points, points)
    return torch.linalg.cholesky(covariance + JITTER * torch.eye(points.shape[1]).double())


def log_posterior(
    theta: Tensor, white: Tensor, points: Tensor, picks: Tensor, centre: Tensor
) -> Tensor:
    """[T], up to a constant."""
    root = factor(theta, points)
    values = (root @ white[..., None])[..., 0]
    offered = values.gather(1, picks.flatten(1)).view(picks.shape) / CHOICE_SCALE
    likelihood = torch.log_softmax(offered, -1)[..., 0].sum(1)
    prior = -0.5 * white.square().sum(1) - root.diagonal(dim1=1, dim2=2).log().sum(1)
    log_normal = -theta - (theta - centre).square() / (2 * PRIOR_VARIANCE)
    return likelihood + prior + log_normal.sum(1)


def ascend(
    objective: Objective, start: Tensor, low: Tensor, high: Tensor, steps: int = 40
) -> Tensor:
    """Where an objective of points [T, S, d] is greatest between bounds [T, 1, d], from several
    starts; [T, d]."""
    found = start.clone().requires_grad_(True)
    optimiser = torch.optim.Adam([found], 0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        optimiser.zero_grad()
        (-objective(found).sum()).backward()
        optimiser.step()
        schedule.step()
        with torch.no_grad():
            found.copy_(torch.minimum(torch.maximum(found, low), high))
    with torch.no_grad():
        values = objective(found)
        return found[torch.arange(len(found)), values.argmax(1)].detach()


def room(centre: Tensor) -> Tensor:
    """How far [T, 1, d] one may go from a centre [T, d] both ways without leaving the cube."""
    return torch.minimum(centre, 1 - centre)[:, None]


def random_planes(centre: Tensor, rng: torch.Generator) -> Planes:
    """Through centres [T, d], with random axes, nearly orthogonal and of length AXIS where the cube
    has room."""
    trials, dimensions = centre.shape
    space = room(centre).repeat(1, 1, 2)

    def fits(axes: Tensor) -> Tensor:
        u, v = axes.split(dimensions, dim=-1)
        wrong = (u.square().sum(-1) - AXIS**2).square() + (v.square().sum(-1) - AXIS**2).square()
        return -(wrong + (u * v).sum(-1).square())

    luck = torch.rand(trials, 1, 2 * dimensions, generator=rng, dtype=torch.float64)
    u, v = ascend(fits, (2 * luck - 1) * space, -space, space).split(dimensions, dim=-1)
    return Planes(centre, torch.stack([centre - u, centre - v, centre + u, centre + v], dim=1))


def next_planes(belief: Belief, rng: torch.Generator) -> Planes:
    """Through the best points so far, to where the most is to be hoped for."""
    centre = belief.best
    trials, dimensions = centre.shape
    luck = torch.rand(trials, STARTS, dimensions, generator=rng, dtype=torch.float64)
    low, high = torch.zeros(trials, 1, dimensions), torch.ones(trials, 1, dimensions)
    hoped = ascend(belief.expected_improvement, luck, low.double(), high.double())
    u = hoped - centre
    lattice = torch.linspace(-1, 1, RESOLUTION, dtype=torch.float64)
    along = torch.cartesian_prod(lattice, lattice)

    def over_plane(axes: Tensor) -> Tensor:
        points = (
            centre[:, None, None]
            + along[:, 0, None] * u[:, None, None]
            + along[:, 1, None] * axes[:, :, None]
        )
        improvement = belief.expected_improvement(points.flatten(1, 2)).view(points.shape[:3])
        across = (u[:, None] * axes).sum(-1).square()
        return improvement.mean(-1) - ORTHOGONALITY * across

    space = room(centre)
    luck = torch.rand(trials, AXIS_STARTS, dimensions, generator=rng, dtype=torch.float64)
    v = ascend(over_plane, (2 * luck - 1) * space, -space, space)
    corners = torch.stack([hoped, centre + v, opposite(centre, hoped), centre - v], dim=1)
    return Planes(centre, corners)


def opposite(centre: Tensor, corner: Tensor) -> Tensor:
    """The corner [T, d] on the other side of the centre, drawn in until it lies in the cube."""
    other = 2 * centre - corner
    for _ in range(100):
        outside = ((other < 0) | (other > 1)).any(-1, keepdim=True)
        other = torch.where(outside, SHRINK * other + (1 - SHRINK) * centre, other)
    return other.clamp(0, 1)


def search(
    objective: Objective, trials: int, dimensions: int, iterations: int, seed: int, by_chance: bool
) -> Tensor:
    """What is picked [iterations, T, d].

    Args:
        objective: values [T, P] of points [T, P, d].
        by_chance: the planes' axes are random; they still go through the best so far.
    """
    rng = torch.Generator().manual_seed(seed)
    planes = random_planes(torch.full((trials, dimensions), 0.5, dtype=torch.float64), rng)
    points, picks = planes.centre[:, None], torch.zeros(trials, 0, 6, dtype=torch.long)
    centre_is = torch.zeros(trials, dtype=torch.long)
    belief, picked = None, []
    for _ in range(iterations):
        picked.append(planes.pick(objective))
        count = points.shape[1]
        points = torch.cat([points, picked[-1][:, None], planes.corners], dim=1)
        new = torch.arange(count, count + 5).repeat(trials, 1)
        shown = torch.cat([new[:, :1], centre_is[:, None], new[:, 1:]], dim=1)
        picks = torch.cat([picks, shown[:, None]], dim=1)
        belief = believe(points, picks, belief)
        centre_is = belief.values.argmax(1)
        planes = random_planes(belief.best, rng) if by_chance else next_planes(belief, rng)
    return torch.stack(picked)
