"""Tunes from ABC and MIDI files: read, cleaned, moved to one tonic, cut into phrases, split.

A phrase is four bars from the beginning of a section, or the four after it. Tunes that share music
(the same tune under another title) stay on one side of the split.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from studio.errors import BadUpload
from studio.melody import abc
from studio.melody.grid import BARS, METERS, TONIC, Grid, Note, OffGrid

SUFFIXES = (".abc", ".abc.gz", ".mid", ".midi", ".tar.gz")
CENTRE = 69
"""The octave of a phrase is the one whose mean pitch lies nearest to this (A4)."""
# Bars written at half the length that players feel: 2/4 in sixteenths is 4/4 in eighths.
DOUBLED = {"2/4": "4/4", "3/8": "3/4"}
SAME = {"4/4": "4/4", "2/2": "4/4", "3/4": "3/4", "6/8": "6/8"}
SHARED_PHRASES = 1
SHARES = {"train": 0.9, "validation": 0.05, "test": 0.05}


@dataclass(frozen=True)
class Phrase:
    """Four bars of a tune, its tonic on C.

    Attributes:
        grid: the notes; mode: maj, min, dor, mix …; tune: index into `Collection.titles`.
    """

    grid: Grid
    mode: str
    tune: int


@dataclass
class Collection:
    """What a folder holds.

    Attributes:
        phrases: all of them; splits: by name, indices into `phrases`.
        titles: of the tunes; left_out: why how many tunes or phrases were left out.
    """

    phrases: list[Phrase] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    books: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    splits: dict[str, list[int]] = field(default_factory=dict)

    def split(self, name: str) -> list[Phrase]:
        return [self.phrases[index] for index in self.splits[name]]

    def summary(self) -> dict[str, Any]:
        """For the card of a checkpoint."""
        keys = [phrase_key(p) for p in self.phrases]
        return {
            "tunes": len(self.titles),
            "phrases": {name: len(rows) for name, rows in self.splits.items()},
            "meters": dict(Counter(p.grid.meter for p in self.phrases)),
            "modes": dict(Counter(p.mode for p in self.phrases)),
            "books": dict(self.books),
            "left_out": dict(self.left_out),
            "sha256": hashlib.sha256("".join(sorted(keys)).encode()).hexdigest(),
        }


def collect(folder: Path) -> Collection:
    """Every usable tune of a folder.

    Raises:
        BadUpload: there is no folder, or no usable tune in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise BadUpload("no_folder", folder=folder)
    found = Collection()
    for path in sorted(folder.rglob("*")):
        if path.name.endswith((".abc", ".abc.gz")):
            read_book(path, found)
        elif path.name.endswith((".mid", ".midi", ".tar.gz")):
            for name, data in midi_files(path):
                add_midi(found, path.name, name, data)
    if not found.phrases:
        raise BadUpload("no_tunes", folder=folder)
    split(found)
    return found


def read_book(path: Path, found: Collection) -> None:
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.name.endswith(".gz") else raw).decode("utf-8", "replace")
    for part in abc.tunes(text):
        try:
            tune = abc.read_tune(part)
        except abc.AbcError:
            found.left_out["tunes the reader cannot trust"] += 1
            continue
        if tune.meter not in SAME and tune.meter not in DOUBLED:
            found.left_out[f"tunes in {tune.meter}"] += 1
            continue
        add_tune(found, path.name, tune)


def add_tune(found: Collection, book: str, tune: abc.Tune) -> None:
    number = len(found.titles)
    phrases: dict[str, Phrase] = {}
    for section in tune.sections:
        for notes, meter in windows(section, tune):
            try:
                grid = Grid.of(settle(notes, tune.tonic), meter)
            except OffGrid:
                found.left_out["phrases off the grid"] += 1
                continue
            if len({note.pitch for note in notes}) < 3:
                found.left_out["phrases of fewer than three pitches"] += 1
                continue
            phrase = Phrase(grid, tune.mode or "maj", number)
            phrases.setdefault(phrase_key(phrase), phrase)
    if phrases:
        found.titles.append(tune.title)
        found.books[book] += 1
        found.phrases += phrases.values()


def windows(section: Sequence[Sequence[abc.Note]], tune: abc.Tune) -> Iterator[tuple[list, str]]:
    """Runs of four whole bars, as notes from 0 on, with their meter."""
    factor = 2 if tune.meter in DOUBLED else 1
    meter = DOUBLED.get(tune.meter) or SAME[tune.meter]
    bars = [(list(bar), sum(n.duration for n in bar)) for bar in section]
    if bars and bars[0][1] < tune.bar:
        bars = bars[1:]  # an upbeat
    for first in range(0, len(bars) - BARS + 1, BARS):
        notes: list[Note] = []
        for index, (bar, length) in enumerate(bars[first : first + BARS]):
            is_last = first + index == len(bars) - 1
            # A section's last bar lacks its upbeat's length: its last note rings on.
            if length != tune.bar and not (is_last and length < tune.bar):
                break
            offset = index * tune.bar
            for note in bar:
                start, duration = (offset + note.start) * factor, note.duration * factor
                if note.pitch is None:
                    continue
                if note.tied and notes and notes[-1].pitch == note.pitch:
                    notes[-1] = Note(notes[-1].start, notes[-1].duration + duration, note.pitch)
                    continue
                notes.append(Note(start, duration, note.pitch))
            if length < tune.bar and notes:
                end = (offset + tune.bar) * factor
                notes[-1] = Note(notes[-1].start, end - notes[-1].start, notes[-1].pitch)
        else:
            if len(notes) >= 4:
                yield notes, meter


def settle(notes: Sequence[Note], tonic: int) -> list[Note]:
    """Moved so that the tonic is a C, in the octave whose mean pitch lies nearest to CENTRE."""
    mean = sum(note.pitch * float(note.duration) for note in notes)
    mean /= sum(float(note.duration) for note in notes)
    shift = (TONIC - tonic) % 12
    shift += 12 * round((CENTRE - mean - shift) / 12)
    return [Note(n.start, n.duration, n.pitch + shift) for n in notes]


def phrase_key(phrase: Phrase) -> str:
    """What makes two phrases the same music."""
    grid = phrase.grid
    return grid.meter + grid.tokens.tobytes().hex() + grid.triplets.tobytes().hex()


def split(found: Collection) -> None:
    """Group tunes that share music or a title, then give each group a side by its hash."""
    parent = list(range(len(found.titles)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    owners: dict[str, int] = {}
    for phrase in found.phrases:
        for key in (title_key(found.titles[phrase.tune]), *sketches(phrase.grid)):
            if key:
                first = owners.setdefault(key, phrase.tune)
                parent[root(phrase.tune)] = root(first)
    names = list(SHARES)
    edges = np.cumsum(list(SHARES.values()))
    smallest: dict[int, str] = {}
    for index, title in enumerate(found.titles):
        group = root(index)
        smallest[group] = min(smallest.get(group, title), title)
    sides = {}
    for group, title in smallest.items():
        digest = hashlib.sha256(title.encode()).digest()
        place = int.from_bytes(digest[:8], "big") / 2**64
        sides[group] = names[min(int(np.searchsorted(edges, place, side="right")), len(names) - 1)]
    rows: dict[str, list[int]] = defaultdict(list)
    for index, phrase in enumerate(found.phrases):
        rows[sides[root(phrase.tune)]].append(index)
    found.splits = {name: rows[name] for name in names}


def title_key(title: str) -> str:
    words = title.lower().split("--")[0]
    kept = "".join(c for c in words if c.isalpha())
    return "title " + kept if len(kept) > 5 else ""


def sketches(grid: Grid) -> list[str]:
    """The pitch classes on the quarters of each half phrase: the same in variants of a tune."""
    notes = grid.notes()
    quarters = BARS * METERS[grid.meter]
    line: list[int] = []
    for quarter in range(quarters):
        sounding = [n for n in notes if n.start <= quarter < n.end]
        line.append(sounding[0].pitch % 12 if sounding else -1)
    return [f"{grid.meter} {line}"] if len(set(line)) > 3 else []


def midi_files(path: Path) -> Iterator[tuple[str, bytes]]:
    """MIDI files of a path: itself, or those in a tar archive (read, never unpacked to disk)."""
    if not path.name.endswith(".tar.gz"):
        yield path.name, path.read_bytes()
        return
    with tarfile.open(fileobj=io.BytesIO(path.read_bytes()), mode="r:gz") as archive:
        for member in archive:
            if member.isfile() and member.name.endswith((".mid", ".midi")):
                stream = archive.extractfile(member)
                if stream is not None:
                    yield member.name, stream.read(2**20)


def add_midi(found: Collection, book: str, name: str, data: bytes) -> None:
    """A MIDI file's first phrases; where its bars begin is what its own meter says."""
    from studio.melody.midi import read_midi

    try:
        parsed = read_midi(data)
    except BadUpload:
        found.left_out["MIDI files that cannot be read"] += 1
        return
    number = len(found.titles)
    added = 0
    for notes in parsed.phrases():
        try:
            grid = Grid.of(settle(notes, parsed.tonic), parsed.meter)
        except OffGrid:
            found.left_out["phrases off the grid"] += 1
            continue
        found.phrases.append(Phrase(grid, parsed.mode, number))
        added += 1
    if added:
        found.titles.append(Path(name).stem)
        found.books[book] += 1
