"""The hand on the large work: gestures that it follows while one looks on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from html import escape
from typing import Any

from studio.manipulation import BadGesture, Pliable, as_far_out, read, standing
from studio.medium import Generator
from studio.registry import SharedGenerator
from studio.taste.explain import Usual
from studio.ui.session import Visit
from studio.ui.surface import icon
from studio.ui.walk import Walk

EVERY = 0.25
"""Seconds between two pictures of the way."""


def tools(walk: Walk) -> dict[str, Any]:
    """What assets/hand.js builds the tool from; of a medium that no hand can take hold of, none."""
    generator, words = bare(walk), walk.visit.words
    kinds = list(generator.graspable) if isinstance(generator, Pliable) else []
    said = ("title", "colour", "width", "clear", "stop", "keys", "place")
    return {
        "kinds": kinds,
        "words": {
            "icon": icon("hand"),
            **{name: words(f"hand.{name}") for name in said},
            **{kind: words(f"hand.{kind}") for kind in kinds},
            **{f"{kind}.hint": words(f"hand.{kind}.hint") for kind in kinds},
        },
        "stamp": walk.stamp,
    }


def follow(visit: Visit, said: Any, usual: Usual) -> Iterator[tuple[Walk, str, bool]]:
    """The walk on its way to what the hand asks, how far out of the usual it is in words, and
    whether it has arrived; arriving is one step of the history.

    Whatever the person does meanwhile in Explore overtakes it, and then nothing has changed.

    Raises:
        BadGesture: it cannot be followed.
        Overtaken: see studio.line.
    """
    walk = Walk(visit)
    start, generator = walk.moment, bare(walk)
    if not isinstance(generator, Pliable):
        raise BadGesture("gesture_unreadable")
    gestures = read(said, generator.graspable)
    here = walk.steering.latent(start)
    steps = generator.follow(here, gestures, start.options, walk.kept_parts)
    # Each step may be made in another thread (see Page.steps), so the wish is taken up anew.
    ask, line = visit.begin("explore", is_passing=True), visit.studio.registry.line
    try:
        found, shown = None, time.monotonic()
        while True:
            with line.within(ask):
                place = line.step(generator, steps)
                if place is None:
                    break
                found = walk.steering.placed(start, place, "hand")
                if time.monotonic() - shown < EVERY:
                    continue
                walk.show(found)
                gauge = told(walk, usual)
            # Whatever overtook it while this picture was told of may be shown already.
            if ask.is_overtaken:
                return
            yield walk, gauge, False
            shown = time.monotonic()
        with line.within(ask):
            walk = Walk(visit)
            # Another page of the same person may have gone elsewhere.
            if found is None or walk.moment != start:
                return
            walk.go(found)
            walk.finish()
            gauge = told(walk, usual)
        yield walk, gauge, True
    finally:
        line.end(ask)


def bare(walk: Walk) -> Generator:
    """The generator itself: what it can do besides, whoever stands before it does not say."""
    generator = walk.steering.generator
    return generator.inner if isinstance(generator, SharedGenerator) else generator


def told(walk: Walk, usual: Usual) -> str:
    """How far from what its model usually makes the work is, as HTML."""
    generator = walk.steering.generator
    samples = usual.of(generator).features
    features = generator.features([walk.artwork()])
    share = float(as_far_out(features, samples, generator.feature_statistics)[0])
    word = standing(share)
    sentence = walk.visit.words(
        f"hand.gauge.{word}", percent=round(100 * share), count=len(samples)
    )
    return f'<p class="hand-gauge is-{word}" role="status">{escape(sentence)}</p>'
