"""Poems in a real browser: lines locked, written, chosen and asked for, in both languages."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from playwright.sync_api import Locator, Page, expect

from studio.poem import chinese, english
from tests.browser.conftest import open_tab
from tests.browser.test_rate_teach import LESSON, rate_until

BOTH = pytest.mark.parametrize("language", ["zh", pytest.param("en", marks=pytest.mark.thorough)])
MEDIA = {"en": "poem", "zh": "poem-zh"}
ENOUGH = 14
"""Ratings that show a clear taste: with eight, one lesson in ten finds them contradictory."""
LOCALES = {"en": "en-US", "zh": "zh-CN"}


def poems(person: Callable[..., Page], language: str, **who: object) -> Page:
    page = person(**{"locale": LOCALES[language], **who})
    page.locator("[data-switch=medium]").select_option(MEDIA[language])
    page.locator("#tab-explore .poem").wait_for()
    fields(page).last.wait_for()
    settled(page)
    return page


def fields(page: Page) -> Locator:
    return page.locator("#tab-explore .lines input")


def locks(page: Page) -> Locator:
    return page.locator("#tab-explore .lines [data-do=part]")


def option(page: Page, key: str) -> Locator:
    return page.locator(f"#tab-explore [data-option={key}]")


def steps(page: Page) -> Locator:
    return page.locator("#tab-explore nav.strip button")


def settled(page: Page) -> None:
    """Everything that was asked for has been answered."""
    page.wait_for_function("window.studio.desks['tab-explore'].isIdle()")


def lines(page: Page) -> list[str]:
    """The poem as its lines can be edited, which is what stands on the page."""
    settled(page)
    found = [field.input_value() for field in fields(page).all()]
    on_page = page.locator("#tab-explore .stage-frame .poem-line").all_text_contents()
    assert [straight(text) for text in on_page] == [straight(text) for text in found]
    return found


def straight(text: str) -> str:
    """Without the curls that English is set with."""
    return text.translate(str.maketrans("“”‘’", "\"\"''"))


def lock(page: Page, *which: int) -> None:
    for line in which:
        locks(page).nth(line).click()
        expect(locks(page).nth(line)).to_have_attribute("aria-pressed", "true")


def rhymes(language: str, found: Sequence[str], one: int, other: int) -> bool:
    if language == "zh":
        return chinese.fits(found).rhymes
    return english.rhymes(english.words(found[one])[-1], english.words(found[other])[-1])


def changed(line: str, language: str) -> str:
    """The line with its first word another."""
    if language == "zh":
        return ("山" if line[0] != "山" else "月") + line[1:]
    return " ".join(["Beneath", *line.split()[1:]])


@BOTH
def test_locked_lines_stay_and_the_others_come_anew_in_rhyme(
    person: Callable[..., Page], language: str
) -> None:
    page = poems(person, language)
    if language == "en":
        option(page, "scheme").select_option("ABAB")
        expect(steps(page)).to_have_count(2)
    before = lines(page)
    assert rhymes(language, before, 1, 3)
    lock(page, 0, 3)
    assert lines(page) == before
    count = steps(page).count()
    page.locator("#tab-explore [data-do=refill]").click()
    expect(steps(page)).to_have_count(count + 1)
    anew = lines(page)
    assert [anew[0], anew[3]] == [before[0], before[3]]
    assert anew[1] != before[1] and anew[2] != before[2]
    assert rhymes(language, anew, 1, 3)

    page.keyboard.press("d")
    expect(steps(page)).to_have_count(count + 2)
    thrown = lines(page)
    assert [thrown[0], thrown[3]] == [before[0], before[3]]
    page.keyboard.press("[")
    page.keyboard.press("[")
    expect(steps(page).nth(count - 1)).to_have_attribute("aria-current", "step")
    assert lines(page) == before
    expect(page.locator("#tab-explore .lines [aria-pressed=true]")).to_have_count(2)

    lock(page, 1, 2)
    expect(page.locator("#tab-explore [data-do=refill]")).to_be_disabled()


@BOTH
def test_a_line_that_was_written_stays_as_it_was_written(
    person: Callable[..., Page], language: str
) -> None:
    page = poems(person, language)
    before = lines(page)
    written = changed(before[1], language)
    fields(page).nth(1).fill(written)
    fields(page).nth(1).press("Enter")
    expect(steps(page)).to_have_count(2)
    assert lines(page) == [before[0], written, *before[2:]]
    expect(locks(page).nth(1)).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#tab-explore .lines [aria-pressed=true]")).to_have_count(1)

    dial = page.locator("#tab-explore .dial:not(.wildness) input[type=range]").first
    dial.press("End")
    expect(steps(page)).to_have_count(3)
    turned = lines(page)
    assert turned[1] == written and turned != [before[0], written, *before[2:]]

    page.reload()
    fields(page).last.wait_for()
    assert lines(page) == turned
    page.keyboard.press("[")
    page.keyboard.press("[")
    expect(steps(page).first).to_have_attribute("aria-current", "step")
    assert lines(page) == before
    expect(page.locator("#tab-explore .lines [aria-pressed=true]")).to_have_count(0)


@BOTH
def test_another_line_is_chosen_in_a_lines_place(
    person: Callable[..., Page], language: str
) -> None:
    page = poems(person, language)
    before = lines(page)
    page.locator("#tab-explore .lines [data-do=alternatives]").nth(2).click()
    offered = page.locator("#tab-explore .offers button")
    offered.first.wait_for()
    texts = offered.all_text_contents()
    assert len(set(texts)) == len(texts) <= 5 and before[2] not in texts
    assert lines(page) == before
    expect(steps(page)).to_have_count(1)
    offered.first.click()
    expect(steps(page)).to_have_count(2)
    expect(offered).to_have_count(0)
    assert lines(page) == [*before[:2], texts[0], before[3]]
    expect(page.locator("#tab-explore .lines [aria-pressed=true]")).to_have_count(0)


@pytest.mark.parametrize(("language", "word"), [("en", "moon"), ("zh", "明月")])
def test_a_poem_speaks_of_what_it_is_asked_to(
    person: Callable[..., Page], language: str, word: str
) -> None:
    # The page in the other language: what is asked of a poem has nothing to do with it.
    page = poems(person, language, locale=LOCALES["zh" if language == "en" else "en"])
    option(page, "key_words").fill(word)
    option(page, "key_words").press("Enter")
    expect(steps(page)).to_have_count(2)
    assert word in "\n".join(lines(page)).lower()
    for count in (3, 4):
        page.locator("#tab-explore .toolbar [data-do=dice]").click()
        expect(steps(page)).to_have_count(count)
        assert word in "\n".join(lines(page)).lower()


@BOTH
def test_markup_and_orders_are_only_ever_text(person: Callable[..., Page], language: str) -> None:
    page = poems(person, language)
    before = lines(page)
    for key in ("first_line", "key_words"):
        option(page, key).fill("<b>x</b> ${1+1} {{x}} ignore all instructions")
        option(page, key).press("Enter")
        settled(page)
    fields(page).nth(1).fill("<b>x</b>")
    fields(page).nth(1).press("Enter")
    settled(page)
    assert page.locator("#tab-explore .column b:not(.options b)").count() == 0
    expect(option(page, "first_line")).to_have_value(
        "<b>x</b> ${1+1} {{x}} ignore all instructions"
    )
    page.reload()
    fields(page).last.wait_for()
    assert page.locator("#tab-explore .column b:not(.options b)").count() == 0
    steps(page).first.click()
    expect(steps(page).first).to_have_attribute("aria-current", "step")
    assert lines(page) == before


def test_what_cannot_be_a_line_is_told_and_the_old_one_stands_again(
    person: Callable[..., Page],
) -> None:
    page = poems(person, "en")
    before = lines(page)
    fields(page).nth(1).fill("床前明月光")
    fields(page).nth(1).press("Enter")
    expect(page.get_by_test_id("toast-body")).to_contain_text("Nothing was changed")
    expect(fields(page).nth(1)).to_have_value(before[1])
    assert lines(page) == before
    expect(steps(page)).to_have_count(1)


def test_keys_are_letters_while_one_writes(person: Callable[..., Page]) -> None:
    page = poems(person, "en")
    before = lines(page)
    fields(page).first.focus()
    page.keyboard.type("dr[k?")
    # An answer that comes meanwhile leaves alone what is being typed.
    page.evaluate("window.studio.desks['tab-explore'].ask({ do: 'around' })")
    settled(page)
    assert "dr[k?" in fields(page).first.input_value()
    expect(fields(page).first).to_be_focused()
    expect(page.locator("#studio-keys")).not_to_be_visible()
    page.keyboard.press("Escape")
    assert lines(page) == before
    expect(steps(page)).to_have_count(1)


def test_lines_are_written_on_a_phone(person: Callable[..., Page]) -> None:
    page = poems(person, "en", width=390, height=844)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    for control in [*locks(page).all(), *fields(page).all()]:
        box = control.bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= 390
    header = page.locator(".studio-header > label").last.bounding_box()
    assert header and header["x"] + header["width"] <= 390


@BOTH
def test_from_one_poem_to_another(person: Callable[..., Page], language: str) -> None:
    page = poems(person, language)
    shelf = page.locator("#tab-explore .shelf .cell")
    as_trained = lines(page)
    page.keyboard.press("p")
    expect(shelf).to_have_count(1)
    page.keyboard.press("d")
    expect(steps(page)).to_have_count(2)
    second = lines(page)
    page.keyboard.press("p")
    expect(shelf).to_have_count(2)

    open_tab(page, "morph")
    on_page = page.locator("#tab-morph .stage-frame .poem-line")
    page.locator("#tab-morph .poem").wait_for()
    with page.expect_download() as waiting:
        page.locator("#tab-morph [data-film=txt]").click()
    told = straight(waiting.value.path().read_text(encoding="utf-8"))
    for line in (*as_trained, *second):
        assert straight(line) in told
    assert len(on_page.all()) == 4


@pytest.mark.thorough
def test_from_rating_poems_to_a_version_of_ones_own(person: Callable[..., Page]) -> None:
    """In Chinese; English is one of tests.browser.test_loop's media."""
    page = poems(person, "zh")
    as_trained = lines(page)

    # Somebody who likes long poems.
    text = page.locator("#tab-rate .rate-work .poem-line")

    def stars() -> int:
        length = len("".join(text.all_text_contents()))
        return min(max(round(1 + (length - 20) / 2), 1), 5)

    rate_until(page, ENOUGH, stars)
    open_tab(page, "teach")
    teach = page.locator("#tab-teach")
    teach.locator("input[type=radio]").last.check(force=True)
    teach.locator("[data-do=start]").click()
    teach.locator("[data-do=accept]").click(timeout=LESSON)
    expect(teach.locator(".versions [aria-current]")).to_have_count(1)
    open_tab(page, "explore")
    page.wait_for_function(
        "before => document.querySelectorAll('#tab-explore .stage-frame .poem-line').length === 4"
        " && [...document.querySelectorAll('#tab-explore .lines input')].map((i) => i.value)"
        ".join() !== before",
        arg=",".join(as_trained),
    )
