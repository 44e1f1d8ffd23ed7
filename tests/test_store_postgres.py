"""PostgreSQL, a real one: a studio outlives a restart of its database, and several share one.

A private server is started for these tests where its programs and the driver are found.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html import escape
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from studio import jobs as jobs_module
from studio.jobs import JobContext, Jobs
from studio.latent import noise_from_seeds
from studio.medium import Recipe
from studio.settings import Settings
from studio.store import NotSaved, Store
from studio.store import jobs as records
from studio.store.tables import StateRecord
from studio.studio import Studio
from studio.taste import climb, finetune
from studio.ui import lesson
from studio.ui.header import fleeting
from studio.ui.session import Visit
from studio.ui.teach_views import comparison
from tests import buckets
from tests.teaching import MEDIUM, ROUNDS, UNHURRIED, WORKS
from tests.test_crash import finished, newcomer
from tests.test_jobs import until_cancelled, wait_until

DEBIAN = Path("/usr/lib/postgresql")
WORK = Recipe("painting", "v1", (1.0,))


class Server:
    """A PostgreSQL cluster on a socket in a folder of its own."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs, self.folder, self.data = programs, folder, folder / "data"
        # PostgreSQL refuses to run as root.
        self.who = ["runuser", "-u", "nobody", "--"] if os.geteuid() == 0 else []
        if self.who:
            shutil.chown(folder, "nobody")
        self.run("initdb", "-D", str(self.data), "-A", "trust", "-U", "artist", "-E", "UTF8")

    def run(self, program: str, *arguments: str) -> None:
        command = [*self.who, str(self.programs / program), *arguments]
        subprocess.run(command, check=True, cwd=self.folder, stdout=subprocess.DEVNULL, timeout=120)

    def start(self) -> None:
        options = f"-c listen_addresses='' -k {self.folder}"
        log = str(self.folder / "log")
        self.run("pg_ctl", "-D", str(self.data), "-w", "-l", log, "-o", options, "start")

    def stop(self, how: str = "immediate") -> None:
        self.run("pg_ctl", "-D", str(self.data), "-w", "-m", how, "stop")

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://artist@/postgres?host={self.folder}"


def programs() -> Path | None:
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    return next((path.parent for path in sorted(DEBIAN.glob("*/bin/initdb"), reverse=True)), None)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Server]:
    pytest.importorskip("psycopg", reason="the driver is not installed: requirements-scale.txt")
    where = programs()
    if where is None:
        pytest.skip("no PostgreSQL is installed here")
    # A socket's path has to be short.
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as folder:
        server = Server(where, Path(folder))
        server.start()
        yield server
        server.stop()


@pytest.fixture
def settings(home: Path, checkpoints: Path, cluster: Server) -> Settings:
    return Settings(home=home, checkpoints=checkpoints, device="cpu", database_url=cluster.url)


def test_a_studio_outlives_a_restart_of_its_database(studio: Studio, cluster: Server) -> None:
    key = studio.store.open_session(None).key
    work = studio.store.keep_artwork(key, WORK, "<img>")
    # Many connections, all of which the restart breaks.
    with ThreadPoolExecutor(12) as people:
        list(people.map(lambda _: studio.store.artworks(key), range(48)))
    assert studio.ailments() == []
    cluster.stop()
    with pytest.raises(NotSaved, match="cannot reach its database"):
        studio.store.rate(key, work, stars=4)
    assert studio.ailments() == ["store_unreachable"]
    cluster.start()
    assert studio.ailments() == []
    with ThreadPoolExecutor(12) as people:
        assert len(list(people.map(lambda _: studio.store.artworks(key), range(48)))) == 48
    studio.store.rate(key, work, stars=5)
    assert [row.stars for row in studio.store.ratings(key, "painting")] == [5]


@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_one_who_is_cut_off_in_the_middle_is_told_and_nothing_is_half_written(
    store: Store, cluster: Server, how: str
) -> None:
    key = store.open_session(None).key
    unreachable = pytest.raises(NotSaved, match="cannot reach its database")
    with unreachable, store._database.writing() as db:
        db.add(StateRecord(session_id=store.belongings.number(key), name="half", value={}))
        db.flush()
        cluster.stop(how)
    cluster.start()
    assert store.load_state(key, "half") is None
    store.save_state(key, "whole", {"seed": 7})
    assert store.load_state(key, "whole") == {"seed": 7}


def test_there_is_no_file_to_copy(store: Store, tmp_path: Path) -> None:
    assert not store.copy_to(tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


def test_a_restart_that_nobody_saw_costs_nobody_an_error(store: Store, cluster: Server) -> None:
    key = store.open_session(None).key
    with ThreadPoolExecutor(8) as people:
        list(people.map(lambda _: store.artworks(key), range(32)))
    cluster.stop("fast")
    cluster.start()
    store.save_state(key, "first", {"after": True})
    assert store.load_state(key, "first") == {"after": True}


@pytest.fixture
def other_store(cluster: Server) -> Iterator[Store]:
    """What another process has."""
    store = Store(cluster.url)
    yield store
    store.close()


def test_a_second_process_leaves_the_work_of_the_first_alone_and_can_stop_it(
    store: Store, other_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_module, "BEAT_SECONDS", 0.05)
    key = store.open_session(None).key
    first = Jobs(store)
    job = first.submit(key, "finetune", "painting", until_cancelled)
    wait_until(lambda: first.get(key, job).status == "running")
    second = Jobs(other_store)
    assert second.get(key, job).status == "running"
    assert second.submit(key, "finetune", "painting", until_cancelled, once=True) == job
    second.cancel(key, job)
    wait_until(lambda: first.get(key, job).is_finished)
    assert second.get(key, job).status == "cancelled"
    first.submit(key, "finetune", "painting", until_cancelled)
    # Somebody deletes everything, on the other machine.
    other_store.belongings.delete(store.belongings.number(key), with_shared=False)
    wait_until(lambda: first.unfinished == 0)
    first.shutdown()
    second.shutdown()


def test_work_of_a_process_that_is_gone_counts_as_interrupted(
    store: Store, other_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, go = store.open_session(None).key, threading.Event()

    def work(context: JobContext) -> dict[str, object]:
        go.wait(60)
        return {}

    first = Jobs(store)
    assert first._heart
    first._heart.stop()
    job = first.submit(key, "finetune", "painting", work)
    wait_until(lambda: first.get(key, job).status == "running")
    other_store.jobs.beat(())
    assert first.get(key, job).status == "running"
    # As if a minute had passed.
    monkeypatch.setattr(records, "SILENCE", -records.SILENCE)
    other_store.jobs.beat(())
    assert first.get(key, job).status == "interrupted"
    go.set()
    first.shutdown()


def test_processes_that_start_together_make_the_tables_once(cluster: Server) -> None:
    engine = create_engine(cluster.url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("CREATE DATABASE together"))
    engine.dispose()
    url = cluster.url.replace("/postgres?", "/together?")
    with ThreadPoolExecutor(4) as processes:
        for store in processes.map(Store, [url] * 4):
            store.check()
            store.close()


ANOTHER = """
import sys
from studio.latent import noise_from_seeds
from studio.settings import load_settings
from studio.studio import Studio
from studio.ui.session import Visit

studio = Studio.start(load_settings())
generator = Visit(studio, sys.argv[1], sys.argv[2], "en").generator
print(generator.version, generator.map(noise_from_seeds([7])).sum().item())
studio.close()
"""
"""Another machine: it samples what a person goes on with."""


def test_what_one_machine_is_taught_another_samples(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bucket is away while the lesson ends: it is kept, said, and sent later."""
    from latent_stripes.generator import publish

    monkeypatch.setattr(finetune, "MOST_ROUNDS", ROUNDS)
    monkeypatch.setattr(climb.Climb, "least_rounds", ROUNDS)
    monkeypatch.setattr(climb, "ROUND_SECONDS", UNHURRIED)
    # A base that no machine was shipped with: the bucket has it from the first one.
    publish(settings.home / "checkpoints")
    update = {"checkpoints": buckets.URL, "lesson_works": WORKS, "threads": 1}
    with buckets.serving() as bucket:
        studio = Studio.start(settings.model_copy(update=update))
        visit = newcomer(studio)
        bucket.leave()
        lesson.start(visit)
        job = finished(visit)
        assert job.status == "done", job
        sentence = visit.words("teach.unsent").partition(";")[0]
        assert sentence in comparison(visit, job)
        assert escape(visit.words("yours.bucket_away")) in fleeting(visit)
        version = lesson.decide(visit, "accepted", anyway=True)
        studio.store.use_version(visit.key, MEDIUM, version)
        bucket.come_back()
        studio.meet_others()
        assert sentence not in comparison(visit, job)
        assert fleeting(visit) == ""
        generator = Visit(studio, visit.key, MEDIUM, "en").generator
        expected = generator.map(noise_from_seeds([7])).sum().item()
        environment = os.environ | {
            "STUDIO_HOME": str(tmp_path / "another"),
            "STUDIO_CHECKPOINTS": buckets.URL,
            "STUDIO_DATABASE_URL": settings.resolved_database_url,
            "STUDIO_DEVICE": "cpu",
            "STUDIO_THREADS": "1",
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        said = subprocess.run(
            [sys.executable, "-c", ANOTHER, visit.key, MEDIUM],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
            timeout=600,
        ).stdout.split()
        studio.close()
    assert generator.version == version
    assert said == [version, str(expected)]
