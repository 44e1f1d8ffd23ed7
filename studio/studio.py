"""The studio's objects, made once by whoever starts it and handed on."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path

from studio.checkpoint import Checkpoints
from studio.dice import Dice
from studio.door import Door
from studio.jobs import Jobs
from studio.medium import media
from studio.registry import Registry
from studio.settings import Settings
from studio.store import NotSaved, Store

log = logging.getLogger(__name__)

LESSON_SECONDS = 30 * 86400
"""Age at which a lesson that was stopped is given up: whoever comes back later learns it anew."""


@dataclass(frozen=True)
class Studio:
    """Settings, models, what must not be lost, long work, chance, and who may ask now."""

    settings: Settings
    registry: Registry
    store: Store
    jobs: Jobs
    dice: Dice
    door: Door

    @classmethod
    def start(cls, settings: Settings) -> Studio:
        """Raises: StudioError: a folder or the database cannot be used."""
        store = Store(settings.resolved_database_url)
        checkpoints = Checkpoints(settings.checkpoints, settings.home / "checkpoints")
        registry = Registry(checkpoints, settings.device, settings.device_budget, settings.threads)
        jobs = Jobs(store)
        registry.traffic.gauge("jobs_unfinished", "Lessons and exports.", lambda: jobs.unfinished)
        clear_up(checkpoints, store)
        for file in (settings.home / "lessons").glob("*"):
            with contextlib.suppress(OSError):
                if time.time() - file.stat().st_mtime > LESSON_SECONDS:
                    file.unlink()
        door = Door(settings.asks_per_second, settings.asks_at_once, registry.traffic)
        return cls(settings, registry, store, jobs, Dice(settings.dice_seed), door)

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
        return found

    def close(self) -> None:
        self.jobs.shutdown()
        self.store.close()


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
