"""Deleting everything: of one person nothing is left, and of the others everything."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from studio import adapter as low_rank
from studio import removal
from studio.errors import NotFound
from studio.jobs import JobContext
from studio.latent import noise_from_seeds
from studio.medium import Recipe
from studio.regularly import Regularly
from studio.settings import Settings
from studio.store.tables import SessionRecord
from studio.studio import Studio
from tests.test_store_belongings import counts

MEDIUM = "stripes"


def files(home: Path) -> set[str]:
    """Everything below a home but the database, whose rows are counted instead."""
    found = {str(path.relative_to(home)) for path in home.rglob("*")}
    return {name for name in found if not name.startswith("studio.db")}


def taught(studio: Studio, key: str, parent: str | None = None) -> str:
    """A version of somebody's own: a real one, whose adapter does nothing."""
    generator = studio.registry.use_apart(MEDIUM, parent)
    adapter = low_rank.adapter_tensors(low_rank.attach(generator.mapping))
    version = studio.registry.add_fine_tune(generator, adapter, {})
    studio.store.note_version(key, MEDIUM, version, generator.version, {}, "accepted")
    studio.store.use_version(key, MEDIUM, version)
    return version


def live(studio: Studio, key: str) -> str:
    """Somebody makes, rates and teaches; their version."""
    version = taught(studio, key)
    generator = studio.registry.use(MEDIUM, version)
    latent = generator.map(noise_from_seeds([1]))[0]
    recipe = Recipe(MEDIUM, version, tuple(latent.tolist()))
    work = studio.store.keep_artwork(key, recipe, "<img>", kept=True)
    studio.store.rate(key, work, stars=5)
    lesson = studio.unfinished(key, MEDIUM)
    lesson.parent.mkdir(exist_ok=True)
    lesson.write_bytes(b"under way")
    lesson.with_suffix(".new").write_bytes(b"half written")
    return version


@pytest.fixture
def other(studio: Studio) -> str:
    key = studio.store.open_session(None).key
    live(studio, key)
    return key


def test_nothing_is_left_of_one_person_and_all_of_the_others(studio: Studio, other: str) -> None:
    home = studio.settings.home
    rows, folders = counts(studio.store), files(home)
    key = studio.store.open_session(None).key
    version = live(studio, key)
    assert len(files(home)) >= len(folders) + 4
    removal.delete_everything(studio, key)
    assert counts(studio.store) == rows
    assert files(home) == folders
    with pytest.raises(NotFound):
        studio.registry.use(MEDIUM, version)
    assert studio.registry.use(MEDIUM, studio.store.current_version(other, MEDIUM))


def test_what_others_build_on_stays(studio: Studio, other: str) -> None:
    key = studio.store.open_session(None).key
    first = taught(studio, key)
    second = taught(studio, key, first)
    alone = taught(studio, key)
    everybodys = taught(studio, key)
    studio.registry.promote(MEDIUM, everybodys)
    studio.store.note_version(other, MEDIUM, second, first, {}, "accepted")
    removal.delete_everything(studio, key)
    there = {checkpoint.version for checkpoint in studio.registry.versions(MEDIUM)}
    assert {first, second, everybodys} <= there
    assert alone not in there
    studio.registry.use(MEDIUM, second)


def test_a_lesson_under_way_is_stopped_first(studio: Studio) -> None:
    rows = counts(studio.store)
    key = studio.store.open_session(None).key
    begun, lesson = threading.Event(), studio.unfinished(key, MEDIUM)

    def work(context: JobContext) -> dict[str, object]:
        begun.set()
        while not context.cancelled:
            time.sleep(0.01)
        # A round that was under way is still written down.
        lesson.parent.mkdir(exist_ok=True)
        lesson.write_bytes(b"one more round")
        context.check()
        return {}

    studio.jobs.submit(key, "teach", MEDIUM, work)
    studio.jobs.submit(key, "never", MEDIUM, lambda context: pytest.fail("was not wanted"))
    begun.wait()
    removal.delete_everything(studio, key)
    assert not lesson.exists()
    assert counts(studio.store) == rows
    # The thread lives on and works for others.
    other, done = studio.store.open_session(None).key, threading.Event()
    studio.jobs.submit(other, "teach", MEDIUM, lambda context: {"done": done.set()})
    assert done.wait(20)


def test_deleting_stopped_halfway_can_be_asked_for_again(
    studio: Studio, settings: Settings, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, folders = counts(studio.store), files(studio.settings.home)
    key = studio.store.open_session(None).key
    live(studio, key)
    with monkeypatch.context() as patch:
        patch.setattr(studio.registry, "remove", lambda *_: pytest.fail("the power is cut"))
        with pytest.raises(BaseException, match="power"):
            removal.delete_everything(studio, key)
    studio.close()
    again = Studio.start(settings)
    assert files(again.settings.home) == folders
    removal.delete_everything(again, key)
    assert counts(again.store) == rows
    again.close()


def leave(studio: Studio, key: str, days: float) -> None:
    with studio.store._database.writing() as db:
        number = studio.store.belongings.number(key)
        then = datetime.now(UTC) - timedelta(days=days)
        db.execute(update(SessionRecord).where(SessionRecord.id == number).values(seen=then))


def test_only_who_stayed_away_too_long_is_deleted(studio: Studio, other: str) -> None:
    rows, folders = counts(studio.store), files(studio.settings.home)
    key = studio.store.open_session(None).key
    live(studio, key)
    studio.unfinished(key, MEDIUM).unlink()  # these go by their own age
    studio.unfinished(key, MEDIUM).with_suffix(".new").unlink()
    leave(studio, key, 31)
    leave(studio, other, 29)
    assert removal.delete_untouched(studio, 30) == 1
    assert counts(studio.store) == rows
    assert files(studio.settings.home) == folders


def test_who_comes_back_meanwhile_is_not_deleted(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, back = (studio.store.open_session(None).key for _ in range(2))
    for key in (gone, back):
        leave(studio, key, 31)
    delete = studio.store.belongings.delete

    def slowly(number: int, *, with_shared: bool) -> None:
        delete(number, with_shared=with_shared)
        studio.store.open_session(back)

    monkeypatch.setattr(studio.store.belongings, "delete", slowly)
    assert removal.delete_untouched(studio, 30) == 1
    assert studio.store.knows(back) and not studio.store.knows(gone)


@pytest.mark.parametrize("days", [None, 30])
def test_it_happens_by_itself_only_if_the_host_says_so(
    studio: Studio, settings: Settings, days: int | None
) -> None:
    key = studio.store.open_session(None).key
    leave(studio, key, 31)
    again = Studio.start(settings.model_copy(update={"keep_days": days}))
    if days is None:
        assert again.chores == []
    else:
        until = time.monotonic() + 20
        while again.store.knows(key) and time.monotonic() < until:
            time.sleep(0.02)
    assert again.store.knows(key) is (days is None)
    again.close()


def test_a_chore_goes_on_after_it_failed_and_stops_when_told() -> None:
    times = threading.Semaphore(0)

    def act() -> None:
        times.release()
        raise OSError("the disk is away")

    chore = Regularly("trying", 0.01, act)
    for _ in range(3):
        assert times.acquire(timeout=20)
    chore.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "trying"]
