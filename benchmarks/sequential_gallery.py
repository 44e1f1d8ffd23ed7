"""The public test problem of preference search in parameters, with ours beside theirs.

    python benchmarks/sequential_gallery.py [--trials 50] [--problems isometric-5d,…] [-o FILE.json]

Koyama, Sato & Goto (Sequential Gallery, 2020) search the unit cube for the best of two functions,
an isometric Gaussian and a generalised Rosenbrock, in 5 to 20 dimensions with 25 interactions, 50
trials. After each interaction: the optimality gap (what is lost against the optimum) and the
residual (the distance from it) of the point that the method would hand over. No answer is noisy.

Interactions are not alike, and the table must be read with that in mind:

- a pair says which of two points is better: one bit; a star is one of five: 2.3 bits at most;
- a pick from a plane is the best of 641 x 641 points that one can zoom in on: 18.6 bits at most,
  and a line search in two dimensions on the function itself.

So ours is measured twice: as the studio asks (its Curator and its RewardModel, unchanged, on the
parameters as features), and on planes, where the interaction is theirs and only the model and the
choice of the plane are ours. Their method is written anew from its description (plane_search.py);
the paper shows its results as curves, not numbers, so none are quoted.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from torch import Tensor

from benchmarks import plane_search
from benchmarks.plane_search import Planes, opposite, random_planes
from studio.errors import NotEnoughRatings
from studio.latent import nearby
from studio.medium import FeatureStatistics, LatentStatistics
from studio.taste.aggregate import CONFIDENCE, RESAMPLES
from studio.taste.artists import LEVELS
from studio.taste.ratings import Ratings
from studio.taste.reward import RewardModel
from studio.taste.select import REACH, Curator
from studio.taste.simulate import PBO_CANDIDATES

DIMENSIONS = (5, 10, 15, 20)
ITERATIONS = 25
LOOKED_AT, AROUND = 1024, 256
"""Points among which the reward model says what to hand over: anywhere, and near the best asked."""
BITS = {
    "chance": "the better of the best so far and a new point: 1 bit",
    "bayesian_optimisation": "1 of 5 stars: at most 2.3 bits",
    "ours_stars": "1 of 5 stars: at most 2.3 bits",
    "ours_pairs": "the better of two: 1 bit",
    "random_planes": "the best of a plane: at most 18.6 bits",
    "sequential_planes": "the best of a plane: at most 18.6 bits",
    "ours_planes": "the best of a plane: at most 18.6 bits",
}

Objective = Callable[[Tensor], Tensor]


def isometric(points: Tensor) -> Tensor:
    return torch.exp(-(points - 0.3).square().sum(-1))


def rosenbrock(points: Tensor) -> Tensor:
    """Negative, of points stretched to [0, 4], so that the optimum lies at 0.25."""
    x = 4 * points
    valley = 100 * (x[..., 1:] - x[..., :-1].square()).square()
    return -(valley + (1 - x[..., :-1]).square()).sum(-1)


FUNCTIONS: dict[str, tuple[Objective, float, float]] = {
    "isometric": (isometric, 0.3, 1.0),
    "rosenbrock": (rosenbrock, 0.25, 0.0),
}
"""Name: the function, each coordinate of its optimum, its value there."""


class Cube:
    """The unit cube as a medium: a point's parameters are its latent and its features.

    Has what the Curator asks of a generator.
    """

    medium = "cube"
    device = torch.device("cpu")

    def __init__(self, dimensions: int) -> None:
        self.version = self.medium
        self.latent_dim = dimensions
        middle, axes = torch.full((dimensions,), 0.5), torch.eye(dimensions)
        scales = torch.full((dimensions,), 12**-0.5)
        self.statistics = LatentStatistics(middle, axes, scales)
        self.feature_statistics = FeatureStatistics(middle, axes, scales)

    def map(self, noise: Tensor) -> Tensor:
        """Uniform in the cube."""
        return torch.special.ndtr(noise[:, : self.latent_dim])

    def latent_features(self, latents: Tensor) -> Tensor:
        # A neighbour of a favourite may lie outside; the cube's nearest point is shown then.
        return latents.clamp(0, 1)


class Remembering(Curator):
    """Fits a reward model once for the same ratings."""

    known: tuple[Ratings, RewardModel] | None = None

    def reward(self, generator: Cube, ratings: Ratings) -> RewardModel:
        if self.known is None or self.known[0] is not ratings:
            self.known = ratings, super().reward(generator, ratings)
        return self.known[1]


class Searcher:
    """One trial of the studio's own questions."""

    def __init__(self, objective: Objective, dimensions: int, seed: int) -> None:
        self.objective = objective
        self.cube = Cube(dimensions)
        self.seed = seed
        self.curator = Remembering()
        self.given = Ratings(torch.zeros(0, dimensions))
        self.rng = torch.Generator().manual_seed(seed)
        uniform = self.uniform(4096)
        values = self.value(uniform)
        # Stars as a simulated artist gives them: by standard deviations of ordinary points.
        self.levels = values.mean() + values.std() * torch.tensor(LEVELS)

    def uniform(self, count: int) -> Tensor:
        return torch.rand(count, self.cube.latent_dim, generator=self.rng)

    def value(self, points: Tensor) -> Tensor:
        return self.objective(points.clamp(0, 1))

    def stars(self, iterations: int, *, thompson: bool = False) -> list[Tensor]:
        """Points [d] handed over after each interaction; with `thompson` those asked about are
        drawn as in preferential Bayesian optimisation (Trial.optimise)."""
        offered = []
        for index in range(iterations):
            point = self.drawn(index) if thompson else self.asked(index, "single")
            star = 1 + int((self.value(point) > self.levels).sum())
            self.given = Ratings(
                torch.cat([self.given.latents, point]),
                (*self.given.stars, (len(self.given.latents), float(star))),
            )
            offered.append(self.best())
        return offered

    def pairs(self, iterations: int) -> list[Tensor]:
        offered = []
        for index in range(iterations):
            two = self.asked(index, "pair")
            better = int(self.value(two).argmax())
            count = len(self.given.latents)
            pair = (count + better, count + 1 - better, False)
            latents = torch.cat([self.given.latents, two])
            self.given = Ratings(latents, (), (*self.given.pairs, pair))
            offered.append(self.best())
        return offered

    def planes(self, iterations: int) -> list[Tensor]:
        """Interactions of sequential plane search, with the studio's model and questions: the plane
        goes through the best so far and two points that the Curator would ask about."""
        picked = []
        centre_is = 0
        middle = torch.full((1, self.cube.latent_dim), 0.5, dtype=torch.float64)
        planes = random_planes(middle, self.rng)
        self.given = Ratings(middle.float())
        for index in range(iterations):
            pick = planes.pick(self.objective)
            count = len(self.given.latents)
            others = (centre_is, *range(count + 1, count + 5))
            self.given = Ratings(
                torch.cat([self.given.latents, pick.float(), planes.corners[0].float()]),
                (),
                (*self.given.pairs, *((count, other, False) for other in others)),
            )
            picked.append(pick[0].float())
            likes = self.belief()
            if likes is None:
                centre_is = count
            else:
                centre_is = int(likes.predict(self.given.latents)[0].argmax())
            centre = self.given.latents[centre_is][None].double()
            first, second = self.asked(index, "pair").double().split(1)
            corners = [first, second, opposite(centre, first), opposite(centre, second)]
            planes = Planes(centre, torch.stack(corners, dim=1))
        return picked

    def asked(self, index: int, kind: str) -> Tensor:
        seed = self.seed * 1000 + index
        return self.curator.next_artworks(self.cube, self.given, seed, kind).clamp(0, 1)

    def drawn(self, index: int) -> Tensor:
        candidates = self.uniform(PBO_CANDIDATES)
        belief = self.belief()
        if belief is None:
            return candidates[:1]
        return candidates[belief.sample(candidates, 1, index)[0].argmax()][None]

    def belief(self) -> RewardModel | None:
        try:
            return self.curator.reward(self.cube, self.given)
        except NotEnoughRatings:
            return None

    def best(self) -> Tensor:
        """What is expected to be liked most, of what was asked, of points anywhere and of points
        near the best asked; while nothing can be expected, the best that was said to be."""
        latents, belief = self.given.latents, self.belief()
        if belief is None:
            most = max(self.given.stars, key=lambda one: one[1])[0] if self.given.stars else None
            return latents[self.given.pairs[-1][0] if most is None else most]
        favourite = latents[belief.predict(latents)[0].argmax()]
        statistics = self.cube.statistics
        seed = self.seed * 1000 + len(latents)
        near = nearby(favourite, statistics.axes, statistics.scales, AROUND, REACH, seed)
        points = torch.cat([latents, self.uniform(LOOKED_AT), near.clamp(0, 1)])
        return points[belief.predict(points)[0].argmax()]


def by_chance(objective: Objective, trials: int, dimensions: int, seed: int) -> Tensor:
    """The best so far [ITERATIONS, T, d] of points drawn by chance; the first is a comparison of
    two."""
    rng = torch.Generator().manual_seed(seed)
    points = torch.rand(trials, ITERATIONS + 1, dimensions, generator=rng)
    best = objective(points).cummax(dim=1).indices[:, 1:]
    return points.gather(1, best[..., None].expand(-1, -1, dimensions)).transpose(0, 1)


def handed_over(way: str, objective: Objective, trials: int, dimensions: int) -> Tensor:
    """Points [ITERATIONS, T, d] of a way of searching."""
    if way == "chance":
        return by_chance(objective, trials, dimensions, seed=0)
    if way in ("random_planes", "sequential_planes"):
        chance = way == "random_planes"
        return plane_search.search(objective, trials, dimensions, ITERATIONS, 0, chance)
    found = []
    for seed in range(trials):
        searcher = Searcher(objective, dimensions, seed)
        if way == "ours_pairs":
            points = searcher.pairs(ITERATIONS)
        elif way == "ours_planes":
            points = searcher.planes(ITERATIONS)
        else:
            points = searcher.stars(ITERATIONS, thompson=way == "bayesian_optimisation")
        found.append(torch.stack(points))
    return torch.stack(found, dim=1)


def summary(values: Tensor) -> dict[str, list[float]]:
    """Mean over trials [ITERATIONS, T], and the ends of its bootstrap interval."""
    rows = values.double().numpy()
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, rows.shape[1], (RESAMPLES, rows.shape[1]))
    means = rows[:, drawn].mean(axis=2)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1 - tail], axis=1)
    figures = {"mean": rows.mean(axis=1), "low": low, "high": high}
    return {name: [float(f"{value:.4g}") for value in row] for name, row in figures.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    every = [f"{name}-{count}d" for name in FUNCTIONS for count in DIMENSIONS]
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--problems", default=",".join(every))
    parser.add_argument("--ways", default=",".join(BITS))
    parser.add_argument("-o", "--out", type=Path, help="written after each problem; added to")
    options = parser.parse_args(arguments)
    torch.manual_seed(0)
    found = {"iterations": ITERATIONS, "interactions": BITS, "problems": {}}
    if options.out and options.out.exists():
        found = json.loads(options.out.read_text())
    for problem in options.problems.split(","):
        name, _, count = problem.removesuffix("d").partition("-")
        objective, where, optimum = FUNCTIONS[name]
        for way in options.ways.split(","):
            begun = time.monotonic()
            with torch.no_grad() if "planes" not in way else torch.enable_grad():
                points = handed_over(way, objective, options.trials, int(count)).detach().double()
            figures = {
                "trials": options.trials,
                "gap": summary(optimum - objective(points)),
                "residual": summary((points - where).norm(dim=-1)),
            }
            found["problems"].setdefault(problem, {})[way] = figures
            last = [figures["gap"][name][-1] for name in ("mean", "low", "high")]
            line = f"{problem} {way}: gap {last[0]} [{last[1]}, {last[2]}]"
            print(f"{line}, {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
            if options.out:
                options.out.write_text(json.dumps(found) + "\n")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
