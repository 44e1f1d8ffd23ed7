"""Accounts: one session for each, opened by a key of its own in each browser, and nobody else's."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from studio.errors import NotFound
from studio.medium import Recipe
from studio.store import Store
from studio.store.accounts import LONGEST_NAME
from studio.store.tables import AccountRecord


def browser(store: Store) -> str:
    """The key of one that nobody has signed in with."""
    return store.open_session(None).key


def work(store: Store, key: str, number: float = 1.0) -> str:
    return store.keep_artwork(key, Recipe("painting", "v1", (number,)), "<img>", kept=True)


def works(store: Store, key: str) -> list[str]:
    return [row.id for row in store.artworks(key)]


def test_whoever_signs_in_first_keeps_what_they_made(store: Store) -> None:
    key = browser(store)
    made = work(store, key)
    assert store.accounts.name(key) is None
    opened = store.accounts.sign_in(key, "hub/ada", "Ada")
    assert works(store, opened) == [made]
    assert store.accounts.name(opened) == "Ada"


def test_a_key_from_before_somebody_signed_in_does_not_open_their_session(store: Store) -> None:
    planted = browser(store)
    opened = store.accounts.sign_in(planted, "hub/ada", "Ada")
    work(store, opened)
    assert opened != planted and not store.knows(planted)
    # A page that is still open with it begins anew, and finds the account's session by itself.
    again = store.accounts.sign_in(store.open_session(planted).key, "hub/ada", "Ada")
    assert works(store, again) == works(store, opened)


def test_another_browser_opens_the_same_session_with_a_key_of_its_own(store: Store) -> None:
    first, second = browser(store), browser(store)
    mine, left = work(store, first), work(store, second, 2.0)
    first = store.accounts.sign_in(first, "hub/ada", "Ada")
    opened = store.accounts.sign_in(second, "hub/ada", "Ada L.")
    assert opened not in (first, second)
    assert works(store, opened) == [mine]
    assert store.accounts.name(first) == "Ada L."
    # Each time the page is loaded says it again.
    assert store.accounts.sign_in(opened, "hub/ada", "Ada") == opened
    # What is made there is there, whichever key asks; and what was before stays where it was.
    later = work(store, opened, 3.0)
    assert set(works(store, first)) == {mine, later}
    assert works(store, second) == [left]
    store.save_state(opened, "explore.painting", {"seed": 7})
    assert store.load_state(first, "explore.painting") == {"seed": 7}


def test_somebody_else_in_the_same_browser_gets_a_session_of_their_own(store: Store) -> None:
    key = browser(store)
    work(store, key)
    key = store.accounts.sign_in(key, "hub/ada", "Ada")
    theirs = store.accounts.sign_in(key, "hub/bo", "Bo")
    assert theirs != key and works(store, theirs) == []
    assert store.accounts.name(key) == "Ada"


@pytest.mark.parametrize("is_first", [True, False])
def test_a_key_that_signed_out_opens_nothing_and_the_others_still_do(
    store: Store, is_first: bool
) -> None:
    first = browser(store)
    made = work(store, first)
    first = store.accounts.sign_in(first, "hub/ada", "Ada")
    second = store.accounts.sign_in(browser(store), "hub/ada", "Ada")
    gone, stays = (first, second) if is_first else (second, first)
    store.accounts.sign_out(gone)
    assert not store.knows(gone)
    with pytest.raises(NotFound):
        store.artworks(gone)
    assert store.open_session(gone).key != gone
    assert works(store, stays) == [made]
    # And who comes again finds it again.
    store.accounts.sign_out(stays)
    again = store.accounts.sign_in(browser(store), "hub/ada", "Ada")
    assert works(store, again) == [made]


def test_nobody_is_signed_out_of_what_no_account_would_open_again(store: Store) -> None:
    key = browser(store)
    made = work(store, key)
    for stranger in (key, "no such key"):
        with pytest.raises(NotFound):
            store.accounts.sign_out(stranger)
    assert works(store, key) == [made]


def test_an_account_is_known_by_a_hash_and_a_short_name(store: Store) -> None:
    store.accounts.sign_in(browser(store), "hub/ada", "A" * 5000)
    with store._database.reading() as db:
        [record] = db.scalars(select(AccountRecord)).all()
    assert "ada" not in record.account_hash and record.name == "A" * LONGEST_NAME


def test_who_deleted_everything_begins_anew(store: Store) -> None:
    key = browser(store)
    work(store, key)
    key = store.accounts.sign_in(key, "hub/ada", "Ada")
    second = store.accounts.sign_in(browser(store), "hub/ada", "Ada")
    store.belongings.delete(store.belongings.number(second))
    assert not store.knows(key) and not store.knows(second)
    assert works(store, store.accounts.sign_in(browser(store), "hub/ada", "Ada")) == []
