"""The whole loop in every medium: thirty ratings, a lesson beside somebody who steers, a version
that is looked at from all sides, taken to another studio, and left again."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import (
    LOOK,
    ServedStudio,
    open_tab,
    same,
)
from tests.browser.test_rate_teach import LESSON, LIGHTER, expect_rated, lightness, rate_until

pytestmark = pytest.mark.thorough

Person = Callable[..., Page]
RATINGS = 30
HITCH = 4.0
"""Times as long as without a lesson that somebody else's step may take, in the middle of many."""
TENDER = re.compile(
    r"\b(lov\w+|heart\w*|dear\w*|kiss\w*|sweet\w*|tender|fond|darling|bride|passion|lips|maiden)\b"
)
PAUSE = 300
"""Milliseconds between two of that person's steps."""
BESIDE = 4
"""Steps that are timed before the lesson, and at least so many while it goes on."""

# What the large artwork is, whatever medium it belongs to: colours, notes or lines.
WORK = f"""(tab) => {{
    const work = document.querySelector(`#tab-${{tab}} figure.stage`);
    const roll = work?.querySelector(".melody-roll svg");
    if (roll) return [roll.innerHTML];
    const lines = [...(work?.querySelectorAll(".poem-line") ?? [])];
    if (lines.length) return lines.map((line) => line.textContent);
    return ({LOOK})(tab);
}}"""


def work(page: Page) -> list:
    return list(page.wait_for_function(WORK, arg="explore").json_value())


def is_same(one: list, other: list) -> bool:
    if one and isinstance(one[0], str):
        return one == other
    return same(one, other)


def wait_for_new(page: Page, before: list) -> list:
    """Wait until the large artwork of Explore is not what it was; returns what it is."""
    deadline = time.monotonic() + LESSON / 1000
    while is_same(now := work(page), before):
        assert time.monotonic() < deadline, "nothing new is shown"
        page.wait_for_timeout(20)
    return now


def choose(page: Page, medium: str) -> None:
    if medium != "painting":
        page.locator("[data-switch=medium]").select_option(medium)
        page.locator(f"#tab-explore .{medium}").wait_for()
    page.wait_for_function("window.studio.desks['tab-explore'].isIdle()")


def taste(page: Page, medium: str) -> Callable[[], int]:
    """Stars of somebody who likes light paintings, busy melodies, and poems of love."""
    shown = page.locator("#tab-rate .rate-work")
    if medium == "painting":
        return lambda: 1 + sum(lightness(shown.locator("img")) > level for level in LIGHTER)
    if medium == "melody":
        drawn = shown.locator(".melody-roll svg rect")
        return lambda: min(max(round((drawn.count() - 10) / 4), 1), 5)
    text = shown.locator(".poem-line")

    def tenderness() -> int:
        said = " ".join(text.all_text_contents()).lower()
        return min(1 + len(TENDER.findall(said)), 5)

    return tenderness


def step_of(page: Page) -> float:
    """Seconds until a throw of the dice shows."""
    before = work(page)
    begun = time.monotonic()
    page.keyboard.press("d")
    wait_for_new(page, before)
    return time.monotonic() - begun


@pytest.fixture(scope="module")
def studio(shipped_studio: ServedStudio) -> ServedStudio:
    return shipped_studio


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedStudio]:
    """Another studio, that has nobody's home."""
    served = ServedStudio(tmp_path_factory.mktemp("elsewhere"))
    yield served
    served.stop()


@pytest.mark.parametrize("kind", ["painting", "melody", "poem"])
def test_thirty_ratings_and_the_studio_is_yours(
    person: Person, elsewhere: ServedStudio, tmp_path: Path, kind: str
) -> None:
    page, neighbour = person(), person()
    for each in (page, neighbour):
        choose(each, kind)
    as_trained = work(page)
    rate_until(page, RATINGS, taste(page, kind))

    # It says what it has learned, of all works and of this one.
    open_tab(page, "explore")
    side = page.locator("#tab-explore .side")
    expect(side.get_by_text("By your ratings you should like this")).to_be_visible()
    expect(side.locator(".alike li")).to_have_count(2)
    open_tab(page, "teach")
    teach = page.locator("#tab-teach")
    expect(teach.locator(".leanings li").first).to_be_visible()

    # A lesson, while somebody else goes on as before.
    alone = [step_of(neighbour) for _ in range(BESIDE)]
    teach.get_by_text("Boldly").click()
    teach.get_by_role("button", name="Start", exact=True).click()
    # A bold lesson of few rounds may have cost so much that it is asked twice.
    taken = teach.get_by_role("button", name=re.compile("Accept|all the same"))
    beside: list[float] = []
    while not taken.count() and len(beside) < 2 * BESIDE:
        # Nobody throws dice without a pause; a lesson, which gives way, would never end.
        neighbour.wait_for_timeout(PAUSE)
        beside.append(step_of(neighbour))
    assert len(beside) >= BESIDE
    assert statistics.median(beside) < HITCH * statistics.median(alone), (alone, beside)
    taken.click(timeout=LESSON)
    current = teach.locator(".versions [aria-current]")
    expect(current).to_contain_text("Your taste 1")

    slide_to_it(page, teach)
    file = saved(page, teach, tmp_path)
    open_tab(page, "explore")
    tuned = wait_for_new(page, as_trained)
    somebody_opens(person(url=elsewhere.url), kind, file)

    # And back.
    open_tab(page, "teach")
    teach.get_by_role("button", name="Back to the one before").click()
    expect(current).not_to_contain_text("Your taste 1")
    open_tab(page, "explore")
    assert is_same(wait_for_new(page, tuned), as_trained)
    open_tab(page, "rate")
    expect_rated(page, RATINGS)


def slide_to_it(page: Page, teach: Locator) -> None:
    """From the base to what was learned, on the same noise."""
    teach.get_by_role("button", name="Compare or merge two versions").click()
    live = teach.locator(".noises .live").first
    slider = teach.get_by_role("slider", name="Place between")
    expect(teach.locator(".noises li")).to_have_count(6)
    page.wait_for_function("window.studio.desks.compare.isIdle()")
    middle = live.inner_html()
    slider.focus()
    page.keyboard.press("End")
    expect(slider).to_have_attribute("aria-valuetext", re.compile("alone"))
    expect(live).not_to_have_js_property("innerHTML", middle)
    teach.get_by_role("button", name="Close").click()


def saved(page: Page, teach: Locator, folder: Path) -> Path:
    with page.expect_download() as saving:
        teach.get_by_role("button", name="Save Your taste 1 as a file").click()
    assert saving.value.suggested_filename.endswith(".taste")
    file = folder / saving.value.suggested_filename
    saving.value.save_as(file)
    return file


def somebody_opens(page: Page, medium: str, file: Path) -> None:
    """A taste that came as a file is a version like one's own; a file that is none is refused."""
    choose(page, medium)
    without = work(page)
    open_tab(page, "teach")
    teach = page.locator("#tab-teach")
    broken = file.with_name("broken.taste")
    broken.write_bytes(file.read_bytes()[:5000])
    upload = teach.locator("input[type=file]:not([multiple])")
    expect(teach.get_by_role("button", name="Open a taste from a file")).to_be_visible()
    upload.set_input_files(broken)
    expect(page.get_by_text("This file holds no taste that the studio can read")).to_be_visible()
    upload.set_input_files(file)
    row = teach.locator(".versions li", has_text="Your taste 1")
    expect(row).to_contain_text("from a file")
    expect(teach.locator(".versions [aria-current]")).not_to_contain_text("Your taste 1")
    row.get_by_role("button", name="Use").click()
    expect(teach.locator(".versions [aria-current]")).to_contain_text("Your taste 1")
    open_tab(page, "explore")
    wait_for_new(page, without)
