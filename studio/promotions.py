"""Which versions a host made the default, by medium, the latest last."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

from studio.errors import BadCheckpoint

Promoted = dict[str, list[str]]


class Promotions:
    """A file of them, which outlives the process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = threading.RLock()

    def all(self) -> Promoted:
        try:
            return json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}

    def change(self, act: Callable[[Promoted], object]) -> None:
        """Let one change them.

        Raises:
            BadCheckpoint: they cannot be written; all is as it was.
        """
        with self.lock:
            promoted = self.all()
            act(promoted)
            self.save(promoted)

    def save(self, promoted: Promoted) -> None:
        """Raises: BadCheckpoint: they cannot be written."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            fresh = self.path.with_suffix(".new")
            fresh.write_text(json.dumps(promoted, indent=1), encoding="utf-8")
            fresh.replace(self.path)
        except OSError as error:
            folder = str(self.path.parent)
            raise BadCheckpoint(
                "checkpoint_unwritable", folder=folder, reason=str(error)
            ) from error
