"""A disk that is wiped: what the Hub keeps comes back, and nothing takes its place by mistake."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.constants
import pytest

from studio import keeping as keeping_module
from studio import removal
from studio.dataset import PATIENCE, Dataset, NotKept
from studio.errors import BadSetting
from studio.keeping import Disk, is_mounted, keeping
from studio.medium import Recipe
from studio.settings import Settings
from studio.store import Store
from studio.studio import Studio
from tests.browser.conftest import ServedStudio
from tests.hub import TOKEN, Hub, serving
from tests.test_removal import MEDIUM, files, live

NAME = "ada/studio-home"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A Hub on this machine, and a token that may write there."""
    with serving() as hub:
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        # Files go over HTTP instead of the Hub's own protocol between content-defined chunks.
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", hub.url)
        files_at = hub.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", files_at)
        yield hub
        assert hub.unknown == []


@pytest.fixture
def kept(settings: Settings) -> Settings:
    return settings.model_copy(update={"space_dataset": NAME})


def wiped(settings: Settings) -> None:
    """What a Space does to its disk."""
    shutil.rmtree(settings.home)


def test_everything_is_there_again_after_the_disk_was_wiped(hub: Hub, kept: Settings) -> None:
    studio = Studio.start(kept)
    key = studio.store.open_session(None).key
    version = live(studio, key)
    studio.close()
    assert hub.private
    before = files(kept.home / "checkpoints")
    wiped(kept)
    again = Studio.start(kept)
    assert files(kept.home / "checkpoints") == before
    assert again.store.open_session(key).key == key
    (work,) = again.store.artworks(key)
    assert (work.version, work.stars, work.kept) == (version, 5, True)
    assert again.store.current_version(key, MEDIUM) == version
    again.registry.use(MEDIUM, version)
    assert again.keeping.is_lasting
    again.close()
    assert not [name for name in files(kept.home) if name.startswith(".restoring")]


def test_what_changed_last_is_kept_when_the_host_stops_the_studio(
    hub: Hub, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a Space does it: a signal, an empty disk, another process."""
    served = ServedStudio(
        home,
        STUDIO_SPACE_DATASET=NAME,
        HF_ENDPOINT=hub.url,
        HF_HUB_DISABLE_XET="1",
        HF_TOKEN=TOKEN,
    )
    try:
        store = Store(f"sqlite:///{home / 'studio.db'}")
        key = store.open_session(None).key
        work = store.keep_artwork(key, Recipe("painting", "v1", (1.0,)), "<img>", kept=True)
        store.close()
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(120) == 0, served.log.read_text()
        shutil.rmtree(home)
        served.start()
        store = Store(f"sqlite:///{home / 'studio.db'}")
        assert [row.id for row in store.artworks(key)] == [work]
        store.close()
    finally:
        served.stop()


def test_what_is_on_the_disk_is_newer_than_what_is_kept(hub: Hub, kept: Settings) -> None:
    studio = Studio.start(kept)
    studio.close()
    later = Studio.start(kept.model_copy(update={"space_dataset": None}))
    key = later.store.open_session(None).key
    later.close()
    again = Studio.start(kept)
    assert again.store.knows(key)
    again.close()


def test_nothing_is_sent_where_nothing_has_changed(hub: Hub, kept: Settings) -> None:
    studio = Studio.start(kept)
    studio.keeping.keep(studio.store)
    commits = len(hub.commits)
    studio.keeping.keep(studio.store)
    assert len(hub.commits) == commits
    live(studio, studio.store.open_session(None).key)
    studio.keeping.keep(studio.store)
    assert len(hub.commits) == commits + 1
    studio.close()


def test_what_is_deleted_leaves_the_dataset_and_its_history(hub: Hub, kept: Settings) -> None:
    studio = Studio.start(kept)
    key = studio.store.open_session(None).key
    version = live(studio, key)
    studio.keeping.keep(studio.store)
    assert any(version in name for name in hub.files)
    removal.delete_everything(studio, key)
    studio.keeping.keep(studio.store)
    assert len(hub.commits) == 1
    assert not any(version in name for name in hub.files)
    assert version.encode() not in hub.files["studio.db"]
    studio.close()


def test_a_hub_that_is_away_is_no_empty_one(hub: Hub, kept: Settings) -> None:
    studio = Studio.start(kept)
    key = studio.store.open_session(None).key
    studio.close()
    wiped(kept)
    hub.is_away = True
    with pytest.raises(NotKept, match="was not started"):
        Studio.start(kept)
    hub.is_away = False
    again = Studio.start(kept)
    assert again.store.knows(key)
    again.close()


def test_people_are_told_when_nothing_is_kept_any_more(
    hub: Hub, kept: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = Studio.start(kept)
    studio.keeping.keep(studio.store)
    hub.is_away = True
    studio.store.open_session(None)
    studio.keeping.keep(studio.store)
    assert studio.keeping.is_lasting
    dataset = studio.keeping
    assert isinstance(dataset, Dataset) and dataset.failing_since is not None
    dataset.failing_since -= PATIENCE
    assert not studio.keeping.is_lasting
    hub.is_away = False
    studio.keeping.keep(studio.store)
    assert studio.keeping.is_lasting
    studio.close()


def test_nothing_is_kept_where_everybody_can_see_it(hub: Hub, kept: Settings) -> None:
    hub.create(NAME, private=False)
    with pytest.raises(NotKept, match="seen by everybody"):
        Studio.start(kept)
    assert list(hub.files) == [".gitattributes"]


def test_without_a_token_it_does_not_start(kept: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    with pytest.raises(BadSetting, match="HF_TOKEN"):
        keeping(kept)


def test_a_disk_of_its_own_lasts_on_a_space_and_another_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path / "not yet" / "home")
    monkeypatch.delenv("SPACE_ID", raising=False)
    assert keeping(settings).is_lasting
    monkeypatch.setenv("SPACE_ID", "ada/studio")
    mounts = tmp_path / "mounts"
    monkeypatch.setattr(keeping_module, "MOUNTS", mounts)
    monkeypatch.setattr("os.path.ismount", lambda path: str(path) in (str(tmp_path), "/"))
    mounts.write_text(f"overlay / overlay rw 0 0\n/dev/vdb {tmp_path} ext4 rw 0 0\n")
    assert keeping(settings).is_lasting
    mounts.write_text(f"overlay / overlay rw 0 0\ntmpfs {tmp_path} tmpfs rw 0 0\n")
    assert not keeping(settings).is_lasting
    monkeypatch.setattr("os.path.ismount", lambda path: str(path) == "/")
    assert not keeping(settings).is_lasting
    assert isinstance(keeping(settings), Disk)
    assert not is_mounted(Path("/"))
    # Servers keep what a disk does not: works in the one, versions in the other.
    server, bucket = "postgresql+psycopg://ada@db/studio", "s3://studio/versions"
    for database_url, checkpoints, lasts in (
        (server, settings.checkpoints, False),
        (None, bucket, False),
        (server, bucket, True),
    ):
        elsewhere = Settings(home=settings.home, database_url=database_url, checkpoints=checkpoints)
        assert keeping(elsewhere).is_lasting == lasts
