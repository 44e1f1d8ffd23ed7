"""What is known of famous quatrains, and what the rules of regulated verse imply."""

import numpy as np
import pytest

from studio.poem import chinese
from studio.poem.form import EITHER, LEVEL, OBLIQUE, patterns

STORK = ("白日依山尽", "黄河入海流", "欲穷千里目", "更上一层楼")
BAIDI = ("朝辞白帝彩云间", "千里江陵一日还", "两岸猿声啼不住", "轻舟已过万重山")
DEER = ("空山不见人", "但闻人语响", "返景入深林", "复照青苔上")


@pytest.mark.parametrize(
    ("char", "level", "oblique"),
    [("东", True, False), ("国", False, True), ("看", True, True), ("重", True, True)],
)
def test_classical_tones(char: str, level: bool, oblique: bool) -> None:
    assert (LEVEL in chinese.tones(char), OBLIQUE in chinese.tones(char)) == (level, oblique)


def test_entering_tones_are_level_in_modern_speech() -> None:
    assert chinese.tones("国", "modern") == {LEVEL}
    assert chinese.tones("白") == {OBLIQUE}


def test_rhymes_that_speech_has_lost_and_found() -> None:
    # 间 还 山 still rhyme; 元 and 门 share a group only in the book.
    assert "上平声十五删" in chinese.rhymes("间") & chinese.rhymes("还") & chinese.rhymes("山")
    assert chinese.rhymes("元") & chinese.rhymes("门") == {"上平声十三元"}
    assert not chinese.rhymes("元", "modern") & chinese.rhymes("门", "modern")


def test_traditional_and_simplified_sound_alike() -> None:
    for pair in ("東东", "髮发", "樓楼", "溪谿"):
        assert chinese.rhymes(pair[0]) <= chinese.rhymes(pair[1]), pair


def test_a_character_outside_the_book_has_its_modern_sound() -> None:
    assert chinese.rhymes("她") == chinese.rhymes("她", "modern") == {"平声一麻"}
    assert chinese.rhymes("A") == chinese.rhymes("<pad>") == chinese.rhymes("，") == frozenset()


def test_common_second_readings_count_and_rare_ones_do_not() -> None:
    assert chinese.tones("长", "modern") == {LEVEL, OBLIQUE}
    assert chinese.rhymes("还", "modern") == {"平声四开", "平声八寒"}
    assert chinese.rhymes("不", "modern") == {"平声十四姑", "仄声十四姑"}


@pytest.mark.parametrize("length", [5, 7])
def test_patterns_keep_the_rules(length: int) -> None:
    found = patterns(length)
    assert len({pattern.name for pattern in found}) == 4
    for pattern in found:
        second = [line[1] for line in pattern.lines]
        assert second[0] != second[1] == second[2] != second[3]
        assert pattern.name.startswith(second[0])
        for index, line in enumerate(pattern.lines):
            assert len(line) == length
            assert (line[-1] == LEVEL) == (index in pattern.rhymes)
            assert line[3] != line[1] != EITHER
            # Never three alike at the end, whatever the free places take.
            assert not {"平平平", "仄仄仄", "中平平", "中仄仄"} & {line[-3:]}
        assert pattern.allowed().shape == (4, length, 2)


def test_the_tables_of_the_handbooks() -> None:
    by_name = {pattern.name: pattern.lines for pattern in patterns(5)}
    assert by_name["仄起首句不入韵"] == ("中仄中平仄", "平平中仄平", "中平平仄仄", "中仄仄平平")
    assert patterns(7)[3].lines[0] == "中平中仄仄平平"
    with pytest.raises(ValueError, match="not 6"):
        patterns(6)


def test_famous_quatrains_fit() -> None:
    stork, baidi = chinese.fits(STORK), chinese.fits(BAIDI)
    assert stork.is_regulated and stork.share == 1
    assert stork.pattern and stork.pattern.name == "仄起首句不入韵"
    assert stork.groups == {"下平声十一尤"}
    assert baidi.is_regulated and baidi.length == 7 and baidi.groups == {"上平声十五删"}


def test_a_first_line_that_rhymes_is_heard() -> None:
    lines = ("月落乌啼霜满天", "江枫渔火对愁眠", "姑苏城外寒山寺", "夜半钟声到客船")
    found = chinese.fits(lines)
    assert found.pattern and found.pattern.rhymes == (0, 1, 3) and found.share == 1


def test_the_book_decides() -> None:
    lines = ("江碧鸟逾白", "山青花欲燃", "今春看又过", "何日是归年")
    assert chinese.fits(lines).share == 1
    # 白 has lost its entering tone.
    assert chinese.fits(lines, "modern").share == 19 / 20


def test_old_style_and_broken_ones_do_not() -> None:
    assert not chinese.fits(DEER).rhymes
    assert not chinese.fits((STORK[0], STORK[1], STORK[2], STORK[1])).rhymes
    assert not chinese.fits((STORK[0], STORK[0][::-1], STORK[2], STORK[3])).is_regulated
    for lines in ((), STORK[:3], ("四字一行",) * 4, (*STORK[:3], BAIDI[3])):
        assert chinese.fits(lines).length == 0


@pytest.mark.parametrize("book", chinese.BOOKS)
def test_tables_say_what_the_book_says(book: str) -> None:
    vocabulary = ["<pad>", "<line>", *"".join(BAIDI), "，"]
    found = chinese.tables(vocabulary, book)
    for row, token in enumerate(vocabulary):
        names = {found.groups[column] for column in np.flatnonzero(found.rhyme[row])}
        assert names == set(filter(chinese.is_level, chinese.rhymes(token, book)))
        assert found.level[row] == (LEVEL in chinese.tones(token, book))
        assert found.oblique[row] == (OBLIQUE in chinese.tones(token, book))


def test_an_unknown_book_is_refused() -> None:
    with pytest.raises(ValueError, match="no such rhyme book"):
        chinese.rhymes("东", "tang")


def test_traditional_text_is_noticed() -> None:
    assert chinese.simplified("更上一層樓") == ("更上一层楼", True)
    assert chinese.simplified("更上一层楼") == ("更上一层楼", False)
    assert chinese.simplified("白日") == ("白日", False)


def test_pinyin_has_a_reading_for_every_character() -> None:
    assert chinese.pinyin("银行行长") == ["yín", "háng", "háng", "zhǎng"]
    assert len(chinese.pinyin("山，a b")) == 5
