"""What Ray costs: the same works made in this process and by a replica, in turn.

    python benchmarks/on_ray.py [--count 40]

Starts a Ray cluster of its own on this machine, or uses that of RAY_ADDRESS. Prints, for each
medium, the median seconds of one work by one person who waits for it, here and there, and their
ratio.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch

from studio.latent import noise_from_seeds
from studio.medium import Generator
from studio.settings import Settings
from studio.studio import Studio

WARM = 3


def seconds(generator: Generator, latent: torch.Tensor) -> float:
    begun = time.perf_counter()
    generator.decode(latent)
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--media", nargs="*", default=["painting", "melody", "poem"])
    options = parser.parse_args()
    torch.set_num_threads(1)
    # Workers find the code where this process does.
    os.environ["PYTHONPATH"] = os.pathsep.join([sys.path[0], os.environ.get("PYTHONPATH", "")])
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        common = {"device": "cpu", "threads": 1, "ray_replicas": "1", "ray_cpus": 0.5}
        studios = {
            engine: Studio.start(Settings(home=Path(folder) / engine, engine=engine, **common))
            for engine in ("local", "ray")
        }
        for medium in options.media:
            generators = {name: each.registry.use(medium) for name, each in studios.items()}
            latents = generators["local"].map(noise_from_seeds(range(WARM + options.count)))
            taken: dict[str, list[float]] = {name: [] for name in studios}
            for number, latent in enumerate(latents.split(1)):
                for name, generator in generators.items():
                    took = seconds(generator, latent)
                    if number >= WARM:
                        taken[name].append(took)
            here, there = (statistics.median(taken[name]) for name in ("local", "ray"))
            found[medium] = {"local": here, "ray": there, "ratio": there / here}
            print(medium, found[medium], file=sys.stderr, flush=True)
        for each in studios.values():
            each.close()
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
