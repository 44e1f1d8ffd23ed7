"""What an artist asks of a poem: its form, its first line, its words, and how it is set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from studio.medium import Option
from studio.poem.data import LINES, LONGEST_LINE, clean

FOUND = "found"
"""As the generator found it."""
LONGEST_TEXT = 60
"""Characters of a first line and of key words."""
TEXTS = ("first_line", "key_words")

OPTIONS: Mapping[str, Sequence[Option]] = {
    "zh": (
        Option("form", FOUND, (FOUND, "five", "seven")),
        Option("book", "pingshui", ("pingshui", "modern")),
        Option("setting", "horizontal", ("horizontal", "vertical")),
        Option("gloss", "none", ("none", "pinyin")),
    ),
    "en": (
        Option("scheme", FOUND, (FOUND, "ABAB", "AABB", "ABBA", "ABCB", "AABA")),
        Option("measure", FOUND, (FOUND, "8888", "8686", "10")),
    ),
}
"""By language."""


@dataclass(frozen=True)
class Settings:
    """The values of OPTIONS, and what is written by hand.

    Attributes:
        form: characters a line; book: of rhymes and tones; setting: which way lines run; gloss:
            what stands beside the characters. Chinese only.
        scheme: which lines rhyme; measure: syllables a line. English only.
        first_line: what a new poem begins with; key_words: what it is to speak of; "" asks nothing.
        held: lines that stay as they are, by their number from "0".
    """

    form: str = FOUND
    book: str = "pingshui"
    setting: str = "horizontal"
    gloss: str = "none"
    scheme: str = FOUND
    measure: str = FOUND
    first_line: str = ""
    key_words: str = ""
    held: Mapping[str, str] = field(default_factory=dict)

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
        for key in TEXTS:
            values[key] = text_of(options.get(key))[:LONGEST_TEXT].rstrip()
        held = options.get("held")
        if isinstance(held, Mapping):
            texts = {str(number): text_of(held.get(str(number))) for number in range(LINES)}
            # Half of a line would not be the line that was to stay.
            values["held"] = {n: text for n, text in texts.items() if 0 < len(text) <= LONGEST_LINE}
        return cls(**values)

    def to_options(self) -> dict[str, Any]:
        """What differs from the defaults, for a recipe."""
        usual = type(self)()
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        if self.held:
            found["held"] = dict(self.held)
        return {name: value for name, value in found.items() if value != getattr(usual, name)}


def text_of(value: Any) -> str:
    """Plain text on one line; nothing where there is none."""
    # What is far too long is cut first, so that cleaning it costs nothing.
    return clean(value[: 8 * LONGEST_LINE]) if isinstance(value, str) else ""
