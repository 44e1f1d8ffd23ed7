"""Training the autoencoder on phrases; studio.flow_training goes on from their latents.

Imports neither gradio nor the store. Resumable: the run folder holds weights and steps.
"""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from studio.flow import Flow, Mapping
from studio.melody.config import Config
from studio.melody.data import Collection, Phrase
from studio.melody.grid import BARS, CELLS, METER_NAMES, PAD, SLOTS
from studio.melody.model import Composer, Logits
from studio.precision import autocast
from studio.training import (
    Best,
    Captured,
    Clock,
    Report,
    adamw,
    between_looks,
    descend,
    follow_average,
    load_modules,
    read_state,
    save_state,
    set_rate,
)

COUNTS = ("step", "flow_step", "mapping_step", "phrases", "wall_seconds")


@dataclass(frozen=True)
class Recipe:
    """What decides a run besides the shapes of the network and the data."""

    batch_size: int = 128
    learning_rate: float = 1e-3
    # Weight of the Kullback-Leibler term, per token.
    beta: float = 0.01
    warm_up: int = 300
    # Share of phrases whose bars are exchanged with those of others of the same meter: each bar's
    # latent must then tell that bar, not the tune it is known from.
    exchanged: float = 0.3
    ema: float = 0.998
    seed: int = 0


@dataclass(frozen=True)
class Batch:
    """Tokens [B, 64], triplets [B, 16], meter [B]."""

    tokens: Tensor
    triplets: Tensor
    meter: Tensor

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, rows: Tensor | slice) -> Batch:
        return Batch(self.tokens[rows], self.triplets[rows], self.meter[rows])

    def to(self, device: torch.device) -> Batch:
        return Batch(*(t.to(device) for t in (self.tokens, self.triplets, self.meter)))


def tensors(phrases: list[Phrase]) -> Batch:
    grids = [phrase.grid for phrase in phrases]
    return Batch(
        torch.tensor([g.tokens.tolist() for g in grids]).reshape(-1, BARS * CELLS * SLOTS),
        torch.tensor([g.triplets.tolist() for g in grids]).reshape(-1, BARS * CELLS).float(),
        torch.tensor([METER_NAMES.index(g.meter) for g in grids], dtype=torch.long),
    )


class Run:
    """The state of a training run, and its folder."""

    def __init__(self, folder: Path, config: Config, recipe: Recipe, device: str) -> None:
        self.folder = Path(folder)
        self.config = config
        self.recipe = recipe
        self.device = torch.device(device)
        torch.manual_seed(recipe.seed)
        self.composer = Composer(config).to(self.device)
        self.ema = copy.deepcopy(self.composer).eval().requires_grad_(False)
        self.flow = Flow(config.flow).to(self.device)
        self.flow_ema = copy.deepcopy(self.flow).eval().requires_grad_(False)
        self.step = 0
        self.flow_step = 0
        self.mapping_step = 0
        self.phrases = 0
        self.wall_seconds = 0.0
        self.trained_on = self.device.type

    @property
    def parts(self) -> dict[str, nn.Module]:
        return {
            "composer": self.composer,
            "ema": self.ema,
            "flow": self.flow,
            "flow_ema": self.flow_ema,
        }

    def describe(self) -> dict:
        return {
            "config": self.config.to_dict(),
            "recipe": asdict(self.recipe),
            "step": self.step,
            "flow_step": self.flow_step,
            "mapping_step": self.mapping_step,
            "phrases": self.phrases,
            "wall_seconds": self.wall_seconds,
            "device": self.trained_on,
            "torch": torch.__version__,
        }

    def save(self) -> None:
        """See studio.training.save_state."""
        save_state(self.folder, self.describe(), self.parts)

    @classmethod
    def resume(cls, folder: Path, device: str) -> Run:
        """Raises: BadUpload: the folder holds no saved state."""
        saved = read_state(folder)
        run = cls(folder, Config.from_dict(saved["config"]), Recipe(**saved["recipe"]), device)
        for name in COUNTS:
            setattr(run, name, saved[name])
        run.trained_on = saved["device"]
        load_modules(folder, run.parts)
        torch.manual_seed(run.recipe.seed + run.step + run.flow_step + run.mapping_step)
        return run

    @property
    def mapping(self) -> Mapping:
        return self.composer.mapping

    @property
    def mapping_ema(self) -> Mapping:
        return self.ema.mapping


def exchange(batch: Batch, share: float) -> Batch:
    """Some phrases with each bar taken from another phrase of the same meter."""
    device = batch.meter.device
    old_tokens = batch.tokens.unflatten(1, (BARS, -1))
    old_triplets = batch.triplets.unflatten(1, (BARS, -1))
    tokens, triplets = old_tokens.clone(), old_triplets.clone()
    order = torch.argsort(batch.meter + 0.5 * torch.rand(len(batch), device=device))
    chosen = torch.rand(len(batch), device=device) < share
    for bar in range(BARS):
        rolled = order.roll(bar * 3 + 1)
        fits = chosen[order] & (batch.meter[rolled] == batch.meter[order])
        source = torch.where(fits, rolled, order)
        tokens[order, bar] = old_tokens[source, bar]
        triplets[order, bar] = old_triplets[source, bar]
    return Batch(tokens.flatten(1), triplets.flatten(1), batch.meter)


def reconstruction(logits: Logits, batch: Batch) -> Tensor:
    """Cross-entropy per token in use, with the triplet flags' and the meter's."""
    # What no slot of the meter holds is left out of the sum and of what it is divided by.
    slots = F.cross_entropy(
        logits.slots.flatten(0, 1).float(), batch.tokens.flatten(), ignore_index=PAD
    )
    flags = F.binary_cross_entropy_with_logits(logits.triplets.float(), batch.triplets)
    meter = F.cross_entropy(logits.meter.float(), batch.meter)
    return slots + 0.25 * flags + 0.05 * meter


def train_autoencoder(
    run: Run,
    collection: Collection,
    minutes: float,
    report: Report,
    *,
    steps: int | None = None,
    measure_every: int = 300,
) -> None:
    """Train encoder and decoder for `minutes` of wall time, or so many steps, then save.

    Ends with the average that validation phrases came back from best.
    """
    recipe = run.recipe
    train = tensors(collection.split("train")).to(run.device)
    validation = tensors(collection.split("validation"))
    parts = [run.composer.encoder, run.composer.decoder]
    parameters = [p for part in parts for p in part.parameters()]
    adam = adamw(parameters, recipe.learning_rate, run.device, weight_decay=0.01)

    def learn() -> Tensor:
        rows = torch.randint(len(train), (recipe.batch_size,), device=run.device)
        batch = exchange(train[rows], recipe.exchanged)
        with autocast(run.device):
            mean, log_variance = run.composer.encoder(batch.tokens, batch.triplets, batch.meter)
            mean, log_variance = mean.float(), log_variance.float()
            latents = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
            logits = run.composer.decoder(latents, batch.meter)
        error = reconstruction(logits, batch)
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
        used = (batch.tokens != PAD).sum() / len(batch)
        loss = error + recipe.beta * divergence / used
        descend(adam, loss)
        return torch.stack([error.detach(), divergence.detach()])

    step = Captured(run.device, learn)
    clock, first = Clock(run, minutes, steps), run.step
    totals = torch.zeros(2, device=run.device)
    every = between_looks(run.device, measure_every)
    best = Best(run.ema)
    run.trained_on = run.device.type
    while not clock.is_over:
        # Moments start afresh with every session, hence the warm-up.
        rate = min((run.step - first + 1) / recipe.warm_up, clock.cooling)
        set_rate(adam, recipe.learning_rate * rate)
        totals += step()
        run.step += 1
        run.phrases += recipe.batch_size
        clock.tick()
        # A young average would mostly remember where the weights began.
        keep = min(recipe.ema, run.step / (run.step + 20))
        for part in ("encoder", "decoder"):
            follow_average(getattr(run.ema, part), getattr(run.composer, part), keep)
        if run.step % every == 0:
            error, divergence = (round(v / every, 4) for v in totals.tolist())
            line = {"error": error, "kl": divergence}
            totals.zero_()
            figures = accuracy(run.ema, validation[:512])
            report({"step": run.step, **clock.line, **line, **figures})
            best.offer(-figures["tokens"])
            run.save()
    best.offer(-accuracy(run.ema, validation[:512])["tokens"])
    best.restore()
    run.save()


@torch.no_grad()
def accuracy(composer: Composer, phrases: Batch, chunk: int = 256) -> dict[str, float]:
    """How much of phrases comes back from their latents alone, greedily.

    `tokens`: share of tokens in use; `onsets`: of slots where a note begins, those with the right
    pitch; `whole`: phrases without any error. The meter is taken from the latent too.
    """
    device = next(composer.parameters()).device
    right = used = hits = onsets = whole = 0
    for first in range(0, len(phrases), chunk):
        batch = phrases[slice(first, first + chunk)].to(device)
        mean, _ = composer.encoder(batch.tokens, batch.triplets, batch.meter)
        logits = composer.decoder(mean)
        found = logits.slots.argmax(2)
        in_use = batch.tokens != PAD
        same = (found == batch.tokens) & (logits.meter.argmax(1) == batch.meter)[:, None]
        right += int((same & in_use).sum())
        used += int(in_use.sum())
        begins = batch.tokens > 2
        hits += int((same & begins).sum())
        onsets += int(begins.sum())
        flags = ((logits.triplets > 0) == (batch.triplets > 0.5)).all(1)
        whole += int(((same | ~in_use).all(1) & flags).sum())
    return {
        "tokens": round(right / max(used, 1), 4),
        "onsets": round(hits / max(onsets, 1), 4),
        "whole": round(whole / max(len(phrases), 1), 4),
    }


def encoded(composer: Composer, phrases: Batch, chunk: int = 256) -> Tensor:
    """Mean latents [N, D] of phrases, on the CPU."""
    device = next(composer.parameters()).device
    rows = []
    with torch.inference_mode():
        for first in range(0, len(phrases), chunk):
            batch = phrases[slice(first, first + chunk)].to(device)
            rows.append(
                composer.encoder(batch.tokens, batch.triplets, batch.meter)[0].float().cpu()
            )
    return torch.cat(rows).clone()
