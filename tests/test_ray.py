"""A studio on a Ray cluster of two workers on this machine: it makes what a studio by itself makes,
and goes on when a worker dies."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch

from studio.checkpoint import Checkpoints
from studio.errors import NotFound
from studio.jobs import JobContext
from studio.latent import noise_from_seeds
from studio.line import Overtaken
from studio.manipulation import DRAG, BadGesture, Drag, Pliable, Stroke
from studio.medium import Generator
from studio.registry import Registry
from studio.settings import Settings
from studio.store import JobRow
from studio.studio import Studio
from studio.taste.blend import blend
from studio.taste.telling import FineTuneCancelled
from studio.ui import lesson
from studio.ui.session import Visit
from studio.words import Words
from tests.slow_lesson import slowly
from tests.test_cluster import taught
from tests.test_crash import newcomer

ray = pytest.importorskip("ray")

from ray.cluster_utils import Cluster  # noqa: E402

from studio.cluster import calls  # noqa: E402
from studio.cluster.calls import Away  # noqa: E402
from studio.cluster.registry import ClusterRegistry  # noqa: E402

pytestmark = pytest.mark.thorough
NOISE = noise_from_seeds(range(1, 4))
LONG = 240.0
"""Seconds that anything may take on a busy machine."""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, checkpoints: Path) -> Settings:
    return Settings(
        home=tmp_path_factory.mktemp("far"),
        checkpoints=checkpoints,
        device="cpu",
        threads=1,
        lesson_works=16,
        engine="ray",
        ray_replicas="1-2",
        ray_cpus=0.25,
    )


@pytest.fixture(scope="module")
def no_loop() -> Iterator[None]:
    """A browser that tests of this process began counts as an event loop, in which Ray waits for
    nothing. The studio asks from threads that have none."""
    loop = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(loop)


@pytest.fixture(scope="module")
def cluster(no_loop: None) -> Iterator[None]:
    """Where STUDIO_TEST_RAY_ADDRESS names one, a cluster on this machine that runs already, and
    finds studio and example where these tests do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        # Workers find the example medium where these tests do.
        patch.setenv("PYTHONPATH", os.pathsep.join([str(Path.cwd()), *sys.path]))
        patch.setattr(calls, "PATIENCE", LONG)
        if there := os.environ.get("STUDIO_TEST_RAY_ADDRESS"):
            patch.setenv("RAY_ADDRESS", there)
            yield
            return
        quiet = {"include_dashboard": False, "num_cpus": 0}
        cluster = Cluster(initialize_head=True, head_node_args=quiet)
        for _ in range(2):
            cluster.add_node(num_cpus=2)
        patch.setenv("RAY_ADDRESS", cluster.address)
        yield
        cluster.shutdown()


@pytest.fixture(scope="module")
def studio(settings: Settings, cluster: None) -> Iterator[Studio]:
    studio = Studio.start(settings)
    yield studio
    studio.close()


@pytest.fixture(scope="module")
def registry(studio: Studio) -> ClusterRegistry:
    assert isinstance(studio.registry, ClusterRegistry)
    return studio.registry


@pytest.fixture(scope="module")
def near(settings: Settings) -> Registry:
    """The same versions in this process."""
    return Registry(
        Checkpoints(settings.checkpoints, settings.home / "checkpoints"), "cpu", 2**31, 1
    )


def bare(registry: Registry, medium: str) -> Any:
    return registry.use_apart(medium)


def processes(title: str) -> list[int]:
    """Workers of Ray's whose title begins so."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "cmdline").read_text().startswith(title):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def replicas(medium: str) -> list[int]:
    found = processes("ray::ServeReplica:latent-studio-")
    titles = {one: Path(f"/proc/{one}/cmdline").read_text() for one in found}
    return [one for one, title in titles.items() if f"-{medium}:" in title]


def until(is_so: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + LONG
    while not (found := is_so()):
        assert time.monotonic() < deadline, what
        time.sleep(0.05)
    return found


def looks(works: Any) -> list[str]:
    return [work.show("a work") for work in works]


@pytest.mark.parametrize("name", ["painting", "melody", "stripes"])
def test_a_cluster_makes_what_one_process_makes(
    name: str, registry: ClusterRegistry, near: Registry
) -> None:
    one, other = bare(registry, name), bare(near, name)
    assert isinstance(one, Generator)
    assert isinstance(one, Pliable) is isinstance(other, Pliable)
    assert one.directions == other.directions
    assert torch.equal(one.statistics.mean, other.statistics.mean)
    latents = other.map(NOISE)
    assert torch.equal(one.map(NOISE), latents)
    assert one.decode(latents[:0]) == []
    # One by one, since a pass of another size may round otherwise.
    mine = [one.decode(row)[0] for row in latents.split(1)]
    theirs = [other.decode(row)[0] for row in latents.split(1)]
    assert looks(mine) == looks(theirs)
    assert [work.recipe for work in mine] == [work.recipe for work in theirs]
    assert torch.allclose(one.features(mine), other.features(theirs), atol=1e-4)
    for key, values in other.attributes(theirs).items():
        assert torch.allclose(one.attributes(mine)[key], values, atol=1e-4)
    if name == "painting":
        # What draws the large picture stayed there.
        assert mine[0].export("png") == theirs[0].export("png")
        assert one.sources(mine) == other.sources(theirs)
    with pytest.raises(ValueError):
        one.decode(torch.full((1, one.latent_dim), torch.nan))


def test_a_hand_is_followed_step_by_step(registry: ClusterRegistry, near: Registry) -> None:
    one, other = bare(registry, "painting"), bare(near, "painting")
    latent = other.map(NOISE[:1])[0]
    drag = [Drag((0.4, 0.4), (0.6, 0.6))]
    assert DRAG in one.graspable
    mine, theirs = one.follow(latent, drag), other.follow(latent, drag)
    for _ in range(2):
        assert torch.allclose(next(mine)[0], next(theirs)[0], atol=1e-3)
    mine.close()
    melody = bare(registry, "melody")
    with pytest.raises(BadGesture):
        # Every bar is locked.
        next(
            melody.follow(
                melody.map(NOISE[:1])[0], [Stroke(((0, 0.5), (0.9, 0.1)), 0.1)], {}, range(4)
            )
        )


def test_people_who_ask_at_the_same_time_share_passes(registry: ClusterRegistry) -> None:
    generator = registry.use("painting")
    latents = generator.map(noise_from_seeds(range(100, 132)))
    generator.decode(generator.map(NOISE[:1]))
    passes: list[int] = []
    counted, registry.traffic.decoded = (
        registry.traffic.decoded,
        lambda _, works: passes.append(works),
    )

    def ask(number: int) -> Any:
        with registry.line.asking(f"person {number}"):
            return generator.decode(latents[number : number + 1])[0].recipe.latent

    try:
        with ThreadPoolExecutor(32) as people:
            made = list(people.map(ask, range(32)))
    finally:
        registry.traffic.decoded = counted
    assert made == [tuple(row.tolist()) for row in latents]
    assert sum(passes) == 32
    assert max(passes) > 1
    assert len(passes) < 24


def test_what_is_overtaken_is_not_made(registry: ClusterRegistry) -> None:
    generator = registry.use("painting")
    latents = generator.map(noise_from_seeds(range(200, 264)))
    answers: list[str] = []
    started = threading.Event()

    def first() -> None:
        with registry.line.asking("ada", "dial", is_passing=True):
            started.set()
            try:
                generator.decode(latents)
                answers.append("made")
            except Overtaken:
                answers.append("overtaken")

    thread = threading.Thread(target=first)
    thread.start()
    started.wait(LONG)
    until(lambda: registry.line.calls, "nobody asked")
    with registry.line.asking("ada", "dial", is_passing=True):
        assert len(generator.decode(latents[:1])) == 1
    thread.join(LONG)
    assert answers == ["overtaken"]
    assert not registry.line.running
    assert not registry.line.calls


def test_a_version_made_later_is_found_and_so_is_what_lies_between(
    registry: ClusterRegistry, near: Registry
) -> None:
    parent = near.use("stripes", "base")
    version = near.add_fine_tune(parent, taught(parent, 1), {"gain": 1.0})
    latents = near.use("stripes", version).map(NOISE)
    assert torch.equal(registry.use("stripes", version).map(NOISE), latents)
    half = blend(registry.checkpoints, "stripes", {version: 0.5})
    here, there = (half.on(models.use("stripes", "base")) for models in (near, registry))
    assert torch.equal(here.map(NOISE), there.map(NOISE))
    assert there.decode(latents)[0].recipe.version == "blend"
    with pytest.raises(ValueError):
        registry.use("stripes", "base").adapted({"0.down": torch.zeros(2, 3)}, "bad")
    with pytest.raises(NotFound):
        registry.use("stripes", "no-such-version")


def test_the_studio_says_what_replicas_hold(studio: Studio, registry: ClusterRegistry) -> None:
    registry.use("stripes").map(NOISE)
    rows = {(one.medium, one.version): one for one in registry.resident()}
    assert rows["stripes", "base"].device == "cpu"
    assert registry.used_bytes() == sum(one.bytes for one in rows.values()) > 0
    assert b"studio_models_bytes" in registry.traffic.text()
    assert studio.ailments() == []


def test_a_second_studio_uses_the_same_replicas(
    settings: Settings, registry: ClusterRegistry
) -> None:
    registry.use("stripes").map(NOISE)
    before = replicas("stripes")
    second = ClusterRegistry(settings, registry.checkpoints)
    second.use("stripes").map(NOISE)
    assert replicas("stripes") == before


def test_a_killed_replica_costs_nobody_anything(registry: ClusterRegistry, near: Registry) -> None:
    generator = registry.use("painting")
    latents = near.use("painting").map(noise_from_seeds(range(300, 332)))
    generator.decode(latents[:1])
    made: list[Any] = []
    thread = threading.Thread(target=lambda: made.extend(generator.decode(latents)))
    thread.start()
    until(lambda: registry.line.calls, "nobody asked")
    killed = replicas("painting")
    for process in killed:
        os.kill(process, signal.SIGKILL)
    # Whoever asks for something else does not notice.
    assert len(registry.use("stripes").map(NOISE)) == 3
    thread.join(LONG)
    assert [work.recipe.latent for work in made] == [tuple(row.tolist()) for row in latents]
    assert set(replicas("painting")).isdisjoint(killed)
    assert len(generator.decode(latents[:2])) == 2


def test_whoever_gets_no_answer_reads_why(
    registry: ClusterRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = registry.use("painting")
    latents = generator.map(noise_from_seeds(range(400, 432)))
    monkeypatch.setattr(calls, "PATIENCE", 0.01)
    with pytest.raises(Away) as raised:
        generator.decode(latents)
    for language in ("en", "zh"):
        assert Words(language).error(raised.value)
    monkeypatch.setattr(calls, "PATIENCE", LONG)
    assert len(generator.decode(latents[:1])) == 1


def finished(visit: Visit) -> JobRow:
    def over() -> JobRow | None:
        job = lesson.latest(visit)
        return job if job is not None and job.is_finished else None

    found: JobRow = until(over, "the lesson never ended")
    return found


def test_a_lesson_learns_in_a_task_what_it_learns_here(
    studio: Studio, near: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[dict[str, Any]] = []
    progress = JobContext.progress

    def heard(context: JobContext, share: float, stage: str, **values: Any) -> None:
        said.append({"share": share, "stage": stage, **values})
        progress(context, share, stage, **values)

    monkeypatch.setattr(JobContext, "progress", heard)
    visit = newcomer(studio)
    lesson.start(visit)
    job = finished(visit)
    assert job.status == "done", job
    stages = [one["stage"] for one in said]
    assert {"teach.stage.preparing", "teach.stage.learning", "teach.stage.checking"} <= set(stages)
    assert any(one.get("preview") for one in said)
    assert len(job.result["before"]) == len(job.result["after"]) == 8
    assert lesson.is_undecided(visit, job)
    assert not studio.unfinished(visit.key, visit.medium).exists()
    version = str(job.result["version"])
    tuned = near.use("stripes", version)
    assert torch.equal(studio.registry.use("stripes", version).map(NOISE), tuned.map(NOISE))
    assert lesson.decide(visit, "accepted", anyway=True) == version


class Pupil:
    """One lesson in a thread of its own."""

    def __init__(self, registry: ClusterRegistry, file: Path | None, rounds: int) -> None:
        self.said: list[float] = []
        self.stop = threading.Event()
        self.result: Any = None
        generator = registry.use_apart("stripes")

        def learn() -> None:
            try:
                self.result = registry.learn(
                    slowly,
                    generator,
                    progress=lambda share, _: self.said.append(share),
                    is_cancelled=self.stop.is_set,
                    unfinished=file,
                    rounds=rounds,
                )
            except Exception as error:
                self.result = error

        self.thread = threading.Thread(target=learn)
        self.thread.start()

    def end(self) -> Any:
        self.thread.join(LONG)
        return self.result


def test_a_lesson_is_stopped(registry: ClusterRegistry, tmp_path: Path) -> None:
    pupil = Pupil(registry, tmp_path / "kept", 10_000)
    until(lambda: pupil.said, "nothing was said")
    assert processes("ray::lesson stripes")
    pupil.stop.set()
    assert isinstance(pupil.end(), FineTuneCancelled)
    until(lambda: not processes("ray::lesson stripes"), "the worker went on")


def test_a_lesson_whose_worker_is_killed_goes_on_where_it_was(
    registry: ClusterRegistry, tmp_path: Path
) -> None:
    file = tmp_path / "lessons" / "kept"
    pupil = Pupil(registry, file, 60)
    until(file.exists, "nothing was kept")
    (worker,) = processes("ray::lesson stripes")
    os.kill(worker, signal.SIGKILL)
    result = pupil.end()
    assert result["version"] == "base"
    assert result["first"] == worker != result["last"]
    assert result["taken_up"] > 0
    assert sorted(pupil.said) == pupil.said
    # So does one whose studio stopped, on whichever worker.
    assert file.read_text().split()[1] == str(worker)
    again = Pupil(registry, file, 60).end()
    assert again["first"] == worker
    assert again["taken_up"] >= result["taken_up"]


def test_a_lesson_that_no_worker_survives_says_so(
    registry: ClusterRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "TRIES", 1)
    pupil = Pupil(registry, None, 10_000)
    until(lambda: pupil.said, "nothing was said")
    for worker in processes("ray::lesson stripes"):
        os.kill(worker, signal.SIGKILL)
    assert isinstance(pupil.end(), Away)
    assert "ratings" in str(pupil.result)
