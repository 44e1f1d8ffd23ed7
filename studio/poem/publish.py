"""From a training run to a checkpoint folder: everything the studio needs beside the weights."""

from __future__ import annotations

import copy
import datetime
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from studio.checkpoint import Checkpoint, halved, write_checkpoint
from studio.directions import feature_statistics, find_directions, statistics, to_tables
from studio.latent import noise_from_seeds
from studio.medium import FeatureStatistics
from studio.poem.config import NAMES, Config
from studio.poem.data import END, LINE, Collection, Vocabulary, proper_names
from studio.poem.evaluate import (
    copied,
    evaluate,
    likelihood,
    line_index,
    portrait,
    readable,
    reconstruction,
)
from studio.poem.form import LINES
from studio.poem.generator import PoemGenerator
from studio.poem.ngram import NGram
from studio.poem.sounds import tables
from studio.poem.train import COUNTS, Batch, Recipe, Run
from studio.poem.write import line_key

STATISTICS_SEED = 2_000_000
COMPARED = 1000
"""Poems of the n-gram model, and of people, that samples are compared with."""


def publish(
    run: Run,
    collection: Collection,
    batches: Mapping[str, Batch],
    root: Path,
    version: str,
    *,
    title: str,
    licences: dict[str, int] | None = None,
    samples: int = 1000,
    tried: int = 1024,
    tries: int = 16,
    report: Callable[[dict], None] = lambda line: None,
) -> Checkpoint:
    """Write the averaged poet of a run as `<root>/<medium>/<version>/`; `tried` and `tries` say how
    many samples go into its statistics and into each direction.

    Args:
        batches: the collection's poems by split.

    Raises:
        BadCheckpoint: the version exists, or the folder cannot be written.
    """
    language = run.config.language
    poet = copy.deepcopy(run.ema).cpu()
    noise = noise_from_seeds(range(STATISTICS_SEED, STATISTICS_SEED + 8192))
    with torch.no_grad():
        latents = poet.mapping(noise)
    train, vocabulary = collection.split("train"), Vocabulary(run.words)
    # What the decoder never writes needs no key.
    written = sorted({key for row in batches["train"].tokens for key in keys_of(row)})
    sounds, known = tables(run.words, language), torch.tensor(written)
    proper = proper_names(train)
    seen = FeatureStatistics(torch.zeros(1), torch.zeros(0, 1), torch.zeros(0))
    generator = PoemGenerator(
        NAMES[language],
        version,
        poet,
        vocabulary,
        sounds,
        proper,
        known,
        statistics(latents),
        seen,
        [],
        "cpu",
    )
    generator.feature_statistics = feature_statistics(
        generator.features(generator.decode(latents[:tried]))
    )
    generator.directions = find_directions(
        latents[: 2 * tried],
        generator.statistics,
        lambda rows: generator.spoken_of(generator.write(rows, 1)),
        generator.expected,
        tries=tries,
        fits=2 * tried,
        walks=tried // 10,
        parts=0,
    )
    report({d.key: [d.effect, d.correlation] for d in generator.directions})
    corpus = line_index(train)
    people = collection.split("test")
    gram = NGram(train, vocabulary)
    sets = {"held_out": people[:COMPARED], "baseline": gram.sample(COMPARED, 0)}
    figures: dict[str, Any] = {
        name: {**portrait(poems), "copied": copied(poems, corpus)} for name, poems in sets.items()
    }
    test = collection.split("test")
    figures["baseline"]["perplexity"] = gram.perplexity(test)
    figures["likelihood"] = likelihood(
        poet, batches["test"], run.words.index(LINE), latent_free=run.latent_free
    )
    figures["reconstruction"] = reconstruction(generator, readable(generator, test))
    card: dict[str, Any] = {
        "medium": NAMES[language],
        "version": version,
        "title": title,
        "parent": None,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "trained_on": run.trained_on,
        "config": run.config.to_dict(),
        "recipe": asdict(run.recipe),
        "training": {k: v for k, v in run.describe().items() if k not in ("config", "recipe")},
        "data": {**collection.summary(), "licences": licences or {}},
        "evaluation": figures,
    }
    card["evaluation"] = evaluate(generator, corpus, figures, None, samples)
    report(card["evaluation"])
    return write_checkpoint(
        root,
        card,
        {
            "poet": halved(poet.state_dict()),
            "flow": halved(run.flow_ema.state_dict()),
            "sounds": sounds,
            "known": {"lines": known},
            "statistics": to_tables(generator.statistics, generator.feature_statistics),
            "corpus": corpus,
        },
        {
            "words": {"vocabulary": list(run.words), "proper": sorted(proper)},
            "directions": [asdict(d) for d in generator.directions],
        },
    )


def keys_of(tokens: Tensor) -> list[int]:
    """The `line_key` of each line of a poem [T], written from right to left with its ends."""
    found: list[int] = []
    line: list[int] = []
    for token in tokens.tolist():
        if token == END:
            found.append(line_key(line))
            line = []
        elif token:
            line.append(token)
    return found[:LINES]


def resume_from(checkpoint: Checkpoint, folder: Path, device: str, **asked: Any) -> Run:
    """A run that goes on from a shipped checkpoint, with `asked` changed in its recipe; optimizer
    moments start afresh."""
    saved = checkpoint.card
    run = Run(
        folder,
        Config.from_dict(saved["config"]),
        Recipe(**{**saved["recipe"], **asked}),
        checkpoint.document("words")["vocabulary"],
        device,
    )
    for poet in (run.poet, run.ema):
        poet.load_state_dict(checkpoint.tensors("poet"))
    for flow in (run.flow, run.flow_ema):
        flow.load_state_dict(checkpoint.tensors("flow"))
    for name in COUNTS:
        setattr(run, name, saved["training"][name])
    run.latent_free = saved["training"].get("latent_free")
    run.trained_on = saved["trained_on"]
    torch.manual_seed(run.recipe.seed + run.step + run.flow_step + run.mapping_step)
    return run
