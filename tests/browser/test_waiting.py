"""A studio that cannot answer everybody at once says so, and the page goes on by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from studio.words import Words
from tests.browser.conftest import ServedStudio, picture, wait_for_another


@pytest.fixture(scope="module")
def slow_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedStudio]:
    """One that takes a question of each person a second."""
    served = ServedStudio(tmp_path_factory.mktemp("slow"), STUDIO_ASKS_PER_SECOND="1")
    yield served
    served.stop()


@pytest.mark.parametrize(("locale", "language"), [("en-US", "en"), ("zh-CN", "zh")])
def test_who_asks_too_often_reads_a_sentence_and_is_answered_all_the_same(
    person: Callable[..., Page], slow_studio: ServedStudio, locale: str, language: str
) -> None:
    page = person(url=slow_studio.url, locale=locale, width=390, height=800)
    before = picture(page)
    sentence = Words(language)("common.wait.often", place=0)
    said = page.locator("#studio-wait")
    for _ in range(3):
        page.keyboard.press("d")
    expect(said).to_have_text(sentence)
    expect(said).to_be_visible()
    wait_for_another(page, before)
    expect(said).to_be_hidden()
    expect(page.locator(".toast-body")).to_have_count(0)
