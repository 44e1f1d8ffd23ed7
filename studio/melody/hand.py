"""A melody that follows the hand: a note that is dragged goes there, a line that is drawn is sung.

What is asked is first written into the notes as they are, and read by the encoder: that latent, and
what changed added to where the melody was, are near already. From there the latents go on by the
gradient through what the decoder says, since the model would hardly ever write what was put in
by hand. They are drawn to the goal, to what was heard elsewhere, and to where melodies usually are,
and of all that is passed on the way the best as it is heard is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from studio.directions import Whitening
from studio.manipulation import BadGesture, Drag, Gesture, Stroke
from studio.melody.artwork import Melody
from studio.melody.follow import Said, corrected
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
    REST,
    SLOTS,
    VOCABULARY,
    Grid,
    Note,
)
from studio.melody.keys import SCALES, mode_of
from studio.melody.model import Logits

REACH = 3.0
"""From a note, in semitones or quarters, within which a hand that takes hold means it."""
SHORTEST = 1.0
"""Quarters that a line has to cover."""
NEAR = 0.75
"""Semitones by which a note may miss its goal and still be liked: a neighbour in the scale is good
where the goal is not in it."""
SOFTEST = 1e-4
UNDER = 0.5
"""Of a slot under a line, how much it weighs that a note begins there, or none."""
AMISS = 10.0
"""What another meter than before costs."""


@dataclass(frozen=True)
class Pull:
    """How strongly each wish pulls, and how the way is gone.

    Attributes:
        rate: length of a step, in standard deviations.
        dragged, drawn: weights of what is asked; rest: of each slot that should stay; kept: how
            many times as much one weighs in a bar that is locked; prior: of how far out it lies.
    """

    steps: int = 40
    rate: float = 0.06
    dragged: float = 3.0
    drawn: float = 6.0
    rest: float = 0.2
    kept: float = 10.0
    prior: float = 1.0


PULL = Pull()


def follow(
    latent: Tensor,
    gestures: Sequence[Gesture],
    melody: Melody,
    kept: Sequence[int],
    say: Callable[[Tensor], Logits],
    encode: Callable[[Sequence[Grid]], Tensor],
    whitening: Whitening,
    pull: Pull = PULL,
) -> Iterator[Tensor]:
    """Latents [D] from some on, the last of them the best.

    Args:
        melody: what latent [D] is now, as it is shown.
        kept: bars that stay note for note.
        say: latents [B, D] to logits, differentiable; encode: phrases to latents [N, D].

    Raises:
        BadGesture: where a mark lies there is nothing to take hold of.
    """
    wishes = [wish(gesture, melody, kept) for gesture in gestures]
    rest = Rest.of(melody.grid, wishes, kept, pull, latent.device)
    starts = begun(latent, melody.grid, wishes, encode)
    origin = whitening.points(starts)
    away = torch.zeros_like(origin, requires_grad=True)
    adam = torch.optim.Adam([away], pull.rate)
    best, least = latent, torch.inf

    def judged(weights: Tensor, points: Tensor) -> Tensor:
        asked = torch.stack([one(weights, pull) for one in wishes]).sum(0)
        return asked + pull.prior * points.square().mean(1)

    for step in range(pull.steps):
        with torch.enable_grad():
            here = starts + whitening.ways(away)
            logits = say(here)
            points = origin + away
            loss = judged(logits.slots.softmax(2), points) + rest(logits)
            (away.grad,) = torch.autograd.grad(loss.sum(), away)
        with torch.no_grad():
            heard = F.one_hot(logits.slots.argmax(2), VOCABULARY).float()
            scores = judged(heard, points) + rest.changed(logits)
            if float(scores.min()) < least:
                index = int(scores.argmin())
                best, least = here[index].detach(), float(scores[index])
        for group in adam.param_groups:
            group["lr"] = pull.rate * min(1.0, 2 * (1 - step / pull.steps))
        adam.step()
        yield best
    if kept:
        with torch.no_grad():
            wanted = Said.of(say(latent[None]), list(kept))
        spread = (whitening.scales[:, None] * whitening.axes).norm(dim=0)
        best = corrected(best, spread, wanted, say)
    yield best


class Wish(Protocol):
    """What one gesture asks of a phrase.

    Attributes:
        slots: [64], bool: where what was there before is not held on to.
    """

    slots: np.ndarray

    def __call__(self, weights: Tensor, pull: Pull) -> Tensor:
        """How far token weights [B, 64, V] are from it, [B]."""

    def write(self, tokens: np.ndarray, off: int) -> None:
        """Put it into tokens [64] as it should be, or so many semitones beside."""


def wish(gesture: Gesture, melody: Melody, kept: Sequence[int]) -> Wish:
    """Raises: BadGesture: there is nothing to take hold of, or it is locked."""
    if isinstance(gesture, Drag):
        return Dragged(gesture, melody, kept)
    return Drawn(gesture, melody, kept)


@dataclass(frozen=True)
class Slot:
    """A place where a note may begin.

    Attributes:
        time: quarters from the beginning of the phrase; place: in the grid's tokens.
    """

    time: float
    place: int

    @property
    def bar(self) -> int:
        return self.place // (CELLS * SLOTS)


def slots_of(grid: Grid) -> list[Slot]:
    return [Slot(float(start), place) for start, place, _ in grid.slots()]


def quarter(melody: Melody, x: float) -> float:
    """Where a mark lies in the phrase that is steered, in quarters; below 0: in one before it."""
    return x * melody.quarters - (melody.quarters - BARS * METERS[melody.meter])


class Dragged:
    """A note begins elsewhere, higher or lower; or stays as it is."""

    def __init__(self, drag: Drag, melody: Melody, kept: Sequence[int]) -> None:
        time, pitch = quarter(melody, drag.start[0]), melody.lanes.pitch(drag.start[1])
        note, shown = self.taken(melody, time, pitch)
        slots = slots_of(melody.grid)
        to_time = float(note.start) + quarter(melody, drag.end[0]) - time
        # From where it is heard, which may be another mode than the one it is kept in.
        to_pitch = note.pitch + round(melody.lanes.pitch(drag.end[1]) - shown.pitch)
        at = min(slots, key=lambda slot: abs(slot.time - float(note.start)))
        goal = min(slots, key=lambda slot: abs(slot.time - to_time))
        self.is_pin = drag.start == drag.end
        if self.is_pin:
            goal, to_pitch = at, note.pitch
        elif at.bar in kept or goal.bar in kept:
            raise BadGesture("melody_bar_locked")
        self.at, self.goal = at.place, goal.place
        self.pitch = min(max(to_pitch, LOWEST), HIGHEST)
        self.slots = np.zeros(LENGTH, bool)
        if not self.is_pin:
            self.slots[[self.at, self.goal]] = True
        pitches = torch.arange(VOCABULARY) - FIRST_PITCH + LOWEST
        self.liked = torch.exp(-((pitches - self.pitch) ** 2) / (2 * NEAR**2))
        self.liked[:FIRST_PITCH] = 0

    @staticmethod
    def taken(melody: Melody, time: float, pitch: float) -> tuple[Note, Note]:
        """The note that a hand means, as it is kept and as it is shown.

        Raises: BadGesture: none is near, or it is not in the phrase that is steered.
        """
        if time < 0:
            raise BadGesture("melody_not_steered", bars=BARS)
        first = melody.quarters - BARS * METERS[melody.meter]
        found = melody.grid.notes()
        shown = melody.tune[len(melody.tune) - len(found) :]

        def apart(pair: tuple[Note, Note]) -> float:
            begin, end = float(pair[1].start) - first, float(pair[1].end) - first
            beside = max(begin - time, time - end, 0.0)
            return max(beside, abs(pair[1].pitch - pitch))

        pairs = list(zip(found, shown, strict=True))
        if not pairs or apart(nearest := min(pairs, key=apart)) > REACH:
            raise BadGesture("melody_no_note")
        return nearest

    def __call__(self, weights: Tensor, pull: Pull) -> Tensor:
        there = weights[:, self.goal] @ self.liked.to(weights.device)
        return -pull.dragged * there.clamp_min(SOFTEST).log()

    def write(self, tokens: np.ndarray, off: int) -> None:
        if self.goal != self.at:
            lifted(tokens, self.at)
        pitch = self.pitch if self.is_pin else min(max(self.pitch + off, LOWEST), HIGHEST)
        tokens[self.goal] = pitch - LOWEST + FIRST_PITCH


def lifted(tokens: np.ndarray, place: int) -> None:
    """Take away the note that begins there: the one before it sounds on, or the next comes in
    earlier."""
    if place:
        tokens[place] = HOLD
        return
    later = np.flatnonzero(tokens[1:] >= FIRST_PITCH)
    tokens[0] = tokens[1 + later[0]] if len(later) else REST
    if len(later):
        tokens[1 + later[0]] = HOLD


class Drawn:
    """What sounds goes up and down with a line."""

    def __init__(self, stroke: Stroke, melody: Melody, kept: Sequence[int]) -> None:
        times = np.array([quarter(melody, x) for x, _ in stroke.points])
        heights = np.array([melody.lanes.pitch(y) for _, y in stroke.points])
        order = np.argsort(times, kind="stable")
        times, heights = times[order], heights[order]
        if times[-1] < 0:
            raise BadGesture("melody_not_steered", bars=BARS)
        if times[-1] - max(times[0], 0.0) < SHORTEST:
            raise BadGesture("melody_line_short")
        self.every = slots_of(melody.grid)
        under = [s for s in self.every if times[0] - 0.125 <= s.time <= times[-1]]
        under = [slot for slot in under if slot.bar not in kept]
        if not under:
            raise BadGesture("melody_bar_locked")
        line = np.interp([slot.time for slot in under], times, heights)
        self.line = dict(zip([slot.place for slot in under], line.tolist(), strict=True))
        self.slots = np.zeros(LENGTH, bool)
        self.slots[list(self.line)] = True
        mode = mode_of(melody.grid.notes())
        self.scale = [p for p in range(LOWEST, HIGHEST + 1) if p % 12 in SCALES[mode]]
        self.pitches = torch.arange(VOCABULARY).float() - FIRST_PITCH + LOWEST
        self.pitches[:FIRST_PITCH] = 0

    def __call__(self, weights: Tensor, pull: Pull) -> Tensor:
        sung = self.sung(weights)
        line = sung.new_tensor(list(self.line.values()))
        apart = F.smooth_l1_loss(sung / 2, (line / 2).expand_as(sung), reduction="none").mean(1)
        one, other = sung - sung.mean(1, keepdim=True), line - line.mean()
        sizes = (one.square().mean(1) * other.square().mean() + 0.25).sqrt()
        unlike = 1 - (one * other).mean(1) / sizes
        return pull.drawn * (apart + unlike)

    def sung(self, weights: Tensor) -> Tensor:
        """The pitch [B, slots of the line] that sounds on in each of them, as expected."""
        begun = weights[:, :, FIRST_PITCH:].sum(2)
        heights = weights @ self.pitches.to(weights.device)
        # Where nothing has sounded yet, nothing is amiss.
        sounding = weights.new_full((len(weights),), next(iter(self.line.values())))
        found = []
        for slot in self.every:
            sounding = heights[:, slot.place] + (1 - begun[:, slot.place]) * sounding
            if slot.place in self.line:
                found.append(sounding)
        return torch.stack(found, dim=1)

    def write(self, tokens: np.ndarray, off: int) -> None:
        places = list(self.line)
        for index, place in enumerate(places):
            if tokens[place] < FIRST_PITCH:
                continue
            # The mean of the line while the note sounds.
            last = index + 1
            while last < len(places) and tokens[places[last]] == HOLD:
                last += 1
            wanted = np.mean([self.line[one] for one in places[index:last]]) + off
            tokens[place] = min(self.scale, key=lambda p: abs(p - wanted)) - LOWEST + FIRST_PITCH


@dataclass(frozen=True)
class Rest:
    """What should be heard as it was.

    Attributes:
        tokens: [64], as they were; weights: [64], of each; is_under: [64], where only what kind of
            token it is should stay; triplets: [16] and meter, as they were.
    """

    tokens: Tensor
    weights: Tensor
    is_under: Tensor
    triplets: Tensor
    meter: Tensor

    @classmethod
    def of(
        cls,
        grid: Grid,
        wishes: Sequence[Wish],
        kept: Sequence[int],
        pull: Pull,
        device: torch.device,
    ) -> Rest:
        weights = torch.zeros(LENGTH)
        weights[[slot.place for slot in slots_of(grid)]] = pull.rest
        is_under = torch.zeros(LENGTH, dtype=torch.bool)
        for one in wishes:
            if isinstance(one, Drawn):
                is_under |= torch.from_numpy(one.slots)
            else:
                weights[torch.from_numpy(one.slots)] = 0
        by_bar = weights.view(BARS, -1)
        by_bar[list(kept)] *= pull.kept
        return cls(
            torch.from_numpy(grid.tokens.astype(np.int64)).to(device),
            weights.to(device),
            is_under.to(device),
            torch.from_numpy(grid.triplets).float().to(device),
            torch.tensor([METER_NAMES.index(grid.meter)], device=device),
        )

    def __call__(self, logits: Logits) -> Tensor:
        """How unlikely it is to be heard, [B]."""
        # Finite, since nothing times infinity is no number.
        log = logits.slots.clamp_min(-1e4).log_softmax(2)
        # Under a line, that a note begins is what stays, and not which.
        begun = log[..., FIRST_PITCH:].logsumexp(2, keepdim=True)
        kinds = torch.cat([log[..., :FIRST_PITCH], begun], dim=2)
        told, kind = (
            table.gather(2, index.expand(len(log), -1)[..., None])[..., 0]
            for table, index in ((log, self.tokens), (kinds, self.tokens.clamp_max(FIRST_PITCH)))
        )
        said = torch.where(self.is_under, UNDER * kind, told)
        thirds = F.binary_cross_entropy_with_logits(
            logits.triplets, self.triplets.expand_as(logits.triplets), reduction="none"
        )
        meter = F.cross_entropy(logits.meter, self.meter.expand(len(log)), reduction="none")
        return (thirds * self.cells).sum(1) - (said * self.weights).sum(1) + meter

    def changed(self, logits: Logits) -> Tensor:
        """How much of it is heard otherwise, [B]."""
        heard = logits.slots.argmax(2)
        is_other = heard != self.tokens
        is_other_kind = heard.clamp_max(FIRST_PITCH) != self.tokens.clamp_max(FIRST_PITCH)
        amiss = torch.where(self.is_under, UNDER * is_other_kind, is_other.float())
        flags = (logits.triplets > 0).float() != self.triplets
        meters = logits.meter.argmax(1) != self.meter
        return (amiss * self.weights).sum(1) + SLOTS * (flags * self.cells).sum(1) + AMISS * meters

    @property
    def cells(self) -> Tensor:
        """Weights [16] of the quarters."""
        return self.weights.view(-1, SLOTS).mean(1)


def begun(
    latent: Tensor,
    grid: Grid,
    wishes: Sequence[Wish],
    encode: Callable[[Sequence[Grid]], Tensor],
) -> Tensor:
    """Latents [N, D] from which the way may be gone: where it was, and where what is asked is
    written into the notes."""
    written = []
    for off in (0, 1, -1):
        tokens = grid.tokens.copy()
        # What is held in place comes last: a line passes over it.
        for one in sorted(wishes, key=lambda one: isinstance(one, Dragged)):
            one.write(tokens, off)
        written.append(Grid(tokens, grid.triplets, grid.meter))
    before, *read = encode([grid, *written]).to(latent.device)
    changed = [latent + one - before for one in read]
    return torch.stack([latent, *read, *changed])
