"""The poem generator as the studio uses it: a trained poet behind the contract."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from studio import adapter as low_rank
from studio.checkpoint import Checkpoint
from studio.directions import from_tables
from studio.errors import BadCheckpoint
from studio.latent import require_latents
from studio.medium import Artwork, Direction, FeatureStatistics, LatentStatistics, Recipe
from studio.poem.artwork import Verse
from studio.poem.config import MOST_BEATS, Config
from studio.poem.data import LINES, Poem, Vocabulary, detokenise, tokens
from studio.poem.form import SCHEMES, patterns
from studio.poem.model import Decoder, Encoder, Poet
from studio.poem.reading import Reader, unit_rows
from studio.poem.settings import FOUND, Settings
from studio.poem.sounds import BOOKS, Sounds
from studio.poem.themes import tables as themes_of
from studio.poem.themes import themes
from studio.poem.train import Batch, batched, tensors
from studio.poem.write import Form, Writer

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


class PoemGenerator:
    """See studio.medium.Generator."""

    def __init__(
        self,
        medium: str,
        version: str,
        poet: Poet,
        vocabulary: Vocabulary,
        sounds: Mapping[str, Tensor],
        proper: frozenset[str],
        known: frozenset[int],
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
        self.proper = proper
        self.known = known
        self.reader = Reader(
            torch.from_numpy(themes_of(vocabulary.words, self.language)).to(self.device),
            unit_rows(self.encoder.tokens.weight.detach().float()),
        )
        self.statistics = statistics
        self.feature_statistics = feature_statistics
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
                frozenset(checkpoint.tensors("known")["lines"].tolist()),
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
        verses = []
        for chunk in latents.split(BATCH):
            for row, written in zip(chunk, self.write(chunk, settings), strict=True):
                recipe = Recipe(
                    self.medium, self.version, tuple(row.tolist()), options=settings.to_options()
                )
                lines = tuple(
                    settings.held.get(str(number)) or self.spelled(line)
                    for number, line in enumerate(written)
                )
                verses.append(Verse(lines, self.language, recipe, settings))
        return verses

    def spelled(self, line: Sequence[int]) -> str:
        return detokenise([self.vocabulary.words[token] for token in line], self.proper)

    def write(
        self, latents: Tensor, settings: Settings | None = None, beams: int | None = None
    ) -> list[list[list[int]]]:
        """The tokens of each line of the poems of latents [B, D]."""
        settings = settings or Settings()
        sounds = self.sounds.get(settings.book) or next(iter(self.sounds.values()))
        writer = Writer(self.decoder, sounds, self.known, *([beams] if beams else []))
        return writer.write(latents.to(self.device), self.forms(latents, settings))

    @torch.no_grad()
    def forms(self, latents: Tensor, settings: Settings) -> list[Form]:
        """What each poem keeps: what is asked for, else what its latent likes best."""
        beats, scheme = self.decoder.form(latents.to(self.device))
        beats, scheme = beats.log_softmax(2).cpu(), scheme.cpu()
        given = self.given(settings)
        found = []
        for lengths, rhymes in zip(beats, scheme, strict=True):
            if self.language == "zh":
                length = LENGTHS.get(settings.form) or max(
                    LENGTHS.values(), key=lambda n: float(lengths[:, n].sum())
                )
                held = {n: line for n, line in given.items() if len(line) == length}
                tones = torch.from_numpy(np.stack([p.allowed() for p in patterns(length)]))
                found.append(Form((length,) * LINES, (0, 0, -1, 0), tones, held))
                continue
            measure = MEASURES.get(settings.measure) or max(
                MEASURED, key=lambda m: sum(float(lengths[i, n]) for i, n in enumerate(m))
            )
            name = settings.scheme
            if name == FOUND:
                name = SCHEMES[int(rhymes[: len(SCHEMES)].argmax())]
            slots = tuple("AB".find(letter) if name.count(letter) > 1 else -1 for letter in name)
            found.append(Form(measure, slots, None, given))
        return found

    def given(self, settings: Settings) -> dict[int, list[int]]:
        """Lines that stay, as far as the vocabulary knows their words."""
        texts = {int(number): text for number, text in settings.held.items()}
        if settings.first_line and 0 not in texts:
            texts[0] = settings.first_line
        return {number: self.vocabulary.encode(tokens(text)) for number, text in texts.items()}

    def forward(self, latents: Tensor) -> Tensor:
        """See studio.medium.Generator.forward."""
        return self.decoder.held(latents.to(self.device))

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
        lines = self.write(latents.detach(), beams=1)
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
        shares = torch.zeros(0, len(themes(self.language)))
        if artworks:
            shares = self.reader.shares(self.counted(self.batch(artworks))).cpu()
        return dict(zip(themes(self.language), shares.T, strict=True))

    def expected(self, latents: Tensor) -> Mapping[str, Tensor]:
        """Attributes as the latents say them, differentiable."""
        shares = self.reader.shares(self.decoder.held(latents.to(self.device)).float().softmax(2))
        return dict(zip(themes(self.language), shares.T, strict=True))

    def batch(self, artworks: Sequence[Artwork]) -> Batch:
        poems = [Poem(tuple(artwork.lines), self.language) for artwork in artworks]  # type: ignore[attr-defined]
        return tensors(poems, self.vocabulary, self.beats, self.rhyme).to(self.device)

    def adapted(self, adapter: Mapping[str, Tensor], version: str) -> PoemGenerator:
        """See studio.medium.Generator.adapted."""
        of_decoder, of_mapping = low_rank.split("decoder.", adapter)
        twin = copy.copy(self)
        twin.version = version
        twin.mapping = low_rank.apply(self.mapping, of_mapping)
        twin.owned = [twin.mapping]
        if of_decoder:
            twin.decoder = low_rank.apply(self.decoder, of_decoder)  # type: ignore[assignment]
            twin.owned.append(twin.decoder)
        return twin

    def memory_bytes(self) -> int:
        """See studio.medium.Generator.memory_bytes."""
        held = [t for m in self.owned for t in (*m.parameters(), *m.buffers())]
        return sum(t.numel() * t.element_size() for t in held)
