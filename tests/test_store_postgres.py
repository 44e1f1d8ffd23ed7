"""PostgreSQL, a real one: a studio outlives a restart of its database.

A private server is started for these tests where its programs and the driver are found.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from studio.medium import Recipe
from studio.settings import Settings
from studio.store import NotSaved, Store
from studio.store.tables import StateRecord
from studio.studio import Studio

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
