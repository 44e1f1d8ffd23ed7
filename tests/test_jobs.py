"""Background jobs: they say how far they are, can be stopped, and their results are kept."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import event

from studio.errors import NotEnoughRatings, NotFound
from studio.jobs import POLITENESS, JobContext, Jobs
from studio.settings import Settings
from studio.store import JobRow, Store
from studio.words import LANGUAGES, Words

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS = 20


def wait_until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_true():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def finished(jobs: Jobs, key: str, job: str) -> JobRow:
    wait_until(lambda: jobs.get(key, job).is_finished)
    return jobs.get(key, job)


def until_cancelled(context: JobContext) -> dict[str, int]:
    """Work that goes on for ever."""
    while True:
        context.check()
        time.sleep(0.005)


def test_a_job_says_how_far_it_is_and_keeps_its_result(jobs: Jobs, key: str) -> None:
    looked = threading.Event()

    def work(context: JobContext) -> dict[str, object]:
        context.progress(0.5, "teach.training", step=10, preview="<svg/>")
        assert looked.wait(PATIENCE_SECONDS)
        return {"version": "mine-1", "curve": [0.1, 0.2]}

    job = jobs.submit(key, "finetune", "painting", work)
    wait_until(lambda: jobs.get(key, job).progress == 0.5)
    row = jobs.get(key, job)
    assert (row.status, row.stage, row.place) == ("running", "teach.training", 0)
    assert row.values == {"step": 10, "preview": "<svg/>"}
    assert row.result == {}
    looked.set()
    row = finished(jobs, key, job)
    assert (row.status, row.progress, row.error) == ("done", 1.0, None)
    assert row.result == {"version": "mine-1", "curve": [0.1, 0.2]}


def test_jobs_wait_for_their_turn_and_know_their_place(jobs: Jobs, store: Store, key: str) -> None:
    release = threading.Event()
    order: list[int] = []

    def work(number: int) -> Callable[[JobContext], dict[str, object]]:
        def run(context: JobContext) -> dict[str, object]:
            order.append(number)
            assert release.wait(PATIENCE_SECONDS)
            return {}

        return run

    other = store.open_session(None).key
    first = jobs.submit(key, "finetune", "painting", work(1))
    wait_until(lambda: jobs.get(key, first).status == "running")
    second = jobs.submit(other, "finetune", "painting", work(2))
    third = jobs.submit(key, "finetune", "painting", work(3))
    assert [jobs.get(key, first).place, jobs.get(other, second).place] == [0, 1]
    assert jobs.get(key, third).place == 2
    latest = jobs.latest(key, "finetune", "painting")
    assert latest is not None
    assert latest.id == third
    release.set()
    finished(jobs, key, third)
    assert order == [1, 2, 3]


def test_a_running_job_can_be_cancelled(jobs: Jobs, key: str) -> None:
    job = jobs.submit(key, "finetune", "painting", until_cancelled)
    wait_until(lambda: jobs.get(key, job).status == "running")
    jobs.cancel(key, job)
    assert finished(jobs, key, job).status == "cancelled"
    jobs.cancel(key, job)
    assert jobs.get(key, job).status == "cancelled"


def test_a_waiting_job_that_is_cancelled_never_starts(jobs: Jobs, key: str) -> None:
    started = threading.Event()
    first = jobs.submit(key, "finetune", "painting", until_cancelled)
    second = jobs.submit(key, "finetune", "painting", lambda _: started.set() or {})
    jobs.cancel(key, second)
    assert jobs.get(key, second).status == "cancelled"
    jobs.cancel(key, first)
    third = jobs.submit(key, "finetune", "painting", lambda _: {"third": True})
    assert finished(jobs, key, third).result == {"third": True}
    assert jobs.get(key, second).status == "cancelled"
    assert not started.is_set()


def test_nobody_can_look_at_or_stop_anothers_job(jobs: Jobs, store: Store, key: str) -> None:
    other = store.open_session(None).key
    job = jobs.submit(key, "finetune", "painting", until_cancelled)
    with pytest.raises(NotFound):
        jobs.get(other, job)
    with pytest.raises(NotFound):
        jobs.cancel(other, job)
    assert jobs.latest(other, "finetune", "painting") is None
    assert not jobs.get(key, job).is_finished
    with pytest.raises(NotFound):
        jobs.submit("wrong", "finetune", "painting", until_cancelled)


def test_a_known_problem_keeps_its_words(jobs: Jobs, key: str) -> None:
    def work(context: JobContext) -> dict[str, object]:
        raise NotEnoughRatings("disk_full", folder=Path("/some/where"), needed=5)

    row = finished(jobs, key, jobs.submit(key, "finetune", "painting", work))
    assert row.status == "failed"
    assert row.error == ("disk_full", {"folder": "/some/where", "needed": 5})


def test_a_mistake_of_ours_is_logged_and_the_next_job_runs(
    jobs: Jobs, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    row = finished(jobs, key, jobs.submit(key, "finetune", "painting", lambda _: {"x": 1 / 0}))
    assert row.status == "failed"
    assert row.error is not None
    assert all(f"error.{row.error[0]}" in Words(language) for language in LANGUAGES)
    assert "ZeroDivisionError" in caplog.text
    unfit = jobs.submit(key, "finetune", "painting", lambda _: {"tensor": object()})
    assert finished(jobs, key, unfit).status == "failed"
    fine = jobs.submit(key, "finetune", "painting", lambda _: {})
    assert finished(jobs, key, fine).status == "done"


def test_what_cannot_be_written_does_not_end_the_queue(jobs: Jobs, key: str) -> None:
    def work(context: JobContext) -> dict[str, object]:
        raise NotEnoughRatings("disk_full", folder="half a sign: \ud83d")

    row = finished(jobs, key, jobs.submit(key, "finetune", "painting", work))
    assert (row.status, row.error) == ("failed", ("job_unexpected", {}))
    fine = jobs.submit(key, "finetune", "painting", lambda _: {})
    assert finished(jobs, key, fine).status == "done"


def test_what_is_wanted_once_is_queued_once(jobs: Jobs, store: Store, key: str) -> None:
    first, *others = (
        jobs.submit(key, "finetune", "painting", until_cancelled, once=True) for _ in range(3)
    )
    assert others == [first, first]
    other = jobs.submit(key, "finetune", "melody", lambda _: {}, once=True)
    assert other != first
    stranger = store.open_session(None).key
    assert jobs.submit(stranger, "finetune", "painting", lambda _: {}, once=True) != first
    jobs.cancel(key, first)
    finished(jobs, key, first)
    assert jobs.submit(key, "finetune", "painting", lambda _: {}, once=True) != first


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere niceness is the process's")
def test_work_gives_way_to_those_who_wait(jobs: Jobs, key: str) -> None:
    job = jobs.submit(
        key, "finetune", "painting", lambda _: {"niceness": os.getpriority(os.PRIO_PROCESS, 0)}
    )
    mine = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert finished(jobs, key, job).result == {"niceness": min(mine + POLITENESS, 19)}


def test_progress_is_not_written_more_often_than_a_person_can_see(
    jobs: Jobs, store: Store, key: str
) -> None:
    def work(context: JobContext) -> dict[str, object]:
        for step in range(2000):
            context.progress(step / 2000, "teach.training")
        return {}

    commits: list[object] = []
    event.listen(store._database.engine, "commit", commits.append)
    finished(jobs, key, jobs.submit(key, "finetune", "painting", work))
    assert 3 <= len(commits) < 100


def test_a_result_is_read_after_a_restart(store: Store, settings: Settings, key: str) -> None:
    jobs = Jobs(store)
    job = jobs.submit(key, "finetune", "painting", lambda _: {"version": "mine-1"})
    finished(jobs, key, job)
    jobs.shutdown()
    store.close()

    store = Store(settings.resolved_database_url)
    jobs = Jobs(store)
    row = jobs.latest(key, "finetune", "painting")
    assert row is not None
    assert (row.id, row.status, row.result) == (job, "done", {"version": "mine-1"})
    jobs.shutdown()
    store.close()


def test_shutting_down_interrupts_what_is_unfinished(store: Store, key: str) -> None:
    jobs = Jobs(store)
    running = jobs.submit(key, "finetune", "painting", until_cancelled)
    waiting = jobs.submit(key, "finetune", "painting", until_cancelled)
    wait_until(lambda: jobs.get(key, running).status == "running")
    jobs.shutdown()
    assert jobs.get(key, running).status == "interrupted"
    assert jobs.get(key, waiting).status == "interrupted"


RUNNER = """
import sys, threading, time
from studio.jobs import Jobs
from studio.store import Store
store = Store(sys.argv[1])
key = store.open_session(None).key
jobs = Jobs(store)
started = threading.Event()
def work(context):
    context.progress(0.25, "teach.training")
    started.set()
    time.sleep(1000)
running = jobs.submit(key, "finetune", "painting", work)
waiting = jobs.submit(key, "finetune", "painting", work)
started.wait()
print(key, running, waiting, flush=True)
time.sleep(1000)
"""


def test_a_killed_process_leaves_its_jobs_interrupted(settings: Settings) -> None:
    url = settings.resolved_database_url
    runner = subprocess.Popen(
        [sys.executable, "-c", RUNNER, url],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert runner.stdout is not None
    key, running, waiting = runner.stdout.readline().split()
    runner.send_signal(signal.SIGKILL)
    runner.communicate()

    store = Store(url)
    assert store.jobs.get(key, running).status == "running"
    jobs = Jobs(store)
    row = jobs.get(key, running)
    assert (row.status, row.progress, row.stage) == ("interrupted", 0.25, "teach.training")
    latest = jobs.latest(key, "finetune", "painting")
    assert latest is not None
    assert (latest.id, latest.status) == (waiting, "interrupted")
    again = jobs.submit(key, "finetune", "painting", lambda _: {})
    assert finished(jobs, key, again).status == "done"
    jobs.shutdown()
    store.close()


@pytest.mark.sqlite
def test_a_result_waits_for_a_database_that_cannot_take_it(
    jobs: Jobs, store: Store, key: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studio.store.database.BUSY_MS", 20)
    monkeypatch.setattr("studio.jobs.RETRY_SECONDS", 0.05)
    store._database.engine.dispose()
    lock = sqlite3.connect(home / "studio.db", isolation_level=None, check_same_thread=False)
    worked = threading.Event()

    def work(context: JobContext) -> dict[str, object]:
        lock.execute("BEGIN IMMEDIATE")
        context.progress(0.9, "teach.checking")
        worked.set()
        return {"version": "mine-1"}

    job = jobs.submit(key, "finetune", "painting", work)
    assert worked.wait(PATIENCE_SECONDS)
    time.sleep(0.2)
    assert not jobs.get(key, job).is_finished
    lock.execute("ROLLBACK")
    assert finished(jobs, key, job).result == {"version": "mine-1"}
    lock.close()
