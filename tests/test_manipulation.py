"""What a hand may ask of a work, and how far out of the usual the answer lies."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from studio.manipulation import (
    CONTOUR,
    DRAG,
    MOST_GESTURES,
    MOST_POINTS,
    PAINT,
    RARE,
    UNUSUAL,
    BadGesture,
    Drag,
    Stroke,
    as_far_out,
    read,
    standing,
)
from studio.medium import FeatureStatistics

ALL = (DRAG, PAINT, CONTOUR)


def said(kind: str, *points: Any, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "points": [list(point) for point in points], **more}


def test_gestures_are_read_as_they_were_made() -> None:
    drag, pin = said(DRAG, (0.1, 0.2), (0.3, 0.4)), said(DRAG, (0.5, 0.5))
    paint = said(PAINT, (0, 0), (1, 1), colour="#ff0080", width=0.1)
    found = read([drag, pin, paint, said(CONTOUR, (0, 0.5))], ALL)
    assert found[:2] == [Drag((0.1, 0.2), (0.3, 0.4)), Drag((0.5, 0.5), (0.5, 0.5))]
    assert found[2] == Stroke(((0, 0), (1, 1)), 0.1, (1.0, 0.0, 128 / 255))
    assert isinstance(found[3], Stroke) and found[3].colour is None


@pytest.mark.parametrize(
    ("marks", "key"),
    [
        ([], "gesture_none"),
        (None, "gesture_none"),
        ("drag", "gesture_none"),
        (["drag"], "gesture_unreadable"),
        ([said("push", (0, 0))], "gesture_unreadable"),
        ([said(PAINT, (0, 0), colour="red")], "gesture_unreadable"),
        ([said(PAINT, (0, 0))], "gesture_unreadable"),
        ([{"kind": DRAG, "points": []}], "gesture_unreadable"),
        ([{"kind": DRAG, "points": [[0.1]]}], "gesture_unreadable"),
        ([{"kind": DRAG, "points": [[0.1, {}]]}], "gesture_unreadable"),
        (json.loads('[{"kind": "drag", "points": [[NaN, 0.5]]}]'), "gesture_unreadable"),
        ([said(DRAG, (0.5, 0.5), (10**400, 0.5))], "gesture_unreadable"),
        ([said(DRAG, (0.5, 0.5), (1.2, 0.5))], "gesture_outside"),
        ([said(DRAG, (0, 0))] * (MOST_GESTURES + 1), "gesture_too_much"),
        ([said(CONTOUR, *[(0, 0)] * (MOST_POINTS + 1))], "gesture_too_much"),
    ],
)
def test_what_cannot_be_followed_is_refused_in_words(marks: Any, key: str) -> None:
    with pytest.raises(BadGesture) as refused:
        read(marks, ALL)
    assert refused.value.key == key
    assert "{" not in str(refused.value)


def test_a_medium_is_not_asked_for_what_it_does_not_understand() -> None:
    with pytest.raises(BadGesture):
        read([said(DRAG, (0, 0), (1, 1))], (CONTOUR,))


def test_how_far_out_a_work_lies_goes_by_what_is_usual_along_each_axis() -> None:
    where = FeatureStatistics(torch.zeros(3), torch.eye(3), torch.tensor([1.0, 10.0, 100.0]))
    usual = torch.randn(500, 3, generator=torch.Generator().manual_seed(0)) * where.scales
    far = torch.tensor([[0.0, 0, 0], [0, 0, 90], [9, 0, 0]])
    shares = as_far_out(far, usual, where)
    assert shares[0] == 1 and shares[2] == 0 and 0.5 < shares[1] < 1
    words = [standing(share) for share in (1.0, UNUSUAL, 0.09, RARE, 0.0)]
    assert words == ["usual", "usual", "unusual", "unusual", "rare"]
