"""Quatrains from JSON lines and text files: read, cleaned, made into tokens, split.

An author's poems lie on one side of the split. Of poems that are nearly the same, and of those that
share a line with one on another side, the later is left out.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import unicodedata
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, chain, combinations
from operator import eq
from pathlib import Path
from typing import Any, Protocol

from studio.errors import BadUpload
from studio.poem.form import LENGTHS, LINES

LONGEST_LINE, MOST_WORDS = 120, 16
"""Characters and words a line in English."""
LONGEST_ROW = 2**16
"""Characters of a line of a file; a longer one is passed over without being held in memory."""
NEAR = 0.75
"""Share of the same characters at the same places that makes two Chinese poems one."""
BLOCK = 3
SHARES = {"train": 0.9, "validation": 0.05, "test": 0.05}
EDGES = dict(zip(SHARES, accumulate(SHARES.values()), strict=True))
SALT = "203"
"""Some authors wrote a hundredth of a corpus; with this one the known corpora fall near SHARES."""
ANONYMOUS = {"", "anonymous", "anon", "unknown", "traditional", "无名氏", "佚名", "不详", "阙名"}

PAD, LINE, UNKNOWN = "<pad>", "<line>", "<unk>"
SPECIALS = (PAD, LINE, UNKNOWN)
PADDED, END, STRANGE = range(len(SPECIALS))
"""Their numbers: behind a poem, at the end of a line, and for a word that the vocabulary lacks."""
MARKS = ",.;:!?—"
PROPER = 0.5
"""A word is a name if more than this share of it is capitalised where no sentence begins."""
# Words that begin with an apostrophe; before any other word it opens a quotation.
CLIPPED = """'tis 'twas 'twere 'twill 'twould 'twixt 't 'mid 'midst 'neath 'gainst 'em 'mong 'mongst
    'scape 'gan 'tween 'twould've 'twouldn't 'twasn't 'tisn't 'd 's 'll 've 're 'm"""
CLIPPED_WORDS = frozenset(CLIPPED.split())
# Words that end with one, besides the possessives of plurals.
CUT = "th' tho' thro' altho' o' i' t' a' ha' wi' an'"
CUT_WORDS = frozenset(CUT.split())
WORD = re.compile(r"'?[a-zè]+(?:'[a-zè]+)*'?|[-,.;:!?—]")
INNER = r"[A-Za-zèÈ]+(?:'[A-Za-zèÈ]+)*"
QUOTED = re.compile(f"(?<![A-Za-zèÈ])'+{INNER}'*|{INNER}'+(?![A-Za-zèÈ])")
QUOTES = {"’": "'", "‘": "'", "`": "'", "“": '"', "”": '"', "«": '"', "»": '"'}
LETTERS = {"æ": "ae", "œ": "oe", "Æ": "Ae", "Œ": "Oe", "ß": "ss", "ø": "o", "Ø": "O"}
SIGNS = str.maketrans(QUOTES | LETTERS | {"–": "—", "―": "—", "…": ".", "&": " and "})
# Quotation marks and brackets come in pairs, which a generator cannot keep: none is shown.
DROPPED = str.maketrans("", "", '"()[]{}')
ACCENTS = dict.fromkeys(range(0x300, 0x370))
STOPS = re.compile(r"[\s,.;:!?，。；：！？、·]+")


class Unfit(ValueError):
    """Why these lines are no quatrain the studio can take; `key` is one of REASONS."""

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key)
        self.key = key
        self.values = values


REASONS = {
    "poem_empty": "poems without words",
    "poem_not_four_lines": "poems not of four lines",
    "poem_lengths": "Chinese poems not all of five or all of seven characters a line",
    "poem_line_too_long": "poems with a line that is too long",
    "poem_script": "poems with signs outside their script",
}


@dataclass(frozen=True)
class Poem:
    """A quatrain as it is shown; language: en or zh; an author of "" is unknown."""

    lines: tuple[str, ...]
    language: str
    author: str = ""
    title: str = ""

    @cached_property
    def tokens(self) -> tuple[tuple[str, ...], ...]:
        """Of each line."""
        return tuple(tuple(tokens(line)) for line in self.lines)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """What makes two lines the same: their letters."""
        return tuple("".join(filter(str.isalpha, line.lower())) for line in self.lines)


@dataclass
class Collection:
    """What some files hold.

    Attributes:
        poems: all of them; splits: by name, indices into `poems`.
        files: poems of each; left_out: why how many poems or rows were left out.
    """

    poems: list[Poem] = field(default_factory=list)
    files: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    splits: dict[str, list[int]] = field(default_factory=dict)

    def split(self, name: str) -> list[Poem]:
        return [self.poems[index] for index in self.splits[name]]

    def only(self, language: str) -> Collection:
        """The poems in one language."""
        kept = [index for index, poem in enumerate(self.poems) if poem.language == language]
        new = {old: index for index, old in enumerate(kept)}
        splits = {
            name: [new[index] for index in rows if index in new]
            for name, rows in self.splits.items()
        }
        return Collection([self.poems[i] for i in kept], self.files, self.left_out, splits)

    def summary(self) -> dict[str, Any]:
        """For the card of a checkpoint."""
        texts = sorted("/".join(poem.keys) for poem in self.poems)
        return {
            "poems": {name: len(rows) for name, rows in self.splits.items()},
            "languages": dict(Counter(poem.language for poem in self.poems)),
            "authors": len({poem.author for poem in self.poems}),
            "files": dict(self.files),
            "left_out": dict(self.left_out),
            "sha256": hashlib.sha256("\n".join(texts).encode()).hexdigest(),
        }


@dataclass(frozen=True)
class Vocabulary:
    """Tokens and their numbers; SPECIALS come first."""

    words: tuple[str, ...]

    @cached_property
    def numbers(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words)}

    def knows(self, poem: Poem) -> bool:
        return all(token in self.numbers for line in poem.tokens for token in line)

    def encode(self, line: Sequence[str]) -> list[int]:
        unknown = self.numbers[UNKNOWN]
        return [self.numbers.get(token, unknown) for token in line]


def build_vocabulary(poems: Iterable[Poem], least: int = 5) -> Vocabulary:
    """Every token that poems hold `least` times or more, the most frequent first."""
    counts = Counter(token for poem in poems for line in poem.tokens for token in line)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return Vocabulary(SPECIALS + tuple(word for word, count in ranked if count >= least))


def known(poems: Iterable[Poem], vocabulary: Vocabulary) -> tuple[list[Poem], int]:
    """The poems to learn from, whose every token the vocabulary knows, and how many are not."""
    told = [(poem, vocabulary.knows(poem)) for poem in poems]
    kept = [poem for poem, is_known in told if is_known]
    return kept, len(told) - len(kept)


def tokens(line: str) -> list[str]:
    """The characters of a clean line in Chinese; the words, marks and hyphens of one in English."""
    if any(map(is_han, line)):
        return list(filter(is_han, line))
    return WORD.findall(line.lower())


def detokenise(line: Sequence[str], proper: frozenset[str] = frozenset()) -> str:
    """A line as it is shown, `proper` names, beginnings of sentences, I and O capitalised."""
    if line and all(len(token) == 1 and is_han(token) for token in line):
        return "".join(line)
    shown, begins, is_open = "", True, True
    for token in line:
        if token in MARKS or token == "-":
            shown = shown.rstrip(" ") + token if token in "-—" else shown + token
            is_open = token in "-—"
            begins = begins or token in ".?"
            continue
        is_name = token in proper or (re.fullmatch(r"o|i(?:'.+)?", token) and token != "i'")
        word = capitalised(token) if begins or is_name else token
        shown += word if is_open else " " + word
        begins = is_open = False
    return shown


def capitalised(word: str) -> str:
    at = 1 if word.startswith("'") else 0
    return word[:at] + word[at : at + 1].upper() + word[at + 1 :]


def proper_names(poems: Iterable[Poem], least: int = 3) -> frozenset[str]:
    """Words that are mostly capitalised where no line or sentence begins."""
    upper: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    for poem in poems:
        for line in poem.lines if poem.language == "en" else ():
            for match in re.finditer(r"(?<=[A-Za-z,;'-] )([A-Za-z])[A-Za-zè']*", line):
                word = match[0].lower().rstrip("'")
                seen[word] += 1
                upper[word] += match[1].isupper()
    return frozenset(
        word for word, count in upper.items() if count >= least and count > PROPER * seen[word]
    )


def read_poem(text: str, title: str = "") -> Poem:
    """One poem that a person gives.

    Raises:
        BadUpload: what it is that makes it no quatrain; the keys are those of REASONS.
    """
    if len(text) > LONGEST_ROW:
        raise BadUpload("poem_not_four_lines", count=text.count("\n") + 1)
    try:
        return quatrain(text.splitlines(), title=title)
    except Unfit as found:
        raise BadUpload(found.key, **found.values) from found


def quatrain(lines: Iterable[str], author: str = "", title: str = "") -> Poem:
    """Clean four lines.

    Raises:
        Unfit: they are no quatrain.
    """
    rows = [row for row in map(clean, lines) if row]
    letters = "".join(filter(str.isalpha, "".join(rows)))
    if not letters:
        raise Unfit("poem_empty")
    if is_han(letters[0]):
        # A couplet is often written as one row.
        rows = [part for row in rows for part in STOPS.split(row) if part]
    else:
        rows = [english(row) for row in rows]
    if len(rows) != LINES:
        raise Unfit("poem_not_four_lines", count=len(rows))
    language = check_chinese(rows) if is_han(letters[0]) else check_english(rows)
    return Poem(tuple(rows), language, clean(author[:200]), clean(title[:200]))


def clean(text: str) -> str:
    """Without control characters and the invisible ones of formatting, its spaces single."""
    if not text.isprintable():
        text = "".join(" " if c.isspace() else c for c in text if c.isspace() or c.isprintable())
    return " ".join(unicodedata.normalize("NFC", text).split())


def english(line: str) -> str:
    """One shape of quotation mark, dash and letter; accents go but for the heard e of wingèd."""
    line = line.translate(SIGNS).translate(DROPPED)
    if not line.isascii():
        line = "".join(
            c if c in "èÈ—" else unicodedata.normalize("NFD", c).translate(ACCENTS) for c in line
        )
    line = re.sub(r"\s*—\s*|\s*--+\s*|\s+-+\s+|\s+-+$|^-+\s*|(?<=[,.;:!?])\s*-+\s*", "—", line)
    line = re.sub(r"\.(?:\s*\.)+", ".", line)
    if "'" in line:
        line = QUOTED.sub(unquoted, line)
        line = re.sub(r"(?<![A-Za-zèÈ])'+(?![A-Za-zèÈ])", "", line)
    return " ".join(line.split())


def unquoted(word: re.Match[str]) -> str:
    """A word without the apostrophes that open and close a quotation."""
    bare, rest = word[0].strip("'"), word.string[word.end() :]
    low = bare.lower()
    opening = "'" if word[0][0] == "'" and "'" + low in CLIPPED_WORDS else ""
    # A plural's possessive has something to own.
    owns = low.endswith("s") and re.match(" [A-Za-z]", rest)
    closing = "'" if word[0][-1] == "'" and (low + "'" in CUT_WORDS or owns) else ""
    return opening + bare + closing


def check_chinese(rows: Sequence[str]) -> str:
    strange = {char for row in rows for char in row if not is_han(char)}
    if strange:
        raise Unfit("poem_script", signs=listed(strange))
    lengths = {len(row) for row in rows}
    if len(lengths) > 1 or not lengths <= set(LENGTHS):
        raise Unfit("poem_lengths", lengths=", ".join(str(len(row)) for row in rows))
    return "zh"


def check_english(rows: Sequence[str]) -> str:
    strange = set(re.findall(r"[^A-Za-zèÈ',.;:!?— -]", "".join(rows)))
    if strange:
        raise Unfit("poem_script", signs=listed(strange))
    for row in rows:
        if len(row) > LONGEST_LINE or row.count(" ") >= MOST_WORDS:
            raise Unfit("poem_line_too_long", characters=LONGEST_LINE, words=MOST_WORDS)
        if not re.search("[A-Za-z]", row):
            raise Unfit("poem_empty")
    return "en"


def listed(signs: Iterable[str]) -> str:
    return " ".join(sorted(signs)[:8])


def is_han(char: str) -> bool:
    return "㐀" <= char <= "鿿" or char == "\u3007" or "\U00020000" <= char <= "\U000323af"


def collect(*sources: Path, simplify: Callable[[str], str] | None = None) -> Collection:
    """Every usable poem of some files and folders.

    Args:
        simplify: what makes a line's traditional characters simplified, where that is wanted.

    Raises:
        BadUpload: a source is missing or damaged, or there is no usable poem in any of them.
    """
    found = Collection()
    for source in map(Path, sources):
        if not source.exists():
            raise BadUpload("poems_missing", source=source)
        for path in sorted(source.rglob("*")) if source.is_dir() else [source]:
            if path.is_file() and path.name.endswith((".jsonl", ".jsonl.gz", ".txt")):
                try:
                    read_file(path, found, simplify or str)
                except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                    raise BadUpload("poems_damaged", file=path.name) from error
    found.poems = without_copies(found.poems, found.left_out)
    if not found.poems:
        raise BadUpload("no_poems", sources=", ".join(map(str, sources)))
    split(found)
    return found


def read_file(path: Path, found: Collection, simplify: Callable[[str], str]) -> None:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
        rows = short_rows(stream, found.left_out)
        poems = stanzas(rows, path.stem) if path.suffix == ".txt" else json_rows(rows, found)
        for lines, author, title in poems:
            try:
                poem = quatrain(map(simplify, lines), author, title)
            except Unfit as reason:
                found.left_out[REASONS[reason.key]] += 1
                continue
            found.poems.append(poem)
            found.files[path.name] += 1


class Reader(Protocol):
    def readline(self, size: int, /) -> bytes: ...


def short_rows(stream: Reader, left_out: Counter[str]) -> Iterator[str]:
    """Rows of a file; of one that is too long only the fact is kept."""
    is_first = True
    while raw := stream.readline(LONGEST_ROW):
        if len(raw) == LONGEST_ROW and not raw.endswith(b"\n"):
            left_out["rows that are too long"] += 1
            while raw and not raw.endswith(b"\n"):
                raw = stream.readline(LONGEST_ROW)
            continue
        yield raw.decode("utf-8-sig" if is_first else "utf-8", "replace")
        is_first = False


Row = tuple[list[str], str, str]
"""Lines, author, title."""


def json_rows(rows: Iterable[str], found: Collection) -> Iterator[Row]:
    for row in rows:
        if not row.strip():
            continue
        try:
            entry = json.loads(row)
            lines = entry["lines"]
            if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
                raise TypeError
        except (ValueError, TypeError, KeyError, RecursionError):
            found.left_out["rows that hold no poem"] += 1
            continue
        author, title = (
            value if isinstance(value := entry.get(name), str) else ""
            for name in ("author", "title")
        )
        yield lines, author, title


def stanzas(rows: Iterable[str], title: str) -> Iterator[Row]:
    """What stands between blank rows; the file's name is its title."""
    stanza: list[str] = []
    for row in chain(rows, [""]):
        if row.strip():
            # Rows beyond the fourth only tell that this is no quatrain.
            stanza += [row] if len(stanza) <= LINES else []
        elif stanza:
            yield stanza, "", title
            stanza = []


def without_copies(poems: Sequence[Poem], left_out: Counter[str]) -> list[Poem]:
    """The poems that are not the same, or nearly, as an earlier one."""
    kept: list[Poem] = []
    texts: set[tuple[str, ...]] = set()
    thirds: set[tuple[str, ...]] = set()
    places: dict[tuple[int, int, str], list[str]] = defaultdict(list)
    for poem in poems:
        if poem.keys in texts:
            left_out["copies"] += 1
            continue
        texts.add(poem.keys)
        three = list(combinations(sorted(poem.keys), LINES - 1))
        if not thirds.isdisjoint(three) or (poem.language == "zh" and is_near(poem, places)):
            left_out["near copies"] += 1
            continue
        thirds.update(three)
        kept.append(poem)
    return kept


def is_near(poem: Poem, places: dict[tuple[int, int, str], list[str]]) -> bool:
    """Whether enough characters stand where they do in an earlier poem; adds this one if not.

    Nearly equal texts differ in at most a quarter of their places, which are fewer than their whole
    blocks: one block at least is the same in both, and only such texts need comparing.
    """
    text = "".join(poem.keys)
    blocks = [
        (len(text), at, text[at : at + BLOCK]) for at in range(0, len(text) - BLOCK + 1, BLOCK)
    ]
    least = NEAR * len(text)
    others = {other for block in blocks for other in places[block]}
    if any(sum(map(eq, text, other)) >= least for other in others):
        return True
    for block in blocks:
        places[block].append(text)
    return False


def split(found: Collection) -> None:
    """Give each author, and each poem without one, a side by its hash; leave out poems that share a
    line with an earlier one on another side."""
    sides: dict[str, str] = {}
    kept: list[Poem] = []
    rows: dict[str, list[int]] = {name: [] for name in SHARES}
    for poem in found.poems:
        side = side_of(poem)
        if any(sides.get(key, side) != side for key in poem.keys):
            found.left_out["poems that share a line across the split"] += 1
            continue
        sides.update(dict.fromkeys(poem.keys, side))
        rows[side].append(len(kept))
        kept.append(poem)
    found.poems, found.splits = kept, rows


def side_of(poem: Poem) -> str:
    author = poem.author.casefold()
    owner = "/".join(poem.keys) if author in ANONYMOUS else author
    place = int.from_bytes(hashlib.sha256(f"{SALT} {owner}".encode()).digest()[:8], "big") / 2**64
    return next((name for name, edge in EDGES.items() if place < edge), "test")
