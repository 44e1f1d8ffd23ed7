"""How background jobs are remembered; `studio.jobs` runs them."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from studio.errors import NotFound
from studio.store.database import Database
from studio.store.owner import session_id
from studio.store.rows import JobRow
from studio.store.tables import JobRecord, RunnerRecord

SILENCE = timedelta(seconds=60)
"""After which a process counts as gone."""

_UNFINISHED = JobRecord.status.in_(("queued", "running"))


class JobRecords:
    def __init__(self, database: Database) -> None:
        self._database = database
        self.runner = uuid.uuid4().hex
        """Stands for this process."""

    @property
    def is_shared(self) -> bool:
        """Whether other processes may do jobs of this database at the same time."""
        return self._database.is_shared

    def add(self, key: str, kind: str, medium: str, *, once: bool = False) -> tuple[str, bool]:
        """A job's id, and whether it is a new, queued one: with `once` there is none as long as
        another of this session, kind and medium is unfinished."""
        with self._database.writing() as db:
            owner = session_id(db, key, for_writing=True)
            mine = {"session_id": owner, "kind": kind, "medium": medium}
            unfinished = select(JobRecord).filter_by(**mine).where(_UNFINISHED)
            if once and (found := db.scalar(unfinished)) is not None:
                return found.id, False
            record = JobRecord(id=uuid.uuid4().hex, runner=self.runner, **mine)
            db.add(record)
            return record.id, True

    def get(self, key: str, job_id: str) -> JobRow:
        """Raises: NotFound: not a job of this session."""
        with self._database.reading() as db:
            return _row(db, _own_job(db, key, job_id))

    def latest(self, key: str, kind: str, medium: str) -> JobRow | None:
        """The newest job of a kind, finished or not, so that a page finds it after a reload."""
        with self._database.reading() as db:
            record = db.scalar(
                select(JobRecord)
                .filter_by(session_id=session_id(db, key), kind=kind, medium=medium)
                .order_by(JobRecord.number.desc())
                .limit(1)
            )
            return _row(db, record) if record else None

    def cancel_waiting(self, key: str, job_id: str) -> None:
        """Cancel a job that has not started; one that has stays as it is, but the process that
        does it is told with its next `beat`.

        Raises:
            NotFound: not a job of this session.
        """
        with self._database.writing() as db:
            record = _own_job(db, key, job_id)
            record.is_unwanted = True
            if record.status == "queued":
                record.status = "cancelled"

    def change(self, job_id: str, **columns: Any) -> None:
        """Write what became of a job."""
        with self._database.writing() as db:
            db.execute(update(JobRecord).where(JobRecord.id == job_id).values(**columns))

    def interrupt_unfinished(self) -> None:
        """Mark what a stopped process left unfinished."""
        with self._database.writing() as db:
            left = update(JobRecord).where(_UNFINISHED).values(status="interrupted")
            if self.is_shared:
                living = select(RunnerRecord.id)
                left = left.where(JobRecord.runner.is_(None) | JobRecord.runner.not_in(living))
            db.execute(left)

    def beat(self, mine: Collection[str]) -> set[str]:
        """Say that this process lives, and forget those that have not said so for a minute; which
        of its jobs nobody wants any more: cancelled from whatever process, or deleted."""
        now = func.localtimestamp()
        with self._database.writing() as db:
            db.execute(delete(RunnerRecord).where(RunnerRecord.seen < now - SILENCE))
            if db.get(RunnerRecord, self.runner) is None:
                db.add(RunnerRecord(id=self.runner, seen=now))
            else:
                alive = update(RunnerRecord).where(RunnerRecord.id == self.runner)
                db.execute(alive.values(seen=now))
        self.interrupt_unfinished()
        with self._database.reading() as db:
            wanted = select(JobRecord.id).where(JobRecord.id.in_(mine), ~JobRecord.is_unwanted)
            return set(mine) - set(db.scalars(wanted))

    def leave(self) -> None:
        """This process does no more jobs."""
        with self._database.writing() as db:
            db.execute(delete(RunnerRecord).where(RunnerRecord.id == self.runner))

    def came_to_nothing(self, job_ids: Collection[str]) -> set[str]:
        """Those that failed, were cancelled or were interrupted; jobs that are not known here are
        none of them."""
        with self._database.reading() as db:
            ended = JobRecord.status.in_(("failed", "cancelled", "interrupted"))
            return set(db.scalars(select(JobRecord.id).where(JobRecord.id.in_(job_ids), ended)))


def _own_job(db: Session, key: str, job_id: str) -> JobRecord:
    owner = session_id(db, key)
    record = db.scalar(select(JobRecord).filter_by(id=job_id, session_id=owner))
    if record is None:
        raise NotFound("unknown_job")
    return record


def _row(db: Session, record: JobRecord) -> JobRow:
    place = 0
    if record.status == "queued":
        waiting = select(func.count()).where(
            JobRecord.status == "queued", JobRecord.number <= record.number
        )
        place = db.scalar(waiting) or 0
    return JobRow(
        id=record.id,
        kind=record.kind,
        medium=record.medium,
        status=record.status,
        progress=record.progress,
        stage=record.stage,
        values=record.stage_values,
        result=record.result,
        error=(record.error_key, record.error_values) if record.error_key else None,
        place=place,
        created=record.created,
    )
