"""Writing a poem from its latent: the likeliest one, among those that keep its form.

A beam search whose every step knows what the form still allows: tones by the patterns that what was
written leaves possible, the rhyme by the sounds that its earlier lines leave, a line's length by
the syllables that are left of it. So form is not hoped for: what breaks it cannot be written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from studio.poem.config import LONGEST, MOST_BEATS
from studio.poem.data import LINES
from studio.poem.model import Cache, Decoder, Places
from studio.poem.sounds import Sounds

BEAMS = 4
A_BEAT = 2.5
"""Nats that a syllable costs, about: beams that are not equally far are compared by it."""
AGAIN = 1.0
"""Nats that a word costs each time that it was written before, unless it is among COMMON."""
COMMON = 100
"""The most frequent words of English, which every line may need."""
NEVER = -1e9


@dataclass(frozen=True)
class Form:
    """What a poem must keep.

    Attributes:
        beats: of each line.
        rhymes: which of its rhymes (0, 1) each line ends on; -1: none.
        tones: [P, 4, length, 2] bool, the patterns to choose from: may a place be level, may it be
            oblique. The first line rhymes where its end is level. None: tones are free.
        given: lines that are written already, by number: their tokens from left to right.
    """

    beats: tuple[int, ...]
    rhymes: tuple[int, ...]
    tones: Tensor | None = None
    given: Mapping[int, Sequence[int]] = field(default_factory=dict)


@dataclass
class Beams:
    """The state of N = poems x beams rows; what is True of the form so far."""

    scores: Tensor
    tokens: Tensor
    line: Tensor
    place: Tensor
    left: Tensor
    spoken: Tensor
    used: Tensor
    ends: Tensor
    rhymes: Tensor
    patterns: Tensor

    def pick(self, rows: Tensor) -> Beams:
        return Beams(**{name: value[rows] for name, value in vars(self).items()})


class Writer:
    """Writes poems of some forms from their latents; a pure function of both."""

    def __init__(
        self,
        decoder: Decoder,
        sounds: Sounds,
        known: frozenset[int] = frozenset(),
        beams: int = BEAMS,
    ) -> None:
        """`known`: `line_key` of lines that must not come out."""
        self.decoder = decoder
        self.sounds = sounds
        self.known = known
        self.beams = beams

    @torch.no_grad()
    def write(self, latents: Tensor, forms: Sequence[Form]) -> list[list[list[int]]]:
        """Of latents [B, D], each poem's lines as tokens from left to right."""
        if not len(latents):
            return []
        count, width = len(latents), self.beams
        rows = latents.repeat_interleave(width, 0)
        mine = [form for form in forms for _ in range(width)]
        state, cache = self.start(mine), None
        # All beams of a poem begin alike: only the first may go on, or they stay alike.
        state.scores.view(count, width)[:, 1:] = NEVER
        poem = torch.arange(count).repeat_interleave(width)
        while bool((state.line < LINES).any()):
            state, cache = self.step(rows, mine, poem, state, cache)
        best = state.scores.view(count, width).argmax(1) + width * torch.arange(count)
        return [self.lines(state.tokens[row].tolist()) for row in best.tolist()]

    def start(self, forms: Sequence[Form]) -> Beams:
        count, (vocabulary, groups) = len(forms), self.sounds.rhyme.shape
        most = max((len(form.tones) for form in forms if form.tones is not None), default=1)
        patterns = torch.zeros(count, most, dtype=torch.bool)
        rhymes = torch.ones(count, 2, groups)
        # A rhyme with fewer words than the poem asks for would end in silence.
        family = (self.sounds.rhyme > 0).sum(0)
        for row, form in enumerate(forms):
            for slot in (0, 1):
                rhymes[row, slot] = (family >= form.rhymes.count(slot)).float()
            patterns[row, : 1 if form.tones is None else len(form.tones)] = True
            # A line that is given further down already says what the others rhyme with.
            for number, tokens in form.given.items():
                slot = form.rhymes[number]
                if slot >= 0 and (said := self.spoken(tokens)):
                    rhymes[row, slot] *= self.sounds.rhyme[said[-1]]
        return Beams(
            scores=torch.zeros(count),
            tokens=torch.zeros(count, 0, dtype=torch.long),
            line=torch.zeros(count, dtype=torch.long),
            place=torch.zeros(count, dtype=torch.long),
            left=torch.tensor([self.beats_of(form, 0) for form in forms]),
            spoken=torch.zeros(count, dtype=torch.bool),
            used=torch.zeros(count, vocabulary),
            ends=torch.zeros(count, vocabulary, dtype=torch.bool),
            rhymes=rhymes,
            patterns=patterns,
        )

    def spoken(self, tokens: Sequence[int]) -> list[int]:
        return [token for token in tokens if self.sounds.words[token]]

    def beats_of(self, form: Form, line: int) -> int:
        if line >= LINES:
            return 0
        if line in form.given:
            return int(self.sounds.beats[list(form.given[line])].sum())
        return form.beats[line]

    def step(
        self,
        latents: Tensor,
        forms: Sequence[Form],
        poem: Tensor,
        state: Beams,
        cache: Cache | None,
    ) -> tuple[Beams, Cache]:
        """Write one token more."""
        count, width = len(latents), self.beams
        is_over = state.line >= LINES
        before = state.tokens[:, -1:] if state.tokens.shape[1] else state.line[:, None] * 0
        before = torch.where((before == 0) | is_over[:, None], self.sounds.end, before)
        places = Places(
            state.line.clamp_max(LINES - 1)[:, None],
            state.place.clamp_max(LONGEST - 1)[:, None],
            state.left.clamp(max=MOST_BEATS)[:, None],
        )
        device = latents.device
        thought, cache = self.decoder.step(latents, before.to(device), places.to(device), cache)
        logits = self.decoder.said(thought[:, 0]).float().cpu()
        said = logits.log_softmax(1) - AGAIN * state.used
        said = said.masked_fill(~self.allowed(forms, state), NEVER)
        said[is_over] = NEVER
        said[is_over, self.sounds.end] = 0.0
        total = state.scores[:, None] + said
        ahead = total - A_BEAT * (state.left[:, None] - self.sounds.beats)
        behind = torch.tensor(
            [
                sum(form.beats[line + 1 :])
                for form, line in zip(forms, state.line.tolist(), strict=True)
            ]
        )
        ahead = (ahead - A_BEAT * behind[:, None]).view(count // width, -1)
        picked = ahead.topk(width, dim=1).indices
        vocabulary = said.shape[1]
        rows = (picked // vocabulary + width * torch.arange(count // width)[:, None]).flatten()
        tokens = (picked % vocabulary).flatten()
        scores = total[rows, tokens]
        cache = [(k[:, :][rows.to(device)], v[rows.to(device)]) for k, v in cache]
        return self.written(state.pick(rows), forms, tokens, scores), cache

    def allowed(self, forms: Sequence[Form], state: Beams) -> Tensor:
        """[N, V]: what the form and what was written allow next."""
        s = self.sounds
        fits = s.words & (s.beats <= state.left[:, None]) & (s.beats > 0)
        first = ~state.spoken
        # Marks stand at the end of a line, which is where writing begins; inside they are words'
        # neighbours like any other, but never two of them.
        last = state.tokens[:, -1] if state.tokens.shape[1] else torch.zeros_like(state.line)
        after_mark = s.marks[last] & (state.place > 0)
        fits = fits | (s.marks & ~after_mark[:, None] & (state.left > 0)[:, None])
        opens = first & (state.place < 2)
        slot = torch.tensor(
            [
                form.rhymes[line] if line < LINES else -1
                for form, line in zip(forms, state.line.tolist(), strict=True)
            ]
        )
        sounding = opens & (slot >= 0)
        if sounding.any():
            rows = sounding.nonzero()[:, 0]
            left = state.rhymes[rows, slot[rows]]
            rhyming = (left @ s.rhyme.T) > 0
            # An end of the first line that is not level does not rhyme, nor has to.
            free = torch.tensor([forms[row].tones is not None for row in rows.tolist()])
            free = free & (state.line[rows] == 0)
            rhyming = rhyming | (free[:, None] & s.oblique & ~s.level)
            fits[rows] &= (rhyming & ~state.ends[rows]) | s.marks
        for row, form in enumerate(forms):
            line = int(state.line[row])
            if line >= LINES:
                continue
            if line in form.given:
                fits[row] = False
                written = int(state.place[row])
                given = list(reversed(form.given[line]))
                fits[row, given[written] if written < len(given) else s.end] = True
                continue
            if form.tones is not None and state.left[row] > 0:
                at = form.tones[:, line, int(state.left[row]) - 1][state.patterns[row]]
                fits[row] &= (at[:, :1] & s.level | at[:, 1:] & s.oblique).any(0)
            if s.is_sparing:
                taken = state.used[row] > 0
                taken[last[row]] &= bool(state.place[row] == 0)
                fits[row] &= ~taken
            if state.left[row] == 0:
                fits[row] = False
                fits[row, s.end] = not self.is_known(state, row)
        return fits

    def is_known(self, state: Beams, row: int) -> bool:
        """Whether the line that is being ended is one that must not come out."""
        place = int(state.place[row])
        return line_key(state.tokens[row, -place:].tolist()) in self.known if place else False

    def written(self, state: Beams, forms: Sequence[Form], tokens: Tensor, scores: Tensor) -> Beams:
        """The state with a token more in each row."""
        s = self.sounds
        was_over = state.line >= LINES
        state.scores = scores
        state.tokens = torch.cat([state.tokens, tokens[:, None]], dim=1)
        ended = (tokens == s.end) & ~was_over
        says = s.words[tokens] & ~was_over
        state.used[says, tokens[says]] += (
            (tokens[says] >= COMMON).float() if not s.is_sparing else 1
        )
        begins = says & ~state.spoken
        for row in begins.nonzero()[:, 0].tolist():
            line, token = int(state.line[row]), int(tokens[row])
            slot = forms[row].rhymes[line]
            state.ends[row, token] = True
            sound = s.rhyme[token]
            if slot >= 0 and bool(sound.any()) and bool((state.rhymes[row, slot] * sound).any()):
                state.rhymes[row, slot] *= sound
        for row in says.nonzero()[:, 0].tolist():
            form, line = forms[row], int(state.line[row])
            if form.tones is not None and line not in form.given:
                at = form.tones[:, line, int(state.left[row]) - 1]
                fits = at[:, 0] & s.level[tokens[row]] | at[:, 1] & s.oblique[tokens[row]]
                state.patterns[row, : len(fits)] &= fits
        state.left = state.left - torch.where(was_over, 0, s.beats[tokens])
        state.spoken = (state.spoken | says) & ~ended
        state.place = torch.where(ended, 0, state.place + 1)
        state.line = state.line + ended
        for row in ended.nonzero()[:, 0].tolist():
            state.left[row] = self.beats_of(forms[row], int(state.line[row]))
        return state

    def lines(self, tokens: Sequence[int]) -> list[list[int]]:
        """Written tokens as lines from left to right."""
        found: list[list[int]] = [[]]
        for token in tokens:
            if token == self.sounds.end:
                found.append([])
            else:
                found[-1].append(token)
        return [line[::-1] for line in found[:LINES]]


def line_key(tokens: Sequence[int]) -> int:
    """A number for a line's tokens, from right to left; 40 bits."""
    value = 0
    for token in tokens:
        value = (value * 1_000_003 + token + 1) & 0xFF_FFFF_FFFF
    return value
