"""What two tastes keep of each other when their versions are merged, by the weight of each.

    python benchmarks/merged_tastes.py [--medium painting] [--artists 4] [--json]

Simulated artists (studio.taste.artists) each have their own lesson on thirty ratings. Every two
whose lessons were not refused are merged (studio.taste.blend) with equal weights. Measured on fresh
works: the percentile of the base's works that the artist's true liking reaches, the gain that their
reward model expects, and the variety kept; of the merge, and of each lesson by itself.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from torch import Tensor

from studio import adapter as low_rank
from studio.__main__ import registry
from studio.errors import NotEnoughRatings
from studio.latent import noise_from_seeds
from studio.medium import Generator, media
from studio.taste.artists import invent
from studio.taste.blend import MOST_RANK
from studio.taste.finetune import finetune
from studio.taste.foresight import Foresight
from studio.taste.reward import RewardModel
from studio.taste.select import Curator
from studio.taste.simulate import BASE_SAMPLES, FIRST_FRESH_SEED, FRESH_SAMPLES, Trial, measure

WEIGHTS = (0.5, 0.6, 0.7, 0.85, 1.0)
RATINGS = 30


class Lesson:
    """One artist's trial, reward model and adapter."""

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        curator = Curator()
        given, _ = trial.rate(curator)
        self.reward: RewardModel = curator.reward(trial.generator, given)
        self.expected = self.reward.predict(trial.untouched.features)[0]
        self.adapter = finetune(
            trial.generator, given, foresight=trial.foresight, seed=trial.seed
        ).adapter

    def judge(self, works: Any) -> dict[str, float]:
        figures = self.trial.figures(works)
        rise = self.reward.predict(works.features)[0].mean() - self.expected.mean()
        return {
            "percentile": figures["percentile"],
            "gain": float(rise / self.expected.std()),
            "diversity": figures["diversity"],
        }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--medium", default=next(iter(media())))
    parser.add_argument("--artists", type=int, default=4)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    models = registry()
    generator = models.use(options.medium)
    foresight = Foresight.kept(models.base(options.medium, generator.version))
    fresh = noise_from_seeds(range(FIRST_FRESH_SEED, FIRST_FRESH_SEED + FRESH_SAMPLES))
    lessons = taught(generator, fresh, options.artists, foresight)

    def works(adapters: Sequence[dict[str, Tensor]]) -> Any:
        merged = low_rank.compressed(low_rank.side_by_side(adapters), MOST_RANK)
        return measure(generator, generator.adapted(merged, "merged").map(fresh))

    alone = [works([lesson.adapter]) for lesson in lessons]
    rows: dict[str, list[dict[str, float]]] = {"untaught": [], "own lesson": [], "other's": []}
    for a, b in combinations(range(len(lessons)), 2):
        for mine, other in ((a, b), (b, a)):
            judge = lessons[mine].judge
            rows["untaught"].append(judge(lessons[mine].trial.untouched))
            rows["own lesson"].append(judge(alone[mine]))
            rows["other's"].append(judge(alone[other]))
        for weight in WEIGHTS:
            found = works([low_rank.scaled(lessons[i].adapter, weight) for i in (a, b)])
            name = f"merged, {weight:g} each"
            rows.setdefault(name, []).extend(lessons[i].judge(found) for i in (a, b))
    figures = {
        name: {
            **{key: round(float(np.mean([row[key] for row in each])), 3) for key in each[0]},
            # Of the two artists of a merge, the one who gets less.
            "lesser_percentile": round(lesser(each), 3),
        }
        for name, each in rows.items()
        if each
    }
    found = {"medium": options.medium, "lessons": len(lessons), "figures": figures}
    if options.json:
        print(json.dumps(found))
        return
    print(f"{options.medium}, {len(lessons)} lessons")
    for name, row in figures.items():
        print(f"  {name:18}", "  ".join(f"{key} {value:.3f}" for key, value in row.items()))


def taught(
    generator: Generator, fresh: Tensor, artists: int, foresight: Foresight | None
) -> list[Lesson]:
    """The lessons that were not refused."""
    base = measure(generator, generator.map(noise_from_seeds(range(BASE_SAMPLES))))
    untouched = measure(generator, generator.map(fresh))
    lessons = []
    for seed, artist in enumerate(invent(base.attributes, artists, seed=0)):
        try:
            works = (base, untouched, fresh)
            trial = Trial(generator, artist, *works, RATINGS, seed, foresight=foresight)
            lessons.append(Lesson(trial))
        except NotEnoughRatings as refusal:
            print(f"{artist.name}: {refusal.key}", file=sys.stderr)
        else:
            print(artist.name, file=sys.stderr, flush=True)
    return lessons


def lesser(rows: Sequence[dict[str, float]]) -> float:
    percentiles = np.array([row["percentile"] for row in rows]).reshape(-1, 2)
    return float(percentiles.min(axis=1).mean())


if __name__ == "__main__":
    main()
