"""The hand on the large work: previews on the way, one step at the end, and nothing if stopped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from studio.line import Ask, Line, Overtaken
from studio.manipulation import DRAG, BadGesture, Drag, Gesture, Place
from studio.medium import FeatureStatistics
from studio.traffic import Traffic
from studio.ui import hand
from studio.ui.walk import GESTURES, Walk
from tests.ui.test_lines import Poet, Visitor

MARKS = [{"kind": DRAG, "points": [[0.25, 0.5], [0.75, 0.5]]}]
WAY = (1.0, 2.0, 3.0)


@dataclass
class Potter(Poet):
    """Follows a hand in three steps; how far it went is a choice of its own."""

    graspable: Sequence[str] = (DRAG,)
    feature_statistics: FeatureStatistics = field(
        default_factory=lambda: FeatureStatistics(torch.zeros(4), torch.eye(4), torch.ones(4))
    )

    def follow(
        self,
        latent: Tensor,
        gestures: Sequence[Gesture],
        options: Mapping[str, Any] | None = None,
        kept: Sequence[int] = (),
    ) -> Iterator[Place]:
        assert gestures == [Drag((0.25, 0.5), (0.75, 0.5))]
        for far in WAY:
            yield latent + far, {**(options or {}), "far": far}

    def features(self, artworks: Sequence[Any]) -> Tensor:
        return torch.tensor([artwork.recipe.latent for artwork in artworks])


@dataclass
class Artist(Visitor):
    line: Line = field(default_factory=lambda: Line(Traffic()))

    @property
    def studio(self) -> Any:
        registry = super().studio.registry
        registry.line = self.line
        return SimpleNamespace(registry=registry)

    def begin(self, place: str, *, is_passing: bool = False) -> Ask:
        return self.line.begin("artist", place, is_passing=is_passing)


class Samples:
    def of(self, generator: Any) -> Any:
        return SimpleNamespace(features=torch.randn(50, 4))


@pytest.fixture
def artist(monkeypatch: pytest.MonkeyPatch) -> Artist:
    monkeypatch.setattr(hand, "EVERY", 0.0)
    artist = Artist(Potter())
    walk = Walk(artist)  # type: ignore[arg-type]
    walk.arrive()
    walk.finish()
    return artist


def follow(artist: Artist, marks: Any = MARKS) -> Iterator[tuple[Walk, str, bool]]:
    return hand.follow(artist, marks, Samples())  # type: ignore[arg-type]


def test_the_way_is_shown_and_the_end_is_one_step_that_can_be_undone(artist: Artist) -> None:
    before = Walk(artist)  # type: ignore[arg-type]
    start, steps = before.moment, before.history.steps
    seen = [(walk.moment, said, is_over) for walk, said, is_over in follow(artist)]
    assert [is_over for _, _, is_over in seen] == [False, False, False, True]
    for (moment, said, _), far in zip(seen, (*WAY, WAY[-1]), strict=True):
        assert moment.options["far"] == far and moment.how == "hand" and moment.seed is None
        assert moment.parents == start.parents
        assert "hand-gauge" in said
    after = Walk(artist)  # type: ignore[arg-type]
    assert after.moment == seen[-1][0]
    assert after.history.steps[:-1] == steps
    GESTURES["undo"](after, {})
    assert after.moment == start
    assert not artist.line.newest


def test_whatever_else_is_done_meanwhile_stops_it_and_nothing_has_changed(artist: Artist) -> None:
    before = Walk(artist)  # type: ignore[arg-type]
    history = before.history
    way = follow(artist)
    next(way)
    with artist.line.asking("artist", "explore"):
        GESTURES["let_go"](Walk(artist), {})  # type: ignore[arg-type]
    with pytest.raises(Overtaken):
        next(way)
    after = Walk(artist)  # type: ignore[arg-type]
    assert after.moment == before.moment and after.history == history


def test_who_has_gone_elsewhere_on_another_page_stays_there(artist: Artist) -> None:
    way = follow(artist)
    next(way)
    elsewhere = Walk(artist)  # type: ignore[arg-type]
    GESTURES["dice"](elsewhere, {})
    elsewhere.finish()
    assert [is_over for _, _, is_over in way] == [False, False]
    assert Walk(artist).moment == elsewhere.moment  # type: ignore[arg-type]


def test_a_hand_is_offered_only_where_something_can_follow_it(artist: Artist) -> None:
    assert hand.tools(Walk(artist))["kinds"] == [DRAG]  # type: ignore[arg-type]
    stiff = Artist(Poet())
    assert hand.tools(Walk(stiff))["kinds"] == []  # type: ignore[arg-type]
    with pytest.raises(BadGesture):
        next(follow(stiff))
    with pytest.raises(BadGesture):
        next(follow(artist, [{"kind": "paint", "points": [[0, 0]], "colour": "#000000"}]))
