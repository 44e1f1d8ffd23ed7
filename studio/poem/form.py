"""The forms a quatrain can take, as rules: nothing here opens a dictionary.

The regulated quatrain (绝句) follows from two rules for its lines' second characters, 对 (opposite
within a couplet) and 粘 (alike across couplets), and one for their ends: a line that rhymes ends
level, any other oblique (Wang Li, 诗词格律, 1977).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

LEVEL, OBLIQUE, EITHER = "平", "仄", "中"
OPPOSITE = {LEVEL: OBLIQUE, OBLIQUE: LEVEL}
LENGTHS = (5, 7)
"""Characters a line in Chinese."""
LINES = 4
SCHEMES = ("ABAB", "AABB", "ABBA", "ABCB", "AABA", "AAAA")


@dataclass(frozen=True)
class Pattern:
    """One of the four regulated patterns of a length.

    Attributes:
        name: as handbooks have it, 仄起首句不入韵; lines: four masks of 平, 仄 and 中 (either).
        rhymes: indices of the lines that rhyme, in a level tone.
    """

    name: str
    lines: tuple[str, ...]
    rhymes: tuple[int, ...]

    @property
    def length(self) -> int:
        return len(self.lines[0])

    def allowed(self) -> np.ndarray:
        """[4, length, 2] bool: may this place be level, may it be oblique."""
        return np.array(
            [[(c != OBLIQUE, c != LEVEL) for c in line] for line in self.lines], dtype=bool
        )


@cache
def patterns(length: int) -> tuple[Pattern, ...]:
    """The four patterns of quatrains of 5 or 7 characters a line.

    Raises:
        ValueError: another length.
    """
    if length not in LENGTHS:
        raise ValueError(f"regulated lines have 5 or 7 characters, not {length}")
    made = []
    for opening in (OBLIQUE, LEVEL):
        for first_rhymes in (False, True):
            rhymes = (0, 1, 3) if first_rhymes else (1, 3)
            other = OPPOSITE[opening]
            masks = tuple(
                regulated(length, second, LEVEL if index in rhymes else OBLIQUE)
                for index, second in enumerate((opening, other, other, opening))
            )
            name = f"{opening}起首句{'入韵' if first_rhymes else '不入韵'}"
            made.append(Pattern(name, masks, rhymes))
    return tuple(made)


def regulated(length: int, second: str, last: str) -> str:
    """The mask of the line with this second and last tone.

    Even places alternate. Odd ones but the last are free, unless that leaves a level tone alone in
    a rhyming line (孤平) or three tones alike at its end (三平尾, 三仄尾). The two remedies that no
    mask can tell, 平平仄平仄 and the mended 孤平, count as departures.
    """
    opening = second if length == 5 else OPPOSITE[second]
    third = EITHER if last == opening else OPPOSITE[last]
    first = LEVEL if opening == last == LEVEL else EITHER
    five = first + opening + third + OPPOSITE[opening] + last
    return five if length == 5 else EITHER + second + five
