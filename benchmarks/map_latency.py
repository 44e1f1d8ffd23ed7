"""Pointer to picture on the map in a real browser, against the same page with a ready-made picture.

    python benchmarks/map_latency.py [--moves 60] [--json]

How it is measured: see latency.py. "Ready-made" needs no map either. All thumbnails of the whole
map are there before.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import Page, ViewportSize

from benchmarks import latency
from studio.ui import atlas

WINDOW: ViewportSize = {"width": 1440, "height": 900}
MOVE = latency.timed(
    """
    const frame = document.querySelector("#tab-map .map-frame");
    const stage = document.querySelector("#tab-map .stage-frame");
    const box = frame.getBoundingClientRect();
    // What is told of a place once the hand is at rest is no part of a move.
    window.studio.desks["tab-map"].moved = () => {};""",
    """
        const along = ((offset + 1) * moves + index) * 0.618034;
        frame.dispatchEvent(new PointerEvent("pointermove", {
            bubbles: true, pointerType: "mouse", pointerId: 1,
            clientX: box.left + box.width * (0.1 + 0.8 * (along % 1)),
            clientY: box.top + box.height * (0.1 + 0.8 * ((along * 1.7) % 1)),
        }));""",
)


class ReadySheet(latency.ReadyMade):
    """A sheet that has nothing to look up."""

    once = ""

    def __init__(self, *_: object) -> None:
        self.stay = self

    def save(self, visit: object) -> None:
        pass


@contextmanager
def ready_made() -> Iterator[None]:
    with (
        mock.patch.object(atlas, "Sheet", ReadySheet),
        mock.patch.dict(atlas.GESTURES, {"point": lambda *_: None}),
    ):
        yield


def arrive(page: Page) -> None:
    page.locator("#tab-map-button").click()
    page.locator("#tab-map .map-tile").nth(80).wait_for(state="attached", timeout=600_000)
    page.locator("#tab-map .readout").wait_for(timeout=120_000)


if __name__ == "__main__":
    raise SystemExit(latency.run(__doc__, "pointer", MOVE, arrive, ready_made, WINDOW))
