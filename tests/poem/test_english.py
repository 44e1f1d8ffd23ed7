"""What verse does with words, and what is known of famous quatrains."""

import numpy as np
import pytest

from studio.poem import english

ELEGY = (
    "The curfew tolls the knell of parting day,",
    "The lowing herd wind slowly o'er the lea,",
    "The plowman homeward plods his weary way,",
    "And leaves the world to darkness and to me.",
)


@pytest.mark.parametrize(
    ("word", "counts"),
    [
        ("heaven", {2}),
        ("heav'n", {1}),
        ("Ev’ry", {2}),
        ("'tis", {1}),
        ("th'", {0}),
        ("o'er", {1}),
        ("fire", {1, 2}),
        ("wand'ring", {2}),
        ("walk'd", {1}),
        ("wingèd", {2}),
        ("loveth", {2}),
        ("thou'rt", {1}),
        ("rose's", {2}),
        ("stars'", {1}),
        ("uncrowned", {2}),
        (",", set()),
        ("<pad>", set()),
    ],
)
def test_syllables(word: str, counts: set[int]) -> None:
    assert english.syllables(word) == counts


@pytest.mark.parametrize(
    ("word", "count"),
    [("zorple", 2), ("blimes", 1), ("snarped", 1), ("grunted", 2), ("vorbèd", 2), ("grimalkin", 3)],
)
def test_unknown_words_are_counted_by_their_spelling(word: str, count: int) -> None:
    assert english.syllables(word) == {count}


def test_unknown_words_rhyme_as_they_are_spelled() -> None:
    assert not english.is_known("snight")
    assert english.rhymes("snight", "bright")
    assert english.rhymes("blorling", "darling") or english.rhyme_keys("blorling")


def test_stresses_count_all_pronunciations() -> None:
    assert english.stresses("today") == {"01"}
    assert {"10", "01"} <= english.stresses("record")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("day", "way"),
        ("wind", "mind"),
        ("again", "men"),
        ("again", "rain"),
        ("memory", "me"),
        ("multitude", "rude"),
        ("flow'r", "pow'r"),
        ("falling", "calling"),
        ("loved", "mov'd"),
    ],
)
def test_rhymes(one: str, other: str) -> None:
    # loved and moved rhyme for the eye only.
    assert english.rhymes(one, other) is ((one, other) != ("loved", "mov'd"))


def test_a_word_is_no_rhyme_for_itself() -> None:
    assert not english.rhymes("day", "Day")
    assert not english.rhymes(",", ",")


@pytest.mark.parametrize(
    ("ends", "scheme"),
    [
        ("day sea way me", "ABAB"),
        ("day way sea me", "AABB"),
        ("day sea me way", "ABBA"),
        ("day moon hill soon", "ABCB"),
        ("day way moon stay", "AABA"),
        ("day way may stay", "AAAA"),
        ("day moon hill rock", "none"),
        ("day day moon moon", "none"),
    ],
)
def test_schemes(ends: str, scheme: str) -> None:
    assert english.scheme_of([f"It was the {end}!" for end in ends.split()]) == scheme


def test_a_scheme_needs_four_lines_with_words() -> None:
    assert english.scheme_of(ELEGY[:3]) == english.scheme_of(["", "", "...", "—"]) == "none"
    assert english.scheme_of(ELEGY) == "ABAB"


def test_meter() -> None:
    found = english.meter_of(ELEGY)
    assert found.syllables == (10, 10, 10, 10)
    assert found.iambic > 0.95
    trochees = english.meter_of(["Tiger, tiger, burning under"] * 4)
    assert trochees.syllables == (8,) * 4 and trochees.iambic == 0
    assert english.meter_of([]).iambic == 0


def test_tables_say_what_the_words_say() -> None:
    vocabulary = ["<pad>", ",", "fire", "wire", "wind", "mind", "th'", "memory"]
    found = english.tables(vocabulary)
    assert found.syllables.tolist()[:2] == [0, 0]
    for row, word in enumerate(vocabulary):
        keys = {found.keys[number] for number in found.rhyme[row] if number >= 0}
        assert keys <= english.rhyme_keys(word)
        assert bool(keys) == bool(english.rhyme_keys(word))
        pattern = "".join(str(mark) for mark in found.stress[row] if mark >= 0)
        assert len(pattern) == found.syllables[row]
        assert pattern in english.stresses(word) or not english.stresses(word)
    fire, wire = found.rhyme[2], found.rhyme[3]
    assert np.intersect1d(fire[fire >= 0], wire).size
    assert {found.syllables[2], found.alternative[2]} == {1, 2}
