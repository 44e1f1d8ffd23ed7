"""Comparing versions, sliding between them, keeping a place and merging two, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from studio import adapter as low_rank
from studio.checkpoint import Checkpoints
from studio.registry import Registry
from studio.settings import SHIPPED_CHECKPOINTS
from studio.taste.portable import pack
from tests.browser.conftest import (
    JUST_NOTICEABLE,
    ServedStudio,
    open_tab,
    picture,
    same,
    wait_for_another,
)
from tests.browser.test_rate_teach import LESSON, LOOK, look
from tests.doubles import newcomers_base

pytestmark = pytest.mark.thorough

Person = Callable[..., Page]


@pytest.fixture(scope="module")
def studio(shipped_studio: ServedStudio) -> ServedStudio:
    return shipped_studio


@pytest.fixture(scope="module")
def tastes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two tastes for the first painter as files: for what is bright, and for colour."""
    folder = tmp_path_factory.mktemp("tastes")
    registry = Registry(Checkpoints(SHIPPED_CHECKPOINTS, folder), "cpu", 2**31)
    base = registry.use("painting", newcomers_base("painting").version)
    files = []
    for name in ("brightness", "saturation"):
        direction = next(d for d in base.directions if d.key == name)
        tensors = low_rank.adapter_tensors(low_rank.attach(base.mapping, 1))
        leaning = tensors["out.bias"].new_tensor(direction.vector)
        tensors["out.bias"] += 2 * direction.scale * leaning
        version = registry.add_fine_tune(base, tensors, {})
        files.append(folder / f"{name}.taste")
        files[-1].write_bytes(pack(registry.checkpoints, "painting", version))
    return files


def bring(page: Page, files: list[Path], name: str) -> Locator:
    """The Teach tab of somebody who opened those files."""
    open_tab(page, "teach")
    teach = page.locator("#tab-teach")
    for number, file in enumerate(files, start=1):
        teach.locator("input[type=file]:not([multiple])").set_input_files(file)
        expect(teach.locator(".versions li", has_text=f"{name} {number}")).to_have_count(1)
    return teach


OTHER = f"""([before, least]) => {{
    const image = document.querySelector("#tab-teach .noises .live img");
    if (!image?.complete || !image.naturalWidth) return null;
    const now = ({LOOK})(image);
    const apart = now.reduce((sum, value, i) => sum + Math.abs(value - before[i]), 0);
    return apart / now.length >= least ? now : null;
}}"""


def live(teach: Locator, before: list[int] | None = None) -> list[int]:
    """What lies between looks like; once it is not what it was before, if that is given."""
    # On its way the hand comes by other places.
    teach.page.wait_for_function("window.studio.desks.compare.isIdle()")
    if before is None:
        return look(teach.locator(".noises .live img").first)
    return teach.page.wait_for_function(OTHER, arg=[before, JUST_NOTICEABLE]).json_value()


def apart(one: list[int], other: list[int]) -> float:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one)


def test_sliding_between_versions_keeping_a_place_and_merging(
    person: Person, tastes: list[Path]
) -> None:
    page = person()
    untaught = picture(page)
    teach = bring(page, tastes, "Your taste")
    teach.get_by_role("button", name="Compare or merge two versions").click()
    expect(teach.get_by_role("heading", name="Two versions, the same noise")).to_be_focused()
    rows = teach.locator(".noises li")
    expect(rows).to_have_count(6)
    expect(rows.first.locator("img")).to_have_count(3)

    # Between one and the other, by keyboard.
    slider = teach.get_by_role("slider", name="Place between “Your taste 1” and “Your taste 2”")
    middle = live(teach)
    slider.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", "“Your taste 2” alone")
    at_second = live(teach, middle)
    second = look(rows.first.locator(".second img"))
    assert apart(at_second, second) < apart(middle, second) / 3
    expect(slider).to_be_focused()
    expect(teach.get_by_role("button", name="Keep this as a version")).to_be_hidden()
    expect(teach.get_by_text("a version that you have already")).to_be_visible()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    expect(teach.locator("output")).to_have_text("70% of the way to “Your taste 2”")
    between = live(teach, at_second)

    # It is all there after a reload, and is kept.
    page.reload()
    page.locator("#tab-explore figure.stage").wait_for()
    open_tab(page, "teach")
    expect(teach.locator("output")).to_have_text("70% of the way to “Your taste 2”")
    assert same(live(teach), between)
    teach.get_by_role("button", name="Keep this as a version").click()
    status = teach.get_by_role("status")
    expect(status.get_by_text("Kept as “Your taste 3”.")).to_be_visible(timeout=LESSON)
    expect(teach.locator(".compare .measured strong")).to_have_count(3)
    kept = teach.locator(".versions li", has_text="Your taste 3")
    expect(kept).to_contain_text("merged from “Your taste 1” (30%) and “Your taste 2” (70%)")

    # Both at once, as a version that is used.
    teach.get_by_role("button", name="Both together").click()
    weight = teach.get_by_role("slider", name="How much of “Your taste 1”")
    before = live(teach)
    weight.focus()
    page.keyboard.press("End")
    expect(weight).to_have_attribute("aria-valuetext", "100%")
    live(teach, before)
    teach.get_by_role("button", name="Merge the two").click()
    expect(status.get_by_text("Kept as “Your taste 4”.")).to_be_visible(timeout=LESSON)
    merged = teach.locator(".versions li", has_text="Your taste 4")
    expect(merged).to_contain_text("merged from “Your taste 1” (100%)")
    merged.get_by_role("button", name="Use Your taste 4").click()
    expect(teach.locator(".versions [aria-current]")).to_contain_text("Your taste 4")
    open_tab(page, "explore")
    wait_for_another(page, untaught)


def test_versions_of_different_bases_are_uncovered_in_chinese(
    person: Person, tastes: list[Path]
) -> None:
    page = person(locale="zh-CN", width=390, height=844)
    teach = bring(page, tastes[:1], "你的品味")
    teach.get_by_role("button", name="比较或合并两个版本").click()
    teach.get_by_role("combobox", name="左边").select_option("classics-256-2")
    expect(teach.get_by_text("来自不同的基础模型")).to_be_visible()
    slider = teach.get_by_role("slider", name="露出多少")
    cover = teach.locator(".noises .first").first
    hidden = cover.evaluate("node => getComputedStyle(node).clipPath")
    slider.focus()
    page.keyboard.press("Home")
    expect(slider).to_have_attribute("aria-valuetext", "0%")
    assert cover.evaluate("node => getComputedStyle(node).clipPath") != hidden
    expect(teach.get_by_role("button", name="存成一个版本")).to_have_count(0)
    # On a phone nothing stands out to the side.
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    base = newcomers_base("painting").version
    teach.get_by_role("combobox", name="左边").select_option(base)
    place = teach.get_by_role("slider", name="之间的位置")
    expect(place).to_have_attribute("aria-valuetext", "往“你的品味 1”走了 50%")
    teach.get_by_role("button", name="存成一个版本").click()
    kept = teach.locator(".versions li", has_text="你的品味 2")
    expect(kept).to_contain_text("“你的品味 1”的 50%", timeout=LESSON)
    teach.get_by_role("button", name="关闭").click()
    expect(teach.locator(".compare")).to_have_count(0)
    expect(teach.get_by_role("button", name="比较或合并两个版本")).to_be_focused()
