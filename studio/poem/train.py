"""Training the autoencoder on poems; studio.flow_training goes on from their latents.

Imports neither gradio nor the store. Resumable: the run folder holds weights and steps.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from studio.flow import Flow, Mapping
from studio.poem.config import LONGEST, MOST_BEATS, Config
from studio.poem.data import END, LINE, LINES, STRANGE, UNKNOWN, Poem, Vocabulary
from studio.poem.form import SCHEMES
from studio.poem.model import Decoder, Places, Poet
from studio.precision import autocast
from studio.training import (
    Best,
    Clock,
    Report,
    descend,
    follow_average,
    load_modules,
    read_state,
    save_state,
    set_rate,
)

STRICTEST = ("AAAA", "ABAB", "AABB", "ABBA", "AABA", "ABCB")
"""The rhyme schemes, those that keep another too before it."""
COUNTS = ("step", "flow_step", "mapping_step", "poems", "wall_seconds")


@dataclass(frozen=True)
class Recipe:
    """What decides a run besides the shapes of the network and the data."""

    batch_size: int = 32
    learning_rate: float = 1.2e-3
    # Weight of the Kullback-Leibler term, of nats a poem.
    beta: float = 0.15
    # Share of the written tokens that the decoder does not hear: the latent must tell them.
    unheard: float = 0.3
    # Share of numbers between the layers that are left out.
    dropout: float = 0.1
    # Share of poems that a settled decoder writes without their latent: it then also says how verse
    # goes whatever it is about, which writing leans on.
    alone: float = 0.15
    # Weight of the words that each line holds.
    words: float = 0.3
    # Weight of each line's beats and of the rhyme scheme.
    form: float = 0.05
    warm_up: int = 300
    ema: float = 0.998
    seed: int = 0


@dataclass(frozen=True)
class Batch:
    """Poems as rows of tokens [B, T], 0 behind their ends, with where each stands; the beats of
    each line [B, 4] and the rhyme scheme [B], an index into SCHEMES or what comes after them."""

    tokens: Tensor
    places: Places
    beats: Tensor
    scheme: Tensor

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, rows: Tensor | slice) -> Batch:
        return Batch(self.tokens[rows], self.places[rows], self.beats[rows], self.scheme[rows])

    def to(self, device: torch.device) -> Batch:
        return Batch(
            self.tokens.to(device),
            self.places.to(device),
            self.beats.to(device),
            self.scheme.to(device),
        )

    def trimmed(self) -> Batch:
        """Without what is behind the end of the longest."""
        longest = int((self.tokens != 0).sum(1).max())
        return replace(self, tokens=self.tokens[:, :longest], places=self.places.at(slice(longest)))

    def before(self, start: int) -> Tensor:
        """The token before each [B, T]; before the first stands the end of a line."""
        return F.pad(self.tokens[:, :-1], (1, 0), value=start)


def tensors(
    poems: Sequence[Poem], vocabulary: Vocabulary, beats: np.ndarray, rhyme: np.ndarray
) -> Batch:
    """Poems as numbers; see `batched`."""
    lines = [[vocabulary.encode(line) for line in poem.tokens] for poem in poems]
    return batched(lines, beats, rhyme)


def batched(
    poems: Sequence[Sequence[Sequence[int]]], beats: np.ndarray, rhyme: np.ndarray
) -> Batch:
    """Poems, as tokens of their lines, in one table: lines from right to left, each with its end
    behind it.

    Args:
        beats: [V], how many syllables each token has.
        rhyme: [V, n], which rhymes each token has; -1 stands for none.
    """
    rows, counts, schemes = [], [], []
    for lines in poems:
        row = []
        counts.append([min(int(beats[list(line)].sum()), MOST_BEATS) for line in lines])
        schemes.append(scheme_of([rhyming(line, beats, rhyme) for line in lines]))
        for number, line in enumerate(lines):
            tokens = [*reversed(line), END][-LONGEST:]
            left = np.cumsum(beats[tokens][::-1])[::-1].clip(max=MOST_BEATS)
            row += [(t, number, place, int(left[place])) for place, t in enumerate(tokens)]
        rows.append(row)
    table = np.zeros((4, len(rows), max(map(len, rows), default=0)), dtype=np.int64)
    for index, row in enumerate(rows):
        table[:, index, : len(row)] = np.asarray(row).T
    tokens, *where = torch.from_numpy(table)
    counted = torch.tensor(counts, dtype=torch.long).view(-1, LINES)
    return Batch(tokens, Places(*where), counted, torch.tensor(schemes, dtype=torch.long))


def rhyming(
    line: Sequence[int], beats: np.ndarray, rhyme: np.ndarray
) -> tuple[int, frozenset[int]]:
    """The last spoken token of a line, and its rhymes."""
    spoken = [token for token in line if beats[token]]
    last = spoken[-1] if spoken else 0
    return last, frozenset(rhyme[last].tolist()) - {-1}


def scheme_of(ends: Sequence[tuple[int, frozenset[int]]]) -> int:
    """Index into SCHEMES of the one that lines with these ends keep, the strictest first;
    len(SCHEMES): none. A word does not rhyme with itself."""
    for scheme in STRICTEST:
        groups = [[ends[i] for i, letter in enumerate(scheme) if letter == one] for one in "AB"]
        groups = [group for group in groups if len(group) > 1]
        if all(
            frozenset.intersection(*(sounds for _, sounds in group))
            and len({word for word, _ in group}) == len(group)
            for group in groups
        ):
            return SCHEMES.index(scheme)
    return len(SCHEMES)


class Run:
    """The state of a training run, and its folder."""

    def __init__(
        self, folder: Path, config: Config, recipe: Recipe, words: Sequence[str], device: str
    ) -> None:
        self.folder = Path(folder)
        self.config = config
        self.recipe = recipe
        self.words = tuple(words)
        self.device = torch.device(device)
        torch.manual_seed(recipe.seed)
        self.poet = Poet(config, recipe.dropout).to(self.device)
        self.ema = copy.deepcopy(self.poet).eval().requires_grad_(False)
        self.flow = Flow(config.flow).to(self.device)
        self.flow_ema = copy.deepcopy(self.flow).eval().requires_grad_(False)
        self.step = 0
        self.flow_step = 0
        self.mapping_step = 0
        self.poems = 0
        self.wall_seconds = 0.0
        self.trained_on = self.device.type
        # Test perplexity of the decoder without a latent, once it was measured.
        self.latent_free: float | None = None

    @property
    def parts(self) -> dict[str, nn.Module]:
        return {
            "poet": self.poet,
            "ema": self.ema,
            "flow": self.flow,
            "flow_ema": self.flow_ema,
        }

    @property
    def mapping(self) -> Mapping:
        return self.poet.mapping

    @property
    def mapping_ema(self) -> Mapping:
        return self.ema.mapping

    def describe(self) -> dict:
        return {
            "config": self.config.to_dict(),
            "recipe": asdict(self.recipe),
            **{name: getattr(self, name) for name in COUNTS},
            "latent_free": self.latent_free,
            "device": self.trained_on,
            "torch": torch.__version__,
        }

    def write_with(self, **changes: float) -> None:
        """Change how poems are written, `lean` or `beams` of the configuration."""
        self.config = replace(self.config, **changes)  # type: ignore[arg-type]
        for poet in (self.poet, self.ema):
            poet.config, poet.decoder.lean = self.config, self.config.lean

    def save(self) -> None:
        """See studio.training.save_state."""
        save_state(self.folder, {**self.describe(), "words": self.words}, self.parts)

    @classmethod
    def resume(cls, folder: Path, device: str, **asked: float) -> Run:
        """Go on from a saved state, with `asked` changed in its recipe.

        Raises:
            BadUpload: the folder holds no saved state.
        """
        saved = read_state(folder)
        config, recipe = Config.from_dict(saved["config"]), Recipe(**{**saved["recipe"], **asked})
        run = cls(folder, config, recipe, saved["words"], device)
        for name in COUNTS:
            setattr(run, name, saved[name])
        run.latent_free, run.trained_on = saved.get("latent_free"), saved["device"]
        load_modules(folder, run.parts)
        torch.manual_seed(run.recipe.seed + run.step + run.flow_step + run.mapping_step)
        return run


def train_autoencoder(
    run: Run,
    train: Batch,
    validation: Batch,
    minutes: float,
    report: Report,
    *,
    steps: int | None = None,
    measure_every: int = 300,
    is_settled: bool = False,
) -> None:
    """Train encoder and decoder for `minutes` of wall time, or so many steps, then save.

    Ends with the average that validation poems came back from best.

    Args:
        is_settled: the encoder stays as it is, and the decoder hears every word that was written.
            What a latent means can no longer be unlearned then, so that words need not be hidden
            for its sake, and sentences hold together better.
    """
    recipe = run.recipe
    end, unknown = run.words.index(LINE), run.words.index(UNKNOWN)
    parts = ("decoder",) if is_settled else ("encoder", "decoder")
    unheard = 0.0 if is_settled else recipe.unheard
    if is_settled:
        run.poet.encoder.load_state_dict(run.ema.encoder.state_dict())
    run.poet.encoder.train(not is_settled)
    run.poet.encoder.requires_grad_(not is_settled)
    parameters = [p for part in parts for p in getattr(run.poet, part).parameters()]
    adam = torch.optim.AdamW(parameters, recipe.learning_rate, betas=(0.9, 0.98), weight_decay=0.02)
    # Poems of about one length together: what is behind the ends costs time and teaches nothing.
    order = (train.tokens != 0).sum(1).argsort(stable=True)
    clock, first = Clock(run, minutes, steps), run.step
    run.trained_on, run.latent_free = run.device.type, None
    totals: dict[str, Tensor] = {}
    best = Best(run.ema)
    while not clock.is_over:
        # Moments start afresh with every session, hence the warm-up.
        rate = min((run.step - first + 1) / recipe.warm_up, clock.cooling)
        set_rate(adam, recipe.learning_rate * rate)
        around = int(torch.randint(len(order), ()))
        width = min(8 * recipe.batch_size, len(order))
        low = min(max(around - width // 2, 0), len(order) - width)
        rows = order[low + torch.randperm(width)[: recipe.batch_size]]
        batch = train[rows].trimmed()
        # What the vocabulary lacks is heard, but never to be written.
        wanted = (batch.tokens != 0) & (batch.tokens != unknown)
        # Found before the batch moves: a GPU would have to stop and say how many there are.
        spoken = places_of(wanted & (batch.tokens != end), run.device)
        written, batch = places_of(wanted, run.device), batch.to(run.device)
        targets = batch.tokens.flatten()
        before = batch.before(end)
        dropped = torch.rand(before.shape, device=run.device) < unheard
        before = torch.where(dropped & (before != end), unknown, before)
        with autocast(run.device):
            mean, log_variance = run.poet.encoder(batch.tokens, batch.places)
            mean, log_variance = mean.float(), log_variance.float()
            latents = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
            if is_settled:
                led = torch.rand(len(latents), 1, device=run.device) >= recipe.alone
                latents = latents * led
            thought, _ = run.poet.decoder.step(latents, before, batch.places, None)
            logits = run.poet.decoder.said(thought.flatten(0, 1)[written])
            held = run.poet.decoder.held(latents)
            beats, scheme = run.poet.decoder.form(latents)
        error = F.cross_entropy(logits.float(), targets[written])
        words = words_error(held.float(), batch, spoken)
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
        form = F.cross_entropy(beats.float().flatten(0, 1), batch.beats.flatten())
        form = form + F.cross_entropy(scheme.float(), batch.scheme)
        loss = error + recipe.words * words + recipe.form * form
        loss = loss + recipe.beta * divergence * len(batch) / len(written)
        descend(adam, loss)
        run.step += 1
        run.poems += len(batch)
        clock.tick()
        # A young average would mostly remember where the weights began.
        keep = min(recipe.ema, run.step / (run.step + 20))
        for part in parts:
            follow_average(getattr(run.ema, part), getattr(run.poet, part), keep)
        for name, value in (
            ("error", error),
            ("words", words),
            ("form", form),
            ("kl", divergence),
        ):
            totals[name] = totals.get(name, torch.zeros(())) + value.detach()
        if run.step % measure_every == 0:
            line = {name: round(float(v) / measure_every, 4) for name, v in totals.items()}
            totals = {}
            figures = come_back(run.ema, validation, end)
            report({"step": run.step, **clock.line, **line, **figures})
            best.offer(figures["perplexity"])
            run.save()
    best.offer(come_back(run.ema, validation, end)["perplexity"])
    best.restore()
    run.save()


def train_latent_free(
    run: Run, train: Batch, validation: Batch, minutes: float, report: Report
) -> float:
    """Train the decoder on for `minutes` without a latent, and say its perplexity on held-out
    poems: what the latent is worth is measured by it.

    It starts from the decoder that hears one, so it has had all of its training and more.
    """
    decoder = copy.deepcopy(run.ema.decoder).train().requires_grad_(True)
    ema = copy.deepcopy(decoder).eval().requires_grad_(False)
    end, unknown = run.words.index(LINE), run.words.index(UNKNOWN)
    adam = torch.optim.AdamW(decoder.parameters(), run.recipe.learning_rate, betas=(0.9, 0.98))
    clock = Clock(Apart(), minutes)
    while not clock.is_over:
        warm = min(1.0, (clock.taken + 1) / run.recipe.warm_up)
        set_rate(adam, run.recipe.learning_rate * warm * clock.cooling)
        rows = torch.randint(len(train), (run.recipe.batch_size,))
        batch = train[rows].trimmed()
        written = places_of((batch.tokens != 0) & (batch.tokens != unknown), run.device)
        batch = batch.to(run.device)
        none = torch.zeros(len(batch), run.config.latent_dim, device=run.device)
        with autocast(run.device):
            thought, _ = decoder.step(none, batch.before(end), batch.places, None)
            logits = decoder.said(thought.flatten(0, 1)[written])
        loss = F.cross_entropy(logits.float(), batch.tokens.flatten()[written])
        descend(adam, loss)
        follow_average(ema, decoder, min(run.recipe.ema, clock.taken / (clock.taken + 20)))
        clock.tick()
    found = run.latent_free = perplexity(ema, validation, end)
    run.save()
    report({"latent_free": found, "steps": clock.taken, **clock.line})
    return found


@dataclass
class Apart:
    """A clock's count that is no run's."""

    wall_seconds: float = 0.0


@torch.no_grad()
def perplexity(decoder: Decoder, poems: Batch, end: int, chunk: int = 256) -> float:
    """Of a token given those before it and no latent, ends of lines left out."""
    device = next(decoder.parameters()).device
    nats = count = 0.0
    for first in range(0, len(poems), chunk):
        batch = poems[slice(first, first + chunk)].trimmed().to(device)
        none = torch.zeros(len(batch), LINES * decoder.line_dim, device=device)
        thought, _ = decoder.step(none, batch.before(end), batch.places, None)
        # What the vocabulary lacks was never to be written, here neither.
        counted = (batch.tokens != 0) & (batch.tokens != end) & (batch.tokens != STRANGE)
        logits = decoder.said(thought[counted]).float()
        nats += float(F.cross_entropy(logits, batch.tokens[counted], reduction="sum"))
        count += int(counted.sum())
    return round(float(np.exp(nats / max(count, 1))), 2)


def places_of(wanted: Tensor, device: torch.device) -> Tensor:
    """Indices into the flattened table, where it is true [B, T]."""
    return wanted.flatten().nonzero()[:, 0].to(device)


def words_error(held: Tensor, batch: Batch, counted: Tensor) -> Tensor:
    """Cross-entropy, per counted token (see `places_of`), of what each line holds by logits
    [B, 4, V]."""
    rows = torch.arange(len(batch), device=held.device)[:, None] * LINES + batch.places.line
    lines, tokens = rows.flatten()[counted], batch.tokens.flatten()[counted]
    return -held.log_softmax(2).flatten(0, 1)[lines, tokens].mean()


@torch.no_grad()
def come_back(poet: Poet, poems: Batch, end: int, chunk: int = 256) -> dict[str, float]:
    """How well poems come back from their latents.

    `perplexity`: of a token given those before it, ends of lines left out; `tokens`: share of
    those where the likeliest is right; `words_held`: share of words among as many likeliest that
    the latent alone says each line holds.
    """
    device = next(poet.parameters()).device
    nats = right = hits = count = 0.0
    for first in range(0, len(poems), chunk):
        batch = poems[slice(first, first + chunk)].trimmed().to(device)
        mean, _ = poet.encoder(batch.tokens, batch.places)
        thought, _ = poet.decoder.step(mean, batch.before(end), batch.places, None)
        # What the vocabulary lacks was never to be written, here neither.
        counted = (batch.tokens != 0) & (batch.tokens != end) & (batch.tokens != STRANGE)
        logits = poet.decoder.said(thought[counted]).float()
        wanted = batch.tokens[counted]
        nats += float(F.cross_entropy(logits, wanted, reduction="sum"))
        right += float((logits.argmax(1) == wanted).sum())
        hits += held_words(poet.decoder.held(mean), batch, counted)
        count += len(wanted)
    count = max(count, 1)
    return {
        "perplexity": round(float(np.exp(nats / count)), 2),
        "tokens": round(right / count, 4),
        "words_held": round(hits / count, 4),
    }


def held_words(held: Tensor, batch: Batch, counted: Tensor) -> int:
    """How many words of the lines are among as many likeliest."""
    ranks = held.argsort(dim=2, descending=True).argsort(dim=2)
    of_line = ranks.gather(1, batch.places.line[..., None].expand(-1, -1, held.shape[2]))
    own = of_line.gather(2, batch.tokens[..., None])[..., 0]
    lengths = torch.stack(
        [((batch.places.line == i) & counted).sum(1) for i in range(LINES)], dim=1
    )
    return int(((own < lengths.gather(1, batch.places.line)) & counted).sum())


def encoded(poet: Poet, poems: Batch, chunk: int = 256) -> Tensor:
    """Mean latents [N, D] of poems, on the CPU."""
    device = next(poet.parameters()).device
    rows = []
    with torch.inference_mode():
        for first in range(0, len(poems), chunk):
            batch = poems[slice(first, first + chunk)].trimmed().to(device)
            rows.append(poet.encoder(batch.tokens, batch.places)[0].float().cpu())
    return torch.cat(rows).clone()
