"""A home folder mirrored in a private dataset repository of the Hugging Face Hub.

The repository holds `studio.db`, a copy that SQLite itself made and that is therefore whole, and
the folder `checkpoints`. It is brought up to date while people work and once more when the studio
stops, and fills the disk of one that starts on an empty one.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from studio.checkpoint import sha256
from studio.errors import BadSetting, StudioError
from studio.settings import Settings
from studio.store import Store

DATABASE, CHECKPOINTS = "studio.db", "checkpoints"
KIND = "dataset"
EVERY = 300.0
"""Seconds between two looks at what has changed: what a sudden end costs at most."""
PATIENCE = 900.0
"""Seconds that the Hub may be away until people are told that nothing is being kept."""
HISTORY = 86400.0
"""Seconds of earlier copies that the repository keeps: with every change of a database kept whole
it would soon be full."""

log = logging.getLogger(__name__)


class NotKept(StudioError):
    """What was kept cannot be reached, or must not be kept there."""


class Dataset:
    """See `studio.keeping.Keeping`.

    Raises:
        BadSetting: there is no token to write with.
    """

    seconds = EVERY

    def __init__(self, settings: Settings) -> None:
        from huggingface_hub import HfApi, get_token
        from huggingface_hub.utils import disable_progress_bars

        disable_progress_bars()
        self.name = settings.space_dataset or ""
        self.home = settings.home
        self.holds_database = settings.database_url is None
        if not get_token():
            raise BadSetting("dataset_without_token", dataset=self.name)
        self.api = HfApi(library_name="latent-studio")
        self.kept: Mapping[str, str] = {}
        self.squashed = time.monotonic()
        self.is_forgetting = False
        self.lock = threading.Lock()
        self.failing_since: float | None = None

    @property
    def is_lasting(self) -> bool:
        return self.failing_since is None or time.monotonic() - self.failing_since < PATIENCE

    def restore(self) -> None:
        """See `Keeping`.

        Raises:
            NotKept: the Hub does not answer, or would show everything to everybody.
        """
        try:
            # Else the first mirror of an empty disk would take the place of what was kept.
            self._restore()
        except StudioError:
            raise
        except Exception as error:  # the Hub and the way to it fail in many ways
            log.warning("nothing could be restored", exc_info=True)
            reason = f"{type(error).__name__}: {error}"[:300]
            raise NotKept("dataset_unreachable", dataset=self.name, reason=reason) from error

    def keep(self, store: Store) -> None:
        try:
            with self.lock:
                self._keep(store)
        except Exception:
            log.warning("the dataset %s could not be brought up to date", self.name, exc_info=True)
            self.failing_since = self.failing_since or time.monotonic()
        else:
            self.failing_since = None

    def forget(self) -> None:
        self.is_forgetting = True

    def _restore(self) -> None:
        from huggingface_hub.errors import RepositoryNotFoundError

        try:
            there = self.api.repo_info(self.name, repo_type=KIND)
        except RepositoryNotFoundError:
            self.api.create_repo(self.name, repo_type=KIND, private=True)
            return
        if not there.private:
            raise NotKept("dataset_public", dataset=self.name)
        if (self.home / (DATABASE if self.holds_database else CHECKPOINTS)).exists():
            return
        with tempfile.TemporaryDirectory(prefix=".restoring-", dir=self.home) as scratch:
            wanted = [f"{CHECKPOINTS}/*", *[DATABASE] * self.holds_database]
            self.api.snapshot_download(
                self.name,
                repo_type=KIND,
                revision=there.sha,
                local_dir=scratch,
                allow_patterns=wanted,
            )
            put_in_place(Path(scratch), self.home)

    def _keep(self, store: Store) -> None:
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        with tempfile.TemporaryDirectory(prefix="latent-studio-") as scratch:
            copy = Path(scratch) / DATABASE
            # The database first: a version that it does not know yet is no harm, one that it knows
            # and that is not there would be.
            files = {DATABASE: copy} if store.copy_to(copy) else {}
            files |= versions(self.home)
            now = {name: sha256(path) for name, path in files.items()}
            if now != self.kept:
                there = self.api.list_repo_files(self.name, repo_type=KIND)
                ours = {n for n in there if n == DATABASE or n.startswith(f"{CHECKPOINTS}/")}
                self.api.create_commit(
                    self.name,
                    [
                        *(CommitOperationAdd(name, path) for name, path in files.items()),
                        *(CommitOperationDelete(name) for name in sorted(ours - files.keys())),
                    ],
                    commit_message="What the studio keeps",
                    repo_type=KIND,
                )
                self.kept = now
        if self.is_forgetting or time.monotonic() - self.squashed > HISTORY:
            self.api.super_squash_history(self.name, repo_type=KIND)
            self.squashed, self.is_forgetting = time.monotonic(), False


def versions(home: Path) -> dict[str, Path]:
    """The files of every whole version, and what was promoted, by their names below `home`."""
    found = {path.relative_to(home): path for path in (home / CHECKPOINTS).rglob("*")}
    return {
        name.as_posix(): path
        for name, path in found.items()
        if path.is_file() and not any(part.startswith(".") for part in name.parts)
    }


def put_in_place(scratch: Path, home: Path) -> None:
    """Move what was fetched into a home; the database last, since it says that all is there."""
    for path in versions(scratch).values():
        target = home / path.relative_to(scratch)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, target)
    if (scratch / DATABASE).exists():
        (scratch / DATABASE).replace(home / DATABASE)
