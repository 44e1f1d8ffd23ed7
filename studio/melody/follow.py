"""What goes with what: which phrase could come after another, and which bars beside others.

A phrase is continued by the one, among many that the mapping offers, that a follower finds the
likeliest. The follower learns by contrast (van den Oord et al., Representation Learning with
Contrastive Predictive Coding, 2018): to tell, from a phrase, the one that came after it in its tune
among others of other tunes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from studio.melody.config import NOISE_DIM, Config
from studio.melody.data import Phrase
from studio.melody.grid import BARS
from studio.melody.model import Decoder, Follower

OFFERED = 1024
"""Latents that the mapping offers, from which one is chosen."""
LIKELY = 32
"""Of these, those that are also tried with the beginning of what they follow."""
RIVALS = 256
"""Phrases of other tunes that the true next one is told from."""


def pairs(phrases: Sequence[Phrase]) -> Tensor:
    """Indices [P, 2] of phrases that follow each other in one tune, in one meter."""
    by_tune: dict[int, list[int]] = defaultdict(list)
    for index, phrase in enumerate(phrases):
        by_tune[phrase.tune].append(index)
    found = [
        (before, after)
        for rows in by_tune.values()
        for before, after in pairwise(rows)
        if phrases[before].grid.meter == phrases[after].grid.meter
    ]
    return torch.tensor(found, dtype=torch.long).reshape(-1, 2)


def train_follower(
    latents: Tensor, followed: Tensor, config: Config, steps: int = 1500, seed: int = 0
) -> Follower:
    """Learn from latents [N, D] of phrases and the pairs [P, 2] among them."""
    rng = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        follower = Follower(config)
    adam = torch.optim.AdamW(follower.parameters(), 1e-3, weight_decay=0.05)
    for step in range(steps):
        for group in adam.param_groups:
            group["lr"] = 1e-3 * (1 - step / steps)
        rows = followed[torch.randint(len(followed), (RIVALS,), generator=rng)]
        # Reconstruction is not exact; neither are the latents that will be judged.
        noise = 0.3 * torch.randn(2, len(rows), latents.shape[1], generator=rng)
        scores = follower(latents[rows[:, 0]] + noise[0], latents[rows[:, 1]] + noise[1])
        right = torch.arange(len(rows))
        loss = F.cross_entropy(scores, right) + F.cross_entropy(scores.T, right)
        adam.zero_grad(set_to_none=True)
        loss.backward()
        adam.step()
    return follower.eval().requires_grad_(False)


@torch.no_grad()
def told_apart(follower: Follower, latents: Tensor, followed: Tensor) -> dict[str, float]:
    """On unseen pairs: how often the true next phrase is the likeliest among those of all pairs,
    and its mean rank as a share (chance: 0.5), beside choosing the most similar latent."""
    before, after = latents[followed[:, 0]], latents[followed[:, 1]]
    scores = follower(before, after)
    similar = -torch.cdist(before, after)
    figures: dict[str, float] = {"pairs": len(followed), "chance": round(1 / len(followed), 4)}
    for name, table in (("follower", scores), ("most_similar", similar)):
        true = table.diagonal()[:, None]
        figures[f"{name}_first"] = round(float((table >= true).sum(1).eq(1).float().mean()), 4)
        figures[f"{name}_rank"] = round(float((table > true).float().mean()), 4)
    return figures


@dataclass(frozen=True)
class Chooser:
    """Among what a mapping offers, what goes with a phrase. Latents [D], on the modules' device.

    Everything chosen is in the meter of what it goes with.
    """

    mapping: nn.Module
    decoder: Decoder
    follower: Follower

    @torch.no_grad()
    def offered(self, latent: Tensor, seed: int) -> Tensor:
        """Latents [up to OFFERED, D] in the meter of this one; the seed decides which."""
        noise = torch.randn(OFFERED, NOISE_DIM, generator=torch.Generator().manual_seed(seed))
        found = self.mapping(noise.to(latent.device))
        meter = self.decoder.meter(latent[None]).argmax(1)
        fitting = found[self.decoder.meter(found).argmax(1) == meter]
        return fitting if len(fitting) else found

    @torch.no_grad()
    def refilled(self, latent: Tensor, kept: Sequence[int], seed: int) -> Tensor:
        """The kept bars, and around them those of the offer whose own such bars are nearest: what
        comes beside such bars in one phrase comes well beside these."""
        found = self.offered(latent, seed)
        if not kept:
            return found[0]
        spread = found.std(0).clamp_min(1e-3)
        apart = ((found - latent) / spread).unflatten(1, (BARS, -1)).square().sum(2)
        chosen = found[apart[:, list(kept)].sum(1).argmin()].unflatten(0, (BARS, -1)).clone()
        chosen[list(kept)] = latent.unflatten(0, (BARS, -1))[list(kept)]
        return chosen.flatten()

    @torch.no_grad()
    def continued(self, latent: Tensor, seed: int) -> Tensor:
        """The phrase that most likely comes after this one; it may begin as this one does, as the
        answer to a question often does in tunes."""
        found = self.offered(latent, seed)
        scores = self.follower(latent[None], found)[0]
        likely = found[scores.topk(min(LIKELY, len(found))).indices]
        bars = likely.unflatten(1, (BARS, -1)).clone()
        bars[:, : BARS // 2] = latent.unflatten(0, (BARS, -1))[: BARS // 2]
        candidates = torch.cat([likely, bars.flatten(1)])
        return candidates[self.follower(latent[None], candidates)[0].argmax()]
