"""A fine-tune in progress, on disk: one that a crash or a power cut stops goes on after its last
whole round, and ends as if nothing had been."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from studio.checkpoint import flush

FORMAT = "2"
"""Another one whenever what a round does changes: half a lesson is not ended by another teacher."""
HEADER = "latent_studio_lesson"

log = logging.getLogger(__name__)


class Unfinished:
    """The file that keeps one fine-tune.

    Args:
        path: None keeps nothing.
        of: tensors and plain values that decide how the fine-tune ends. A file of another one is
            not taken up, so that whoever rates more, or chooses otherwise, begins afresh.
    """

    def __init__(self, path: Path | None, *of: object) -> None:
        self.path = path
        digest = hashlib.sha256(FORMAT.encode())
        for part in of:
            if isinstance(part, Tensor):
                digest.update(part.cpu().numpy().tobytes())
            else:
                digest.update(repr(part).encode())
        self.digest = digest.hexdigest()

    def save(self, state: Mapping[str, Tensor]) -> None:
        """Replace what is kept, whole or not at all. A fine-tune goes on without it, so that
        trouble with the disk is only logged."""
        from safetensors import SafetensorError
        from safetensors.torch import save_file

        if self.path is None:
            return
        fresh = self.path.with_suffix(".new")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            whole = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
            save_file(whole, fresh, {HEADER: self.digest})
            flush(fresh)
            fresh.replace(self.path)
        except (OSError, SafetensorError):
            log.warning("a fine-tune in progress could not be kept in %s", fresh, exc_info=True)

    def load(self) -> dict[str, Tensor] | None:
        """What is kept of this very fine-tune, if anything."""
        from safetensors import SafetensorError, safe_open

        if self.path is None:
            return None
        try:
            with safe_open(self.path, framework="pt") as file:
                if (file.metadata() or {}).get(HEADER) != self.digest:
                    return None
                return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError):
            return None


def forget(path: Path) -> None:
    """Keep nothing any more."""
    for file in (path, path.with_suffix(".new")):
        try:
            file.unlink(missing_ok=True)
        except OSError:
            log.warning("%s could not be removed", file, exc_info=True)
