"""A direction of one's own, found from a few marks, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import picture, wait_for_another, wait_for_artwork


def test_marks_become_a_dial_that_turns_stays_and_goes(person: Callable[..., Page]) -> None:
    page = person()
    page.get_by_role("button", name="Find me a direction").click()
    sheet = page.locator("#tab-explore section.find")
    found = sheet.get_by_role("button", name="Find it and keep it")
    for number, side in ((1, "more"), (2, "more"), (3, "less")):
        mark = sheet.get_by_role("button", name=f"Work {number} has {side} of it", exact=True)
        mark.click()
        expect(mark).to_have_attribute("aria-pressed", "true")
    expect(found).to_be_disabled()
    # What stands large counts too, wherever it is from.
    sheet.get_by_role("button", name="The work above has less of it").click()
    expect(sheet.locator(".find-tray li")).to_have_count(4)
    sheet.get_by_label("What do you call it?").fill("Salt air")
    found.click()

    dial = page.get_by_label("Salt air", exact=True)
    dial.wait_for()
    expect(sheet).to_have_count(0)
    before = picture(page)
    dial.focus()
    dial.press("End")
    wait_for_another(page, before)
    effect = page.locator(f"#{dial.get_attribute('aria-describedby')}")
    expect(effect).to_be_visible()
    expect(effect).to_have_text(re.compile(r"To the right: .+|Changes hardly anything"))
    # As an answer leaves it that was under way while the dial was measured.
    effect.evaluate("(node) => { node.textContent = 'What it changes is being measured …'; }")
    page.evaluate("window.studio.desks['tab-explore'].moved()")
    expect(effect).to_have_text(re.compile(r"To the right: .+|Changes hardly anything"))

    page.get_by_role("button", name="Rename “Salt air”").click()
    page.get_by_label("New name").fill("Sea light")
    page.get_by_label("New name").press("Enter")
    renamed = page.get_by_label("Sea light", exact=True)
    expect(renamed).to_have_value("3")

    page.reload()
    wait_for_artwork(page)
    expect(renamed).to_have_value("3")
    expect(effect).to_have_text(re.compile(r"To the right: .+|Changes hardly anything"))
    page.get_by_role("button", name="Forget “Sea light”").click()
    expect(renamed).to_have_count(0)
