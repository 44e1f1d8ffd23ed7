"""Our painter beside other GANs: same pictures, size, core minutes, machine.

    pip install -r benchmarks/requirements.txt
    python -m studio train painting --data DIR --resolution 128 --minutes 20
    python benchmarks/other_gans.py lightweight --data DIR --minutes 40
    python benchmarks/other_gans.py dense --data DIR --minutes 40
    python benchmarks/other_gans.py compare --data DIR \\
        --ours runs/painting/snapshots/0040-minutes.safetensors \\
        --lightweight runs/lightweight/0040.pt --dense runs/dense/0040.pt

Minutes are minutes of processor time on a CPU, so that a busy machine is fair to all.
lightweight-gan is given what helps it: its own loop and defaults, batches of 16, either precision,
and the better of its averaged and its latest generator. Its trainer asks for CUDA; on a CPU its
`.cuda()` calls are made to do nothing. The dense GAN is the one of textbooks: layers from 100
numbers to the pixels, and their mirror image as the discriminator (Goodfellow et al., Generative
Adversarial Networks, 2014).
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch
import torchvision_operators
from torch import Tensor, nn
from torch.nn import functional as F

from studio.metrics import compare
from studio.painting.data import center_crops, collect
from studio.painting.evaluate import FIRST_SEED
from studio.painting.features import ImageFeatures
from studio.painting.model import Config, Painter
from studio.painting.originality import originality_index
from studio.painting.train import settled

SIZE = 128
DENSE_NOISE, DENSE_WIDTHS = 100, (256, 512, 1024)
DENSE_BATCH, DENSE_RATE = 64, 2e-4


def library():
    """lightweight_gan.lightweight_gan, importable and runnable without CUDA."""
    torchvision_operators.ensure()
    with mock.patch.object(torch.cuda, "is_available", lambda: True):
        from lightweight_gan import lightweight_gan as module
    if not torch.cuda.is_available():
        torch.Tensor.cuda = lambda self, *_: self
        torch.nn.Module.cuda = lambda self, *_: self
        proxy = SimpleNamespace(**{name: getattr(torch, name) for name in dir(torch)})
        proxy.device = lambda *_: torch.device("cpu")
        module.torch = proxy
    return module


def train_lightweight(options: argparse.Namespace) -> None:
    """Run its own trainer on our training split, keeping a snapshot every ten minutes."""
    module = library()
    options.run.mkdir(parents=True, exist_ok=True)
    folder = options.run / "pictures"
    folder.mkdir(exist_ok=True)
    for work in collect(options.data).split("train"):
        link = folder / work.path.name
        if not link.exists():
            link.symlink_to(work.path.resolve())
    trainer = module.Trainer(
        base_dir=options.run,
        image_size=SIZE,
        batch_size=16,
        num_workers=0,
        use_aim=False,
        save_every=10**9,
        evaluate_every=10**9,
    )
    trainer.save = trainer.evaluate = lambda *_, **__: None
    trainer.set_data_src(str(folder))

    def step() -> None:
        with torch.autocast(device(), torch.bfloat16, enabled=options.bf16):
            trainer.train()

    def state() -> dict[str, Any]:
        gan = trainer.GAN
        return {"latest": gan.G.state_dict(), "averaged": gan.GE.state_dict()}

    train(step, state, options)


def dense() -> tuple[nn.Sequential, nn.Sequential]:
    """Noise [B, 100] to pixels [B, 3 x SIZE x SIZE] of -1..1, and pixels to logits [B, 1]."""
    widths = (DENSE_NOISE, *DENSE_WIDTHS, 3 * SIZE * SIZE)
    up = list(pairwise(widths))
    down = [(wide, narrow) for narrow, wide in reversed(up[1:])] + [(DENSE_WIDTHS[0], 1)]

    def layers(sizes: list[tuple[int, int]], last: list[nn.Module]) -> nn.Sequential:
        steps = [step for a, b in sizes for step in (nn.Linear(a, b), nn.LeakyReLU(0.2))]
        return nn.Sequential(*steps[:-1], *last)

    return layers(up, [nn.Tanh()]), layers(down, [])


def train_dense(options: argparse.Namespace) -> None:
    """The textbook's loop; its sigmoid is inside the loss."""
    torch.manual_seed(0)
    pictures = center_crops(collect(options.data).split("train"), SIZE).flatten(1)
    generator, judge = (each.to(device()) for each in dense())
    adam = [torch.optim.Adam(each.parameters(), DENSE_RATE) for each in (generator, judge)]

    def step() -> None:
        real = pictures[torch.randint(len(pictures), (DENSE_BATCH,))].to(device())
        with torch.autocast(device(), torch.bfloat16, enabled=options.bf16):
            fake = generator(torch.randn(DENSE_BATCH, DENSE_NOISE, device=device()))
            said = judge(real), judge(fake.detach())
            learn(adam[1], sum(bce(each, float(i == 0)) for i, each in enumerate(said)))
            learn(adam[0], bce(judge(fake), 1.0))

    train(step, lambda: {"latest": generator.state_dict()}, options)


def bce(logits: Tensor, truth: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, truth))


def learn(adam: torch.optim.Adam, loss: Tensor) -> None:
    adam.zero_grad()
    loss.backward()
    adam.step()


def device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def train(
    step: Callable[[], None], state: Callable[[], dict[str, Any]], options: argparse.Namespace
) -> None:
    """Steps for so many minutes; every ten, and at the end, the `state` is kept."""
    options.run.mkdir(parents=True, exist_ok=True)
    clock = time.process_time if device() == "cpu" else time.monotonic
    started, kept, steps = clock(), 0, 0
    while (minutes := (clock() - started) / 60) < options.minutes:
        if minutes // 10 > kept:
            kept = int(minutes // 10)
            torch.save(state() | {"step": steps}, options.run / f"{10 * kept:04d}.pt")
        step()
        steps += 1
        if steps % 20 == 0:
            print(json.dumps({"step": steps, "minutes": round(minutes, 1)}), flush=True)
    torch.save(state() | {"step": steps}, options.run / f"{round(options.minutes):04d}.pt")


def compare_all(options: argparse.Namespace) -> None:
    """Print everybody's figures against the same training works, and our ratio to each."""
    from safetensors.torch import load_file

    network = ImageFeatures()
    index, _, _ = originality_index(network, collect(options.data), SIZE)
    real = index["train"].float()

    def figures(generator: nn.Module, width: int, unit: bool = False) -> dict[str, Any]:
        return compare(real, sampled(generator.eval(), network, width, options.samples, unit))

    painter = Painter(Config())
    painter.load_state_dict(load_file(options.ours))
    found = {"ours": figures(settled(painter), 128)}
    if options.lightweight:
        module = library()
        saved = torch.load(options.lightweight, weights_only=True)
        # What its trainer does unless asked for antialiasing; the weights fit only then.
        module.Blur = torch.nn.Identity
        sides = []
        for name in ("latest", "averaged"):
            generator = module.Generator(image_size=SIZE, latent_dim=256)
            generator.load_state_dict(saved[name])
            sides.append(figures(generator, 256, True) | {"weights": name, "steps": saved["step"]})
        found["lightweight_gan"] = min(sides, key=lambda side: side["fd"])
    if options.dense:
        saved = torch.load(options.dense, weights_only=True)
        generator, _ = dense()
        generator.load_state_dict(saved["latest"])
        pixels = nn.Sequential(generator, nn.Unflatten(1, (3, SIZE, SIZE)))
        found["dense_gan"] = figures(pixels, DENSE_NOISE) | {"steps": saved["step"]}
    ratios = {
        name: round(found["ours"]["fd"] / side["fd"], 3)
        for name, side in found.items()
        if name != "ours"
    }
    print(json.dumps(found | {"fd_ratio": ratios}))


def sampled(
    generator: nn.Module, network: ImageFeatures, width: int, samples: int, unit: bool
) -> Tensor:
    """Pooled features of samples; `unit` for generators that paint in 0..1."""
    noise = torch.Generator().manual_seed(FIRST_SEED)
    rows = []
    with torch.inference_mode():
        for _ in range(-(-samples // 32)):
            pictures = generator(torch.randn(32, width, generator=noise))
            pictures = pictures.clamp(0, 1) * 2 - 1 if unit else pictures.clamp(-1, 1)
            rows.append(network.pooled((pictures * 127.5).round() / 127.5))
    return torch.cat(rows)[:samples]


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__)
    commands = p.add_subparsers(required=True)
    for name, run in (("lightweight", train_lightweight), ("dense", train_dense)):
        sub = commands.add_parser(name)
        sub.add_argument("--data", type=Path, required=True)
        sub.add_argument("--minutes", type=float, default=40)
        sub.add_argument("--run", type=Path, default=Path("runs") / name)
        sub.add_argument("--bf16", action="store_true", help="as ours; else float32")
        sub.set_defaults(run_command=run)
    sub = commands.add_parser("compare")
    sub.add_argument("--data", type=Path, required=True)
    sub.add_argument("--ours", type=Path, required=True)
    sub.add_argument("--lightweight", type=Path)
    sub.add_argument("--dense", type=Path)
    sub.add_argument("--samples", type=int, default=5000)
    sub.set_defaults(run_command=compare_all)
    options = p.parse_args()
    options.run_command(options)


if __name__ == "__main__":
    main()
