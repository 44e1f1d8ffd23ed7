"""Quatrains that are out of copyright or were made up here, and small poets that read them."""

from __future__ import annotations

from collections.abc import Sequence

from studio.poem.data import Poem, Vocabulary
from studio.poem.sounds import BOOKS, tables
from studio.poem.train import Batch, tensors

CHINESE = """
    白日依山尽 黄河入海流 欲穷千里目 更上一层楼
    床前明月光 疑是地上霜 举头望明月 低头思故乡
    春眠不觉晓 处处闻啼鸟 夜来风雨声 花落知多少
    独在异乡为异客 每逢佳节倍思亲 遥知兄弟登高处 遍插茱萸少一人
    朝辞白帝彩云间 千里江陵一日还 两岸猿声啼不住 轻舟已过万重山
    清明时节雨纷纷 路上行人欲断魂 借问酒家何处有 牧童遥指杏花村
    远上寒山石径斜 白云生处有人家 停车坐爱枫林晚 霜叶红于二月花
    空山不见人 但闻人语响 返景入深林 复照青苔上
"""
ENGLISH = """
    The silent evening turns to gray
    And shadows fall along the sea,
    The golden light is far away
    And will not come again to me.

    My heart was never made to part
    From all I loved so long ago;
    It sings to every other heart
    The only song that sorrows know.

    The river runs beneath the tree
    And over stones both round and cold;
    It never says a word to me
    Of morning when the light was gold.

    When night is on the garden wall
    And every rose is white with dew
    I hear the distant river call
    And dream that I remember you.

    Above the meadow burns a star
    That nobody has ever known;
    It shines on those who wander far
    And those who have to wait alone.

    The winter wind is in the tower,
    The winter snow is on the stone,
    And there was never yet an hour
    When I have been so much alone.
"""


def chinese(text: str = CHINESE) -> list[Poem]:
    lines = text.split()
    return [Poem(tuple(lines[at : at + 4]), "zh") for at in range(0, len(lines), 4)]


def english(text: str = ENGLISH) -> list[Poem]:
    stanzas = text.strip().split("\n\n")
    return [Poem(tuple(line.strip() for line in s.splitlines()), "en") for s in stanzas]


def of(language: str) -> list[Poem]:
    return chinese() if language == "zh" else english()


def batch_of(poems: Sequence[Poem], vocabulary: Vocabulary) -> Batch:
    language = poems[0].language
    found = tables(vocabulary.words, language)
    rhyme = found[f"{BOOKS[language][0]}.rhyme".lstrip(".")].numpy()
    return tensors(poems, vocabulary, found["beats"].numpy().astype(int), rhyme)
