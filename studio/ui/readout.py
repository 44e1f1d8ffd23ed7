"""What can be said of an artwork in plain words, beside what its model usually makes."""

from __future__ import annotations

from studio.medium import Artwork, Generator, is_sourced
from studio.taste.explain import Usual
from studio.words import Words

SLIGHT, CLEAR, STRONG = 0.6, 1.0, 1.8
MOST_SAID = 4
COPYING = 0.01
"""Below this share of held-out works that come nearer to a training work, one may speak of a copy:
nearer than works by one hand come to each other."""


def described(generator: Generator, artwork: Artwork, usual: Usual, words: Words) -> str:
    """One sentence: what stands out, the most striking first."""
    standing = usual.of(generator).standing(generator.attributes([artwork]))
    striking = []
    for name, values in standing.items():
        away = float(values[0])
        end = way(words, name, away)
        if abs(away) >= SLIGHT and end:
            striking.append((abs(away), end))
    if not striking:
        return words("explore.readout.usual")
    striking.sort(reverse=True)
    said = [words(f"explore.readout.{degree(away)}", what=what) for away, what in striking]
    return words("explore.readout", what=words("common.comma").join(said[:MOST_SAID]))


def way(words: Words, name: str, value: float) -> str:
    """What more or less of an attribute is called; "" if it has no name."""
    key = f"direction.{name}.{'high' if value > 0 else 'low'}"
    return words(key) if key in words else ""


def near(generator: Generator, artwork: Artwork, words: Words) -> str:
    """One sentence: what it comes nearest to among the works that its model learned from, and
    whether that is near; "" if the model does not know."""
    if not is_sourced(generator):
        return ""
    ((nearest, *_),) = generator.sources([artwork])
    title = words("explore.source.title", title=nearest.title or nearest.work)
    said = (part for part in (title, nearest.artist, nearest.year) if part)
    work = words("common.comma").join(said)
    if nearest.nearer is None:
        return words("explore.source", work=work)
    if nearest.nearer < COPYING:
        return words("explore.source.copy", work=work)
    return words("explore.source.nearer", work=work, percent=round(100 * nearest.nearer))


def degree(away: float) -> str:
    return "strong" if away >= STRONG else "clear" if away >= CLEAR else "slight"
