"""The one place where models live on a device.

Loaded on first use, shared between threads, evicted least-recently-used under a memory budget.
Which version a request means is part of the request: nothing here is global to people except the
default for those who have not chosen.
"""

from __future__ import annotations

import datetime
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from studio.checkpoint import TUNED, Checkpoint, Checkpoints, base_of
from studio.errors import BadCheckpoint, NotFound
from studio.line import Line
from studio.medium import Artwork, Generator, get_medium
from studio.traffic import Traffic

if TYPE_CHECKING:
    from torch import Tensor

    from studio.taste.telling import Progress

Learned = TypeVar("Learned")


def pick_device(wanted: str = "auto") -> str:
    """cuda, mps or cpu: the wanted one, or the best there is."""
    import torch

    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "cuda"
    if torch.backends.mps.is_available():
        return "mps"
    return "cpu"


@dataclass
class Loaded:
    """What is known of a loaded generator and its use."""

    medium: str
    version: str
    parent: str | None
    device: str
    bytes: int
    uses: int = 0
    last_used: float = field(default_factory=time.monotonic)


@dataclass
class Resident(Loaded):
    """A loaded generator."""

    generator: SharedGenerator = field(kw_only=True)


RECENT = 24
"""Works that each model remembers: what was just made is shown, told of, kept and saved."""


class SharedGenerator:
    """A generator whose concurrent decodes go through the line, where they share passes."""

    def __init__(self, generator: Generator, line: Line) -> None:
        self.inner = generator
        self.line = line
        self.recent: OrderedDict[tuple[bytes, str], Artwork] = OrderedDict()
        self.lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def decode(
        self, latents: Tensor, options: Mapping[str, Any] | None = None
    ) -> Sequence[Artwork]:
        """As `Generator.decode`; batched with what other threads ask for at the same time, and a
        work that was made a moment ago is not made again.

        Raises:
            Overtaken: see studio.line.
        """
        if len(latents) != 1:
            return self.line.decode(self.inner, latents, dict(options or {}))
        key = (latents.cpu().numpy().tobytes(), repr(sorted((options or {}).items())))
        with self.lock:
            made = self.recent.get(key)
        if made is None:
            (made,) = self.line.decode(self.inner, latents, dict(options or {}))
        with self.lock:
            self.recent[key] = made
            self.recent.move_to_end(key)
            while len(self.recent) > RECENT:
                self.recent.popitem(last=False)
        # Whoever asked writes into its recipe where it comes from.
        return [copy(made)]


class Registry:
    """Generators by medium and version.

    Attributes:
        lessons: how many may learn at the same time.
    """

    lessons = 1

    def __init__(
        self,
        checkpoints: Checkpoints,
        device: str = "auto",
        budget_bytes: int = 2 * 1024**3,
        threads: int | None = None,
    ) -> None:
        self.checkpoints = checkpoints
        self.wanted_device = device
        self.budget_bytes = budget_bytes
        self.threads = threads
        self.loaded: dict[tuple[str, str], Resident] = {}
        self.traffic = Traffic()
        self.line = Line(self.traffic)
        self.traffic.gauge("models_bytes", "Memory that loaded models take.", self.used_bytes)
        self.traffic.gauge("models_budget_bytes", "What they may take.", lambda: self.budget_bytes)
        self.traffic.gauge("decodes_waiting", "Requests that wait for a model.", self.waiting)
        self.lock = threading.Lock()
        # Building a model is not thread-safe in torch, so one is built at a time; people who use
        # what is loaded do not wait for it.
        self.build_lock: AbstractContextManager[Any] = threading.RLock()

    def use(self, medium: str, version: str | None = None) -> Generator:
        """A ready generator; `version` None means the default.

        A caller that keeps the object may go on using it after its eviction.

        Raises:
            NotFound: unknown medium or version.
            BadCheckpoint: the version cannot be trusted or read.
        """
        version = version or self.default_version(medium)
        key = (medium, version)
        resident = self.touch(key)
        if resident is None:
            with self.build_lock:
                resident = self.touch(key)
                if resident is None:
                    resident = self.load(medium, version)
                    with self.lock:
                        self.loaded[key] = resident
                        resident.uses += 1
                    self.evict(keep=key)
        return resident.generator

    def use_apart(self, medium: str, version: str | None = None) -> Generator:
        """As `use`, for long work in the background: nobody's decode waits for one of these, nor
        is batched with it."""
        return cast(SharedGenerator, self.use(medium, version)).inner

    def touch(self, key: tuple[str, str]) -> Resident | None:
        with self.lock:
            resident = self.loaded.get(key)
            if resident is not None:
                resident.uses += 1
                resident.last_used = time.monotonic()
            return resident

    def load(self, medium: str, version: str) -> Resident:
        import torch

        from studio.precision import processors

        if self.threads:
            torch.set_num_threads(self.threads)
        checkpoint = self.checkpoints.find(medium, version)
        device = pick_device(self.wanted_device)
        if device == "cpu":
            # For a crowd, a processor each does more than all of them in one pass after another.
            self.line.passes = self.line.threads = self.threads or processors()
        if checkpoint.parent is None:
            generator = get_medium(medium).load(checkpoint, device)
        else:
            parent = self.use(medium, checkpoint.parent)
            try:
                generator = parent.adapted(checkpoint.tensors("adapter"), version)
            except ValueError as error:
                raise BadCheckpoint("checkpoint_unfitting", folder=version) from error
        shared = SharedGenerator(generator, self.line)
        self.traffic.loaded(medium)
        size = generator.memory_bytes()
        return Resident(medium, version, checkpoint.parent, device, size, generator=shared)

    def evict(self, keep: tuple[str, str]) -> None:
        """Unload the least recently used until the budget holds; `keep` always stays.

        A base stays as long as a fine-tune that shares its weights does: unloading it would free
        nothing.
        """
        with self.lock:
            while sum(r.bytes for r in self.loaded.values()) > self.budget_bytes:
                parents = {(r.medium, r.parent) for r in self.loaded.values()}
                candidates = [k for k in self.loaded if k != keep and k not in parents]
                if not candidates:
                    return
                oldest = min(candidates, key=lambda k: self.loaded[k].last_used)
                del self.loaded[oldest]
                self.traffic.unloaded(oldest[0])

    def resident(self) -> Sequence[Loaded]:
        """What is loaded now, the most recently used first."""
        with self.lock:
            return sorted(self.loaded.values(), key=lambda r: -r.last_used)

    def used_bytes(self) -> int:
        return sum(one.bytes for one in self.resident())

    def waiting(self) -> int:
        """Requests that no forward pass has taken up yet."""
        return len(self.line.waiting)

    def versions(self, medium: str) -> list[Checkpoint]:
        """All versions on disk, the oldest first."""
        get_medium(medium)
        return self.checkpoints.list(medium)

    def default_version(self, medium: str) -> str:
        """What people get who have not chosen: the version promoted last, of those that are there,
        or the newest shipped base; one that was transferred from another base only if there is no
        other.

        Raises:
            NotFound: the medium has no version at all.
        """
        get_medium(medium)
        if promoted := self.checkpoints.promotions.all().get(medium):
            there = {folder.name for folder in self.checkpoints.folders(medium)}
            if standing := [version for version in promoted if version in there]:
                return standing[-1]
        bases = [c for c in self.checkpoints.list(medium) if c.is_base]
        if not bases:
            raise NotFound("no_versions", medium=medium)
        first = [c for c in bases if "transferred_from" not in c.card]
        return (first or bases)[-1].version

    def base(self, medium: str, version: str) -> Checkpoint:
        """The base that a version goes back to; a base is its own.

        Raises:
            NotFound, BadCheckpoint: as `Checkpoints.find`.
        """
        found = self.checkpoints.find(medium, version)
        while found.parent:
            found = self.checkpoints.find(medium, found.parent)
        return found

    def promote(self, medium: str, version: str) -> None:
        """Make a version the default; it is loaded first, so that nobody waits for it.

        Raises:
            NotFound, BadCheckpoint: as `use`.
        """
        self.use(medium, version)
        self.checkpoints.promotions.change(lambda all_: all_.setdefault(medium, []).append(version))

    def roll_back(self, medium: str) -> str:
        """Undo the latest promotion; returns the default that holds now."""
        self.checkpoints.promotions.change(lambda all_: all_.get(medium) and all_[medium].pop())
        return self.default_version(medium)

    def remove(self, medium: str, version: str) -> None:
        """Unload a version and delete it from the home root.

        Raises:
            NotFound: there is no such version in the home root.
        """
        self.unload(medium, version)
        self.checkpoints.remove(medium, version)

    def unload(self, medium: str, version: str) -> None:
        with self.lock:
            self.loaded.pop((medium, version), None)

    def add_fine_tune(
        self,
        parent: Generator,
        adapter: Mapping[str, Tensor],
        measured: Mapping[str, Any],
        card_extra: Mapping[str, Any] | None = None,
        version: str | None = None,
    ) -> str:
        """Write a fine-tune of `parent` as a new version and return its name.

        Args:
            version: the name it had before; None: a new one.

        Raises:
            BadCheckpoint: it cannot be written; nothing is left behind.
        """
        created = datetime.datetime.now(datetime.UTC)
        base = base_of(parent.version)
        version = version or f"{base}{TUNED}{created:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        card = {
            "medium": parent.medium,
            "version": version,
            "parent": parent.version,
            # Two in one second would lie in the order of their random names.
            "created": created.isoformat(timespec="milliseconds"),
            "trained_on": self.device_of(parent),
            "measured": dict(measured),
            **(card_extra or {}),
        }
        self.checkpoints.write(card, {"adapter": adapter})
        return version

    def device_of(self, generator: Generator) -> str:
        """The device that a generator computes on."""
        return str(generator.device)

    def learn(
        self,
        learn: Callable[..., Learned],
        generator: Generator,
        *,
        progress: Progress,
        is_cancelled: Callable[[], bool],
        unfinished: Path | None = None,
        **how: Any,
    ) -> Learned:
        """What a lesson learns: `learn(generator, **how)`, where the generator is.

        Args:
            learn: how it learns, as studio.taste.finetune.finetune does.
            progress, is_cancelled: see there.
            unfinished: of a lesson that can go on where it was stopped, the file that keeps it.

        Raises: whatever `learn` raises.
        """
        if unfinished is not None:
            how["unfinished"] = unfinished
        return learn(generator, progress=progress, is_cancelled=is_cancelled, **how)

    def ailments(self) -> list[str]:
        """What keeps models from being used, as words for whoever runs the studio."""
        return []

    def close(self) -> None:
        """Let go of what is elsewhere."""
