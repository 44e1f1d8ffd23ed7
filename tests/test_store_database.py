"""The database below the store: what goes wrong is told, and what is confirmed is on disk."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import event, text

from studio.errors import BadSetting
from studio.medium import Recipe
from studio.settings import Settings
from studio.store import NotSaved, Store
from studio.store.tables import Base

ROOT = Path(__file__).resolve().parent.parent
WORK = Recipe("painting", "v1", (1.0,))
OTHER_WORK = Recipe("painting", "v1", (2.0,))


@pytest.mark.sqlite
def test_a_full_disk_is_told_and_loses_nothing(store: Store, key: str) -> None:
    artwork = store.keep_artwork(key, WORK, "<small>")

    # SQLite itself refuses to grow the file, as it does when the disk is full.
    def fill(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute("PRAGMA max_page_count = 1")

    def empty(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute("PRAGMA max_page_count = 1000000")

    engine = store._database.engine
    event.listen(engine, "checkout", fill)
    with pytest.raises(NotSaved, match="disk of the studio is full"):
        store.keep_artwork(key, OTHER_WORK, "x" * 100_000)
    event.remove(engine, "checkout", fill)
    event.listen(engine, "checkout", empty)
    assert [row.id for row in store.artworks(key)] == [artwork]
    store.keep_artwork(key, OTHER_WORK, "x" * 100_000)
    assert len(store.artworks(key)) == 2


@pytest.mark.sqlite
def test_a_locked_database_is_told_and_loses_nothing(
    home: Path, key: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studio.store.database.BUSY_MS", 50)
    store._database.engine.dispose()
    lock = sqlite3.connect(home / "studio.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    with pytest.raises(NotSaved, match="too busy"):
        store.keep_artwork(key, WORK, "")
    assert store.artworks(key) == []
    lock.execute("ROLLBACK")
    store.keep_artwork(key, WORK, "")
    assert len(store.artworks(key)) == 1
    lock.close()


@pytest.mark.sqlite
def test_a_writer_waits_for_another_instead_of_failing(home: Path, key: str, store: Store) -> None:
    lock = sqlite3.connect(home / "studio.db", isolation_level=None, check_same_thread=False)
    lock.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.2, lock.execute, ["COMMIT"])
    release.start()
    assert store.keep_artwork(key, WORK, "")
    release.join()
    lock.close()


def test_a_damaged_database_is_told_and_left_alone(home: Path) -> None:
    home.mkdir()
    damaged = home / "studio.db"
    damaged.write_bytes(b"not a database, but something that somebody may want back" * 100)
    before = damaged.read_bytes()
    with pytest.raises(NotSaved, match="left as it is"):
        Store(f"sqlite:///{damaged}")
    assert damaged.read_bytes() == before


def test_a_database_of_a_newer_studio_is_left_alone(
    store: Store, settings: Settings, key: str
) -> None:
    store.keep_artwork(key, WORK, "")
    with store._database.writing() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(BadSetting, match="newer"):
        Store(settings.resolved_database_url)
    assert len(store.artworks(key)) == 1


def test_a_missing_folder_is_made_for_its_owner_only(tmp_path: Path) -> None:
    Store(f"sqlite:///{tmp_path}/new/deep/studio.db").close()
    assert (tmp_path / "new/deep").stat().st_mode & 0o777 == 0o700


def test_an_unusable_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadSetting, match="file"):
        Store(f"sqlite:///{tmp_path}/file/home/studio.db")
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(NotSaved, match="STUDIO_HOME"):
        Store(f"sqlite:///{tmp_path}/folder.db")


@pytest.mark.parametrize("url", ["nonsense", "sqlite://", "sqlite:///:memory:", "nosuch://host/db"])
def test_a_url_that_keeps_nothing_is_refused(url: str) -> None:
    with pytest.raises(BadSetting):
        Store(url)


def test_trouble_never_prints_a_password() -> None:
    with pytest.raises(BadSetting) as refused:
        Store("oracle+nosuch://artist:secret@host/studio")
    assert "secret" not in str(refused.value)


def test_migrations_lead_to_the_tables_of_the_code(store: Store) -> None:
    with store._database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


@pytest.mark.sqlite
def test_what_is_written_is_on_disk_before_it_is_confirmed(store: Store) -> None:
    with store._database.reading() as db:
        pragmas = {
            name: db.connection().exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_the_store_opens_from_any_folder(tmp_path: Path) -> None:
    opened = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from studio.store import Store; Store(sys.argv[1]).open_session(None);"
            "assert not {'torch', 'gradio'} & set(sys.modules)",
            f"sqlite:///{tmp_path}/studio.db",
        ],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert opened.returncode == 0, opened.stderr
