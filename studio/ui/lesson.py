"""A lesson: one fine-tune on a person's ratings, from the queue to their decision."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from studio.errors import NotEnoughRatings, NotFound
from studio.jobs import Cancelled, JobContext
from studio.latent import noise_from_seeds
from studio.medium import Artwork, Generator
from studio.store import JobRow, VersionRow
from studio.studio import Studio
from studio.taste import Ratings
from studio.taste.finetune import STRENGTHS, FineTuneCancelled, can_go_deep, finetune
from studio.taste.reward import require_enough
from studio.taste.unfinished import forget
from studio.ui.session import Visit

KIND = "teach"
USUAL = {"strength": "clear", "depth": "lean"}

SHOWN = tuple(range(1, 9))
"""Seeds of the noise that before and after are shown on: the same for every lesson, so that
lessons can be compared with each other too."""

THUMBNAIL = 192


def latest(visit: Visit) -> JobRow | None:
    return visit.studio.jobs.latest(visit.key, KIND, visit.medium)


def candidate(visit: Visit, job: JobRow) -> VersionRow | None:
    """The version a finished lesson made, while nothing is decided about it."""
    if job.status != "done":
        return None
    noted = visit.studio.store.noted_versions(visit.key, visit.medium)
    return next((row for row in noted if row.version == job.result["version"]), None)


def is_undecided(visit: Visit, job: JobRow) -> bool:
    row = candidate(visit, job)
    return row is not None and row.status == "candidate"


def can_go_on(visit: Visit) -> bool:
    """Whether a restart stopped the latest lesson after some of it was kept."""
    job = latest(visit)
    is_interrupted = job is not None and job.status == "interrupted"
    return is_interrupted and visit.studio.unfinished(visit.key, visit.medium).exists()


def choices(visit: Visit) -> dict[str, tuple[str, ...]]:
    """What a person chooses before a lesson, and among what."""
    found = {"strength": tuple(STRENGTHS)}
    return found | {"depth": ("lean", "deep")} if can_go_deep(visit.generator) else found


def chosen(visit: Visit) -> dict[str, str]:
    """What was chosen of `choices`."""
    noted = visit.load("teach") or {}
    return {
        name: noted[name] if noted.get(name) in offered else USUAL[name]
        for name, offered in choices(visit).items()
    }


def start(visit: Visit) -> None:
    """Queue a lesson on all ratings there are now, as was chosen; one that is under way stays the
    only one. The very lesson that a restart interrupted goes on where it was.

    Raises:
        NotEnoughRatings: too few, or all the same.
    """
    ratings = Ratings.from_rows(visit.studio.store.ratings(visit.key, visit.medium))
    require_enough(ratings.stars, ratings.pairs)
    studio, wanted = visit.studio, chosen(visit)
    generator = studio.registry.use_apart(visit.medium, visit.generator.version)

    def work(context: JobContext) -> dict[str, Any]:
        return teach(studio, generator, ratings, wanted, context)

    studio.jobs.submit(visit.key, KIND, visit.medium, work, once=True)


def decide(visit: Visit, status: str) -> str:
    """Accept or discard what the latest lesson made; returns its version.

    Raises:
        NotFound: there is nothing to decide.
    """
    job = latest(visit)
    row = candidate(visit, job) if job else None
    if row is None or row.status != "candidate":
        raise NotFound("nothing_to_decide")
    visit.studio.store.note_version(
        visit.key, visit.medium, row.version, row.parent, row.measured, status
    )
    if status == "discarded":
        visit.studio.registry.checkpoints.remove(visit.medium, row.version)
    return row.version


def teach(
    studio: Studio,
    generator: Generator,
    ratings: Ratings,
    wanted: Mapping[str, str],
    context: JobContext,
) -> dict[str, Any]:
    """The work of the job: learn, keep the new version as a candidate, and make the comparison.

    Args:
        wanted: see `chosen`.

    Raises:
        NotEnoughRatings, BadCheckpoint: the sentence is shown where the lesson was.
        Cancelled: nothing is left behind.
    """
    noise = noise_from_seeds(SHOWN)
    unfinished = studio.unfinished(context.key, generator.medium)
    try:
        result = finetune(
            generator,
            ratings,
            strength=wanted["strength"],
            deep=wanted.get("depth") == "deep",
            preview_noise=noise,
            seconds=studio.settings.lesson_seconds,
            unfinished=unfinished,
            progress=Telling(context),
            is_cancelled=lambda: context.cancelled,
        )
    except FineTuneCancelled:
        if not context.is_closing:
            forget(unfinished)
        raise Cancelled from None
    except NotEnoughRatings:
        forget(unfinished)
        raise
    context.progress(0.97, "teach.stage.saving")
    medium, registry, measured = generator.medium, studio.registry, result.measured
    card = {"ratings": len(ratings), "job": context.job_id}
    version = registry.add_fine_tune(generator, result.adapter, measured, card)
    try:
        tuned = registry.use_apart(medium, version)
        made = {"version": version, "measured": measured}
        made["before"] = small(generator.decode(generator.map(noise)))
        made["after"] = small(tuned.decode(tuned.map(noise)))
        context.check()
        studio.store.note_version(
            context.key, medium, version, generator.version, measured, "candidate"
        )
    except BaseException as error:
        registry.checkpoints.remove(medium, version)
        if isinstance(error, Cancelled) and not context.is_closing:
            forget(unfinished)
        raise
    forget(unfinished)
    return made


class Telling:
    """What a fine-tune says, as what the page shows: stage, curve, works and time left."""

    def __init__(self, context: JobContext) -> None:
        self.context = context
        self.begun = time.monotonic()
        self.curve: list[float] = []
        self.preview: list[str] = []

    def __call__(self, share: float, said: dict[str, Any]) -> None:
        if "reward" in said:
            self.curve.append(round(float(said["reward"]), 3))
        if "artworks" in said:
            self.preview = small(said["artworks"])
        spent = time.monotonic() - self.begun
        left = round(spent / share - spent) if 0.1 < share < 1 else None
        self.context.progress(
            share,
            f"teach.stage.{said['stage']}",
            curve=self.curve,
            left=left,
            preview=self.preview,
        )


def small(artworks: Sequence[Artwork]) -> list[str]:
    return [artwork.thumbnail(size=THUMBNAIL) for artwork in artworks]
