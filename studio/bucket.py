"""Versions in a bucket (S3 or what speaks like it) that several machines share.

`<medium>/<version>/` holds a version's files, its card written last: a version is there when its
card is. `promoted.json` says what everybody gets. `.removed/<medium>/<version>` outlives a version
that was deleted, so that no machine which still has it brings it back; a name is not used again.

The home folder is a whole copy of it, hashes checked, which is all that is asked while people work:
a bucket that is away costs nobody anything but what other machines have made meanwhile. What this
one made then is sent when the bucket answers again.
"""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.checkpoint import (
    CARD,
    NAME,
    WRITING,
    Checkpoint,
    Checkpoints,
    checked_card,
    flush,
    model_files,
    open_checkpoint,
    read_card,
    replace_card,
    sha256,
    write_card,
)
from studio.errors import BadCheckpoint, BadSetting, NotFound, StudioError
from studio.promotions import Promoted, Promotions
from studio.settings import SHIPPED_CHECKPOINTS, Settings

if TYPE_CHECKING:
    from torch import Tensor

EVERY = 20.0
"""Seconds between two looks at what others have made."""
REST = 15.0
"""Seconds for which a bucket that has failed is left alone by people who wait for an answer."""
REMEMBERED = timedelta(days=30)
"""How long a removed version is remembered: by a machine that was off for longer than that, only
the database knows it."""
REMOVED, PROMOTED = ".removed", "promoted.json"

Name = tuple[str, str]
"""Medium and version."""

log = logging.getLogger(__name__)


class OutOfReach(StudioError):
    """A version may be in the bucket, which does not answer now."""


class BucketAway(Exception):
    """The bucket failed, or is left alone since it just did."""


class Bucket:
    """Objects below one prefix, by names relative to it. Credentials, region and endpoint come
    from the environment, as for every program that speaks S3 (AWS_ACCESS_KEY_ID …).

    Raises:
        BadSetting: the library that speaks with it is not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            from s3fs import S3FileSystem
        except ModuleNotFoundError as error:
            raise BadSetting("bucket_without_library", url=url) from error
        # A person may be waiting: better to say soon that it is away.
        patience = {"connect_timeout": 3, "read_timeout": 20, "retries": {"max_attempts": 1}}
        self.files = S3FileSystem(
            use_listings_cache=False, skip_instance_cache=True, config_kwargs=patience
        )
        self.files.retries = 2
        self.root = url.removeprefix("s3://").rstrip("/")

    def list(self, below: str = "") -> dict[str, Mapping[str, Any]]:
        """What is known of each object by its name: ETag and LastModified among it.

        Raises:
            FileNotFoundError: there is no such bucket.
        """
        found = self.files.find(f"{self.root}/{below}".rstrip("/"), detail=True)
        if not found:
            self.files.call_s3("head_bucket", Bucket=self.root.split("/")[0])
        return {path.removeprefix(f"{self.root}/"): about for path, about in found.items()}

    def read(self, name: str) -> bytes:
        """Raises: FileNotFoundError."""
        return self.files.cat_file(f"{self.root}/{name}")

    def write(self, name: str, content: bytes) -> None:
        self.files.pipe_file(f"{self.root}/{name}", content)

    def delete(self, name: str) -> None:
        """One that is not there is none."""
        with suppress(FileNotFoundError):
            self.files.rm_file(f"{self.root}/{name}")


class SharedCheckpoints(Checkpoints):
    """As `Checkpoints`; what is written and removed here, others see, and the other way round."""

    seconds = EVERY

    def __init__(self, shipped: Path, home: Path, bucket: Bucket) -> None:
        super().__init__(shipped, home)
        self.bucket = bucket
        self.seen: dict[Name, object] = {}
        """Versions known to lie in the bucket, and which state of their cards is known here."""
        self.failed_at: float | None = None
        self.lock = threading.RLock()
        self.promotions: SharedPromotions = SharedPromotions(self.home / PROMOTED, self)

    @property
    def is_away(self) -> bool:
        """Whether the bucket failed when it was last asked."""
        return self.failed_at is not None

    def is_sent(self, medium: str, version: str) -> bool:
        return (medium, version) in self.seen or (self.shipped / medium / version).is_dir()

    def find(self, medium: str, version: str) -> Checkpoint:
        """As `Checkpoints.find`; what is not here, or damaged, is fetched.

        Raises:
            OutOfReach: it is not here and the bucket does not answer.
        """
        try:
            return super().find(medium, version)
        except (NotFound, BadCheckpoint) as error:
            if (self.shipped / medium / version).is_dir() or not are_names(medium, version):
                raise
            try:
                with self.reaching(patient=False), self.lock:
                    is_there = self.fetch((medium, version))
            except BucketAway as away:
                raise OutOfReach("bucket_version_away", version=version) from away
            if not is_there:
                raise error
        return super().find(medium, version)

    def write(
        self,
        card: Mapping[str, Any],
        tensors: Mapping[str, Mapping[str, Tensor]],
        documents: Mapping[str, Any] | None = None,
    ) -> Checkpoint:
        """As `Checkpoints.write`; sent at once, or later where the bucket does not take it."""
        made = super().write(card, tensors, documents)
        self.soon(lambda: self.send((made.medium, made.version)))
        return made

    def add_to_card(self, medium: str, version: str, facts: Mapping[str, Any]) -> None:
        super().add_to_card(medium, version, facts)
        name = (medium, version)
        self.soon(lambda: self.agree(name) if name in self.seen else self.send(name))

    def add_beside(
        self,
        medium: str,
        version: str,
        name: str,
        tensors: Mapping[str, Tensor],
        document: Any = None,
    ) -> None:
        super().add_beside(medium, version, name, tensors, document)
        if (self.home / medium / version).is_dir():
            self.soon(lambda: self.send((medium, version)))

    def remove(self, medium: str, version: str) -> None:
        """As `Checkpoints.remove`; also where only others have it."""
        if not are_names(medium, version) or (self.shipped / medium / version).is_dir():
            return super().remove(medium, version)
        name = (medium, version)
        # Noted before anything goes, so that it is not fetched again.
        note = self.home / REMOVED / medium / version
        try:
            note.parent.mkdir(parents=True, exist_ok=True)
            note.touch()
        except OSError as error:
            folder = str(note.parent)
            raise BadCheckpoint(
                "checkpoint_unwritable", folder=folder, reason=str(error)
            ) from error
        is_known = name in self.seen
        try:
            super().remove(medium, version)
        except NotFound:
            if not is_known:
                raise
        finally:
            self.soon(lambda: self.take_back(name))

    def sync(self) -> list[Name]:
        """Fetch what others have made, send what they have not, drop what they removed; returns
        the names of the last. Trouble is logged and shows in `is_away`."""
        try:
            with self.reaching(patient=True), self.lock:
                return self.exchange()
        except BucketAway:
            return []

    def forget_removed(self) -> None:
        """Delete the copies here of what does not lie in the bucket any more: for who only fetches.

        Raises:
            BucketAway: it does not answer.
        """
        with self.reaching(patient=True), self.lock:
            there = {version_of(path) for path in self.bucket.list() if path.endswith(f"/{CARD}")}
        for name in self.mine():
            if name not in there:
                super().remove(*name)

    def mine(self) -> list[Name]:
        folders = self.home.glob("*/*")
        return sorted(
            (path.parent.name, path.name)
            for path in folders
            if are_names(path.parent.name, path.name) and path.is_dir()
        )

    def removed_here(self) -> set[Name]:
        """What was removed while the bucket did not answer."""
        return {(path.parent.name, path.name) for path in (self.home / REMOVED).glob("*/*")}

    @contextmanager
    def reaching(self, *, patient: bool) -> Iterator[None]:
        """Raises: BucketAway: it failed; or it did a moment ago and somebody is waiting."""
        if not patient and self.failed_at is not None and time.monotonic() - self.failed_at < REST:
            raise BucketAway
        try:
            yield
        except StudioError:
            raise
        except Exception as error:  # buckets and the ways to them fail in many ways
            if self.failed_at is None:
                log.warning("the bucket %s cannot be reached", self.bucket.root, exc_info=True)
            self.failed_at = time.monotonic()
            raise BucketAway from error
        else:
            self.failed_at = None

    def soon(self, act: Callable[[], object]) -> None:
        """Act now if the bucket answers; else `sync` does. What is done here stays done."""
        try:
            with self.reaching(patient=False), self.lock:
                act()
        except BucketAway:
            log.info("that waits for the next look")
        except BadCheckpoint as error:
            log.warning("%s", error)

    def exchange(self) -> list[Name]:
        objects = self.bucket.list()
        cards = {
            name: about["ETag"]
            for path, about in objects.items()
            if (name := version_of(path)) and path.endswith(f"/{CARD}")
        }
        notes = {
            name: about["LastModified"]
            for path, about in objects.items()
            if path.startswith(f"{REMOVED}/")
            and (name := version_of(f"{path.removeprefix(REMOVED)[1:]}/"))
        }
        unwanted = notes.keys() | self.removed_here()
        dropped = [name for name in self.mine() if name in unwanted]
        for name in dropped:
            with suppress(NotFound):
                super().remove(*name)
        # What a machine that stopped halfway has left there goes too.
        for name in self.removed_here() | (unwanted & set(map(version_of, objects))):
            self.take_back(name)
        self.seen = {name: state for name, state in self.seen.items() if name in cards}
        for name in sorted(cards.keys() - unwanted):
            if self.seen.get(name) != cards[name]:
                self.meet(name)
                self.seen[name] = cards[name]
        for name in self.mine():
            if name not in cards:
                self.send(name)
        self.promotions.agree()
        since = datetime.now(UTC) - REMEMBERED
        for name in [name for name, moment in notes.items() if moment < since]:
            self.bucket.delete("/".join((REMOVED, *name)))
        return dropped

    def meet(self, name: Name) -> None:
        """Make a version of the bucket and the folder here the same."""
        try:
            if (self.home.joinpath(*name)).is_dir():
                self.agree(name)
            else:
                self.fetch(name)
        except BadCheckpoint as error:
            log.warning("%s", error)
        except FileNotFoundError:  # removed while it was looked at
            log.info("%s/%s went away", *name)

    def fetch(self, name: Name) -> bool:
        """Take a version from the bucket, whole or not at all; whether it is there.

        Raises:
            BadCheckpoint: its files are not what its card says.
        """
        medium, version = name
        if name in self.removed_here():
            return False
        try:
            card = self.card(name)
        except FileNotFoundError:
            return False
        target = self.home / medium / version
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=WRITING, dir=target.parent))
        try:
            for file, digest in card["files"].items():
                try:
                    content = self.bucket.read(f"{medium}/{version}/{file}")
                except FileNotFoundError as error:
                    raise BadCheckpoint(
                        "checkpoint_incomplete", folder=version, file=file
                    ) from error
                (scratch / file).write_bytes(content)
                if sha256(scratch / file) != digest:
                    raise BadCheckpoint("checkpoint_altered", folder=version, file=file)
            write_card(scratch / CARD, card)
            for path in scratch.iterdir():
                flush(path)
            scratch.chmod(0o755)
            # Only a damaged one is fetched although it is here.
            shutil.rmtree(target, ignore_errors=True)
            scratch.rename(target)
            flush(target.parent)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        self.seen.setdefault(name, None)
        return True

    def card(self, name: Name) -> dict[str, Any]:
        """Raises: FileNotFoundError; BadCheckpoint: it is none."""
        text = self.bucket.read("/".join((*name, CARD)))
        card = checked_card(text, name[1])
        if card["medium"] != name[0]:
            raise BadCheckpoint("checkpoint_no_card", folder=name[1])
        return card

    def agree(self, name: Name) -> None:
        """Cards grow: each side learns what only the other says."""
        folder = self.home.joinpath(*name)
        ours, theirs = read_card(folder), self.card(name)
        if model_files(ours) != model_files(theirs):
            log.warning("%s/%s here is another one than in the bucket; both stay", *name)
            return
        if ours["files"] != theirs["files"]:  # a map
            self.fetch(name)
        both = {**ours, **theirs}
        if both != theirs:
            self.put_card(name, both)
        if both != read_card(folder):
            replace_card(folder, both)

    def put_card(self, name: Name, card: Mapping[str, Any]) -> None:
        self.bucket.write("/".join((*name, CARD)), json.dumps(card, ensure_ascii=False).encode())

    def send(self, name: Name) -> None:
        """Put a version into the bucket, its card last. A damaged one stays here."""
        try:
            found = open_checkpoint(self.home.joinpath(*name))
        except BadCheckpoint as error:
            log.warning("%s", error)
            return
        for file in found.card["files"]:
            self.bucket.write("/".join((*name, file)), (found.folder / file).read_bytes())
        self.put_card(name, found.card)
        self.seen.setdefault(name, None)

    def take_back(self, name: Name) -> None:
        """Remove a version from the bucket, for everybody."""
        self.bucket.write("/".join((REMOVED, *name)), b"")
        folder = "/".join(name)
        self.bucket.delete(f"{folder}/{CARD}")
        for path in self.bucket.list(folder):
            self.bucket.delete(path)
        self.seen.pop(name, None)
        self.home.joinpath(REMOVED, *name).unlink(missing_ok=True)


class SharedPromotions(Promotions):
    """As `Promotions`; the bucket's are everybody's."""

    def __init__(self, path: Path, machine: SharedCheckpoints) -> None:
        super().__init__(path)
        self.machine, self.bucket, self.lock = machine, machine.bucket, machine.lock
        self.unsent = path.with_name(f".{path.name}-unsent")

    def change(self, act: Callable[[Promoted], object]) -> None:
        """As `Promotions.change`, of what the bucket says now."""
        with self.lock:
            self.machine.soon(self.agree)
            super().change(act)
            self.unsent.touch()
            self.machine.soon(self.agree)

    def agree(self) -> None:
        """Send what was changed here since, or else take what the bucket says."""
        if self.unsent.exists():
            self.bucket.write(PROMOTED, json.dumps(self.all()).encode())
            self.unsent.unlink(missing_ok=True)
            return
        with suppress(FileNotFoundError, ValueError):
            there = json.loads(self.bucket.read(PROMOTED))
            if isinstance(there, dict) and there != self.all():
                self.save(there)


def are_names(medium: str, version: str) -> bool:
    return bool(NAME.fullmatch(medium) and NAME.fullmatch(version))


def version_of(path: str) -> Name | None:
    """The version that an object of this name belongs to."""
    medium, _, rest = path.partition("/")
    version, slash, file = rest.partition("/")
    return (medium, version) if slash and "/" not in file and are_names(medium, version) else None


def open_checkpoints(settings: Settings) -> Checkpoints:
    """Where the versions are that these settings name.

    Raises:
        BadSetting: what speaks with a bucket is not installed.
    """
    home = settings.home / "checkpoints"
    if isinstance(settings.checkpoints, Path):
        return Checkpoints(settings.checkpoints, home)
    shared = SharedCheckpoints(SHIPPED_CHECKPOINTS, home, Bucket(settings.checkpoints))
    shared.sync()
    return shared
