"""Whatever a decoder would rather say, what is written keeps its form."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest
import torch

from studio.poem import chinese, english
from studio.poem.config import Config
from studio.poem.data import MARKS, SPECIALS
from studio.poem.form import patterns
from studio.poem.model import Decoder
from studio.poem.sounds import BOOKS, Sounds, tables
from studio.poem.write import NO_LINES, Form, Given, Writer, line_key

CHARACTERS = (
    "床前明月光疑是地上霜举头望低思故乡白日依山尽黄河入海流欲穷千里目更一层楼春眠不觉晓处闻啼鸟夜来"
    "风雨声花落知多少独在异为客每逢佳节倍亲遥兄弟登高遍插茱萸人朝辞帝彩云间江陵还两岸猿住轻舟已过万重"
    "清时纷行路魂借问酒家何有牧童指杏村远寒石径斜生停车坐爱枫林晚叶红于二月天长门空烟水城西秋心"
)
WORDS = re.findall(
    r"\w+",
    """the a an of and in to with my your all no one day night light bright sea me free tree
    away stay gray long song along sky high by heart part depart love dove above star far are sound
    round ground over under river never ever evening morning silent golden shadow meadow beauty
    remember forever tomorrow sorrow falling calling dreaming gleaming eternity melody wandering
    is was were when where then will shall so soft deep sleep weep old cold gold rose
    goes""",
)


def sounds_of(language: str) -> tuple[list[str], Sounds]:
    seen = list(dict.fromkeys(CHARACTERS)) if language == "zh" else [*MARKS, *dict.fromkeys(WORDS)]
    vocabulary = [*SPECIALS, *seen]
    return vocabulary, Sounds.of(tables(vocabulary, language), BOOKS[language][0])


def poems(
    language: str, forms: list[Form], known: torch.Tensor = NO_LINES, fond_of: tuple[str, ...] = ()
) -> list[list[str]]:
    vocabulary, sounds = sounds_of(language)
    torch.manual_seed(3)
    config = Config(language, len(vocabulary), line_dim=4, width=24, heads=2, layers=1)
    decoder = Decoder(config).eval()
    torch.nn.init.normal_(decoder.tokens.weight, std=1.0)
    for word in fond_of:
        decoder.bias.data[vocabulary.index(word)] = 20.0
    latents = torch.randn(len(forms), config.latent_dim, generator=torch.Generator().manual_seed(5))
    written = Writer(decoder, sounds, known).write(latents, forms)
    gap = "" if language == "zh" else " "
    return [[gap.join(vocabulary[t] for t in line) for line in poem] for poem in written]


@pytest.mark.parametrize("length", [5, 7])
def test_quatrains_are_regulated(length: int) -> None:
    tones = torch.from_numpy(np.stack([p.allowed() for p in patterns(length)]))
    form = Form((length,) * 4, (0, 0, -1, 0), tones)
    made = poems("zh", [form] * 6)
    assert len({"".join(lines) for lines in made}) == 6
    for lines in made:
        found = chinese.fits(lines)
        assert found.length == length and found.rhymes and found.share == 1.0, lines


@pytest.mark.parametrize(
    ("scheme", "rhymes"),
    [
        ("ABAB", (0, 1, 0, 1)),
        ("AABB", (0, 0, 1, 1)),
        ("ABBA", (0, 1, 1, 0)),
        ("ABCB", (-1, 0, -1, 0)),
    ],
)
def test_english_verse_rhymes_and_scans(scheme: str, rhymes: tuple[int, ...]) -> None:
    made = poems("en", [Form((8, 6, 8, 6), rhymes)] * 4)
    for lines in made:
        assert english.meter_of(lines).syllables == (8, 6, 8, 6), lines
        for one in range(4):
            for other in range(one):
                if rhymes[one] == rhymes[other] >= 0:
                    ends = [english.words(lines[i])[-1] for i in (one, other)]
                    assert english.rhymes(*ends), (scheme, lines)


def test_given_lines_stay_and_the_others_rhyme_with_them() -> None:
    vocabulary, sounds = sounds_of("en")
    given = ["and", "in", "the", "silent", "evening", "light"]
    tokens = [vocabulary.index(word) for word in given]
    form = Form((8,) * 4, (-1, 0, -1, 0), given={3: Given(tokens, 8, sounds.rhyme[tokens[-1]])})
    [lines] = poems("en", [form])
    assert lines[3].split() == given
    assert english.rhymes(english.words(lines[1])[-1], "light")


def test_a_known_line_does_not_come_out() -> None:
    vocabulary, _ = sounds_of("en")
    form = Form((8,) * 4, (0, 1, 0, 1))
    [before] = poems("en", [form])
    numbers = [vocabulary.index(word) for word in before[0].split()]
    [after] = poems("en", [form], torch.tensor([line_key(numbers[::-1])]))
    assert before[0] not in after


def test_the_same_latent_writes_the_same_poem_in_any_company() -> None:
    form = Form((8,) * 4, (0, 1, 0, 1))
    assert poems("en", [form])[0] == poems("en", [form] * 3)[0]


def test_articles_go_with_the_word_after_them() -> None:
    form = Form((8,) * 4, (0, 1, 0, 1))
    made = poems("en", [form] * 8, fond_of=("a", "an"))
    lines = [english.words(line) for poem in made for line in poem]
    after = [pair for line in lines for pair in pairwise(line) if pair[0] in ("a", "an")]
    assert len(after) > 20 and {article for article, _ in after} == {"a", "an"}
    for article, word in after:
        assert english.opening(word) != english.SHUNS[article], (article, word)


@pytest.mark.parametrize(
    ("word", "opening"),
    [("hour", 1), ("one", 2), ("eternal", 1), ("universal", 2), ("heart", 2), ("—", 0)],
)
def test_articles_go_by_sound(word: str, opening: int) -> None:
    assert english.opening(word) == opening
