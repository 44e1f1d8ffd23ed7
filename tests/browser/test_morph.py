"""What an artist does in Morph, in a real browser."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import imageio.v3 as imageio
import pretty_midi
from playwright.sync_api import Page, expect

from tests.browser.conftest import open_tab, picture, same, wait_for_another, wait_for_this
from tests.browser.test_accessible import complaints
from tests.sounding import video_sound


def pin_two(page: Page) -> None:
    shelf = page.locator("#tab-explore .shelf .cell")
    page.keyboard.press("p")
    expect(shelf).to_have_count(1)
    before = picture(page)
    page.keyboard.press("d")
    wait_for_another(page, before)
    page.keyboard.press("p")
    expect(shelf).to_have_count(2)


def scrub_to(page: Page, value: float) -> None:
    page.locator("#tab-morph .scrub input[type=range]").evaluate(
        """(bar, value) => {
            bar.value = value;
            bar.dispatchEvent(new Event("input", { bubbles: true }));
            bar.dispatchEvent(new Event("change", { bubbles: true }));
        }""",
        value,
    )


def test_without_finds_the_tab_says_how_to_get_some(person: Callable[..., Page]) -> None:
    page = person()
    open_tab(page, "morph")
    page.locator("#tab-morph").get_by_role("button", name="Go and find some").click()
    expect(page.locator("#tab-explore figure.stage")).to_be_visible()


def test_scrubbing_goes_from_one_find_to_the_other(person: Callable[..., Page]) -> None:
    page = person()
    first = picture(page)
    pin_two(page)
    last = picture(page)
    open_tab(page, "morph")
    start = picture(page, "morph")
    assert same(start, first)
    scrub_to(page, 0.5)
    middle = wait_for_another(page, start, "morph")
    scrub_to(page, 1)
    assert same(wait_for_another(page, middle, "morph"), last)


def test_keyframes_are_reordered_and_removed(person: Callable[..., Page]) -> None:
    page = person()
    pin_two(page)
    open_tab(page, "morph")
    keyframes = page.locator("#tab-morph .keyframe")
    expect(keyframes).to_have_count(2)
    first = picture(page, "morph")
    keyframes.first.locator("[data-do=move]").last.click()
    wait_for_another(page, first, "morph")
    page.reload()
    page.locator("#tab-explore figure.stage").wait_for()
    open_tab(page, "morph")
    expect(keyframes).to_have_count(2)
    keyframes.first.locator("[data-do=remove]").click()
    expect(keyframes).to_have_count(1)
    heading = page.locator("#tab-morph").get_by_role("heading", name="Keyframes")
    expect(heading).to_be_visible()
    keyframes.first.locator("[data-do=remove]").click()
    expect(heading).to_have_count(0)
    page.locator("#tab-morph .strip-row [data-do=add]").first.click()
    expect(keyframes).to_have_count(1)
    page.locator("#tab-morph .strip-row [data-do=add]").first.click()
    expect(keyframes).to_have_count(2)


def test_every_speed_keeps_both_ends(person: Callable[..., Page]) -> None:
    page = person()
    pin_two(page)
    open_tab(page, "morph")
    page.locator("#tab-morph figure.stage").wait_for()
    first = picture(page, "morph")
    scrub_to(page, 1)
    last = wait_for_another(page, first, "morph")
    speeds = page.locator("#tab-morph .speed")
    for index in range(speeds.count()):
        speeds.nth(index).click()
        scrub_to(page, 0)
        wait_for_this(page, first, "morph")
        scrub_to(page, 1)
        wait_for_this(page, last, "morph")


def test_the_film_has_every_frame(person: Callable[..., Page], tmp_path: Path) -> None:
    page = person()
    pin_two(page)
    open_tab(page, "morph")
    seconds = page.locator("#tab-morph [data-do=seconds]")
    seconds.fill("1.5")
    seconds.press("Enter")
    page.locator("#tab-morph [data-do=rate]").select_option("12")
    page.locator("#tab-morph").get_by_text("18 frames").wait_for()
    for format in ("mp4", "gif"):
        with page.expect_download() as waiting:
            page.locator(f"#tab-morph [data-film={format}]").click()
        file = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(file)
        frames = imageio.imread(file, index=None)
        assert len(frames) == 18
        assert abs(frames[0].astype(int) - frames[-1].astype(int)).mean() > 1


def test_a_film_moves_to_music_and_sounds(person: Callable[..., Page], tmp_path: Path) -> None:
    page = person(width=390, height=844)
    pin_two(page)
    open_tab(page, "morph")
    music = page.locator("#tab-morph .music")
    expect(music.get_by_role("button")).to_have_count(1)
    for name, content in (("bad.mid", b"hello"), ("march.mid", march())):
        file = tmp_path / name
        file.write_bytes(content)
        page.locator("#tab-morph input[type=file]").set_input_files(file)
        if name == "bad.mid":
            page.get_by_text("it is damaged").first.wait_for()
            expect(music.locator("audio")).to_have_count(0)
    expect(music.get_by_role("button", name="march.mid")).to_have_attribute("aria-pressed", "true")
    music.locator("audio").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert complaints(page) == []

    seconds = page.locator("#tab-morph [data-do=seconds]")
    seconds.fill("2")
    seconds.press("Enter")
    page.locator("#tab-morph [data-do=rate]").select_option("12")
    page.locator("#tab-morph").get_by_text("24 frames").wait_for()
    expect(page.locator("#tab-morph [data-film=gif]")).to_have_count(0)
    with page.expect_download() as waiting:
        page.locator("#tab-morph [data-film=mp4]").click()
    film = tmp_path / "film.mp4"
    waiting.value.save_as(film)
    frames = imageio.imread(film, index=None).astype(int)
    assert len(frames) == 24 and video_sound(film) > 1000
    moved = [abs(after - before).mean() for before, after in pairwise(frames)]
    # Busy in its first half, still in the second.
    assert sum(moved[:10]) > 2 * sum(moved[14:])

    music.get_by_role("button", name="No music").click()
    page.locator("#tab-morph .speeds").wait_for()


def march() -> bytes:
    """A MIDI file of two seconds, busy in the first of them."""
    song = pretty_midi.PrettyMIDI()
    voice = pretty_midi.Instrument(0)
    voice.notes = [pretty_midi.Note(100, 72, at / 8, at / 8 + 0.1) for at in range(8)]
    voice.notes.append(pretty_midi.Note(40, 48, 1.0, 2.0))
    song.instruments.append(voice)
    stream = io.BytesIO()
    song.write(stream)
    return stream.getvalue()


def test_a_frame_can_be_pinned(person: Callable[..., Page]) -> None:
    page = person()
    pin_two(page)
    open_tab(page, "morph")
    page.locator("#tab-morph figure.stage").wait_for()
    start = picture(page, "morph")
    scrub_to(page, 0.5)
    wait_for_another(page, start, "morph")
    page.locator("#tab-morph .export [data-do=pin]").click()
    expect(page.locator("#tab-morph .strip-row [data-do=add]")).to_have_count(3)
