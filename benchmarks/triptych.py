"""Do a work's companions feel like it? `python benchmarks/triptych.py [--seeds 100]`

For each medium: works of some noises, and for each the companions in the other media. Printed is
the rank correlation between the mood of a work and the mood of its companion; beside it, that of
the works that the same noise makes unsteered, and of companions dealt out by chance.
"""

from __future__ import annotations

import argparse
import json

import torch
from torch import Tensor

from studio.__main__ import registry
from studio.directions import spearman
from studio.latent import noise_from_seed
from studio.medium import get_medium, media, moods_of
from studio.taste.explain import Usual
from studio.triptych.mood import Scale, steered

FIRST_SEED = 6_000_000


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--sources", default="", help="media to begin with; all without")
    chosen = parser.parse_args()
    models = registry()
    usual = Usual(models.checkpoints)
    felt = {name: moods_of(medium) for name, medium in media().items() if moods_of(medium)}
    generators = {name: models.use(name) for name in felt}
    scales = {name: Scale.of(usual.of(generators[name]), felt[name]) for name in felt}
    noise = [noise_from_seed(FIRST_SEED + number) for number in range(chosen.seeds)]
    plain: dict[str, list[dict[str, float]]] = {}
    for name, generator in generators.items():
        plain[name] = [mood(generator, generator.map(z[None])[0], scales[name]) for z in noise]
    figures = {}
    for source in chosen.sources.split(",") if chosen.sources else felt:
        for name, generator in generators.items():
            if name.split("-")[0] == source.split("-")[0]:
                continue
            companions = [
                mood(
                    generator,
                    steered(generator, generator.map(z[None])[0], wanted, scales[name]),
                    scales[name],
                )
                for z, wanted in zip(noise, plain[source], strict=True)
            ]
            for key in set(companions[0]) & set(plain[source][0]):
                of = column(plain[source], key)
                shuffled = column(companions, key)[
                    torch.randperm(len(noise), generator=torch.Generator().manual_seed(0))
                ]
                row = {
                    "companion": rank(of, column(companions, key)),
                    "same_noise": rank(of, column(plain[name], key)),
                    "by_chance": rank(of, shuffled),
                }
                figures[f"{source} -> {name}, {key}"] = row
                print(f"{source} -> {name}, {key}", row, flush=True)
    print(json.dumps({"seeds": chosen.seeds, "of": get_versions(generators), "rank": figures}))


def mood(generator, latent: Tensor, scale: Scale) -> dict[str, float]:
    found = scale.moods(generator.attributes(generator.decode(latent[None])))
    return {key: float(value[0]) for key, value in found.items()}


def column(rows: list[dict[str, float]], key: str) -> Tensor:
    return torch.tensor([row[key] for row in rows])


def rank(a: Tensor, b: Tensor) -> float:
    return round(float(spearman(a, b[:, None])[0]), 2)


def get_versions(generators) -> dict[str, str]:
    return {get_medium(name).name: each.version for name, each in generators.items()}


if __name__ == "__main__":
    main()
