"""A painting shaped by hand: with a pointer, with keys alone, and left as it was."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from studio.words import Words
from tests.browser.conftest import (
    ServedStudio,
    picture,
    same,
    settled,
    wait_for_another,
    wait_for_artwork,
)

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def studio(shipped_studio: ServedStudio) -> ServedStudio:
    return shipped_studio


def steps(page: Page) -> Locator:
    return page.locator("#tab-explore nav.strip button")


def test_what_is_dragged_or_painted_is_followed_and_can_be_undone(
    person: Callable[..., Page],
) -> None:
    page = person(width=900, height=1000)
    first = picture(page)
    page.keyboard.press("h")
    layer = page.locator(".hand-layer")
    box, work = layer.bounding_box(), page.locator("figure.stage > :first-child").bounding_box()
    assert box and work and all(abs(box[side] - work[side]) < 2 for side in work)

    def at(x: float, y: float) -> tuple[float, float]:
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    # What is under way can be stopped: nothing has changed, and no step was made.
    page.mouse.move(*at(0.4, 0.5))
    page.mouse.down()
    page.mouse.move(*at(0.6, 0.6), steps=3)
    page.mouse.up()
    wait_for_another(page, first)
    layer.press("Escape")
    expect(layer.locator(".goal")).to_have_count(0)
    expect(page.locator(".hand-layer.is-under-way")).to_have_count(0)
    assert same(settled(page), first)
    expect(steps(page)).to_have_count(1)

    # Painted by keys alone, to the end: one step, with a sentence on how unusual it is.
    page.get_by_role("button", name="Paint", exact=True).click()
    layer.focus()
    page.keyboard.press("Enter")
    for _ in range(4):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")
    expect(steps(page)).to_have_count(2)
    painted = settled(page)
    assert not same(painted, first)
    told = page.locator(".hand-gauge").inner_text()
    kinds = [Words("en")(f"hand.gauge.{kind}") for kind in ("usual", "unusual", "rare")]
    assert told.split(":")[0] in [kind.split(":")[0] for kind in kinds]

    page.reload()
    wait_for_artwork(page)
    assert same(picture(page), painted)
    page.keyboard.press("[")
    assert same(wait_for_another(page, painted), first)
