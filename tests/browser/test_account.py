"""Signing in, on a Space that offers it: one person in two browsers, two people in one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ServedStudio, open_tab, wait_for_artwork
from tests.identities import CLIENT, SECRET, Identities, identities

Person = Callable[..., Page]


@pytest.fixture(scope="module")
def provider() -> Iterator[Identities]:
    with identities() as found:
        yield found


@pytest.fixture(scope="module")
def studio(
    tmp_path_factory: pytest.TempPathFactory, bases, provider: Identities
) -> Iterator[ServedStudio]:
    served = ServedStudio(
        tmp_path_factory.mktemp("space"),
        bases,
        SYSTEM="spaces",
        SPACE_ID="ada/studio",
        STUDIO_HOST="127.0.0.1",
        OAUTH_CLIENT_ID=CLIENT,
        OAUTH_CLIENT_SECRET=SECRET,
        OAUTH_SCOPES="openid profile",
        OPENID_PROVIDER_URL=provider.url,
    )
    yield served
    served.stop()


def header(page: Page):
    return page.locator(".studio-header")


def sign_in(page: Page, provider: Identities, name: str) -> None:
    provider.be(name)
    header(page).get_by_role("button", name="Sign in").click()
    # The name is shown as it is, whatever it holds.
    expect(header(page).get_by_text(f"{name.title()} <b>{name}</b>")).to_be_visible()
    wait_for_artwork(page)


def sign_out(page: Page) -> None:
    header(page).get_by_role("button", name="Sign out").click()
    expect(header(page).get_by_role("button", name="Sign in")).to_be_visible()
    wait_for_artwork(page)


def keep(page: Page) -> None:
    """One work more of this person's."""
    open_tab(page, "explore")
    page.keyboard.press("d")
    page.wait_for_function("window.studio.desks['tab-explore'].isIdle()")
    page.keyboard.press("k")
    page.wait_for_function("window.studio.desks['tab-explore'].isIdle()")


def expect_kept(page: Page, count: int) -> None:
    open_tab(page, "gallery")
    expect(page.locator("#tab-gallery [data-do=open]")).to_have_count(count)


def test_what_somebody_made_is_theirs_in_every_browser(
    person: Person, provider: Identities
) -> None:
    first = person()
    keep(first)
    sign_in(first, provider, "ada")
    # What was made before came along.
    expect_kept(first, 1)

    second = person()
    keep(second)
    keep(second)
    sign_in(second, provider, "ada")
    expect_kept(second, 1)
    keep(second)
    expect_kept(second, 2)
    first.reload()
    wait_for_artwork(first)
    expect_kept(first, 2)

    # Who signs out leaves nothing open, and finds what the browser had without them.
    sign_out(second)
    expect_kept(second, 2)
    sign_out(first)
    expect_kept(first, 0)


def test_two_people_who_share_a_browser_share_nothing_else(
    person: Person, provider: Identities
) -> None:
    page = person()
    sign_in(page, provider, "bo")
    keep(page)
    sign_out(page)
    sign_in(page, provider, "cy")
    expect_kept(page, 0)
    keep(page)
    sign_out(page)
    sign_in(page, provider, "bo")
    expect_kept(page, 1)
