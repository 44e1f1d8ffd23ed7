"""Nothing on the page comes from, or goes to, another machine; and every word is the visitor's."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page

from tests.browser.conftest import PATIENCE, open_tab, wait_for_artwork
from tests.browser.test_accessible import SHOWN


def test_no_request_leaves_this_machine(studio, chromium: Browser) -> None:
    context = chromium.new_context()
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    asked: list[str] = []
    refused: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on(
        "console",
        lambda said: refused.append(said.text) if "Content Security" in said.text else None,
    )
    page.goto(studio.url)
    wait_for_artwork(page)
    page.locator("#tab-explore .nearby button").first.wait_for()
    for name in SHOWN:
        open_tab(page, name)
        page.locator(f"#tab-{name}").wait_for()
    page.wait_for_load_state("networkidle")
    elsewhere = [
        url
        for url in asked
        if urlsplit(url).scheme not in ("data", "blob") and urlsplit(url).hostname != "127.0.0.1"
    ]
    assert asked and elsewhere == []
    assert refused == []
    context.close()


ENGLISH = re.compile(r"[A-Za-z]{4,}")
SAID_ALIKE = re.compile(r"JPEG|WebP|English|[a-z]+-\d+|vangogh/\d+\.jpg|Vincent van Gogh")
"""Names of file formats, of versions, of works and their painters, and of a language, which is told
in itself."""


EMPTY = SHOWN | dict.fromkeys(("morph", "breed", "gallery"), "[data-go]")
"""What a tab shows somebody who has made nothing yet."""
SAID = """() => [...document.querySelectorAll("body *")]
    .filter((node) => node.checkVisibility({ opacityProperty: true }))
    .flatMap((node) => [
        ...[...node.childNodes].filter((n) => n.nodeType === 3).map((n) => n.textContent),
        ...["aria-label", "title", "placeholder", "alt"].map((a) => node.getAttribute(a)),
    ])
    .filter((text) => text && text.trim())"""


def test_a_chinese_browser_reads_chinese(person: Callable[..., Page]) -> None:
    page = person(locale="zh-CN")
    english = {}
    for name, shown in EMPTY.items():
        open_tab(page, name)
        page.locator(f"#tab-{name}").locator(shown).first.wait_for()
        said = page.evaluate(SAID)
        assert any("探索" in text for text in said)
        english[name] = {text.strip() for text in said if ENGLISH.search(SAID_ALIKE.sub("", text))}
    assert {name: some for name, some in english.items() if some} == {}


def test_the_language_can_be_chosen_and_stays(person: Callable[..., Page]) -> None:
    page = person(locale="en-US")
    page.get_by_label("Language").select_option("zh")
    page.get_by_role("tab", name="探索").wait_for()
    wait_for_artwork(page)
    page.locator(".dials").get_by_text("狂野程度").wait_for()
    page.reload()
    page.get_by_role("tab", name="探索").wait_for()


def test_light_and_dark_follow_the_system_until_somebody_chooses(
    person: Callable[..., Page],
) -> None:
    page = person()
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("document.body.classList.contains('dark')")
    page.locator("[data-switch=theme]").select_option("light")
    page.wait_for_function("!document.body.classList.contains('dark')")
    page.reload()
    wait_for_artwork(page)
    assert not page.evaluate("document.body.classList.contains('dark')")
