"""What an artist does on the map, in a real browser."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import (
    ServedStudio,
    open_tab,
    picture,
    wait_for_another,
    wait_for_this,
)
from tests.browser.lessons import rated

Person = Callable[..., Page]
ALL = 81
"""Thumbnails of the whole map on a wide page."""


def arrive(page: Page) -> list[int]:
    """The map and what lies in its middle."""
    open_tab(page, "map")
    expect(page.locator("#tab-map .map-frame")).to_be_visible()
    return picture(page, "map")


def place(page: Page, across: float, down: float) -> tuple[float, float]:
    page.locator("#tab-map .map-frame").scroll_into_view_if_needed()
    box = page.locator("#tab-map .map-frame").bounding_box()
    assert box
    return box["x"] + across * box["width"], box["y"] + down * box["height"]


def test_the_artwork_follows_the_pointer_and_the_keys_and_opens(person: Person) -> None:
    page = person()
    found = arrive(page)
    tab = page.locator("#tab-map")
    expect(tab.locator(".map-tile")).to_have_count(ALL)
    page.mouse.move(*place(page, 0.1, 0.1))
    corner = wait_for_another(page, found, "map")
    expect(tab.locator(".readout")).to_contain_text("5 % across, 5 % down")
    page.mouse.move(*place(page, 0.8, 0.7))
    there = wait_for_another(page, corner, "map")
    # Keys go on from there, with nothing in the focus or with the map in it.
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    left = wait_for_another(page, there, "map")
    frame = tab.get_by_role("application", name="Map of what this model can make")
    frame.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    wait_for_this(page, there, "map")
    assert left != there
    before = picture(page)
    frame.press("Enter")
    expect(page.locator("#tab-explore")).to_be_visible()
    wait_for_another(page, before)
    wait_for_this(page, there)


def test_nearer_there_are_more_works_and_a_click_opens_one(person: Person) -> None:
    page = person()
    before = picture(page)
    arrive(page)
    tiles = page.locator("#tab-map .map-tile")
    expect(tiles).to_have_count(ALL)
    page.mouse.move(*place(page, 0.4, 0.4))
    page.mouse.wheel(0, -230)
    page.wait_for_function(
        "document.querySelectorAll('#tab-map .map-tile[style*=\"z-index: 2\"]').length > 20"
    )
    page.locator("#tab-map").get_by_role("button", name="The whole map").click()
    expect(tiles).to_have_count(ALL)
    page.mouse.move(*place(page, 0.3, 0.6))
    page.mouse.click(*place(page, 0.3, 0.6))
    expect(page.locator("#tab-explore")).to_be_visible()
    opened = wait_for_another(page, before)
    open_tab(page, "map")
    wait_for_this(page, opened, "map")


def test_a_way_is_drawn_and_walked_in_morph(person: Person) -> None:
    page = person()
    arrive(page)
    tab = page.locator("#tab-map")
    # With keys alone.
    page.keyboard.press("a")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("a")
    expect(tab.get_by_role("button", name="Walk it in Morph (2 places)")).to_be_visible()
    forget = tab.get_by_role("button", name="Forget the way")
    forget.click()
    expect(forget).to_be_hidden()
    # The same with the pointer.
    tab.get_by_role("button", name="Draw a way").click()
    page.mouse.move(*place(page, 0.2, 0.2))
    page.mouse.down()
    for step in range(1, 7):
        page.mouse.move(*place(page, 0.2 + 0.1 * step, 0.2 + 0.05 * step))
    page.mouse.up()
    expect(tab.locator(".map-trail circle")).to_have_count(8)
    tab.get_by_role("button", name="Walk it in Morph (8 places)").click()
    expect(page.locator("#tab-morph")).to_be_visible()
    expect(page.locator("#tab-morph .keyframe")).to_have_count(8)


# While `holding` is true the server's answers stay where they are, and then come in their order: as
# on a slow line, only for as long as a test wants.
HELD_ANSWERS = """(() => {
    const ask = window.fetch.bind(window);
    window.holding = false;
    window.fetch = async (input, init) => {
        const response = await ask(input, init);
        const { pathname } = new URL(input.url ?? input, location);
        if (!pathname.endsWith("/queue/data")) return response;
        const late = async (chunk, out) => {
            while (window.holding) await new Promise((resolve) => setTimeout(resolve, 20));
            out.enqueue(chunk);
        };
        const body = response.body.pipeThrough(new TransformStream({ transform: late }));
        return new Response(body, { headers: response.headers });
    };
})()"""


def test_what_is_done_before_the_tab_has_its_answer_stays(person: Person) -> None:
    page = person(script=HELD_ANSWERS)
    found = arrive(page)
    tab = page.locator("#tab-map")
    expect(tab.locator(".map-tile")).to_have_count(ALL)
    page.keyboard.press("a")
    walk = tab.get_by_role("button", name="Walk it in Morph")
    forget = tab.get_by_role("button", name="Forget the way")
    expect(forget).to_be_visible()
    page.wait_for_function("window.studio.desks['tab-map'].isIdle()")
    open_tab(page, "explore")
    expect(tab).to_be_hidden()
    page.evaluate("window.holding = true")
    open_tab(page, "map")
    forget.click()
    for key in ("a", "ArrowDown", "ArrowDown", "ArrowDown", "a", "ArrowDown", "a"):
        page.keyboard.press(key)
    tab.get_by_role("button", name="Names").click()
    tab.get_by_role("button", name="Draw a way").click()
    expect(walk).to_have_text("Walk it in Morph (3 places)")
    spot = tab.locator(".map-spot").get_attribute("style")
    page.evaluate("window.holding = false")
    page.wait_for_function("window.studio.desks['tab-map'].isIdle()")
    there = wait_for_another(page, found, "map")
    expect(walk).to_have_text("Walk it in Morph (3 places)")
    assert tab.locator(".map-spot").get_attribute("style") == spot
    for name, pressed in (("Names", "false"), ("Draw a way", "true")):
        expect(tab.get_by_role("button", name=name)).to_have_attribute("aria-pressed", pressed)
    # The server knows it too.
    walk.click()
    expect(page.locator("#tab-morph .keyframe")).to_have_count(3)
    open_tab(page, "map")
    wait_for_this(page, there, "map")


def test_own_works_and_taste_lie_on_the_map(studio: ServedStudio, person: Person) -> None:
    page = person()
    page.keyboard.press("p")
    expect(page.locator("#tab-explore .shelf .cell")).to_have_count(1)
    mine = picture(page)
    rated(studio, page)
    open_tab(page, "teach")
    page.locator("#tab-teach").get_by_role("button", name="See it on the map").press("Enter")
    tab = page.locator("#tab-map")
    expect(tab.locator(".map-veil")).to_be_visible()
    tab.get_by_role("button", name="Your taste").press("Enter")
    expect(tab.locator(".map-veil")).to_be_hidden()
    tab.get_by_role("button", name="Your work 1: opens in Explore").press("Enter")
    wait_for_this(page, mine)


def test_on_a_phone_everything_is_in_reach(person: Person) -> None:
    page = person(width=375, height=812, locale="zh-CN")
    arrive(page)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    expect(page.locator("#tab-map .map-tile")).to_have_count(25)
    for name in (
        "explore",
        "map",
        "morph",
        "breed",
        "rate",
        "teach",
        "gallery",
        "together",
        "models",
    ):
        expect(page.locator(f"#tab-{name}-button")).to_be_visible()
