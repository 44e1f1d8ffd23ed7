"""A blind test of what was learned, and what stands between a person and a spoilt version."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from studio.checkpoint import Checkpoint
from studio.errors import NotFound
from studio.latent import noise_from_seed
from studio.registry import Registry
from studio.store import Store
from studio.taste.guard import lost
from studio.taste.proof import PAIRS, SIDES
from tests.browser.conftest import ServedStudio, open_tab, restart, same
from tests.browser.lessons import MEDIUM, finished_lesson
from tests.browser.test_rate_teach import LESSON, look

Person = Callable[..., Page]
KEYS = {"left": "ArrowLeft", "right": "ArrowRight", "tie": "ArrowDown"}

SPOILT = 6.0
"""Standard deviations that a lesson moved too far; half as many are no loss."""


def sides(studio: ServedStudio, key: str) -> list[tuple[int, str]]:
    """Of each pair the noise's seed and where the tuned version is: what only the server knows."""
    store = Store(studio.database_url)
    saved = store.load_state(key, f"proof.{MEDIUM}")
    store.close()
    assert saved
    return [(pair["seed"], pair["tuned"]) for pair in saved["pairs"]]


def answer_with(page: Page, choice: str, number: int) -> None:
    """Judge pair `number`, counted from 1, once it shows."""
    expect(page.get_by_text(f"Pair {number} of {PAIRS}", exact=True)).to_be_visible()
    page.keyboard.press(KEYS[choice])


def skeleton(figure: Locator, side: str) -> str:
    """What a figure is without its picture and without where it stands."""
    html = str(figure.evaluate("node => node.outerHTML"))
    return re.sub(r'src="[^"]*"', "", html).replace(side, "")


def card_of(studio: ServedStudio, version: str) -> Checkpoint:
    return studio.checkpoints().find(MEDIUM, version)


@pytest.mark.thorough
def test_a_blind_test_is_taken_left_and_finished(person: Person, studio: ServedStudio) -> None:
    page = person()
    lesson = finished_lesson(studio, page, far=0.5)
    assert lost(lesson.measured) == ()
    open_tab(page, "teach")
    teach = page.locator("#tab-teach")
    teach.get_by_role("button", name="Take the blind test").click()
    expect(teach.get_by_text(f"Pair 1 of {PAIRS}", exact=True)).to_be_visible()
    key = sides(studio, lesson.key)
    figures = teach.locator(".proof-works figure")

    # The tuned work is where the server says, and nothing on the page says so.
    registry = Registry(studio.checkpoints(), "cpu")
    tuned = registry.use(MEDIUM, lesson.version)
    page.evaluate(
        "html => document.body.insertAdjacentHTML('beforeend', `<div id=truth>${html}</div>`)",
        tuned.decode(tuned.map(noise_from_seed(key[0][0])[None]))[0].show(),
    )
    truth = look(page.locator("#truth img"))
    shown = {side: look(figures.nth(place).locator("img")) for place, side in enumerate(SIDES)}
    page.locator("#truth").evaluate("node => node.remove()")
    assert {side: same(truth, seen) for side, seen in shown.items()} == {
        side: side == key[0][1] for side in shown
    }
    assert skeleton(figures.nth(0), "left") == skeleton(figures.nth(1), "right")
    written = re.sub(r'src="[^"]*"', "", page.content())
    parent = card_of(studio, lesson.version).parent
    assert parent and not re.search(f"{parent}-tuned|{'|'.join(str(s) for s, _ in key)}", written)

    for number in (1, 2, 3):
        answer_with(page, "tie", number)
    # A mistake is taken back; a key held down judges nothing unseen.
    page.get_by_text(f"Pair 4 of {PAIRS}", exact=True).wait_for()
    for number in (3, 2, 1):
        page.keyboard.press("u")
        page.get_by_text(f"Pair {number} of {PAIRS}", exact=True).wait_for()
    for _ in range(4):
        page.keyboard.down(KEYS[key[0][1]])
    page.keyboard.up(KEYS[key[0][1]])
    for number in range(2, 6):
        answer_with(page, key[number - 1][1], number)
    expect(page.get_by_text(f"Pair 6 of {PAIRS}", exact=True)).to_be_visible()

    # Left and gone on with, after a reload too.
    teach.get_by_role("button", name="Go on later").click()
    expect(teach.get_by_role("heading", name="Before and after")).to_be_visible()
    restart(studio, page)
    open_tab(page, "teach")
    teach.get_by_role("button", name=f"Go on with the blind test (5 of {PAIRS} done)").click()
    answer_with(page, key[5][1], 6)
    page.get_by_text(f"Pair 7 of {PAIRS}", exact=True).wait_for()
    page.reload()
    page.locator("#tab-explore figure.stage").wait_for()
    open_tab(page, "teach")
    other = {"left": "right", "right": "left"}
    answer_with(page, "tie", 7)
    answer_with(page, "tie", 8)
    for number in range(9, PAIRS + 1):
        side = key[number - 1][1]
        answer_with(page, other[side] if number == 9 else side, number)
    result = teach.get_by_role("heading", name=f"You preferred the new one in 10 of {PAIRS}")
    expect(result).to_be_visible()
    expect(teach.get_by_text("You like what it makes now better")).to_be_visible()
    expect(teach.get_by_text("The new one 9 ×, the one before 1 ×")).to_be_visible()

    teach.get_by_role("button", name="Accept").click()
    current = teach.locator(".versions [aria-current]")
    expect(current).to_contain_text(f"blind test: 10 of {PAIRS}")
    told = card_of(studio, lesson.version).card["blind_test"]
    assert (told["tuned"], told["before"], told["ties"]) == (9, 1, 2)
    # It was an examination, not another lesson.
    open_tab(page, "rate")
    rated = page.locator("#tab-rate .rate-count strong")
    expect(rated).to_have_text(str(lesson.measured["ratings"]))


def test_a_version_that_lost_too_much_is_not_taken_unawares(
    person: Person, studio: ServedStudio
) -> None:
    page = person()
    lesson = finished_lesson(studio, page, far=SPOILT)
    assert "quality_kept" in lost(lesson.measured)
    open_tab(page, "teach")
    teach = page.locator("#tab-teach")
    expect(teach.get_by_text("More of its works look odd")).to_be_visible()
    expect(teach.get_by_role("button", name="Accept")).to_have_count(0)
    expect(teach.get_by_role("button", name="Take it all the same")).to_be_visible()
    teach.get_by_role("button", name="Take a weaker one").click()
    expect(teach.get_by_text("This is a weaker version")).to_be_visible(timeout=LESSON)
    expect(teach.get_by_text("More of its works look odd")).to_have_count(0)
    teach.get_by_role("button", name="Accept").click()
    expect(teach.locator(".versions [aria-current]")).to_contain_text(
        "Your taste 1", timeout=LESSON
    )
    expect(teach.get_by_text("Your taste 2")).to_have_count(0)
    with pytest.raises(NotFound):
        card_of(studio, lesson.version)


def test_it_may_be_taken_all_the_same(person: Person, studio: ServedStudio) -> None:
    page = person()
    lesson = finished_lesson(studio, page, far=SPOILT)
    open_tab(page, "teach")
    teach = page.locator("#tab-teach")
    teach.get_by_role("button", name="Take it all the same").click()
    expect(teach.locator(".versions [aria-current]")).to_contain_text(
        "Your taste 1", timeout=LESSON
    )
    assert "blind_test" not in card_of(studio, lesson.version).card
