"""The baseline of the poets: trigrams of the same training poems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from studio.poem.config import LONGEST
from studio.poem.data import END, PADDED, STRANGE, Poem, Vocabulary, detokenise


@dataclass(frozen=True)
class Followers:
    """What follows which contexts, and how often.

    Attributes:
        size: of the vocabulary; a gram is its context times `size` plus the token that follows.
        grams, counts: [N], sorted by gram; contexts, totals, kinds: [M], sorted, with the sum of
            the counts and the number of different tokens that follow each.
        starts: [M + 1], where the grams of each context begin.
        discount: what is taken off each count for tokens that were not seen there.
    """

    size: int
    grams: np.ndarray
    counts: np.ndarray
    contexts: np.ndarray
    totals: np.ndarray
    kinds: np.ndarray
    starts: np.ndarray
    discount: float

    @classmethod
    def of(cls, grams: np.ndarray, size: int) -> Followers:
        """Count `grams`, each as often as it stands there."""
        codes, counts = np.unique(grams, return_counts=True)
        contexts, starts, kinds = np.unique(codes // size, return_index=True, return_counts=True)
        totals = np.add.reduceat(counts, starts) if len(starts) else counts
        once, twice = (int((counts == n).sum()) for n in (1, 2))
        # One more of each: with no gram that came once, nothing would be left for new ones.
        discount = (once + 1) / (once + 2 * twice + 2)
        ends = np.append(starts, len(codes))
        return cls(size, codes, counts, contexts, totals, kinds, ends, discount)

    def shares(self, tokens: np.ndarray, contexts: np.ndarray, below: np.ndarray) -> np.ndarray:
        """Probabilities [N] of tokens after contexts; `below`: those of the shorter contexts."""
        seen = looked_up(self.grams, self.counts, contexts * self.size + tokens)
        totals = looked_up(self.contexts, self.totals, contexts)
        kinds = looked_up(self.contexts, self.kinds, contexts)
        mass = np.maximum(seen - self.discount, 0) + self.discount * kinds * below
        return np.where(totals > 0, mass / np.maximum(totals, 1), below)

    def draw(self, rng: np.random.Generator, context: int) -> int | None:
        """A token that followed this context; None where a shorter one is to decide."""
        row = int(np.searchsorted(self.contexts, context))
        if row == len(self.contexts) or self.contexts[row] != context:
            return None
        first, last = self.starts[row], self.starts[row + 1]
        left = np.cumsum(self.counts[first:last] - self.discount)
        at = rng.random() * self.totals[row]
        if at >= left[-1]:
            return None
        return int(self.grams[first + np.searchsorted(left, at, side="right")] % self.size)


def looked_up(keys: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The values of wanted keys among sorted ones, 0 where there is none."""
    if not len(keys):
        return np.zeros(len(wanted), np.int64)
    places = np.searchsorted(keys, wanted).clip(max=len(keys) - 1)
    return np.where(keys[places] == wanted, values[places], 0)


class NGram:
    """The baseline: trigrams of tokens as the poet writes them, from right to left with ends of
    lines, with interpolated Kneser-Ney smoothing (Chen and Goodman, An Empirical Study of Smoothing
    Techniques for Language Modeling, 1998)."""

    def __init__(self, poems: Sequence[Poem], vocabulary: Vocabulary) -> None:
        """Count what follows what in `poems`, of one language, at least one of them."""
        self.vocabulary = vocabulary
        self.language = poems[0].language
        self.lengths = [[min(len(line), LONGEST - 1) for line in poem.tokens] for poem in poems]
        self.size = size = len(vocabulary.words)
        self.writable = np.setdiff1d(np.arange(size), (PADDED, STRANGE))
        tokens, before = as_written(poems, vocabulary)
        three = (before[:, 0] * size + before[:, 1]) * size + tokens
        three = three[tokens != STRANGE]
        # Kneser-Ney: what counts in a shorter context is after how many words a token stood.
        two = np.unique(three) % size**2
        one = np.unique(two) % size
        self.orders = [Followers.of(grams, size) for grams in (one, two, three)]

    def shares(self, tokens: np.ndarray, before: np.ndarray) -> np.ndarray:
        """Probabilities [N] of tokens [N] after the two before each [N, 2]."""
        found = np.isin(tokens, self.writable) / len(self.writable)
        context = before[:, 0] * self.size + before[:, 1]
        for length, order in enumerate(self.orders):
            found = order.shares(tokens, context % self.size**length, found)
        return found

    def perplexity(self, poems: Sequence[Poem]) -> float:
        """Of a token given the two before it, ends of lines and unknown words left out.

        The poet is told how much of a line is left, so it knows where lines end: so does this one,
        whose probabilities are those of a token that is no end.
        """
        tokens, before = as_written(poems, self.vocabulary)
        counted = (tokens != END) & (tokens != STRANGE)
        tokens, before = tokens[counted], before[counted]
        ending = self.shares(np.full_like(tokens, END), before)
        nats = -np.log(self.shares(tokens, before) / (1 - ending))
        return round(float(np.exp(nats.sum() / max(len(nats), 1))), 2)

    def sample(self, count: int, seed: int = 0) -> list[Poem]:
        """Poems drawn by chance, each with as many tokens in its lines as one of those counted:
        where lines end is told, as it is in `perplexity`; no rhyme and no tone is."""
        rng = np.random.default_rng(seed)
        return [self.poem(rng, self.lengths[rng.integers(len(self.lengths))]) for _ in range(count)]

    def poem(self, rng: np.random.Generator, lengths: Sequence[int]) -> Poem:
        lines, before = [], (END, END)
        for length in lengths:
            line: list[str] = []
            while len(line) < length:
                token = self.draw(rng, before)
                if token != END:
                    line.append(self.vocabulary.words[token])
                    before = (before[1], token)
            before = (before[1], END)
            lines.append(detokenise(line[::-1]))
        return Poem(tuple(lines), self.language)

    def draw(self, rng: np.random.Generator, before: tuple[int, int]) -> int:
        """What comes next, exactly by `shares`."""
        context = before[0] * self.size + before[1]
        for length, order in reversed(list(enumerate(self.orders))):
            found = order.draw(rng, context % self.size**length)
            if found is not None:
                return found
        return int(rng.choice(self.writable))


def as_written(poems: Sequence[Poem], vocabulary: Vocabulary) -> tuple[np.ndarray, np.ndarray]:
    """Tokens [N] of poems one after another, as studio.poem.train.batched has them, and the two
    before each [N, 2]; before a poem stand ends of lines."""
    tokens: list[int] = []
    before: list[tuple[int, int]] = []
    for poem in poems:
        last = (END, END)
        for line in poem.tokens:
            for token in [*reversed(vocabulary.encode(line)), END][-LONGEST:]:
                tokens.append(token)
                before.append(last)
                last = (last[1], token)
    return np.array(tokens, np.int64), np.array(before, np.int64).reshape(-1, 2)
