"""The tour and the main path without a pointer."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import (
    picture,
    same,
    settled,
    wait_for_another,
    wait_for_artwork,
    wait_for_this,
)

Person = Callable[..., Page]
MOST_TABS = 80


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until what is wanted has the focus."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if page.evaluate("(wanted) => document.activeElement.matches(wanted)", selector):
            return
    raise AssertionError(f"Tab does not come to {selector}")


def focused(page: Page, selector: str) -> bool:
    return page.evaluate("(wanted) => !!document.activeElement.closest(wanted)", selector)


def test_the_tour_is_gone_through_tried_and_remembered(person: Person) -> None:
    page = person()
    first = picture(page)
    tab_to(page, "[data-tour=start]")
    page.keyboard.press("Enter")
    tour = page.locator("#studio-tour")
    expect(tour).to_have_attribute("aria-label", "Tour, 1 of 9")
    assert focused(page, "#studio-tour h2")
    page.keyboard.press("ArrowRight")
    expect(tour.get_by_role("heading")).to_have_text("Throw the dice")
    # What it speaks of can be tried, and it stays.
    page.keyboard.press("d")
    wait_for_another(page, first)
    expect(tour).to_have_attribute("aria-label", "Tour, 2 of 9")
    page.keyboard.press("ArrowLeft")
    expect(tour).to_have_attribute("aria-label", "Tour, 1 of 9")
    for step in range(2, 10):
        page.keyboard.press("Enter")
        expect(tour).to_have_attribute("aria-label", f"Tour, {step} of 9")
    page.keyboard.press("Enter")
    expect(tour).to_have_count(0)
    assert focused(page, "[data-act=keys]")

    page.reload()
    wait_for_artwork(page)
    expect(page.locator("[data-act=keys]")).to_be_visible()
    expect(page.locator("[data-tour=start]").first).to_be_hidden()
    page.keyboard.press("?")
    tab_to(page, "#studio-keys [data-tour=start]")
    page.keyboard.press("Enter")
    expect(tour).to_have_attribute("aria-label", "Tour, 1 of 9")
    page.keyboard.press("Escape")
    expect(tour).to_have_count(0)


def test_whoever_wants_to_begin_is_not_kept_from_it(person: Person) -> None:
    page = person()
    before = picture(page)
    expect(page.locator(".tour-invite")).to_be_visible()
    page.keyboard.press("d")
    wait_for_another(page, before)
    tab_to(page, "[data-tour=no]")
    page.keyboard.press("Enter")
    expect(page.locator(".tour-invite")).to_be_hidden()
    page.reload()
    wait_for_artwork(page)
    expect(page.locator(".tour-invite")).to_be_hidden()


def test_the_sheet_of_keys_holds_the_focus_and_gives_it_back(person: Person) -> None:
    page = person()
    before = picture(page)
    tab_to(page, "#tab-explore [data-do=keep]")
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Help and keys")
    expect(sheet).to_be_visible()
    expect(sheet.locator("[data-keys]")).to_contain_text("Something new: roll the dice")
    for _ in range(6):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "['DIALOG', 'BODY'].includes(document.activeElement.tagName)"
            " || !!document.activeElement.closest('dialog')"
        )
    # What lies under it is out of reach.
    page.keyboard.press("d")
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    assert focused(page, "#tab-explore [data-do=keep]")
    assert same(picture(page), before)


def test_the_main_path(person: Person) -> None:
    page = person()
    start = picture(page)
    page.keyboard.press("d")
    wait_for_another(page, start)
    found = settled(page)
    tab_to(page, ".dials input[type=range]")
    for _ in range(30):
        page.keyboard.press("ArrowRight")
    wait_for_another(page, found)
    turned = settled(page)
    page.keyboard.press("0")
    wait_for_this(page, found)
    page.keyboard.press("Control+z")
    wait_for_this(page, turned)
    tab_to(page, "#tab-explore [data-do=keep]")
    page.keyboard.press("Enter")
    expect(page.locator("#tab-explore [data-do=keep]")).to_have_attribute("aria-pressed", "true")

    page.locator("#tab-explore-button").focus()
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    assert focused(page, "#tab-gallery-button")
    page.keyboard.press("Enter")
    page.locator("#tab-gallery .gallery-tile").wait_for()
    tab_to(page, "#tab-gallery .gallery-tile")
    page.keyboard.press("Enter")
    work = page.locator("#tab-gallery .gallery-work")
    expect(work).to_be_focused()
    assert same(picture(page, "gallery"), turned)
    page.keyboard.press("4")
    expect(work.get_by_role("button", name="4 of 5 stars")).to_have_attribute(
        "aria-pressed", "true"
    )
    page.keyboard.press("Escape")
    expect(page.locator("#tab-gallery .gallery-tile")).to_be_focused()
