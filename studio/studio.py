"""The studio's objects, made once by whoever starts it and handed on."""

from __future__ import annotations

from dataclasses import dataclass

from studio.checkpoint import Checkpoints
from studio.dice import Dice
from studio.jobs import Jobs
from studio.registry import Registry
from studio.settings import Settings
from studio.store import Store


@dataclass(frozen=True)
class Studio:
    """Settings, models, what must not be lost, long work, and chance."""

    settings: Settings
    registry: Registry
    store: Store
    jobs: Jobs
    dice: Dice

    @classmethod
    def start(cls, settings: Settings) -> Studio:
        """Raises: StudioError: a folder or the database cannot be used."""
        store = Store(settings.resolved_database_url)
        checkpoints = Checkpoints(settings.checkpoints, settings.home / "checkpoints")
        registry = Registry(checkpoints, settings.device, settings.device_budget, settings.threads)
        return cls(settings, registry, store, Jobs(store), Dice(settings.dice_seed))

    def close(self) -> None:
        self.jobs.shutdown()
        self.store.close()
