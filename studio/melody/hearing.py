"""What taste hears in a melody: named musical aspects of token weights, differentiable."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from studio.melody.grid import BARS, CELLS, FIRST_PITCH, LENGTH, LOWEST, PAD, REST, SLOTS

ASPECTS = {
    "tonality": 2.6,
    "register": 2.5,
    "contour": 1.4,
    "places": 1.5,
    "lengths": 1.1,
    "successions": 1.45,
    "intervals": 2.2,
    "distances": 1.3,
    "likeness": 1.05,
}
"""What a listener notices in a melody, and the scale that gives each of tonality, register,
contour, rhythm (places, lengths, successions) and motion (intervals, distances) about the same
variance among samples, and the likeness of bars half of it: a taste may be about any of them."""
KINDS = {
    "tonality": 12,
    "register": 9,
    "contour": 8,
    "places": 20,
    "lengths": 8,
    "successions": 16,
    "intervals": 9,
    "distances": 18,
    "likeness": 18,
}
"""How many features each of ASPECTS is."""
UNNAMED = 0.12
"""Scale of the encoder's mean: half as much again for what has no name here."""
LONGEST_NOTE = 16
"""Slots after which the length of a note is no longer told apart."""
REGISTERS = torch.arange(48.0, 97.0, 6.0)
"""MIDI pitches around which the register is counted."""
STEPS = ((-99, -8), (-7, -5), (-4, -3), (-2, -1), (0, 0), (1, 2), (3, 4), (5, 7), (8, 99))
"""Semitones, from and to, that are alike as intervals between notes."""
APART = ((0, 0), (1, 2), (3, 4), (5, 7), (8, 11), (12, 99))
"""Semitones, from and to, that are alike as distances between what sounds at two times."""
LENGTH_CLASSES = torch.tensor([0, 1, 2, 3, 3, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6, 7])
"""Of lengths 1 to LONGEST_NOTE, those that are alike."""
COARSE_CLASSES = torch.tensor([0, 1, 1, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3])
"""The same for two notes in succession."""


def aspects(weights: Tensor, triplets: Tensor, meter: Tensor) -> dict[str, Tensor]:
    """What of ASPECTS is heard in token weights [B, 64, V], each [B, n], differentiably.

    Shares are returned as their square roots: between two distributions the distance is then
    Hellinger's, in which the rare (a minor third, a leap) counts as it is noticed.
    """
    last_slot = torch.arange(LENGTH, device=weights.device) % SLOTS == SLOTS - 1
    silent = triplets.repeat_interleave(SLOTS, dim=1) * last_slot
    onset = weights[..., FIRST_PITCH:] * (1 - silent)[..., None]
    unused = weights[..., PAD]
    begins = onset.sum(2)
    rests = weights[..., REST] * (1 - silent)
    pitches = torch.arange(onset.shape[2], device=weights.device) + LOWEST
    count = begins.sum(1, keepdim=True).clamp_min(1)

    sounding, before = carried(onset, begins, rests)
    sounding = sounding * (1 - unused)[..., None]
    time = sounding.sum(2)
    total = time.sum(1, keepdim=True).clamp_min(1)
    pitch_shares = sounding.sum(1) / total
    height = (pitches - 66.0) / 12
    level = pitch_shares @ height[:, None]
    halves = time.unflatten(1, (2 * BARS, -1)).sum(2)
    contour = (sounding @ height).unflatten(1, (2 * BARS, -1)).sum(2) / halves.clamp_min(0.5)
    near = -((pitches[:, None] - REGISTERS.to(pitches.device)) / 3).square()

    steps = (pitches[None] - pitches[:, None]).float()
    motion = torch.einsum("btp,gpq,btq->btg", before, classes(steps, STEPS), onset)
    apart = classes(steps.abs(), APART)
    distances = []
    for gap in (SLOTS, 2 * SLOTS, CELLS * SLOTS):
        found = torch.einsum("btp,gpq,btq->bg", sounding[:, :-gap], apart, sounding[:, gap:])
        distances.append(found / found.sum(1, keepdim=True).clamp_min(1))

    lengths, slots = note_lengths(begins, rests, unused)
    _, length_before = carried(lengths, lengths.sum(2), torch.zeros_like(rests))
    coarse = F.one_hot(COARSE_CLASSES.to(weights.device)).float()
    successions = torch.einsum("btp,btq->bpq", length_before @ coarse, lengths @ coarse)
    # How many notes that begin on each slot of a quarter sound on into the next one: syncopation.
    across = torch.arange(LONGEST_NOTE, device=weights.device)[None] >= SLOTS - slots[:, None]
    tied = (lengths * across).sum(2) @ F.one_hot(slots, SLOTS).float()

    def in_bars(rows: Tensor) -> Tensor:
        return rows.unflatten(1, (BARS, -1)).flatten(2)

    shares = {
        "tonality": pitch_shares @ F.one_hot(pitches % 12, 12).float(),
        "register": pitch_shares @ near.softmax(1),
        "places": torch.cat([in_bars(begins).sum(1), tied], dim=1) / count,
        "lengths": lengths.sum(1) @ F.one_hot(LENGTH_CLASSES.to(weights.device)).float() / count,
        "successions": successions.flatten(1) / count,
        "intervals": motion.sum(1) / count,
        "distances": torch.cat(distances, dim=1),
    }
    return {
        **{name: (share + 0.01).sqrt() for name, share in shares.items()},
        "contour": torch.where(halves > 0, contour - level, 0),
        "likeness": torch.cat([likeness(in_bars(rows)) for rows in (onset, begins, motion)], dim=1),
    }


def carried(values: Tensor, begins: Tensor, ends: Tensor) -> tuple[Tensor, Tensor]:
    """What is held at each slot, and what began last before it, both [B, 64, n].

    Args:
        values: [B, 64, n], what begins in each slot.
        begins, ends: [B, 64], how much begins and ends there.
    """
    held, before = [], []
    now = last = torch.zeros_like(values[:, 0])
    for slot in range(values.shape[1]):
        before.append(last)
        begun = begins[:, slot, None]
        now = values[:, slot] + (1 - begun - ends[:, slot, None]) * now
        last = values[:, slot] + (1 - begun) * last
        held.append(now)
    return torch.stack(held, dim=1), torch.stack(before, dim=1)


def note_lengths(begins: Tensor, rests: Tensor, unused: Tensor) -> tuple[Tensor, Tensor]:
    """How much of a note of each length, 1 to LONGEST_NOTE slots, begins in each slot
    [B, 64, LONGEST_NOTE], where the slots in use stand first, so that a bar line is no gap; and the
    place of each slot in its quarter [64], which is not changed by that."""
    order = unused.detach().argsort(dim=1, stable=True)
    begins, ends = begins.gather(1, order), (begins + rests + unused).gather(1, order)
    ends = F.pad(ends, (0, LONGEST_NOTE), value=1.0)
    going, found = begins, []
    for length in range(1, LONGEST_NOTE):
        end = ends[:, length : length + LENGTH]
        found.append(going * end)
        going = going * (1 - end)
    places = torch.arange(LENGTH, device=begins.device) % SLOTS
    return torch.stack([*found, going], dim=2), places


def classes(values: Tensor, ranges: Sequence[tuple[int, int]]) -> Tensor:
    """Which values lie in each range, as ones: [ranges, ...]."""
    return torch.stack([((values >= low) & (values <= high)).float() for low, high in ranges])


def likeness(bars: Tensor) -> Tensor:
    """Cosine of each two of the bars [B, 4, n]: [B, 6]."""
    bars = bars / bars.norm(dim=2, keepdim=True).clamp_min(0.5)
    first, second = torch.triu_indices(BARS, BARS, 1, device=bars.device)
    return (bars @ bars.mT)[:, first, second]
