"""How much of a taste is learned from how many ratings: the reward model, without a fine-tune.

    python benchmarks/reward_model.py [--media painting,melody] [--artists 45] [--json]

Simulated artists (studio.taste.artists) rate samples of a model, chosen by chance or by the curator
among as many as it would have seen. Measured on samples that nobody rated: the rank correlation of
what is expected with what is truly liked, how often the better of two is guessed, and at which
percentile the best of eight by what is expected are truly liked.
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
from studio.taste.artists import Artist, invent
from studio.taste.reward import RewardModel
from studio.taste.select import POOL, choose
from studio.taste.simulate import Works, best_of_groups, measure, rank_correlation

SAMPLES = 1024
"""To be rated, and as many again to be measured on."""
COUNTS = (10, 20, 30, 50)
FIRST_POOL, FRESH = 64, 8
"""What the curator has seen at the first question, and what each further one adds."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--media", default=",".join(media()))
    parser.add_argument("--artists", type=int, default=45)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    found = {}
    for medium in options.media.split(","):
        generator = registry().use(medium)
        works = measure(generator, generator.map(noise_from_seeds(range(2 * SAMPLES))))
        statistics = generator.feature_statistics
        rows: dict[str, list[list[float]]] = {}
        artists = invent(first(works.attributes), options.artists, seed=1)
        for number, artist in enumerate(artists):
            for way in ("chance", "curator"):
                for count, reward in learned(artist, works, statistics, way, number):
                    rows.setdefault(f"{way} {count}", []).append(figures(reward, artist, works))
        found[medium] = {
            way: dict(zip(("correlation", "pairs", "best_of_8"), mean(each), strict=True))
            for way, each in rows.items()
        }
        if not options.json:
            print(medium)
            for way, values in found[medium].items():
                print(f"  {way:12}", "  ".join(f"{k} {v:.3f}" for k, v in values.items()))
    if options.json:
        print(json.dumps({"artists": options.artists, **found}))


def first(attributes: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: values[:SAMPLES] for name, values in attributes.items()}


def mean(rows: list[list[float]]) -> list[float]:
    return [round(float(value), 4) for value in np.mean(rows, axis=0)]


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
    ]


if __name__ == "__main__":
    main()
