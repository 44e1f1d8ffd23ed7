"""Every question a person asks is answered, however slowly the framework's stream closes."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import (
    ServedStudio,
    open_tab,
    picture,
    same,
    wait_for_another,
    wait_for_artwork,
)

# The server's last word on a stream, that it closes it, comes half a second late: as on a busy
# machine, only always. What is asked meanwhile counts on a stream that is no longer there.
LATE_CLOSE = """(() => {
    const ask = window.fetch.bind(window);
    window.fetch = async (input, init) => {
        const response = await ask(input, init);
        const { pathname } = new URL(input.url ?? input, location);
        if (!pathname.endsWith("/queue/data")) return response;
        const late = async (chunk, out) => {
            const text = new TextDecoder().decode(chunk);
            const [before, after] = text.split(/(?=data: {"msg":"close_stream")/);
            out.enqueue(new TextEncoder().encode(before));
            if (!/close_stream/.test(text)) return;
            await new Promise((resolve) => setTimeout(resolve, 500));
            if (after) out.enqueue(new TextEncoder().encode(after));
        };
        const body = response.body.pipeThrough(new TransformStream({ transform: late }));
        return new Response(body, { headers: response.headers });
    };
})()"""


def test_what_is_asked_while_a_stream_closes_is_answered(person: Callable[..., Page]) -> None:
    page = person(script=LATE_CLOSE)
    for _ in range(4):
        before = picture(page)
        page.keyboard.press("d")
        wait_for_another(page, before)
    for tab, filled in (
        ("morph", "figure.stage, [data-go]"),
        ("rate", ".rate-desk[data-ready]"),
        ("teach", "button"),
        ("gallery", "[data-go], .cell, form"),
        ("explore", "figure.stage"),
    ):
        open_tab(page, tab)
        expect(page.locator(f"#tab-{tab}").locator(filled).first).to_be_visible()


def test_a_page_outlives_its_server(person: Callable[..., Page], studio: ServedStudio) -> None:
    page = person()
    kept = picture(page)
    studio.stop()
    page.keyboard.press("d")
    page.get_by_text("Connection to the server was lost").first.wait_for()
    with page.expect_event("framenavigated"):
        studio.start()
    wait_for_artwork(page)
    assert same(picture(page), kept)
    page.keyboard.press("d")
    wait_for_another(page, kept)
