"""The studio's objects, made once by whoever starts it and handed on."""

from __future__ import annotations

import hashlib
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path

from studio.bucket import open_checkpoints
from studio.checkpoint import Checkpoints
from studio.credentials import Credentials
from studio.dice import Dice
from studio.door import Door
from studio.errors import BadSetting
from studio.jobs import Jobs
from studio.keeping import Keeping, keeping
from studio.medium import media
from studio.registry import Registry
from studio.regularly import Regularly
from studio.removal import delete_old_lessons, delete_untouched
from studio.settings import Settings
from studio.store import NotSaved, Store

log = logging.getLogger(__name__)

DAY = 86400.0


@dataclass(frozen=True)
class Studio:
    """Settings, models, what must not be lost, long work, chance, who may ask now, where all is
    kept, who signs for it, and chores."""

    settings: Settings
    registry: Registry
    store: Store
    jobs: Jobs
    dice: Dice
    door: Door
    keeping: Keeping
    credentials: Credentials
    chores: list[Regularly] = field(default_factory=list)

    @classmethod
    def start(cls, settings: Settings) -> Studio:
        """Raises: StudioError: a folder or the database cannot be used."""
        credentials = Credentials.of(settings)
        make_home(settings.home)
        kept = keeping(settings)
        kept.restore()
        store = Store(settings.resolved_database_url)
        checkpoints = open_checkpoints(settings)
        registry = open_registry(settings, checkpoints)
        jobs = Jobs(store, registry.lessons)
        registry.traffic.gauge("jobs_unfinished", "Lessons and exports.", lambda: jobs.unfinished)
        clear_up(checkpoints, store)
        delete_old_lessons(settings.home)
        door = Door(settings.asks_per_second, settings.asks_at_once, registry.traffic)
        dice = Dice(settings.dice_seed)
        studio = cls(settings, registry, store, jobs, dice, door, kept, credentials)
        if kept.seconds:
            chore = Regularly("mirror", kept.seconds, lambda: kept.keep(store))
            studio.chores.append(chore)
        if checkpoints.seconds:
            studio.chores.append(Regularly("bucket", checkpoints.seconds, studio.meet_others))
        if days := settings.keep_days:
            studio.chores.append(
                Regularly("retention", DAY, lambda: delete_untouched(studio, days))
            )
        return studio

    def meet_others(self) -> None:
        """Exchange versions with the machines that share them."""
        for medium, version in self.registry.checkpoints.sync():
            self.registry.unload(medium, version)

    def unfinished(self, key: str, medium: str) -> Path:
        """Where the lesson of a session is kept while it is under way."""
        # A key opens a session, so that no file is named after one.
        name = hashlib.sha256(f"{key}/{medium}".encode()).hexdigest()[:32]
        return self.settings.home / "lessons" / f"{name}.safetensors"

    def ailments(self) -> list[str]:
        """What keeps this studio from serving people, as words for whoever runs it; empty if
        nothing does."""
        found = []
        try:
            self.store.check()
        except NotSaved as error:
            found.append(error.key)
        except Exception:
            log.exception("the database cannot be asked")
            found.append("store_unreadable")
        if not os.access(self.settings.home, os.W_OK):
            found.append("home_read_only")
        if not self.jobs.is_alive:
            found.append("jobs_stopped")
        return found + self.registry.ailments()

    def close(self) -> None:
        for chore in self.chores:
            chore.stop()
        self.jobs.shutdown()
        self.keeping.keep(self.store)
        self.store.close()
        self.registry.close()


def open_registry(settings: Settings, checkpoints: Checkpoints) -> Registry:
    """The models of this process, or of the cluster that the settings name.

    Raises:
        BadSetting: what speaks with a cluster is not installed, or there is none.
    """
    if settings.engine == "ray":
        try:
            from studio.cluster.registry import connect
        except ModuleNotFoundError as error:
            raise BadSetting("ray_without_library") from error
        return connect(settings, checkpoints)
    return Registry(checkpoints, settings.device, settings.device_budget, settings.threads)


def make_home(home: Path) -> None:
    """Raises: BadSetting: it cannot be made."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise BadSetting("store_folder_unusable", folder=str(home), reason=reason) from error


def clear_up(checkpoints: Checkpoints, store: Store) -> None:
    """Remove what a crash left: folders that are not whole, versions whose job came to nothing
    after they were written, and versions that were discarded but not deleted yet."""
    checkpoints.remove_leftovers()
    mine = [
        checkpoint
        for medium in media()
        for checkpoint in checkpoints.list(medium)
        if checkpoint.folder.is_relative_to(checkpoints.home)
    ]
    lost = store.jobs.came_to_nothing({str(c.card["job"]) for c in mine if "job" in c.card})
    discarded = store.discarded_versions()
    for checkpoint in mine:
        name = (checkpoint.medium, checkpoint.version)
        if checkpoint.card.get("job") in lost or name in discarded:
            store.discard_version(*name)
            checkpoints.remove(*name)
