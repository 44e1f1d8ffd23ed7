"""Whether, and how, what people make outlives the disk that it lies on.

A Space's disk is wiped at each restart. One interface, `Keeping`, stands for what a studio does
about that: a disk that lasts needs nothing, a dataset repository of the Hub is a mirror of the home
folder, and a disk that does not last is told to people, who can save a backup of their own.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from studio.settings import Settings, is_on_space
from studio.store import Store

MOUNTS = Path("/proc/self/mounts")
IN_MEMORY = ("tmpfs", "ramfs")


class Keeping(Protocol):
    """What a studio asks of where its home is kept."""

    @property
    def seconds(self) -> float | None:
        """How often `keep` is to be called; None: never."""

    @property
    def is_lasting(self) -> bool:
        """Whether what is made now is there after a restart."""

    def restore(self) -> None:
        """Before the store is opened: bring back what a wiped disk has lost.

        Raises:
            NotKept: it cannot be known what there was, so that nothing must be put in its place.
        """

    def keep(self, store: Store) -> None:
        """Put aside what has changed. Trouble is logged and shows in `is_lasting`."""

    def forget(self) -> None:
        """Somebody deleted what was theirs: earlier copies go with the next `keep`."""


class Disk:
    """The disk of the home folder, and nothing else."""

    seconds = None

    def __init__(self, lasts: bool) -> None:
        self.lasts = lasts

    @property
    def is_lasting(self) -> bool:
        return self.lasts

    def restore(self) -> None:
        return

    def keep(self, store: Store) -> None:
        return

    def forget(self) -> None:
        return


def keeping(settings: Settings) -> Keeping:
    """How a studio with these settings keeps its home.

    Raises:
        BadSetting: a dataset is named, but no token to write it with.
    """
    if settings.space_dataset:
        from studio.dataset import Dataset

        return Dataset(settings)
    return Disk(lasts=not is_on_space() or is_mounted(settings.home) or is_kept_elsewhere(settings))


def is_kept_elsewhere(settings: Settings) -> bool:
    """Whether a database server has what people make, and a bucket their versions."""
    has_server = not settings.resolved_database_url.startswith("sqlite")
    return has_server and isinstance(settings.checkpoints, str)


def is_mounted(folder: Path) -> bool:
    """Whether a folder, or where it will be made, lies on a disk of its own: on a Space that one is
    not wiped."""
    place = folder.resolve()
    while not os.path.ismount(place):
        place = place.parent
    if place == place.parent:
        return False
    return kind_of_mount(place) not in IN_MEMORY


def kind_of_mount(place: Path) -> str:
    """Its file system, such as ext4; "" where the system does not say."""
    try:
        rows = [line.split() for line in MOUNTS.read_text().splitlines()]
    except OSError:
        return ""
    return next((row[2] for row in reversed(rows) if row[1] == str(place)), "")
