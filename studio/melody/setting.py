"""Where each syllable of a poem goes among a melody's notes.

A poem of more syllables than the melody has notes is spread over verses, the melody sung again for
each: one, two or four, as few as it takes, each of whole lines. Only where one line alone has too
many syllables are notes split in two, the longest first. Where there are more notes than syllables,
a syllable is drawn out over several (a melisma).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import inf

from studio.melody.grid import METERS, Note
from studio.song import Lines, Syllable

STRONG_MISSED, WEAK_HIT = 1.0, 0.6
"""What a stressed syllable on a weak place costs, and an unstressed one on a strong place."""
LATE = 0.8
"""What a line costs for each beat that it begins away from the bar that is its own."""
INSIDE = {1: 0.12, None: 0.25, 0: 0.4}
"""What each note that draws a syllable out costs besides, by its stress, but at a line's end."""
DRAWN = 0.5
"""What a note that draws a syllable out costs on the strongest place; on others less."""
AFTER_REST = 3.0
"""What a note costs besides that draws a syllable out across a rest."""


@dataclass(frozen=True)
class Sung:
    """Notes with words.

    Attributes:
        notes: of one verse, in order; some split where a line asked for it.
        verses: for each, what is sung on each of the notes; None where the syllable before goes on,
            or where nothing has begun yet.
    """

    notes: tuple[Note, ...]
    verses: tuple[tuple[Syllable | None, ...], ...]


def set_to(notes: Sequence[Note], lines: Lines, meter: str, bars: int) -> Sung:
    """Lines of syllables under notes of `bars` bars, in order and none overlapping."""
    lines = [line for line in lines if line]
    if not lines or not notes:
        return Sung(tuple(notes), ())
    verses = shared_out(lines, len(notes))
    split = enough(notes, max(sum(map(len, verse)) for verse in verses))
    return Sung(split, tuple(placed(split, verse, meter, bars) for verse in verses))


def shared_out(lines: Lines, notes: int) -> list[Lines]:
    """Verses of whole lines that so many notes are enough for; one line each where none are."""
    for count in (1, 2, len(lines)):
        each = -(-len(lines) // count)
        verses = [lines[start : start + each] for start in range(0, len(lines), each)]
        if all(sum(map(len, verse)) <= notes for verse in verses):
            return verses
    return verses


def enough(notes: Sequence[Note], count: int) -> tuple[Note, ...]:
    """As many notes as are wanted, or as can be had: the longest is struck twice, of equals the
    first, as long as one is left that can be written as two."""
    found = list(notes)
    while len(found) < count:
        cuts = [divided(note) for note in found]
        places = [place for place, cut in enumerate(cuts) if cut is not None]
        if not places:
            break
        place = max(places, key=lambda i: (found[i].duration, -i))
        note, middle = found[place], cuts[place]
        assert middle is not None
        found[place : place + 1] = [
            replace(note, duration=middle - note.start),
            replace(note, start=middle, duration=note.end - middle),
        ]
    return tuple(found)


def divided(note: Note) -> Fraction | None:
    """The time nearest to a note's middle at which the grid lets it be struck again: on a quarter,
    else an eighth, else a sixteenth or a third of a quarter."""
    is_even = all((time * 4).denominator == 1 for time in (note.start, note.end))
    for parts in (1, 2, 4) if is_even else (1, 3):
        inside = range(int(note.start * parts) + 1, -int(-note.end * parts // 1))
        times = [Fraction(number, parts) for number in inside if number < note.end * parts]
        if times:
            return min(times, key=lambda time: abs(time - note.start - note.duration / 2))
    return None


def joined(syllables: Sequence[Syllable], count: int) -> list[Syllable]:
    """At most so many: where no note is left to divide, short ones share one from the end on."""
    found = list(syllables)
    while len(found) > count:
        one, other = found[-2:]
        text = one.text + " " * one.is_last + other.text
        found[-2:] = [Syllable(text, other.is_last, one.stress, one.opens)]
    return found


def placed(
    notes: Sequence[Note], lines: Lines, meter: str, bars: int
) -> tuple[Syllable | None, ...]:
    """The cheapest way of giving each syllable a note, in order, by dynamic programming."""
    syllables = joined([syllable for line in lines for syllable in line], len(notes))
    bar = METERS[meter]
    own = {
        sum(map(len, lines[:index])): Fraction(index * bars // len(lines) * bar)
        for index in range(len(lines))
    }
    weights = [strength(note.start, meter) for note in notes]

    def cost(which: int, note: int) -> float:
        stress, found = syllables[which].stress, 0.0
        if stress is not None:
            strong = weights[note]
            found += STRONG_MISSED * (1 - strong) if stress else WEAK_HIT * strong
        if which in own:
            found += LATE * float(abs(notes[note].start - own[which]))
        return found

    def drawn(note: int) -> float:
        is_apart = note > 0 and notes[note].start > notes[note - 1].end
        return DRAWN * weights[note] + AFTER_REST * is_apart

    # The cheapest way with syllable s on note n; before it, notes that draw syllable s - 1 out.
    least = [[inf] * len(notes) for _ in syllables]
    back = [[0] * len(notes) for _ in syllables]
    for note in range(len(notes)):
        least[0][note] = cost(0, note) + sum(DRAWN + drawn(k) for k in range(note))
    for which in range(1, len(syllables)):
        held = 0.0 if which in own else INSIDE[syllables[which - 1].stress]
        best, where = inf, 0
        for note in range(which, len(notes)):
            # Go on drawing out, or begin to: the syllable before was sung on the note before.
            best += drawn(note - 1) + held
            if least[which - 1][note - 1] <= best:
                best, where = least[which - 1][note - 1], note - 1
            least[which][note] = best + cost(which, note)
            back[which][note] = where
    ends = [
        value + sum(drawn(k) for k in range(note + 1, len(notes)))
        for note, value in enumerate(least[-1])
    ]
    note = min(range(len(notes)), key=ends.__getitem__)
    found: list[Syllable | None] = [None] * len(notes)
    for which in range(len(syllables) - 1, -1, -1):
        found[note] = syllables[which]
        note = back[which][note]
    return tuple(found)


def strength(start: Fraction, meter: str) -> float:
    """How strong a place in the bar is, 0 to 1."""
    within = start % METERS[meter]
    if within == 0:
        return 1.0
    strong = Fraction(3, 2) if meter == "6/8" else Fraction(2)
    if within % strong == 0:
        return 0.85
    if within.denominator == 1 and meter != "6/8":
        return 0.6
    return 0.3 if (within * 2).denominator == 1 else 0.0
