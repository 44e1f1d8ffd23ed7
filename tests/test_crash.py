"""What a crash, a cancel, a second click or a full disk leaves of a lesson: no rating lost, no
broken version, and a way on."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch

from studio import adapter as low_rank
from studio.checkpoint import LEFTOVER_SECONDS
from studio.jobs import JobContext
from studio.latent import noise_from_seeds
from studio.removal import LESSON_SECONDS
from studio.settings import Settings
from studio.store import JobRow, NotSaved
from studio.studio import Studio
from studio.taste import climb, finetune
from studio.ui import lesson, versions
from studio.ui.session import Visit
from studio.ui.teach_views import outcome
from studio.words import LANGUAGES, Words
from tests.teaching import MEDIUM, ROUNDS, STEPS, UNHURRIED, WORKS, settings_of

ROOT = Path(__file__).resolve().parent.parent
RATED = 30
PATIENCE_SECONDS = 120
STAGES = ("job.starting", *(f"teach.stage.{s}" for s in ("preparing", "learning", "checking")))
SAVING = "teach.stage.saving"


@pytest.fixture(autouse=True)
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finetune, "MOST_ROUNDS", ROUNDS)
    monkeypatch.setattr(climb.Climb, "least_rounds", ROUNDS)
    monkeypatch.setattr(climb, "ROUND_SECONDS", UNHURRIED)
    monkeypatch.setattr(climb, "STEPS", STEPS)


@pytest.fixture(scope="module")
def checkpoints(checkpoints: Path, bases: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a painter that is quick: it is taught beside another medium."""
    root = tmp_path_factory.mktemp("checkpoints")
    for folder in checkpoints.iterdir():
        known = bases if (bases / folder.name).exists() else checkpoints
        (root / folder.name).symlink_to(known / folder.name)
    return root


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Lessons of few works."""
    return settings.model_copy(update={"lesson_works": WORKS})


def rate(studio: Studio, key: str, medium: str = MEDIUM, count: int = RATED) -> None:
    """The stars of somebody who likes warm colours."""
    generator = studio.registry.use(medium)
    works = generator.decode(generator.map(noise_from_seeds(range(count))))
    order = generator.attributes(works)["warmth"].argsort().argsort()
    for work, place in zip(works, order.tolist(), strict=True):
        assert work.recipe is not None
        artwork = studio.store.keep_artwork(key, work.recipe, "")
        studio.store.rate(key, artwork, stars=1 + 5 * place // count)


@pytest.fixture
def visit(studio: Studio) -> Visit:
    """Somebody who has rated."""
    return newcomer(studio)


def newcomer(studio: Studio, medium: str = MEDIUM) -> Visit:
    key = studio.store.open_session(None).key
    rate(studio, key, medium)
    return Visit(studio, key, medium, "en")


def finished(visit: Visit) -> JobRow:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (job := lesson.latest(visit)) is None or not job.is_finished:
        assert time.monotonic() < deadline, "the lesson never ended"
        time.sleep(0.01)
    return job


def own_versions(studio: Studio, medium: str = MEDIUM) -> list[str]:
    """What is listed besides what came with the studio; each of it can be trusted."""
    found = [c.version for c in studio.registry.versions(medium) if not c.is_base]
    for version in found:
        studio.registry.checkpoints.find(medium, version)
    return found


def written(studio: Studio) -> list[str]:
    """Folders of versions, whole or not, and lessons under way."""
    home = studio.settings.home
    places = (*home.glob("checkpoints/*/*"), *home.glob("lessons/*"))
    return sorted(path.name for path in places)


def expect_a_fresh_lesson(visit: Visit) -> str:
    """A new lesson starts at once, and makes the only version there is."""
    lesson.start(visit)
    job = finished(visit)
    assert job.status == "done", job
    assert lesson.is_undecided(visit, job)
    assert written(visit.studio) == own_versions(visit.studio, visit.medium)
    return str(job.result["version"])


# Killed


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory, checkpoints: Path) -> Path:
    """A home for every step of a lesson, left by a process that was killed before it."""
    root = tmp_path_factory.mktemp("homes")
    studio = Studio.start(settings_of(root / "rated", checkpoints))
    (root / "key").write_text(newcomer(studio).key)
    studio.close()
    subprocess.run(
        [sys.executable, str(ROOT / "tests" / "teaching.py"), str(root), str(checkpoints)],
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
    )
    return root


@contextlib.contextmanager
def restarted(home: Path, checkpoints: Path, key: str) -> Iterator[Visit]:
    studio = Studio.start(settings_of(home, checkpoints))
    yield Visit(studio, key, MEDIUM, "en")
    studio.close()


@pytest.mark.thorough
def test_a_lesson_that_is_killed_anywhere_leaves_nothing_broken_and_goes_on(
    homes: Path, checkpoints: Path
) -> None:
    key = (homes / "key").read_text()
    with restarted(homes / "whole", checkpoints, key) as visit:
        [version] = own_versions(visit.studio)
        expected = visit.studio.registry.checkpoints.find(MEDIUM, version).tensors("adapter")
    killed = sorted(int(path.name) for path in homes.iterdir() if path.name.isdigit())
    stages: Counter[str] = Counter()
    for step in killed:
        with restarted(homes / str(step), checkpoints, key) as visit:
            studio = visit.studio
            job = lesson.latest(visit)
            assert studio.store.rating_counts(key, MEDIUM)["stars"] == RATED
            assert own_versions(studio) == []
            assert [c.version for c in versions.within_reach(visit)] == ["base"]
            noted = studio.store.noted_versions(key, MEDIUM)
            assert all(row.status == "discarded" for row in noted)
            assert visit.generator.decode(visit.generator.map(torch.zeros(1, 128)))
            if job is not None:
                assert job.status == "interrupted"
                stages[job.stage] += 1
            for left in (studio.settings.home / "checkpoints").glob("*/.*"):
                # Young ones may be another process's work.
                assert left.is_dir()
                os.utime(left, (0, time.time() - 2 * LEFTOVER_SECONDS))
            studio.registry.checkpoints.remove_leftovers()
            version = expect_a_fresh_lesson(visit)
            found = studio.registry.checkpoints.find(MEDIUM, version).tensors("adapter")
            assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
    # It was killed in the midst of everything.
    assert set(stages) >= {"", *STAGES, SAVING}
    assert stages[SAVING] > 3


@pytest.mark.parametrize("stage", ["teach.stage.learning", SAVING])
def test_a_studio_that_is_stopped_in_good_order_goes_on_too(
    visit: Visit, settings: Settings, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopping = threading.Event()

    def stop(context: JobContext) -> None:
        stopping.set()
        assert context._closing.wait(PATIENCE_SECONDS)

    with monkeypatch.context() as patch:
        at(stage, stop, patch)
        lesson.start(visit)
        assert stopping.wait(PATIENCE_SECONDS)
        visit.studio.jobs.shutdown()
    job = lesson.latest(visit)
    assert job is not None
    assert (job.status, job.stage) == ("interrupted", stage)
    assert own_versions(visit.studio) == []
    with restarted(settings.home, settings.checkpoints, visit.key) as again:
        assert lesson.can_go_on(again)
        rounds = climb.Climb.round
        taught: list[int] = []
        monkeypatch.setattr(
            climb.Climb, "round", lambda *a, **k: (taught.append(1), rounds(*a, **k))
        )
        expect_a_fresh_lesson(again)
    assert len(taught) == (ROUNDS - 1 if stage == "teach.stage.learning" else 0)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("stage", ["", *STAGES, SAVING])
def test_what_was_interrupted_says_where(visit: Visit, stage: str, language: str) -> None:
    store, key = visit.studio.store, visit.key
    job, _ = store.jobs.add(key, lesson.KIND, MEDIUM)
    store.jobs.change(job, status="interrupted", stage=stage, progress=0.452)
    said = outcome(Visit(visit.studio, key, MEDIUM, language), lesson.latest(visit))
    words = Words(language)
    part = stage.rpartition(".")[2] if stage else "waiting"
    where = words(f"teach.interrupted.{'preparing' if part == 'starting' else part}", share=45)
    assert words("teach.interrupted", where=where) in said
    assert ("45%" in said.replace(" ", "")) == (part in ("learning", "checking"))


def test_a_version_that_is_killed_while_it_is_deleted_is_gone(visit: Visit, monkeypatch) -> None:
    studio = visit.studio
    version = expect_a_fresh_lesson(visit)

    def killed(folder: Path) -> None:
        next(iter(folder.iterdir())).unlink()
        raise KeyboardInterrupt

    monkeypatch.setattr("studio.checkpoint.shutil.rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        lesson.decide(visit, "discarded")
    assert own_versions(studio) == []
    assert version not in written(studio)


def test_a_start_removes_nothing_that_somebody_may_want(visit: Visit, settings: Settings) -> None:
    """Versions of the command line, of another database, and lessons that wait to go on."""
    studio, base = visit.studio, visit.studio.registry.use_apart(MEDIUM)
    adapter = low_rank.adapter_tensors(low_rank.attach(base.mapping))
    kept = [
        studio.registry.add_fine_tune(base, adapter, {}, of) for of in ({}, {"job": "elsewhere"})
    ]
    mine = expect_a_fresh_lesson_of(visit, "clear")
    young, old = (studio.unfinished(key, MEDIUM) for key in ("young", "old"))
    young.parent.mkdir(exist_ok=True)
    for file in (young, old):
        file.write_bytes(b"a lesson")
    os.utime(old, (0, time.time() - 2 * LESSON_SECONDS))
    Studio.start(settings).close()
    assert sorted(own_versions(studio)) == sorted([*kept, mine])
    assert young.exists()
    assert not old.exists()


@pytest.mark.parametrize("harm", ["altered", "gone"])
def test_a_version_that_is_lost_gives_way_to_the_one_before(visit: Visit, harm: str) -> None:
    studio = visit.studio
    kept, lost = (expect_a_fresh_lesson_of(visit, strength) for strength in ("gentle", "bold"))
    folder = studio.registry.checkpoints.find(MEDIUM, lost).folder
    if harm == "gone":
        shutil.rmtree(folder)
    else:
        (folder / "adapter.safetensors").write_bytes(b"")
    studio.registry.promote(MEDIUM, kept)
    studio.registry.loaded.clear()
    again = Visit(studio, visit.key, MEDIUM, "en")
    assert again.generator.version == kept
    assert versions.in_use(again) == kept
    shutil.rmtree(studio.registry.checkpoints.find(MEDIUM, kept).folder)
    studio.registry.loaded.clear()
    last = Visit(studio, visit.key, MEDIUM, "en")
    assert last.generator.version == versions.in_use(last) == "base"


def expect_a_fresh_lesson_of(visit: Visit, strength: str) -> str:
    """One that is accepted."""
    visit.save("teach", {"strength": strength})
    lesson.start(visit)
    assert finished(visit).status == "done"
    version = lesson.decide(visit, "accepted")
    versions.use(visit, version)
    return version


# Cancelled


def at(stage: str, act: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do something once, at the moment when a lesson says that it is at a stage."""
    progress, done = JobContext.progress, []

    def telling(context: JobContext, share: float, said: str, **values: Any) -> None:
        progress(context, share, said, **values)
        if said == stage and not done:
            done.append(said)
            act(context)

    monkeypatch.setattr(JobContext, "progress", telling)


@pytest.mark.parametrize("strength", ["gentle", "bold"])
@pytest.mark.parametrize("stage", [*STAGES, SAVING])
def test_a_lesson_can_be_cancelled_at_every_stage(
    visit: Visit, stage: str, strength: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = visit.studio
    visit.save("teach", {"strength": strength})
    at(stage, lambda context: studio.jobs.cancel(visit.key, context.job_id), monkeypatch)
    lesson.start(visit)
    job = finished(visit)
    assert (job.status, job.stage, job.result) == ("cancelled", stage, {})
    assert written(studio) == []
    assert studio.store.noted_versions(visit.key, MEDIUM) == []
    assert studio.store.rating_counts(visit.key, MEDIUM)["stars"] == RATED
    expect_a_fresh_lesson(visit)


# Two at once


def test_many_clicks_start_one_lesson(visit: Visit) -> None:
    together = threading.Barrier(8)

    def click(_: int) -> None:
        together.wait()
        lesson.start(visit)

    with ThreadPoolExecutor(8) as tabs:
        list(tabs.map(click, range(8)))
    finished(visit)
    assert len(own_versions(visit.studio)) == 1
    assert visit.studio.jobs._waiting.empty()


def test_two_people_and_two_media_wait_for_each_other_and_all_are_taught(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finetune, "LEAST_GAIN", -9.0)
    first, second = newcomer(studio), newcomer(studio)
    rate(studio, first.key, "painting")
    other = Visit(studio, first.key, "painting", "en")
    may_go_on = threading.Event()
    at(STAGES[1], lambda context: may_go_on.wait(PATIENCE_SECONDS), monkeypatch)
    everybody = (first, second, other)
    for visit in everybody:
        lesson.start(visit)
    queue = [lesson.latest(visit) for visit in everybody]
    assert [job and job.place for job in queue] == [0, 1, 2]
    may_go_on.set()
    made = [str(finished(visit).result["version"]) for visit in everybody]
    assert len(set(made)) == 3
    assert sorted(own_versions(studio)) == sorted(made[:2])
    assert own_versions(studio, "painting") == made[2:]
    for visit, version in zip(everybody, made, strict=True):
        [row] = studio.store.noted_versions(visit.key, visit.medium)
        assert row.version == version


# A full disk


@pytest.fixture
def disk(studio: Studio) -> Iterator[Any]:
    """disk(True) takes no byte more, disk(False) does again."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(is_full: bool) -> None:
        # No file may grow beyond so many bytes: what is a full disk for a database and a model.
        resource.setrlimit(resource.RLIMIT_FSIZE, (512 if is_full else soft, hard))

    yield fill
    fill(False)


def test_a_lesson_is_not_begun_on_a_full_disk(visit: Visit, disk: Any) -> None:
    disk(True)
    with pytest.raises(NotSaved):
        lesson.start(visit)
    disk(False)
    assert lesson.latest(visit) is None
    expect_a_fresh_lesson(visit)


def test_a_lesson_learns_on_while_the_disk_is_full(
    visit: Visit, disk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    at("teach.stage.preparing", lambda context: disk(True), monkeypatch)
    learn = finetune.finetune

    def until_there_is_room(*arguments: Any, **named: Any) -> finetune.FineTuneResult:
        try:
            return learn(*arguments, **named)
        finally:
            disk(False)

    monkeypatch.setattr(lesson, "finetune", until_there_is_room)
    expect_a_fresh_lesson(visit)


@pytest.mark.parametrize("last", ["add_fine_tune", "use_apart"])
def test_a_version_that_finds_no_room_is_told_and_nothing_is_lost(
    visit: Visit, disk: Any, last: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder does not fit, or does but the row about it does not."""
    studio, registry = visit.studio, visit.studio.registry
    monkeypatch.setattr("studio.jobs.RETRY_SECONDS", 0.05)
    what = getattr(registry, last)
    full = threading.Event()

    def after_the_last_room(*arguments: Any, **named: Any) -> Any:
        if last == "add_fine_tune":
            disk(True)
            full.set()
            return what(*arguments, **named)
        found = what(*arguments, **named)
        if own_versions(studio):
            disk(True)
            full.set()
        return found

    monkeypatch.setattr(registry, last, after_the_last_room)
    lesson.start(visit)
    assert full.wait(PATIENCE_SECONDS)
    time.sleep(0.5)
    job = lesson.latest(visit)
    assert job is not None
    # That it failed has to wait for room too.
    assert job.status == "running"
    disk(False)
    job = finished(visit)
    assert job.status == "failed"
    assert job.error is not None
    assert job.error[0] in ("checkpoint_unwritable", "disk_full", "disk_fails")
    assert own_versions(studio) == []
    assert studio.store.rating_counts(visit.key, MEDIUM)["stars"] == RATED
    # What was learned is kept, so that the next one has only to be checked and saved.
    assert [Path(name).suffix for name in written(studio)] == [".safetensors"]
    monkeypatch.setattr(registry, last, what)
    monkeypatch.setattr(climb.Climb, "round", None)
    expect_a_fresh_lesson(visit)
