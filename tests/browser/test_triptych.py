"""A triptych in a real browser: from a work to a page that works without the studio."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import pretty_midi
from playwright.sync_api import Page, expect

from studio.triptych.page import recipes_in
from tests.browser.conftest import open_tab, wait_for_artwork
from tests.browser.test_accessible import complaints

READY = ".triptych:not([data-poll])"


def test_three_works_of_one_noise(person: Callable[..., Page], tmp_path: Path) -> None:
    page = person()
    page.keyboard.press("t")
    wall = page.locator("#tab-gallery .triptych")
    expect(wall).to_be_focused()
    page.locator(READY).wait_for()
    expect(wall.locator(".triptych-panel figure")).to_have_count(3)
    assert complaints(page) == []

    poem, melody = wall.locator(".poem"), wall.locator(".melody audio")
    before, sound = poem.inner_text(), melody.get_attribute("src")
    page.get_by_role("button", name="Keep the poem as it is").click()
    lock = page.get_by_role("button", name="Keep the poem as it is")
    expect(lock).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Throw again what is not locked").click()
    expect(wall).to_have_attribute("data-poll", "")
    page.locator(READY).wait_for()
    assert poem.inner_text() == before and melody.get_attribute("src") != sound

    with page.expect_download() as waiting:
        page.get_by_role("button", name="Web page").click()
    file = tmp_path / "triptych.html"
    waiting.value.save_as(file)
    assert [each["medium"] for each in recipes_in(file.read_text("utf-8"))] == [
        *("painting", "poem", "melody")
    ]

    # What is sung stands under the notes, and is in the file.
    words = wall.locator(".melody-words span")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Song (MIDI)").click()
    song = tmp_path / "song.mid"
    waiting.value.save_as(song)
    lyrics = [each.text.strip() for each in pretty_midi.PrettyMIDI(str(song)).lyrics]
    assert words.all_inner_texts() == [text for text in lyrics if text != "_"]

    page.get_by_role("button", name="Keep all three").click()
    page.get_by_role("button", name="Open the melody in Explore").click()
    expect(page.locator("[data-switch=medium]")).to_have_value("melody")
    page.locator("#tab-explore .melody audio").wait_for()
    opened = page.locator("#tab-explore .melody-roll").inner_html()
    assert pitches(opened) == pitches(
        file.read_text("utf-8").split("melody-roll")[-1].split("melody-playhead")[0]
    )
    open_tab(page, "gallery")
    expect(page.locator("#tab-gallery .gallery-tile")).to_have_count(1)

    # On its own, with nothing to ask.
    page.context.set_offline(True)
    page.goto(file.as_uri())
    expect(page.locator("main figure")).to_have_count(3)
    assert page.evaluate("document.querySelector('main img').naturalWidth") >= 256
    expect(page.locator("main .poem")).to_have_text(before.strip(), use_inner_text=True)
    page.locator("main audio").evaluate(
        "(sound) => new Promise((ready) => { sound.oncanplay = ready; sound.load(); })"
    )
    assert complaints(page) == []
    page.context.set_offline(False)


def pitches(roll: str) -> list[str]:
    """How high the notes of a piano roll stand, but for those that are struck twice for a word."""
    heights = re.findall(r'<rect x="[^"]*" y="([^"]*)"', roll)
    return [height for height, _ in groupby(heights)]


def test_the_gallery_makes_one_too_and_comes_back(person: Callable[..., Page]) -> None:
    page = person(width=390, height=844)
    wait_for_artwork(page)
    keep = page.locator("#tab-explore [data-do=keep]")
    keep.click()
    expect(keep).to_have_attribute("aria-pressed", "true")
    open_tab(page, "gallery")
    page.locator("#tab-gallery .gallery-tile").click()
    page.get_by_role("button", name="Make a triptych").click()
    page.locator(READY).wait_for()
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390
    page.keyboard.press("Escape")
    expect(page.locator("#tab-gallery .gallery-work")).to_be_visible()


def test_a_film_shows_how_far_it_is_and_can_be_stopped(person: Callable[..., Page]) -> None:
    page = person(locale="zh-CN", width=390, height=844)
    page.keyboard.press("t")
    page.locator(READY).wait_for()
    saved: list[object] = []
    page.on("download", lambda download: saved.append(download))
    page.locator("#tab-gallery").get_by_role("button", name="影片（MP4）").click()
    bar = page.locator("#tab-gallery").get_by_role("progressbar")
    expect(bar).to_have_attribute("aria-label", re.compile("正在制作三联的影片：[0-9]+%"))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.wait_for_function("document.querySelector('.filming progress')?.value > 0")
    # The wall is at hand meanwhile.
    lock = page.get_by_role("button", name="旋律保持不变")
    lock.click()
    expect(lock).to_have_attribute("aria-pressed", "true")
    now = bar.get_attribute("value")
    page.wait_for_function(f"document.querySelector('.filming progress').value > {now}")
    page.locator("#tab-gallery").get_by_role("button", name="停止").click()
    expect(bar).to_have_count(0)
    expect(page.get_by_text("影片不再制作")).to_be_visible()
    # It does not come back, and another one can be begun.
    page.locator("#tab-gallery").get_by_role("button", name="影片（MP4）").click()
    expect(bar).to_be_visible()
    page.locator("#tab-gallery").get_by_role("button", name="停止").click()
    expect(bar).to_have_count(0)
    assert saved == []
