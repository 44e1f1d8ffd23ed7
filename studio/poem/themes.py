"""What people can name in a poem: its mood and what it speaks of, counted by word lists.

Each theme of themes.json has words (characters in Chinese) that speak for it and, for mood and
season, words that speak against it. A word list is a blunt measure of a poem and a sharp one of a
slider: it says whether a poem speaks of the sea more than before.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np


@cache
def themes(language: str) -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    """By name, the words for and against it."""
    lists = json.loads((Path(__file__).parent / "themes.json").read_text(encoding="utf-8"))
    split = str.split if language == "en" else list
    return {
        name: (frozenset(split(speaking)), frozenset(split(against)))
        for name, (speaking, against) in lists[language].items()
    }


def tables(vocabulary: Sequence[str], language: str) -> np.ndarray:
    """[V, themes] float32: 1 where a token speaks for a theme, -1 against it."""
    return np.array(
        [
            [
                (word in speaking) - (word in against)
                for speaking, against in themes(language).values()
            ]
            for word in vocabulary
        ],
        np.float32,
    )
