"""What a person wrote, made into what the writer can keep: lines that stay, words with a place.

What cannot be kept is left out and remarked on: the nearest possible poem is worth more than none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate

import torch
from torch import Tensor

from studio.medium import Remark
from studio.poem import chinese, english
from studio.poem.data import SPECIALS, STRANGE, Unfit, Vocabulary, clean, is_han, quatrain, tokens
from studio.poem.form import LENGTHS, LINES
from studio.poem.settings import Settings
from studio.poem.sounds import Sounds
from studio.poem.write import Form, Given

MOST_WORDS = LINES
"""Key words: one for each line."""
PLACES = 6
"""Ways to place the key words that are tried."""
APART = re.compile(r"[\s,;、，；。/|]+")
STARTS = {5: (0, 2), 7: (0, 2, 4)}
"""Where words in Chinese mostly begin: lines are 2 + 3 characters, and 2 + 2 + 3."""
NATURAL = 0.5
"""Nats that such a place is worth."""


@dataclass(frozen=True)
class Word:
    """A key word: how it is shown, and its tokens from left to right."""

    text: str
    tokens: tuple[int, ...]


@dataclass
class Asked:
    """What is asked of a poem, as far as it can be kept.

    Attributes:
        lines: that stay, by number, as they are shown; words: that it has to speak of.
        remarks: on what could not be kept.
    """

    lines: dict[int, str] = field(default_factory=dict)
    words: list[Word] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)


class Listener:
    """Understands what people ask of poems in one language."""

    def __init__(self, language: str, vocabulary: Vocabulary, sounds: Mapping[str, Sounds]) -> None:
        """`sounds`: by the book of rhymes."""
        self.language = language
        self.vocabulary = vocabulary
        self.sounds = sounds

    def line(self, text: str) -> str:
        """A line as it is shown; in Chinese without marks and in simplified characters.

        Raises:
            Unfit: it cannot be a line in this language; its key has words.
        """
        if not any(map(str.isalpha, text)):
            raise Unfit("poem_line_empty")
        is_chinese = any(map(is_han, text))
        if is_chinese != (self.language == "zh"):
            raise Unfit("poem_other_language")
        if is_chinese:
            text = chinese.simplified(clean(text))[0]
            text = "".join(char for char in text if is_han(char) or char.isalnum())
            if len(text) not in LENGTHS:
                raise Unfit("poem_line_length", count=len(text))
        return quatrain([text] * LINES).lines[0]

    def understood(self, settings: Settings, longest: int) -> Asked:
        """What can be kept of what is asked of a poem; lines have at most `longest` beats."""
        asked, lines = Asked(), settings.lines
        if settings.first_line and 0 in settings.held:
            asked.remarks.append(("remark.first_line_locked", {"line": settings.first_line}))
        for number, text in sorted(lines.items()):
            try:
                said = self.line(text)
            except Unfit:
                asked.remarks.append(("remark.line_unfit", {"line": text}))
                continue
            if self.language == "zh" and any(len(said) != len(o) for o in asked.lines.values()):
                asked.remarks.append(("remark.line_length", {"line": text}))
                continue
            asked.lines[number] = said
            if self.language == "zh" and set(said) - set(text):
                asked.remarks.append(("remark.simplified", {"line": said}))
        self.add_words(asked, settings.key_words, longest)
        return asked

    def add_words(self, asked: Asked, key_words: str, longest: int) -> None:
        said = {token for line in asked.lines.values() for token in tokens(line)}
        if any(map(is_han, key_words)):
            key_words = chinese.simplified(key_words)[0]
        unknown = []
        for text in list(dict.fromkeys(filter(None, APART.split(key_words))))[:MOST_WORDS]:
            parts = tokens(text)
            numbers = self.vocabulary.encode(parts)
            if not numbers or STRANGE in numbers or not self.fits(numbers, longest):
                unknown.append(text)
            elif not said.issuperset(parts):
                asked.words.append(Word(text, tuple(numbers)))
        if unknown:
            asked.remarks.append(("remark.words_unknown", {"words": ", ".join(unknown)}))

    def fits(self, numbers: Sequence[int], longest: int) -> bool:
        beats = self.any_sounds.beats[list(numbers)]
        return bool((beats > 0).all()) and int(beats.sum()) < longest

    @property
    def any_sounds(self) -> Sounds:
        return next(iter(self.sounds.values()))

    def given(self, line: str, book: str) -> Given:
        """A line that stays, for the writer."""
        sounds, parts = self.sounds[book], tokens(line)
        numbers = self.vocabulary.encode(parts)
        beats = [
            self.beats_of(part) if number == STRANGE else int(sounds.beats[number])
            for part, number in zip(parts, numbers, strict=True)
        ]
        spoken = [at for at, count in enumerate(beats) if count]
        rhyme = torch.zeros(sounds.rhyme.shape[1], dtype=torch.bool)
        if spoken:
            last = spoken[-1]
            rhyme = sounds.rhyme[numbers[last]]
            if numbers[last] == STRANGE:
                rhyme = self.rhyme_of(parts[last], book)
        return Given(numbers, sum(beats), rhyme)

    def beats_of(self, word: str) -> int:
        """Of a word that the vocabulary lacks."""
        return 1 if self.language == "zh" else min(english.syllables(word) or {0})

    def rhyme_of(self, word: str, book: str) -> Tensor:
        """[G] bool: rhymes of a word that the vocabulary lacks, by words that sound like it."""
        rhyme = self.sounds[book].rhyme
        found = torch.zeros(rhyme.shape[1], dtype=torch.bool)
        for key in self.keys(word, book):
            alike = self.by_key[book].get(key)
            if alike:
                # What all of them share is the sound that they were looked up by.
                found |= rhyme[alike].all(0)
        return found

    def keys(self, word: str, book: str) -> Sequence[str]:
        if self.language == "en":
            return english.keys_in_order(word)[:2]
        return sorted(filter(chinese.is_level, chinese.rhymes(word, book)))

    @cached_property
    def by_key(self) -> dict[str, dict[str, list[int]]]:
        """By book and sound, the tokens that rhyme with it."""
        found: dict[str, dict[str, list[int]]] = {}
        for book in self.sounds:
            table = found[book] = {}
            for number, word in enumerate(self.vocabulary.words[len(SPECIALS) :], len(SPECIALS)):
                for key in self.keys(word, book):
                    table.setdefault(key, []).append(number)
        return found

    def placed(self, form: Form, words: Sequence[Word], held: Tensor) -> list[Form]:
        """The form with a place for each word, in up to PLACES ways, the likeliest first; none if
        they do not fit into it.

        Args:
            held: [4, V], how likely each line is to hold each token, in nats.
        """
        ways = [(0.0, form)]
        for word in sorted(words, key=lambda each: -len(each.tokens)):
            grown = [
                (score + gain, longer)
                for score, so_far in ways
                for line in range(LINES)
                if line not in so_far.given and all(line != taken for taken, _ in so_far.must)
                for gain, longer in self.in_line(so_far, line, word, held[line])
            ]
            ways = sorted(grown, key=lambda way: -way[0])[:PLACES]
        return [way for _, way in ways]

    def in_line(self, form: Form, line: int, word: Word, held: Tensor) -> list[tuple[float, Form]]:
        """The places that a word may have in a line, and what each is worth."""
        sounds, which = self.any_sounds, list(word.tokens)
        ends = list(accumulate(int(sounds.beats[token]) for token in which))
        length, found = form.beats[line], []
        # The line's last word is the rhyme's; what is asked for stands before it.
        for start in range(length - ends[-1]):
            tones = form.tones
            if tones is not None:
                at = tones[:, line, start : start + len(which)]
                kept = (at[..., 0] & sounds.level[which]) | (at[..., 1] & sounds.oblique[which])
                tones = tones[kept.all(1)]
                if not len(tones):
                    continue
            must = {(line, start + end): t for end, t in zip(ends, which, strict=True)}
            gain = float(held[which].mean()) + NATURAL * (start in STARTS.get(length, ()))
            # Of equal places the first: a word that is asked for is what a line begins with.
            found.append(
                (gain - 0.01 * start, replace(form, tones=tones, must={**form.must, **must}))
            )
        return found
