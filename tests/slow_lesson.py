"""A lesson that takes as long as one lets it, for tests that stop it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from studio.medium import Generator

ROUND_SECONDS = 0.05


def slowly(
    generator: Generator, *, rounds: int, unfinished: Path | None = None, **how: Any
) -> dict[str, Any]:
    """Counts rounds, and keeps how many there were; who did the first and who the last."""
    done, first = 0, os.getpid()
    if unfinished is not None and unfinished.exists():
        done, first = map(int, unfinished.read_text().split())
    taken_up = done
    while done < rounds:
        time.sleep(ROUND_SECONDS)
        done += 1
        if unfinished is not None:
            unfinished.write_text(f"{done} {first}")
        how["progress"](done / rounds, {"stage": "learning"})
    return {
        "version": generator.version,
        "first": first,
        "last": os.getpid(),
        "taken_up": taken_up,
    }
