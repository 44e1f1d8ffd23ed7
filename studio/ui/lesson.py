"""A lesson: one fine-tune on a person's ratings, from the queue to their decision."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from studio.errors import BadUpload, NotEnoughRatings, NotFound, StudioError
from studio.jobs import Cancelled, JobContext
from studio.latent import noise_from_seeds
from studio.medium import Artwork, Generator
from studio.store import JobRow, VersionRow
from studio.studio import Studio
from studio.taste import Ratings, guard
from studio.taste.finetune import STRENGTHS, FineTuneResult, finetune
from studio.taste.foresight import Foresight
from studio.taste.hand import can_learn
from studio.taste.own_works import OwnWorks
from studio.taste.reward import require_enough
from studio.taste.telling import FineTuneCancelled
from studio.taste.transfer import require_works, transfer
from studio.taste.unfinished import forget
from studio.ui.session import Visit

KIND = "teach"
WEAKER = "teach.weaker"
USUAL = {"strength": "clear", "depth": "lean"}

SHOWN = tuple(range(1, 9))
"""Seeds of the noise that before and after are shown on: the same for every lesson, so that
lessons can be compared with each other too."""

THUMBNAIL = 192


class LostTooMuch(StudioError):
    """A version that cost so much that it is not taken without a word."""


def latest(visit: Visit) -> JobRow | None:
    """The newest lesson, or what makes a weaker version of its candidate, unless that came to
    nothing: then the strong one is still to be decided."""
    job, weaker = visit.studio.jobs.latest(visit.key, KIND, visit.medium), weakening(visit)
    return weaker if weaker and (weaker.status == "done" or not weaker.is_finished) else job


def weakening(visit: Visit) -> JobRow | None:
    """What makes, made, or failed to make a weaker version of what the newest lesson taught."""
    jobs = visit.studio.jobs
    job, found = (jobs.latest(visit.key, kind, visit.medium) for kind in (KIND, WEAKER))
    return found if job and found and found.created > job.created else None


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
    return found | {"depth": ("lean", "deep")} if can_learn(visit.generator) else found


def chosen(visit: Visit) -> dict[str, str]:
    """What was chosen of `choices`."""
    noted = visit.load("teach") or {}
    return {
        name: noted[name] if noted.get(name) in offered else USUAL[name]
        for name, offered in choices(visit).items()
    }


def start(visit: Visit, **source: Any) -> None:
    """Queue a lesson on all ratings there are now, as was chosen; one that is under way stays the
    only one. The very lesson that a restart interrupted goes on where it was.

    Args:
        source: what the version's card says besides of what taught it.

    Raises:
        NotEnoughRatings: too few, or all the same.
    """
    ratings = visit.ratings()
    require_enough(ratings.stars, ratings.pairs, ratings.raters)
    registry = visit.studio.registry
    base = registry.base(visit.medium, visit.generator.version)
    learn = partial(
        finetune,
        ratings=ratings,
        base=registry.use_apart(visit.medium, base.version),
        foresight=Foresight.kept(base),
    )
    submit(visit, learn, {"ratings": len(ratings), **source}, is_kept=True)


def start_with(visit: Visit, works: OwnWorks) -> None:
    """Queue a lesson on works of a person's own, as was chosen.

    Raises:
        BadUpload: too few or too many.
    """
    require_works(len(works))
    source = {"works": len(works), "works_sha256": works.digest}
    submit(visit, partial(transfer, works=works.features), source)


def submit(
    visit: Visit,
    learn: Callable[..., FineTuneResult],
    source: Mapping[str, Any],
    *,
    is_kept: bool = False,
) -> None:
    """Queue a lesson; one that is under way stays the only one.

    Args:
        learn: `finetune` or `transfer`, given what to learn from.
        source: what the version's card says of that.
        is_kept: whether one that is stopped can go on where it was.
    """
    studio, wanted = visit.studio, chosen(visit)
    generator = studio.registry.use_apart(visit.medium, visit.generator.version)

    def work(context: JobContext) -> dict[str, Any]:
        return teach(studio, generator, learn, source, wanted, context, is_kept=is_kept)

    studio.jobs.submit(visit.key, KIND, visit.medium, work, once=True)


def weaken(visit: Visit) -> None:
    """Queue the making of a weaker version of a candidate that lost too much.

    Raises:
        NotFound: there is no such candidate.
    """
    job = latest(visit)
    row = candidate(visit, job) if job else None
    if job is None or row is None or row.status != "candidate" or not guard.lost(row.measured):
        raise NotFound("nothing_to_decide")
    studio = visit.studio
    # What was rated since has taught nothing yet, and must not judge what was taught.
    ratings = visit.ratings(job.created)

    def work(context: JobContext) -> dict[str, Any]:
        return teach_less(studio, row, ratings, context)

    studio.jobs.submit(visit.key, WEAKER, visit.medium, work, once=True)


def decide(
    visit: Visit, status: str, *, facts: Mapping[str, Any] | None = None, anyway: bool = False
) -> str:
    """Accept or discard what the latest lesson made; returns its version.

    Args:
        facts: what its card is to say besides.
        anyway: accept it although it lost too much.

    Raises:
        NotFound: there is nothing to decide.
        LostTooMuch: it would be accepted without a word.
        BadCheckpoint: its card cannot be written; it is still to be decided.
    """
    job = latest(visit)
    row = candidate(visit, job) if job else None
    if row is None or row.status != "candidate":
        raise NotFound("nothing_to_decide")
    if status == "accepted":
        if guard.lost(row.measured) and not anyway:
            raise LostTooMuch("lost_too_much")
        say_on_card(visit, row.version, facts or {})
    settle(visit, row, status)
    # The strong one that a weaker one took the place of, or what a crash left.
    for other in visit.studio.store.noted_versions(visit.key, visit.medium):
        if other.status == "candidate":
            settle(visit, other, "discarded")
    return row.version


def say_on_card(visit: Visit, version: str, facts: Mapping[str, Any]) -> None:
    checkpoints = visit.studio.registry.checkpoints
    said = checkpoints.find(visit.medium, version).card
    # Who accepts again after a crash has said some of it.
    if fresh := {name: fact for name, fact in facts.items() if name not in said}:
        checkpoints.add_to_card(visit.medium, version, fresh)


def settle(visit: Visit, row: VersionRow, status: str) -> None:
    visit.studio.store.note_version(
        visit.key, visit.medium, row.version, row.parent, row.measured, status
    )
    if status == "discarded":
        with suppress(NotFound):  # gone already
            visit.studio.registry.checkpoints.remove(visit.medium, row.version)


def teach(
    studio: Studio,
    generator: Generator,
    learn: Callable[..., FineTuneResult],
    source: Mapping[str, Any],
    wanted: Mapping[str, str],
    context: JobContext,
    *,
    is_kept: bool,
) -> dict[str, Any]:
    """The work of the job: learn, keep the new version as a candidate, and make the comparison.

    Args:
        learn, source, is_kept: see `submit`.
        wanted: see `chosen`.

    Raises:
        NotEnoughRatings, BadUpload, BadCheckpoint: the sentence is shown where the lesson was.
        Cancelled: nothing is left behind.
    """
    unfinished = studio.unfinished(context.key, generator.medium)
    try:
        result = studio.registry.learn(
            learn,
            generator,
            unfinished=unfinished if is_kept else None,
            strength=wanted["strength"],
            deep=wanted.get("depth") == "deep",
            preview_noise=noise_from_seeds(SHOWN),
            seconds=studio.settings.lesson_seconds,
            samples=studio.settings.lesson_works,
            progress=Telling(context),
            is_cancelled=lambda: context.cancelled,
        )
    except FineTuneCancelled:
        if not context.is_closing:
            forget(unfinished)
        raise Cancelled from None
    except (NotEnoughRatings, BadUpload):
        forget(unfinished)
        raise
    try:
        made = kept(studio, generator, result, source, context)
    except Cancelled:
        if not context.is_closing:
            forget(unfinished)
        raise
    forget(unfinished)
    return made


def teach_less(
    studio: Studio, row: VersionRow, ratings: Ratings, context: JobContext
) -> dict[str, Any]:
    """The work of the job that makes a weaker version of a candidate.

    The strong one stays a candidate until the weaker one is decided.

    Raises:
        NotEnoughRatings, NotFound, BadCheckpoint: the sentence is shown beside the strong one.
        Cancelled: nothing is left behind.
    """
    registry = studio.registry
    generator = registry.use_apart(row.medium, row.parent)
    strong = registry.checkpoints.find(row.medium, row.version)
    try:
        result = registry.learn(
            guard.weaker,
            generator,
            result=FineTuneResult(strong.tensors("adapter"), row.measured),
            ratings=ratings,
            base=base_of(studio, generator),
            samples=studio.settings.lesson_works,
            progress=Telling(context),
            is_cancelled=lambda: context.cancelled,
        )
    except FineTuneCancelled:
        raise Cancelled from None
    source = {"ratings": len(ratings)}
    if "people" in strong.card:
        source["people"] = strong.card["people"]
    return kept(studio, generator, result, source, context)


def base_of(studio: Studio, generator: Generator) -> Generator:
    base = studio.registry.base(generator.medium, generator.version)
    return studio.registry.use_apart(generator.medium, base.version)


def kept(
    studio: Studio,
    generator: Generator,
    result: FineTuneResult,
    source: Mapping[str, Any],
    context: JobContext,
) -> dict[str, Any]:
    """Keep what was learned as a candidate; what the page shows of it.

    Raises:
        BadCheckpoint: it could not be written.
        Cancelled: nothing is left behind.
    """
    context.progress(0.97, "teach.stage.saving")
    medium, registry, measured = generator.medium, studio.registry, result.measured
    card = {**source, "job": context.job_id}
    version = registry.add_fine_tune(generator, result.adapter, measured, card)
    noise = noise_from_seeds(SHOWN)
    try:
        tuned = registry.use_apart(medium, version)
        made = {"version": version, "measured": measured}
        made["before"] = small(generator.decode(generator.map(noise)))
        made["after"] = small(tuned.decode(tuned.map(noise)))
        context.check()
        studio.store.note_version(
            context.key, medium, version, generator.version, measured, "candidate"
        )
    except BaseException:
        registry.checkpoints.remove(medium, version)
        raise
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
