"""The password at the door, as somebody meets it in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PATIENCE, ServedStudio, wait_for_artwork

PASSWORD = "open sesame"


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory, bases: Path) -> Iterator[ServedStudio]:
    served = ServedStudio(tmp_path_factory.mktemp("closed"), bases, STUDIO_PASSWORD=PASSWORD)
    yield served
    served.stop()


@pytest.fixture
def visitor(closed: ServedStudio, chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(locale="zh-CN", viewport={"width": 390, "height": 800})
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


def test_in_with_the_password_and_still_in_after_a_restart(
    visitor: Page, closed: ServedStudio
) -> None:
    page = visitor
    page.goto(f"{closed.url}/?room={'x' * 32}")
    said = page.get_by_label("密码")
    expect(said).to_be_focused()
    page.keyboard.type("guessed it")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("密码不对")
    expect(said).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    # The link's room is asked for, and there is none.
    expect(page.locator("#tab-together")).to_be_visible()
    closed.restart()
    page.goto(closed.url)
    wait_for_artwork(page)


def test_nothing_of_the_studio_is_fetched_before(visitor: Page, closed: ServedStudio) -> None:
    fetched: list[str] = []
    visitor.on("requestfinished", lambda request: fetched.append(request.url))
    visitor.goto(closed.url)
    expect(visitor.get_by_role("button", name="进入")).to_be_visible()
    width = visitor.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    assert fetched[0] == f"{closed.url}/" and len(fetched) == 1
