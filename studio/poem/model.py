"""The poem model: a latent for each line, and a Transformer that writes lines from their ends.

Noise [B, 128] -> mapping -> latents [B, 4 x line_dim] -> decoder -> tokens, one after another.

A variational autoencoder (Bowman et al., Generating Sentences from a Continuous Space, 2016) whose
decoder is a Transformer that hears the latent at every token. Lines are written from right to left,
so that the word that rhymes comes first and the rest leads up to it, and before each token the
decoder is told how many syllables are left, so that a line ends where its meter does (both as in
Lau et al., Deep-speare, 2018). A second reader of the latent says which words each line holds, in
any order (Zhao et al., Learning Discourse-level Diversity, 2017): what the latent says about words
cannot then be left to the words before, and what it says has a gradient.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from studio.flow import Mapping
from studio.poem.config import LONGEST, MOST_BEATS, Config
from studio.poem.data import LINES
from studio.poem.form import SCHEMES


@dataclass(frozen=True)
class Places:
    """Where each token of B rows stands, each [B, T].

    Attributes:
        line: 0 to 3; place: in its line, counted from the line's end; beats: syllables (characters
            in Chinese) of the line that are not yet written, this token's own included.
    """

    line: Tensor
    place: Tensor
    beats: Tensor

    def __getitem__(self, rows: Tensor | slice) -> Places:
        return Places(self.line[rows], self.place[rows], self.beats[rows])

    def at(self, time: slice) -> Places:
        return Places(self.line[:, time], self.place[:, time], self.beats[:, time])

    def to(self, device: torch.device) -> Places:
        return Places(*(t.to(device) for t in (self.line, self.place, self.beats)))


Cache = list[tuple[Tensor, Tensor]]
"""Keys and values [B, voices, heads, T, width / heads] of each layer."""


class Block(nn.Module):
    """Attention, then a layer of its own for each token."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.drop = nn.Dropout(dropout)
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attend = nn.Linear(width, 3 * width)
        self.mix = nn.Linear(width, width)
        self.feed = nn.Sequential(
            nn.Linear(width, 3 * width), nn.GELU(), nn.Linear(3 * width, width)
        )

    def forward(
        self, x: Tensor, mask: Tensor | None, before: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """`mask` [B, 1, 1, T] of what may be looked at; without one, each looks at itself and what
        came before, which `before` holds."""
        q, k, v = (
            self.attend(self.first(x)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        )
        if before is not None:
            k, v = torch.cat([before[0], k], dim=2), torch.cat([before[1], v], dim=2)
        is_causal = mask is None and q.shape[2] > 1
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=is_causal)
        x = x + self.drop(self.mix(y.transpose(1, 2).flatten(2)))
        return x + self.drop(self.feed(self.second(x))), (k, v)


class Where(nn.Module):
    """What a token's place is, as a vector."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.line = nn.Embedding(LINES, width)
        self.place = nn.Embedding(LONGEST, width)
        self.beats = nn.Embedding(MOST_BEATS + 1, width)
        for table in (self.line, self.place, self.beats):
            nn.init.normal_(table.weight, std=0.02)

    def forward(self, places: Places) -> Tensor:
        return self.line(places.line) + self.place(places.place) + self.beats(places.beats)


class Encoder(nn.Module):
    """Poems to the mean and log variance of their latents, each [B, 4 x line_dim]."""

    def __init__(self, config: Config, dropout: float = 0.0) -> None:
        super().__init__()
        self.tokens = nn.Embedding(config.vocabulary, config.width, padding_idx=0)
        nn.init.normal_(self.tokens.weight, std=0.02)
        self.where = Where(config.width)
        self.blocks = nn.ModuleList(
            Block(config.width, config.heads, dropout) for _ in range(config.encoder_layers)
        )
        self.drop = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(config.width)
        self.out = nn.Linear(config.width, 2 * config.line_dim)

    def forward(self, tokens: Tensor, places: Places) -> tuple[Tensor, Tensor]:
        """Tokens [B, T], 0 where there is none."""
        used = tokens != 0
        x = self.drop(self.tokens(tokens) + self.where(places))
        for block in self.blocks:
            x, _ = block(x, used[:, None, None])
        # The mean of each line's tokens, weighted by nothing else: a short line counts as much.
        member = F.one_hot(places.line, LINES).to(x.dtype) * used[..., None]
        lines = member.mT @ self.norm(x) / member.sum(1).clamp_min(1)[..., None]
        mean, log_variance = self.out(lines).chunk(2, dim=2)
        return mean.flatten(1), log_variance.flatten(1).clamp(-10, 2)


class Decoder(nn.Module):
    """Latents [B, 4 x line_dim] and what was written, to logits of what comes next.

    Outside training it may have two voices: one that hears the latent and one that hears none and
    says how verse goes whatever it is about. What is said is their geometric mean, weighted by
    `lean` (guidance, turned round: Ho and Salimans, Classifier-Free Diffusion Guidance, 2022, go
    the other way): latents that no poem ever had make fewer sentences that no poem would have.
    """

    def __init__(self, config: Config, dropout: float = 0.0) -> None:
        super().__init__()
        self.line_dim = config.line_dim
        self.lean = config.lean
        self.tokens = nn.Embedding(config.vocabulary, config.width, padding_idx=0)
        nn.init.normal_(self.tokens.weight, std=0.02)
        self.where = Where(config.width)
        self.own = nn.Linear(config.line_dim, config.width)
        self.whole = nn.Linear(config.latent_dim, config.width)
        self.blocks = nn.ModuleList(
            Block(config.width, config.heads, dropout) for _ in range(config.layers)
        )
        self.drop = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(config.width)
        self.bias = nn.Parameter(torch.zeros(config.vocabulary))
        self.words = nn.Sequential(
            nn.Linear(config.line_dim, config.width),
            nn.GELU(),
            nn.Linear(config.width, config.width),
        )
        self.words_bias = nn.Parameter(torch.zeros(config.vocabulary))
        self.beats = nn.Linear(config.line_dim, MOST_BEATS + 1)
        self.scheme = nn.Sequential(
            nn.Linear(config.latent_dim, 64), nn.GELU(), nn.Linear(64, len(SCHEMES) + 1)
        )

    def forward(self, latents: Tensor, before: Tensor, places: Places) -> Tensor:
        """Logits [B, T, V] of tokens at `places`; `before` [B, T] is the token before each."""
        return self.said(self.step(latents, before, places, None)[0])

    def step(
        self, latents: Tensor, before: Tensor, places: Places, cache: Cache | None
    ) -> tuple[Tensor, Cache]:
        """What is thought at some tokens [B, T, width] after those of a cache, and all of them."""
        heard = latents[:, None]
        if self.lean and not self.training:
            heard = torch.stack([latents, torch.zeros_like(latents)], 1)
        voices = heard.shape[1]
        lines = self.own(heard.unflatten(2, (LINES, -1)))
        at = places.line[:, None, :, None].expand(-1, voices, -1, lines.shape[3])
        x = self.drop(self.tokens(before) + self.where(places))[:, None] + lines.gather(2, at)
        # What the latent says is heard whole.
        x = (x + self.whole(heard)[:, :, None]).flatten(0, 1)
        kept: Cache = []
        for index, block in enumerate(self.blocks):
            past = tuple(t.flatten(0, 1) for t in cache[index]) if cache else None
            x, (k, v) = block(x, None, past)
            kept.append((k.unflatten(0, (-1, voices)), v.unflatten(0, (-1, voices))))
        x = self.norm(x).unflatten(0, (-1, voices))
        # The last layer is linear: a mean of thoughts is a mean of the logarithms of what they say.
        return x[:, 0] if voices == 1 else x[:, 0].lerp(x[:, 1], self.lean), kept

    def said(self, thought: Tensor) -> Tensor:
        return F.linear(thought, self.tokens.weight, self.bias)

    def held(self, latents: Tensor) -> Tensor:
        """Logits [B, 4, V] of the words that each line holds, in any order."""
        lines = self.words(latents.unflatten(1, (LINES, -1)))
        return F.linear(lines, self.tokens.weight, self.words_bias)

    def form(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of how many beats each line has [B, 4, MOST_BEATS + 1], and of the rhyme scheme
        [B, SCHEMES and none]."""
        return self.beats(latents.unflatten(1, (LINES, -1))), self.scheme(latents)


class Poet(nn.Module):
    """Everything that a checkpoint of this medium holds."""

    def __init__(self, config: Config, dropout: float = 0.0) -> None:
        """`dropout` is for training only, like everything of the kind."""
        super().__init__()
        self.config = config
        self.encoder = Encoder(config, dropout)
        self.decoder = Decoder(config, dropout)
        self.mapping = Mapping(config.flow)
