"""`python -m studio train melody`: from a folder of tunes to a checkpoint folder."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from studio.checkpoint import NAME, open_checkpoint
from studio.errors import BadSetting, BadUpload
from studio.flow_training import Measure, train_flow, train_mapping
from studio.latent import noise_from_seeds
from studio.melody.config import Config
from studio.melody.data import Collection, collect
from studio.melody.evaluate import copied, histograms, portrait, run_index
from studio.melody.model import grids, say
from studio.melody.publish import publish, resume_from
from studio.melody.train import Recipe, Run, encoded, tensors, train_autoencoder
from studio.precision import processors

LEAST_PHRASES = 64
MEASURED = 512
"""Melodies that are looked at while the mapping learns."""


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="python -m studio train melody", description=__doc__)
    p.add_argument("--data", type=Path, required=True, help="a folder of ABC and MIDI files")
    p.add_argument("--run", type=Path, default=Path("runs/melody"), help="where the run is kept")
    p.add_argument("--resume", type=Path, help="a run folder or a checkpoint folder to go on from")
    p.add_argument("--minutes", type=float, default=30.0, help="wall time for the autoencoder")
    p.add_argument("--flow-minutes", type=float, default=20.0, help="wall time for the flow")
    p.add_argument("--mapping-minutes", type=float, default=15.0, help="wall time for the mapping")
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--batch-size", type=int, default=Recipe.batch_size)
    p.add_argument("--beta", type=float, default=Recipe.beta)
    p.add_argument("--exchanged", type=float, default=Recipe.exchanged)
    p.add_argument("--seed", type=int, default=Recipe.seed)
    p.add_argument("--samples", type=int, default=2000, help="melodies for the evaluation")
    p.add_argument("--version", help="write the checkpoint under this name when done")
    p.add_argument("--title", default="", help="what the checkpoint is called for people")
    p.add_argument("--licence", default="", help="the licence of the tunes, for the card")
    p.add_argument("--into", type=Path, default=Path("checkpoints"), help="checkpoint root")
    return p


def main(arguments: Sequence[str]) -> int:
    """Train, then publish if a version name is given. Raises: StudioError: unusable input."""
    options = parser().parse_args(arguments)
    if options.version:
        if not NAME.fullmatch(options.version):
            raise BadSetting("checkpoint_name", name=options.version)
        if (options.into / "melody" / options.version).exists():
            raise BadSetting("checkpoint_exists", name=f"melody/{options.version}")
    collection = collect(options.data)
    if len(collection.splits["train"]) < LEAST_PHRASES:
        raise BadUpload(
            "too_few_tunes",
            folder=options.data,
            count=len(collection.splits["train"]),
            least=LEAST_PHRASES,
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
            train_autoencoder(run, collection, options.minutes, report)
        look = measured(run, collection)
        if options.flow_minutes > 0:
            known, unseen = (
                encoded(run.ema, tensors(collection.split(name)))
                for name in ("train", "validation")
            )
            train_flow(run, known, unseen, options.flow_minutes, report, measure=look)
        if options.mapping_minutes > 0:
            train_mapping(run, options.mapping_minutes, report, measure=look)
        if options.version:
            checkpoint = publish(
                run,
                collection,
                options.into,
                options.version,
                title=options.title or options.version,
                licences={options.licence: len(collection.titles)} if options.licence else {},
                samples=options.samples,
                report=report,
            )
            report({"checkpoint": str(checkpoint.folder)})
    return 0


def measured(run: Run, collection: Collection) -> Measure:
    """What a way from noise leads to, beside held-out phrases; the same noise every time."""
    held_out = histograms([p.grid for p in collection.split("validation")])
    known = run_index(collection.split("train"))
    noise = noise_from_seeds(range(MEASURED)).to(run.device)

    @torch.no_grad()
    def look(way: Callable[[Tensor], Tensor]) -> dict:
        made = grids(say(run.ema.decoder, way(noise)))
        return {**portrait(made, held_out), **copied(made, known)}

    return look


def start(options: argparse.Namespace) -> Run:
    """A fresh run, one that goes on, or one that goes on from a shipped checkpoint."""
    if options.resume is None:
        chosen = ("batch_size", "beta", "exchanged", "seed")
        recipe = Recipe(**{name: getattr(options, name) for name in chosen})
        return Run(options.run, Config(), recipe, options.device)
    if (options.resume / "card.json").is_file():
        return resume_from(open_checkpoint(options.resume), options.run, options.device)
    run = Run.resume(options.resume, options.device)
    run.folder = options.run
    return run
