"""Deleting everything one made, and taking it along from where nothing lasts, in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from studio.keeping import is_mounted
from tests.browser.conftest import ServedStudio, open_tab, wait_for_artwork
from tests.browser.lessons import key_of
from tests.browser.test_gallery import keep_two, tiles
from tests.browser.test_together import come_in, make_room, share_what_explore_shows, works

Person = Callable[..., Page]


def test_everything_is_deleted_and_the_room_keeps_what_was_shared(
    person: Person, studio: ServedStudio
) -> None:
    page, friend = person(), person()
    link = make_room(page, "Evening", "Ada")
    come_in(friend, link, "Ben")
    share_what_explore_shows(page)
    expect(works(friend)).to_have_count(1)
    open_tab(page, "explore")
    keep_two(page)
    open_tab(page, "gallery")
    expect(tiles(page)).to_have_count(2)
    key = key_of(page)
    yours = page.locator("#tab-gallery .yours")
    yours.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(yours).to_contain_text("They stay there for the others, without your name")
    yours.get_by_role("button", name="No, keep everything").click()
    expect(yours.locator("form")).to_be_hidden()
    expect(tiles(page)).to_have_count(2)
    yours.locator("summary").click()
    yours.get_by_role("button", name="Yes, delete everything").press("Enter")
    farewell = page.locator("#tab-gallery [data-farewell]")
    expect(farewell).to_contain_text("Everything of yours is deleted")
    expect(works(friend)).to_contain_text("by somebody who has left for good")
    farewell.get_by_role("link", name="Begin again").click()
    page.locator("#tab-explore figure.stage").wait_for()
    open_tab(page, "gallery")
    expect(page.locator("#tab-gallery")).to_contain_text("Your gallery is still empty")
    open_tab(page, "explore")  # A tab that is chosen already asks for nothing when chosen again.
    assert key_of(page) != key


def test_in_chinese_on_a_phone(person: Person) -> None:
    page = person(locale="zh-CN", width=390, height=800)
    keep_two(page)
    open_tab(page, "gallery")
    yours = page.locator("#tab-gallery .yours")
    yours.locator("summary").click()
    sure = yours.get_by_role("button", name="好，全部删除")
    sure.scroll_into_view_if_needed()
    box = sure.bounding_box()
    assert box and box["x"] >= 0 and box["x"] + box["width"] <= 390
    sure.click()
    expect(page.locator("#tab-gallery [data-farewell]")).to_contain_text("都已删除")


@pytest.fixture
def watched(tmp_path: Path, bases: Path):
    """A studio whose temporary files can be looked at."""
    served = ServedStudio(tmp_path, bases, GRADIO_TEMP_DIR=str(tmp_path / "temporary"))
    yield served
    served.stop()


def test_what_was_brought_in_is_gone_once_it_was_read(
    watched: ServedStudio, person: Person, tmp_path: Path, chromium: Browser
) -> None:
    page = person(url=watched.url)
    mark = b"a file that nobody is to find again"
    file = tmp_path / "holiday.png"
    file.write_bytes(mark)
    page.locator("#tab-explore input[type=file]").set_input_files(file)
    expect(page.get_by_test_id("toast-body")).to_contain_text("Nothing was changed")
    left = [path for path in (tmp_path / "temporary").rglob("*") if path.is_file()]
    assert (tmp_path / "temporary").is_dir()
    assert [path for path in left if mark in path.read_bytes()] == []


@pytest.fixture
def space(tmp_path: Path, bases: Path):
    """A studio on a Space without storage."""
    if is_mounted(tmp_path):
        pytest.skip("the folder of the tests lies on a disk of its own, as storage of a Space does")
    served = ServedStudio(
        tmp_path / "home", bases, is_alone=True, SPACE_ID="ada/studio", STUDIO_HOST="127.0.0.1"
    )
    yield served
    served.stop()


def test_where_nothing_lasts_it_is_said_and_taken_along(
    space: ServedStudio, person: Person, tmp_path: Path
) -> None:
    page = person(url=space.url)
    note = page.locator(".fleeting")
    expect(note).to_contain_text("lasts only until this studio restarts")
    keep_two(page)
    with page.expect_download() as download:
        note.get_by_role("button", name="Save a backup").click()
    file = tmp_path / "taken along.zip"
    download.value.save_as(file)
    space.stop()
    for path in space.home.iterdir():
        if path != space.log:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    space.start()
    page.reload()
    wait_for_artwork(page)
    note.get_by_role("button", name="Bring a backup back").click()
    expect(page.locator("#tab-gallery")).to_contain_text("Your gallery is still empty")
    with page.expect_file_chooser() as chooser:
        page.locator("#tab-gallery .yours").get_by_role("button", name="Bring a backup").click()
    chooser.value.set_files(file)
    expect(tiles(page)).to_have_count(2)
    broken = tmp_path / "broken.zip"
    broken.write_bytes(file.read_bytes()[:900])
    page.locator("#tab-gallery input[type=file]").set_input_files(broken)
    told = page.get_by_test_id("toast-body").filter(has_text="not a backup of a studio")
    expect(told).to_be_visible()
    expect(tiles(page)).to_have_count(2)


def test_the_note_is_nowhere_else(person: Person) -> None:
    page = person()
    expect(page.locator(".studio-header")).to_be_visible()
    expect(page.locator(".fleeting")).to_have_count(0)
