"""From a training run to a checkpoint folder: everything the studio needs beside the weights."""

from __future__ import annotations

import copy
import datetime
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from studio.checkpoint import Checkpoint, halved, write_checkpoint
from studio.directions import feature_statistics, find_directions, statistics, to_tables
from studio.latent import noise_from_seeds
from studio.medium import FeatureStatistics
from studio.melody import music
from studio.melody.data import Collection
from studio.melody.evaluate import (
    HISTOGRAMS,
    copied,
    evaluate,
    histograms,
    n_gram_model,
    portrait,
    reconstruction,
    run_index,
)
from studio.melody.follow import pairs, told_apart, train_follower
from studio.melody.generator import MelodyGenerator
from studio.melody.grid import BARS, METER_NAMES
from studio.melody.model import Composer
from studio.melody.train import COUNTS, Run, encoded, tensors

STATISTICS_SEED = 2_000_000


def publish(
    run: Run,
    collection: Collection,
    root: Path,
    version: str,
    *,
    title: str,
    licences: dict[str, int] | None = None,
    samples: int = 2000,
    tried: int = 2048,
    following: int = 1500,
    tries: int = 48,
    report: Callable[[dict], None] = lambda line: None,
) -> Checkpoint:
    """Write the averaged composer of a run as `<root>/melody/<version>/`; `tried` and `tries`
    say how many samples go into its statistics and into each direction, `following` how many steps
    into its follower.

    Adds what is measured after training: latent and feature statistics, directions with their
    effects, the corpus's histograms and hashed runs, and the evaluation with its baselines.

    Raises:
        BadCheckpoint: the version exists, or the folder cannot be written.
    """
    composer = copy.deepcopy(run.ema).cpu()
    followed = learn_to_follow(composer, collection, following)
    noise = noise_from_seeds(range(STATISTICS_SEED, STATISTICS_SEED + 8192))
    with torch.no_grad():
        latents = composer.mapping(noise)
    where = statistics(latents)
    width = run.config.latent_dim + 118
    empty = FeatureStatistics(torch.zeros(width), torch.zeros(0, width), torch.zeros(0))
    generator = MelodyGenerator(version, composer, where, empty, [], "cpu")
    generator.feature_statistics = feature_statistics(
        generator.features(generator.decode(latents[:tried]))
    )
    generator.directions = find_directions(
        latents[: 3 * tried],
        where,
        lambda rows: generator.attributes(generator.decode(rows)),
        lambda rows: music.expected(generator.say(rows)),
        tries=tries,
        fits=3 * tried,
        walks=tried // 10,
        parts=BARS,
    )
    report({d.key: [d.effect, d.correlation] for d in generator.directions})
    train = collection.split("train")
    test = collection.split("validation") + collection.split("test")
    held_out = histograms([p.grid for p in test])
    corpus: dict[str, Tensor] = run_index(train)
    corpus |= {f"held_out_{name}": torch.tensor(held_out[name]) for name in HISTOGRAMS}
    grids = {
        "held_out": [p.grid for p in test],
        "baseline": n_gram_model(train, min(samples, 1000)),
    }
    figures = {
        name: {**portrait(rows, held_out), "copied": copied(rows, corpus)}
        for name, rows in grids.items()
    }
    back = reconstruction(generator, collection.split("test"))
    card: dict[str, Any] = {
        "medium": "melody",
        "version": version,
        "title": title,
        "parent": None,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "trained_on": run.trained_on,
        "config": run.config.to_dict(),
        "recipe": asdict(run.recipe),
        "training": {k: v for k, v in run.describe().items() if k not in ("config", "recipe")},
        "data": {**collection.summary(), "licences": licences or {}},
        "evaluation": {"reconstruction": back, "continuation": followed, **figures},
    }
    card["evaluation"] = evaluate(generator, corpus, card["evaluation"], None, samples)
    report(card["evaluation"])
    return write_checkpoint(
        root,
        card,
        {
            "composer": halved(composer.state_dict()),
            "flow": halved(run.flow_ema.state_dict()),
            "statistics": to_tables(generator.statistics, generator.feature_statistics),
            "corpus": corpus,
        },
        {"directions": [asdict(d) for d in generator.directions]},
    )


def learn_to_follow(composer: Composer, collection: Collection, steps: int) -> dict[str, float]:
    """Give a composer its follower and the ways between meters; returns the follower's figures."""
    train = collection.split("train")
    batch = tensors(train)
    latents = encoded(composer, batch)
    for index in range(len(METER_NAMES)):
        inside = batch.meter == index
        composer.meters[index] = latents[inside].mean(0) if inside.any() else latents.mean(0)
    composer.follower = train_follower(latents, pairs(train), composer.config, steps)
    held_out = collection.split("validation") + collection.split("test")
    return told_apart(composer.follower, encoded(composer, tensors(held_out)), pairs(held_out))


def resume_from(checkpoint: Checkpoint, folder: Path, device: str) -> Run:
    """A run that goes on from a shipped checkpoint; optimizer moments start afresh."""
    from studio.melody.config import Config
    from studio.melody.train import Recipe

    saved = checkpoint.card
    run = Run(folder, Config.from_dict(saved["config"]), Recipe(**saved["recipe"]), device)
    run.composer.load_state_dict(checkpoint.tensors("composer"))
    run.ema.load_state_dict(checkpoint.tensors("composer"))
    for flow in (run.flow, run.flow_ema):
        flow.load_state_dict(checkpoint.tensors("flow"))
    for name in COUNTS:
        setattr(run, name, saved["training"][name])
    run.trained_on = saved["trained_on"]
    torch.manual_seed(run.recipe.seed + run.step + run.flow_step + run.mapping_step)
    return run
