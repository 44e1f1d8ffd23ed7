"""The map of what a model can make: a plane of which every point is a latent.

The map is a grid of noise vectors and the smooth surface through them. It is learned from samples:
a self-organising map (Kohonen, Self-Organized Formation of Topologically Correct Feature Maps,
1982) lays them out so that works that look alike to taste come to lie beside each other, and each
node of the grid takes the noise of the sample that fits there best. A point between nodes has the
noise that a cubic B-spline gives it, at the length that noise usually has: what it leads to is as
much the model's own work as any sample. A version that was fine-tuned reads the map of its base
with its own mapping, so that a place stays the same place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from studio.latent import NOISE_DIM, noise_from_seeds
from studio.medium import Generator
from studio.metrics import trustworthiness

GRID = 16
"""Nodes along each side."""
SAMPLES = 1024
FIRST_SAMPLE = 6_000_000
ROUNDS = 40
LAST_REACH = 0.6
"""Standard deviation of a node's neighbourhood at the end, in nodes."""
CHUNK = 16
BETWEEN = 4
"""Steps from node to node in which a latent's place is looked for."""
ZOOMS = 6
"""How often the neighbourhood of the nearest step is looked at more closely."""
SAME = 0.05
"""Of what latents are apart by chance, what two that are one and the same may seem to be."""

MEASURED = 1000
"""Points, and samples to compare them with."""
HELD_OUT = 500
FIRST_MEASURED = 6_500_000
PLANE_REACH = 2.5
"""Standard deviations of the latents from the middle to an edge of a plane that is compared."""

Report = Callable[[float], None]
"""Is told how much is done, 0..1."""


def unheard(share: float) -> None:
    """A report that nobody hears."""


@dataclass(frozen=True)
class Atlas:
    """A map; points are [N, 2], x to the right and y downwards, both 0..1.

    Attributes:
        noise: of the nodes [G, G, 128], row by row from the top.
        seen: features of the works there [G, G, K], in standard deviations along the principal
            axes of the generator's features.
        attributes: of the works there, each [G, G].
    """

    noise: Tensor
    seen: Tensor
    attributes: Mapping[str, Tensor]

    @property
    def size(self) -> int:
        return len(self.noise)

    def noise_at(self, points: Tensor) -> Tensor:
        """Noise [N, 128] of points [N, 2]; those outside count as the nearest inside."""
        across, down = (spline(points[:, side], self.size) for side in (0, 1))
        rows = torch.einsum("ng,nh,ghd->nd", down, across, self.noise)
        # A mean of noise is shorter than noise; the model knows it at its usual length only.
        return rows * (NOISE_DIM**0.5 / rows.norm(dim=1, keepdim=True).clamp_min(1e-6))

    def latents(self, generator: Generator, points: Tensor) -> Tensor:
        """Latents [N, D] of points [N, 2], to the last bit the same whatever else is asked for."""
        # A batch may round differently, so every point is looked up alone.
        rows = [generator.map(self.noise_at(point[None])) for point in points]
        return torch.cat(rows) if rows else torch.zeros(0, generator.latent_dim)

    def features(self, generator: Generator) -> Tensor:
        """[G * G, F], as far as the principal axes hold them, which is all that taste looks at."""
        where = generator.feature_statistics
        return where.mean + (self.seen.flatten(0, 1) * where.scales) @ where.axes

    def standing(self) -> dict[str, Tensor]:
        """Attributes [G, G] in standard deviations from the whole map's mean."""
        return {
            name: (values - values.mean()) / values.std().clamp_min(1e-6)
            for name, values in self.attributes.items()
            if values.std() > 1e-6
        }

    def tensors(self) -> dict[str, Tensor]:
        """For a checkpoint folder; with `names` beside them, `from_tensors` has all it needs."""
        named = torch.stack([*self.attributes.values()]) if self.attributes else torch.zeros(0)
        return {"noise": self.noise, "seen": self.seen.half(), "attributes": named}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], names: list[str]) -> Atlas:
        """Raises: ValueError, KeyError: they are none of a map."""
        noise, seen = tensors["noise"].float(), tensors["seen"].float()
        size = len(noise)
        fits = noise.shape == (size, size, NOISE_DIM) and seen.shape[:2] == noise.shape[:2]
        if size < 2 or not fits or not noise.isfinite().all() or not seen.isfinite().all():
            raise ValueError("a map is a square of noise, and of what is seen there")
        return cls(noise, seen, dict(zip(names, tensors["attributes"], strict=True)))


def spline(along: Tensor, size: int) -> Tensor:
    """Weights [N, size] of nodes at places [N] in 0..1: a uniform cubic B-spline whose first and
    last node count twice."""
    place = along.clamp(0, 1) * (size - 1)
    left = place.floor().clamp(0, size - 2)
    t = place - left
    parts = [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3]
    nodes = (left[:, None] + torch.arange(-1, 3)).clamp(0, size - 1).long()
    return torch.zeros(len(along), size).scatter_add_(1, nodes, torch.stack(parts, 1) / 6)


def lattice(size: int) -> Tensor:
    """Points [size * size, 2], row by row from the upper left."""
    side = torch.linspace(0, 1, size)
    y, x = torch.meshgrid(side, side, indexing="ij")
    return torch.stack([x, y], 2).flatten(0, 1)


def learn(
    generator: Generator, report: Report = unheard, *, samples: int = SAMPLES, size: int = GRID
) -> Atlas:
    """The map of a generator, the same one every time."""
    noise = noise_from_seeds(range(FIRST_SAMPLE, FIRST_SAMPLE + samples))
    share = samples / (samples + size * size)
    seen, _ = look(generator, generator.map(noise), lambda done: report(share * done))
    chosen = fitting(self_organised(seen, size), seen)
    return survey(
        generator,
        noise[chosen].view(size, size, NOISE_DIM),
        lambda done: report(share + (1 - share) * done),
    )


def survey(generator: Generator, noise: Tensor, report: Report = unheard) -> Atlas:
    """The map with nodes of noise [G, G, 128], as a generator reads it."""
    size = len(noise)
    blank = Atlas(noise, torch.zeros(size, size, 0), {})
    seen, attributes = look(generator, blank.latents(generator, lattice(size)), report)
    white = seen / generator.feature_statistics.scales.clamp_min(1e-6)
    named = {name: values.view(size, size) for name, values in attributes.items()}
    return Atlas(noise, white.view(size, size, -1), named)


def look(
    generator: Generator, latents: Tensor, report: Report = unheard
) -> tuple[Tensor, dict[str, Tensor]]:
    """What is seen of the works of latents [N, D]: features along their principal axes [N, K], and
    attributes, each [N]."""
    where = generator.feature_statistics
    seen: list[Tensor] = []
    attributes: dict[str, list[Tensor]] = {}
    for start in range(0, len(latents), CHUNK):
        works = generator.decode(latents[start : start + CHUNK])
        seen.append((generator.features(works) - where.mean) @ where.axes.T)
        for name, values in generator.attributes(works).items():
            attributes.setdefault(name, []).append(values.float())
        report(min(start + CHUNK, len(latents)) / len(latents))
    return torch.cat(seen), {name: torch.cat(values) for name, values in attributes.items()}


def self_organised(seen: Tensor, size: int) -> Tensor:
    """What the nodes of a map of samples [N, K] stand for [size * size, K], by batches (Kohonen,
    Essentials of the self-organizing map, 2013), beginning with the plane of most variance."""
    places = lattice(size) * (size - 1)
    _, _, axes = torch.linalg.svd(seen - seen.mean(0), full_matrices=False)
    spread = ((seen - seen.mean(0)) @ axes[:2].T).std(0)
    nodes = seen.mean(0) + ((4 * lattice(size) - 2) * spread) @ axes[:2]
    for index in range(ROUNDS):
        reach = size / 2 * (2 * LAST_REACH / size) ** (index / (ROUNDS - 1))
        nearest = torch.cdist(seen, nodes).argmin(1)
        pull = torch.exp(-torch.cdist(places, places[nearest]).square() / (2 * reach**2))
        nodes = pull @ seen / pull.sum(1, keepdim=True).clamp_min(1e-12)
    return nodes


def fitting(nodes: Tensor, seen: Tensor) -> list[int]:
    """A sample for each node, the best fit first, and none for two nodes: where two were alike, the
    map would stand still between them."""
    distances = torch.cdist(nodes, seen)
    chosen = [-1] * len(nodes)
    taken: set[int] = set()
    for place in distances.flatten().argsort().tolist():
        node, sample = divmod(place, len(seen))
        if chosen[node] < 0 and sample not in taken:
            chosen[node] = sample
            taken.add(sample)
            if len(taken) == len(nodes):
                break
    return chosen


@dataclass(frozen=True)
class Finder:
    """Finds works on a map, as one generator reads it; holds no generator itself.

    Attributes:
        atlas: the map.
        points: a fine lattice over it [P, 2].
        white: its latents, whitened [P, K].
    """

    atlas: Atlas
    points: Tensor
    white: Tensor

    @classmethod
    def of(cls, generator: Generator, atlas: Atlas) -> Finder:
        points = lattice(BETWEEN * (atlas.size - 1) + 1)
        return cls(atlas, points, whitened(generator, generator.map(atlas.noise_at(points))))

    def find(self, generator: Generator, latents: Tensor, features: Tensor) -> Tensor:
        """Points [N, 2] for latents [N, D] of works with features [N, F]: exactly where such a
        latent lies on the map, or, for one that does not, where the map looks most like its work.
        """
        where = generator.feature_statistics
        seen = (features - where.mean) @ where.axes.T
        nodes = self.atlas.seen.flatten(0, 1) * where.scales
        found = lattice(self.atlas.size)[torch.cdist(seen, nodes).argmin(1)]
        white = whitened(generator, latents)
        apart = torch.cdist(white, self.white)
        # Two latents by chance are farther apart than this by the root of two.
        usual = white.shape[1] ** 0.5
        for index in (apart.min(1).values < usual).nonzero().flatten().tolist():
            nearest = self.points[apart[index].argmin()]
            place, left = self.closer(generator, white[index], nearest)
            if left < SAME * usual:
                found[index] = place
        return found

    def closer(self, generator: Generator, white: Tensor, point: Tensor) -> tuple[Tensor, float]:
        """The point [2] around a point whose latent comes nearest to a whitened one [K], and what
        is left between them."""
        reach = 1 / BETWEEN / (self.atlas.size - 1)
        for _ in range(ZOOMS):
            around = (point + reach * (2 * lattice(7) - 1)).clamp(0, 1)
            there = whitened(generator, generator.map(self.atlas.noise_at(around)))
            apart = (there - white).norm(dim=1)
            point = around[apart.argmin()]
            reach /= 2.5
        return point, float(apart.min())


def whitened(generator: Generator, latents: Tensor) -> Tensor:
    """Latents [N, D] in standard deviations along those principal axes that have any [N, K]."""
    where = generator.statistics
    known = where.scales > 1e-4 * where.scales.max()
    return (latents - where.mean) @ (where.axes[known] / where.scales[known, None]).T


def measured(generator: Generator, atlas: Atlas, report: Report = unheard) -> dict[str, Any]:
    """How far a map can be trusted and how much it shows, beside two planes through the middle.

    trustworthiness: of points scattered over the map, see studio.metrics.
    nearness: how near the map's works come to what the model makes: the mean distance of fresh
        samples to the nearest of as many other samples, divided by that to the nearest of the
        map's works. 1 is what samples themselves reach.
    """
    where = generator.statistics
    rng = torch.Generator().manual_seed(1)
    points = torch.rand(MEASURED, 2, generator=rng)
    known = int((where.scales > 1e-4 * where.scales.max()).sum())
    turned, _ = torch.linalg.qr(torch.randn(known, 2, generator=rng))
    by_chance = turned.T @ (where.axes[:known] * where.scales[:known, None])
    principal = where.axes[:2] * where.scales[:2, None]
    reach = PLANE_REACH * (2 * points - 1)
    charts = {
        "map": atlas.latents(generator, points),
        "pca": where.mean + reach @ principal,
        "random": where.mean + reach @ by_chance,
    }
    seeds = range(FIRST_MEASURED, FIRST_MEASURED + HELD_OUT + MEASURED)
    samples = generator.map(noise_from_seeds(seeds))
    seen, _ = look(generator, torch.cat([samples, *charts.values()]), report)
    fresh, others, *shown = seen.split([HELD_OUT, *[MEASURED] * (1 + len(charts))])
    usual = torch.cdist(fresh, others).min(1).values.mean()
    return {
        name: {
            "trustworthiness": round(trustworthiness(works, points), 3),
            "nearness": round(float(usual / torch.cdist(fresh, works).min(1).values.mean()), 3),
        }
        for name, works in zip(charts, shown, strict=True)
    }
