"""A studio that cannot answer everybody at once says so, and the page goes on by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from studio.words import Words
from tests.browser.conftest import ServedStudio, settled, wait_for_another


@pytest.fixture(scope="module")
def slow_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedStudio]:
    """One that takes a question of each person a second."""
    served = ServedStudio(tmp_path_factory.mktemp("slow"), STUDIO_ASKS_PER_SECOND="1")
    yield served
    served.stop()


# More at once than are let in, however fast or slow each is answered.
ASK = """() => {
    const desks = window.studio.desks;
    desks["tab-explore"].ask({ do: "dice" });
    for (const tab of ["gallery", "teach", "together"]) desks[`tab-${tab}`].ask({ do: "look" });
}"""


def test_who_asks_too_often_reads_a_sentence_and_is_answered_all_the_same(
    person: Callable[..., Page], slow_studio: ServedStudio
) -> None:
    page = person(url=slow_studio.url, locale="zh-CN", width=390, height=800)
    before = settled(page)
    said = page.locator("#studio-wait")
    page.evaluate(ASK)
    expect(said).to_have_text(Words("zh")("common.wait.often", place=0))
    expect(said).to_be_visible()
    wait_for_another(page, before)
    expect(said).to_be_hidden()
    expect(page.locator(".toast-body")).to_have_count(0)
