"""Two people in one room, each in a browser of their own: a duet, and what the room learns."""

from __future__ import annotations

import io
import time
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import ServedStudio, open_tab, picture, wait_for_another, wait_for_this
from tests.browser.lessons import RATED, finished_lesson_of_a_room, key_of, rated_in_a_room
from tests.browser.test_rate_teach import LESSON
from tests.browser.test_together import Person, come_in, make_room, works

STOPS = 3
"""Times that a lesson is stopped: on a quick machine it may be over just before."""


def tab(page: Page) -> Locator:
    return page.locator("#tab-together")


def slider(page: Page) -> Locator:
    return tab(page).get_by_role("slider", name="From one work to the other")


def two_people(person: Person, title: str) -> tuple[Page, Page]:
    ada, bo = person(), person(width=390, height=844)
    link = make_room(ada, title, "Ada")
    come_in(bo, link, "Bo")
    return ada, bo


def test_two_people_play_a_duet(person: Person) -> None:
    ada, bo = two_people(person, "Evening")
    tab(ada).get_by_role("button", name="Begin a duet with what I see in Explore").click()
    expect(tab(ada)).to_contain_text("Waiting for somebody")
    tab(bo).get_by_role("button", name="Play a duet with Ada").click()
    expect(slider(ada)).to_have_value("0.5")
    expect(works(bo)).to_have_count(2)

    for mover, other, place in ((ada, bo, "0.9"), (bo, ada, "0.2")):
        before = picture(other, "together")
        started = time.monotonic()
        slider(mover).fill(place)
        expect(slider(other)).to_have_value(place)
        mixed = wait_for_another(other, before, "together")
        print(f"seen by the other {time.monotonic() - started:.2f} s after the move")
        wait_for_this(mover, mixed, "together")
    # The hand stays on the slider while both go on.
    slider(ada).press("ArrowRight")
    expect(slider(bo)).to_have_value("0.21")
    expect(slider(ada)).to_be_focused()

    tab(bo).get_by_role("button", name="Keep this in the room").click()
    expect(works(ada)).to_have_count(3)
    expect(works(ada).first).to_contain_text("a duet of works by")
    expect(tab(ada).locator(".family path")).to_have_count(2)

    # Somebody whose browser is gone does not end it, and the other may leave whenever they like.
    bo.close()
    slider(ada).press("ArrowRight")
    expect(slider(ada)).to_have_attribute("aria-valuetext", "78 % Ada, 22 % Bo")
    tab(ada).get_by_role("button", name="Leave the duet").click()
    expect(slider(ada)).to_have_count(0)

    tab(ada).locator(".family button").last.click()
    dialog = tab(ada).get_by_role("dialog")
    expect(dialog).to_contain_text("a duet of works by")
    ada.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    with ada.expect_download() as saved:
        tab(ada).get_by_role("button", name="as a web page").click()
    with zipfile.ZipFile(io.BytesIO(Path(saved.value.path()).read_bytes())) as archive:
        [page] = [name for name in archive.namelist() if name.endswith("index.html")]
        assert "a duet of works by" in archive.read(page).decode()


@pytest.mark.thorough
def test_what_two_people_like_teaches_their_room(person: Person, studio: ServedStudio) -> None:
    ada, bo = two_people(person, "Morning")
    token = tab(ada).get_by_label("The link to this room").input_value().rpartition("=")[2]
    people = {"Ada": key_of(ada), "Bo": key_of(bo)}
    for page in (ada, bo):
        open_tab(page, "together")
        allow = tab(page).get_by_role("button", name="My ratings may teach the room")
        allow.click()
        expect(allow).to_have_attribute("aria-pressed", "true")
    open_tab(ada, "rate")
    expect(ada.locator("#tab-rate")).to_contain_text("teaches the room “Morning” too")
    open_tab(ada, "together")

    rated_in_a_room(studio, people, token)
    counted = f"People: 2, ratings: {2 * len(RATED)}"
    for page in (ada, bo):
        expect(tab(page)).to_contain_text(counted)
    stopped = tab(ada).get_by_text("Cancelled.")
    for _ in range(STOPS):
        tab(ada).get_by_role("button", name="Teach the room", exact=True).click()
        for page in (ada, bo):
            expect(tab(page).get_by_role("progressbar")).to_be_visible()
        # Anybody in the room may stop it.
        tab(bo).get_by_role("button", name="Cancel").click()
        expect(tab(ada).get_by_role("progressbar")).to_have_count(0, timeout=LESSON)
        over = tab(ada).get_by_role("button", name="Discard")
        expect(stopped.or_(over)).to_be_visible()
        if stopped.is_visible():
            break
        over.click()
    expect(stopped).to_be_visible()

    finished_lesson_of_a_room(studio, people, token)
    for page in (ada, bo):
        expect(tab(page).locator(".pairs li")).to_have_count(8)
    # Whoever takes it, takes it for both.
    tab(bo).get_by_role("button", name="Take it for the room").click()
    for page in (ada, bo):
        taste = tab(page).locator('[data-part="taste"]')
        expect(taste).to_contain_text("The taste of “Morning” 1")
        expect(taste).to_contain_text(f"people who taught it: 2, ratings: {2 * len(RATED)}")
        before = picture(page)
        taste.get_by_role("button", name="Use The taste of “Morning” 1").click()
        expect(taste.locator(".badge")).to_be_visible()
        open_tab(page, "explore")
        wait_for_another(page, before)

    # It is for those in the room.
    open_tab(bo, "together")
    tab(bo).get_by_role("button", name="Leave", exact=True).click()
    expect(tab(bo).locator(".together-room")).to_have_count(0)
    for page, count in ((bo, 0), (ada, 1)):
        open_tab(page, "models")
        expect(page.locator("#tab-models .version").first).to_be_visible()
        names = page.locator("#tab-models .version strong")
        expect(names.filter(has_text="The taste of “Morning” 1")).to_have_count(count)


def test_a_door_leads_to_a_tab_that_is_in_the_menu(person: Person) -> None:
    page = person(width=300)
    expect(page.locator("#tab-gallery-button")).to_have_count(0)
    page.get_by_role("button", name="More tabs").click()
    page.locator("#studio-tabs .overflow-dropdown").get_by_text("Gallery").click()
    page.locator("#tab-gallery").get_by_role("button", name="Rate", exact=False).click()
    expect(page.locator("#tab-rate .rate-stage")).to_be_visible()
    expect(page.locator("#tab-rate-button")).to_have_attribute("aria-selected", "true")
