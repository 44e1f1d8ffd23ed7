"""A blind test: does a person like what a version makes now better than what it made before?

Figures of a fine-tune come from the studio's model of a taste, which is also what the fine-tune
climbed. Only the person can say whether it worked, and only if they do not know which work is
which: pairs of works, one of each version, made from the same noise that nothing was learned or
checked on, in an order that chance decides.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from studio.latent import MAX_SEED

PAIRS = 12
"""Two or three minutes. Ten of twelve are seen to be more than chance."""
SIDES = ("left", "right")
CHOICES = (*SIDES, "tie")
FIRST_SEED = 2**31
"""Seeds from here on. Whatever counts its seeds up from a small number stays below; seeds thrown
for questions to rate lie anywhere, and one of five hundred is among twelve once in a million."""
Z = 1.959964
"""Normal quantile of a 95 % interval: of tests without a difference, 1 in 26 says there is one."""
CARD_KEY = "blind_test"


@dataclass(frozen=True)
class Pair:
    """Two works of one noise.

    Attributes:
        seed: of the noise, for `studio.latent.noise_from_seed`.
        tuned: the side, "left" or "right", where the work of the tuned version is.
    """

    seed: int
    tuned: str


def deal(seed: int, seen: Collection[int] = ()) -> tuple[Pair, ...]:
    """PAIRS pairs; the same seed deals the same ones.

    The tuned version is as often left as right, so that who always presses the same key prefers
    neither.

    Args:
        seen: seeds of noise that must not be used, since their works are known.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    chosen: list[int] = []
    while len(chosen) < PAIRS:
        thrown = int(rng.integers(FIRST_SEED, MAX_SEED, endpoint=True))
        if thrown not in seen and thrown not in chosen:
            chosen.append(thrown)
    sides = rng.permutation(SIDES * (PAIRS // len(SIDES))).tolist()
    return tuple(Pair(*each) for each in zip(chosen, sides, strict=True))


@dataclass(frozen=True)
class Outcome:
    """What a person said of all pairs.

    Attributes:
        tuned, before: how often that version's work was preferred; ties: how often neither.
    """

    tuned: int
    before: int
    ties: int

    @classmethod
    def of(cls, pairs: Sequence[Pair], answers: Sequence[str]) -> Self:
        """Args: answers: one of CHOICES for each pair, in their order."""
        said = list(zip(pairs, answers, strict=True))
        ties = sum(answer == "tie" for _, answer in said)
        tuned = sum(answer == pair.tuned for pair, answer in said)
        return cls(tuned, len(said) - ties - tuned, ties)

    @classmethod
    def from_card(cls, card: Mapping[str, Any]) -> Self | None:
        """What `to_card` wrote on a version's card; None where no test was taken, or what stands
        there is none."""
        try:
            found = cls(*(int(card[CARD_KEY][name]) for name in ("tuned", "before", "ties")))
        except (KeyError, TypeError, ValueError):
            return None
        return found if min(found.tuned, found.before, found.ties) >= 0 < found.pairs else None

    def to_card(self) -> dict[str, Any]:
        """For the version's card, complete enough to be read without this code."""
        return {
            CARD_KEY: {
                "pairs": self.pairs,
                "tuned": self.tuned,
                "before": self.before,
                "ties": self.ties,
                "interval_95": [round(end, 3) for end in self.interval],
                "verdict": self.verdict,
            }
        }

    @property
    def pairs(self) -> int:
        return self.tuned + self.before + self.ties

    @property
    def score(self) -> float:
        """Pairs that the tuned version won, half of the ties among them.

        Somebody who finds two works equally good and had to choose one would toss a coin. Left out,
        ties would make two wins and ten ties look like two of two, although ten times no difference
        was seen; so they count, and for both alike.
        """
        return self.tuned + self.ties / 2

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the share of such pairs that the tuned version would win in the long run
        (Wilson, Probable Inference, the Law of Succession, and Statistical Inference, 1927). Halves
        vary less than wins and losses, so with ties it is rather too wide."""
        n, share = self.pairs, self.score / self.pairs
        middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
        reach = Z / (1 + Z**2 / n) * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
        return max(0.0, middle - reach), min(1.0, middle + reach)

    @property
    def verdict(self) -> str:
        """ "better" or "worse" if chance hardly explains it, else "same"."""
        low, high = self.interval
        return "better" if low > 0.5 else "worse" if high < 0.5 else "same"
