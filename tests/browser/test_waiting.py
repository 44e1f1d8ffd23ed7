"""A studio that cannot answer everybody at once says so, and the page goes on by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from studio.words import Words
from tests.browser.conftest import ServedStudio, open_tab, settled, wait_for_another


@pytest.fixture(scope="module")
def slow_studio(tmp_path_factory: pytest.TempPathFactory, bases: Path) -> Iterator[ServedStudio]:
    """One that takes a question of each person a second, and two at once."""
    served = ServedStudio(tmp_path_factory.mktemp("slow"), bases, STUDIO_ASKS_PER_SECOND="1")
    yield served
    served.stop()


# Three at once, of desks that do not wait for each other: one more than are let in, however fast or
# slow they are answered.
ASK = """() => {
    const desks = window.studio.desks;
    desks["tab-explore"].ask({ do: "dice" });
    desks["tab-gallery"].ask({ do: "look" });
    desks.find.ask({ do: "find" });
}"""


def test_who_asks_too_often_reads_a_sentence_and_is_answered_all_the_same(
    person: Callable[..., Page], slow_studio: ServedStudio
) -> None:
    page = person(url=slow_studio.url, locale="zh-CN", width=390, height=800)
    said = page.locator("#studio-wait")
    # A desk comes with its tab, and stays.
    open_tab(page, "gallery")
    page.wait_for_function("window.studio.desks['tab-gallery']?.isIdle()")
    open_tab(page, "explore")
    before = settled(page)
    expect(said).to_be_hidden()
    page.evaluate(ASK)
    expect(said).to_have_text(Words("zh")("common.wait.often", place=0))
    expect(said).to_be_visible()
    wait_for_another(page, before)
    expect(said).to_be_hidden()
    expect(page.locator(".toast-body")).to_have_count(0)
