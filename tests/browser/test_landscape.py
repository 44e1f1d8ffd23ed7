"""The map of liking, as an artist reads it in a real browser."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from studio.taste.landscape import COLUMNS, ROWS
from tests.browser.conftest import ServedStudio, open_tab, picture, wait_for_another
from tests.browser.lessons import rated

Person = Callable[..., Page]


def test_a_map_leads_to_works_one_should_like(studio: ServedStudio, person: Person) -> None:
    page = person()
    before = picture(page)
    rated(studio, page)
    open_tab(page, "teach")
    teach = page.locator("#tab-teach")
    teach.get_by_role("button", name="Draw the map").press("Enter")
    places = teach.get_by_role("group", name="Where you should like it").get_by_role("button")
    expect(places).to_have_count(ROWS * COLUMNS)
    labels = [str(places.nth(n).get_attribute("aria-label")) for n in range(ROWS * COLUMNS)]
    shares = [int(label.split("better than ")[1].split(" of")[0]) for label in labels]
    left, right = (sum(shares[column::COLUMNS]) / ROWS for column in (0, COLUMNS - 1))
    assert right > left + 20
    page.reload()
    open_tab(page, "teach")
    expect(places).to_have_count(ROWS * COLUMNS)
    places.nth(COLUMNS - 1).press("Enter")
    wait_for_another(page, before)
    expect(page.locator("#tab-explore")).to_be_visible()
