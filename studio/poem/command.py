"""`python -m studio train poem`: from a folder of quatrains to a checkpoint folder."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import torch

from studio.checkpoint import NAME, open_checkpoint
from studio.errors import BadSetting, BadUpload
from studio.flow_training import train_flow, train_mapping
from studio.poem import chinese
from studio.poem.config import NAMES, Config
from studio.poem.data import Collection, Vocabulary, build_vocabulary, collect
from studio.poem.publish import publish, resume_from
from studio.poem.sounds import BOOKS, tables
from studio.poem.train import (
    Batch,
    Recipe,
    Run,
    encoded,
    tensors,
    train_autoencoder,
    train_latent_free,
)
from studio.precision import processors

LEAST_POEMS = 64
LEAST_USES = 5
"""Times that a word has to be used for the poet to learn it."""
FLOW_BATCH = {"cpu": 128, "cuda": 1024}
"""Latents of a step: where minutes are few, more steps are worth more than calmer ones."""
HEAD_WIDTH = 32
CHOSEN = ("batch_size", "learning_rate", "beta", "dropout", "alone", "seed")
"""What of the recipe may be asked for."""
WATCHED = 1024
"""Poems for validation that are looked at while it trains."""


def parser(language: str) -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="python -m studio train poem", description=__doc__)
    p.add_argument("--data", type=Path, required=True, help="JSON lines or text, a file or folder")
    p.add_argument("--language", choices=tuple(NAMES), default=language)
    p.add_argument("--run", type=Path, default=Path("runs/poem"), help="where the run is kept")
    p.add_argument("--resume", type=Path, help="a run folder or a checkpoint folder to go on from")
    p.add_argument("--minutes", type=float, default=60.0, help="wall time for the autoencoder")
    p.add_argument("--settle-minutes", type=float, default=10.0, help="for its decoder after that")
    p.add_argument("--flow-minutes", type=float, default=10.0, help="wall time for the flow")
    p.add_argument("--mapping-minutes", type=float, default=8.0, help="wall time for the mapping")
    p.add_argument(
        "--latent-free-minutes",
        type=float,
        default=5.0,
        help="for the decoder without a latent",
    )
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--batch-size", type=int, help=recipe_help("batch_size"))
    p.add_argument("--learning-rate", type=float, help=recipe_help("learning_rate"))
    p.add_argument("--beta", type=float, help=recipe_help("beta"))
    p.add_argument("--dropout", type=float, help=recipe_help("dropout"))
    p.add_argument("--alone", type=float, help=recipe_help("alone"))
    p.add_argument("--width", type=int, default=Config.width)
    p.add_argument("--layers", type=int, default=Config.layers)
    p.add_argument("--seed", type=int, help=recipe_help("seed"))
    p.add_argument("--samples", type=int, default=1000, help="poems for the evaluation")
    p.add_argument("--lean", type=float, help="on the voice without a latent; what the run had")
    p.add_argument("--beams", type=int, help="ways on that are compared; what the run had")
    p.add_argument("--version", help="write the checkpoint under this name when done")
    p.add_argument("--title", default="", help="what the checkpoint is called for people")
    p.add_argument("--licence", default="", help="the licence of the poems, for the card")
    p.add_argument("--into", type=Path, default=Path("checkpoints"), help="checkpoint root")
    return p


def recipe_help(name: str) -> str:
    return f"{getattr(Recipe, name)}, or what the run that goes on had"


def main(language: str, arguments: Sequence[str]) -> int:
    """Train, then publish if a version name is given. Raises: StudioError: unusable input."""
    options = parser(language).parse_args(arguments)
    if options.version:
        name = f"{NAMES[options.language]}/{options.version}"
        if not NAME.fullmatch(options.version):
            raise BadSetting("checkpoint_name", name=options.version)
        if (options.into / name).exists():
            raise BadSetting("checkpoint_exists", name=name)
    collection = poems_of(options.data, options.language)
    options.run.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(processors())
    run = start(options, collection)
    if run.config.language != options.language:
        raise BadUpload("poem_other_language")
    batches = batches_of(collection, run.words, options.language)
    with (options.run / "log.jsonl").open("a", encoding="utf-8") as log:

        def report(line: dict) -> None:
            text = json.dumps(line, ensure_ascii=False)
            print(text, flush=True)
            log.write(text + "\n")
            log.flush()

        watched = batches["validation"][slice(WATCHED)]
        if options.minutes > 0:
            train_autoencoder(run, batches["train"], watched, options.minutes, report)
        if options.settle_minutes > 0:
            minutes = options.settle_minutes
            train_autoencoder(run, batches["train"], watched, minutes, report, is_settled=True)
        many = FLOW_BATCH.get(run.device.type, FLOW_BATCH["cpu"])
        if options.flow_minutes > 0:
            known, unseen = (encoded(run.ema, batches[name]) for name in ("train", "validation"))
            train_flow(run, known, unseen, options.flow_minutes, report, batch_size=many)
        if options.mapping_minutes > 0:
            train_mapping(run, options.mapping_minutes, report, batch_size=many)
        if options.latent_free_minutes > 0:
            minutes = options.latent_free_minutes
            train_latent_free(run, batches["train"], batches["test"], minutes, report)
        ways = {name: getattr(options, name) for name in ("lean", "beams")}
        run.write_with(**{name: value for name, value in ways.items() if value is not None})
        if options.version:
            checkpoint = publish(
                run,
                collection,
                batches,
                options.into,
                options.version,
                title=options.title or options.version,
                licences={options.licence: len(collection.poems)} if options.licence else {},
                samples=options.samples,
                report=report,
            )
            report({"checkpoint": str(checkpoint.folder)})
    return 0


def poems_of(data: Path, language: str) -> Collection:
    """The poems of a file or folder that are in one language.

    Raises:
        BadUpload: too few of them.
    """
    simplify = (lambda line: chinese.simplified(line)[0]) if language == "zh" else None
    collection = collect(data, simplify=simplify).only(language)
    count = len(collection.splits["train"])
    if count < LEAST_POEMS:
        raise BadUpload("too_few_poems", source=data, count=count, least=LEAST_POEMS)
    return collection


def batches_of(collection: Collection, words: Sequence[str], language: str) -> dict[str, Batch]:
    """The poems of each split as numbers."""
    vocabulary, sounds = Vocabulary(tuple(words)), tables(words, language)
    beats = sounds["beats"].numpy().astype(int)
    rhyme = sounds[f"{BOOKS[language][0]}.rhyme".lstrip(".")].numpy()
    return {
        name: tensors(collection.split(name), vocabulary, beats, rhyme)
        for name in collection.splits
    }


def start(options: argparse.Namespace, collection: Collection) -> Run:
    """A fresh run, one that goes on, or one that goes on from a shipped checkpoint."""
    chosen = {name: getattr(options, name) for name in CHOSEN}
    asked = {name: value for name, value in chosen.items() if value is not None}
    if options.resume is None:
        recipe = Recipe(**asked)
        words = build_vocabulary(collection.split("train"), LEAST_USES).words
        config = Config(
            options.language,
            len(words),
            width=options.width,
            heads=options.width // HEAD_WIDTH,
            layers=options.layers,
        )
        return Run(options.run, config, recipe, words, options.device)
    if (options.resume / "card.json").is_file():
        run = resume_from(open_checkpoint(options.resume), options.run, options.device, **asked)
    else:
        run = Run.resume(options.resume, options.device, **asked)
        run.folder = options.run
    return run
