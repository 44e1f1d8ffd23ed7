"""A real studio, served in a process of its own, and a real browser that behaves like a person.

def test_something(studio, person):
    page = person()                 # a new browser with an empty memory, on the first tab
    studio.restart()                # the server dies and comes back; its home stays
"""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

from studio.checkpoint import Checkpoints
from studio.settings import SHIPPED_CHECKPOINTS
from tests import databases
from tests.browser.chromium import find

if TYPE_CHECKING:
    from tests.buckets import Buckets

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120_000
"""Milliseconds that anything on the page may take on a busy machine."""

CHROMIUM_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


class ServedStudio:
    """`python app.py` with a home, a database and a port of its own, and base models from a
    folder; where STUDIO_TEST_BUCKET is set, with a bucket for what is learned.

    Args:
        is_alone: all that it keeps is in its home, whatever tests run with otherwise.
    """

    def __init__(
        self,
        home: Path,
        bases: Path = SHIPPED_CHECKPOINTS,
        *,
        is_alone: bool = False,
        **settings: str,
    ) -> None:
        self.home = home
        self.bases = bases
        self.settings = settings
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = home / "server.log"
        server = None if is_alone else databases.server()
        self.database_url = databases.create(server) if server else f"sqlite:///{home}/studio.db"
        has_bucket = bool(os.environ.get("STUDIO_TEST_BUCKET")) and not is_alone
        self.bucket = the_buckets().create() if has_bucket else ""
        self.start()

    def start(self) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("STUDIO_")}
        environment |= {"STUDIO_HOME": str(self.home), "STUDIO_PORT": str(self.port)}
        environment["STUDIO_CHECKPOINTS"] = self.bucket or str(self.bases)
        if self.bucket:
            environment |= the_buckets().environment
        if not self.database_url.startswith("sqlite"):
            environment["STUDIO_DATABASE_URL"] = self.database_url
        # Many threads on a busy machine wait for each other more than they help.
        environment["STUDIO_THREADS"] = "1"
        # What happens by chance happens again when it is looked into.
        environment["STUDIO_DICE_SEED"] = "1"
        # The fewest rounds a lesson may have, of few works: enough to see that it works.
        environment["STUDIO_LESSON_SECONDS"] = "1"
        environment["STUDIO_LESSON_WORKS"] = "24"
        # The same tests of the other engine: STUDIO_TEST_ENGINE=ray, where Ray is installed.
        if engine := os.environ.get("STUDIO_TEST_ENGINE"):
            environment |= {"STUDIO_ENGINE": engine, "STUDIO_RAY_REPLICAS": "1"}
            environment["STUDIO_RAY_CPUS"] = "0.2"
        environment |= self.settings
        self.home.mkdir(exist_ok=True)
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "app.py"],
                cwd=code_beside(self.bases) if self.bucket else ROOT,
                env=environment,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 2 * PATIENCE / 1000
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/healthz", timeout=5).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.stop()
                    raise RuntimeError(
                        f"the studio did not start:\n{self.log.read_text()}"
                    ) from None
                time.sleep(0.1)

    def checkpoints(self) -> Checkpoints:
        """Its base models, and what its home adds to them."""
        return Checkpoints(self.bases, self.home / "checkpoints")

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        """As after a crash: killed, then started on the same home and port."""
        self.stop()
        self.start()


@cache
def the_buckets() -> Buckets:
    """One server for this process, which needs not be told to stop."""
    from tests.buckets import Buckets

    return Buckets()


@cache
def code_beside(bases: Path) -> Path:
    """A folder in which the studio lies beside base models: with a bucket it takes those there."""
    folder = Path(tempfile.mkdtemp(prefix="latent-studio-"))
    atexit.register(shutil.rmtree, folder)
    (folder / "checkpoints").symlink_to(bases)
    shutil.copy(ROOT / "app.py", folder)
    shutil.copytree(ROOT / "studio", folder / "studio")
    return folder


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    executable = find()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(CHROMIUM_FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory, bases: Path) -> Iterator[ServedStudio]:
    """One server for all browser tests; people in it do not share anything."""
    served = ServedStudio(tmp_path_factory.mktemp("home"), bases)
    yield served
    served.stop()


@pytest.fixture(scope="session")
def shipped_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedStudio]:
    """One with the shipped painters, for tests of how they paint and learn."""
    # Of how they learn more is asked than that a lesson is given.
    served = ServedStudio(
        tmp_path_factory.mktemp("shipped"), STUDIO_LESSON_SECONDS="40", STUDIO_LESSON_WORKS="64"
    )
    yield served
    served.stop()


@pytest.fixture
def person(studio: ServedStudio, chromium: Browser) -> Iterator[Callable[..., Page]]:
    """`person(locale=…, width=…)`: somebody new who has opened the studio and sees an artwork.

    A `script` runs in their browser before the page's own; `url` is that of another studio.
    """
    contexts: list[BrowserContext] = []

    def arrive(
        *,
        locale: str = "en-US",
        width: int = 1440,
        height: int = 900,
        script: str = "",
        url: str = "",
    ) -> Page:
        context = chromium.new_context(
            locale=locale,
            viewport={"width": width, "height": height},
            accept_downloads=True,
            # What moves must not keep a test waiting.
            reduced_motion="reduce",
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        context.add_init_script(script)
        page = context.new_page()
        page.goto(url or studio.url)
        wait_for_artwork(page)
        return page

    expect.set_options(timeout=PATIENCE)
    yield arrive
    for context in contexts:
        context.close()


def restart(studio: ServedStudio, page: Page) -> None:
    """The server dies and comes back while a person is away: a page that is open would load itself
    anew in the midst of what the test does."""
    address = page.url
    page.goto("about:blank")
    studio.restart()
    page.goto(address)
    wait_for_artwork(page)


def wait_for_artwork(page: Page) -> None:
    """Explore shows its artwork and everything around it that can be used."""
    shown(page, "explore").wait_for()
    page.locator("#tab-explore .reach input").wait_for()


def shown(page: Page, tab: str) -> Locator:
    """The large artwork of a tab."""
    return page.locator(f"#tab-{tab} figure.stage > :first-child")


# What a person would tell apart, not what a compressor would: the artwork as 24 x 24 colours.
LOOK = """(tab) => {
    const node = document.querySelector(`#tab-${tab} figure.stage > :first-child`);
    if (!node || !node.complete || !node.naturalWidth) return null;
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 24;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(node, 0, 0, 24, 24);
    return [...context.getImageData(0, 0, 24, 24).data];
}"""
OFTEN = 40
"""Milliseconds between two looks: one a frame would keep the page from its work."""
JUST_NOTICEABLE = 1.0
"""Mean difference of colours 0..255; decoding in batches of another size changes some by one."""


def picture(page: Page, tab: str = "explore") -> list[int]:
    """What the large artwork of a tab looks like at this moment."""
    return page.wait_for_function(LOOK, arg=tab, polling=OFTEN).json_value()


def settled(page: Page, tab: str = "explore", unlike: list[int] | None = None) -> list[int]:
    """The large artwork once nothing is under way: not one that the last gesture passed through."""
    return page.wait_for_function(
        f"""([tab, before, least]) => {{
            const now = ({LOOK})(tab);
            const rests = now && window.studio.desks[`tab-${{tab}}`]?.isIdle() !== false;
            const unchanged = rests && window.lastLook === String(now);
            window.lastLook = rests ? String(now) : null;
            if (!unchanged) return null;
            const far = before?.reduce((sum, value, i) => sum + Math.abs(value - now[i]), 0);
            return !before || far / now.length >= least ? now : null;
        }}""",
        arg=[tab, unlike, JUST_NOTICEABLE],
        polling=OFTEN,
    ).json_value()


def same(one: list[int], other: list[int]) -> bool:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one) < JUST_NOTICEABLE


def wait_for_another(page: Page, before: list[int], tab: str = "explore") -> list[int]:
    """Wait until the large artwork is not what it was, and rests; returns what it is."""
    return settled(page, tab, before)


def wait_for_this(page: Page, wanted: list[int], tab: str = "explore") -> None:
    """Wait until the large artwork is the wanted one."""
    page.wait_for_function(
        f"""([tab, wanted, most]) => {{
            const now = ({LOOK})(tab);
            if (!now) return false;
            const apart = now.reduce((sum, value, i) => sum + Math.abs(value - wanted[i]), 0);
            return apart / now.length < most;
        }}""",
        arg=[tab, wanted, JUST_NOTICEABLE],
        polling=OFTEN,
    )


def open_tab(page: Page, name: str) -> None:
    page.locator(f"#tab-{name}-button").click()


def open_save_menu(page: Page) -> None:
    """Explore's menu of files, once nothing is under way: a toolbar drawn anew is a closed one."""
    page.wait_for_function("window.studio.desks['tab-explore'].isIdle()")
    page.locator("#tab-explore .toolbar summary").click()
