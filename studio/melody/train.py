"""Training: first the autoencoder on phrases, then the mapping on the latents of real phrases.

Imports neither gradio nor the store. Resumable: the run folder holds weights, moments and steps.
"""

from __future__ import annotations

import copy
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from studio.drift import Memory, drift_loss
from studio.errors import BadUpload
from studio.melody.data import Collection, Phrase
from studio.melody.grid import BARS, CELLS, METER_NAMES, PAD, SLOTS
from studio.melody.model import NOISE_DIM, Composer, Config, Logits
from studio.precision import autocast

Report = Callable[[dict], None]


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
        self.critic = Critic(config.latent_dim).to(self.device)
        self.step = 0
        self.mapping_step = 0
        self.phrases = 0
        self.wall_seconds = 0.0

    @property
    def parts(self) -> dict[str, nn.Module]:
        return {"composer": self.composer, "ema": self.ema, "critic": self.critic}

    def describe(self) -> dict:
        return {
            "config": self.config.to_dict(),
            "recipe": asdict(self.recipe),
            "step": self.step,
            "mapping_step": self.mapping_step,
            "phrases": self.phrases,
            "wall_seconds": self.wall_seconds,
            "device": self.device.type,
            "torch": torch.__version__,
        }

    def save(self) -> None:
        """Write the state beside the old one, then swap: a kill at any moment leaves one whole."""
        fresh, state = self.folder / "state.new", self.folder / "state"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        for name, module in self.parts.items():
            weights = {k: v.contiguous() for k, v in module.state_dict().items()}
            save_file(weights, fresh / f"{name}.safetensors")
        (fresh / "state.json").write_text(json.dumps(self.describe(), indent=1))
        old = self.folder / "state.old"
        shutil.rmtree(old, ignore_errors=True)
        if state.exists():
            state.rename(old)
        fresh.rename(state)
        shutil.rmtree(old, ignore_errors=True)

    @classmethod
    def resume(cls, folder: Path, device: str) -> Run:
        """Raises: BadUpload: the folder holds no saved state."""
        state = Path(folder) / "state"
        if not (state / "state.json").is_file():
            raise BadUpload("no_training_state", folder=folder)
        saved = json.loads((state / "state.json").read_text())
        run = cls(folder, Config.from_dict(saved["config"]), Recipe(**saved["recipe"]), device)
        for name in ("step", "mapping_step", "phrases", "wall_seconds"):
            setattr(run, name, saved[name])
        for name, module in run.parts.items():
            module.load_state_dict(load_file(state / f"{name}.safetensors"))
        torch.manual_seed(run.recipe.seed + run.step + run.mapping_step)
        return run


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
    run: Run, collection: Collection, minutes: float, report: Report, measure_every: int = 300
) -> None:
    """Train encoder and decoder for `minutes` of wall time, then save."""
    recipe = run.recipe
    train = tensors(collection.split("train"))
    validation = tensors(collection.split("validation"))
    parts = [run.composer.encoder, run.composer.decoder]
    parameters = [p for part in parts for p in part.parameters()]
    adam = torch.optim.AdamW(parameters, recipe.learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
    begun = time.monotonic()
    first, before = run.step, run.wall_seconds
    totals: dict[str, float] = {}
    while (past := (time.monotonic() - begun) / 60) < minutes:
        # Moments start afresh with every session, hence the warm-up; towards the end the steps
        # shrink, so that what is saved is at rest.
        rate = min(1.0, (run.step - first + 1) / recipe.warm_up, 0.02 + 2.5 * (1 - past / minutes))
        for group in adam.param_groups:
            group["lr"] = recipe.learning_rate * rate
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
        run.wall_seconds = before + time.monotonic() - begun
        # A young average would mostly remember where the weights began.
        keep = min(recipe.ema, run.step / (run.step + 20))
        with torch.no_grad():
            for part in ("encoder", "decoder"):
                ours = list(getattr(run.ema, part).parameters())
                theirs = list(getattr(run.composer, part).parameters())
                torch._foreach_lerp_(ours, theirs, 1 - keep)
        for name, value in (("error", error), ("kl", divergence)):
            totals[name] = totals.get(name, 0.0) + float(value.detach())
        if run.step % measure_every == 0:
            line = {name: round(v / measure_every, 4) for name, v in totals.items()}
            totals = {}
            figures = accuracy(run.ema, validation[:512])
            report({"step": run.step, "minutes": round(past, 2), **line, **figures})
            run.save()
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


class Critic(nn.Module):
    """Tells latents of real phrases from mapped noise; whole and bar by bar pair."""

    def __init__(self, latent_dim: int, width: int = 512) -> None:
        super().__init__()
        norm = nn.utils.parametrizations.spectral_norm
        self.body = nn.Sequential(
            norm(nn.Linear(latent_dim, width)),
            nn.LeakyReLU(0.2),
            norm(nn.Linear(width, width)),
            nn.LeakyReLU(0.2),
            norm(nn.Linear(width, width)),
            nn.LeakyReLU(0.2),
            nn.Linear(width, 1),
        )

    def forward(self, latents: Tensor) -> Tensor:
        return self.body(latents).squeeze(1)


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


def train_mapping(
    run: Run,
    collection: Collection,
    minutes: float,
    report: Report,
    batch_size: int = 256,
    learning_rate: float = 4e-4,
    measure_every: int = 500,
) -> None:
    """Teach the mapping to make latents as real phrases have them, for `minutes` of wall time.

    Adversary and drift as for paintings (studio.painting.drift): the critic asks that every latent
    could be a real one, the drift that every kind of phrase is reached.
    """
    real = encoded(run.ema, tensors(collection.split("train"))).to(run.device)
    mean, deviation = real.mean(0), (real.var(0) + 1e-2).sqrt()
    real = (real - mean) / deviation
    mapping = run.composer.mapping
    if not run.mapping_step:
        # From here on the mapping speaks in the corpus's own scale.
        with torch.no_grad():
            mapping.out.weight.mul_(deviation[:, None])
            mapping.out.bias.copy_(mean)
        run.ema.mapping.load_state_dict(mapping.state_dict())
    adam = torch.optim.Adam(mapping.parameters(), learning_rate, betas=(0.0, 0.99))
    critic_adam = torch.optim.Adam(run.critic.parameters(), learning_rate, betas=(0.0, 0.99))
    begun = time.monotonic()
    before = run.wall_seconds
    totals: dict[str, float] = {}
    recent = Memory(4 * batch_size)
    weight = 0.0
    while (past := (time.monotonic() - begun) / 60) < minutes:
        rate = min(1.0, 0.05 + 2 * (1 - past / minutes))
        for group in (*adam.param_groups, *critic_adam.param_groups):
            group["lr"] = learning_rate * rate
        made = (mapping(torch.randn(batch_size, NOISE_DIM).to(run.device)) - mean) / deviation
        theirs = real[torch.randint(len(real), (batch_size,))]
        run.critic.requires_grad_(True)
        on_real = run.critic(theirs)
        on_made = run.critic(made.detach())
        critic_loss = (1 - on_real).relu().mean() + (1 + on_made).relu().mean()
        critic_adam.zero_grad(set_to_none=True)
        critic_loss.backward()
        critic_adam.step()
        run.critic.requires_grad_(False)
        adversarial = -run.critic(made).mean()
        near = real[torch.randint(len(real), (4 * batch_size,))]
        drift = torch.zeros((), device=run.device)
        if recent.filled:
            drift = drift_loss(made, near, recent.get())
            if run.mapping_step % 64 == 0 or not weight:
                pulls = [
                    torch.autograd.grad(part, made, retain_graph=True)[0].norm()
                    for part in (adversarial, drift)
                ]
                weight = float(pulls[0] / pulls[1].clamp_min(1e-12))
        recent.add(made)
        adam.zero_grad(set_to_none=True)
        (adversarial + weight * drift).backward()
        adam.step()
        run.mapping_step += 1
        run.wall_seconds = before + time.monotonic() - begun
        keep = min(run.recipe.ema, run.mapping_step / (run.mapping_step + 20))
        with torch.no_grad():
            torch._foreach_lerp_(
                list(run.ema.mapping.parameters()), list(mapping.parameters()), 1 - keep
            )
        for name, value in (
            ("critic", critic_loss),
            ("real", on_real.mean()),
            ("made", on_made.mean()),
            ("drift", drift),
        ):
            totals[name] = totals.get(name, 0.0) + float(value.detach())
        if run.mapping_step % measure_every == 0:
            line = {name: round(v / measure_every, 4) for name, v in totals.items()}
            totals = {}
            report({"mapping_step": run.mapping_step, "minutes": round(past, 2), **line})
            run.save()
    run.save()
