"""What can be measured on melodies: for sliders, for evaluation, for a person's curiosity.

Every function takes the notes of a phrase (times in quarters) and its meter; the tonic is C.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from studio.melody.grid import BARS, METERS, Note

UNITS = {
    "density": "notes in a quarter",
    "register": "mean pitch, MIDI number",
    "span": "highest minus lowest note, semitones",
    "contour": "second half's mean pitch minus the first's, semitones",
    "arch": "mean pitch of the middle half minus that of the outer quarters, semitones",
    "leapiness": "mean size of a step between notes, semitones",
    "repetition": "likeness of bars, 0 to 1",
    "mode": "share of thirds, sixths and sevenths that are major",
    "tension": "share of time on notes other than 1, 3 and 5",
    "dotted": "unevenness of note lengths",
}
MAJOR, MINOR = {4, 9, 11}, {3, 8, 10}


def measure(notes: Sequence[Note], meter: str) -> dict[str, float]:
    """Every attribute of UNITS."""
    quarters = BARS * METERS[meter]
    if not notes:
        return {**dict.fromkeys(UNITS, 0.0), "register": 60.0, "mode": 0.5}
    pitches = [note.pitch for note in notes]
    lengths = [float(note.duration) for note in notes]
    sounding = sum(lengths)
    steps = [abs(b - a) for a, b in pairwise(pitches)]
    middle = mean_pitch(notes, quarters / 4, 3 * quarters / 4)
    outer = (mean_pitch(notes, 0, quarters / 4) + mean_pitch(notes, 3 * quarters / 4, quarters)) / 2
    classes: Counter[int] = Counter()
    for note, length in zip(notes, lengths, strict=True):
        classes[note.pitch % 12] += length  # type: ignore[assignment]
    light = sum(classes[c] for c in MAJOR)
    dark = sum(classes[c] for c in MINOR)
    chord = classes[0] + classes[7] + classes[4] + classes[3]
    return {
        "density": len(notes) / quarters,
        "register": sum(p * d for p, d in zip(pitches, lengths, strict=True)) / sounding,
        "span": float(max(pitches) - min(pitches)),
        "contour": mean_pitch(notes, quarters / 2, quarters) - mean_pitch(notes, 0, quarters / 2),
        "arch": middle - outer,
        "leapiness": sum(steps) / max(len(steps), 1),
        "repetition": repetition(notes, meter),
        "mode": light / (light + dark) if light + dark else 0.5,
        "tension": 1 - chord / sounding,
        "dotted": unevenness(lengths),
    }


def mean_pitch(notes: Sequence[Note], start: float, end: float) -> float:
    """Mean pitch of what sounds between two times; of all notes, if nothing does."""
    total = weight = 0.0
    for note in notes:
        overlap = min(float(note.end), end) - max(float(note.start), start)
        if overlap > 0:
            total += overlap * note.pitch
            weight += overlap
    if weight:
        return total / weight
    return sum(note.pitch for note in notes) / len(notes)


def repetition(notes: Sequence[Note], meter: str) -> float:
    """Mean, over bars after the first, of the greatest likeness to an earlier one: the share of
    onsets that agree in place and in pitch relative to the bar's own first note."""
    length = METERS[meter]
    bars: list[set[tuple[Fraction, int]]] = []
    for index in range(BARS):
        inside = [n for n in notes if index * length <= n.start < (index + 1) * length]
        first = inside[0].pitch if inside else 0
        bars.append({(n.start - index * length, n.pitch - first) for n in inside})
    scores = []
    for index in range(1, BARS):
        best = 0.0
        for earlier in bars[:index]:
            both = bars[index] | earlier
            best = max(best, len(bars[index] & earlier) / len(both) if both else 1.0)
        scores.append(best)
    return sum(scores) / len(scores)


def unevenness(lengths: Sequence[float]) -> float:
    """Mean absolute log2 ratio of neighbouring lengths."""
    ratios = [abs(math.log2(b / a)) for a, b in pairwise(lengths)]
    return sum(ratios) / max(len(ratios), 1)
