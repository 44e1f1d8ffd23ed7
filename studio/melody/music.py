"""What can be measured on melodies: for sliders, for evaluation, for a person's curiosity.

`measure` takes the notes of a phrase (times in quarters) and its meter; the tonic is C. `expected`
says the same of what the decoder's probabilities would sound like: it has a gradient, which notes
have not.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from studio.melody.grid import (
    BARS,
    CELLS,
    FIRST_PITCH,
    HIGHEST,
    HOLD,
    LENGTH,
    LOWEST,
    METER_NAMES,
    METERS,
    SLOTS,
    Note,
)

if TYPE_CHECKING:
    from studio.melody.model import Logits

UNITS = {
    "density": "notes in a quarter",
    "register": "mean pitch, MIDI number",
    "span": "highest minus lowest note, semitones",
    "contour": "second half's mean pitch minus the first's, semitones",
    "arch": "mean pitch of the middle half minus that of the outer quarters, semitones",
    "leapiness": "mean size of a step between notes, semitones",
    "repetition": "likeness of bars, 0 to 1",
    "mode": "mean place on the line of fifths, fifths above the tonic",
    "tension": "share of time on notes other than 1, 3 and 5",
    "dotted": "unevenness of note lengths",
    "syncopation": "metrical levels that a note is held over, mean over notes",
}
HOME = (0, 3, 4, 7)
FIFTHS = tuple((7 * pitch_class + 5) % 12 - 5 for pitch_class in range(12))
"""Places of pitch classes on the line of fifths, flattened second to raised fourth."""
PULSES = {
    "4/4": (Fraction(4), Fraction(2), Fraction(1), Fraction(1, 2), Fraction(1, 4)),
    "3/4": (Fraction(3), Fraction(1), Fraction(1, 2), Fraction(1, 4)),
    "6/8": (Fraction(3), Fraction(3, 2), Fraction(1, 2), Fraction(1, 4)),
}
"""Each meter's levels, the strongest first, by the quarters between two of its beats."""
LONGEST_LIKELY = 16
"""Slots of a note beyond which its length no longer counts for `expected` unevenness."""


def measure(notes: Sequence[Note], meter: str) -> dict[str, float]:
    """Every attribute of UNITS."""
    quarters = BARS * METERS[meter]
    if not notes:
        return {**dict.fromkeys(UNITS, 0.0), "register": 60.0}
    pitches = [note.pitch for note in notes]
    lengths = [float(note.duration) for note in notes]
    sounding = sum(lengths)
    steps = [abs(b - a) for a, b in pairwise(pitches)]
    middle = mean_pitch(notes, quarters / 4, 3 * quarters / 4)
    outer = (mean_pitch(notes, 0, quarters / 4) + mean_pitch(notes, 3 * quarters / 4, quarters)) / 2
    classes: Counter[int] = Counter()
    for note, length in zip(notes, lengths, strict=True):
        classes[note.pitch % 12] += length  # type: ignore[assignment]
    chord = sum(classes[c] for c in HOME)
    return {
        "density": len(notes) / quarters,
        "register": sum(p * d for p, d in zip(pitches, lengths, strict=True)) / sounding,
        "span": float(max(pitches) - min(pitches)),
        "contour": mean_pitch(notes, quarters / 2, quarters) - mean_pitch(notes, 0, quarters / 2),
        "arch": middle - outer,
        "leapiness": sum(steps) / max(len(steps), 1),
        "repetition": repetition(notes, meter),
        # Lydian to Phrygian, each mode lies a fifth darker than the one before (Temperley and Tan,
        # Emotional connotations of diatonic modes, 2013). A share of major thirds and sixths would
        # be at its end, and its dial dead, in every plainly major tune.
        "mode": sum(FIFTHS[c] * length for c, length in classes.items()) / sounding,
        "tension": 1 - chord / sounding,
        "dotted": unevenness(lengths),
        "syncopation": syncopation(notes, meter),
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
    """Mean, over bars after the first, of the greatest likeness to an earlier one.

    Likeness is the share of onsets that agree in place, times how near the pitches are, as lines
    moved to the same height: a semitone off counts half, two a third. A listener hears a bar come
    back though a note of it has changed; counting only exact agreement would not, and would hear
    nothing at all if the changed note were the one that pitches are told from.
    """
    length = METERS[meter]
    ticks = 12 * length
    line: list[int | None] = [None] * (BARS * ticks)
    onsets: list[set[Fraction]] = [set() for _ in range(BARS)]
    for note in notes:
        first, last = int(note.start * 12), int(note.end * 12)
        line[first:last] = [note.pitch] * (last - first)
        onsets[int(note.start // length)].add(note.start % length)
    bars = [line[index * ticks : (index + 1) * ticks] for index in range(BARS)]
    likeness = [
        max(
            agreement(onsets[index], onsets[earlier]) * nearness(bars[index], bars[earlier])
            for earlier in range(index)
        )
        for index in range(1, BARS)
    ]
    return sum(likeness) / len(likeness)


def agreement(a: set[Fraction], b: set[Fraction]) -> float:
    """Share of onsets that both have; 1 if neither has any."""
    return len(a & b) / len(a | b) if a | b else 1.0


def nearness(a: Sequence[int | None], b: Sequence[int | None]) -> float:
    """How near two lines of pitches are, 0 to 1, whatever the height of each as a whole."""
    apart = [x - y for x, y in zip(a, b, strict=True) if x is not None and y is not None]
    if not apart:
        return float(all(x is None and y is None for x, y in zip(a, b, strict=True)))
    middle = sorted(apart)[len(apart) // 2]
    return sum(1 / (1 + abs(x - middle)) for x in apart) / len(a)


def syncopation(notes: Sequence[Note], meter: str) -> float:
    """Levels by which the beats that notes are held over are stronger than those they begin on.

    The syncopations of Longuet-Higgins and Lee, The rhythmic interpretation of monophonic music,
    1984, with the meter's own levels as weights; their sum, divided by the number of notes so that
    busy and calm melodies compare.
    """
    return sum(levels_held_over(note, meter) for note in notes) / max(len(notes), 1)


def levels_held_over(note: Note, meter: str) -> int:
    """0 for a note that ends before any beat stronger than its own."""
    own = metrical_level(note.start, meter)
    for level, pulse in enumerate(PULSES[meter][:own]):
        if (note.start // pulse + 1) * pulse < note.end:
            return own - level
    return 0


def metrical_level(time: Fraction, meter: str) -> int:
    """0 on the first beat of a bar; the number of levels between no beat at all."""
    return next(
        (i for i, pulse in enumerate(PULSES[meter]) if time % pulse == 0), len(PULSES[meter])
    )


def unevenness(lengths: Sequence[float]) -> float:
    """Mean absolute log2 ratio of neighbouring lengths."""
    ratios = [abs(math.log2(b / a)) for a, b in pairwise(lengths)]
    return sum(ratios) / max(len(ratios), 1)


def expected(said: Logits) -> dict[str, Tensor]:
    """Every attribute of UNITS, each [B], as far as one can tell from probabilities.

    Slots are taken as independent, the meter and the thirds as decided; means of ratios become
    ratios of means. Where probabilities are certain it comes to what `measure` says.
    """
    meter = said.meter.argmax(1)
    cells = torch.tensor([METERS[name] for name in METER_NAMES], device=meter.device)[meter]
    used = torch.arange(BARS * CELLS, device=meter.device) % CELLS < cells[:, None]
    thirds = ((said.triplets > 0) & used).repeat_interleave(SLOTS, 1)
    used = used.repeat_interleave(SLOTS, 1)
    sounds = used & ~(thirds & (torch.arange(LENGTH, device=meter.device) % SLOTS == 3))
    chances = said.slots.float().softmax(2)
    begun = chances[..., FIRST_PITCH:] * sounds[..., None]
    hold = torch.where(sounds, chances[..., HOLD], 1.0)
    lengths = torch.where(thirds, 1 / 3, 1 / 4) * sounds
    starts = torch.cat([torch.zeros_like(lengths[:, :1]), lengths.cumsum(1)], dim=1)
    begins = begun.sum(2)
    count = begins.sum(1).clamp_min(1)
    quarters = (BARS * cells).float()
    pitches = torch.arange(LOWEST, HIGHEST + 1, device=meter.device).float()
    held = chance_of_all(hold)

    time = (held.mT @ begun) * lengths[..., None]
    weight, height = time.sum(2), time @ pitches
    sounding = weight.sum(1).clamp_min(1e-3)
    classes = time.sum(1) @ torch.nn.functional.one_hot(pitches.long() % 12, 12).float()
    fifths = torch.tensor(FIFTHS, device=meter.device).float()
    place = starts[:, :-1] / quarters[:, None]

    def between(first: float, last: float) -> Tensor:
        inside = (place >= first) & (place < last)
        return (height * inside).sum(1) / (weight * inside).sum(1).clamp_min(1e-3)

    # No note begins between two that follow each other.
    following = chance_of_all(1 - begins).roll(1, 2).triu(1)
    apart = (pitches[:, None] - pitches).abs()
    steps = (following * (begun @ apart @ begun.mT)).sum((1, 2))
    pairs = (following * begins[:, :, None] * begins[:, None]).sum((1, 2))
    highest = 1 - (1 - begun.flip(2).cumsum(2)).clamp_min(0).prod(1)
    lowest = 1 - (1 - begun.cumsum(2)).clamp_min(0).prod(1)
    return {
        "density": begins.sum(1) / quarters,
        "register": height.sum(1) / sounding,
        "span": highest.sum(1) + lowest.sum(1) - len(pitches) - 1,
        "contour": between(0.5, 1) - between(0, 0.5),
        "arch": between(0.25, 0.75) - (between(0, 0.25) + between(0.75, 1)) / 2,
        "leapiness": steps / pairs.clamp_min(1),
        "repetition": expected_repetition(begins, thirds, height, weight, lengths),
        "mode": classes @ fifths / sounding,
        "tension": 1 - classes[:, HOME].sum(1) / sounding,
        "dotted": expected_unevenness(begins, held, hold, starts),
        "syncopation": (begins[..., None] * held * stronger().to(held.device)[meter]).sum((1, 2))
        / count,
    }


def chance_of_all(chances: Tensor) -> Tensor:
    """[B, S] to [B, S, S]: the chance [s, e] that it happens in all slots after s up to e."""
    total = chances.clamp_min(1e-5).log().cumsum(1)
    return (total[:, None] - total[:, :, None]).clamp_max(0).exp().triu()


def expected_repetition(
    begins: Tensor, thirds: Tensor, height: Tensor, weight: Tensor, lengths: Tensor
) -> Tensor:
    onsets, flags, line, sounding, ticks = (
        rows.unflatten(1, (BARS, -1))
        for rows in (begins, thirds, height / weight.clamp_min(1e-4), weight, lengths)
    )
    first_slot = torch.arange(onsets.shape[2], device=begins.device) % SLOTS == 0
    likeness = []
    for index in range(1, BARS):
        found = []
        for earlier in range(index):
            a, b = onsets[:, index], onsets[:, earlier]
            both = (a * b * ((flags[:, index] == flags[:, earlier]) | first_slot)).sum(1)
            rhythm = both / (a.sum(1) + b.sum(1) - both).clamp_min(0.5)
            apart = line[:, index] - line[:, earlier]
            middle = apart.detach().median(1, keepdim=True).values
            share = torch.minimum(sounding[:, index], sounding[:, earlier])
            near = (share / (1 + (apart - middle).abs())).sum(1) / ticks[:, index].sum(1)
            found.append(rhythm * near)
        likeness.append(torch.stack(found).amax(0))
    return torch.stack(likeness).mean(0)


def expected_unevenness(begins: Tensor, held: Tensor, hold: Tensor, starts: Tensor) -> Tensor:
    """Over every slot where a note may begin: the chances of each length before it, and after."""
    slots = torch.arange(LENGTH, device=begins.device)[:, None]
    reach = torch.arange(1, LONGEST_LIKELY + 1, device=begins.device)
    first = slots - reach
    # From `first` on, a note held until the slot before this one.
    before = begins[:, first.clamp_min(0)] * held[:, first.clamp_min(0), (slots - 1).clamp_min(0)]
    before = before * (first >= 0)
    last = slots + reach
    end = last.clamp_max(LENGTH)
    ended = torch.cat([1 - hold, torch.ones_like(hold[:, :1])], dim=1)
    after = held[:, slots, end - 1] * ended[:, end] * (last <= LENGTH)
    shortest = 0.2  # of a quarter; what is shorter is a slot that does not sound
    length_before = (starts[:, :-1, None] - starts[:, first.clamp_min(0)]).clamp_min(shortest)
    length_after = (starts[:, end] - starts[:, :-1, None]).clamp_min(shortest)
    ratio = (length_after.log2()[:, :, None] - length_before.log2()[..., None]).abs()
    chance = before[..., None] * after[:, :, None] * begins[:, :, None, None]
    return (chance * ratio).sum((1, 2, 3)) / chance.sum((1, 2, 3)).clamp_min(1)


@cache
def stronger() -> Tensor:
    """[meters, 64, 64]: at [s, e], how many levels a note in slot s gains by being held over e."""
    table = torch.zeros(len(METER_NAMES), LENGTH, LENGTH)
    for index, name in enumerate(METER_NAMES):
        times = {
            Fraction(bar * METERS[name] + cell) + Fraction(slot, SLOTS): (bar * CELLS + cell)
            * SLOTS
            + slot
            for bar in range(BARS)
            for cell in range(METERS[name])
            for slot in range(SLOTS)
        }
        for time, place in times.items():
            for pulse in PULSES[name][: metrical_level(time, name)]:
                following = times.get((time // pulse + 1) * pulse)
                if following is not None:
                    table[index, place, following] += 1
    return table
