"""What is asked of a poem is distrusted and kept, and has words in both languages."""

from __future__ import annotations

from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.poem import page
from studio.poem.data import REASONS
from studio.poem.settings import OPTIONS, Settings
from studio.words import LANGUAGES, catalogue

ROWS = [option for rows in OPTIONS.values() for option in rows]
VALUES = st.one_of(
    st.none(), st.integers(), st.text(), st.lists(st.text(), max_size=2), st.floats(), st.booleans()
)


@pytest.mark.parametrize("option", ROWS, ids=lambda option: option.key)
def test_every_choice_is_kept_and_the_default_left_out(option) -> None:
    for choice in option.choices:
        settings = Settings.of({option.key: choice})
        assert getattr(settings, option.key) == choice
        kept = {} if choice == option.default else {option.key: choice}
        assert settings.to_options() == kept


@given(
    st.dictionaries(
        st.sampled_from([*(option.key for option in ROWS), "held", "written", "at", "stranger"]),
        st.one_of(VALUES, st.dictionaries(st.sampled_from("01234"), VALUES)),
    )
)
def test_anything_becomes_settings_that_come_back(options) -> None:
    settings = Settings.of(options)
    assert Settings.of(settings.to_options()) == settings
    for option in ROWS:
        assert option.longest or getattr(settings, option.key) in option.choices
    texts = [settings.first_line, settings.key_words, *settings.held.values()]
    assert all(text.isprintable() and text == text.strip() for text in texts)
    assert max(len(settings.first_line), len(settings.key_words)) <= 60
    assert set(settings.held) <= set(range(4))


def test_texts_are_plain_and_short() -> None:
    settings = Settings.of(
        {"first_line": " The\x00 sea\n\u202eis <b>wide</b>", "key_words": "a" * 99}
    )
    assert settings.first_line == "The sea is <b>wide</b>"
    assert settings.key_words == "a" * 60


def test_a_held_line_is_whole_or_not_held() -> None:
    held = {
        "0": "  白日依山尽 ",
        "1": "x" * 121,
        "2": 5,
        "3": "\n",
        "4": "no such line",
    }
    settings = Settings.of({"held": held})
    assert settings.held == {0: "白日依山尽"}
    assert settings.to_options() == {"held": {"0": "白日依山尽"}}


def test_everything_about_poems_is_said_in_both_languages() -> None:
    tables = [catalogue(page.WORDS, language) for language in LANGUAGES]
    asked = {f"option.{option.key}.{choice}" for option in ROWS for choice in option.choices}
    asked |= {f"option.{key}" for key in (*(option.key for option in ROWS), "held")}
    asked |= {f"error.{key}" for key in (*REASONS, "poems_missing", "poems_damaged", "no_poems")}
    asked |= {"medium.title", "medium.one", "medium.upload", "part.title", "part.keep"}
    english, chinese = tables
    assert asked <= set(english) and set(english) == set(chinese)
    for key, sentence in english.items():
        places = [
            {name for _, name, _, _ in Formatter().parse(text)} for text in (sentence, chinese[key])
        ]
        assert places[0] == places[1], key
