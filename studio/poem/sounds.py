"""The sounds of a vocabulary: found once with dictionaries, then kept beside the weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from studio.poem import chinese, english
from studio.poem.data import END, MARKS, SPECIALS

BOOKS = {"zh": chinese.BOOKS, "en": ("",)}
"""Of each language, those that tones and rhymes can be taken from."""


@dataclass(frozen=True)
class Sounds:
    """What writing needs to know of V tokens.

    Attributes:
        end: the token that ends a line.
        beats: [V], syllables (characters); marks: [V] bool, punctuation; words: [V] bool.
        level, oblique: [V] bool, Chinese tones; of other languages all true.
        rhyme: [V, G] bool, whether a token has a rhyme; rhymes: the same as numbers [V, n], -1 for
            none; families: [G], how many tokens have each.
        opening: [V], how each begins, see studio.poem.english.opening; 0 in other languages.
        articles: tokens that do not stand before words which begin so.
        is_sparing: characters come once in a poem, or twice in a row.
    """

    end: int
    beats: Tensor
    marks: Tensor
    words: Tensor
    level: Tensor
    oblique: Tensor
    rhyme: Tensor
    rhymes: Tensor
    families: Tensor
    opening: Tensor
    articles: tuple[tuple[int, int], ...] = ()
    is_sparing: bool = False

    @classmethod
    def of(cls, tables: Mapping[str, Tensor], book: str = "") -> Sounds:
        """From what `tables` made; `book` is one of the language's BOOKS."""
        prefix = f"{book}." if book else ""
        rhyme = dense(tables[f"{prefix}rhyme"])
        none = torch.zeros_like(tables["beats"])
        shuns = tables.get("shuns", none)
        return cls(
            end=END,
            beats=tables["beats"].long(),
            marks=tables["marks"].bool(),
            words=tables["words"].bool(),
            level=tables[f"{prefix}level"].bool(),
            oblique=tables[f"{prefix}oblique"].bool(),
            rhyme=rhyme,
            rhymes=tables[f"{prefix}rhyme"].long(),
            families=rhyme.sum(0),
            opening=tables.get("opening", none),
            articles=tuple((int(t), int(shuns[t])) for t in shuns.nonzero()[:, 0]),
            is_sparing=bool(book),
        )


def tables(vocabulary: Sequence[str], language: str) -> dict[str, Tensor]:
    """Named tensors for a checkpoint; rhymes as lists of numbers [V, n] with -1 for none."""
    marks = torch.tensor([token in MARKS or token == "-" for token in vocabulary])
    words = ~marks
    words[: len(SPECIALS)] = False
    found = {"marks": marks, "words": words}
    if language == "zh":
        found["beats"] = words.to(torch.int8)
        for book in BOOKS[language]:
            told = chinese.tables(vocabulary, book)
            found[f"{book}.level"] = torch.from_numpy(told.level)
            found[f"{book}.oblique"] = torch.from_numpy(told.oblique)
            found[f"{book}.rhyme"] = torch.from_numpy(listed(told.rhyme))
        return found
    said = english.tables(vocabulary)
    every = torch.ones(len(vocabulary), dtype=torch.bool)
    found |= {"level": every, "oblique": every.clone()}
    found["beats"] = torch.from_numpy(said.syllables.astype(np.int8))
    found["rhyme"] = torch.from_numpy(said.rhyme)
    found["opening"] = torch.tensor([english.opening(w) for w in vocabulary], dtype=torch.int8)
    found["shuns"] = torch.tensor([english.SHUNS.get(w, 0) for w in vocabulary], dtype=torch.int8)
    return found


def listed(rhyme: np.ndarray) -> np.ndarray:
    """[V, G] bool as the numbers of its trues [V, n] int32, filled up with -1."""
    rows = [np.flatnonzero(row) for row in rhyme]
    table = np.full((len(rows), max((len(row) for row in rows), default=0)), -1, np.int32)
    for index, row in enumerate(rows):
        table[index, : len(row)] = row
    return table


def dense(rhyme: Tensor) -> Tensor:
    """Undoes `listed`; [V, G] bool."""
    groups = int(rhyme.max()) + 1 if rhyme.numel() else 0
    table = torch.zeros(len(rhyme), groups, dtype=torch.bool)
    for column in rhyme.long().T:
        rows = (column >= 0).nonzero()[:, 0]
        table[rows, column[rows]] = True
    return table
