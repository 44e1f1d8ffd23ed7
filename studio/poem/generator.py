"""The poem generator as the studio uses it: a trained poet behind the contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from studio.adapter import Adaptable
from studio.checkpoint import Checkpoint
from studio.directions import from_tables
from studio.errors import BadCheckpoint, BadUpload
from studio.latent import MAX_SEED, noise_from_seeds, require_latents
from studio.medium import (
    HELD,
    Artwork,
    Direction,
    Draws,
    FeatureStatistics,
    LatentStatistics,
    Recipe,
    holding,
)
from studio.poem.artwork import Verse
from studio.poem.asked import Asked, Listener
from studio.poem.config import MOST_BEATS, Config
from studio.poem.data import (
    END,
    LINES,
    Poem,
    Unfit,
    Vocabulary,
    detokenise,
    quatrain,
)
from studio.poem.form import SCHEMES, patterns
from studio.poem.model import Decoder, Encoder, Places, Poet
from studio.poem.reading import Reader, unit_rows
from studio.poem.settings import AT, FOUND, UNDER, WRITTEN, Settings, sums, terms
from studio.poem.sounds import BOOKS, Sounds
from studio.poem.themes import tables as themes_of
from studio.poem.themes import themes
from studio.poem.train import Batch, batched, tensors
from studio.poem.write import NEVER, Form, Writer

BATCH = 32
MEASURES = {"8888": (8, 8, 8, 8), "8686": (8, 6, 8, 6), "10": (10, 10, 10, 10)}
LENGTHS = {"five": 5, "seven": 7}
MEASURED = (
    *MEASURES.values(),
    (7, 7, 7, 7),
    (6, 6, 6, 6),
    (8, 7, 8, 7),
    (11, 11, 11, 11),
    (6, 6, 8, 6),
)
"""Syllables of the lines of English stanzas; a poem takes of these what its latent likes best."""


RHYMING = (0, 0, -1, 0)
"""The lines of a quatrain in Chinese that rhyme; the first if it ends level."""
STEPS = 32
"""Tokens of a quatrain of sevens with its ends; those in English have as many on the average."""
OFFERS = 12
"""Ways to write the lines anew of which the best is taken."""
STRAYED = 1e4
"""What another rhyme scheme than before costs an offer."""
ASIDE = 0.7
"""How far the latent of a line goes towards others for an alternative."""


@dataclass(frozen=True)
class Task:
    """A poem to write: its latent [D], the settings that count there, and what of them can be
    kept."""

    latent: Tensor
    settings: Settings
    asked: Asked


class PoemGenerator(Adaptable):
    """See studio.medium.Generator, InWords and Sampled."""

    at_once = BATCH

    def __init__(
        self,
        medium: str,
        version: str,
        poet: Poet,
        vocabulary: Vocabulary,
        sounds: Mapping[str, Tensor],
        proper: frozenset[str],
        known: Tensor,
        statistics: LatentStatistics,
        feature_statistics: FeatureStatistics,
        directions: Sequence[Direction],
        device: str,
    ) -> None:
        self.medium = medium
        self.version = version
        self.device = torch.device(device)
        self.config = poet.config
        self.language = poet.config.language
        self.latent_dim = poet.config.latent_dim
        poet = poet.to(self.device).eval().requires_grad_(False)
        self.mapping: nn.Module = poet.mapping
        self.decoder: Decoder = poet.decoder
        self.encoder: Encoder = poet.encoder
        self.vocabulary = vocabulary
        self.sounds = {book: Sounds.of(sounds, book) for book in BOOKS[self.language]}
        self.rhyme = sounds[f"{BOOKS[self.language][0]}.rhyme".lstrip(".")].numpy()
        self.beats = sounds["beats"].numpy().astype(np.int64)
        self.listener = Listener(self.language, vocabulary, self.sounds)
        self.proper = proper
        self.known = known
        self.reader = Reader(
            torch.from_numpy(themes_of(vocabulary.words, self.language)).to(self.device),
            unit_rows(self.encoder.tokens.weight.detach().float()),
        )
        self.statistics = statistics
        kinds = self.reader.kinds(len(feature_statistics.mean), self.latent_dim)
        self.feature_statistics = replace(feature_statistics, kinds=kinds)
        self.directions = directions
        self.owned: list[nn.Module] = [self.mapping, self.decoder, self.encoder]

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint, device: str) -> PoemGenerator:
        """Raises: BadCheckpoint: the weights do not fit the card's configuration."""
        try:
            poet = Poet(Config.from_dict(checkpoint.card["config"]))
            poet.load_state_dict(checkpoint.tensors("poet"))
            words = checkpoint.document("words")
            return cls(
                checkpoint.medium,
                checkpoint.version,
                poet,
                Vocabulary(tuple(words["vocabulary"])),
                checkpoint.tensors("sounds"),
                frozenset(words["proper"]),
                checkpoint.tensors("known")["lines"],
                *from_tables(checkpoint.tensors("statistics")),
                [Direction(**row) for row in checkpoint.document("directions")],
                device,
            )
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise BadCheckpoint("checkpoint_unfitting", folder=checkpoint.version) from error

    def map(self, noise: Tensor) -> Tensor:
        """See studio.medium.Generator.map."""
        with torch.no_grad():
            return self.mapping(noise.to(self.device)).float().cpu()

    def decode(self, latents: Tensor, options: Mapping[str, Any] | None = None) -> Sequence[Verse]:
        """See studio.medium.Generator.decode; for options see studio.poem.settings."""
        require_latents(latents, self.latent_dim)
        settings = Settings.of(options or {})
        verses: list[Verse] = []
        for chunk in latents.split(BATCH):
            tasks = [self.task(row, settings) for row in chunk]
            for task, (lines, _) in zip(tasks, self.written(tasks, settings), strict=True):
                recipe = Recipe(
                    self.medium,
                    self.version,
                    tuple(task.latent.tolist()),
                    options=task.settings.to_options(),
                )
                verses.append(
                    Verse(lines, self.language, recipe, task.settings, remarks=task.asked.remarks)
                )
        return verses

    def task(self, latent: Tensor, settings: Settings) -> Task:
        own = settings.at_latent(latent.tolist())
        return Task(latent, own, self.listener.understood(own, MOST_BEATS))

    def written(
        self, tasks: Sequence[Task], settings: Settings, beams: int | None = None
    ) -> list[tuple[list[str], float]]:
        """The lines of each poem as they are shown, and how likely it is, in nats."""
        latents = torch.stack([task.latent for task in tasks]) if tasks else torch.zeros(0)
        ways: list[list[Form]] = []
        for task, form, held in zip(
            tasks, self.forms(latents, settings, tasks), self.held(latents, tasks), strict=True
        ):
            placed = self.listener.placed(form, task.asked.words, held)
            if not placed:
                words = ", ".join(word.text for word in task.asked.words)
                task.asked.remarks.append(("remark.words_unfit", {"words": words}))
            ways.append(placed or [form])
        rows = [row for row, forms in enumerate(ways) for _ in forms]
        forms = [form for forms in ways for form in forms]
        written, scores = self.writer(settings.book, beams).scored(latents[rows], forms)
        found: list[tuple[list[str], float]] = []
        for row, task in enumerate(tasks):
            best = max((i for i, r in enumerate(rows) if r == row), key=lambda i: float(scores[i]))
            lines = [
                task.asked.lines.get(number) or self.spelled(line)
                for number, line in enumerate(written[best])
            ]
            found.append((lines, float(scores[best])))
        return found

    def held(self, latents: Tensor, tasks: Sequence[Task]) -> Sequence[Tensor]:
        """How likely each line is to hold each word [B, 4, V], in nats, where that is asked."""
        if not any(task.asked.words for task in tasks):
            return [latents] * len(tasks)
        with torch.no_grad():
            return list(self.decoder.held(latents.to(self.device)).float().log_softmax(2).cpu())

    def writer(self, book: str = "", beams: int | None = None) -> Writer:
        sounds = self.sounds.get(book) or next(iter(self.sounds.values()))
        return Writer(self.decoder, sounds, self.known, beams or self.config.beams)

    def spelled(self, line: Sequence[int]) -> str:
        return detokenise([self.vocabulary.words[token] for token in line], self.proper)

    def write(self, latents: Tensor, beams: int | None = None) -> list[list[list[int]]]:
        """The tokens of each line of the poems of latents [B, D], of which nothing is asked."""
        return self.writer(beams=beams).write(
            latents.to(self.device), self.forms(latents, Settings())
        )

    @torch.no_grad()
    def forms(self, latents: Tensor, settings: Settings, tasks: Sequence[Task] = ()) -> list[Form]:
        """What the poem of each latent [B, D] keeps: what is asked for, else what its latent likes
        best."""
        if not len(latents):
            return []
        beats, scheme = self.decoder.form(latents.to(self.device))
        beats, scheme = beats.log_softmax(2).cpu(), scheme.cpu()
        book = settings.book if settings.book in self.sounds else next(iter(self.sounds))
        found = []
        for row, (lengths, rhymes) in enumerate(zip(beats, scheme, strict=True)):
            lines = tasks[row].asked.lines if tasks else {}
            given = {n: self.listener.given(line, book) for n, line in lines.items()}
            if self.language == "zh":
                length = next((len(line) for line in lines.values()), 0)
                length = length or LENGTHS.get(settings.form) or likeliest_length(lengths)
                found.append(Form((length,) * LINES, RHYMING, tones_of(length), given))
                continue
            measure = MEASURES.get(settings.measure) or likeliest_measure(lengths)
            name = settings.scheme
            if name == FOUND:
                name = SCHEMES[int(rhymes[: len(SCHEMES)].argmax())]
            slots = tuple("AB".find(letter) if name.count(letter) > 1 else -1 for letter in name)
            found.append(Form(measure, slots, None, given))
        return found

    def refilled(
        self,
        latent: Tensor,
        kept: Sequence[int],
        seed: int,
        options: Mapping[str, Any] | None = None,
    ) -> tuple[Tensor, Mapping[str, Any]]:
        """See studio.medium.InParts.refilled; the parts are lines. Of some offers that keep the
        rhyme scheme the one that reads best, by the decoder's own measure."""
        options = options or {}
        (now,) = self.decode(latent[None], options)
        others = {
            key: value for key, value in options.items() if key not in (HELD, WRITTEN, AT, UNDER)
        }
        held = {str(part): now.lines[part] for part in sorted(kept)}
        fresh = {**others, HELD: held} if held else others
        settings = Settings.of(fresh)
        offers = self.map(noise_from_seeds(offered(seed, OFFERS)))
        parts = offers.view(OFFERS, LINES, -1).clone()
        parts[:, list(kept)] = latent.view(LINES, -1)[list(kept)]
        offers = parts.flatten(1)
        tasks = [self.task(row, settings) for row in offers]
        scheme = self.forms(latent[None], settings, tasks[:1])[0].rhymes
        forms = self.forms(offers, settings, tasks)
        worth = [
            score - STRAYED * (form.rhymes != scheme)
            for form, (_, score) in zip(forms, self.written(tasks, settings, 1), strict=True)
        ]
        return offers[worth.index(max(worth))], fresh

    def rewritten(
        self, latent: Tensor, part: int, text: str, options: Mapping[str, Any] | None = None
    ) -> tuple[Tensor, Mapping[str, Any]]:
        """See studio.medium.InWords.rewritten. The line's part of the latent becomes the encoder's;
        the other parts, and as long as the latent stays the other lines, are what they were."""
        options = options or {}
        (now,) = self.decode(latent[None], options)
        lines = list(now.lines)
        try:
            lines[part] = self.listener.line(text)
            poem = quatrain(lines)
        except Unfit as unfit:
            raise BadUpload(unfit.key, **unfit.values) from unfit
        moved = latent.view(LINES, -1).clone()
        if poem.lines[part] != now.lines[part]:
            moved[part] = self.encode([Verse(poem.lines, self.language)])[0].view(LINES, -1)[part]
            if part == 0:
                # Two wishes for one line: this is the later one.
                options = {key: value for key, value in options.items() if key != "first_line"}
        changed = moved.flatten()
        return changed, {
            **holding(options, part, poem.lines[part]),
            WRITTEN: {str(number): line for number, line in enumerate(poem.lines)},
            AT: list(sums(changed.tolist())),
            UNDER: terms(options),
        }

    def alternatives(
        self, latent: Tensor, part: int, count: int, seed: int, options: Mapping[str, Any] | None
    ) -> Sequence[str]:
        """See studio.medium.InWords.alternatives: the other lines stay, and this one's part of the
        latent goes some way towards other poems'."""
        options = options or {}
        (now,) = self.decode(latent[None], options)
        held = {str(n): line for n, line in enumerate(now.lines) if n != part}
        settings = Settings.of({**options, HELD: held, WRITTEN: {}, "first_line": ""})
        others = self.map(noise_from_seeds(offered(seed, 3 * count)))
        parts = latent.view(1, LINES, -1).repeat(len(others), 1, 1)
        parts[:, part] = parts[:, part].lerp(others.view(-1, LINES, parts.shape[2])[:, part], ASIDE)
        tasks = [self.task(row, settings) for row in parts.flatten(1)]
        written = self.written(tasks, settings, 2)
        found = {lines[part]: score for lines, score in written if lines[part] != now.lines[part]}
        return sorted(found, key=lambda line: -found[line])[:count]

    @torch.no_grad()
    def forward(self, latents: Tensor) -> Tensor:
        """See studio.medium.Generator.forward: as many steps and beams as a poem takes, whatever
        they say; logits [B x beams, V] of the last."""
        rows = latents.to(self.device).repeat_interleave(self.config.beams, 0)
        before = rows.new_full((len(rows), 1), END, dtype=torch.long)
        said, cache = rows.new_zeros(len(rows), len(self.vocabulary.words)), None
        for step in range(STEPS if len(rows) else 0):
            line = torch.full_like(before, step * LINES // STEPS)
            places = Places(line, torch.zeros_like(line), torch.ones_like(line))
            thought, cache = self.decoder.step(rows, before, places, cache)
            said = self.decoder.said(thought[:, 0])
            before = said.argmax(1, keepdim=True)
        return said

    def draw(self, policy: nn.Module, latents: Tensor, count: int, rng: torch.Generator) -> Draws:
        """See studio.medium.Sampled.draw. Words are drawn one after another, among those that the
        form allows; the divergence is exact at each of them, given those before."""
        latents = latents.to(self.device)
        rows = latents.repeat(count, 1)
        forms = self.forms(latents, Settings()) * count
        sounds = next(iter(self.sounds.values()))
        drawn = Writer(policy, sounds, self.known).draw(rows, forms, rng)  # type: ignore[arg-type]
        chosen = drawn.allowed.sum(2) > 1
        mask = drawn.allowed[chosen].to(self.device)
        before, places = drawn.before.to(self.device), drawn.places.to(self.device)

        def log_chances(decoder: nn.Module) -> Tensor:
            thought, _ = decoder.step(rows, before, places, None)  # type: ignore[operator]
            logits = decoder.said(thought[chosen]).float()  # type: ignore[operator]
            return logits.masked_fill(~mask, NEVER).log_softmax(1)

        said = log_chances(policy)
        with torch.no_grad():
            base = log_chances(self.decoder)
        tokens = drawn.tokens[chosen].to(self.device)
        of_poem = chosen.nonzero()[:, 0].to(self.device)
        zeros = torch.zeros(len(rows), device=self.device)
        likely = zeros.index_add(0, of_poem, said.gather(1, tokens[:, None])[:, 0])
        apart = zeros.index_add(0, of_poem, (said.exp() * (said - base)).sum(1))
        lines = self.writer().lines
        batch = batched([lines(row) for row in drawn.tokens.tolist()], self.beats, self.rhyme)
        batch = batch.to(self.device)
        with torch.no_grad():
            features = self.read(batch, self.encoder(batch.tokens, batch.places)[0].float())
        shape = (count, len(latents))
        return Draws(
            features.unflatten(0, shape).cpu(),
            likely.unflatten(0, shape).cpu(),
            apart.unflatten(0, shape).mean(0).cpu(),
        )

    def encode(self, artworks: Sequence[Artwork]) -> Tensor:
        """See studio.medium.Generator.encode: the encoder's mean."""
        if not artworks:
            return torch.zeros(0, self.latent_dim)
        batch = self.batch(artworks)
        with torch.no_grad():
            return self.encoder(batch.tokens, batch.places)[0].float().cpu()

    def features(self, artworks: Sequence[Artwork]) -> Tensor:
        """See studio.medium.Generator.features, and studio.poem.reading."""
        if not artworks:
            return torch.zeros(0, len(self.feature_statistics.mean))
        batch = self.batch(artworks)
        with torch.no_grad():
            return self.read(batch, self.encoder(batch.tokens, batch.places)[0].float()).cpu()

    def latent_features(self, latents: Tensor) -> Tensor:
        """See studio.medium.Generator.latent_features.

        What is read is what would be written; the gradient is that of the words which the latent
        says each line holds (the straight-through estimator of Bengio et al., 2013), since what
        was written has none.
        """
        lines = self.write(latents.detach())
        batch = batched(lines, self.beats, self.rhyme).to(self.device)
        with torch.no_grad():
            mean = self.encoder(batch.tokens, batch.places)[0].float()
        said = self.decoder.held(latents).float().softmax(2)
        beats, scheme = (part.float().softmax(-1) for part in self.decoder.form(latents))
        return self.read(batch, mean, (said, beats, scheme, latents))

    def read(
        self, batch: Batch, mean: Tensor, soft: tuple[Tensor, Tensor, Tensor, Tensor] | None = None
    ) -> Tensor:
        """Features of poems; `soft` are the words, beats, schemes and latents whose gradients
        stand for those of what was written."""
        hard = (
            self.counted(batch),
            F.one_hot(batch.beats, MOST_BEATS + 1).float(),
            F.one_hot(batch.scheme, len(SCHEMES) + 1).float(),
            mean,
        )
        if soft is None:
            return self.reader.features(*hard)
        count = hard[0].sum(2, keepdim=True)
        scaled = (soft[0] * count, *soft[1:])
        return self.reader.features(
            *(s + (h - s).detach() for s, h in zip(scaled, hard, strict=True))
        )

    def counted(self, batch: Batch) -> Tensor:
        """How often each line holds each word [B, 4, V]."""
        words = next(iter(self.sounds.values())).words.to(self.device)[batch.tokens].float()
        table = torch.zeros(len(batch), LINES, len(self.vocabulary.words), device=self.device)
        rows = torch.arange(len(batch), device=self.device)[:, None].expand_as(batch.tokens)
        return table.index_put((rows, batch.places.line, batch.tokens), words, accumulate=True)

    def attributes(self, artworks: Sequence[Artwork]) -> Mapping[str, Tensor]:
        """See studio.medium.Generator.attributes."""
        return self.named(self.batch(artworks) if artworks else None)

    def spoken_of(self, poems: Sequence[Sequence[Sequence[int]]]) -> Mapping[str, Tensor]:
        """Attributes of poems as `write` writes them."""
        batch = batched(poems, self.beats, self.rhyme).to(self.device) if poems else None
        return self.named(batch)

    def named(self, batch: Batch | None) -> Mapping[str, Tensor]:
        shares = torch.zeros(0, len(themes(self.language)))
        if batch is not None:
            shares = self.reader.shares(self.counted(batch)).cpu()
        return dict(zip(themes(self.language), shares.T, strict=True))

    def expected(self, latents: Tensor) -> Mapping[str, Tensor]:
        """Attributes as the latents say them, differentiable."""
        shares = self.reader.shares(self.decoder.held(latents.to(self.device)).float().softmax(2))
        return dict(zip(themes(self.language), shares.T, strict=True))

    def batch(self, artworks: Sequence[Artwork]) -> Batch:
        poems = [Poem(tuple(artwork.lines), self.language) for artwork in artworks]  # type: ignore[attr-defined]
        return tensors(poems, self.vocabulary, self.beats, self.rhyme).to(self.device)


def offered(seed: int, count: int) -> range:
    """Seeds of their own for each seed."""
    first = seed * count % (MAX_SEED - count)
    return range(first, first + count)


def likeliest_length(beats: Tensor) -> int:
    """Characters a line, by the log shares of beats [4, n]."""
    return max(LENGTHS.values(), key=lambda n: float(beats[:, n].sum()))


def likeliest_measure(beats: Tensor) -> tuple[int, ...]:
    """Syllables of each line, by the log shares of beats [4, n]."""
    return max(MEASURED, key=lambda m: sum(float(beats[i, n]) for i, n in enumerate(m)))


@cache
def tones_of(length: int) -> Tensor:
    """See studio.poem.write.Form.tones."""
    return torch.from_numpy(np.stack([pattern.allowed() for pattern in patterns(length)]))
