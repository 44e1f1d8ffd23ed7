"""The taste loop measured with simulated artists, against the goals it is built for.

For each artist: ratings of what the curator asks, a reward model, a fine-tune, and then the
artist's true liking of fresh works, which neither ever saw. Beside it stand what one could do
instead: nothing, the best of what was rated, picking the best of eight by the learned reward,
preferential Bayesian optimisation in latent space; and an oracle, who keeps those base works that
the artist truly likes until their mean liking equals ours: nobody can keep more variety than that
by choosing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from studio.errors import NotEnoughRatings
from studio.latent import noise_from_seeds
from studio.medium import FeatureStatistics, Generator
from studio.taste.aggregate import GOALS, aggregate, harmed, in_short, intervals, reaches
from studio.taste.artists import NOISE, Artist, invent
from studio.taste.finetune import FineTuneResult, finetune
from studio.taste.foresight import Foresight
from studio.taste.ratings import Ratings
from studio.taste.reward import FEWEST, RewardModel
from studio.taste.select import Curator

BASE_SAMPLES = 1024
FRESH_SAMPLES = 256
FIRST_FRESH_SEED = 1_000_000
"""Fresh works come from seeds that nothing else here uses."""
GROUP = 8
PBO_CANDIDATES = 512

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Works:
    """Measured artworks: latents [N, D], features [N, F] and attributes, each [N]."""

    latents: Tensor
    features: Tensor
    attributes: dict[str, Tensor]

    def __getitem__(self, chosen: Tensor) -> Works:
        return Works(
            self.latents[chosen],
            self.features[chosen],
            {name: values[chosen] for name, values in self.attributes.items()},
        )


def simulate(
    generator: Generator,
    artists: int = 6,
    ratings: int = 30,
    *,
    noise: float = NOISE,
    seed: int = 0,
    deep: bool = False,
    foresight: Foresight | None = None,
    base_samples: int = BASE_SAMPLES,
    fresh_samples: int = FRESH_SAMPLES,
    tell: Tell = lambda line: None,
) -> dict[str, Any]:
    """Measure the loop on a generator; plain values.

    Args:
        artists: how many, of different kinds.
        ratings: stars each of them gives.
        noise: the share of an impression's variance that is mood.
        deep, foresight: see `finetune`.
        tell: hears a line for each step.

    Returns:
        `artists` (figures of each), `harmed` (those who ended below where they began), `aggregate`
        and `intervals` (see there), `goals`, `reached` (by the means) and `surely_reached` (by the
        whole interval).

    Raises:
        ValueError: see `invent`.
    """
    tell(f"measuring {base_samples + fresh_samples} works of {generator.version}")
    base = measure(generator, generator.map(noise_from_seeds(range(base_samples))))
    fresh_seeds = range(FIRST_FRESH_SEED, FIRST_FRESH_SEED + fresh_samples)
    fresh = noise_from_seeds(fresh_seeds)
    untouched = measure(generator, generator.map(fresh))
    rows = []
    for index, artist in enumerate(invent(base.attributes, artists, seed, noise)):
        tell(f"{index + 1}/{artists} {artist.name}: {ratings} ratings, then a lesson")
        works = (base, untouched, fresh)
        trial = Trial(
            generator, artist, *works, ratings, seed + index, deep=deep, foresight=foresight
        )
        rows.append(trial.run())
        tell(f"{index + 1}/{artists} {artist.name}: {in_short(rows[-1])}")
    figures, spans = aggregate(rows), intervals(rows)
    return {
        "medium": generator.medium,
        "version": generator.version,
        "ratings": ratings,
        "noise": noise,
        "deep": deep,
        "base_samples": base_samples,
        "fresh_samples": fresh_samples,
        "artists": rows,
        "harmed": harmed(rows),
        "aggregate": figures,
        "intervals": spans,
        "goals": GOALS,
        "reached": {name: reaches(name, figures[name]) for name in GOALS},
        "surely_reached": {name: all(reaches(name, end) for end in spans[name]) for name in GOALS},
    }


def measure(generator: Generator, latents: Tensor) -> Works:
    """Decode latents and measure the artworks."""
    features, attributes = [], []
    for chunk in latents.split(32):
        artworks = generator.decode(chunk)
        features.append(generator.features(artworks))
        attributes.append(generator.attributes(artworks))
    together = {name: torch.cat([row[name] for row in attributes]) for name in attributes[0]}
    return Works(latents, torch.cat(features), together)


class Trial:
    """One artist's way through the loop, and the ways beside it."""

    def __init__(
        self,
        generator: Generator,
        artist: Artist,
        base: Works,
        untouched: Works,
        fresh: Tensor,
        count: int,
        seed: int,
        deep: bool = False,
        foresight: Foresight | None = None,
    ) -> None:
        self.generator = generator
        self.artist = artist
        self.base = base
        self.untouched = untouched
        self.fresh = fresh
        self.count = count
        self.seed = seed
        self.deep = deep
        self.foresight = foresight
        self.base_liking = artist.liking(base.attributes)
        self.rng = np.random.Generator(np.random.PCG64(seed))

    def run(self) -> dict[str, Any]:
        curator = Curator()
        given, slowest = self.rate(curator)
        row: dict[str, Any] = {"artist": self.artist.name, "slowest_question_s": slowest}
        reward = curator.reward(self.generator, given)
        expected, _ = reward.predict(self.untouched.features)
        true = self.artist.liking(self.untouched.attributes)
        row["reward"] = {
            "rank_correlation": rank_correlation(expected, true),
            "accuracy": reward.accuracy,
        }
        row["no_learning"] = self.figures(self.untouched)
        row["loop"], works = self.teach(given)
        if works is not None:
            learned, _ = reward.predict(works.features)
            row["loop"]["expected_gain"] = float(
                (learned.mean() - expected.mean()) / expected.std()
            )
        row["best_of_rated"] = self.figures(measure(self.generator, self.favourites(given)))
        row["best_of_8"] = self.figures(self.untouched[best_of_groups(expected)])
        row["bayesian_optimisation"] = self.figures(self.optimise())
        row["random_ratings"] = self.teach_at_random(given)
        return row

    def rate(self, curator: Curator) -> tuple[Ratings, float]:
        """Stars for what the curator asks, and the seconds of its slowest question."""
        given = Ratings(torch.zeros(0, self.generator.latent_dim))
        slowest = 0.0
        for index in range(self.count):
            begun = time.monotonic()
            latents = curator.next_artworks(self.generator, given, self.seed * 10_000 + index)
            slowest = max(slowest, time.monotonic() - begun)
            stars = self.stars(latents, index)[0]
            given = Ratings(
                torch.cat([given.latents, latents]), (*given.stars, (index, float(stars)))
            )
        return given, round(slowest, 3)

    def stars(self, latents: Tensor, index: int) -> list[int]:
        """Of the rating with that index, of `count`."""
        artworks = self.generator.decode(latents)
        share = index / max(self.count - 1, 1)
        return self.artist.stars(self.generator.attributes(artworks), self.rng, share)

    def favourites(self, given: Ratings) -> Tensor:
        most = max(value for _, value in given.stars)
        return given.latents[[index for index, value in given.stars if value == most]]

    def teach(self, given: Ratings) -> tuple[dict[str, Any], Works | None]:
        """Figures of the fine-tuned generator's fresh works, and the works."""
        begun = time.monotonic()
        try:
            result: FineTuneResult = finetune(
                self.generator,
                given,
                foresight=self.foresight,
                seed=self.seed,
                deep=self.deep,
            )
        except NotEnoughRatings as refusal:
            figures = self.figures(self.untouched)
            return {**figures, "refused": refusal.key, "seconds": time.monotonic() - begun}, None
        seconds = time.monotonic() - begun
        tuned = self.generator.adapted(result.adapter, "candidate")
        works = measure(self.generator, tuned.map(self.fresh))
        return {**self.figures(works), "seconds": seconds, "measured": result.measured}, works

    def teach_at_random(self, given: Ratings) -> dict[str, Any]:
        """The control: the same stars, dealt out by chance. `harm` is the worst relative loss,
        of the artist's percentile or of the diversity; refusing to learn harms nothing."""
        dealt = self.rng.permutation([value for _, value in given.stars]).tolist()
        shuffled = replace(
            given,
            stars=tuple((i, value) for (i, _), value in zip(given.stars, dealt, strict=True)),
        )
        figures, _ = self.teach(shuffled)
        before = self.figures(self.untouched)
        figures["percentile_change"] = figures["percentile"] / before["percentile"] - 1
        figures["diversity_change"] = figures["diversity"] / before["diversity"] - 1
        return figures

    def figures(self, works: Works) -> dict[str, Any]:
        """How an artist likes works [N], and how different these are."""
        liking = float(self.artist.liking(works.attributes).mean())
        found = {
            "liking": liking,
            "percentile": float((self.base_liking < liking).float().mean()),
            "mean_rank": float(
                (self.base_liking < self.artist.liking(works.attributes)[:, None]).float().mean()
            ),
        }
        everything = mean_distance(self.base.features)
        found["diversity"] = mean_distance(works.features) / everything
        oracle = oracle_keeps(self.base_liking, liking)
        oracle_diversity = mean_distance(self.base.features[oracle]) / everything
        found["diversity_of_oracle"] = found["diversity"] / max(oracle_diversity, 1e-6)
        return found

    def optimise(self) -> Works:
        """Preferential Bayesian optimisation: a Gaussian process on the latents themselves, asked
        for as many ratings by Thompson sampling; what it offers are Thompson samples too."""
        statistics = self.generator.statistics
        as_features = FeatureStatistics(statistics.mean, statistics.axes, statistics.scales)
        asked = torch.zeros(0, self.generator.latent_dim)
        stars: list[tuple[int, float]] = []
        for index in range(self.count):
            candidates = self.candidates(self.seed * 20_000 + index, PBO_CANDIDATES)
            chosen = candidates[:1]
            if index >= FEWEST and len({value for _, value in stars}) > 1:
                belief = RewardModel.fit(asked, stars, (), as_features)
                chosen = candidates[belief.sample(candidates, 1, index)[0].argmax()][None]
            stars.append((index, float(self.stars(chosen, index)[0])))
            asked = torch.cat([asked, chosen])
        candidates = self.candidates(self.seed * 20_000 + self.count, PBO_CANDIDATES)
        if len({value for _, value in stars}) < 2:
            return measure(self.generator, candidates[:32])
        belief = RewardModel.fit(asked, stars, (), as_features)
        offered = belief.sample(candidates, 32, self.seed).argmax(dim=1)
        return measure(self.generator, candidates[offered])

    def candidates(self, first_seed: int, count: int) -> Tensor:
        noise = torch.randn(count, 128, generator=torch.Generator().manual_seed(first_seed))
        return self.generator.map(noise)


def best_of_groups(expected: Tensor) -> Tensor:
    """Indices of the best in each group of GROUP."""
    groups = expected[: len(expected) // GROUP * GROUP].view(-1, GROUP)
    return groups.argmax(dim=1) + GROUP * torch.arange(len(groups))


def oracle_keeps(liking: Tensor, wanted: float) -> Tensor:
    """Indices of the most works whose mean liking is still as wanted; at least two."""
    order = liking.argsort(descending=True)
    means = liking[order].cumsum(0) / torch.arange(1, len(order) + 1)
    return order[: max(int((means >= wanted).sum()), 2)]


def mean_distance(features: Tensor) -> float:
    """Mean distance of two works' features [N, F]; 0 for fewer than two works."""
    return float(torch.pdist(features).mean()) if len(features) > 1 else 0.0


def rank_correlation(a: Tensor, b: Tensor) -> float:
    """Spearman's."""
    ranks = torch.stack([a.argsort().argsort(), b.argsort().argsort()]).double()
    return float(torch.corrcoef(ranks)[0, 1])
