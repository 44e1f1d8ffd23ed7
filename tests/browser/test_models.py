"""What an artist sees in Models, in a real browser."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import open_tab
from tests.doubles import newcomers_base

Person = Callable[..., Page]


def test_what_is_loaded_and_where(person: Person) -> None:
    page = person()
    open_tab(page, "models")
    row = page.locator(
        "#tab-models tbody tr", has_text=newcomers_base("painting").card["title"]
    ).first
    expect(row).to_contain_text("MB")
    expect(row).to_contain_text("cpu")


def test_figures_stand_beside_their_yardstick(person: Person) -> None:
    base = newcomers_base("painting")
    page = person()
    open_tab(page, "models")
    version = page.locator("#tab-models .version[aria-current]")
    expect(version).to_contain_text(base.version)
    version.get_by_text("Figures and origins").click()
    recall = version.get_by_role("row", name="Range")
    expect(recall).to_contain_text(f"{base.card['evaluation']['recall']:.3g}")
    expect(recall).to_contain_text(f"{base.card['evaluation']['held_out']['recall']:.3g}")
    for licence in base.card["data"]["licences"]:
        expect(version).to_contain_text(licence)


def test_in_chinese(person: Person) -> None:
    page = person(locale="zh-CN")
    open_tab(page, "models")
    expect(page.locator("#tab-models").get_by_role("heading", name="所有版本")).to_be_visible()
    expect(page.locator("#tab-models .version[aria-current]")).to_contain_text("使用中")
