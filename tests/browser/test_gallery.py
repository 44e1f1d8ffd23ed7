"""What an artist does in the Gallery, in a real browser."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image
from playwright.sync_api import Page, expect

from studio.medium import get_medium
from tests.browser.conftest import open_tab, picture, same, wait_for_another

Person = Callable[..., Page]


def tiles(page: Page):
    return page.locator("#tab-gallery .gallery-tile")


def work(page: Page):
    return page.locator("#tab-gallery .gallery-work")


def keep_two(page: Page) -> tuple[list[int], list[int]]:
    """Keep two finds in Explore; returns what they look like, the older first."""
    older = picture(page)
    keep = page.locator("#tab-explore [data-do=keep]")
    keep.click()
    expect(keep).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("d")
    newer = wait_for_another(page, older)
    keep.click()
    expect(keep).to_have_attribute("aria-pressed", "true")
    return older, newer


def test_an_empty_gallery_shows_the_way(person: Person) -> None:
    page = person()
    open_tab(page, "gallery")
    page.locator("#tab-gallery").get_by_role("button", name="Rate some").click()
    expect(page.locator("#tab-rate .rate-desk")).to_be_visible()


def test_going_through_works_with_the_keyboard(person: Person) -> None:
    page = person()
    older, newer = keep_two(page)
    open_tab(page, "gallery")
    tiles(page).first.click()
    expect(work(page)).to_be_visible()
    first = picture(page, "gallery")
    assert same(first, newer)
    page.keyboard.press("ArrowRight")
    assert same(wait_for_another(page, first, "gallery"), older)
    page.keyboard.press("5")
    expect(work(page).get_by_role("button", name="5 of 5 stars")).to_have_attribute(
        "aria-pressed", "true"
    )
    page.keyboard.press("Escape")
    expect(tiles(page)).to_have_count(2)
    expect(tiles(page).nth(1)).to_be_focused()

    page.locator("#tab-gallery [data-do=sort]").select_option("best")
    expect(tiles(page).first).to_contain_text("★★★★★")
    page.locator("#tab-gallery").get_by_role("button", name="4 stars and up").click()
    expect(tiles(page)).to_have_count(1)


def test_letting_go_and_putting_on_the_shelf(person: Person) -> None:
    page = person()
    keep_two(page)
    open_tab(page, "gallery")
    tiles(page).first.click()
    pin = work(page).locator("[data-do=pin]")
    pin.click()
    expect(pin).to_have_attribute("aria-pressed", "true")
    keep = work(page).locator("[data-do=keep]")
    keep.click()
    expect(keep).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("Escape")
    page.locator("#tab-gallery").get_by_role("button", name="Kept", exact=True).click()
    expect(tiles(page)).to_have_count(1)
    page.locator("#tab-gallery").get_by_role("button", name="On the shelf").click()
    expect(tiles(page)).to_have_count(1)
    open_tab(page, "explore")
    expect(page.locator("#tab-explore .shelf .cell")).to_have_count(1)


def test_continuing_in_explore(person: Person) -> None:
    page = person()
    older, newer = keep_two(page)
    open_tab(page, "gallery")
    tiles(page).nth(1).click()
    work(page).get_by_role("button", name="Continue in Explore").click()
    expect(page.locator("#tab-explore figure.stage")).to_be_visible()
    assert same(wait_for_another(page, newer), older)


def test_a_download_carries_its_recipe(person: Person, tmp_path) -> None:
    page = person()
    keep_two(page)
    open_tab(page, "gallery")
    tiles(page).first.click()
    with page.expect_download() as waiting:
        work(page).locator("[data-do=download]").first.click()
    file = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(file)
    assert Image.open(file).width >= 512
    recipe = get_medium("painting").read(file).recipe
    assert recipe is not None and recipe.medium == "painting"


def test_one_does_not_see_anothers_gallery(person: Person) -> None:
    keep_two(person())
    other = person()
    open_tab(other, "gallery")
    expect(other.get_by_role("heading", name="Your gallery is still empty")).to_be_visible()
