"""Breeding as an artist does it: by mouse and by keys, and back again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ServedStudio, open_tab, picture, settled, wait_for_another
from tests.browser.test_rate_teach import look

pytestmark = pytest.mark.thorough

Person = Callable[..., Page]


@pytest.fixture(scope="module")
def studio(shipped_studio: ServedStudio) -> ServedStudio:
    """Of the painters' layers each has something to say; a double's have not."""
    return shipped_studio


def alike(one: list[int], other: list[int]) -> bool:
    """The same work, small and smaller: two works of a litter differ by ten times as much."""
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one) < 4


def on_the_shelf(page: Page, count: int) -> None:
    settled(page)
    for number in range(1, count + 1):
        page.keyboard.press("p")
        expect(page.locator("#tab-explore .shelf .cell")).to_have_count(number)
        if number < count:
            before = picture(page)
            page.keyboard.press("d")
            wait_for_another(page, before)


def test_two_generations_and_the_way_back(person: Person) -> None:
    page = person()
    open_tab(page, "breed")
    breed = page.locator("#tab-breed")
    breed.get_by_role("button", name="Go exploring").click()
    on_the_shelf(page, 2)
    shown = picture(page)

    open_tab(page, "breed")
    for number in (1, 2):
        breed.get_by_role("button", name="Make this a parent").first.click()
        expect(breed.locator(".breed-parents li")).to_have_count(number)
    breed.get_by_role("button", name="Show their children").click()
    faces = breed.locator(".breed-face")
    expect(faces).to_have_count(9)
    first = look(faces.nth(1).locator("img"))
    assert not alike(look(faces.nth(0).locator("img")), first)
    page.keyboard.press("2")
    expect(faces.nth(1)).to_have_attribute("aria-pressed", "true")
    faces.nth(4).click()
    breed.get_by_role("button", name="Breed the chosen (2)").click()
    expect(breed.get_by_role("heading", name="Parents of generation 2")).to_be_visible()
    # The chosen child is a parent now.
    assert alike(look(breed.locator(".breed-parents img").first), first)

    breed.get_by_role("button", name="Back to generation 1").click()
    expect(breed.get_by_role("heading", name="Parents of generation 1")).to_be_visible()
    assert alike(look(faces.nth(1).locator("img")), first)
    breed.get_by_role("button", name="Continue child 2 in Explore").click()
    wait_for_another(page, shown)
    expect(page.locator("#tab-explore")).to_be_visible()


def test_a_trait_comes_from_the_parent_that_one_says(person: Person) -> None:
    page = person(width=390, height=844)
    on_the_shelf(page, 2)
    open_tab(page, "breed")
    breed = page.locator("#tab-breed")
    for number in (1, 2):
        breed.get_by_role("button", name="Make this a parent").first.click()
        expect(breed.locator(".breed-parents li")).to_have_count(number)
    breed.get_by_role("button", name="Show their children").click()
    # Without chance, what has everything from one parent is that parent.
    breed.get_by_role("slider", name="Chance").fill("0")
    for name in ("Composition", "Forms and strokes", "Colours and finish"):
        slider = breed.get_by_role("slider", name=name)
        expect(slider).to_have_attribute("aria-valuetext", "anybody")
        slider.fill("1")
        expect(slider).to_have_attribute("aria-valuetext", "parent 2")
    second = look(breed.locator(".breed-parents img").nth(1))
    face = breed.locator(".breed-face img").first
    assert alike(look(face), second)
    assert page.evaluate("document.querySelector('#tab-breed .breed').scrollWidth") <= 390
    slider.fill("0")
    expect(slider).to_have_attribute("aria-valuetext", "parent 1")
    assert not alike(look(face), second)
    breed.get_by_role("button", name="Colours and finish: by chance").click()
    expect(slider).to_have_attribute("aria-valuetext", "anybody")
