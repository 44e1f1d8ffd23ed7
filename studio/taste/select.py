"""What to ask next: artworks whose rating teaches most about what a person likes most.

Half of the questions are Thompson samples (Thompson, 1933; Chapelle & Li, 2011): draw one taste
that the ratings leave possible and show what that taste likes best. They gather around favourites
exactly as fast as the uncertainty there shrinks. The other half asks what says most about all the
others, because the fine-tune moves everything, not only the best. (What is most uncertain itself is
what is like nothing else, and says little about the rest.)
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
import torch
from torch import Tensor

from studio import latent
from studio.errors import NotEnoughRatings
from studio.medium import FeatureStatistics, Generator
from studio.taste.across import Hint
from studio.taste.components import whiten
from studio.taste.ratings import Ratings
from studio.taste.reward import RewardModel

FRESH = 8
"""New samples looked at for one question; with NEAR this keeps a question under 0.3 s."""
NEAR = 4
POOL = 256
"""Samples remembered per version: what lost one question competes in the next."""
REACH = 0.5
"""How far neighbours of favourites lie along each axis, in standard deviations of the latents."""
GENERATORS = 4
"""Versions whose pools are remembered."""


@dataclass
class _Known:
    """What has been looked at for one version of one medium."""

    features: OrderedDict[bytes, Tensor] = field(default_factory=OrderedDict)
    pool: list[Tensor] = field(default_factory=list)


class Curator:
    """Chooses artworks to ask about; remembers features, so that a question is quick.

    One for a process, shared by everybody: it holds pictures' features, nobody's opinion.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], _Known] = OrderedDict()
        self._lock = Lock()

    def reward(self, generator: Generator, ratings: Ratings) -> RewardModel:
        """The taste behind ratings, as `RewardModel.of`, without decoding an artwork twice.

        Raises:
            NotEnoughRatings: see `RewardModel.fit`.
        """
        features = self.features(generator, ratings.latents)
        return RewardModel.fit(
            features, ratings.stars, ratings.pairs, generator.feature_statistics, ratings.raters
        )

    def next_artworks(
        self,
        generator: Generator,
        ratings: Ratings,
        seed: int,
        kind: str = "single",
        skipped: Tensor | None = None,
        hint: Hint | None = None,
    ) -> Tensor:
        """Latents [1, D], or [2, D] for kind "pair", that have not been asked about.

        Args:
            seed: the same ratings, seed and history of this curator give the same question.
            skipped: latents [S, D] that were shown but not rated.
            hint: what the person's taste in other media lets expect of this one.
        """
        asked = ratings.latents.reshape(-1, generator.latent_dim)
        if skipped is not None and len(skipped):
            asked = torch.cat([asked, skipped])
        candidates = self._candidates(generator, ratings, asked, seed)
        features = self.features(generator, candidates)
        try:
            reward = self.reward(generator, ratings)
        except NotEnoughRatings:
            reward = None
        seen = self.features(generator, asked)
        expected = None
        if hint is not None:
            expected = hint.expects(features, *self._starred(generator, ratings), len(ratings))
        count = 2 if kind == "pair" else 1
        statistics = generator.feature_statistics
        chosen = choose(features, seen, reward, statistics, seed, count, expected)
        return candidates[chosen]

    def features(self, generator: Generator, latents: Tensor) -> Tensor:
        """Features [N, F] of latents [N, D], each computed once."""
        known = self._of(generator)
        keys = [row.numpy().tobytes() for row in latents]
        with self._lock:
            missing = [i for i, key in enumerate(keys) if key not in known.features]
        fresh: dict[bytes, Tensor] = {}
        if missing:
            with torch.no_grad():
                computed = generator.latent_features(latents[missing].to(generator.device)).cpu()
            fresh = {keys[i]: row for i, row in zip(missing, computed, strict=True)}
        width = generator.feature_statistics.mean.shape[0]
        with self._lock:
            rows = [fresh[key] if key in fresh else known.features[key] for key in keys]
            known.features.update(fresh)
            while len(known.features) > 8 * POOL:
                known.features.popitem(last=False)
        return torch.stack(rows) if rows else torch.zeros(0, width)

    def _starred(self, generator: Generator, ratings: Ratings) -> tuple[Tensor, Tensor]:
        """Features [N, F] of the artworks that have stars, and these [N]."""
        latents = ratings.latents[[index for index, _ in ratings.stars]]
        stars = torch.tensor([value for _, value in ratings.stars])
        return self.features(generator, latents), stars

    def _of(self, generator: Generator) -> _Known:
        key = (generator.medium, generator.version)
        with self._lock:
            known = self._known.setdefault(key, _Known())
            self._known.move_to_end(key)
            while len(self._known) > GENERATORS:
                self._known.popitem(last=False)
        return known

    def _candidates(
        self, generator: Generator, ratings: Ratings, asked: Tensor, seed: int
    ) -> Tensor:
        """Fresh samples, what is left of earlier ones, and neighbours of the favourites."""
        known = self._of(generator)
        rng = np.random.Generator(np.random.PCG64([seed, len(asked)]))
        seeds = rng.integers(0, latent.MAX_SEED, FRESH).tolist()
        fresh = generator.map(latent.noise_from_seeds(seeds))
        neighbours = []
        favourites = [index for index, value in ratings.stars if value >= 4]
        favourites += [winner for winner, _, tie in ratings.pairs if not tie]
        for index in rng.permutation(favourites)[:NEAR].tolist():
            statistics = generator.statistics
            neighbours.append(
                latent.nearby(
                    ratings.latents[index],
                    statistics.axes,
                    statistics.scales,
                    1,
                    REACH,
                    int(rng.integers(0, latent.MAX_SEED)),
                )
            )
        with self._lock:
            known.pool = (known.pool + list(fresh))[-POOL:]
            pool = torch.stack(known.pool)
        candidates = torch.cat([pool, *neighbours])
        if not len(asked):
            return candidates
        # By products of matrices, the distance of a work from itself may come out as 1e-3.
        exact = "donot_use_mm_for_euclid_dist"
        is_new = torch.cdist(candidates, asked, compute_mode=exact).amin(dim=1) > 1e-5
        return candidates[is_new]


def choose(
    candidates: Tensor,
    seen: Tensor,
    reward: RewardModel | None,
    statistics: FeatureStatistics,
    seed: int,
    count: int,
    expected: Tensor | None = None,
) -> list[int]:
    """Indices of `count` different candidates [C, F] to ask about.

    Args:
        seen: features [S, F] of what was asked already.
        reward: None while there are too few ratings; then the most different ones are asked.
        expected: what other media let expect of the candidates' liking [C], in standard deviations.
    """
    if expected is None:
        expected = torch.zeros(len(candidates))
    if reward is None:
        return _most_different(candidates, seen, statistics, seed, count, expected)
    chosen: list[int] = []
    rng = np.random.Generator(np.random.PCG64(seed))
    for taste in reward.sample(candidates, count, seed):
        to_please = rng.random() < 0.5 or count > 1
        value = taste + expected if to_please else reward.teaches(candidates)
        value[chosen] = -torch.inf
        chosen.append(int(value.argmax()))
    return chosen


def _most_different(
    candidates: Tensor,
    seen: Tensor,
    statistics: FeatureStatistics,
    seed: int,
    count: int,
    expected: Tensor,
) -> list[int]:
    """Greedily farthest from everything seen (k-centre), beginning anywhere; what is expected to
    please counts as farther."""
    points = whiten(candidates, statistics)
    if len(seen):
        distance = torch.cdist(points, whiten(seen, statistics)).amin(dim=1)
    else:
        distance = torch.ones(len(points))
        distance[seed % len(points)] += 1e-3
    chosen: list[int] = []
    for _ in range(count):
        value = distance * expected.exp()
        value[chosen] = -torch.inf
        chosen.append(int(value.argmax()))
        distance = torch.minimum(distance, torch.cdist(points, points[chosen[-1:]])[:, 0])
    return chosen
