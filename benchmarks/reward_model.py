"""How much of a taste is learned from how many ratings: the reward model, without a fine-tune.

    python benchmarks/reward_model.py [--media painting,melody] [--artists 45] [--json]

Simulated artists (studio.taste.artists) rate samples of a model, chosen by chance or by the curator
among as many as it would have seen. Measured on samples that nobody rated: the rank correlation of
what is expected with what is truly liked, how often the better of two is guessed, at which
percentile the best of eight by what is expected are truly liked, and by how much (the gain, in
standard deviations of the liking). And the ratings to the same gain: how many questions of the
curator teach as much as so many by chance, with a 90 % bootstrap interval over artists. A taste
that drifts is taken as it is in the end.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from torch import Tensor

from studio.__main__ import registry
from studio.errors import NotEnoughRatings
from studio.latent import noise_from_seeds
from studio.medium import media
from studio.taste.aggregate import CONFIDENCE, RESAMPLES
from studio.taste.artists import NOISE, Artist, invent
from studio.taste.reward import RewardModel
from studio.taste.select import POOL, choose
from studio.taste.simulate import Works, best_of_groups, measure, rank_correlation

SAMPLES = 1024
"""To be rated, and as many again to be measured on."""
COUNTS = (8, 10, 15, 20, 25, 30, 40, 50)
COMPARED = (20, 30, 40)
"""By chance: how many chosen ones give the same gain?"""
FIGURES = ("correlation", "pairs", "best_of_8", "gain")
FIRST_POOL, FRESH = 64, 8
"""What the curator has seen at the first question, and what each further one adds."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--media", default=",".join(media()))
    parser.add_argument("--artists", type=int, default=45)
    parser.add_argument("--noise", type=float, default=NOISE, help="share that is mood")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    found = {}
    for medium in options.media.split(","):
        generator = registry().use(medium)
        works = measure(generator, generator.map(noise_from_seeds(range(2 * SAMPLES))))
        statistics = generator.feature_statistics
        rows: dict[str, np.ndarray] = {
            way: np.full((options.artists, len(COUNTS), len(FIGURES)), np.nan)
            for way in ("chance", "curator")
        }
        artists = invent(first(works.attributes), options.artists, seed=1, noise=options.noise)
        for number, artist in enumerate(artists):
            for way, each in rows.items():
                for count, reward in learned(artist, works, statistics, way, number):
                    each[number, COUNTS.index(count)] = figures(reward, artist, works)
            print(f"{medium} {number + 1}/{options.artists}", file=sys.stderr, flush=True)
        found[medium] = {
            f"{way} {count}": dict(zip(FIGURES, mean(each[:, index]), strict=True))
            for way, each in rows.items()
            for index, count in enumerate(COUNTS)
        } | {"ratings_to_the_same_gain": to_the_same_gain(rows["chance"], rows["curator"])}
        if not options.json:
            print(medium)
            for way, values in found[medium].items():
                print(f"  {way:12}", "  ".join(f"{k} {v}" for k, v in values.items()))
    if options.json:
        print(json.dumps({"artists": options.artists, "noise": options.noise, **found}))


def first(attributes: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: values[:SAMPLES] for name, values in attributes.items()}


def mean(rows: np.ndarray) -> list[float]:
    """Of artists' figures [A, F]; who gave the same stars to all so far has none yet."""
    return [round(float(value), 4) for value in np.nanmean(rows, axis=0)]


def to_the_same_gain(chance: np.ndarray, chosen: np.ndarray) -> dict[str, dict[str, object]]:
    """For so many ratings by chance, as many chosen ones as give the same mean gain.

    Args:
        chance, chosen: figures [A, COUNTS, FIGURES] of the same artists.

    Returns:
        For each of COMPARED the `chosen` count, null where even the most do not reach that gain,
        its `interval` (ends that are not reached: null), and `fewer`, the share of artists drawn
        again among whom fewer chosen ones were enough.
    """
    by_chance, by_choice = (each[:, :, FIGURES.index("gain")] for each in (chance, chosen))
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, len(chance), (RESAMPLES, len(chance)))
    tail = (1 - CONFIDENCE) / 2
    found: dict[str, dict[str, object]] = {}
    for count in COMPARED:
        index = COUNTS.index(count)
        again = [
            enough(np.nanmean(by_choice[rows], axis=0), np.nanmean(by_chance[rows, index]))
            for rows in drawn
        ]
        ends = np.quantile(again, [tail, 1 - tail], method="inverted_cdf")
        as_much = enough(np.nanmean(by_choice, axis=0), np.nanmean(by_chance[:, index]))
        found[str(count)] = {
            "chosen": finite(as_much),
            "interval": [finite(end) for end in ends],
            "fewer": round(float(np.mean(np.array(again) < count)), 3),
        }
    return found


def enough(gains: np.ndarray, wanted: float) -> float:
    """Ratings after which the gains [COUNTS], read as a line from nothing learned of nothing rated,
    first reach what is wanted; infinite where they never do."""
    counts, gains = np.array([0, *COUNTS]), np.array([0.0, *gains])
    reached = np.flatnonzero(gains >= wanted)
    if not len(reached):
        return np.inf
    at = max(int(reached[0]), 1)
    rise = gains[at] - gains[at - 1]
    part = (wanted - gains[at - 1]) / rise if rise > 0 else 1.0
    return float(counts[at - 1] + part * (counts[at] - counts[at - 1]))


def finite(value: float) -> float | None:
    return round(float(value), 1) if np.isfinite(value) else None


def learned(
    artist: Artist, works: Works, statistics, way: str, seed: int
) -> Iterator[tuple[int, RewardModel]]:
    """What is learned of an artist after each of COUNTS ratings."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(SAMPLES).tolist()
    asked: list[int] = []
    given: list[tuple[int, float]] = []
    reward = None
    for number in range(max(COUNTS)):
        seen = [i for i in order[: FIRST_POOL + FRESH * number][-POOL:] if i not in asked]
        index = seen[0]
        if way == "curator":
            features = works.features
            index = seen[choose(features[seen], features[asked], reward, statistics, number, 1)[0]]
        one = {name: values[[index]] for name, values in works.attributes.items()}
        given.append((len(asked), float(artist.stars(one, rng)[0])))
        asked.append(index)
        if way == "curator" or number + 1 in COUNTS:
            try:
                reward = RewardModel.fit(works.features[asked], given, (), statistics)
            except NotEnoughRatings:
                reward = None
        if number + 1 in COUNTS and reward is not None:
            yield number + 1, reward


def figures(reward: RewardModel, artist: Artist, works: Works) -> list[float]:
    held_out = torch.arange(SAMPLES, 2 * SAMPLES)
    true = artist.liking({name: values[held_out] for name, values in works.attributes.items()})
    expected, _ = reward.predict(works.features[held_out])
    left, right = torch.arange(SAMPLES).view(2, -1)
    differ = true[left] != true[right]
    guessed = ((expected[left] > expected[right]) == (true[left] > true[right]))[differ]
    best = true[best_of_groups(expected)].mean()
    below = artist.liking(first(works.attributes)) < best
    return [
        rank_correlation(expected, true),
        float(guessed.float().mean()),
        float(below.float().mean()),
        float(best - true.mean()),
    ]


if __name__ == "__main__":
    main()
