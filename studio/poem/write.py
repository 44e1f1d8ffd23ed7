"""Writing a poem from its latent: the likeliest one, among those that keep its form.

A beam search whose every step knows what the form still allows: tones by the patterns that what was
written leaves possible, the rhyme by the sounds that its earlier lines leave, a line's length by
the syllables that are left of it. So form is not hoped for: what breaks it cannot be written. The
same rules decide what may be drawn by chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from studio.poem.config import LONGEST, MOST_BEATS, Config
from studio.poem.data import LINES
from studio.poem.model import Cache, Decoder, Places
from studio.poem.sounds import Sounds

A_BEAT = 1.2
"""Nats that a syllable costs, about, less what its words are given back: beams that are not equally
far are compared by it."""
A_WORD = 2.0
"""Nats that a word in English is given back: without them few long words are likelier than many
short ones, which is not how verse is written (Wu et al., Google's Neural Machine Translation
System, 2016, on the same bias to short sentences)."""
AGAIN = 1.0
"""Nats that a word costs each time that it was written before."""
OFTEN = 0.3
"""The same of a word among COMMON."""
DOUBLED = 3.0
"""Nats that the same word, or character, twice in a row costs: it is easily said, and too often."""
COMMON = 100
"""The most frequent words of English, which every line may need."""
NEVER, UNWANTED = -1e9, -1e5
NONE = -1
NO_LINES = torch.zeros(0, dtype=torch.long)


@dataclass(frozen=True)
class Given:
    """A line that is written already.

    Attributes:
        tokens: from left to right; beats: of all of it, unknown words too.
        rhyme: [G] bool, whether its end has a rhyme.
    """

    tokens: Sequence[int]
    beats: int
    rhyme: Tensor


@dataclass(frozen=True)
class Form:
    """What a poem must keep.

    Attributes:
        beats: of each line.
        rhymes: which of its rhymes (0, 1) each line ends on; -1: none.
        tones: [P, 4, length, 2] bool, the patterns to choose from: may a place be level, may it be
            oblique. The first line rhymes where its end is level. None: tones are free.
        given: lines that are written already, by their number.
        must: tokens that have their place: by line, and by how many beats of the line are still to
            be written where they are, their own included.
    """

    beats: tuple[int, ...]
    rhymes: tuple[int, ...]
    tones: Tensor | None = None
    given: Mapping[int, Given] = field(default_factory=dict)
    must: Mapping[tuple[int, int], int] = field(default_factory=dict)

    def beats_of(self, line: int) -> int:
        return self.given[line].beats if line in self.given else self.beats[line]


@dataclass(frozen=True)
class Rules:
    """Forms of N rows as tensors.

    Attributes:
        beats: [N, 5], 0 behind the last line; slots: [N, 5], -1 for no rhyme.
        given: [N, 4, T], tokens from right to left, their end, then -1; is_given: [N, 5] bool.
        tones: [N, P, 4, MOST_BEATS, 2] bool; is_toned: [N] bool.
        must: [N, 4, MOST_BEATS + 1], a token or -1; barrier: the same shape, how many beats must be
            left at least where one begins with so many left.
        spent: [N, K], tokens of given lines and of `must`, then 0.
        has_given, has_must, has_tones: whether any row has a line that is given, a token that has
            its place, tones; most poems are asked nothing, and that costs nothing then.
    """

    beats: Tensor
    slots: Tensor
    given: Tensor
    is_given: Tensor
    tones: Tensor
    is_toned: Tensor
    must: Tensor
    barrier: Tensor
    spent: Tensor
    has_given: bool
    has_must: bool
    has_tones: bool

    @classmethod
    def of(cls, forms: Sequence[Form], end: int) -> Rules:
        count = len(forms)
        most = max((len(f.tones) for f in forms if f.tones is not None), default=1)
        longest = max((len(g.tokens) for f in forms for g in f.given.values()), default=0) + 1
        spent = [
            [*(t for g in f.given.values() for t in g.tokens), *f.must.values()] for f in forms
        ]
        rules = cls(
            beats=torch.zeros(count, LINES + 1, dtype=torch.long),
            slots=torch.full((count, LINES + 1), NONE),
            given=torch.full((count, LINES, longest), NONE),
            is_given=torch.zeros(count, LINES + 1, dtype=torch.bool),
            tones=torch.ones(count, most, LINES, MOST_BEATS, 2, dtype=torch.bool),
            is_toned=torch.tensor([form.tones is not None for form in forms]),
            must=torch.full((count, LINES, MOST_BEATS + 1), NONE),
            barrier=torch.zeros(count, LINES, MOST_BEATS + 1, dtype=torch.long),
            spent=torch.zeros(count, max(map(len, spent), default=0), dtype=torch.long),
            has_given=any(form.given for form in forms),
            has_must=any(form.must for form in forms),
            has_tones=any(form.tones is not None for form in forms),
        )
        for row, form in enumerate(forms):
            rules.spent[row, : len(spent[row])] = torch.tensor(spent[row], dtype=torch.long)
            rules.beats[row, :LINES] = torch.tensor([form.beats_of(i) for i in range(LINES)])
            rules.slots[row, :LINES] = torch.tensor(form.rhymes)
            if form.tones is not None:
                patterns, _, length, _ = form.tones.shape
                rules.tones[row, :patterns, :, :length] = form.tones
                rules.tones[row, patterns:] = False
            for line, said in form.given.items():
                tokens = [*reversed(list(said.tokens)), end]
                rules.given[row, line, : len(tokens)] = torch.tensor(tokens)
                rules.is_given[row, line] = True
            for (line, left), token in sorted(form.must.items()):
                rules.must[row, line, left] = token
                rules.barrier[row, line, left + 1 :] = left
        return rules

    def pick(self, rows: Tensor) -> Rules:
        values: dict[str, Any] = {
            name: value[rows] if isinstance(value, Tensor) else value
            for name, value in vars(self).items()
        }
        return Rules(**values)


@dataclass
class State:
    """How far each of N rows is.

    Attributes:
        scores: [N], nats; tokens: [N, T] so far; line, place, left: [N], see model.Places.
        spoken: [N], whether a word of the line was written.
        ends: [N, 4], the words that ended each line, 0 for none yet; rhymes: [N, 2, G] bool, the
            sounds still open.
        patterns: [N, P] bool, those still open; keys: [N], see `line_key`.
    """

    scores: Tensor
    tokens: Tensor
    line: Tensor
    place: Tensor
    left: Tensor
    spoken: Tensor
    ends: Tensor
    rhymes: Tensor
    patterns: Tensor
    keys: Tensor

    def pick(self, rows: Tensor) -> State:
        return State(**{name: value[rows] for name, value in vars(self).items()})


@dataclass(frozen=True)
class Drawn:
    """Poems drawn by chance, N rows of T tokens.

    Attributes:
        before, tokens: [N, T]; places: where each stands.
        allowed: [N, T, V] bool, what could have been drawn instead; all false where nothing was
            left to choose.
    """

    before: Tensor
    tokens: Tensor
    places: Places
    allowed: Tensor


class Writer:
    """Writes poems of some forms from their latents; a pure function of both."""

    def __init__(
        self,
        decoder: Decoder,
        sounds: Sounds,
        known: Tensor = NO_LINES,
        beams: int = Config.beams,
    ) -> None:
        """`known`: `line_key` of lines that must not come out, sorted."""
        self.decoder = decoder
        self.sounds = sounds
        self.known = known
        self.beams = beams
        a_word = A_WORD * (not sounds.is_sparing)
        # What its beats and a word give back, besides its likelihood.
        self.reward = a_word * sounds.words + A_BEAT * sounds.beats
        room = torch.arange(MOST_BEATS + 1)[:, None]
        words = sounds.words & (sounds.beats > 0) & (sounds.beats <= room)
        # By the room that is left, and by whether a mark may stand there.
        self.fitting = torch.stack([words, words | (sounds.marks & (room > 0))], 1).flatten(0, 1)
        tones = torch.stack([torch.zeros_like(sounds.level), sounds.oblique, sounds.level])
        self.tones = torch.stack([sounds.level, sounds.oblique], 1)
        # By whether a place may be oblique, 1, level, 2, or both; marks have no tone.
        self.toned = torch.cat([tones, tones[1:2] | tones[2:]]) | sounds.marks

    def write(self, latents: Tensor, forms: Sequence[Form]) -> list[list[list[int]]]:
        """Of latents [B, D], each poem's lines as tokens from left to right."""
        return self.scored(latents, forms)[0]

    @torch.no_grad()
    def scored(
        self, latents: Tensor, forms: Sequence[Form]
    ) -> tuple[list[list[list[int]]], Tensor]:
        """See `write`; and how likely each poem is [B], in nats."""
        if not len(latents):
            return [], torch.zeros(0)
        count, width = len(latents), self.beams
        poem = torch.arange(count).repeat_interleave(width)
        state = self.start(forms).pick(poem)
        rules = Rules.of(forms, self.sounds.end).pick(poem)
        rows, cache = latents.index_select(0, poem.to(latents.device)), None
        # All beams of a poem begin alike: only the first may go on, or they stay alike.
        state.scores.view(count, width)[:, 1:] = NEVER
        found: list[list[list[int]]] = [[] for _ in range(count)]
        worth = torch.zeros(count)
        while len(poem):
            said, cache = self.said(rows, *self.here(state), cache)
            fits, is_stuck = self.allowed(rules, state)
            ahead = A_BEAT * self.to_come(rules, state)
            total = said.log_softmax(1).add_((state.scores - ahead)[:, None])
            total.add_(self.reward)
            self.tire(total, state)
            is_over = state.line >= LINES
            total.masked_fill_(~fits, NEVER)
            if is_stuck.any():
                total[is_stuck, self.sounds.end] += UNWANTED
            if is_over.any():
                total[is_over] = NEVER
                total[is_over, self.sounds.end] = state.scores[is_over]
            picked, tokens, scores = self.best(total)
            scores += ahead[picked] - A_BEAT * self.sounds.beats[tokens]
            # Beams stay within their poem, whose rows share their rules.
            state = self.written(state.pick(picked), rules, tokens, scores)
            is_whole = (state.line >= LINES).view(-1, width).all(1)
            for first in (width * is_whole.nonzero()[:, 0]).tolist():
                best = first + int(state.scores[first : first + width].argmax())
                found[poem[first]] = self.lines(state.tokens[best].tolist())
                worth[poem[first]] = state.scores[best]
            if is_whole.any():
                left = (~is_whole).repeat_interleave(width).nonzero()[:, 0]
                poem, state, rules = poem[left], state.pick(left), rules.pick(left)
                rows, picked = rows.index_select(0, left.to(rows.device)), picked[left]
            there = picked.to(rows.device)
            cache = [(k.index_select(0, there), v.index_select(0, there)) for k, v in cache]
        return found, worth

    @torch.no_grad()
    def draw(self, latents: Tensor, forms: Sequence[Form], rng: torch.Generator) -> Drawn:
        """A poem for each of latents [B, D], drawn from what the decoder says and the form
        allows."""
        state, cache = self.start(forms), None
        rules = Rules.of(forms, self.sounds.end)
        befores, places, masks = [], [], []
        while bool((state.line < LINES).any()):
            before, where = self.here(state)
            said, cache = self.said(latents, before, where, cache)
            fits, _ = self.allowed(rules, state)
            is_over = state.line >= LINES
            fits &= ~is_over[:, None]
            befores.append(before)
            places.append(where)
            masks.append(fits)
            # Found in the cumulative sum, a twentieth of the time that torch.multinomial takes.
            sums = said.masked_fill(~fits, NEVER).softmax(1).double().cumsum(1)
            at = sums[:, -1:] * torch.rand(len(sums), 1, generator=rng, dtype=sums.dtype)
            tokens = torch.searchsorted(sums, at, right=True)[:, 0]
            tokens = torch.where(is_over, self.sounds.end, tokens)
            state = self.written(state, rules, tokens, state.scores)
        return Drawn(
            torch.cat(befores, 1),
            state.tokens,
            Places(*(torch.cat([getattr(p, n) for p in places], 1) for n in vars(places[0]))),
            torch.stack(masks, 1),
        )

    def start(self, forms: Sequence[Form]) -> State:
        """Before the first token of each form."""
        count, groups = len(forms), self.sounds.rhyme.shape[1]
        most = max((len(form.tones) for form in forms if form.tones is not None), default=1)
        patterns = torch.zeros(count, most, dtype=torch.bool)
        ends = torch.zeros(count, LINES, dtype=torch.long)
        rhymes = torch.ones(count, 2, groups, dtype=torch.bool)
        # A rhyme with fewer words than the poem asks for would end in silence.
        for row, form in enumerate(forms):
            for slot in (0, 1):
                rhymes[row, slot] = self.sounds.families >= form.rhymes.count(slot)
            patterns[row, : 1 if form.tones is None else len(form.tones)] = True
            # A line that is given further down already says what the others rhyme with.
            for number, given in form.given.items():
                slot = form.rhymes[number]
                both = rhymes[row, slot] & given.rhyme
                if slot >= 0 and both.any():
                    rhymes[row, slot] = both
                # No other line is to end on the same word.
                spoken = [token for token in given.tokens if self.sounds.words[token]]
                ends[row, number] = spoken[-1] if spoken else 0
        return State(
            scores=torch.zeros(count),
            tokens=torch.zeros(count, 0, dtype=torch.long),
            line=torch.zeros(count, dtype=torch.long),
            place=torch.zeros(count, dtype=torch.long),
            left=torch.tensor([form.beats_of(0) for form in forms]),
            spoken=torch.zeros(count, dtype=torch.bool),
            ends=ends,
            rhymes=rhymes,
            patterns=patterns,
            keys=torch.zeros(count, dtype=torch.long),
        )

    def here(self, state: State) -> tuple[Tensor, Places]:
        """The token before the next of each row [N, 1], and where that will stand."""
        end = self.sounds.end
        before = state.tokens[:, -1:] if state.tokens.shape[1] else torch.zeros_like(state.line)
        before = before.view(-1, 1)
        before = torch.where((before == 0) | (state.line >= LINES)[:, None], end, before)
        return before, Places(
            state.line.clamp_max(LINES - 1)[:, None],
            state.place.clamp_max(LONGEST - 1)[:, None],
            state.left.clamp(0, MOST_BEATS)[:, None],
        )

    def said(
        self, latents: Tensor, before: Tensor, places: Places, cache: Cache | None
    ) -> tuple[Tensor, Cache]:
        """Logits [N, V] of what comes next, whatever the form."""
        device = latents.device
        thought, cache = self.decoder.step(latents, before.to(device), places.to(device), cache)
        return self.decoder.said(thought[:, 0]).float().cpu(), cache

    def to_come(self, rules: Rules, state: State) -> Tensor:
        """[N]: the beats that are not written yet."""
        later = rules.beats * (torch.arange(LINES + 1) > state.line[:, None])
        return state.left + later.sum(1)

    def best(self, total: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of each poem the `beams` best ways on, by what they are worth [N, V]: the rows [N] to go
        on from, the token of each and its worth."""
        width, vocabulary = self.beams, total.shape[1]
        worth, picked = total.view(len(total) // width, -1).topk(width, 1)
        first = width * torch.arange(len(picked))[:, None]
        rows = picked.div(vocabulary, rounding_mode="floor") + first
        return rows.flatten(), (picked % vocabulary).flatten(), worth.flatten()

    def allowed(self, rules: Rules, state: State) -> tuple[Tensor, Tensor]:
        """[N, V] bool: what the form and what was written allow next; and [N] bool: where that is
        nothing, so that the line may end although it should not."""
        s, row = self.sounds, torch.arange(len(state.line))
        line, left = state.line.clamp_max(LINES - 1), state.left.clamp(0, MOST_BEATS)
        last = state.tokens[:, -1] if state.tokens.shape[1] else torch.zeros_like(line)
        # Marks stand at the end of a line, which is where writing begins; inside they are words'
        # neighbours like any other, but never two of them.
        may_mark = ~(s.marks[last] & (state.place > 0)) & (left > 0)
        room = left - rules.barrier[row, line, left] if rules.has_must else left
        fits = self.fitting.index_select(0, 2 * room + may_mark.long())
        slot = rules.slots[row, state.line]
        sounding = ~state.spoken & (state.place < 2) & (slot >= 0)
        if sounding.any():
            which = sounding.nonzero()[:, 0]
            rhyming = self.rhyming(rules, state, which, slot)
            fits.index_copy_(0, which, fits.index_select(0, which) & rhyming)
        if rules.has_tones:
            at = rules.tones[row, :, line, (left - 1).clamp_min(0)] & state.patterns[..., None]
            level, oblique = at.any(1).unbind(1)
            fits &= self.toned.index_select(0, 2 * level + oblique)
        # A poem is written from right to left: the word after the article is there already.
        for article, shunned in s.articles:
            fits[:, article] &= (s.opening[last] != shunned) | (state.place == 0)
        if s.is_sparing:
            # The same character twice in a row is a word of its own.
            again = fits[row, last] & (state.place > 0)
            fits.scatter_(1, torch.cat([rules.spent, state.tokens], 1), False)
            fits[row[again], last[again]] = True
        if rules.has_must:
            asked = rules.must[row, line, left]
            which = (asked >= 0).nonzero()[:, 0]
            fits[which] = False
            fits[which, asked[which]] = True
        ended = left == 0
        if ended.any():
            which = ended.nonzero()[:, 0]
            fits[which] = False
            fits[which, s.end] = ~self.is_known(state.keys[which])
        if rules.has_given:
            which = rules.is_given[row, state.line].nonzero()[:, 0]
            there = state.place[which].clamp_max(rules.given.shape[2] - 1)
            fits[which] = False
            fits[which, rules.given[which, line[which], there].clamp_min(0)] = True
        is_stuck = ~fits.any(1)
        if is_stuck.any():
            fits[is_stuck, s.end] = True
        return fits, is_stuck

    def rhyming(self, rules: Rules, state: State, rows: Tensor, slot: Tensor) -> Tensor:
        """[n, V] bool: what may end the lines of some rows, a mark before it or not."""
        s = self.sounds
        # The column behind the last stands for no rhyme, which -1 finds.
        sounds = F.pad(state.rhymes[rows, slot[rows]], (0, 1))[:, s.rhymes].any(2)
        # An end of the first line that is not level does not rhyme, nor has to.
        free = rules.is_toned[rows] & (state.line[rows] == 0)
        sounds = sounds | (free[:, None] & s.oblique & ~s.level)
        return sounds.scatter_(1, state.ends[rows], False) | s.marks

    def tire(self, total: Tensor, state: State) -> None:
        """Words that were written before cost more of `total` [N, V]."""
        if not state.tokens.shape[1]:
            return
        cost = DOUBLED * (state.place > 0).float()
        total[torch.arange(len(total)), state.tokens[:, -1]] -= cost
        if not self.sounds.is_sparing:
            costs = torch.where(state.tokens >= COMMON, AGAIN, OFTEN)
            total.scatter_add_(1, state.tokens, -costs * self.sounds.words[state.tokens])

    def is_known(self, keys: Tensor) -> Tensor:
        """Whether lines are among those that must not come out."""
        if not len(self.known):
            return torch.zeros_like(keys, dtype=torch.bool)
        at = torch.searchsorted(self.known, keys).clamp_max(len(self.known) - 1)
        return self.known[at] == keys

    def written(self, state: State, rules: Rules, tokens: Tensor, scores: Tensor) -> State:
        """The state with a token more in each row."""
        s, row = self.sounds, torch.arange(len(tokens))
        was_over = state.line >= LINES
        line = state.line.clamp_max(LINES - 1)
        state.scores = scores
        state.tokens = torch.cat([state.tokens, tokens[:, None]], dim=1)
        ended = (tokens == s.end) & ~was_over
        says = s.words[tokens] & ~was_over
        begins = says & ~state.spoken
        if begins.any():
            self.sounded(state, rules, row[begins], tokens)
        if rules.has_tones:
            at = rules.tones[row, :, line, (state.left - 1).clamp(0, MOST_BEATS - 1)]
            fits = (at & self.tones[tokens][:, None]).any(2)
            free = ~says | rules.is_given[row, line] | ~rules.is_toned
            # What has its place whatever the tones leaves no pattern: then they go free.
            still = state.patterns & fits
            free = free | ~still.any(1)
            state.patterns = torch.where(free[:, None], state.patterns, still)
        state.left = state.left - torch.where(was_over, 0, s.beats[tokens])
        state.spoken = (state.spoken | says) & ~ended
        key = (state.keys * KEY_BASE + tokens + 1) & KEY_MASK
        state.keys = torch.where(ended, 0, key)
        state.place = torch.where(ended, 0, state.place + 1)
        state.line = state.line + ended
        state.left = torch.where(ended, rules.beats[row, state.line], state.left)
        return state

    def sounded(self, state: State, rules: Rules, begins: Tensor, tokens: Tensor) -> None:
        """Note what the words that begin a line, which is its end, leave open of its rhyme."""
        token = tokens[begins]
        state.ends[begins, state.line[begins]] = token
        slot = rules.slots[begins, state.line[begins]]
        both = state.rhymes[begins, slot] & self.sounds.rhyme[token]
        kept = (slot >= 0) & both.any(1)
        state.rhymes[begins[kept], slot[kept]] = both[kept]

    def lines(self, tokens: Sequence[int]) -> list[list[int]]:
        """Written tokens as lines from left to right."""
        found: list[list[int]] = [[]]
        for token in tokens:
            if token == self.sounds.end:
                found.append([])
            else:
                found[-1].append(token)
        return [line[::-1] for line in found[:LINES]]


KEY_BASE, KEY_MASK = 1_000_003, 0xFF_FFFF_FFFF


def line_key(tokens: Sequence[int]) -> int:
    """A number for a line's tokens, from right to left; 40 bits."""
    value = 0
    for token in tokens:
        value = (value * KEY_BASE + token + 1) & KEY_MASK
    return value
