"""`python -m studio train painting`: from a folder of pictures to a checkpoint folder."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from studio.checkpoint import NAME, open_checkpoint
from studio.errors import BadSetting, BadUpload
from studio.painting.data import collect
from studio.painting.invert import EncoderRecipe
from studio.painting.model import Config
from studio.painting.publish import publish, resume_from
from studio.painting.train import Recipe, Run, train
from studio.precision import processors

LEAST_WORKS = 16
LARGE = (384, 384, 256, 128, 64, 32, 16)
"""Channels at 256 px: twice the weights of the small painter, at 1.5 times its time on a CPU."""


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="python -m studio train painting", description=__doc__)
    p.add_argument("--data", type=Path, required=True, help="a folder of pictures")
    p.add_argument("--run", type=Path, default=Path("runs/painting"), help="where the run is kept")
    p.add_argument("--resume", type=Path, help="a run folder or a checkpoint folder to go on from")
    p.add_argument("--minutes", type=float, default=60.0, help="wall time for the painter")
    p.add_argument("--measure-every", type=float, default=15.0, help="minutes")
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--resolution", type=int, choices=(32, 64, 128, 256), default=128)
    p.add_argument("--batch-size", type=int, help="pictures a step; else what the run had, or 16")
    p.add_argument("--seed", type=int, default=Recipe.seed)
    p.add_argument("--encoder-pictures", type=int, default=EncoderRecipe.pictures)
    p.add_argument(
        "--enlarger-minutes", type=float, default=0.0, help="wall time to learn enlarging in"
    )
    p.add_argument("--samples", type=int, default=5000, help="paintings for the evaluation")
    p.add_argument("--version", help="write the checkpoint under this name when done")
    p.add_argument("--title", default="", help="what the checkpoint is called for people")
    p.add_argument("--into", type=Path, default=Path("checkpoints"), help="checkpoint root")
    return p


def main(arguments: Sequence[str]) -> int:
    """Train, then publish if a version name is given. Raises: StudioError: unusable input."""
    options = parser().parse_args(arguments)
    if options.version:
        if not NAME.fullmatch(options.version):
            raise BadSetting("checkpoint_name", name=options.version)
        if (options.into / "painting" / options.version).exists():
            raise BadSetting("checkpoint_exists", name=f"painting/{options.version}")
    works = collect(options.data).split("train")
    if len(works) < LEAST_WORKS:
        raise BadUpload(
            "too_few_pictures", folder=options.data, count=len(works), least=LEAST_WORKS
        )
    options.run.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(processors())
    run = start(options)
    with (options.run / "log.jsonl").open("a", encoding="utf-8") as log:

        def report(line: dict) -> None:
            text = json.dumps(line)
            print(text, flush=True)
            log.write(text + "\n")
            log.flush()

        if options.minutes > 0:
            train(run, options.data, options.minutes, report, options.measure_every)
        if options.version:
            checkpoint = publish(
                run,
                options.data,
                options.into,
                options.version,
                title=options.title or options.version,
                samples=options.samples,
                encoder_recipe=EncoderRecipe(pictures=options.encoder_pictures),
                enlarger_minutes=options.enlarger_minutes,
                report=report,
            )
            report({"checkpoint": str(checkpoint.folder)})
    return 0


def start(options: argparse.Namespace) -> Run:
    """A fresh run, one that goes on, or one that goes on from a shipped checkpoint."""
    wishes = {"batch_size": options.batch_size} if options.batch_size else {}
    if options.resume is None:
        base = Config()
        wanted = options.resolution
        stages = wanted.bit_length() - 2
        channels = LARGE if stages > len(base.channels) else base.channels[:stages]
        config = Config(resolution=wanted, channels=channels)
        recipe = Recipe(seed=options.seed, **wishes)
        return Run(options.run, config, recipe, options.device)
    if (options.resume / "card.json").is_file():
        shipped = open_checkpoint(options.resume)
        return resume_from(shipped, options.run, options.device, **wishes)
    run = Run.resume(options.resume, options.device)
    run.folder, run.recipe = options.run, replace(run.recipe, **wishes)
    return run
