"""Pointer to picture on the map in a real browser, against the same page with a ready-made picture.

    python benchmarks/map_latency.py [--moves 60] [--json]

As benchmarks/slider_latency.py does for a slider: both pages run in one process and are measured in
turn. "Ready-made" means: the same page, the same event, a picture of the same size that needs no
model, no map and no store. A move is timed from the pointer's event until the new picture is
decoded and painted. All thumbnails of the whole map are there before.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import Page, sync_playwright

from benchmarks.slider_latency import BLOCK, ReadyMade
from studio.latent import noise_from_seeds
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import atlas
from studio.ui.app import build_app
from tests.browser import chromium
from tests.browser.conftest import CHROMIUM_FLAGS

WINDOW = {"width": 1440, "height": 900}
MOVE = """async ([moves, offset]) => {
    const frame = document.querySelector("#tab-map .map-frame");
    const stage = document.querySelector("#tab-map .stage-frame");
    const box = frame.getBoundingClientRect();
    // What is told of a place once the hand is at rest is no part of a move.
    window.studio.desks["tab-map"].moved = () => {};
    const times = [];
    for (let index = 0; index < moves; index += 1) {
        const before = stage.querySelector("img").src;
        const start = performance.now();
        const along = ((offset + 1) * moves + index) * 0.618034;
        frame.dispatchEvent(new PointerEvent("pointermove", {
            bubbles: true, pointerType: "mouse", pointerId: 1,
            clientX: box.left + box.width * (0.1 + 0.8 * (along % 1)),
            clientY: box.top + box.height * (0.1 + 0.8 * ((along * 1.7) % 1)),
        }));
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


class ReadySheet:
    """A sheet that has nothing to look up; see slider_latency.ReadyMade."""

    once = ""

    def __init__(self, *_: object) -> None:
        self.stay = self

    def save(self, visit: object) -> None:
        pass

    def artwork(self) -> ReadyMade:
        return ReadyMade(None).artwork()


def measure(pages: dict[str, Page], moves: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in pages}
    for block in range(-1, moves // BLOCK):
        for name, page in pages.items():
            ready = name == "ready-made"
            with (
                mock.patch.object(atlas, "Sheet", ReadySheet if ready else atlas.Sheet),
                mock.patch.dict(atlas.GESTURES, {"point": lambda *_: None} if ready else {}),
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
            page = pages[name] = browser.new_context(viewport=WINDOW).new_page()
            page.goto(url)
            page.locator("#tab-explore figure.stage img").wait_for(timeout=120_000)
            page.locator("#tab-map-button").click()
            page.locator("#tab-map .map-tile").nth(80).wait_for(state="attached", timeout=600_000)
            page.locator("#tab-map .readout").wait_for(timeout=120_000)
        times = measure(pages, options.moves)
        browser.close()
        app.close()
        studio.close()
    p50 = {name: statistics.median(values) for name, values in times.items()}
    result = {
        "pointer_to_picture_ms_p50": round(p50["studio"], 1),
        "pointer_to_picture_ms_p95": round(statistics.quantiles(times["studio"], n=20)[-1], 1),
        "ready_made_ms_p50": round(p50["ready-made"], 1),
        "ratio": round(p50["studio"] / p50["ready-made"], 2),
        "goal": 1.5,
        "moves": len(times["studio"]),
    }
    print(json.dumps(result, indent=None if options.json else 2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
