"""The connection to the database: opening, migrating, transactions, and what can go wrong."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from studio.errors import BadSetting, StudioError
from studio.settings import without_password

MIGRATIONS = Path(__file__).parent / "migrations"

BUSY_MS = 10_000
"""How long a writer waits for another one before the person is told, in milliseconds."""

# The beginning of SQLite's error name or of PostgreSQL's SQLSTATE, and the words for it.
PROBLEMS = {
    "SQLITE_FULL": "disk_full",
    "53100": "disk_full",
    "SQLITE_IOERR": "disk_fails",
    "SQLITE_BUSY": "store_busy",
    "SQLITE_LOCKED": "store_busy",
    "55P03": "store_busy",
    "SQLITE_READONLY": "store_read_only",
    "SQLITE_CANTOPEN": "store_read_only",
    "SQLITE_PERM": "store_read_only",
    "SQLITE_CORRUPT": "store_damaged",
    "SQLITE_NOTADB": "store_damaged",
}


class NotSaved(StudioError):
    """The database could not take or give something; what it held before is unchanged."""


class Database:
    """A migrated database, shared by any number of threads.

    Raises:
        BadSetting: the URL cannot be used, or its folder not written.
        NotSaved: the database is there but locked, full or damaged.
    """

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        # SQLite takes its write lock at the start of a writing transaction: a lock that is asked
        # for halfway through cannot be waited for.
        self._writing_engine = self.engine.execution_options(is_writing=True)
        # Its writers poll for that lock, and on a slow disk the unlucky ones of a crowd would give
        # up; our own threads wait in line instead. PostgreSQL has a line of its own.
        self._line = contextlib.nullcontext() if self.is_shared else threading.Lock()
        try:
            with _translated():
                self._migrate()
        except BaseException:
            self.close()
            raise

    @property
    def is_shared(self) -> bool:
        """Whether several processes may work with it at the same time."""
        return self.engine.dialect.name != "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A consistent view of the data.

        Raises:
            NotSaved: the database cannot be read.
        """
        with _translated(), Session(self.engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """All or nothing; on disk when the block is left.

        Raises:
            NotSaved: nothing was changed.
        """
        with (
            self._line,
            _translated(),
            Session(self._writing_engine) as session,
            session.begin(),
        ):
            yield session

    def compact(self) -> None:
        """Have what was deleted leave the disk too, as far as other readers let it."""
        if self.is_shared:
            return
        with _translated(), contextlib.closing(self.engine.raw_connection()) as connection:
            # What was written over (see secure_delete) still stands in the log until then.
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def copy_to(self, path: Path) -> bool:
        if self.is_shared:
            return False
        with (
            contextlib.closing(self.engine.raw_connection()) as connection,
            contextlib.closing(sqlite3.connect(path)) as copy,
        ):
            source: Any = connection.driver_connection
            source.backup(copy)
        return True

    def close(self) -> None:
        self.engine.dispose()

    def _migrate(self) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        try:
            with self._writing_engine.begin() as connection:
                if connection.dialect.name == "postgresql":
                    # Processes that start together would make the same tables.
                    connection.execute(text("SELECT pg_advisory_xact_lock(7860)"))
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
        except CommandError as error:
            url = without_password(str(self.engine.url))
            raise BadSetting("store_from_newer_studio", url=url) from error


def _engine(url: str) -> Engine:
    parsed = _parsed(url)
    try:
        is_file = parsed.get_backend_name() == "sqlite"
        if is_file:
            _make_folder(parsed)
        engine = create_engine(
            parsed,
            json_serializer=partial(json.dumps, ensure_ascii=False),
            # A server may have been started anew since; a file is always there.
            pool_pre_ping=not is_file,
            pool_size=16,
            max_overflow=48,
        )
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise BadSetting("store_driver_missing", url=without_password(url)) from error
    if is_file:
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise BadSetting("setting_database_url", value=without_password(url)) from error
    if parsed.drivername in ("postgres", "postgresql"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    # A database in memory is a different one for each thread and keeps nothing.
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise BadSetting("setting_database_url", value=url)
    return parsed


def _make_folder(url: URL) -> None:
    folder = Path(url.database or "").expanduser().parent
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise BadSetting("store_folder_unusable", folder=str(folder), reason=reason) from error


def _prepare_sqlite(connection: Any, _: Any) -> None:
    # The driver would begin transactions by itself, too late and not for every statement.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    connection.execute("PRAGMA journal_mode = WAL")
    # NORMAL could lose the last ratings in a power cut.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    # What somebody deletes is written over, not only unlinked.
    connection.execute("PRAGMA secure_delete = ON")


def _begin_sqlite(connection: Connection) -> None:
    is_writing = connection.get_execution_options().get("is_writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")


@contextmanager
def _translated() -> Iterator[None]:
    """Known troubles of a database become sentences; a mistake in our own SQL stays a bug."""
    try:
        yield
    except PoolTimeout as error:
        raise NotSaved("store_busy") from error
    except DBAPIError as error:
        if (problem := _problem(error)) is None:
            raise
        raise NotSaved(problem) from error


def _problem(error: DBAPIError) -> str | None:
    orig = error.orig
    code = getattr(orig, "sqlite_errorname", None) or getattr(orig, "sqlstate", None) or ""
    for start, problem in PROBLEMS.items():
        if code.startswith(start):
            return problem
    is_unreachable = isinstance(error, OperationalError) and not code
    return "store_unreachable" if is_unreachable or error.connection_invalidated else None
