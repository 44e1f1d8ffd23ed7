"""Who waits for the models, and who is next.

Nobody waits for a window: while a processor is free, a pass begins at once. Those who come
meanwhile stand in line, and the next pass takes as many of them together as are worth taking, one
wish of each person before a second one of anybody.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from studio.medium import Artwork, Generator
from studio.traffic import Traffic

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")
PATIENCE = 10.0
"""Seconds after which what nobody looks at yet is as urgent as what somebody waits for. By then
most people have moved on, and what they have left is not made at all."""
GIVES_WAY = 4.0
"""How many times as long as a look ahead has taken nobody else's becomes urgent."""
LOOKS = 0.25
"""Seconds between two looks at whether it is calm, where nobody says so."""
MOST_PASSES = 256
REMEMBERED = 1000
"""People whose last turn is remembered; whoever has been away for longer goes first."""


class Overtaken(Exception):
    """The same person has asked for something newer in its place. Nobody needs to be told."""


@dataclass(eq=False)
class Ask:
    """One wish of one person, while it is being answered.

    Attributes:
        person: whose turn it takes.
        is_passing: it is worth nothing once the same person wants something newer there.
        is_ahead: it shows what could be next, and lets those go first who wait for what is.
        is_due: it has let them go first for long enough.
        place: of the person's page.
    """

    person: str
    is_passing: bool = False
    is_ahead: bool = False
    is_overtaken: bool = False
    is_due: bool = False
    place: str = ""


NOBODY = Ask("")
current: ContextVar[Ask] = ContextVar("ask", default=NOBODY)
"""The wish that this thread is about."""


def is_asked_for(ask: Ask) -> bool:
    return bool(ask.place) and not ask.is_ahead


@dataclass(eq=False)
class Request:
    """One thread's wish to have latents decoded with some options, or to have other `work` done
    with the generator."""

    generator: Generator
    latents: Tensor
    options: Mapping[str, Any]
    ask: Ask
    work: Callable[[], Any] | None = None
    asked: float = field(default_factory=time.monotonic)
    is_over: threading.Event = field(default_factory=threading.Event)
    made: Sequence[Any] | None = None
    error: BaseException | None = None

    def goes_with(self, other: Request) -> bool:
        return (
            self.work is other.work is None
            and self.generator is other.generator
            and self.options == other.options
            and self.latents.shape[1:] == other.latents.shape[1:]
        )


class Line:
    """One line in front of all models of a machine.

    Attributes:
        passes: forward passes at the same time.
        threads: CPU threads that the passes share; 0: as many as torch likes.
    """

    def __init__(self, traffic: Traffic, passes: int = 1, threads: int = 0) -> None:
        self.traffic = traffic
        self.passes = passes
        self.threads = threads
        self.waiting: list[Request] = []
        self.running: list[Request] = []
        self.asked_for = 0
        """Wishes in places of pages that people wait for, whatever of them is under way."""
        self.looks = 0
        """Looks ahead under way."""
        self.giving_way = 0.0
        """Until when no other look ahead is urgent."""
        self.turn = 0
        self.turns: dict[str, int] = {}
        self.newest: dict[tuple[str, str, bool], Ask] = {}
        self.lock = threading.Lock()
        self.calms_down = threading.Condition(self.lock)
        # Few threads of their own, rather than whichever asks: each keeps memory for its passes.
        self.workers = ThreadPoolExecutor(MOST_PASSES, "passes")

    @contextmanager
    def asking(
        self, person: str, place: str = "", *, is_passing: bool = False, is_ahead: bool = False
    ) -> Iterator[None]:
        """What this thread decodes inside is for a person; in the same place, it overtakes what
        the person asked for before and was only passing."""
        ask = self.begin(person, place, is_passing=is_passing, is_ahead=is_ahead)
        try:
            with self.within(ask):
                yield
        finally:
            self.end(ask)

    def begin(
        self, person: str, place: str = "", *, is_passing: bool = False, is_ahead: bool = False
    ) -> Ask:
        """As `asking`, for what is asked by several threads one after another: each of them
        `within` the wish, and the last one sees to its `end`."""
        ask = Ask(person, is_passing, is_ahead, place=place)
        with self.lock:
            # A look ahead overtakes the look ahead before it, not what somebody waits for.
            for kind in (True,) if is_ahead else (True, False):
                earlier = self.newest.get((person, place, kind))
                if earlier is not None and earlier.is_passing:
                    earlier.is_overtaken = True
            self.newest[person, place, is_ahead] = ask
            self.asked_for += is_asked_for(ask)
        return ask

    @contextmanager
    def within(self, ask: Ask) -> Iterator[None]:
        before = current.set(ask)
        try:
            yield
        finally:
            current.reset(before)

    def end(self, ask: Ask) -> None:
        at = (ask.person, ask.place, ask.is_ahead)
        with self.lock:
            if self.newest.get(at) is ask:
                del self.newest[at]
            self.asked_for -= is_asked_for(ask)
            self.calms_down.notify()

    @contextmanager
    def calm(self) -> Iterator[None]:
        """What looks ahead inside begins once a processor is free of what people wait for. Most of
        a look may be other work than decoding, and all of it would be in their way.

        Raises:
            Overtaken: by a newer wish, before it was so.
        """
        ask = current.get()
        began = time.monotonic()
        with self.lock:
            while not self.is_calm(ask, began):
                if ask.is_overtaken:
                    self.traffic.unanswered("overtaken")
                    raise Overtaken
                self.calms_down.wait(LOOKS)
            self.looks += 1
        began = time.monotonic()
        try:
            yield
        finally:
            with self.lock:
                self.looks -= 1
                ended = time.monotonic()
                self.giving_way = ended + GIVES_WAY * (ended - began)
                self.calms_down.notify()

    def is_calm(self, ask: Ask, since: float) -> bool:
        """Whether a look ahead may begin. With the lock held."""
        if ask.is_overtaken or self.looks >= max(1, self.passes // 2):
            return False
        now = time.monotonic()
        ask.is_due = now - since >= PATIENCE and now >= self.giving_way
        return ask.is_due or self.asked_for < self.passes

    def decode(
        self, generator: Generator, latents: Tensor, options: Mapping[str, Any]
    ) -> Sequence[Artwork]:
        """As `Generator.decode`, with what others ask for at the same time.

        Raises:
            Overtaken: by a newer wish, before it was this one's turn.
        """
        mine = Request(generator, latents, options, current.get())
        made = self.wait(mine)
        self.traffic.answered(generator.medium, len(latents), time.monotonic() - mine.asked)
        return made

    def step(self, generator: Generator, steps: Iterator[T]) -> T | None:
        """The next of steps that a generator makes, as a pass of its own; None: there is no other.

        Raises:
            Overtaken: as `decode`.
        """
        import torch

        work = partial(next, steps, None)
        (found,) = self.wait(Request(generator, torch.empty(0), {}, current.get(), work))
        return found

    def wait(self, mine: Request) -> Sequence[Any]:
        """What is made of a request when its turn has come."""
        with self.lock:
            self.waiting.append(mine)
            self.call()
        mine.is_over.wait()
        if mine.made is None:
            raise mine.error or Overtaken
        return mine.made

    def call(self) -> None:
        """While there is a pass to spare, begin one for the next in line. With the lock held."""
        for one in [one for one in self.waiting if one.ask.is_overtaken]:
            self.waiting.remove(one)
            self.traffic.unanswered("overtaken")
            one.is_over.set()
        while self.waiting and len(self.running) < self.passes:
            line = self.in_order()
            if self.is_busy():
                line = [one for one in line if not self.can_wait(one)]
            if not line:
                return
            first, *others = line
            batch, size = [first], len(first.latents)
            # A processor makes a large pass more slowly: who waits does not wait for looks ahead.
            others = [one for one in others if self.can_wait(one) == self.can_wait(first)]
            for one in others:
                if one.goes_with(first) and size + len(one.latents) <= first.generator.at_once:
                    batch.append(one)
                    size += len(one.latents)
            for one in batch:
                self.waiting.remove(one)
                self.turns.pop(one.ask.person, None)
                self.turns[one.ask.person] = self.turn = self.turn + 1
            while len(self.turns) > REMEMBERED:
                self.turns.pop(next(iter(self.turns)))
            sharing = 1 + len(self.running) + bool(self.waiting)
            self.running.append(first)
            self.workers.submit(self.run, batch, self.threads and max(1, self.threads // sharing))

    def is_busy(self) -> bool:
        """Whether looking ahead would take something from those who wait for what they asked for: a
        share of the processors now, or the last free pass from whoever comes next."""
        is_last = 1 < self.passes == len(self.running) + 1
        return is_last or any(not one.ask.is_ahead for one in self.running)

    def can_wait(self, one: Request) -> bool:
        is_due = one.ask.is_due or time.monotonic() - one.asked >= PATIENCE
        return one.ask.is_ahead and not is_due

    def in_order(self) -> list[Request]:
        """Everybody who waits: what is urgent first, then each person's first wish before anybody's
        second, then whose last turn is longest ago."""
        wishes = Counter[str]()

        def place(one: Request) -> tuple[bool, int, int]:
            wishes[one.ask.person] += 1
            return self.can_wait(one), wishes[one.ask.person], self.turns.get(one.ask.person, 0)

        return sorted(self.waiting, key=place)

    def run(self, batch: Sequence[Request], threads: int) -> None:
        """One pass, and then the next."""
        import torch

        try:
            if threads:
                torch.set_num_threads(threads)
            self.decode_together(batch)
        finally:
            with self.lock:
                self.running.remove(batch[0])
                self.call()
            for one in batch:
                one.is_over.set()

    def decode_together(self, batch: Sequence[Request]) -> None:
        """One person's bad latent does not become everybody's error."""
        import torch

        generator, options = batch[0].generator, batch[0].options
        try:
            if batch[0].work is not None:
                batch[0].made = [batch[0].work()]
                return
            together = torch.cat([one.latents for one in batch])
            artworks = list(generator.decode(together, options))
            self.traffic.decoded(generator.medium, len(together))
        except Exception as error:
            if len(batch) == 1:
                batch[0].error = error
                return
            for one in batch:
                self.decode_together([one])
            return
        for one in batch:
            one.made = artworks[: len(one.latents)]
            artworks = artworks[len(one.latents) :]
