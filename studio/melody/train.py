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
    Clock,
    Report,
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
            "device": self.device.type,
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
    tokens = batch.tokens.unflatten(1, (BARS, -1)).clone()
    triplets = batch.triplets.unflatten(1, (BARS, -1)).clone()
    order = torch.argsort(batch.meter + 0.5 * torch.rand(len(batch)))
    chosen = torch.rand(len(batch)) < share
    for bar in range(BARS):
        rolled = order.roll(bar * 3 + 1)
        fits = chosen[order] & (batch.meter[rolled] == batch.meter[order])
        tokens[order[fits], bar] = batch.tokens.unflatten(1, (BARS, -1))[rolled[fits], bar]
        triplets[order[fits], bar] = batch.triplets.unflatten(1, (BARS, -1))[rolled[fits], bar]
    return Batch(tokens.flatten(1), triplets.flatten(1), batch.meter)


def reconstruction(logits: Logits, batch: Batch) -> Tensor:
    """Cross-entropy per token in use, with the triplet flags' and the meter's."""
    slots = F.cross_entropy(
        logits.slots.flatten(0, 1).float(), batch.tokens.flatten(), reduction="none"
    )
    used = (batch.tokens != PAD).flatten()
    flags = F.binary_cross_entropy_with_logits(logits.triplets.float(), batch.triplets)
    meter = F.cross_entropy(logits.meter.float(), batch.meter)
    return slots[used].mean() + 0.25 * flags + 0.05 * meter


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
    train = tensors(collection.split("train"))
    validation = tensors(collection.split("validation"))
    parts = [run.composer.encoder, run.composer.decoder]
    parameters = [p for part in parts for p in part.parameters()]
    adam = torch.optim.AdamW(parameters, recipe.learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
    clock, first = Clock(run, minutes, steps), run.step
    totals: dict[str, float] = {}
    best = Best(run.ema)
    while not clock.is_over:
        # Moments start afresh with every session, hence the warm-up.
        rate = min((run.step - first + 1) / recipe.warm_up, clock.cooling)
        set_rate(adam, recipe.learning_rate * rate)
        rows = torch.randint(len(train), (recipe.batch_size,))
        batch = exchange(train[rows], recipe.exchanged).to(run.device)
        with autocast(run.device):
            mean, log_variance = run.composer.encoder(batch.tokens, batch.triplets, batch.meter)
            mean, log_variance = mean.float(), log_variance.float()
            latents = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
            logits = run.composer.decoder(latents, batch.meter)
        error = reconstruction(logits, batch)
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
        used = float((batch.tokens != PAD).sum()) / len(batch)
        loss = error + recipe.beta * divergence / used
        adam.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        adam.step()
        run.step += 1
        run.phrases += len(batch)
        clock.tick()
        # A young average would mostly remember where the weights began.
        keep = min(recipe.ema, run.step / (run.step + 20))
        for part in ("encoder", "decoder"):
            follow_average(getattr(run.ema, part), getattr(run.composer, part), keep)
        for name, value in (("error", error), ("kl", divergence)):
            totals[name] = totals.get(name, 0.0) + float(value.detach())
        if run.step % measure_every == 0:
            line = {name: round(v / measure_every, 4) for name, v in totals.items()}
            totals = {}
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
