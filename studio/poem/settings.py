"""What an artist asks of a poem: its form, its first line, its words, and how it is set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from math import isfinite
from typing import Any

from studio.medium import HELD, Option, held_of
from studio.poem.data import LONGEST_LINE, clean
from studio.poem.form import LINES

FOUND = "found"
"""As the generator found it."""
LONGEST_TEXT = 60
"""Characters of a first line and of key words."""
TEXTS = (
    Option("first_line", "", longest=LONGEST_TEXT),
    Option("key_words", "", longest=LONGEST_TEXT),
)
WRITTEN, AT, UNDER = "written", "at", "under"
NEAR = 0.01
"""How far the sums of a latent's parts may lie from those of where a poem was written by hand."""

OPTIONS: Mapping[str, Sequence[Option]] = {
    "zh": (
        Option("form", FOUND, (FOUND, "five", "seven")),
        Option("book", "pingshui", ("pingshui", "modern")),
        Option("setting", "horizontal", ("horizontal", "vertical")),
        Option("gloss", "none", ("none", "pinyin")),
        *TEXTS,
    ),
    "en": (
        Option("scheme", FOUND, (FOUND, "ABAB", "AABB", "ABBA", "ABCB", "AABA")),
        Option("measure", FOUND, (FOUND, "8888", "8686", "10")),
        *TEXTS,
    ),
}
"""By language."""
TERMS = ("form", "book", "scheme", "measure", "first_line", "key_words")
"""Those of them that decide a poem's words; the others say how it is set."""


@dataclass(frozen=True)
class Settings:
    """The values of OPTIONS, and what is written by hand.

    Attributes:
        form: characters a line; book: of rhymes and tones; setting: which way lines run; gloss:
            what stands beside the characters. Chinese only.
        scheme: which lines rhyme; measure: syllables a line. English only.
        first_line: what it begins with; key_words: what it is to speak of; "" asks nothing.
        held: lines that stay as they are, by their number from 0.
        written: all lines of a poem that a person changed by hand: they stay as they are while the
            latent does and nothing else is asked for. `at`: where that was, the sums of the
            latent's parts; `under`: what was asked for then, by option.
    """

    form: str = FOUND
    book: str = "pingshui"
    setting: str = "horizontal"
    gloss: str = "none"
    scheme: str = FOUND
    measure: str = FOUND
    first_line: str = ""
    key_words: str = ""
    held: Mapping[int, str] = field(default_factory=dict)
    written: Mapping[int, str] = field(default_factory=dict)
    at: tuple[float, ...] = ()
    under: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Settings:
        """What came from a browser or a file: the nearest values there are; strangers are left
        out."""
        values: dict[str, Any] = {
            option.key: option.clean(options[option.key])
            for rows in OPTIONS.values()
            for option in rows
            if option.key in options
        }
        values["held"] = whole_lines(options, HELD)
        at = options.get(AT)
        if isinstance(at, list | tuple) and len(at) == LINES and all(map(is_number, at)):
            values["written"] = whole_lines(options, WRITTEN)
            if values["written"]:
                values["at"] = tuple(map(float, at))
                values["under"] = terms(options.get(UNDER))
        return cls(**values)

    def at_latent(self, latent: Sequence[float]) -> Settings:
        """Without what was written by hand if that was elsewhere, or if other things were asked for
        then."""
        if not self.at:
            return self
        is_there = all(
            abs(one - other) < NEAR for one, other in zip(self.at, sums(latent), strict=True)
        )
        if is_there and terms(vars(self)) == self.under:
            return self
        return replace(self, written={}, at=(), under={})

    @property
    def lines(self) -> dict[int, str]:
        """The lines that stay, by number."""
        first = {0: self.first_line} if self.first_line else {}
        return {**first, **self.written, **self.held}

    def to_options(self) -> dict[str, Any]:
        """What differs from the defaults, for a recipe."""
        usual = type(self)()
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        kept = {name: value for name, value in found.items() if value != getattr(usual, name)}
        # Keys of JSON are text.
        for name in (HELD, WRITTEN):
            if name in kept:
                kept[name] = {str(number): text for number, text in kept[name].items()}
        if AT in kept:
            kept[AT] = list(self.at)
        if UNDER in kept:
            kept[UNDER] = dict(self.under)
        return kept


def terms(options: Any) -> dict[str, str]:
    """What decides the words of a poem, of any options; only what differs from the defaults."""
    if not isinstance(options, Mapping):
        return {}
    rows = {option.key: option for rows in OPTIONS.values() for option in rows}
    cleaned = {key: str(rows[key].clean(options[key])) for key in TERMS if key in options}
    return {key: value for key, value in cleaned.items() if value != rows[key].default}


def whole_lines(options: Mapping[str, Any], name: str) -> dict[int, str]:
    """The lines of an option by number; half of a line would not be the line that was to stay."""
    held = held_of({HELD: options.get(name)})
    lines = {number: clean(text) for number, text in held.items() if number < LINES}
    return {number: text for number, text in lines.items() if 0 < len(text) <= LONGEST_LINE}


def sums(latent: Sequence[float]) -> tuple[float, ...]:
    """Of each part of a latent [D]: enough to know it by."""
    part = len(latent) // LINES
    return tuple(
        round(sum(latent[first : first + part]), 3) for first in range(0, LINES * part, part)
    )


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and isfinite(value)
