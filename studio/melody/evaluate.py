"""How good the composer is: what comes back from a latent, and what samples are like.

Runs without the tunes, from what is kept beside the checkpoint: histograms of held-out phrases and
hashes of the runs of notes that training tunes hold. Every figure of samples stands beside the same
figure of held-out tunes and of an n-gram model of the same training tunes.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from studio.effects import steered
from studio.latent import noise_from_seeds
from studio.melody import music
from studio.melody.grid import BARS, HIGHEST, LOWEST, METERS, Grid, Note, OffGrid
from studio.melody.keys import SCALES

if TYPE_CHECKING:
    from studio.melody.artwork import Melody
    from studio.melody.data import Phrase
    from studio.melody.generator import MelodyGenerator

FIRST_SEED = 1_000_000
RUNS = (8, 12, 16)
"""Lengths, in notes, of runs that are looked for in training tunes."""
HISTOGRAMS = ("pitch_class", "interval", "duration")
ASKED = ("in_key", "in_meter", "cadence", "repetition", "leapiness", "interval_overlap")
ORDER = 3
"""Notes that the n-gram baseline looks back on."""
PUBLISHED = {
    "name": "MusicVAE (Roberts et al., 2018), other tunes, per-step accuracy of sampled decoding",
    "two_bars": 0.951,
    "sixteen_bars": 0.812,
}


def histograms(phrases: Sequence[Grid]) -> dict[str, np.ndarray]:
    """Normalised counts: pitch classes [12], intervals -12..12 [25], durations in 12ths [49]."""
    counts = {"pitch_class": np.zeros(12), "interval": np.zeros(25), "duration": np.zeros(49)}
    for grid in phrases:
        notes = grid.notes()
        for note in notes:
            counts["pitch_class"][note.pitch % 12] += 1
            counts["duration"][min(int(note.duration * 12), 48)] += 1
        for before, after in pairwise(notes):
            counts["interval"][int(np.clip(after.pitch - before.pitch, -12, 12)) + 12] += 1
    return {name: rows / max(rows.sum(), 1) for name, rows in counts.items()}


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Shared area of two normalised histograms, 0 to 1."""
    return float(np.minimum(a, b).sum())


def in_key(grid: Grid) -> float:
    """Share of notes in the scale that fits the phrase best."""
    classes = Counter(note.pitch % 12 for note in grid.notes())
    total = sum(classes.values())
    if not total:
        return 0.0
    return max(sum(classes[c] for c in scale) for scale in SCALES.values()) / total


def in_meter(grid: Grid) -> float:
    """Share of bars with a note on the first beat."""
    length = METERS[grid.meter]
    starts = {note.start for note in grid.notes()}
    return sum(Fraction(bar * length) in starts for bar in range(BARS)) / BARS


def ends_at_rest(grid: Grid) -> bool:
    """Whether the last bar's first note, or the last long one, is of the tonic chord."""
    length = METERS[grid.meter]
    last = [n for n in grid.notes() if n.start >= (BARS - 1) * length]
    if not last:
        return False
    longest = max(last, key=lambda note: (note.duration, note.start))
    return longest.pitch % 12 in (0, 3, 4, 7)


def portrait(grids: Sequence[Grid], held_out: Mapping[str, np.ndarray]) -> dict[str, float]:
    """What a set of phrases is like, each a mean over phrases."""
    found = histograms(grids)
    rows = [music.measure(grid.notes(), grid.meter) for grid in grids]
    figures: dict[str, Any] = {
        "in_key": np.mean([in_key(grid) for grid in grids]),
        "in_meter": np.mean([in_meter(grid) for grid in grids]),
        "cadence": np.mean([ends_at_rest(grid) for grid in grids]),
        "repetition": np.mean([row["repetition"] for row in rows]),
        "density": np.mean([row["density"] for row in rows]),
        "leapiness": np.mean([row["leapiness"] for row in rows]),
        "different": len({g.tokens.tobytes() for g in grids}) / max(len(grids), 1),
    }
    figures |= {f"{name}_overlap": overlap(found[name], held_out[name]) for name in HISTOGRAMS}
    return {name: round(float(value), 4) for name, value in figures.items()}


def runs(grid: Grid, length: int) -> list[int]:
    """Hashes of every run of `length` notes: intervals and durations, so in any key."""
    notes = grid.notes()
    steps = [
        (after.pitch - before.pitch, int(before.duration * 12)) for before, after in pairwise(notes)
    ]
    return [
        int.from_bytes(
            hashlib.blake2b(repr(steps[i : i + length - 1]).encode(), digest_size=4).digest(),
            "big",
            signed=True,
        )
        for i in range(len(steps) - length + 2)
    ]


def run_index(phrases: Sequence[Phrase]) -> dict[str, Tensor]:
    """Sorted hashes of all runs in training phrases, by length; the notes cannot be had back."""
    return {
        f"runs_{length}": torch.tensor(
            sorted({h for p in phrases for h in runs(p.grid, length)}), dtype=torch.int32
        )
        for length in RUNS
    }


def copied(grids: Sequence[Grid], index: Mapping[str, Tensor]) -> dict[str, float]:
    """Share of phrases that hold a run of so many notes out of a training tune."""
    shares = {}
    for length in RUNS:
        known = index[f"runs_{length}"].numpy()
        hits = [is_known(np.array(runs(g, length), np.int32), known) for g in grids]
        shares[f"run_of_{length}"] = round(float(np.mean(hits)), 4)
    return shares


def is_known(hashes: np.ndarray, known: np.ndarray) -> bool:
    """Whether any hash is among the sorted known ones."""
    places = np.searchsorted(known, hashes).clip(max=max(len(known) - 1, 0))
    return bool(len(known) and len(hashes) and (known[places] == hashes).any())


def n_gram_model(phrases: Sequence[Phrase], count: int, seed: int = 0) -> list[Grid]:
    """Phrases of a Markov model of the last notes' pitch and duration, the baseline."""
    rng = random.Random(seed)
    table: dict[tuple, list[tuple[int, Fraction]]] = defaultdict(list)
    meters = [p.grid.meter for p in phrases]
    for phrase in phrases:
        history: tuple = (phrase.grid.meter,)
        for note in phrase.grid.notes():
            table[history].append((note.pitch, note.duration))
            history = (*history, (note.pitch, note.duration))[-ORDER:]
            if len(history) < ORDER:
                history = (phrase.grid.meter, *history[1:])
    made: list[Grid] = []
    while len(made) < count:
        meter = rng.choice(meters)
        end = Fraction(BARS * METERS[meter])
        notes: list[Note] = []
        at = Fraction(0)
        history = (meter,)
        while at < end and table[history]:
            pitch, duration = rng.choice(table[history])
            notes.append(Note(at, min(duration, end - at), min(max(pitch, LOWEST), HIGHEST)))
            at += duration
            history = (*history, (pitch, duration))[-ORDER:]
            if len(history) < ORDER:
                history = (meter, *history[1:])
        try:
            made.append(Grid.of(notes, meter))
        except OffGrid:
            continue
    return made


def smoothness(
    generator: MelodyGenerator, meter: str = "found", pairs: int = 32, frames: int = 9
) -> dict[str, float]:
    """How evenly a straight path changes the notes: shares of slots that differ."""
    latents = generator.map(noise_from_seeds(range(FIRST_SEED, FIRST_SEED + 2 * pairs)))
    first, last = latents.chunk(2)
    places = torch.linspace(0, 1, frames)[:, None, None]
    path = (first + (last - first) * places).flatten(0, 1)
    tokens = torch.tensor(
        np.stack([m.grid.tokens for m in generator.decode(path, {"meter": meter})]).astype(np.int64)
    ).unflatten(0, (frames, pairs))
    steps = (tokens[1:] != tokens[:-1]).float().mean(2)
    whole = (tokens[0] != tokens[-1]).float().mean(1)
    away = (tokens != tokens[0]).float().mean(2)
    order = torch.arange(frames).float()
    correlations = [float(np.corrcoef(order, away[:, i])[0, 1]) for i in range(pairs)]
    return {
        "largest_step": round(float((steps.max(0).values / whole.clamp_min(1e-6)).mean()), 3),
        "even_step": round(1 / (frames - 1), 3),
        "distance_grows": round(float(np.nanmean(correlations)), 3),
    }


def asked_for(
    generator: MelodyGenerator, held_out: Mapping[str, np.ndarray], count: int = 256
) -> dict[str, dict[str, float]]:
    """What samples are like that were asked for in a meter, with some bars kept while the others
    were made anew, or as what comes next; `strangers` has bars of two samples side by side, which
    is what keeping bars would be if nothing were chosen."""
    latents = generator.map(noise_from_seeds(range(FIRST_SEED, FIRST_SEED + 2 * count)))
    some, others = latents.chunk(2)
    kept = (0, 1)
    bars = others.unflatten(1, (BARS, -1)).clone()
    bars[:, kept] = some.unflatten(1, (BARS, -1))[:, kept]
    ways: dict[str, tuple[Tensor, dict[str, Any]]] = {
        name: (some, {"meter": name}) for name in METERS
    }
    anew = [generator.refilled(w, kept, i)[0] for i, w in enumerate(some)]
    ways["refilled"] = torch.stack(anew), {}
    ways["strangers"] = bars.flatten(1), {}
    ways["continued"] = torch.stack([generator.continued(w, i) for i, w in enumerate(some)]), {}
    figures = {}
    for name, (rows, options) in ways.items():
        all_of_it = portrait([m.grid for m in generator.decode(rows, options)], held_out)
        figures[name] = {key: all_of_it[key] for key in ASKED}
    return figures


def evaluate(
    generator: MelodyGenerator,
    index: Mapping[str, Tensor],
    kept: Mapping[str, Any],
    data: Path | None,
    samples: int,
) -> dict[str, Any]:
    """All figures; see the module. With `data`, reconstruction is measured on that folder.

    Args:
        index: histograms of held-out phrases and runs of training tunes, from the checkpoint.
        kept: what was measured on the tunes themselves: `held_out`, `baseline`, `reconstruction`.
    """
    held_out = {name: index[f"held_out_{name}"].numpy() for name in HISTOGRAMS}
    melodies: list[Melody] = []
    for first in range(FIRST_SEED, FIRST_SEED + samples, 512):
        seeds = range(first, min(first + 512, FIRST_SEED + samples))
        melodies += generator.decode(generator.map(noise_from_seeds(seeds)))
    grids = [melody.grid for melody in melodies]
    again = generator.decode(generator.encode(melodies[:512]))
    same = [
        float((a.grid.tokens == b.grid.tokens).mean())
        for a, b in zip(melodies, again, strict=False)
    ]
    figures: dict[str, Any] = {
        "samples": samples,
        **portrait(grids, held_out),
        "copied": copied(grids, index),
        "own_samples_come_back": round(float(np.mean(same)), 4),
        "interpolation": smoothness(generator),
        "interpolation_in_one_meter": smoothness(generator, "4/4"),
        "asked_for": asked_for(generator, held_out, min(samples, 256)),
        "continuation": kept.get("continuation"),
        "directions": steered(generator, min(samples, 192)),
        "held_out": kept.get("held_out"),
        "baseline": kept.get("baseline"),
        "published": PUBLISHED,
    }
    if data is None:
        figures["reconstruction"] = kept.get("reconstruction")
    else:
        from studio.melody.data import collect

        figures["reconstruction"] = reconstruction(generator, collect(data).phrases)
    return figures


def reconstruction(generator: MelodyGenerator, phrases: Sequence[Phrase]) -> dict[str, Any]:
    """How much of phrases comes back from their latents alone; and how many latents are used.

    A unit is active when its mean varies by over 0.01 over phrases (Burda et al., 2016).
    """
    from studio.melody.model import Composer
    from studio.melody.train import accuracy, encoded, tensors

    composer = Composer(generator.config)
    composer.encoder, composer.decoder = generator.encoder, generator.decoder
    composer.mapping = composer.mapping.to(generator.device)
    batch = tensors(list(phrases))
    variance = encoded(composer, batch).var(0)
    return {
        "phrases": len(phrases),
        **accuracy(composer, batch),
        "active_units": int((variance > 0.01).sum()),
        "units": generator.latent_dim,
    }
