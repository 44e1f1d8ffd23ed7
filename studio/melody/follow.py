"""What goes with what: which phrase could come after another, and which bars beside others.

A phrase is continued by the one, among many that the mapping offers, that a follower finds the
likeliest. The follower learns by contrast (van den Oord et al., Representation Learning with
Contrastive Predictive Coding, 2018): to tell, from a phrase, the one that came after it in its tune
among others of other tunes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from studio.flow import NOISE_DIM
from studio.melody.config import Config
from studio.melody.data import Phrase
from studio.melody.grid import BARS
from studio.melody.model import Decoder, Follower, Logits

OFFERED = 1024
"""Latents that the mapping offers, from which one is chosen."""
LIKELY = 32
"""Of these, those that are also tried with the beginning of what they follow."""
NEAREST = 32
"""Of these, those that kept bars are tried with."""
MARGIN = 0.1
"""Logits by which what a kept bar says leads: rounding must not change it."""
CORRECTIONS = 400
"""Steps that may be taken to make it say so; eighteen are the most that 480 trials needed."""
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

    def refilled(
        self, latent: Tensor, kept: Sequence[int], seed: int, say: Callable[[Tensor], Logits]
    ) -> Tensor:
        """The kept bars note for note, and around them those of the offer whose own such bars are
        nearest: what comes beside such bars in one phrase comes well beside these.

        The decoder reads all bars together, so that a bar's part of the latent is not quite enough
        to keep it: among the nearest, the first that says the same is taken, and where none does,
        the likest is corrected until it does. `say` is how latents [N, D] are decoded.
        """
        found = self.offered(latent, seed)
        if not kept:
            return found[0]
        bars, rows = list(kept), latent.unflatten(0, (BARS, -1))
        spread = found.std(0).clamp_min(1e-3)
        apart = ((found - latent) / spread).unflatten(1, (BARS, -1)).square().sum(2)
        nearest = apart[:, bars].sum(1).topk(min(NEAREST, len(found)), largest=False).indices
        candidates = found[nearest].unflatten(1, (BARS, -1)).clone()
        candidates[:, bars] = rows[bars]
        candidates = candidates.flatten(1)
        with torch.no_grad():
            wanted = Said.of(say(latent[None]), bars)
            amiss = wanted.amiss(say(candidates))
        best = candidates[amiss.argmin()]
        return best if amiss.min() == 0 else corrected(best, spread, wanted, say)

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


@dataclass(frozen=True)
class Said:
    """What a phrase says in some of its bars.

    Attributes:
        bars: which; tokens: [bars, slots of a bar]; triplets: [bars, cells of a bar], 0 or 1;
            meter: [1].
    """

    bars: list[int]
    tokens: Tensor
    triplets: Tensor
    meter: Tensor

    @classmethod
    def of(cls, logits: Logits, bars: list[int]) -> Said:
        """Of logits of one latent."""
        slots, triplets = in_bars(logits, bars)
        return cls(
            bars, slots[0].argmax(2), (triplets[0] > 0).to(triplets.dtype), logits.meter.argmax(1)
        )

    def amiss(self, logits: Logits) -> Tensor:
        """[N]: how many slots, cells and meters of logits do not say it clearly."""
        slots, triplets = in_bars(logits, self.bars)
        told = F.one_hot(self.tokens, slots.shape[-1]).bool()
        lead = slots.masked_fill(~told, 0).sum(3) - slots.masked_fill(told, -torch.inf).amax(3)
        thirds = triplets * (2 * self.triplets - 1)
        others = (logits.meter.argmax(1) != self.meter).long()
        return (lead < MARGIN).sum((1, 2)) + (thirds < MARGIN).sum((1, 2)) + others

    def loss(self, logits: Logits) -> Tensor:
        """How unlikely logits of one latent find it, in nats."""
        slots, triplets = in_bars(logits, self.bars)
        return (
            F.cross_entropy(slots[0].flatten(0, 1), self.tokens.flatten(), reduction="sum")
            + F.binary_cross_entropy_with_logits(triplets[0], self.triplets, reduction="sum")
            + F.cross_entropy(logits.meter, self.meter)
        )


def in_bars(logits: Logits, bars: list[int]) -> tuple[Tensor, Tensor]:
    """Slots [N, bars, slots of a bar, VOCABULARY] and triplets [N, bars, cells of a bar]."""
    # Finite, since nothing times infinity is no number; as impossible as before.
    slots = logits.slots.clamp_min(-1e4).unflatten(1, (BARS, -1))
    return slots[:, bars], logits.triplets.unflatten(1, (BARS, -1))[:, bars]


def corrected(
    latent: Tensor, spread: Tensor, wanted: Said, say: Callable[[Tensor], Logits]
) -> Tensor:
    """The latent [D], moved as little as makes it say what is wanted, or nearly.

    `spread` [D] is the standard deviation of latents.
    """
    change = torch.zeros_like(latent, requires_grad=True)
    adam = torch.optim.Adam([change], 0.05)
    with torch.enable_grad():
        for _ in range(CORRECTIONS):
            logits = say((latent + spread * change)[None])
            if wanted.amiss(logits).item() == 0:
                break
            loss = wanted.loss(logits) + 0.02 * change.square().sum()
            (change.grad,) = torch.autograd.grad(loss, change)
            adam.step()
    return (latent + spread * change).detach()
