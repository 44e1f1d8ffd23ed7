"""Long work in the background: queued, with progress and cancel, and a result that is kept.

What became of a job is in the store, so a page finds it after a reload, after a restart, and in
another process that shares the database. Each process does the jobs that were given to it.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from studio.errors import StudioError
from studio.regularly import Regularly
from studio.store import JobRow, NotSaved, Store

WRITE_SECONDS = 0.5
"""Progress within a stage is written this often at most: every write waits for the disk."""

RETRY_SECONDS = 5.0
"""How often a finished job tries again to be written to a disk that is full."""

STOP_SECONDS = 20.0
"""How long somebody who deletes everything waits for work that is under way; what ends later finds
nobody to whom its result belongs, and leaves none."""

BEAT_SECONDS = 2.0
"""How often a process that shares its database says that it lives, and hears what was cancelled
elsewhere."""

POLITENESS = 10
"""How much nicer the threads that work are than those of people who wait for a picture (Unix's
niceness): a tenth of their share while there are not enough cores for all."""

UNEXPECTED = {"status": "failed", "error_key": "job_unexpected"}

log = logging.getLogger(__name__)


class Cancelled(Exception):
    """Raised inside work that a person, or the end of the process, has stopped."""


class JobContext:
    """What running work knows and says; handed to it by `Jobs`."""

    def __init__(
        self,
        key: str,
        job_id: str,
        store: Store,
        stop: threading.Event,
        closing: threading.Event,
    ) -> None:
        self.key = key
        self.job_id = job_id
        self._store = store
        self._stop = stop
        self._closing = closing
        self._written_stage = ""
        self._written_at = 0.0

    def progress(self, fraction: float, stage: str, **values: Any) -> None:
        """Say how far the work is (0 to 1), which stage it is in (a key of the words), and what
        to show there: JSON values, small pieces of HTML included."""
        now = time.monotonic()
        if stage == self._written_stage and now - self._written_at < WRITE_SECONDS:
            return
        try:
            self._store.jobs.change(
                self.job_id,
                status="running",
                progress=min(max(fraction, 0.0), 1.0),
                stage=stage,
                stage_values=values,
            )
        except NotSaved:
            # Work of minutes must not die of a progress bar; its result is written with patience.
            log.warning("progress of job %s could not be written", self.job_id, exc_info=True)
        self._written_stage, self._written_at = stage, now

    @property
    def cancelled(self) -> bool:
        return self._stop.is_set()

    @property
    def is_closing(self) -> bool:
        """Whether it is the studio that stops, so that somebody may want to go on later."""
        return self._closing.is_set()

    def check(self) -> None:
        """Raises: Cancelled: somebody does not want this work any more."""
        if self.cancelled:
            raise Cancelled


Work = Callable[[JobContext], dict[str, Any]]


@dataclass
class _Job:
    key: str
    id: str
    work: Work
    stop: threading.Event = field(default_factory=threading.Event)
    is_running: bool = False
    ended: threading.Event = field(default_factory=threading.Event)


class Jobs:
    """A queue of work and the threads that do it.

    Jobs that an earlier process left unfinished are marked as interrupted.
    """

    def __init__(self, store: Store, workers: int = 1) -> None:
        self._store = store
        self._waiting: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._unfinished: dict[str, _Job] = {}
        self._closing = threading.Event()
        self._heart: Regularly | None = None
        if store.jobs.is_shared:
            store.jobs.beat(())
            self._heart = Regularly("heart", BEAT_SECONDS, self._beat)
        else:
            store.jobs.interrupt_unfinished()
        # Daemons: a process that is told to stop does not wait for a fine-tune.
        self._workers = [
            threading.Thread(target=self._run, name=f"job-{number}", daemon=True)
            for number in range(workers)
        ]
        for worker in self._workers:
            worker.start()

    def submit(self, key: str, kind: str, medium: str, work: Work, *, once: bool = False) -> str:
        """Put work in the queue and return the job's id.

        Args:
            once: while such a job of this session is unfinished, that one is what is returned.

        Raises:
            NotFound: no such session.
            NotSaved: the job could not be written down; it will not run.
        """
        job_id, is_new = self._store.jobs.add(key, kind, medium, once=once)
        if not is_new:
            return job_id
        job = _Job(key, job_id, work)
        self._unfinished[job.id] = job
        self._waiting.put(job)
        return job.id

    def get(self, key: str, job_id: str) -> JobRow:
        """Raises: NotFound: not a job of this session."""
        return self._store.jobs.get(key, job_id)

    def latest(self, key: str, kind: str, medium: str) -> JobRow | None:
        """The newest job of a kind, finished or not."""
        return self._store.jobs.latest(key, kind, medium)

    def cancel(self, key: str, job_id: str) -> None:
        """Ask a job to stop; one that is waiting never starts, a finished one stays as it is.

        Raises:
            NotFound: not a job of this session.
        """
        self._store.jobs.get(key, job_id)
        # Before anything is written: work can be stopped while the disk is full.
        if job := self._unfinished.get(job_id):
            job.stop.set()
        self._store.jobs.cancel_waiting(key, job_id)

    def stop_all(self, key: str) -> None:
        """Stop every job of a session and wait, though not for ever, until none of them runs.

        What waits never starts.
        """
        mine = [job for job in list(self._unfinished.values()) if job.key == key]
        for job in mine:
            job.stop.set()
        until = time.monotonic() + STOP_SECONDS
        for job in mine:
            if job.is_running:
                job.ended.wait(max(until - time.monotonic(), 0))

    @property
    def unfinished(self) -> int:
        """Jobs that wait or run."""
        return len(self._unfinished)

    @property
    def is_alive(self) -> bool:
        """Whether every thread that does jobs still can."""
        return all(worker.is_alive() for worker in self._workers)

    def shutdown(self) -> None:
        """Stop all work and wait until each has noticed; unfinished jobs count as interrupted."""
        self._closing.set()
        for job in list(self._unfinished.values()):
            job.stop.set()
        for _ in self._workers:
            self._waiting.put(None)
        for worker in self._workers:
            worker.join()
        if self._heart:
            self._heart.stop()
            # It is forgotten anyhow, a minute later.
            with suppress(NotSaved):
                self._store.jobs.leave()

    def _beat(self) -> None:
        with suppress(NotSaved):  # it is away, and everybody else says so
            mine = dict(self._unfinished)
            for job_id in self._store.jobs.beat(mine):
                mine[job_id].stop.set()

    def _run(self) -> None:
        _give_way()
        while (job := self._waiting.get()) is not None:
            job.is_running = True
            self._finish(job, self._outcome(job))
            del self._unfinished[job.id]
            job.ended.set()

    def _outcome(self, job: _Job) -> dict[str, Any]:
        """Do the work and return the columns that say what became of it."""
        context = JobContext(job.key, job.id, self._store, job.stop, self._closing)
        try:
            context.check()
            context.progress(0.0, "job.starting")
            result = job.work(context)
            return {"status": "done", "progress": 1.0, "result": _plain(result)}
        except Cancelled:
            return {"status": "interrupted" if self._closing.is_set() else "cancelled"}
        except StudioError as error:
            values = {name: _plain_or_text(value) for name, value in error.values.items()}
            return {"status": "failed", "error_key": error.key, "error_values": values}
        except Exception:
            log.exception("job %s failed", job.id)
            return UNEXPECTED

    def _finish(self, job: _Job, outcome: dict[str, Any]) -> None:
        """Write the outcome down; minutes of work are not thrown away because the disk is full."""
        while True:
            try:
                return self._store.jobs.change(job.id, **outcome)
            except NotSaved:
                log.warning("result of job %s could not be written yet", job.id, exc_info=True)
                if self._closing.wait(RETRY_SECONDS):
                    return
            except Exception:
                log.exception("what became of job %s is not fit to be written", job.id)
                if outcome == UNEXPECTED:
                    return
                outcome = UNEXPECTED


def _give_way() -> None:
    """Let everybody else's threads go first: people steer while a lesson runs.

    On Linux a thread that becomes nicer does so alone, with those that torch starts for it.
    Elsewhere it would be the whole process, so that threads share alike there.
    """
    if sys.platform == "linux":
        os.nice(POLITENESS)


def _plain(result: dict[str, Any]) -> dict[str, Any]:
    """The result as JSON will give it back. Raises: TypeError: it holds something else."""
    plain: dict[str, Any] = json.loads(json.dumps(result))
    return plain


def _plain_or_text(value: object) -> Any:
    return value if isinstance(value, str | int | float | bool | None) else str(value)
