"""Questions to Ray Serve's replicas, and the line of those who wait for the answers."""

from __future__ import annotations

import contextlib
import logging
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ray.exceptions import RayError, RayTaskError, TaskCancelledError
from ray.serve.exceptions import RayServeException, RequestCancelledError

from studio.errors import StudioError
from studio.line import Ask, Line, Overtaken, Request, current
from studio.traffic import Traffic

if TYPE_CHECKING:
    from studio.cluster.registry import ClusterRegistry

PATIENCE = 120.0
"""Seconds after which somebody is told that no replica answers."""
TRIES = 3
"""How often a question is asked whose replica goes away; a lesson too."""

log = logging.getLogger(__name__)


class Away(StudioError):
    """No worker answers, or the one that was asked stopped, and those after it."""


class Call:
    """One question to whichever replica is free; it is put anew if that one goes away, since what
    is asked changes nothing."""

    def __init__(self, cluster: ClusterRegistry, medium: str, packed: bytes) -> None:
        self.cluster, self.medium, self.packed = cluster, medium, packed
        self.until = time.monotonic() + PATIENCE
        self.is_cancelled = False
        self.put()

    def put(self) -> None:
        try:
            self.response = self.cluster.deployed(self.medium).ask.remote(self.packed)
        except (RayError, RayServeException) as error:
            raise Away("workers_away") from error

    def cancel(self) -> None:
        self.is_cancelled = True
        self.response.cancel()

    def result(self) -> Any:
        """Raises: Overtaken: it was cancelled; Away; whatever the generator raises."""
        tries = 1
        while True:
            try:
                left = self.until - time.monotonic()
                packed = self.response.result(timeout_s=max(left, 0.0))
                break
            except RayTaskError:  # a bug, which is the same each time
                raise
            except TimeoutError as error:
                self.response.cancel()
                raise Away("workers_away") from error
            except (RequestCancelledError, TaskCancelledError) as error:
                if self.is_cancelled:
                    raise Overtaken from error
                self.again(tries, error)
            except (RayError, RayServeException) as error:
                self.again(tries, error)
            tries += 1
        return self.cluster.read(packed)

    def again(self, tries: int, error: Exception) -> None:
        log.warning("a replica of %s went away: %s", self.medium, type(error).__name__)
        if self.is_cancelled:
            raise Overtaken from error
        if tries == TRIES:
            raise Away("workers_away") from error
        self.cluster.look_again(self.medium)
        self.put()


class FarLine(Line):
    """What people wait for elsewhere: everybody's wishes go to the replicas at once, up to as many
    as these take, and stand in their lines."""

    def __init__(self, traffic: Traffic, passes: int) -> None:
        super().__init__(traffic, passes)
        self.calls: defaultdict[Ask, list[Call]] = defaultdict(list)

    def begin(
        self, person: str, place: str = "", *, is_passing: bool = False, is_ahead: bool = False
    ) -> Ask:
        ask = super().begin(person, place, is_passing=is_passing, is_ahead=is_ahead)
        with self.lock:
            calls = [call for one, some in self.calls.items() if one.is_overtaken for call in some]
        for call in calls:
            call.cancel()
        return ask

    def is_busy(self) -> bool:
        """A replica knows better whether it is."""
        return False

    def decode_together(self, batch: Sequence[Request]) -> None:
        """One request at a time: replicas put together what belongs together."""
        for one in batch:
            token = current.set(one.ask)
            try:
                if one.work is not None:
                    one.made = [one.work()]
                else:
                    one.made = list(one.generator.decode(one.latents, one.options))
            except Overtaken:
                self.traffic.unanswered("overtaken")
            except Exception as error:
                one.error = error
            finally:
                current.reset(token)

    @contextlib.contextmanager
    def calling(self, calls: Sequence[Call]) -> Iterator[None]:
        """While these are answered, they are cancelled as soon as somebody's wish is overtaken."""
        ask = current.get()
        with self.lock:
            self.calls[ask].extend(calls)
        try:
            if ask.is_overtaken:
                raise Overtaken
            yield
        except BaseException:
            for call in calls:
                call.cancel()
            raise
        finally:
            with self.lock:
                self.calls[ask] = [call for call in self.calls[ask] if call not in calls]
                if not self.calls[ask]:
                    del self.calls[ask]
