"""Direct manipulation: a hand takes hold of the work itself, and the latent follows.

The artist says what shall be where; the latent is sought whose work has it there, among what the
model makes anyway (Zhu et al., Generative Visual Manipulation on the Natural Image Manifold, 2016;
Pan et al., Drag Your GAN, 2023). How a work is compared with what is asked is the medium's affair;
here is what may be asked, and how far out of the usual the answer lies.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from studio.errors import StudioError
from studio.medium import LOCAL, lasting

if TYPE_CHECKING:
    from torch import Tensor

    from studio.medium import FeatureStatistics

Point = tuple[float, float]
"""Of a work as it is shown: 0..1 from left to right, and 0..1 from top to bottom."""

DRAG, PAINT, CONTOUR = "drag", "paint", "contour"
MOST_GESTURES = 16
MOST_POINTS = 400
"""Of all strokes together."""
UNUSUAL, RARE = 0.1, 0.01
"""Shares of the model's own works that lie at least as far out as one that is called so."""


class BadGesture(StudioError):
    """What was asked cannot be done as asked."""


@dataclass(frozen=True)
class Drag:
    """What is at `start` shall be at `end`; where both are the same, it shall stay."""

    start: Point
    end: Point


@dataclass(frozen=True)
class Stroke:
    """A line through `points`, `width` broad as a share of the work's width.

    Attributes:
        colour: sRGB 0..1; None where lines have no colour (a contour).
    """

    points: tuple[Point, ...]
    width: float
    colour: tuple[float, float, float] | None = None


Gesture = Drag | Stroke
Place = tuple["Tensor", Mapping[str, Any]]
"""A latent [D] and the options that it is decoded with."""


@runtime_checkable
class Pliable(Protocol):
    """What a generator can do besides, if a hand can take hold of its works."""

    graspable: Sequence[str]
    """Which gestures it understands, of DRAG, PAINT and CONTOUR; the first is offered first."""

    def follow(
        self,
        latent: Tensor,
        gestures: Sequence[Gesture],
        options: Mapping[str, Any] | None = None,
        kept: Sequence[int] = (),
    ) -> Iterator[Place]:
        """From a latent [D] and its options, step by step nearer to what the gestures ask; the last
        is the best. Each step is short, so that other people's works can be made in between, and
        may be asked for by another thread than the one before.

        Args:
            kept: of a medium that works in parts (see studio.medium.InParts), those that stay.

        Raises:
            BadGesture: where a mark lies there is nothing to follow.
        """


def between(
    generator: Any, options: Sequence[Mapping[str, Any]], shares: Sequence[float]
) -> dict[str, Any]:
    """Options of what lies between works, of each so large a share; shares sum to one.

    The first one's choices hold for all of it, since one way has one sound. What a hand shaped in
    one place of a work comes and goes with that work, if the generator has a
    `local_between(options, shares)`: option LOCAL of the mixture, None where none of them has any.
    """
    found = lasting(options[0])
    # Not a protocol of its own: whoever stands before a generator hands on its methods unnamed.
    mix = getattr(generator, "local_between", None)
    if mix is not None and any(LOCAL in one for one in options):
        local = mix(options, shares)
        return found | ({LOCAL: local} if local else {})
    return found


def read(said: Any, graspable: Sequence[str]) -> list[Gesture]:
    """Gestures as a browser sends them: {"kind": "drag", "points": [[x, y], [x, y]]}, or "paint"
    with a "colour" (#rrggbb) and a "width".

    Raises:
        BadGesture: there is none, or one that cannot be followed; says why for a person.
    """
    if not isinstance(said, list) or not said:
        raise BadGesture("gesture_none")
    points = [one.get("points") for one in said if isinstance(one, dict)]
    lengths = [len(some) for some in points if isinstance(some, list) and some]
    if len(lengths) < len(said):
        raise BadGesture("gesture_unreadable")
    if len(said) > MOST_GESTURES or sum(lengths) > MOST_POINTS:
        raise BadGesture("gesture_too_much", gestures=MOST_GESTURES)
    return [_gesture(one, graspable) for one in said]


def _gesture(said: Mapping[str, Any], graspable: Sequence[str]) -> Gesture:
    kind = said.get("kind")
    if kind not in graspable:
        raise BadGesture("gesture_unreadable")
    try:
        points = tuple((float(x), float(y)) for x, y in said["points"])
        width = float(said.get("width", 0.0))
        colour = _colour(said["colour"]) if kind == PAINT else None
    except (KeyError, TypeError, ValueError, OverflowError):
        raise BadGesture("gesture_unreadable") from None
    if not all(isfinite(value) for point in points for value in point) or not isfinite(width):
        raise BadGesture("gesture_unreadable")
    if not all(0 <= value <= 1 for point in points for value in point):
        raise BadGesture("gesture_outside")
    if kind == DRAG:
        return Drag(points[0], points[-1])
    return Stroke(points, min(max(width, 0.01), 0.5), colour)


def _colour(text: Any) -> tuple[float, float, float]:
    """Raises: ValueError, TypeError: not #rrggbb."""
    if not isinstance(text, str) or len(text) != 7 or text[0] != "#":
        raise ValueError(text)
    red, green, blue = bytes.fromhex(text[1:])
    return red / 255, green / 255, blue / 255


def as_far_out(features: Tensor, usual: Tensor, where: FeatureStatistics) -> Tensor:
    """Share [B] of what a model usually makes, features [S, F], that lies at least as far from the
    mean as features [B, F] do: by the Mahalanobis distance along the principal axes.

    It looks at works and not at latents: one that differs from place to place is none that the
    model's own mapping makes, and whether one sees that is what counts.
    """

    def distances(rows: Tensor) -> Tensor:
        return ((rows - where.mean) @ where.axes.T / where.scales).norm(dim=1)

    return (distances(usual) >= distances(features)[:, None]).float().mean(1)


def standing(share: float) -> str:
    """In a word: usual, unusual or rare."""
    return "rare" if share < RARE else "unusual" if share < UNUSUAL else "usual"
