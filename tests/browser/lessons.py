"""A lesson that is over when the page opens: a real version, moved by hand, not in minutes."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import torch
from playwright.sync_api import Page, Request

from studio import adapter as low_rank
from studio.latent import noise_from_seeds
from studio.medium import Generator
from studio.registry import Registry
from studio.store import Store
from studio.taste import Ratings, RewardModel
from studio.taste import finetune as module
from studio.taste.telling import Teller
from studio.ui.lesson import KIND, SHOWN, small
from tests.browser.conftest import ServedStudio, open_tab

MEDIUM = "painting"
RATED = range(100, 118)
FAR = 0.5
"""Standard deviations that a room's lesson moves; far enough to be seen, and nothing is lost."""
SAMPLES = 48
"""Works that these lessons are checked on, instead of studio.taste.finetune.SAMPLES."""
MEASURED: dict[tuple[Any, ...], dict[str, Any]] = {}
"""What was measured of a lesson from the same ratings that went as far."""


def key_of(page: Page) -> str:
    """The key of the person at a page, as the page itself says it to the server."""

    def tells(request: Request) -> bool:
        return "/queue/join" in request.url

    with page.expect_request(tells) as asked:
        open_tab(page, "gallery")
    return str(json.loads(asked.value.post_data or "")["data"][0])


def moved(generator: Generator, far: float) -> dict[str, torch.Tensor]:
    """An adapter that moves every latent by so many standard deviations along the first axis."""
    mapping = low_rank.attach(generator.mapping)
    *_, last = low_rank.adapter_layers(mapping).values()
    statistics = generator.statistics
    with torch.no_grad():
        last.bias += far * statistics.scales[0] * statistics.axes[0]
    return low_rank.adapter_tensors(mapping)


def finished_lesson(studio: ServedStudio, page: Page, far: float) -> SimpleNamespace:
    """Ratings of somebody who likes what lies along the first axis, and a lesson that went there.

    Returns: its `version`, what was `measured`, and the person's `key`.
    """
    key = key_of(page)
    store = Store(studio.database_url)
    registry = Registry(studio.checkpoints(), "cpu")
    generator = registry.use(MEDIUM)
    rate(store, key, generator)
    ratings = Ratings.from_rows(store.ratings(key, MEDIUM))
    made = finish(store, registry, key, far, ratings, {"ratings": len(RATED)})
    store.close()
    return made


def finished_lesson_of_a_room(studio: ServedStudio, people: dict[str, str], token: str) -> None:
    """Ratings that two people gave in a room, and a lesson of the room that went where they lead.

    Args:
        people: their keys, by name.
    """
    store = Store(studio.database_url)
    registry = Registry(studio.checkpoints(), "cpu")
    key = next(iter(people.values()))
    given = store.room_tastes.ratings(key, token, MEDIUM)
    source = {"ratings": sum(map(len, given)), "people": len(given)}
    ratings = Ratings.together([Ratings.from_rows(rows) for rows in given])
    finish(store, registry, store.room_tastes.key(key, token), FAR, ratings, source)
    store.close()


def finish(
    store: Store, registry: Registry, key: str, far: float, ratings: Ratings, source: dict[str, int]
) -> SimpleNamespace:
    """The lesson of a key, as if it had just ended."""
    generator = registry.use(MEDIUM)
    job, _ = store.jobs.add(key, KIND, MEDIUM)
    adapter = moved(generator, far)
    tuned = generator.adapted(adapter, "tuned")
    same = (far, ratings.latents.numpy().tobytes(), ratings.stars)
    if same not in MEASURED:
        MEASURED[same] = measure(generator, tuned, ratings)
    measured = MEASURED[same]
    version = registry.add_fine_tune(generator, adapter, measured, source)
    store.note_version(key, MEDIUM, version, generator.version, measured, "candidate")
    noise = noise_from_seeds(SHOWN)
    works = {
        name: small(each.decode(each.map(noise)))
        for name, each in (("before", generator), ("after", tuned))
    }
    result = {"version": version, "measured": measured, **works}
    store.jobs.change(job, status="done", progress=1.0, result=result)
    return SimpleNamespace(version=version, measured=measured, key=key)


def rated(studio: ServedStudio, page: Page) -> None:
    """Ratings of somebody who likes what lies along the first axis."""
    store = Store(studio.database_url)
    rate(store, key_of(page), Registry(studio.checkpoints(), "cpu").use(MEDIUM))
    store.close()


def rated_in_a_room(studio: ServedStudio, people: dict[str, str], token: str) -> None:
    """Ratings of the same taste that several people give in a room, each of works of their own."""
    store = Store(studio.database_url)
    generator = Registry(studio.checkpoints(), "cpu").use(MEDIUM)
    for number, key in enumerate(people.values()):
        seeds = range(RATED.start + 50 * number, RATED.stop + 50 * number)
        rate(store, key, generator, seeds, token)
    store.close()


def rate(
    store: Store,
    key: str,
    generator: Generator,
    seeds: range = RATED,
    room: str | None = None,
) -> None:
    latents = generator.map(noise_from_seeds(seeds))
    ranks = (latents @ generator.statistics.axes[0]).argsort().argsort()
    for work, rank in zip(generator.decode(latents), ranks.tolist(), strict=True):
        assert work.recipe is not None
        kept = store.keep_artwork(key, work.recipe, work.thumbnail())
        store.rate(key, kept, stars=1 + 5 * rank // len(ranks), room=room)


def measure(generator: Generator, tuned: Generator, ratings: Ratings) -> dict[str, Any]:
    reward = RewardModel.of(generator, ratings)
    noise = module.check_noise(torch.Generator().manual_seed(0))[:SAMPLES]
    teller = Teller(generator, None, None, None)
    before, after = (module.look(g, g.map(noise), reward, teller) for g in (generator, tuned))
    return module.compare(before, after) | {"accuracy": reward.accuracy, "ratings": len(ratings)}
