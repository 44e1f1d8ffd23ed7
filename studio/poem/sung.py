"""A poem as it is sung: cut into syllables, each with its stress.

English by the reading that meter is counted by (see studio.poem.english), so that a line has as
many syllables here as there; Chinese has a character to a note.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from studio.poem import english
from studio.poem.data import is_han
from studio.song import Syllable

VOWELS = "[aeiouyèéê]+"
TOGETHER = ("ch", "gh", "ph", "sh", "th", "wh", "ck", "qu", "ng", "tch")
"""Letters of one sound, which no syllable's end divides."""
ONSETS = re.compile("(?:[bcdfgkpst]?[lr]|s?[ptckmnw]|[bcdfghjklmnpqrstvwxz]|[cgpstw]h|th?r|qu)$")
"""What a syllable may begin with, beside one consonant alone."""


def syllables(lines: Sequence[str], language: str) -> list[list[Syllable]]:
    """Line by line; a line without any is left out."""
    read = characters if language == "zh" else spoken
    lines = [line for line in lines if read(line)]
    return [[replace(first, opens=True), *rest] for line in lines for first, *rest in [read(line)]]


def characters(line: str) -> list[Syllable]:
    return [Syllable(char) for char in line if is_han(char)]


def spoken(line: str) -> list[Syllable]:
    """The syllables of a line in English. A word that has none (th') is sung with the next."""
    spans = english.spans(line)
    patterns = english.reading([english.plain(line[slice(*span)]) for span in spans])
    found: list[Syllable] = []
    waiting, end = "", 0
    for (start, stop), pattern in zip(spans, patterns, strict=True):
        before = line[end:start]
        closing, _, opening = before.rpartition(" ") if " " in before else (before, "", "")
        if found:
            found[-1] = replace(found[-1], text=found[-1].text + closing.rstrip())
            waiting += opening
        else:
            waiting += before.lstrip()
        end = stop
        word = line[start:stop]
        if not pattern:
            waiting += word + " "
            continue
        parts = cut(word, len(pattern))
        parts[0], waiting = waiting + parts[0], ""
        for place, (part, mark) in enumerate(zip(parts, pattern, strict=False)):
            # One syllable alone is strong or weak as the line wants it.
            stress = None if len(pattern) == 1 else int(mark != "0")
            found.append(Syllable(part, place == len(parts) - 1, stress))
    if found:
        rest = f"{waiting.rstrip()}{line[end:].rstrip()}"
        found[-1] = replace(found[-1], text=found[-1].text + (" " * bool(waiting)) + rest)
    return found


def cut(word: str, count: int) -> list[str]:
    """A word's spelling in so many parts, or as many as it has letters, each with a vowel where
    there are enough of them."""
    groups = [match.span() for match in re.finditer(VOWELS, word.lower())]
    # An e at the end that is not heard, or one vowel too many of another kind.
    while len(groups) > count and len(groups) > 1:
        silent = [i for i, (a, b) in enumerate(groups) if i and is_silent(word.lower(), a, b)]
        groups.pop(silent[-1] if silent else narrowest(groups))
    # Two that are heard apart but stand together: ra-di-ant, po-et.
    while groups and len(groups) < count:
        longest = max(range(len(groups)), key=lambda i: groups[i][1] - groups[i][0])
        first, last = groups[longest]
        if last - first < 2:
            break
        groups[longest : longest + 1] = [(first, first + 1), (first + 1, last)]
    places = [between(word.lower(), one[1], other[0]) for one, other in pairwise(groups)]
    parts = [word[a:b] for a, b in zip([0, *places], [*places, len(word)], strict=True)]
    # Fewer vowels than syllables (rhythm, fire): what is longest is halved.
    while len(parts) < count and max(map(len, parts)) > 1:
        place = max(range(len(parts)), key=lambda i: len(parts[i]))
        half = (len(parts[place]) + 1) // 2
        parts[place : place + 1] = [parts[place][:half], parts[place][half:]]
    return parts


def is_silent(word: str, start: int, stop: int) -> bool:
    """Whether these letters are an e that English writes and does not say: at the end of a word,
    before a d or s there, or before an ending."""
    return word[start:stop] == "e" and bool(
        re.fullmatch("|d|s|ly|less|ness|ful|some|ment|ward", word[stop:])
    )


def narrowest(groups: Sequence[tuple[int, int]]) -> int:
    """The group, not the first, that is nearest to the one before it."""
    return min(range(1, len(groups)), key=lambda i: groups[i][0] - groups[i - 1][1])


def between(word: str, start: int, stop: int) -> int:
    """Where to cut the consonants between two vowels: as many go with the second as can begin a
    syllable, but of two alike one stays."""
    middle = word[start:stop]
    if len(middle) > 1 and middle[0] == middle[1]:
        return start + 1
    for place in range(start if len(middle) < 2 else start + 1, stop):
        if any(word[place - 1 : place + 1] == pair for pair in TOGETHER) and place > start:
            continue
        if ONSETS.fullmatch(word[place:stop]):
            return place
    if any(middle == pair for pair in TOGETHER):
        return start
    return stop - 1 if len(middle) > 1 and middle[-2:] not in TOGETHER else max(start, stop - 2)
