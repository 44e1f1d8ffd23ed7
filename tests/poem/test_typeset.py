"""The picture of a poem: all of it is on the paper, at its place, in type of our own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageColor

from studio.poem import typeset
from studio.poem.data import Poem
from studio.poem.settings import Settings

STORK = Poem(("白日依山尽", "黄河入海流", "欲穷千里目", "更上一层楼"), "zh")
BAIDI = Poem(("朝辞白帝彩云间", "千里江陵一日还", "两岸猿声啼不住", "轻舟已过万重山"), "zh")
ROSE = Poem(
    (
        "O my Luve's like a red, red rose,",
        "That's newly sprung in June;",
        "O my Luve's like the melody",
        "That's sweetly play'd in tune.",
    ),
    "en",
)
WORDY = Poem(("word " * 15 + "wordwordwordwordwordwordwordwordwordwordwordwor",) * 4, "en")


def box(picture: Image.Image, colour: str | None = None) -> tuple[int, int, int, int]:
    """Where there is this colour, or anything but paper: left, top, right, bottom."""
    pixels = np.asarray(picture).astype(int)
    wanted = ImageColor.getrgb(colour or typeset.PAPER)
    same = np.abs(pixels - wanted).sum(axis=2) < 12
    rows, columns = np.nonzero(same if colour else ~same)
    return columns.min(), rows.min(), columns.max(), rows.max()


@pytest.mark.parametrize("setting", ["horizontal", "vertical"])
@pytest.mark.parametrize("gloss", ["none", "pinyin"])
@pytest.mark.parametrize("poem", [STORK, BAIDI], ids=["five", "seven"])
def test_lines_in_chinese_stand_in_the_middle_of_their_page(poem, setting, gloss) -> None:
    picture = typeset.page(poem, Settings(setting=setting, gloss=gloss))
    assert picture.width == typeset.WIDTH
    left, top, right, bottom = box(picture, typeset.INK)
    assert abs((left + right) - picture.width) < 60
    assert min(left, top, picture.width - right, picture.height - bottom) >= typeset.MARGIN
    # Four columns are wider than four rows of five are high only when they run down the page.
    length = len(poem.lines[0])
    if length == 7:
        assert (bottom - top > right - left) == (setting == "vertical")


def test_a_seal_closes_a_poem_in_chinese() -> None:
    across, down = (typeset.page(STORK, Settings(setting=s)) for s in ("horizontal", "vertical"))
    seal, lines = box(across, typeset.SEAL), box(across, typeset.INK)
    assert seal[1] > lines[3] and abs(seal[2] - lines[2]) < 20
    seal, lines = box(down, typeset.SEAL), box(down, typeset.INK)
    assert seal[2] < lines[0] and abs(seal[3] - lines[3]) < 20


def test_readings_are_written_only_where_they_are_wanted() -> None:
    for setting in ("horizontal", "vertical"):
        plain = typeset.block(STORK, Settings(setting=setting), is_signed=False)
        read = typeset.block(STORK, Settings(setting=setting, gloss="pinyin"), is_signed=False)
        soft = ImageColor.getrgb(typeset.SOFT)
        count = [
            int((np.abs(np.asarray(p).astype(int) - soft).sum(2) < 12).sum()) for p in (plain, read)
        ]
        assert count[1] > 5 * count[0] + 500


@pytest.mark.parametrize("poem", [ROSE, WORDY], ids=["rose", "wordy"])
def test_lines_in_english_keep_their_margins(poem) -> None:
    picture = typeset.page(poem, Settings())
    left, top, right, bottom = box(picture)
    assert left >= typeset.MARGIN - 2 and picture.width - right >= typeset.MARGIN - 2
    assert min(top, picture.height - bottom) >= typeset.MARGIN


def test_what_opens_a_line_hangs_before_it() -> None:
    assert typeset.hung("’Tis") > 0.1 and typeset.hung("Tis") == 0 and typeset.hung("") == 0
    same = ("Then", "Then", "Then")
    straight = typeset.block(Poem(("Then", *same), "en"), Settings(), is_signed=False)
    hanging = typeset.block(Poem(("'Then", *same), "en"), Settings(), is_signed=False)
    # The lines stay where they were, but for the paper that the mark takes on either side.
    shift = round((hanging.width - straight.width) / 2)
    row = round(straight.height / 4)
    lines = [box(p.crop((0, row, p.width, p.height)))[0] for p in (straight, hanging)]
    assert abs(lines[1] - lines[0] - shift) <= 1
    assert box(hanging)[0] < lines[1]


@given(st.lists(st.text("abcdefgh'", min_size=1, max_size=14), min_size=1, max_size=16))
def test_a_line_that_turns_over_loses_no_word_and_has_room(words) -> None:
    line = " ".join(words)
    size, room = 40.0, 700.0
    rows = typeset.turned(line, size, room)
    assert " ".join(rows) == line
    for turn, row in enumerate(rows):
        assert typeset.widest([row]) * size <= room - bool(turn) * typeset.TURNOVER * size


def test_the_type_has_every_sign_that_may_come() -> None:
    for face, signs in (
        (typeset.LATIN, "AZaz,.;:!?—-’èÈāǎǚǜńňǹḿ❦"),
        (typeset.HAN, "诗白黄欲更鬓翳潺湲鹧鸪蓼"),
    ):
        type_ = typeset.font(face, 40)
        missing = bytes(type_.getmask("\U000f0000"))
        assert [sign for sign in signs if bytes(type_.getmask(sign)) == missing] == []


def test_a_scroll_holds_all_of_them_one_under_another() -> None:
    one = typeset.scroll([(STORK, Settings())])
    three = typeset.scroll([(STORK, Settings()), (BAIDI, Settings()), (ROSE, Settings())])
    assert one.width == three.width == typeset.WIDTH
    assert three.height > 2 * (one.height - 2 * typeset.MARGIN) + 2 * typeset.MARGIN


def test_a_title_stands_above_the_lines_and_on_the_page() -> None:
    titled = Poem(ROSE.lines, "en", title="A Red, Red Rose, " * 8)
    assert typeset.page(titled, Settings()).height > typeset.page(ROSE, Settings()).height
    left, _, right, _ = box(typeset.page(titled, Settings()))
    assert left >= typeset.MARGIN - 2 and right <= typeset.WIDTH - typeset.MARGIN + 2
