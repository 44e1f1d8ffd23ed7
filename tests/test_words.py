"""Everything that is said, is said in every language."""

from __future__ import annotations

import builtins
import json
import re
from pathlib import Path
from string import Formatter

import pytest

import studio.words
from studio.medium import media
from studio.words import LANGUAGES, Words, catalogue

STUDIO_WORDS = Path(studio.words.__file__).parent
FOLDERS = (
    {"studio": STUDIO_WORDS}
    | {folder.parent.name: folder for folder in STUDIO_WORDS.parent.glob("*/words")}
    | {name: medium.words for name, medium in media().items()}
)
PLACED = re.compile(r"\{[^}]*\}")
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


@pytest.fixture(params=sorted(FOLDERS))
def folder(request: pytest.FixtureRequest) -> Path:
    return FOLDERS[request.param]


def test_both_languages_say_the_same_things(folder: Path) -> None:
    english, chinese = (catalogue(folder, language) for language in LANGUAGES)
    assert set(english) == set(chinese)
    assert len(english) > 0
    for key, sentence in english.items():
        assert placeholders(sentence) == placeholders(chinese[key]), key


def test_chinese_is_chinese_and_english_is_not(folder: Path) -> None:
    english, chinese = (catalogue(folder, language) for language in LANGUAGES)
    # Signs, bare placeholders and names of formats read alike in both.
    spoken = [key for key, text in english.items() if re.search("[a-z]{2}", PLACED.sub("", text))]
    assert len(spoken) > 0
    assert [key for key in spoken if not CHINESE.search(chinese[key])] == []
    assert [key for key, text in english.items() if CHINESE.search(text)] == []


def test_chinese_addresses_everybody_alike(folder: Path) -> None:
    assert [key for key, text in catalogue(folder, "zh").items() if "您" in text] == []


def test_no_key_is_said_twice(folder: Path) -> None:
    for language in LANGUAGES:
        seen: dict[str, str] = {}
        for path in sorted((folder / language).glob("*.json")):
            pairs = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=list)
            for key, sentence in pairs:
                assert isinstance(sentence, str) and sentence.strip(), key
                assert key not in seen, f"{key} in {path.name} and {seen[key]}"
                seen[key] = path.name


def test_everything_the_code_says_has_words() -> None:
    """Keys written out in the code; those put together from parts are found by its tests."""
    known = set().union(*(catalogue(folder, "en") for folder in FOLDERS.values()))
    raised = re.compile(r"raise (\w+)\(\s*\"(\w+)\"[,)]")
    said = re.compile(r"(?<!`)\b(?:words|i18n)\(\s*\"([\w.]+)\"[,)]")
    sources = [path.read_text("utf-8") for path in STUDIO_WORDS.parent.rglob("*.py")]
    errors = {
        f"error.{key}"
        for source in sources
        for error, key in raised.findall(source)
        if not hasattr(builtins, error)
    }
    words = {key for source in sources for key in said.findall(source)}
    assert len(errors) > 10
    assert len(words) > 10
    assert sorted((errors | words) - known) == []


def test_the_language_follows_the_browser() -> None:
    assert Words.for_request("zh-CN,zh;q=0.9,en;q=0.8").language == "zh"
    assert Words.for_request("fr-FR, zh;q=0.5").language == "zh"
    assert Words.for_request("en-GB").language == "en"
    assert Words.for_request("fr").language == "en"
    assert Words.for_request(None).language == "en"
