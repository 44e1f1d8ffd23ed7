"""Rating, teaching, deciding and going back, as an artist does it in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import (
    ServedStudio,
    open_tab,
    picture,
    restart,
    same,
    wait_for_another,
)
from tests.browser.lessons import RATED, finished_lesson, rated

Person = Callable[..., Page]

LESSON = 600_000
"""Milliseconds that a lesson may take on a busy machine."""

LIGHTER = (0.43, 0.53, 0.61, 0.68)
"""Lightness that a fifth, two fifths … of the shipped painter's works do not reach; a quarter of it
is the opaque canvas itself."""

LOOK = """image => {
    const canvas = new OffscreenCanvas(24, 24);
    const brush = canvas.getContext("2d");
    brush.drawImage(image, 0, 0, 24, 24);
    return [...brush.getImageData(0, 0, 24, 24).data];
}"""


def desk(page: Page):
    return page.locator("#tab-rate .rate-desk")


def question(page: Page) -> str:
    """Which question is shown, once its artwork is."""
    desk(page).locator(".rate-work").first.wait_for()
    return str(desk(page).locator(".rate-stage").get_attribute("data-question"))


def look(image: Locator) -> list[int]:
    """What an image looks like, as 24 x 24 colours."""
    return list(image.evaluate(LOOK))


def lightness(image: Locator) -> float:
    """0..1."""
    colours = look(image)
    return sum(colours) / len(colours) / 255


def answer_with(page: Page, key: str) -> None:
    before = question(page)
    page.keyboard.press(key)
    expect(desk(page).locator(f'.rate-stage[data-question="{before}"]')).to_have_count(0)


def expect_rated(page: Page, count: int) -> None:
    """The page says that so many ratings are saved."""
    expect(desk(page).locator(".rate-count strong")).to_have_text(str(count))


def rate_until(page: Page, count: int, stars: Callable[[], int]) -> None:
    """Rate what is asked until so many ratings are saved.

    Nobody rates as fast as this: a key that falls between two questions rates nothing.
    """
    open_tab(page, "rate")
    saved = desk(page).locator(".rate-count strong")
    while (done := int(saved.inner_text() or 0)) < count:
        question(page)
        answer_with(page, str(stars()))
        with suppress(AssertionError):
            expect(saved).to_have_text(str(done + 1), timeout=20_000)
    expect_rated(page, count)


def test_rating_by_keyboard_and_mouse_and_taking_back(person: Person) -> None:
    page = person()
    open_tab(page, "rate")
    answer_with(page, "4")
    answer_with(page, "1")
    expect_rated(page, 2)
    expect(desk(page).locator(".rate-status")).to_have_text("Saved")
    before = question(page)
    desk(page).get_by_role("button", name="5 of 5").click()
    expect(desk(page).locator(f'.rate-stage[data-question="{before}"]')).to_have_count(0)
    expect_rated(page, 3)
    shown = look(desk(page).locator(".rate-work img"))
    answer_with(page, "2")
    page.keyboard.press("u")
    expect_rated(page, 3)
    expect(desk(page).locator(".rate-status")).to_have_text("Taken back")
    assert same(look(desk(page).locator(".rate-work img")), shown)
    page.keyboard.press("Control+z")
    expect_rated(page, 2)
    skipped = question(page)
    page.keyboard.press(" ")
    expect(desk(page).locator(f'.rate-stage[data-question="{skipped}"]')).to_have_count(0)
    expect(desk(page).locator(".rate-status")).to_have_text("Skipped, nothing saved")
    expect_rated(page, 2)


def test_a_held_key_rates_once(person: Person) -> None:
    page = person()
    open_tab(page, "rate")
    question(page)
    for _ in range(5):
        page.keyboard.down("3")
    page.keyboard.up("3")
    expect_rated(page, 1)
    answer_with(page, "4")
    expect_rated(page, 2)


def test_choosing_between_two(person: Person) -> None:
    page = person()
    open_tab(page, "rate")
    answer_with(page, "4")
    expect_rated(page, 1)
    desk(page).get_by_role("button", name="Two side by side").click()
    expect(desk(page).locator("button.rate-work img")).to_have_count(2)
    left = look(desk(page).locator("button.rate-work img").first)
    answer_with(page, "ArrowLeft")
    expect_rated(page, 2)
    answer_with(page, "ArrowDown")
    before = question(page)
    desk(page).locator("button.rate-work").last.click()
    expect(desk(page).locator(f'.rate-stage[data-question="{before}"]')).to_have_count(0)
    expect_rated(page, 4)
    for _ in range(3):
        page.keyboard.press("u")
    expect_rated(page, 1)
    assert same(look(desk(page).locator("button.rate-work img").first), left)


def test_ratings_are_there_after_a_reload(person: Person) -> None:
    page = person()
    open_tab(page, "rate")
    answer_with(page, "5")
    expect_rated(page, 1)
    waiting = question(page)
    page.reload()
    page.locator("#tab-explore figure.stage").wait_for()
    open_tab(page, "rate")
    expect_rated(page, 1)
    assert question(page) == waiting


def test_aspects_are_kept_with_the_stars_and_then_start_afresh(person: Person) -> None:
    page = person()
    open_tab(page, "rate")
    question(page)
    desk(page).get_by_text("Say more about it").click()
    beauty = desk(page).get_by_role("group", name="Beauty")
    beauty.get_by_role("button").nth(3).click()
    expect(beauty.locator("[data-lit]")).to_have_count(4)
    answer_with(page, "4")
    expect_rated(page, 1)
    expect(beauty.locator("[data-lit]")).to_have_count(0)


def test_teaching_needs_ratings_and_says_how_many(person: Person) -> None:
    page = person()
    open_tab(page, "teach")
    teach = page.locator("#tab-teach")
    expect(teach.get_by_role("heading", name="Nothing to learn from yet")).to_be_visible()
    teach.get_by_role("button", name="Go and rate").click()
    answer_with(page, "3")
    answer_with(page, "3")
    expect_rated(page, 2)
    open_tab(page, "teach")
    expect(teach.get_by_role("heading", name="4 more to go")).to_be_visible()


def test_teaching_needs_differences(person: Person) -> None:
    page = person()
    open_tab(page, "rate")
    for _ in range(6):
        answer_with(page, "3")
    expect_rated(page, 6)
    open_tab(page, "teach")
    same = page.locator("#tab-teach").get_by_role("heading", name="All rated the same")
    expect(same).to_be_visible()


@pytest.mark.thorough
def test_a_lesson_can_be_cancelled(person: Person, shipped_studio: ServedStudio) -> None:
    page = person(url=shipped_studio.url)
    rated(shipped_studio, page)
    open_tab(page, "teach")
    teach = page.locator("#tab-teach")
    teach.get_by_role("button", name="Start", exact=True).click()
    expect(teach.get_by_role("progressbar")).to_be_visible()
    page.reload()
    page.locator("#tab-explore figure.stage").wait_for()
    open_tab(page, "teach")
    teach.get_by_role("button", name="Cancel").click()
    expect(teach.get_by_role("heading", name="Stopping …")).to_be_visible()
    expect(teach.get_by_text("Cancelled. Nothing was changed")).to_be_visible()
    expect(teach.get_by_role("button", name="Start", exact=True)).to_be_enabled()
    expect(teach.get_by_text("Your taste 1")).to_have_count(0)


@pytest.mark.thorough
def test_a_lesson_that_a_restart_stops_goes_on(
    person: Person, shipped_studio: ServedStudio
) -> None:
    page = person(url=shipped_studio.url)
    as_trained = picture(page)
    rated(shipped_studio, page)
    open_tab(page, "teach")
    teach = page.locator("#tab-teach")
    teach.get_by_role("button", name="Start", exact=True).click()
    expect(teach.locator(".preview li")).to_have_count(8, timeout=LESSON)
    restart(shipped_studio, page)
    open_tab(page, "teach")
    note = teach.locator(".note")
    expect(note).to_contain_text("The studio was restarted while this lesson was learning, at ")
    expect(note).to_contain_text("your ratings are all there")
    expect(teach.get_by_text("Your taste 1")).to_have_count(0)
    teach.get_by_role("button", name="Go on", exact=True).click()
    expect(teach.get_by_role("heading", name="Before and after")).to_be_visible(timeout=LESSON)
    # A lesson that cost much variety offers a weaker one first, and may be accepted all the same.
    teach.locator("[data-do=accept]").click()
    current = teach.locator(".versions [aria-current]")
    expect(current).to_contain_text("Your taste 1")
    open_tab(page, "explore")
    tuned = wait_for_another(page, as_trained)

    # Once more, with nothing under way.
    restart(shipped_studio, page)
    assert same(picture(page), tuned)
    open_tab(page, "teach")
    expect(current).to_contain_text("Your taste 1")
    open_tab(page, "rate")
    expect_rated(page, len(RATED))
    open_tab(page, "gallery")
    expect(page.locator("#tab-gallery .gallery-tile")).to_have_count(len(RATED))


def test_a_discarded_lesson_leaves_everything_as_it_was(
    person: Person, studio: ServedStudio
) -> None:
    page = person()
    as_trained = picture(page)
    finished_lesson(studio, page, far=0.5)
    open_tab(page, "teach")
    teach = page.locator("#tab-teach")
    teach.get_by_role("button", name="Discard").click()
    expect(teach.get_by_role("button", name="Start", exact=True)).to_be_visible()
    expect(teach.get_by_text("Your taste 1")).to_have_count(0)
    open_tab(page, "explore")
    assert same(picture(page), as_trained)
