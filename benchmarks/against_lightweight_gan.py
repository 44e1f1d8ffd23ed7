"""Our painter beside lightweight-gan from PyPI: same pictures, size, core minutes, machine.

    pip install -r benchmarks/requirements.txt
    python benchmarks/against_lightweight_gan.py train --data DIR --minutes 40
    python benchmarks/against_lightweight_gan.py compare --data DIR \\
        --ours runs/painting/snapshots/0040-minutes.safetensors --theirs runs/lightweight/0040.pt

Minutes are minutes of processor time on a CPU, so that a busy machine is fair to both. The other
side is given what helps it: its own loop and defaults, batches of 16, either precision, and the
better of its averaged and its latest generator. Its trainer asks for CUDA; on a CPU its `.cuda()`
calls are made to do nothing.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import torch
import torchvision_operators

from studio.metrics import compare
from studio.painting.data import collect
from studio.painting.evaluate import FIRST_SEED
from studio.painting.features import ImageFeatures
from studio.painting.model import Config, Painter
from studio.painting.originality import originality_index
from studio.painting.train import settled

SIZE = 128


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


def train(options: argparse.Namespace) -> None:
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
    device = "cuda" if torch.cuda.is_available() else "cpu"
    clock = time.process_time if device == "cpu" else time.monotonic
    started, kept = clock(), 0
    while (minutes := (clock() - started) / 60) < options.minutes:
        with torch.autocast(device, torch.bfloat16, enabled=options.bf16):
            trainer.train()
        if trainer.steps % 5 == 0:
            print(json.dumps({"step": trainer.steps, "minutes": round(minutes, 1)}), flush=True)
        if minutes // 10 > kept:
            kept = int(minutes // 10)
            keep(trainer, options.run / f"{10 * kept:04d}.pt")
    keep(trainer, options.run / f"{round(options.minutes):04d}.pt")


def keep(trainer, path: Path) -> None:
    gan = trainer.GAN
    state = {"latest": gan.G.state_dict(), "averaged": gan.GE.state_dict(), "step": trainer.steps}
    torch.save(state, path)


def compare_both(options: argparse.Namespace) -> None:
    """Print both sides' figures against the same training works, and their ratio."""
    from safetensors.torch import load_file

    network = ImageFeatures()
    index, _, _ = originality_index(network, collect(options.data), SIZE)
    real = index["train"].float()
    painter = Painter(Config())
    painter.load_state_dict(load_file(options.ours))
    painter = settled(painter)
    ours = compare(real, sampled(painter, network, 128, options.samples))
    module = library()
    saved = torch.load(options.theirs, weights_only=True)
    theirs = {}
    # What its trainer does unless asked for antialiasing; the weights fit only then.
    module.Blur = torch.nn.Identity
    for name in ("latest", "averaged"):
        generator = module.Generator(image_size=SIZE, latent_dim=256)
        generator.load_state_dict(saved[name])
        theirs[name] = compare(real, sampled(generator.eval(), network, 256, options.samples, True))
    best = min(theirs.values(), key=lambda figures: figures["fd"])
    ratio = round(ours["fd"] / best["fd"], 3)
    print(json.dumps({"ours": ours, "lightweight_gan": theirs, "fd_ratio": ratio}))


def sampled(generator, network, width: int, samples: int, unit: bool = False) -> torch.Tensor:
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
    sub = commands.add_parser("train")
    sub.add_argument("--data", type=Path, required=True)
    sub.add_argument("--minutes", type=float, default=40)
    sub.add_argument("--run", type=Path, default=Path("runs/lightweight"))
    sub.add_argument("--bf16", action="store_true", help="as ours; its own default is float32")
    sub.set_defaults(run_command=train)
    sub = commands.add_parser("compare")
    sub.add_argument("--data", type=Path, required=True)
    sub.add_argument("--ours", type=Path, required=True)
    sub.add_argument("--theirs", type=Path, required=True)
    sub.add_argument("--samples", type=int, default=5000)
    sub.set_defaults(run_command=compare_both)
    options = p.parse_args()
    options.run_command(options)


if __name__ == "__main__":
    main()
