"""Two people in one room, each in a browser of their own."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import (
    ServedStudio,
    open_tab,
    picture,
    restart,
    wait_for_another,
)

Person = Callable[..., Page]


def room(page: Page) -> Locator:
    return page.locator("#tab-together .together-room")


def works(page: Page) -> Locator:
    return page.locator("#tab-together .together-work")


def make_room(page: Page, title: str, name: str) -> str:
    """Returns its link."""
    open_tab(page, "together")
    page.get_by_label("What is the room called?").fill(title)
    page.get_by_label("Your name").fill(name)
    page.get_by_role("button", name="Make the room").click()
    link = page.get_by_label("The link to this room")
    expect(link).to_have_value(re.compile(r"\?room=[\w-]{32}$"))
    return link.input_value()


def come_in(page: Page, link: str, name: str) -> None:
    page.goto(link)
    page.get_by_label("Your name").fill(name)
    page.get_by_label("Blue").check(force=True)
    page.locator("#tab-together").get_by_role("button", name="Join", exact=True).click()
    room(page).wait_for()


def share_what_explore_shows(page: Page) -> None:
    page.get_by_role("button", name="Share what I see in Explore").click()


def test_two_people_create_together(person: Person, studio: ServedStudio) -> None:
    ada, bo = person(), person()
    link = make_room(ada, "Evening <b>light</b>", "Ada")
    expect(ada.get_by_role("heading", name="Evening <b>light</b>")).to_be_visible()
    come_in(bo, link, "Bo")
    assert "room=" not in bo.url
    expect(ada.locator(".together-people li")).to_have_count(2)
    expect(ada.locator(".together-people")).to_contain_text("Bo")

    started = time.monotonic()
    share_what_explore_shows(ada)
    expect(works(bo)).to_have_count(1)
    print(f"seen by the other {time.monotonic() - started:.2f} s after the click")
    expect(works(bo)).to_contain_text("by Ada")

    bo.get_by_role("button", name="It moves me (0)").click()
    expect(ada.get_by_role("button", name="It moves me (1)")).to_be_visible()
    expect(bo.get_by_role("button", name="It moves me (1)")).to_be_focused()

    before = picture(bo)
    neighbour = bo.locator("#tab-explore .nearby button").first
    around = neighbour.get_attribute("data-from") or ""
    bo.get_by_role("button", name="Take this further in Explore").click()
    expect(bo.locator("#tab-explore-button")).to_have_attribute("aria-selected", "true")
    taken = wait_for_another(bo, before)
    # Neighbours of what was there before would lead away from the work.
    expect(neighbour).not_to_have_attribute("data-from", around)
    neighbour.click()
    wait_for_another(bo, taken)
    open_tab(bo, "together")
    share_what_explore_shows(bo)
    expect(works(ada)).to_have_count(2)
    expect(ada.locator(".family li").last).to_contain_text("Bo")
    expect(works(ada).first).to_contain_text("from a work by Ada")

    bo.get_by_role("button", name="Leave").click()
    expect(room(bo)).to_have_count(0)
    expect(ada.locator(".together-people li")).to_have_count(1)

    restart(studio, ada)
    open_tab(ada, "together")
    expect(works(ada)).to_have_count(2)
    expect(ada.locator(".family li").last).to_contain_text("Bo")
    with ada.expect_download() as saved:
        ada.get_by_role("button", name="Save the works").click()
    assert saved.value.suggested_filename.endswith(".zip")


def test_a_link_that_leads_nowhere_is_told(person: Person, studio: ServedStudio) -> None:
    page = person()
    page.goto(f"{studio.url}/?room={'x' * 32}")
    expect(page.locator("#tab-together [role=alert]")).to_contain_text("no room behind this link")
