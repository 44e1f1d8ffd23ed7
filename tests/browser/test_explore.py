"""What an artist does in Explore, in a real browser."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect

from studio.medium import get_medium
from tests.browser.conftest import (
    open_save_menu,
    open_tab,
    picture,
    restart,
    same,
    settled,
    wait_for_another,
    wait_for_artwork,
    wait_for_this,
)


def dials(page: Page):
    return page.locator("#tab-explore .dial:not(.wildness) input[type=range]")


def do(page: Page, name: str):
    return page.locator(f"#tab-explore .toolbar [data-do={name}]")


def steps(page: Page):
    return page.locator("#tab-explore nav.strip button")


def test_a_slider_changes_the_picture_and_undo_brings_it_back(person: Callable[..., Page]) -> None:
    page = person()
    before = picture(page)
    dial = dials(page).first
    dial.focus()
    dial.press("End")
    after = wait_for_another(page, before)
    expect(steps(page)).to_have_count(2)

    page.keyboard.press("[")
    assert same(wait_for_another(page, after), before)
    expect(dial).to_have_value("0")
    page.keyboard.press("]")
    assert same(wait_for_another(page, before), after)
    expect(dial).not_to_have_value("0")


def test_the_picture_follows_the_hand_before_it_lets_go(person: Callable[..., Page]) -> None:
    page = person()
    before = picture(page)
    box = dials(page).nth(1).bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] / 2, steps=6)
    wait_for_another(page, before)
    expect(steps(page)).to_have_count(1)
    page.mouse.up()
    expect(steps(page)).to_have_count(2)
    expect(dials(page).nth(1)).to_have_value(re.compile(r"^[12]\.\d+$"))
    let_go = settled(page)
    page.reload()
    wait_for_artwork(page)
    assert same(picture(page), let_go)


def test_what_is_held_is_kept_and_let_go(person: Callable[..., Page]) -> None:
    page = person()
    lock = page.locator("#tab-explore .dial .hold").first
    rest = page.get_by_role("button", name="Hold the rest")
    lock.click()
    expect(lock).to_have_attribute("aria-pressed", "true")
    expect(rest).to_have_attribute("aria-pressed", "false")
    rest.click()
    expect(rest).to_have_attribute("aria-pressed", "true")
    before = picture(page)
    dial = dials(page).first
    dial.focus()
    dial.press("End")
    after = wait_for_another(page, before)
    expect(steps(page)).to_have_count(2)
    page.reload()
    wait_for_artwork(page)
    assert same(picture(page), after)
    expect(rest).to_have_attribute("aria-pressed", "true")
    # All the way back, nothing is turned against anything.
    dial.focus()
    dial.press("0")
    assert same(wait_for_another(page, after), before)
    rest.click()
    expect(lock).to_have_attribute("aria-pressed", "false")


def test_a_reload_loses_nothing(person: Callable[..., Page]) -> None:
    page = person()
    first = picture(page)
    do(page, "dice").click()
    second = wait_for_another(page, first)
    turned_dial = dials(page).nth(1)
    turned_dial.focus()
    turned_dial.press("End")
    third = wait_for_another(page, second)
    expect(steps(page)).to_have_count(3)
    turned = turned_dial.input_value()

    page.reload()
    wait_for_artwork(page)
    assert same(picture(page), third)
    expect(steps(page)).to_have_count(3)
    expect(turned_dial).to_have_value(turned)
    steps(page).first.click()
    assert same(wait_for_another(page, third), first)


def test_a_branch_that_was_undone_stays_in_the_strip(person: Callable[..., Page]) -> None:
    page = person()
    first = picture(page)
    page.keyboard.press("d")
    undone = wait_for_another(page, first)
    page.keyboard.press("[")
    wait_for_another(page, undone)
    page.keyboard.press("d")
    wait_for_another(page, first)
    expect(steps(page)).to_have_count(3)
    now = picture(page)
    steps(page).nth(1).click()
    assert same(wait_for_another(page, now), undone)


def test_quick_gestures_are_all_done_in_order(person: Callable[..., Page]) -> None:
    page = person()
    first = picture(page)
    for _ in range(4):
        page.keyboard.press("d")
    expect(steps(page)).to_have_count(5)
    for _ in range(4):
        page.keyboard.press("[")
    expect(steps(page).first).to_have_attribute("aria-current", "step")
    assert same(settled(page), first)


def test_the_same_seed_is_the_same_picture(person: Callable[..., Page]) -> None:
    pictures = []
    for _ in range(2):
        page = person()
        before = picture(page)
        seed = page.locator("#tab-explore .seed input")
        seed.fill("20261")
        seed.press("Enter")
        pictures.append(wait_for_another(page, before))
    assert same(*pictures)


def test_a_neighbour_is_where_its_small_picture_led(person: Callable[..., Page]) -> None:
    page = person()
    before = picture(page)
    neighbours = page.locator("#tab-explore .nearby button")
    expect(neighbours).to_have_count(8)
    neighbours.nth(3).click()
    wait_for_another(page, before)
    expect(steps(page)).to_have_count(2)


def test_a_way_that_was_walked_becomes_a_dial(person: Callable[..., Page]) -> None:
    page = person()
    before = picture(page)
    dial = dials(page).first
    dial.focus()
    dial.press("End")
    wait_for_another(page, before)
    page.get_by_placeholder("Name this direction").fill("My evening")
    page.get_by_placeholder("Name this direction").press("Enter")
    own = page.get_by_label("My evening", exact=True)
    own.wait_for()

    page.reload()
    own.wait_for()
    wait_for_artwork(page)
    before = picture(page)
    page.keyboard.press("d")
    before = wait_for_another(page, before)
    own.focus()
    own.press("End")
    wait_for_another(page, before)
    page.get_by_role("button", name="Forget “My evening”").click()
    own.wait_for(state="detached")


def test_a_download_carries_its_recipe_and_brings_the_picture_back(
    person: Callable[..., Page], tmp_path: Path
) -> None:
    page = person()
    before = picture(page)
    dials(page).first.focus()
    dials(page).first.press("End")
    made = wait_for_another(page, before)
    open_save_menu(page)
    with page.expect_download() as waiting:
        page.locator("#tab-explore .menu-list button").first.click()
    file = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(file)
    recipe = get_medium("painting").read(file).recipe
    assert recipe is not None

    page.keyboard.press("d")
    wait_for_another(page, made)
    page.locator("#tab-explore input[type=file]").set_input_files(file)
    wait_for_this(page, made)


def test_a_picture_of_ones_own_is_found_and_shown_beside_its_original(
    person: Callable[..., Page], tmp_path: Path
) -> None:
    page = person()
    before = picture(page)
    file = tmp_path / "mine.jpg"
    gradient = Image.linear_gradient("L").resize((300, 200))
    Image.merge("RGB", (gradient, gradient.rotate(180), gradient)).save(file)
    page.locator("#tab-explore input[type=file]").set_input_files(file)
    page.locator("#tab-explore .original").wait_for()
    assert not same(picture(page), before)
    expect(page.locator("#tab-explore .original")).to_contain_text("nearer than a chance find")


def png(width: int, height: int, data: bytes) -> bytes:
    """A PNG made by hand: what its header says need not be what it holds."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = zlib.crc32(kind + body).to_bytes(4, "big")
        return len(body).to_bytes(4, "big") + kind + body + check

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    signature = b"\x89PNG\r\n\x1a\n"
    return (
        signature
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(data))
        + chunk(b"IEND", b"")
    )


def saved(picture: Image.Image, format: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, format, **options)
    return stream.getvalue()


HOSTILE = {
    "truncated.png": saved(Image.effect_noise((200, 200), 90).convert("RGB"), "PNG")[:9000],
    "bomb.png": png(20_000, 20_000, b"\0" * 1000),
    "renamed.png": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "one-pixel.png": saved(Image.new("RGB", (1, 1)), "PNG"),
    "empty.jpg": b"",
    "text.jpg": b"this is no picture at all",
}


def test_every_hostile_file_gets_a_sentence_and_changes_nothing(
    person: Callable[..., Page], tmp_path: Path
) -> None:
    page = person()
    before = picture(page)
    for name, content in HOSTILE.items():
        file = tmp_path / name
        file.write_bytes(content)
        page.locator("#tab-explore input[type=file]").set_input_files(file)
        message = page.get_by_test_id("toast-body")
        expect(message).to_contain_text("Nothing was changed")
        page.get_by_test_id("toast-close").click()
        expect(message).to_have_count(0)
    assert same(picture(page), before)
    expect(steps(page)).to_have_count(1)


ODD = {
    "animated.gif": saved(
        Image.new("RGB", (64, 64), "red"),
        "GIF",
        save_all=True,
        append_images=[Image.new("RGB", (64, 64), "blue")],
    ),
    "print.jpg": saved(Image.new("CMYK", (90, 60), (10, 200, 30, 0)), "JPEG"),
    "alpha.png": saved(Image.new("RGBA", (90, 60), (200, 10, 30, 90)), "PNG"),
}


def test_unusual_pictures_are_taken(person: Callable[..., Page], tmp_path: Path) -> None:
    page = person()
    for count, (name, content) in enumerate(ODD.items(), start=2):
        file = tmp_path / name
        file.write_bytes(content)
        page.locator("#tab-explore input[type=file]").set_input_files(file)
        expect(steps(page)).to_have_count(count)
    page.locator("#tab-explore .original").wait_for()


def test_what_is_kept_and_pinned_survives_a_restart(person: Callable[..., Page], studio) -> None:
    page = person()
    page.keyboard.press("k")
    expect(do(page, "keep")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("p")
    shelf = page.locator("#tab-explore .shelf .cell")
    expect(shelf).to_have_count(1)
    shown = picture(page)
    restart(studio, page)
    assert same(picture(page), shown)
    expect(do(page, "keep")).to_have_attribute("aria-pressed", "true")
    expect(shelf).to_have_count(1)
    open_tab(page, "gallery")
    expect(page.locator("#tab-gallery .gallery-tile")).to_have_count(1)


def test_the_key_sheet_lists_what_the_keys_do(person: Callable[..., Page]) -> None:
    page = person()
    page.keyboard.press("?")
    sheet = page.locator("#studio-keys")
    expect(sheet).to_be_visible()
    expect(sheet).to_contain_text("Undo")
    page.keyboard.press("Escape")
    expect(sheet).not_to_be_visible()


def test_it_works_on_a_phone(person: Callable[..., Page]) -> None:
    page = person(width=390, height=844)
    overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert overflow <= 0
    before = picture(page)
    page.locator("#tab-explore .dial .end").nth(1).click()
    wait_for_another(page, before)


def test_every_control_has_a_name(person: Callable[..., Page]) -> None:
    page = person()
    page.locator("#tab-explore .nearby button").first.wait_for()
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, summary, a")]
            .filter((node) => node.checkVisibility())
            .filter((node) => !(node.getAttribute("aria-label") || node.textContent.trim()
                || node.title || [...(node.labels || [])].some((l) => l.textContent.trim())))
            .map((node) => node.outerHTML.slice(0, 200))"""
    )
    assert nameless == []


def test_another_medium_shows_nothing_of_the_one_before(person: Callable[..., Page]) -> None:
    page = person()
    nearby = page.locator("#tab-explore .nearby button")
    expect(nearby).to_have_count(8)
    page.wait_for_function("() => document.querySelector('#tab-explore .peek > *')")
    page.evaluate(
        """() => {
          const side = document.querySelector("#tab-explore .side");
          const peeks = () => document.querySelectorAll("#tab-explore .peek > *").length;
          const look = () => {
            if (side.querySelector(".nearby button, .readout")) return;
            window.emptied = true;
            window.peeked = peeks();
          };
          new MutationObserver(look).observe(side, { childList: true, subtree: true });
        }"""
    )
    page.locator("[data-switch=medium]").select_option("melody")
    page.wait_for_function("() => window.emptied")
    expect(nearby).to_have_count(8)
    assert page.evaluate("() => window.peeked") == 0
