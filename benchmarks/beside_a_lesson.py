"""Slider to picture while somebody else's lesson runs, against the same page without one.

    python benchmarks/beside_a_lesson.py [--moves 60] [--json]

All are measured in turn, a block each: alone; beside a lesson as the studio runs them, which lets
other threads go first (`studio.jobs.POLITENESS`); and beside one that shares the machine alike. A
move is timed as in slider_latency.py.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import sync_playwright

from benchmarks.slider_latency import MOVE
from studio import jobs
from studio.jobs import Jobs
from studio.settings import Settings
from studio.studio import Studio
from studio.taste import finetune
from studio.taste.choosing import Choosing
from studio.ui import lesson
from studio.ui.app import build_app
from studio.ui.session import Visit
from tests.browser import chromium
from tests.browser.conftest import CHROMIUM_FLAGS
from tests.test_crash import rate

MEDIUM = "painting"
BLOCK = 15
WAYS = {"alone": None, "beside_a_lesson": jobs.POLITENESS, "beside_an_impolite_lesson": 0}


@contextmanager
def learning(studio: Studio, politeness: int) -> Iterator[None]:
    """A lesson that goes on for as long as it is looked at."""
    with (
        mock.patch.object(jobs, "POLITENESS", politeness),
        mock.patch.object(finetune, "MOST_ROUNDS", 10**6),
        mock.patch.object(Choosing, "usual_rounds", 10**6),
        mock.patch.object(Choosing, "least_rounds", 10**6),
        mock.patch.object(finetune, "UNHURRIED", 1e9),
    ):
        studio = replace(studio, jobs=Jobs(studio.store))
        pupil = Visit(studio, studio.store.open_session(None).key, MEDIUM, "en")
        rate(studio, pupil.key, MEDIUM)
        lesson.start(pupil)
        while not ((job := lesson.latest(pupil)) and job.values.get("curve")):
            assert job is not None and not job.is_finished, job
            time.sleep(0.1)
        yield
        assert not lesson.latest(pupil).is_finished
        studio.jobs.shutdown()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moves", type=int, default=60)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    times: dict[str, list[float]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        studio = Studio.start(Settings(home=Path(home)))
        app, arguments = build_app(studio)
        _, url, _ = app.launch(prevent_thread_lock=True, quiet=True, **arguments)
        browser = playwright.chromium.launch(
            executable_path=chromium.find(), args=list(CHROMIUM_FLAGS)
        )
        page = browser.new_page()
        page.goto(url)
        page.locator("#tab-explore .readout").first.wait_for(timeout=120_000)
        page.evaluate(MOVE, [BLOCK, -1])  # Warms up.
        for block in range(options.moves // BLOCK):
            for way, politeness in WAYS.items():
                if politeness is None:
                    times[way] += page.evaluate(MOVE, [BLOCK, block])
                    continue
                with learning(studio, politeness):
                    times[way] += page.evaluate(MOVE, [BLOCK, block])
        browser.close()
        app.close()
        studio.close()
    alone = statistics.median(times["alone"])
    result = {
        way: {
            "slider_to_picture_ms_p50": round(statistics.median(found), 1),
            "slider_to_picture_ms_p95": round(statistics.quantiles(found, n=20)[-1], 1),
            "ratio": round(statistics.median(found) / alone, 2),
        }
        for way, found in times.items()
    }
    result |= {"goal": 2.0, "moves": len(times["alone"])}
    print(json.dumps(result, indent=None if options.json else 2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
