"""Everything the studio says, in the languages it speaks.

The folders `en` and `zh` here hold the studio's own words, one file a subject; a medium brings its
own beside its code (`<medium>/words/en/*.json`), found through `Words.including`. A key missing in
one language fails a test, not a visitor.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from studio.errors import StudioError

LANGUAGES = ("en", "zh")


@cache
def catalogue(folder: Path, language: str) -> Mapping[str, str]:
    """The flat key-to-sentence table of one language in a words folder."""
    table: dict[str, str] = {}
    for path in sorted((folder / language).glob("*.json")):
        table.update(json.loads(path.read_text(encoding="utf-8")))
    return table


class Words:
    """One language. `words("explore.title")`, `words("rate.count", count=3)`."""

    def __init__(self, language: str, folders: tuple[Path, ...] = ()) -> None:
        self.language = language if language in LANGUAGES else "en"
        self.folders = (*folders, Path(__file__).parent)

    @classmethod
    def for_request(cls, accept_language: str | None, host: str | None = None) -> Words:
        """The host's language, else the first of an Accept-Language header that the studio
        speaks."""
        if host in LANGUAGES:
            return cls(host)
        for part in (accept_language or "").split(","):
            code = part.split(";")[0].strip().lower()[:2]
            if code in LANGUAGES:
                return cls(code)
        return cls("en")

    def including(self, folder: Path) -> Words:
        """These words, with a medium's own looked up first."""
        return Words(self.language, (folder, *self.folders[:-1]))

    def __contains__(self, key: str) -> bool:
        return any(key in catalogue(folder, self.language) for folder in self.folders)

    def __call__(self, key: str, **values: object) -> str:
        """The sentence of a key, filled in.

        Raises:
            KeyError: no such key in this language.
        """
        for folder in self.folders:
            sentence = catalogue(folder, self.language).get(key)
            if sentence is not None:
                return sentence.format(**values) if values else sentence
        raise KeyError(f"no words for {key!r} in {self.language}")

    def error(self, error: StudioError) -> str:
        """What to tell a person about an error."""
        return self(f"error.{error.key}", **error.values)
