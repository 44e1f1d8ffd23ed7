"""Slider to picture in a real browser, against the same page showing a ready-made picture.

    python benchmarks/slider_latency.py [--moves 60] [--json]

How it is measured: see latency.py.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import Page

from benchmarks import latency
from studio.ui import explore

MOVE = latency.timed(
    """
    const dial = document.querySelector(".dial:not(.wildness) input[type=range]");
    const stage = document.querySelector("#tab-explore .stage-frame");""",
    """
        dial.value = (offset + index) % 2 ? -1 - index / 50 : 1 + index / 50;
        dial.dispatchEvent(new Event("input", { bubbles: true }));""",
)


class ReadyWalk(latency.ReadyMade):
    """A walk that has nothing to think about."""

    def __init__(self, visit: object) -> None:
        self.visit = visit

    def finish(self) -> None:
        pass


@contextmanager
def ready_made() -> Iterator[None]:
    with (
        mock.patch.object(explore, "Walk", ReadyWalk),
        mock.patch.dict(explore.GESTURES, {"steer": lambda *_: None}),
    ):
        yield


def arrive(page: Page) -> None:
    page.locator("#tab-explore .readout").first.wait_for(timeout=120_000)


if __name__ == "__main__":
    raise SystemExit(latency.run(__doc__, "slider", MOVE, arrive, ready_made))
