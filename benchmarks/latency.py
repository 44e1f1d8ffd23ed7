"""From a gesture to its picture in a real browser, against the same page with a ready-made picture.

Both pages run in one process and are measured in turn, a block each, so that a busy machine slows
both. "Ready-made" means: the same page, the same event, a picture of the same size that needs no
model, no state and no store. A move is timed from the event until the new picture is decoded and
painted.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import ClassVar

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import Page, ViewportSize, sync_playwright

from studio.latent import noise_from_seeds
from studio.settings import Settings
from studio.studio import Studio
from studio.ui.app import build_app
from tests.browser import chromium
from tests.browser.conftest import CHROMIUM_FLAGS

BLOCK = 10
TIMED = """async ([moves, offset]) => {
    PREPARE
    const times = [];
    for (let index = 0; index < moves; index += 1) {
        const before = stage.querySelector("img").src;
        const start = performance.now();
        GESTURE
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


def timed(prepare: str, gesture: str) -> str:
    """Script of (moves, offset) that answers with the milliseconds of each move.

    Args:
        prepare: names `stage`, where the picture is.
        gesture: a move, by `index` and `offset`.
    """
    return TIMED.replace("PREPARE", prepare).replace("GESTURE", gesture)


class ReadyMade:
    """A work that needs no thought: two pictures, one after the other."""

    pictures: ClassVar[list[str]] = []
    remarks: ClassVar[tuple[()]] = ()
    shown: ClassVar[int] = 0

    def artwork(self) -> ReadyMade:
        ReadyMade.shown += 1
        return self

    def show(self, alt: str = "") -> str:
        return self.pictures[self.shown % 2]


def run(
    about: str | None,
    name: str,
    move: str,
    arrive: Callable[[Page], None],
    ready_made: Callable[[], AbstractContextManager[object]],
    viewport: ViewportSize | None = None,
) -> int:
    """Measure, and print what was found.

    Args:
        name: of what is measured, in the figures.
        move: see `timed`.
        arrive: waits until a page that was opened can be measured.
        ready_made: the studio shows ReadyMade works inside of it.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--moves", type=int, default=60)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    times: dict[str, list[float]] = {"ready-made": [], "studio": []}
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
        for which in times:
            pages[which] = browser.new_context(viewport=viewport).new_page()
            pages[which].goto(url)
            pages[which].locator("#tab-explore figure.stage img").wait_for(timeout=120_000)
            arrive(pages[which])
        for block in range(-1, options.moves // BLOCK):
            for which, page in pages.items():
                with ready_made() if which == "ready-made" else nullcontext():
                    found = page.evaluate(move, [BLOCK, block])
                # The first block warms up.
                times[which] += found if block >= 0 else []
        browser.close()
        app.close()
        studio.close()
    p50 = {which: statistics.median(values) for which, values in times.items()}
    result = {
        f"{name}_to_picture_ms_p50": round(p50["studio"], 1),
        f"{name}_to_picture_ms_p95": round(statistics.quantiles(times["studio"], n=20)[-1], 1),
        "ready_made_ms_p50": round(p50["ready-made"], 1),
        "ratio": round(p50["studio"] / p50["ready-made"], 2),
        "goal": 1.5,
        "moves": len(times["studio"]),
    }
    print(json.dumps(result, indent=None if options.json else 2))
    return 0
