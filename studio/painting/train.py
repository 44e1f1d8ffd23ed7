"""Training the painter: one loop, resumable at any moment, on a CPU or one GPU.

Imports neither gradio nor the store: a training machine needs torch, numpy, pillow, safetensors
and the frozen feature network only.

Each step paints once and lets both sides learn from the same pictures: the heads from detached
features, the painter through them. Beside a usual two-pass loop that saves a painter pass and a
feature pass of every step.
"""

from __future__ import annotations

import copy
import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch._functorch.config
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from studio.drift import Memory, drift_loss
from studio.metrics import compare
from studio.painting.augment import augment
from studio.painting.data import Crops, center_crops, collect, to_bytes
from studio.painting.drift import spaces
from studio.painting.features import COMPARED_AT, ImageFeatures, reduced
from studio.painting.model import NOISE_DIM, Config, Discriminator, Painter
from studio.precision import autocast
from studio.training import (
    Best,
    Clock,
    load_modules,
    read_group,
    read_state,
    save_state,
    set_rate,
)


@dataclass(frozen=True)
class Recipe:
    """What decides a run besides the shapes of the network and the data."""

    batch_size: int = 16
    learning_rate: float = 2e-4
    ema_pictures: int = 10_000
    augmentation: float = 1.0
    # The drift's gradient on the pictures is held at this share of the adversary's.
    drift_share: float = 1.0
    seed: int = 0


MOMENTS = ("painter_adam", "heads_adam")


class Run:
    """The state of a training run, and its folder."""

    def __init__(self, folder: Path, config: Config, recipe: Recipe, device: str) -> None:
        self.folder = Path(folder)
        self.config = config
        self.recipe = recipe
        self.device = torch.device(device)
        torch.manual_seed(recipe.seed)
        layout = torch.channels_last
        self.painter = Painter(config).to(self.device, memory_format=layout)
        self.discriminator = Discriminator(config).to(self.device, memory_format=layout)
        self.ema = copy.deepcopy(self.painter).eval().requires_grad_(False)
        self.painter_adam = self.adam(self.painter)
        self.heads_adam = self.adam(self.discriminator.heads)
        self.step = 0
        self.pictures = 0
        self.cpu_seconds = 0.0
        self.wall_seconds = 0.0
        self.drift_weight = 0.0
        self.trained_on = self.device.type
        # The checkpoint it went on from, and the fingerprint of the works that one learned from:
        # with others, this is transfer learning.
        self.begun_from: tuple[str, str] = ("", "")

    def adam(self, module: nn.Module) -> torch.optim.Adam:
        # No momentum: the two sides chase each other, and momentum makes them overshoot.
        return torch.optim.Adam(
            module.parameters(), lr=self.recipe.learning_rate, betas=(0.0, 0.99)
        )

    @classmethod
    def resume(cls, folder: Path, device: str) -> Run:
        """Continue a run folder. Optimizer moments are used if they are there.

        Raises:
            BadUpload: the folder holds no saved state.
        """
        saved = read_state(folder)
        run = cls(folder, Config.from_dict(saved["config"]), Recipe(**saved["recipe"]), device)
        for name in ("step", "pictures", "cpu_seconds", "wall_seconds", "drift_weight"):
            setattr(run, name, saved[name])
        run.trained_on, run.begun_from = saved["device"], tuple(saved.get("begun_from", ("", "")))
        load_modules(folder, run.modules)
        for name in MOMENTS:
            saved_moments = read_group(folder, name)
            if saved_moments is not None:
                restore_moments(getattr(run, name), saved_moments)
        torch.manual_seed(run.recipe.seed + run.step)
        return run

    @property
    def modules(self) -> dict[str, nn.Module]:
        return {"painter": self.painter, "ema": self.ema, "discriminator": self.discriminator}

    def save(self) -> None:
        """See studio.training.save_state."""
        rows = {name: moments(getattr(self, name)) for name in MOMENTS}
        save_state(self.folder, self.describe(), {**self.modules, **rows})

    def describe(self) -> dict:
        return {
            "config": self.config.to_dict(),
            "recipe": asdict(self.recipe),
            "step": self.step,
            "pictures": self.pictures,
            "cpu_seconds": self.cpu_seconds,
            "wall_seconds": self.wall_seconds,
            "drift_weight": self.drift_weight,
            "device": self.trained_on,
            "begun_from": self.begun_from,
            "torch": torch.__version__,
        }


def train(
    run: Run,
    data: Path,
    minutes: float,
    report: Callable[[dict], None] = lambda line: None,
    measure_every: float = 15.0,
    snapshot_every: float = 10.0,
    measured_on: int = 2048,
    steps: int | None = None,
) -> None:
    """Train for `minutes` of wall time, or until step `steps`, then save.

    Over the second half the steps shrink, so that the two sides come to rest (see Clock.cooling).
    Measures itself on `measured_on` paintings every `measure_every` minutes, and ends with the
    average that measured best: on a small collection a painter that trains on may lose variety.
    Snapshots of the averaged painter are kept every `snapshot_every` CPU-core minutes (of GPU
    time: wall minutes), so that runs on a shared machine can be compared at equal work.

    Raises:
        BadUpload: the folder holds no usable pictures.
    """
    run.trained_on = run.device.type
    collection = collect(data)
    works = collection.split("train")
    (run.folder / "data.json").write_text(json.dumps(collection.summary(), indent=1))
    size = run.config.resolution
    crops = Crops(works, size, run.device)
    features = ImageFeatures().to(run.device, memory_format=torch.channels_last)
    compared = center_crops(works, min(size, COMPARED_AT))
    real_pooled = features.pooled(compared.to(run.device))
    paint = compiled(run.painter)
    look = compiled(features) if run.device.type == "cuda" else features
    # What is learned with an eye on strokes alone is measured worse from where all of it is seen.
    looks_twice = size > COMPARED_AT
    memories = [(Memory(2048), Memory(2048)) for _ in range(6 if looks_twice else 3)]
    count = run.recipe.batch_size
    preview_noise = torch.randn(64, NOISE_DIM, generator=torch.Generator().manual_seed(0))
    clock = Clock(run, minutes, None if steps is None else steps - run.step)
    cpu_before, cpu_started = run.cpu_seconds, time.process_time()
    last_save = last_measure = clock.begun
    totals: dict[str, Tensor] = {}
    logged = run.step
    best = Best(run.ema)

    def looked(pictures: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """The levels of features of pictures, and where these are in all spaces of the drift."""
        seen = augment(pictures, run.recipe.augmentation)
        levels, pooled = look(seen)
        found = spaces(levels, pooled)
        if looks_twice:
            found += spaces(*look(reduced(seen)))
        return levels, found

    def measured() -> None:
        figures = measure(run, features, real_pooled, measured_on)
        report({**progress(run), **figures})
        best.offer(figures["fd"])

    while not clock.is_over:
        with autocast(run.device):
            painted = paint(torch.randn(count, NOISE_DIM, device=run.device)).float()
            levels, ours = looked(painted)
            projected = run.discriminator.projection(levels)
            with torch.no_grad():
                real = crops.draw(count).contiguous(memory_format=torch.channels_last)
                levels, theirs = looked(real)
                real_projected = run.discriminator.projection(levels)

        run.discriminator.heads.requires_grad_(True)
        with autocast(run.device):
            on_real = run.discriminator(real_projected)
            on_painted = run.discriminator([p.detach() for p in projected])
        loss = (1 - on_real).relu().mean() + (1 + on_painted).relu().mean()
        run.heads_adam.zero_grad(set_to_none=True)
        loss.backward()
        run.heads_adam.step()

        run.discriminator.heads.requires_grad_(False)
        with autocast(run.device):
            adversarial = -run.discriminator(projected).mean()
        drift = torch.zeros((), device=run.device)
        for (reals, recents), mine, their in zip(memories, ours, theirs, strict=True):
            reals.add(their)
            if recents.filled >= 256:
                drift = drift + drift_loss(mine, reals.get(), recents.get())
            recents.add(mine)
        if run.recipe.drift_share and drift.requires_grad:
            if run.step % 64 == 0 or not run.drift_weight:
                balance(run, painted, adversarial, drift)
            objective = adversarial + run.drift_weight * drift
        else:
            objective = adversarial
        run.painter_adam.zero_grad(set_to_none=True)
        objective.backward()
        run.painter_adam.step()
        run.step += 1
        run.pictures += count
        average(run)
        for adam in (run.painter_adam, run.heads_adam):
            set_rate(adam, run.recipe.learning_rate * clock.cooling)

        now = time.monotonic()
        work_before = worked(run)
        clock.tick()
        run.cpu_seconds = cpu_before + time.process_time() - cpu_started
        for name, value in (
            ("d_loss", loss),
            ("real", on_real.mean()),
            ("painted", on_painted.mean()),
            ("drift", drift),
        ):
            totals[name] = totals.get(name, torch.zeros(())) + value.detach()
        if run.step % 100 == 0:
            line = {name: round(float(v) / (run.step - logged), 4) for name, v in totals.items()}
            totals, logged = {}, run.step
            report({**progress(run), **line, "drift_weight": round(run.drift_weight, 3)})
        if worked(run) // (snapshot_every * 60) > work_before // (snapshot_every * 60):
            keep_snapshot(run, preview_noise)
        if now - last_measure > measure_every * 60:
            last_measure = now
            measured()
        if now - last_save > 300:
            last_save = now
            run.save()
    measured()
    best.restore()
    run.save()
    save_preview(run, preview_noise)


def compiled(network: nn.Module) -> Callable[[Tensor], Any]:
    """A network, compiled where a compiler is at hand: the painter is 1.7 times as fast on 2
    cores."""
    if os.environ.get("STUDIO_COMPILE", "1") == "0" or not shutil.which("c++"):
        return network
    # The drift is balanced by gradients that leave the graph in place for those that follow.
    torch._functorch.config.donated_buffer = False
    # Two sizes are looked at, and a network compiled for any size is a slower one.
    return torch.compile(network, dynamic=False)


def balance(run: Run, painted: Tensor, adversarial: Tensor, drift: Tensor) -> None:
    """Set the drift's weight from the two gradients on the same pictures."""
    grads = [
        torch.autograd.grad(part, painted, retain_graph=True)[0].norm()
        for part in (adversarial, drift)
    ]
    wanted = float(run.recipe.drift_share * grads[0] / grads[1].clamp_min(1e-12))
    run.drift_weight = wanted if not run.drift_weight else 0.9 * run.drift_weight + 0.1 * wanted


def average(run: Run) -> None:
    """Move the averaged painter; the memory grows with the run so that early steps are forgotten.

    The EMA copy is what ships: raw GAN weights still circle the optimum at the end of training.
    """
    half_life = min(run.recipe.ema_pictures, 0.05 * run.pictures + 1)
    rate = 1 - 0.5 ** (run.recipe.batch_size / half_life)
    with torch.no_grad():
        torch._foreach_lerp_(list(run.ema.parameters()), list(run.painter.parameters()), rate)
        for ours, theirs in zip(run.ema.buffers(), run.painter.buffers(), strict=True):
            if ours.is_floating_point():
                ours.lerp_(theirs, rate)


def worked(run: Run) -> float:
    return run.cpu_seconds if run.device.type == "cpu" else run.wall_seconds


def progress(run: Run) -> dict:
    return {
        "step": run.step,
        "pictures": run.pictures,
        "minutes": round(run.wall_seconds / 60, 2),
        "cpu_minutes": round(run.cpu_seconds / 60, 2),
    }


def measure(run: Run, features: ImageFeatures, real: Tensor, count: int) -> dict:
    """Metrics of the averaged painter against the training works; see studio.metrics."""
    noise = torch.randn(count, NOISE_DIM, generator=torch.Generator().manual_seed(1))
    painter = settled(run.ema)
    with torch.inference_mode():
        rows = [features.pooled(painter(chunk.to(run.device)).float()) for chunk in noise.split(64)]
    return compare(real.cpu(), torch.cat(rows).cpu())


def settled(ema: Painter, batches: int = 16) -> Painter:
    """The averaged painter with batch statistics of its own.

    Averaged running statistics lag behind averaged weights; measured anew they belong together.
    """
    painter = copy.deepcopy(ema)
    device = next(painter.parameters()).device
    norms = [m for m in painter.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over the batches
    painter.train()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for _ in range(batches):
            painter(torch.randn(64, 128, generator=generator).to(device))
    return painter.eval()


def keep_snapshot(run: Run, noise: Tensor) -> None:
    name = f"{round(worked(run) / 60):04d}-minutes"
    folder = run.folder / "snapshots"
    folder.mkdir(exist_ok=True)
    save_weights(run.ema, folder / f"{name}.safetensors")
    save_preview(run, noise)


def save_preview(run: Run, noise: Tensor) -> None:
    with torch.inference_mode():
        pictures = run.ema(noise.to(run.device)).float().cpu()
    contact_sheet(pictures).save(run.folder / f"preview-{run.pictures:08d}.png")


def contact_sheet(pictures: Tensor, columns: int = 8) -> Image.Image:
    """Pictures [B, 3, H, W] in -1..1 as one picture, row by row."""
    tiles = to_bytes(pictures)
    height, width = tiles.shape[1:3]
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * (width + 2), rows * (height + 2)), "white")
    for index, tile in enumerate(tiles):
        place = ((index % columns) * (width + 2), (index // columns) * (height + 2))
        sheet.paste(Image.fromarray(tile), place)
    return sheet


def save_weights(module: nn.Module, path: Path) -> None:
    save_file({k: v.contiguous() for k, v in module.state_dict().items()}, path)


def moments(adam: torch.optim.Adam) -> dict[str, Tensor]:
    """Adam's state as flat named tensors, for safetensors."""
    state = adam.state_dict()["state"]
    return {f"{i}.{name}": t.contiguous() for i, s in state.items() for name, t in s.items()}


def restore_moments(adam: torch.optim.Adam, tensors: dict[str, Tensor]) -> None:
    groups: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        index, name = key.split(".")
        groups.setdefault(int(index), {})[name] = tensor
    adam.load_state_dict({"state": groups, "param_groups": adam.state_dict()["param_groups"]})
