"""How the studio asks workers: a registry whose generators stand for those in Ray Serve's replicas.

Each medium is a Serve application with a deployment of its own, which Serve places, watches, scales
and starts anew. People wait in the line of a replica, where passes are shared among all who ask;
what a newer wish has overtaken is cancelled there.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self, cast

import ray
import torch
from ray import serve
from ray.exceptions import RayError, RayTaskError
from ray.serve.exceptions import RayServeException
from ray.serve.handle import DeploymentHandle, DeploymentResponseGenerator
from ray.util import list_named_actors
from torch import Tensor

from studio.checkpoint import Checkpoints, flush
from studio.cluster import calls, workers
from studio.cluster.calls import Away, Call, FarLine
from studio.cluster.wire import Part, Which, dumps, loads
from studio.cluster.workers import (
    AT_ONCE,
    Description,
    Lesson,
    Mailbox,
    Place,
    Question,
    Replica,
    Told,
)
from studio.errors import BadSetting
from studio.line import MOST_PASSES, current
from studio.medium import Artwork, Generator
from studio.registry import Learned, Loaded, Registry, Resident, SharedGenerator
from studio.settings import Settings
from studio.taste.telling import FineTuneCancelled, Progress

WANTED = 4
"""Questions under way for each replica that Serve aims at: above, it adds replicas; below, it takes
some away."""
HEARD_SECONDS = 0.5
"""How often a lesson's mailbox is emptied, and somebody asked whether it is still wanted."""
LAST_SECONDS = 5.0
"""How long a lesson that has ended waits for what it said last."""
STOPS_SECONDS = 2.0
"""How long a lesson that is not wanted any more has for stopping by itself; its process is ended
then."""
MOST = 1000
"""Stand-ins that are kept, of some kilobytes each."""
REPLICAS = "SERVE_REPLICA::"

log = logging.getLogger(__name__)


def connect(settings: Settings, checkpoints: Checkpoints) -> ClusterRegistry:
    """A registry whose models live in the cluster that RAY_ADDRESS names, else in one on this
    machine, which is started if there is none.

    Raises:
        BadSetting: there is no such cluster.
    """
    # What Ray would tell its makers of this cluster; see docs/security.md.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        ray.init(
            namespace="latent-studio",
            ignore_reinit_error=True,
            log_to_driver=False,
            logging_level=logging.WARNING,
        )
        serve.start(proxy_location="Disabled")
        logging.getLogger("ray.serve").setLevel(logging.WARNING)
    except (RayError, ConnectionError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise BadSetting("ray_unreachable", reason=reason) from error
    return ClusterRegistry(settings, checkpoints)


class FarPart:
    """Stands for a module of a generator: whoever has it may call its methods."""

    def __init__(self, cluster: ClusterRegistry, part: Part) -> None:
        self.cluster, self.part = cluster, part

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        return partial(self.cluster.ask, self.part.which, f"{self.part.name}.{name}")


class FarGenerator:
    """Stands for a generator in the replicas: see studio.medium.Generator, and whatever else the
    one there can do.

    Attributes:
        device: where tensors are to be that it is given: here.
        computes_on: the device there.
    """

    at_once = 1

    def __init__(self, cluster: ClusterRegistry, which: Which, description: Description) -> None:
        # Attributes of its own, so that protocols see them too.
        vars(self).update(description.values)
        for name in description.methods:
            if not hasattr(FarGenerator, name):
                setattr(self, name, partial(cluster.ask, which, name))
        for name in description.steps:
            setattr(self, name, partial(cluster.steps, which, name))
        for name in description.parts:
            setattr(self, name, FarPart(cluster, Part(which, name)))
        self.medium, self.version = which.medium, which.version
        if which.adapters:
            self.version, _ = which.adapters[-1]
        self.device = torch.device("cpu")
        self.computes_on = description.device
        self.in_a_pass = int(description.values["at_once"])
        self.at_once = FarGenerator.at_once
        self.cluster, self.which, self.description = cluster, which, description

    def decode(
        self, latents: Tensor, options: Mapping[str, Any] | None = None
    ) -> Sequence[Artwork]:
        """See studio.medium.Generator.decode. Of many, a few passes at a time are asked for, so
        that they spread over the replicas and others get between."""
        pieces = latents.split(self.in_a_pass) if len(latents) > self.in_a_pass else (latents,)
        made: list[Artwork] = []
        for first in range(0, len(pieces), self.cluster.abreast):
            some = pieces[first : first + self.cluster.abreast]
            asked = [self.cluster.call(self.which, "decode", piece, options) for piece in some]
            with self.cluster.line.calling(asked):
                for call in asked:
                    made += call.result()
        return made

    def adapted(self, adapter: Mapping[str, Tensor], version: str) -> Self:
        """See studio.medium.Generator.adapted."""
        return self.twin(self.which.adapted(adapter, version))

    def twin(self, which: Which) -> Self:
        """One that shares what is known of this one. Raises: as `Opened.open`."""
        self.cluster.ask(which, "memory_bytes")
        return type(self)(self.cluster, which, self.description)

    def memory_bytes(self) -> int:
        """See studio.medium.Generator.memory_bytes: what it takes there."""
        return int(self.cluster.ask(self.which, "memory_bytes"))


class ClusterRegistry(Registry):
    """As `Registry`; models are loaded, and works made, by Ray Serve's replicas, and lessons are
    tasks of Ray's."""

    line: FarLine

    def __init__(self, settings: Settings, checkpoints: Checkpoints) -> None:
        super().__init__(checkpoints, settings.device, settings.device_budget, settings.threads)
        in_bucket = not isinstance(settings.checkpoints, Path)
        self.place = Place(
            shipped=checkpoints.shipped,
            home=None if in_bucket else checkpoints.home,
            bucket=str(settings.checkpoints) if in_bucket else None,
            device=settings.device,
            budget=settings.device_budget,
            threads=settings.threads or max(1, int(settings.ray_cpus)),
        )
        self.replicas = settings.replicas
        self.each = {"num_cpus": settings.ray_cpus, "num_gpus": settings.ray_gpus}
        self.lessons = settings.ray_lessons
        self.stamp = stamp(self.place, self.replicas, self.each)
        self.abreast = 2 * self.replicas[1]
        self.line = FarLine(self.traffic, min(AT_ONCE * self.replicas[1], MOST_PASSES))
        # Nothing is built here, and whoever waits for one replica to start keeps nobody else.
        self.build_lock = contextlib.nullcontext()
        self.handles: dict[str, DeploymentHandle] = {}
        self.deploying = defaultdict[str, threading.Lock](threading.Lock)
        self.heard: dict[str, Told] = {}
        self.salt = os.urandom(16)

    def application(self, medium: str) -> str:
        """Its name: processes that share their versions share it, other studios do not."""
        whose = hashlib.sha256(repr((self.place.home, self.place.bucket)).encode()).hexdigest()
        return f"latent-studio-{whose[:8]}-{medium}"

    def deployed(self, medium: str) -> DeploymentHandle:
        """The medium's application, which is put there if it is not, or is of other code or
        settings."""
        if handle := self.handles.get(medium):
            return handle
        with self.deploying[medium]:
            if medium not in self.handles:
                self.handles[medium] = self.running(medium) or self.deploy(medium)
            return self.handles[medium]

    def running(self, medium: str) -> DeploymentHandle | None:
        name = self.application(medium)
        about = serve.status().applications.get(name)
        if about is None or about.status not in ("RUNNING", "DEPLOYING", "UNHEALTHY"):
            return None
        handle = serve.get_app_handle(name)
        try:
            found = handle.made_by.remote().result(timeout_s=calls.PATIENCE)
        except (RayError, RayServeException, TimeoutError):
            return None
        return handle if found == self.stamp else None

    def deploy(self, medium: str) -> DeploymentHandle:
        least, most = self.replicas
        deployment = serve.deployment(
            name="generators",
            max_ongoing_requests=AT_ONCE,
            ray_actor_options=self.each,
            autoscaling_config={
                "min_replicas": least,
                "max_replicas": most,
                "initial_replicas": max(least, 1),
                "target_ongoing_requests": WANTED,
                "upscale_delay_s": 10.0,
                "downscale_delay_s": 300.0,
            },
            health_check_period_s=5.0,
            health_check_timeout_s=30.0,
            graceful_shutdown_timeout_s=20.0,
            # A line for each question would cost more than many an answer.
            logging_config={"enable_access_log": False, "log_level": "WARNING"},
        )(Replica)
        target = serve.RunTarget(
            target=deployment.bind(self.place, self.stamp),
            name=self.application(medium),
            route_prefix=None,
        )
        # Who asks waits for a replica, not for all of them.
        (handle,) = serve.run_many([target], wait_for_applications_running=False)
        return handle

    def look_again(self, medium: str) -> None:
        """Somebody may have taken the application away."""
        with contextlib.suppress(RayError, RayServeException):
            if self.application(medium) not in serve.status().applications:
                self.handles.pop(medium, None)

    def call(self, which: Which, what: str, *args: Any, **how: Any) -> Call:
        ask = current.get()
        person = hashlib.blake2b(ask.person.encode(), key=self.salt, digest_size=8).hexdigest()
        question = Question(which, what, args, how, person if ask.person else "", ask.is_ahead)
        return Call(self, which.medium, self.packed(question))

    def ask(self, which: Which, what: str, *args: Any, **how: Any) -> Any:
        """What a generator answers. Raises: Away; whatever it raises."""
        return self.call(which, what, *args, **how).result()

    def steps(self, which: Which, what: str, *args: Any, **how: Any) -> Iterator[Any]:
        """As `ask`, of what is made step by step; who lets go of it ends it."""
        packed = self.packed(Question(which, what, args, how))
        try:
            handle = self.deployed(which.medium).options(stream=True)
            response = cast(DeploymentResponseGenerator[bytes], handle.steps.remote(packed))
            try:
                for step in response:
                    yield self.read(step)
            finally:
                response.cancel()
        except (RayError, RayServeException) as error:
            raise Away("workers_away") from error

    def packed(self, value: Any) -> bytes:
        return dumps(value, named)

    def read(self, packed: bytes) -> Any:
        """What was answered; what was told is noted. Raises: whatever the generator raised."""
        told, is_well, value = loads(packed, partial(FarPart, self))
        self.note(told)
        if is_well:
            return value
        raise value

    def note(self, told: Told) -> None:
        self.heard[told.replica] = told
        for medium, works in told.passes:
            self.traffic.decoded(medium, works)
        for medium, is_loaded in told.changed:
            (self.traffic.loaded if is_loaded else self.traffic.unloaded)(medium)

    def load(self, medium: str, version: str) -> Resident:
        checkpoint = self.checkpoints.find(medium, version)
        which = Which(medium, version)
        if checkpoint.parent is None:
            far = FarGenerator(self, which, self.ask(which, ""))
        else:
            parent = cast(FarGenerator, self.use_apart(medium, checkpoint.parent))
            if not self.checkpoints.is_sent(medium, version):
                # No worker can fetch it yet.
                which = parent.which.adapted(checkpoint.tensors("adapter"), version)
            far = parent.twin(which)
        shared = SharedGenerator(cast(Generator, far), self.line)
        device = far.computes_on
        return Resident(medium, version, checkpoint.parent, device, 0, generator=shared)

    def evict(self, keep: tuple[str, str]) -> None:
        """Forget the stand-ins that were least used; replicas see to their memory."""
        with self.lock:
            while len(self.loaded) > MOST:
                parents = {(one.medium, one.parent) for one in self.loaded.values()}
                free = [key for key in self.loaded if key != keep and key not in parents]
                if not free:
                    return
                del self.loaded[min(free, key=lambda key: self.loaded[key].last_used)]

    def resident(self) -> list[Loaded]:
        """What replicas had in memory when they last answered, of all those that live."""
        alive = self.alive()
        for replica in [one for one in self.heard if one not in alive]:
            self.heard.pop(replica, None)
        self.budget_bytes = self.place.budget * max(len(self.heard), 1)
        found: dict[tuple[str, str, str], Loaded] = {}
        for told in list(self.heard.values()):
            for medium, version, parent, device, size, uses in told.loaded:
                key = (medium, version, device)
                one = found.setdefault(key, Loaded(medium, version, parent, device, 0))
                one.bytes += size
                one.uses += uses
        return sorted(found.values(), key=lambda one: -one.uses)

    def alive(self) -> dict[str, str]:
        """Replicas that live, and the application that each is of."""
        names = [one["name"] for one in list_named_actors(all_namespaces=True)]
        parts = [name.removeprefix(REPLICAS).split("#") for name in names if REPLICAS in name]
        return {unique: application for application, _, unique in parts}

    def waiting(self) -> int:
        return len(self.line.waiting) + len(self.line.running)

    def device_of(self, generator: Generator) -> str:
        return cast(FarGenerator, generator).computes_on

    def ailments(self) -> list[str]:
        try:
            there = set(self.alive().values())
        except (RayError, RuntimeError):
            return ["cluster_unreachable"]
        is_bare = any(self.application(medium) not in there for medium in self.handles)
        return ["generators_away"] if is_bare and self.replicas[0] else []

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
        """See `Registry.learn`; as a task, which Ray does again if its worker dies.

        Raises:
            Away: it died each time.
        """
        kept = unfinished.read_bytes() if unfinished and unfinished.exists() else b""
        which = cast(FarGenerator, generator).which
        lesson = Lesson(which, learn, how, unfinished is not None)
        # Ray's annotations do not know the methods of actors.
        mailbox: Any = ray.remote(Mailbox).options(num_cpus=0).remote(kept)
        task = (
            ray.remote(workers.learn)
            .options(max_retries=calls.TRIES - 1, name=f"lesson {generator.medium}", **self.each)
            .remote(self.place, self.packed(lesson), mailbox)
        )
        hearing = mailbox.hear.remote()
        try:
            while True:
                over, _ = ray.wait([task], timeout=HEARD_SECONDS)
                if is_cancelled():
                    raise FineTuneCancelled
                if ray.wait([hearing], timeout=0)[0]:
                    self.hear(hearing, unfinished, progress)
                    hearing = mailbox.hear.remote()
                if over:
                    # What was said last, a short lesson all of it.
                    for last in (hearing, mailbox.hear.remote()):
                        if ray.wait([last], timeout=LAST_SECONDS)[0]:
                            self.hear(last, unfinished, progress)
                    break
            is_well, value = loads(ray.get(task), partial(FarPart, self))
        except RayTaskError:  # a bug, which is the same each time
            raise
        except RayError as error:
            log.warning("a lesson's workers went away", exc_info=True)
            raise Away("lesson_lost") from error
        finally:
            ray.cancel(task)
            # The interrupt is lost where it meets Ray's own code.
            if not ray.wait([task], timeout=STOPS_SECONDS)[0]:
                ray.cancel(task, force=True)
            ray.kill(mailbox)
        if is_well:
            return cast(Learned, value)
        raise value

    def hear(self, heard: Any, unfinished: Path | None, progress: Progress) -> None:
        try:
            said, kept = ray.get(heard)
        except RayError:
            # Its machine went away; a lesson does not need to be heard to end well.
            return
        if kept is not None and unfinished is not None:
            keep(unfinished, kept)
        for one in said:
            progress(*loads(one, partial(FarPart, self)))

    def close(self) -> None:
        ray.shutdown()


def named(value: object) -> Part | None:
    """What of a value only workers have."""
    if isinstance(value, FarGenerator):
        return Part(value.which)
    if isinstance(value, SharedGenerator):
        return named(value.inner)
    return value.part if isinstance(value, FarPart) else None


def keep(file: Path, content: bytes) -> None:
    """As studio.taste.unfinished.Unfinished keeps it; trouble with the disk is only logged."""
    fresh = file.with_suffix(".new")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh.write_bytes(content)
        flush(fresh)
        fresh.replace(file)
    except OSError:
        log.warning("a lesson under way could not be kept in %s", fresh, exc_info=True)


def stamp(*settings: object) -> str:
    """Of this code with these settings: replicas of other ones are replaced."""
    digest = hashlib.sha256(repr(settings).encode())
    root = Path(__file__).resolve().parents[1]
    for file in sorted(root.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
