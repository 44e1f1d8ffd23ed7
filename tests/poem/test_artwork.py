"""A poem on its page and in its files: escaped, readable, with its recipe."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from PIL import Image

from studio.errors import BadUpload
from studio.medium import Recipe
from studio.poem.artwork import FORMATS, RECIPE_KEY, Verse
from studio.poem.sequence import LONGEST, Cycle
from studio.poem.settings import Settings

STORK = ["白日依山尽", "黄河入海流", "欲穷千里目", "更上一层楼"]
BAIDI = ["朝辞白帝彩云间", "千里江陵一日还", "两岸猿声啼不住", "轻舟已过万重山"]
ROSE = [
    "O my Luve's like a red, red rose,",
    "That's newly sprung in June;",
    "O my Luve's like the melody",
    "That's sweetly play'd in tune.",
]
LONG = ["word " * 15 + "wordwordwordwordwordwordwordwordwordwordwordwor"] * 4
ALL = {"gloss": "pinyin", "setting": "vertical", "held": {"2": "欲穷千里目"}}
RECIPE = Recipe("poem", "v1", (0.1, -2.5, 3e-7), 7, ALL, ("a", "b"), "breed")


class Lines(HTMLParser):
    """What a page says: its lines without the readings, and all its elements."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.lines: dict[str, str] = {}
        self.readings: list[str] = []
        self.tags: list[tuple[str, Mapping[str, str | None]]] = []
        self.open: list[tuple[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("path", "img"):
            self.open.append((tag, dict(attrs).get("data-line")))

    def handle_endtag(self, tag) -> None:
        if tag not in ("path", "img"):
            assert self.open.pop()[0] == tag

    def handle_data(self, data) -> None:
        numbers = [number for _, number in self.open if number is not None]
        if self.open and self.open[-1][0] == "rt":
            self.readings.append(data)
        elif numbers:
            self.lines[numbers[-1]] = self.lines.get(numbers[-1], "") + data


def stork(**settings: str) -> Verse:
    return Verse(STORK, "zh", RECIPE, Settings(**settings))


def read(text: str | bytes) -> Verse:
    return Verse.read(io.BytesIO(text.encode() if isinstance(text, str) else text))


def test_every_line_can_be_pointed_at_and_says_its_language() -> None:
    for verse, language in ((stork(), "zh-CN"), (Verse(ROSE, "en"), "en-GB")):
        page = Lines(verse.show("what it is"))
        shown = [line.replace("'", "’") for line in verse.lines]
        assert page.lines == dict(zip("0123", shown, strict=True))
        marked = [attrs for _, attrs in page.tags if "data-line" in attrs]
        assert {attrs["lang"] for attrs in marked} == {language}
        assert page.tags[0][1]["aria-label"] == "what it is"


def test_readings_stand_over_each_character_and_only_if_wanted() -> None:
    page = Lines(stork(gloss="pinyin").show())
    assert page.readings[:4] == ["bái", "rì", "yī", "shān"] and len(page.readings) == 20
    assert page.lines["0"] == STORK[0]
    assert Lines(stork().show()).readings == []
    assert Lines(Verse(ROSE, "en", settings=Settings(gloss="pinyin")).show()).readings == []


def test_columns_run_down_the_page_where_they_should() -> None:
    def kinds(page: str) -> set[str]:
        tags = Lines(page).tags
        return {kind for _, attrs in tags for kind in str(attrs.get("class")).split()}

    assert "is-vertical" in kinds(stork(setting="vertical").show())
    assert "is-vertical" not in kinds(stork().show())
    rule = r"\.is-vertical\{[^}]*writing-mode:vertical-rl"
    assert re.search(rule, stork(setting="vertical").show())


def test_markup_in_a_line_stays_text() -> None:
    evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>&amp;'
    for language in ("en", "zh"):
        for gloss in ("none", "pinyin"):
            verse = Verse([evil] * 4, language, None, Settings(gloss=gloss), title=evil)
            for page in (verse.show(evil), verse.thumbnail(evil), Cycle([verse]).show(evil)):
                found = Lines(page)
                assert {tag for tag, _ in found.tags} & {"script", "img"} == set()
                assert not any("onerror" in attrs for _, attrs in found.tags)
                assert set(found.lines.values()) <= {evil}


def test_a_page_is_small_and_asks_nobody_for_anything() -> None:
    for verse in (stork(**{"gloss": "pinyin"}), Verse(ROSE, "en"), Verse(LONG, "en")):
        page = verse.show()
        assert len(page) < 40_000
        outside = re.findall(r"(?:https?:)?//[^\s\"')]+", re.sub(r"base64,[^)]*", "", page))
        assert [address for address in outside if "w3.org" not in address] == []
        thumbnail = verse.thumbnail("a poem")
        assert len(thumbnail.encode()) <= 12_000
        Lines(thumbnail)


def test_a_button_reads_aloud_and_does_not_close_the_one_around_it() -> None:
    page = Lines(stork().show())
    assert "button" not in {tag for tag, _ in page.tags}
    (voice,) = [attrs for _, attrs in page.tags if attrs.get("role") == "button"]
    assert voice["tabindex"] == "0"
    assert (voice["data-read-en"], voice["data-read-zh"]) == ("Read aloud", "朗读")
    assert "speechSynthesis" in str(voice["onclick"])


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("lines", [STORK, BAIDI, ROSE])
@pytest.mark.parametrize("title", ["", "登鹳雀楼"])
def test_poem_and_recipe_travel_inside_every_file(format, lines, title) -> None:
    verse = Verse(lines, "en" if lines is ROSE else "zh", RECIPE, Settings.of(ALL), title)
    back = read(verse.export(format))
    assert (back.lines, back.language, back.title) == (verse.lines, verse.language, title)
    assert back.recipe is not None
    assert back.recipe.to_json() == RECIPE.to_json()
    assert back.options == ALL
    assert verse.export(format) == verse.export(format)


@pytest.mark.parametrize("format", FORMATS)
def test_a_poem_without_a_recipe_comes_back_without_one(format) -> None:
    back = read(Verse(ROSE, "en", title="A Red, Red Rose").export(format))
    assert back.recipe is None and back.lines == tuple(ROSE)
    assert back.title == "A Red, Red Rose"


def test_files_say_what_they_are() -> None:
    verse = stork()
    last = verse.export("txt").decode().splitlines()[-1]
    assert Recipe.from_json(last.removeprefix("recipe: ")).to_json() == RECIPE.to_json()
    assert json.loads(verse.export("json"))["lines"] == STORK
    png = verse.export("png")
    assert b"trainedAlgorithmicMedia" in png
    with Image.open(io.BytesIO(png)) as picture:
        assert picture.width == 1600
        assert Recipe.from_json(picture.info[RECIPE_KEY]).to_json() == RECIPE.to_json()
    with pytest.raises(ValueError, match="txt, png, json"):
        verse.export("exe")


def test_text_of_any_kind_is_read() -> None:
    assert read("\ufeff" + "\r\n".join(ROSE)).lines == tuple(ROSE)
    assert read("白日依山尽，黄河入海流。\n欲穷千里目，更上一层楼。").lines == tuple(STORK)
    assert read("登鹳雀楼\n\n" + "\n".join(STORK)).title == "登鹳雀楼"
    assert read("\n".join(STORK).encode("gb18030")).lines == tuple(STORK)
    assert read("\n".join(ROSE).encode("utf-16")).lines == tuple(ROSE)
    curled = "\n".join(ROSE).replace("'", "’").encode("cp1252")
    assert read(curled).lines == tuple(ROSE)


def test_traditional_characters_are_simplified() -> None:
    back = read("登鸛雀樓\n\n白日依山盡\n黃河入海流\n欲窮千里目\n更上一層樓")
    assert back.lines == tuple(STORK) and back.title == "登鹳雀楼"


def test_an_upload_has_the_options_that_come_nearest() -> None:
    assert read("\n".join(STORK)).options == {"form": "five"}
    assert read("\n".join(BAIDI)).options == {"form": "seven"}
    crossed = ["A cat", "The day", "A hat", "The way"]
    assert read("\n".join(crossed)).options == {"scheme": "ABAB"}


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ("", "poem_empty"),
        ("😀\n😀\n😀\n😀", "poem_empty"),
        ("\n".join([*ROSE[:3], "So sweet 😀"]), "poem_script"),
        ("\n".join([*STORK[:3], "abcde"]), "poem_script"),
        ("\n".join([*ROSE[:3], STORK[3]]), "poem_script"),
        ("line\n" * 200_000, "poem_not_four_lines"),
        ("长" * 1_000_000, "poem_not_four_lines"),
        ("\n".join([*STORK[:3], BAIDI[3]]), "poem_lengths"),
        ("\n".join([*ROSE[:3], "long " * 40]), "poem_line_too_long"),
        ('{"lines": 4}', "poem_empty"),
        ('{"lines": ["a", 2]}', "poem_empty"),
        ("{" * 100_000, "poem_empty"),
        (b"\x89PNG\r\n\x1a\nand no picture", "poem_empty"),
        (b"\x00\xff\xfe" * 50, "poem_empty"),
    ],
)
def test_what_is_no_poem_is_refused_with_a_reason(content, key) -> None:
    with pytest.raises(BadUpload) as refused:
        read(content)
    assert refused.value.key == key


def test_a_picture_of_something_else_is_no_poem() -> None:
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, "PNG")
    with pytest.raises(BadUpload) as refused:
        read(stream.getvalue())
    assert refused.value.key == "poem_empty"


def test_a_damaged_recipe_leaves_the_poem() -> None:
    back = read("\n".join(STORK) + '\n\nrecipe: {"medium": "poem"}\n')
    assert back.recipe is None and back.lines == tuple(STORK)


def test_a_verse_has_four_lines_in_a_language() -> None:
    with pytest.raises(ValueError, match="4 lines"):
        Verse(STORK[:3], "zh")
    with pytest.raises(ValueError, match="4 lines"):
        Verse(STORK, "fr")


def numbered(count: int) -> list[Verse]:
    names = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    said = [" ".join(names[int(digit)] for digit in str(n)) for n in range(count)]
    return [Verse([f"I count {each}", *ROSE[1:]], "en", RECIPE) for each in said]


def test_a_cycle_takes_few_frames_evenly() -> None:
    verses = numbered(101)
    cycle = Cycle(verses)
    assert len(cycle.verses) == LONGEST
    places = [verses.index(verse) for verse in cycle.verses]
    assert places[0] == 0 and places[-1] == 100
    assert {after - before for before, after in pairwise(places)} <= {12, 13}
    assert len(Cycle(verses[:3]).verses) == 3


def test_a_cycle_says_nothing_twice_in_a_row() -> None:
    one, two = numbered(2)
    assert Cycle([one, one, two, two, one]).verses == [one, two, one]


def test_a_cycle_is_shown_and_saved_whole() -> None:
    verses = [stork(setting="vertical"), Verse(BAIDI, "zh", RECIPE)]
    cycle = Cycle(verses)
    page = cycle.show("a path")
    assert page.count("data-line=") == 8 and page.index(STORK[0]) < page.index(BAIDI[0])
    # All are set as the first is.
    assert page.count('class="poem-block zh is-vertical"') == 2
    text = cycle.export("txt").decode()
    assert text.startswith("1\n\n" + STORK[0]) and "\n2\n\n" + BAIDI[0] in text
    assert Recipe.from_json(text.splitlines()[-1].removeprefix("recipe: ")) is not None
    with Image.open(io.BytesIO(cycle.export("png"))) as picture:
        assert picture.width == 1600 < picture.height
        assert Recipe.from_json(picture.info[RECIPE_KEY]).to_json() == RECIPE.to_json()
    with pytest.raises(ValueError, match="txt, png"):
        cycle.export("json")
    with pytest.raises(ValueError, match="at least one"):
        Cycle([])
