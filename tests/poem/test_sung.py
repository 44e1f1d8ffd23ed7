"""A poem as it is sung has as many syllables as it is counted to have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.poem import english
from studio.poem.sung import cut, spoken, syllables

LINES = (
    "A heritage of Providence;",
    "And watching o'er th' enchanted wilderness",
    "'Tis a phantom of love once more,",
    "Of my belovèd's wand'ring flowers --",
    "“Amfalula!” cried the rhythm-haunted fire",
)


@pytest.mark.parametrize("line", LINES)
def test_a_line_has_the_syllables_of_its_meter(line: str) -> None:
    found = spoken(line)
    assert len(found) == english.scan(english.words(line))[0]
    said = "".join(each.text + " " * each.is_last for each in found)
    assert said.split() == line.replace("rhythm-haunted", "rhythm- haunted").split()


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("heritage", "he ri tage"),
        ("immortal", "im mor tal"),
        ("faithful", "faith ful"),
        ("creation", "cre a tion"),
        ("loved", "loved"),
        ("moonlight", "moon light"),
        ("mother's", "mo ther's"),
    ],
)
def test_words_are_cut_where_they_are_sung(word: str, parts: str) -> None:
    assert cut(word, len(parts.split())) == parts.split()


@given(st.text("abcdefghiorstuyA'", min_size=1, max_size=14), st.integers(1, 5))
def test_no_letter_is_lost(word: str, count: int) -> None:
    parts = cut(word, count)
    assert len(parts) == min(count, len(word))
    assert "".join(parts) == word and all(parts)


def test_stress_is_told_of_longer_words_only() -> None:
    assert [each.stress for each in spoken("the mother alone")] == [None, 1, 0, 0, 1]


def test_chinese_has_a_character_to_a_note() -> None:
    found = syllables(["楼凝玉影弄秋光，", "", "日映梅枝尚更芳。"], "zh")
    assert [len(line) for line in found] == [7, 7]
    assert [each.opens for each in found[0]] == [True, *[False] * 6]
    assert found[1][0].text == "日"
