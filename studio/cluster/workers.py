"""What runs on a worker: a replica that decodes, and a lesson."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import hashlib
import inspect
import logging
import os
import shutil
import sys
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from studio.bucket import Bucket, BucketAway, SharedCheckpoints
from studio.checkpoint import Checkpoints
from studio.cluster.wire import Part, Which, dumps, loads
from studio.errors import StudioError
from studio.jobs import POLITENESS
from studio.line import Ask, Overtaken
from studio.manipulation import Pliable
from studio.medium import Generator, Handed
from studio.registry import Registry, Resident, SharedGenerator
from studio.regularly import Regularly
from studio.traffic import Traffic

AT_ONCE = 64
"""Questions that a replica takes at the same time; those beyond wait until another replica, or this
one, can take them."""
TIDY_SECONDS = 20.0
"""How often a replica looks for versions that are not there any more."""

OWN = "latent-studio-worker-"

Row = tuple[str, str, str | None, str, int, int]
"""Medium, version, parent, device, bytes and uses of a model in memory."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Place:
    """Where versions are, and what a worker may take of its machine.

    Attributes:
        shipped: the folder of the base models; home: that of the others, the same for all machines,
            or None where they are in a `bucket`.
        budget: bytes of device memory, threads: CPU threads that its models may take.
    """

    shipped: Path
    home: Path | None
    bucket: str | None
    device: str
    budget: int
    threads: int

    def checkpoints(self) -> Checkpoints:
        if self.home is not None:
            return Checkpoints(self.shipped, self.home)
        assert self.bucket is not None
        return SharedCheckpoints(self.shipped, own_folder(), Bucket(self.bucket))


def own_folder() -> Path:
    """A folder of this process, for what it fetches: two must not fetch into one. What a process
    that was killed has left goes."""
    for left in Path(tempfile.gettempdir()).glob(f"{OWN}*"):
        if not Path(f"/proc/{left.name.removeprefix(OWN).split('-')[0]}").exists():
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{OWN}{os.getpid()}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@dataclass(frozen=True)
class Told:
    """What a replica says of itself with each answer.

    Attributes:
        replica: which one it is.
        loaded: the models in its memory.
        passes: medium and works of the forward passes since its last answer.
        changed: media of models that were loaded (True) or unloaded (False) since then.
    """

    replica: str
    loaded: list[Row]
    passes: list[tuple[str, int]]
    changed: list[tuple[str, bool]]


@dataclass(frozen=True)
class Description:
    """What there is to know of a generator without asking it again.

    Attributes:
        values: attributes of studio.medium.Generator and what extends it.
        methods, steps: names of what it can do; of what it does step by step.
        parts: names of its modules.
    """

    device: str
    values: dict[str, Any]
    methods: list[str]
    steps: list[str]
    parts: list[str]


def described(generator: Generator) -> Description:
    kind = type(generator)
    public = [name for name in dir(kind) if not name.startswith("_")]
    functions = [n for n in public if inspect.isfunction(inspect.getattr_static(kind, n))]
    steps = [name for name in functions if inspect.isgeneratorfunction(getattr(kind, name))]
    parts = [name for name, value in vars(generator).items() if isinstance(value, nn.Module)]
    known = [n for contract in (Generator, Handed, Pliable) for n in contract.__annotations__]
    values = {
        name: getattr(generator, name)
        for name in known
        if name not in parts and hasattr(generator, name)
    }
    methods = [name for name in functions if name not in steps]
    return Description(str(generator.device), values, methods, steps, parts)


class Counted(Traffic):
    """Traffic that somebody else adds up."""

    def __init__(self) -> None:
        super().__init__()
        self.passes = deque[tuple[str, int]](maxlen=1000)
        self.changed = deque[tuple[str, bool]](maxlen=1000)

    def decoded(self, medium: str, works: int) -> None:
        self.passes.append((medium, works))

    def loaded(self, medium: str) -> None:
        self.changed.append((medium, True))

    def unloaded(self, medium: str) -> None:
        self.changed.append((medium, False))


class Opened(Registry):
    """A worker's models: any version, adapted or not, within its budget of memory."""

    def __init__(self, place: Place) -> None:
        super().__init__(place.checkpoints(), place.device, place.budget, place.threads)
        self.counted = Counted()
        self.line.traffic = self.traffic = self.counted

    def open(self, which: Which) -> SharedGenerator:
        """Raises: as `Registry.use`; ValueError: an adapter does not fit."""
        if not which.adapters:
            found = self.use(which.medium, which.version)
            assert isinstance(found, SharedGenerator)
            return found
        digest = hashlib.sha256(repr(which).encode()).hexdigest()[:16]
        key = (which.medium, f"{which.version}+{digest}")
        resident = self.touch(key)
        if resident is None:
            generator = self.use_apart(which.medium, which.version)
            for name, adapter in which.unpacked():
                generator = generator.adapted(adapter, name)
            resident = Resident(
                which.medium,
                generator.version,
                which.version,
                str(generator.device),
                generator.memory_bytes(),
                generator=SharedGenerator(generator, self.line),
            )
            with self.lock:
                resident = self.loaded.setdefault(key, resident)
            self.evict(keep=key)
        return resident.generator

    def part(self, part: Part) -> Any:
        """The very thing."""
        generator = self.open(part.which).inner
        return getattr(generator, part.name) if part.name else generator

    def tidy(self) -> None:
        """Forget versions that were removed."""
        if isinstance(self.checkpoints, SharedCheckpoints):
            with contextlib.suppress(BucketAway):
                self.checkpoints.forget_removed()
        for medium, version in list(self.loaded):
            there = {folder.name for folder in self.checkpoints.folders(medium)}
            if version.split("+")[0] not in there:
                self.unload(medium, version)

    def told(self, replica: str) -> Told:
        loaded = [
            (one.medium, one.version, one.parent, one.device, one.bytes, one.uses)
            for one in self.resident()
        ]
        return Told(replica, loaded, emptied(self.counted.passes), emptied(self.counted.changed))


def emptied(some: deque[Any]) -> list[Any]:
    found = []
    with contextlib.suppress(IndexError):
        while True:
            found.append(some.popleft())
    return found


@dataclass(frozen=True)
class Question:
    """What a generator is asked.

    Attributes:
        what: the name of one of its methods, or with a dot of one of a module's; "" asks for its
            `Description`.
        person: whose turn it takes in the replica's line; nobody can tell from it who that is.
        is_ahead: see studio.line.Ask.
    """

    which: Which
    what: str
    args: tuple[Any, ...] = ()
    how: dict[str, Any] | None = None
    person: str = ""
    is_ahead: bool = False


class Replica:
    """A deployment's copy: answers questions about the generators of a medium.

    Questions and answers are packed, see studio.cluster.wire. An answer is what the replica tells
    of itself, whether all went well, and what came of it: a value, or what was raised.
    """

    def __init__(self, place: Place, stamp: str) -> None:
        from ray import serve

        self.stamp = stamp
        self.name = serve.get_replica_context().replica_id.unique_id
        self.models = Opened(place)
        self.threads = ThreadPoolExecutor(AT_ONCE, "questions")
        self.tidying = Regularly("tidy", TIDY_SECONDS, self.models.tidy)

    async def made_by(self) -> str:
        """Which code and settings this runs with."""
        return self.stamp

    async def ask(self, packed: bytes) -> bytes:
        wish = Ask("")
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self.threads, self.answer, packed, wish)
        except asyncio.CancelledError:
            # Whoever asked wants something newer: what has not begun is not begun.
            wish.is_overtaken = True
            raise

    async def steps(self, packed: bytes) -> AsyncIterator[bytes]:
        """As `ask`, of what is made step by step."""
        loop = asyncio.get_running_loop()
        made = self.stepping(packed)
        while (step := await loop.run_in_executor(self.threads, next, made, None)) is not None:
            yield step

    def answer(self, packed: bytes, wish: Ask) -> bytes:
        generator: SharedGenerator | None = None
        question: Question | None = None
        try:
            question = loads(packed, self.models.part)
            wish.person, wish.is_ahead = question.person, question.is_ahead
            generator = self.models.open(question.which)
            with self.models.line.within(wish):
                return self.packed(question.which, generator, True, told(generator, question))
        except Exception as error:
            if not isinstance(error, StudioError | ValueError | Overtaken):
                log.exception("a question could not be answered")
            which = question.which if question else Which("", "")
            return self.packed(which, generator, False, error)

    def stepping(self, packed: bytes) -> Iterator[bytes]:
        question = loads(packed, self.models.part)
        which, generator = question.which, None
        try:
            generator = self.models.open(which)
            steps = getattr(generator.inner, question.what)(*question.args, **question.how or {})
            # Between two of them it is others' turn.
            while (step := self.models.line.step(generator.inner, steps)) is not None:
                yield self.packed(which, generator, True, step)
        except Exception as error:
            yield self.packed(which, generator, False, error)

    def packed(
        self, which: Which, generator: SharedGenerator | None, is_well: bool, value: Any
    ) -> bytes:
        told = self.models.told(self.name)
        named = naming(which, generator and generator.inner)
        try:
            return dumps((told, is_well, value), named)
        except Exception as error:  # of a plugin's
            log.exception("an answer cannot be sent")
            return dumps((told, False, RuntimeError(repr(error))), named)


def told(generator: SharedGenerator, question: Question) -> Any:
    """What a generator answers, on the CPU."""
    if not question.what:
        return described(generator.inner)
    *part, method = question.what.split(".")
    args, how = question.args, question.how or {}
    if part:
        return getattr(getattr(generator.inner, part[0]), method)(*args, **how)
    if method == "decode":
        return list(generator.line.decode(generator.inner, *args, **how))
    if method in ("latent_features", "forward"):
        args = tuple(one.to(generator.inner.device) for one in args)
        # Nobody differentiates from one machine to another.
        with torch.no_grad():
            return getattr(generator.inner, method)(*args, **how)
    return getattr(generator.inner, method)(*args, **how)


def naming(which: Which, generator: Any) -> Callable[[object], Part | None]:
    """What of the generator's a value may hold."""
    parts = {
        id(value): Part(which, name)
        for name, value in (vars(generator).items() if generator is not None else ())
        if isinstance(value, nn.Module)
    }
    return lambda value: parts.get(id(value)) if isinstance(value, nn.Module) else None


class Mailbox:
    """Between a lesson and the studio that waits for it: an actor, which outlives a worker.

    It holds what was said and not heard yet, and the newest state of what is unfinished.
    """

    def __init__(self, kept: bytes) -> None:
        self.kept = kept
        self.said: list[bytes] = []
        self.has_news = False

    def say(self, said: bytes, kept: bytes | None) -> None:
        self.said.append(said)
        if kept is not None:
            self.kept, self.has_news = kept, True

    def hear(self) -> tuple[list[bytes], bytes | None]:
        """What was said since, and what is kept if that is another than before."""
        said, kept = self.said, self.kept if self.has_news else None
        self.said, self.has_news = [], False
        return said, kept

    def newest(self) -> bytes:
        return self.kept


@cache
def opened(place: Place) -> Opened:
    """A worker does one lesson after another with the same models."""
    return Opened(place)


@dataclass(frozen=True)
class Lesson:
    """What is learned by which generator, and whether it is kept while it is unfinished."""

    which: Which
    learn: Callable[..., Any]
    how: dict[str, Any]
    is_kept: bool


def learn(place: Place, packed: bytes, mailbox: Any) -> bytes:
    """The task of a lesson: whether it went well, and what was learned or raised.

    A task that is done again after its worker died goes on from what the mailbox keeps.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, 0, POLITENESS)
    try:
        return learned(opened(place), packed, mailbox)
    except StudioError as error:
        return dumps((False, error), lambda _: None)


def learned(models: Opened, packed: bytes, mailbox: Any) -> bytes:
    import ray

    lesson: Lesson = loads(packed, models.part)
    generator = models.open(lesson.which).inner
    named = naming(lesson.which, generator)
    with tempfile.TemporaryDirectory(prefix="latent-studio-lesson-") as folder:
        file = Path(folder) / "unfinished.safetensors"
        seen = 0

        def progress(share: float, said: dict[str, Any]) -> None:
            nonlocal seen
            kept = None
            if file.exists() and (now := file.stat().st_mtime_ns) != seen:
                kept, seen = file.read_bytes(), now
            mailbox.say.remote(dumps((share, said), named), kept)

        how = dict(lesson.how)
        if lesson.is_kept:
            how["unfinished"] = file
            if kept := ray.get(mailbox.newest.remote()):
                file.write_bytes(kept)
        return dumps((True, lesson.learn(generator, progress=progress, **how)), named)
