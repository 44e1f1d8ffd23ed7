"""How background jobs are remembered; `studio.jobs` runs them."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from studio.errors import NotFound
from studio.store.database import Database
from studio.store.owner import session_id
from studio.store.rows import JobRow
from studio.store.tables import JobRecord

_UNFINISHED = JobRecord.status.in_(("queued", "running"))


class JobRecords:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, key: str, kind: str, medium: str, *, once: bool = False) -> tuple[str, bool]:
        """A job's id, and whether it is a new, queued one: with `once` there is none as long as
        another of this session, kind and medium is unfinished."""
        with self._database.writing() as db:
            owner = session_id(db, key, for_writing=True)
            mine = {"session_id": owner, "kind": kind, "medium": medium}
            unfinished = select(JobRecord).filter_by(**mine).where(_UNFINISHED)
            if once and (found := db.scalar(unfinished)) is not None:
                return found.id, False
            record = JobRecord(id=uuid.uuid4().hex, **mine)
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
        """Cancel a job that has not started; one that has stays as it is.

        Raises:
            NotFound: not a job of this session.
        """
        with self._database.writing() as db:
            record = _own_job(db, key, job_id)
            if record.status == "queued":
                record.status = "cancelled"

    def change(self, job_id: str, **columns: Any) -> None:
        """Write what became of a job."""
        with self._database.writing() as db:
            db.execute(update(JobRecord).where(JobRecord.id == job_id).values(**columns))

    def interrupt_unfinished(self) -> None:
        """Mark what a stopped process left unfinished."""
        with self._database.writing() as db:
            db.execute(update(JobRecord).where(_UNFINISHED).values(status="interrupted"))

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
