"""Slider to picture in a real browser, against the same page showing a ready-made picture.

    python benchmarks/slider_latency.py [--moves 60] [--json]

Both pages run in one process and are measured in turn, a block each, so that a busy machine slows
both. "Ready-made" means: the same page, the same event, a picture of the same size that needs no
model, no state and no store. A move is timed from the slider's input event until the new picture
is decoded and painted.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import ClassVar
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import Page, sync_playwright

from studio.latent import noise_from_seeds
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import explore
from studio.ui.app import build_app
from studio.ui.walk import Walk
from tests.browser import chromium
from tests.browser.conftest import CHROMIUM_FLAGS

BLOCK = 10
MOVE = """async ([moves, offset]) => {
    const dial = document.querySelector(".dial:not(.wildness) input[type=range]");
    const stage = document.querySelector("#tab-explore .stage-frame");
    const times = [];
    for (let index = 0; index < moves; index += 1) {
        const before = stage.querySelector("img").src;
        const start = performance.now();
        dial.value = (offset + index) % 2 ? -1 - index / 50 : 1 + index / 50;
        dial.dispatchEvent(new Event("input", { bubbles: true }));
        await new Promise((resolve) => {
            const look = () => {
                const image = stage.querySelector("img");
                if (!image || image.src === before) return;
                watcher.disconnect();
                image.decode().then(() => requestAnimationFrame(resolve));
            };
            const watcher = new MutationObserver(look);
            watcher.observe(stage, { subtree: true, childList: true, attributeFilter: ["src"] });
            look();
        });
        times.push(performance.now() - start);
        await new Promise((resolve) => setTimeout(resolve, 30));
    }
    return times;
}"""


class ReadyMade:
    """A walk that has nothing to think about: two pictures, one after the other."""

    pictures: ClassVar[list[str]] = []
    remarks: ClassVar[tuple[()]] = ()
    shown: ClassVar[int] = 0

    def __init__(self, visit: object) -> None:
        self.visit = visit

    def finish(self) -> None:
        pass

    def artwork(self) -> ReadyMade:
        ReadyMade.shown += 1
        return self

    def show(self, alt: str = "") -> str:
        return self.pictures[self.shown % 2]


def measure(pages: dict[str, Page], moves: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in pages}
    for block in range(-1, moves // BLOCK):
        for name, page in pages.items():
            ready = name == "ready-made"
            with (
                mock.patch.object(explore, "Walk", ReadyMade if ready else Walk),
                mock.patch.dict(explore.GESTURES, {"steer": lambda *_: None} if ready else {}),
            ):
                found = page.evaluate(MOVE, [BLOCK, block])
            # The first block warms up.
            times[name] += found if block >= 0 else []
    return times


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moves", type=int, default=60)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        studio = Studio.start(Settings(home=Path(home)))
        generator = studio.registry.use("painting")
        latents = generator.map(noise_from_seeds([1, 2]))
        ReadyMade.pictures = [work.show() for work in generator.decode(latents)]
        app, arguments = build_app(studio)
        _, url, _ = app.launch(prevent_thread_lock=True, quiet=True, **arguments)
        browser = playwright.chromium.launch(
            executable_path=chromium.find(), args=list(CHROMIUM_FLAGS)
        )
        pages = {}
        for name in ("ready-made", "studio"):
            pages[name] = browser.new_context().new_page()
            pages[name].goto(url)
            pages[name].locator("#tab-explore figure.stage img").wait_for(timeout=120_000)
            pages[name].locator("#tab-explore .readout").first.wait_for(timeout=120_000)
        times = measure(pages, options.moves)
        browser.close()
        app.close()
        studio.close()
    p50 = {name: statistics.median(values) for name, values in times.items()}
    result = {
        "slider_to_picture_ms_p50": round(p50["studio"], 1),
        "slider_to_picture_ms_p95": round(statistics.quantiles(times["studio"], n=20)[-1], 1),
        "ready_made_ms_p50": round(p50["ready-made"], 1),
        "ratio": round(p50["studio"] / p50["ready-made"], 2),
        "goal": 1.5,
        "moves": len(times["studio"]),
    }
    print(json.dumps(result, indent=None if options.json else 2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
