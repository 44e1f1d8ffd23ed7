"""A painting that follows the hand: what is dragged comes along, what is painted takes on colour.

The latents of the painting's places (see studio.painting.places) are sought in standard deviations
around where they are, by the gradient. Of a drag, the patch around the handle shall be seen at a
place that moves to the goal, by its colours and as a frozen network sees it, and shall be found
there rather than anywhere else. This is the motion supervision of Pan et al., Drag Your GAN, 2023,
with the first picture's own patch in place of tracked points, so that nothing is lost on the way. A
stroke asks for its colour (Zhu et al., Generative Visual Manipulation on the Natural Image
Manifold, 2016). What lies far from all marks shall look as it did, and latents stay where the
painter is good.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from studio.directions import Whitening
from studio.manipulation import Drag, Gesture, Point, Stroke
from studio.painting.features import ImageFeatures, reduced
from studio.precision import autocast

Paint = Callable[[Tensor], Tensor]

PATCH, POINTS = 0.1, 9
"""Half the side of the patch that is dragged, as a share of the width, and samples along it."""
FREE = 0.12
"""Reach of a mark, as a share of the width: well beyond it, the rest of the picture begins."""
COLOURS = 32
"""Pixels a side of the small copy that colours are compared on."""
SEARCHED = 2
"""The kind of view that a handle is searched in: features of stride 16 say what it is."""


@dataclass(frozen=True)
class Pull:
    """How strongly each wish pulls, and how the way is gone.

    Attributes:
        rate: length of a step, in standard deviations for each number that is sought.
        moving: share of the steps in which a patch is on its way; then it settles at its goal.
        found: weight of being found at the goal rather than elsewhere.
    """

    steps: int = 60
    rate: float = 0.2
    moving: float = 0.3
    rest: float = 0.3
    found: float = 0.3
    colour: float = 8.0
    prior: float = 0.02


PULL = Pull()


def follow(
    latents: Tensor,
    gestures: Sequence[Gesture],
    paint: Paint,
    network: ImageFeatures,
    whitening: Whitening,
    pull: Pull = PULL,
) -> Iterator[Tensor]:
    """Latents of places [1, 4, 4, D] from some on, the last of them the best.

    Args:
        paint: latents [1, 4, 4, D] to pictures [1, 3, R, R] in -1..1, differentiable.
    """
    see = Sight(paint, network)
    with torch.no_grad():
        first = [view.clone() for view in see(latents)]
    wishes = [wish(gesture, first) for gesture in gestures]
    rest = [elsewhere(gestures, view) for view in first]
    start = whitening.points(latents)
    away = torch.zeros_like(start, requires_grad=True)
    descent = Descent(away, pull.rate)
    best, least = latents, torch.inf
    for step in range(pull.steps):
        share = min(1.0, (step + 1) / max(1.0, pull.moving * pull.steps))
        with torch.enable_grad():
            here = latents + whitening.ways(away)
            views = see(here)
            loss = pull.prior * (start + away).square().mean()
            for asked in wishes:
                loss = loss + asked(views, share, pull)
            for view, before, mask in zip(views, first, rest, strict=True):
                centre = before.mean((2, 3), keepdim=True)
                loss = loss + pull.rest * unlike(view - centre, before - centre, mask)
            (gradient,) = torch.autograd.grad(loss, away)
        here = here.detach()
        # Before a patch is at its goal, losses cannot be compared.
        if share == 1.0 and float(loss.detach()) < least:
            best, least = here, float(loss.detach())
        descent.step(gradient, min(1.0, 2 * (1 - step / pull.steps)))
        yield here
    yield best


class Sight:
    """Pictures of latents as they are compared: features of strides 4, 8 and 16 at 128 px, and a
    small copy."""

    def __init__(self, paint: Paint, network: ImageFeatures) -> None:
        self.paint, self.network = paint, network

    def __call__(self, latents: Tensor) -> list[Tensor]:
        with autocast(latents.device):
            painted = self.paint(latents)
        pictures = reduced(painted.float())
        levels, _ = self.network(pictures)
        return [*levels[:3], F.adaptive_avg_pool2d(pictures, COLOURS)]


class Descent:
    """Adam with one scale for all numbers (Kingma & Ba, 2015): what a wish does not ask to move
    hardly moves, while each number's own scale would make every one of them go as far."""

    def __init__(self, point: Tensor, rate: float) -> None:
        self.point, self.rate = point, rate
        self.mean, self.square, self.steps = torch.zeros_like(point), 0.0, 0

    def step(self, gradient: Tensor, pace: float) -> None:
        self.steps += 1
        self.mean = 0.8 * self.mean + 0.2 * gradient
        self.square = 0.95 * self.square + 0.05 * float(gradient.square().mean())
        size = (self.square / (1 - 0.95**self.steps)) ** 0.5 + 1e-12
        with torch.no_grad():
            self.point -= pace * self.rate * self.mean / (1 - 0.8**self.steps) / size


Wish = Callable[[Sequence[Tensor], float, Pull], Tensor]
"""What one gesture asks of views, when that share of the way has to be gone; 0 where it has it."""


def wish(gesture: Gesture, first: Sequence[Tensor]) -> Wish:
    return Dragged(gesture, first) if isinstance(gesture, Drag) else Painted(gesture, first)


class Dragged:
    def __init__(self, drag: Drag, first: Sequence[Tensor]) -> None:
        self.drag = drag
        self.centres = [view.mean((2, 3), keepdim=True) for view in first]
        self.patches = [
            patch(view, drag.start) - centre
            for view, centre in zip(first, self.centres, strict=True)
        ]
        near = torch.linspace(-1, 1, POINTS, device=first[0].device).square()
        weight = torch.exp(-(near[:, None] + near) / (2 * 0.66**2))
        self.weight = weight / weight.sum()
        self.searched = Searched(first[SEARCHED], drag.start)

    def __call__(self, views: Sequence[Tensor], share: float, pull: Pull) -> Tensor:
        (x, y), (to_x, to_y) = self.drag.start, self.drag.end
        at = (x + share * (to_x - x), y + share * (to_y - y))
        asked = pull.found * self.searched(views[SEARCHED], at)
        for view, centre, wanted in zip(views, self.centres, self.patches, strict=True):
            asked = asked + unlike(patch(view, at) - centre, wanted, self.weight)
        return asked


class Searched:
    """Where one would look for a handle: minus the log-likelihood of a place, of all places that
    look like it."""

    SIDE, CELLS, SHARPNESS = 32, 3, 10.0

    def __init__(self, view: Tensor, handle: Point) -> None:
        self.centre = view.mean((2, 3), keepdim=True)
        self.reach = PATCH * 1.25
        wanted = patch(view - self.centre, handle, self.reach, self.CELLS)
        self.wanted = wanted / wanted.norm().clamp_min(1e-6)

    def __call__(self, view: Tensor, at: Point) -> Tensor:
        apart = round(2 * self.reach / (self.CELLS - 1) * self.SIDE)
        size = (self.SIDE, self.SIDE)
        fine = F.interpolate(view - self.centre, size=size, mode="bilinear")
        fine = F.pad(fine, (apart * (self.CELLS // 2),) * 4, mode="replicate")
        ones = torch.ones_like(self.wanted[:, :1])
        lengths = F.conv2d(fine.square().sum(1, keepdim=True), ones, dilation=apart)
        alike = F.conv2d(fine, self.wanted, dilation=apart) / lengths.clamp_min(1e-6).sqrt()
        odds = (self.SHARPNESS * alike).flatten(1).log_softmax(1).view(1, 1, *size)
        return -patch(odds, at, 0.0, 1).sum()


class Painted:
    def __init__(self, stroke: Stroke, first: Sequence[Tensor]) -> None:
        self.mask = drawn(stroke, first[-1])
        self.colour = first[-1].new_tensor(stroke.colour or (0.5,) * 3).view(1, 3, 1, 1) * 2 - 1

    def __call__(self, views: Sequence[Tensor], share: float, pull: Pull) -> Tensor:
        apart = (views[-1] - self.colour).square().sum(1, keepdim=True)
        return pull.colour * (apart * self.mask).sum() / self.mask.sum()


def unlike(view: Tensor, wanted: Tensor, weight: Tensor) -> Tensor:
    """How far views [1, C, H, W] are apart: 0 if equal, about 2 if they have nothing in common.

    By the size of both, since otherwise the nearest to everything would be a view without contrast.
    """
    apart = ((view - wanted).square().sum(1) * weight).sum()
    sizes = ((view.square() + wanted.square()).sum(1) * weight).sum()
    return 2 * apart / sizes.clamp_min(1e-6)


def patch(view: Tensor, at: Point, reach: float = PATCH, side: int = POINTS) -> Tensor:
    """`side` x `side` samples of a view [1, C, H, W] around a point, as far as `reach`."""
    along = torch.linspace(-reach, reach, side, device=view.device)
    y, x = torch.meshgrid(along + at[1], along + at[0], indexing="ij")
    grid = 2 * torch.stack([x, y], dim=-1)[None] - 1
    return F.grid_sample(view, grid, padding_mode="border", align_corners=False)


def distances(points: Sequence[Point], like: Tensor) -> Tensor:
    """From each pixel of a view [1, C, H, W] to the line through points [H, W], in widths."""
    height, width = like.shape[2:]
    y = (torch.arange(height, device=like.device) + 0.5) / height
    x = (torch.arange(width, device=like.device) + 0.5) / width
    pixels = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)
    line = like.new_tensor(points)
    begins, ends = line[: max(len(line) - 1, 1)], line[min(1, len(line) - 1) :]
    way = ends - begins
    from_begin = pixels[:, :, None] - begins
    along = (from_begin * way).sum(-1) / way.square().sum(-1).clamp_min(1e-9)
    return (from_begin - along.clamp(0, 1)[..., None] * way).norm(dim=-1).amin(-1)


def drawn(stroke: Stroke, like: Tensor) -> Tensor:
    """The pixels [H, W] that a stroke covers, soft at its edges, at least a little of one."""
    pixel = 1 / like.shape[-1]
    return ((stroke.width / 2 - distances(stroke.points, like)) / pixel + 0.5).clamp(1e-3, 1)


def elsewhere(gestures: Sequence[Gesture], like: Tensor) -> Tensor:
    """Weights [H, W], with a sum of 1, of what lies far from all marks."""
    free = torch.zeros_like(like[0, 0])
    for gesture in gestures:
        lines: list[Sequence[Point]]
        if isinstance(gesture, Stroke):
            lines, wide = [gesture.points], gesture.width / 2
        else:
            lines, wide = [[gesture.start], [gesture.end]], 0.0
        for line in lines:
            beyond = (distances(line, like) - wide).clamp_min(0)
            free = torch.maximum(free, torch.exp(-beyond.square() / (2 * FREE**2)))
    held = 1 - free
    return held / held.sum().clamp_min(1e-6)
