"""What a studio that stays up for months does by itself, again and again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)


class Regularly:
    """A thread that acts at once, then every so many seconds, until it is stopped.

    An act that fails is logged, and tried again when its time comes.
    """

    def __init__(self, name: str, seconds: float, act: Callable[[], object]) -> None:
        self.name, self.seconds, self.act = name, seconds, act
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Wait until an act that is under way has ended; there is no other."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.act()
            except Exception:
                log.exception("%s failed", self.name)
            self._stop.wait(self.seconds)
