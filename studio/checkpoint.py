"""Checkpoint folders: card.json and safetensors files, hashes checked, written whole or not at all.

`<root>/<medium>/<version>/card.json` says what the model is, what it was trained on, how good it
is, and the sha256 of every other file in the folder. There is no pickle anywhere.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import re
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.errors import BadCheckpoint, NotFound
from studio.promotions import Promotions

if TYPE_CHECKING:
    from torch import Tensor

CARD = "card.json"
FORMAT = 1
# A Space takes files up to 10 MB without large-file storage.
MAX_FILE_BYTES = 9_500_000
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")
TUNED = "-tuned-"
"""Stands between the base and the date in the name of a fine-tune."""
WRITING, REMOVING = ".writing-", ".removing-"
"""How folders begin that are not whole yet, or not any more: no version has such a name."""
MAP, USUAL, FORESIGHT = "atlas", "usual", "foresight"
"""The names of what is measured of a model: see studio.atlas, studio.taste.explain and
studio.taste.foresight."""
BESIDE = (MAP, USUAL, FORESIGHT)
"""It may be measured later than the rest: a version with another one, or without, is the same."""
LEFTOVER_SECONDS = 3600
"""Age at which such a folder is nobody's work any more; another process may be writing one."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checkpoint:
    """One version of one medium's model. Opening it has checked every hash."""

    folder: Path
    card: Mapping[str, Any] = field(repr=False)

    @property
    def medium(self) -> str:
        return self.card["medium"]

    @property
    def version(self) -> str:
        return self.card["version"]

    @property
    def parent(self) -> str | None:
        """The version this one was fine-tuned from; None for a base."""
        return self.card.get("parent")

    @property
    def is_base(self) -> bool:
        return self.parent is None

    def tensors(self, name: str) -> dict[str, Tensor]:
        """The tensors saved under `name`, on the CPU, whatever number of files they lie in.

        Raises:
            BadCheckpoint: there are none of that name.
        """
        from safetensors.torch import load_file

        files = [f for f in sorted(self.card["files"]) if stem(f) == name]
        if not files:
            raise BadCheckpoint("checkpoint_incomplete", folder=self.folder.name, file=name)
        merged: dict[str, Tensor] = {}
        for file in files:
            merged.update(load_file(self.folder / file))
        return merged

    def document(self, name: str) -> Any:
        """A JSON file beside the weights.

        Raises:
            BadCheckpoint: there is none of that name.
        """
        if f"{name}.json" not in self.card["files"]:
            raise BadCheckpoint("checkpoint_incomplete", folder=self.folder.name, file=name)
        return json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))

    def holds(self, name: str) -> bool:
        """Whether tensors were saved under `name`."""
        return any(stem(file) == name for file in self.card["files"])

    def size_bytes(self) -> int:
        return sum((self.folder / file).stat().st_size for file in self.card["files"])


def base_of(version: str) -> str:
    """The base that a version, by its name, was fine-tuned from; a base is its own."""
    return version.split(TUNED)[0]


def model_files(card: Mapping[str, Any]) -> dict[str, str]:
    """The files of a card, with their hashes, that decide what the model makes."""
    return {
        file: digest
        for file, digest in card["files"].items()
        if not any(is_of(file, name) for name in BESIDE)
    }


def is_of(file: str, name: str) -> bool:
    """Whether a file holds the tensors, or the document, of that name."""
    return file == f"{name}.json" or stem(file) == name


def stem(file: str) -> str:
    """The name of a tensors file without its shard number: painter-2.safetensors -> painter."""
    return re.sub(r"(-\d+)?\.safetensors$", "", file)


def open_checkpoint(folder: Path) -> Checkpoint:
    """Read the card and check that every file is there and unaltered.

    Raises:
        BadCheckpoint: the folder has no readable card, misses a file, or a hash differs.
    """
    card = read_card(folder)
    for file, digest in card["files"].items():
        path = folder / file
        if not path.is_file():
            raise BadCheckpoint("checkpoint_incomplete", folder=folder.name, file=file)
        if sha256(path) != digest:
            raise BadCheckpoint("checkpoint_altered", folder=folder.name, file=file)
    return Checkpoint(folder, card)


def read_card(folder: Path) -> dict[str, Any]:
    """The card alone, checked for its form but not for the files beside it.

    Raises:
        BadCheckpoint: missing, unreadable, or of another format.
    """
    try:
        text = (folder / CARD).read_bytes()
    except OSError as error:
        raise BadCheckpoint("checkpoint_no_card", folder=folder.name) from error
    return checked_card(text, folder.name)


def checked_card(text: bytes, version: str) -> dict[str, Any]:
    """The card of a version, from its text.

    Raises:
        BadCheckpoint: it is none, or of another format or version.
    """
    try:
        card = json.loads(text)
        files = card["files"]
        sound = (
            card["format"] == FORMAT
            and NAME.fullmatch(card["medium"])
            and card["version"] == version
            and isinstance(files, dict)
            and all(Path(file).name == file and file not in ("", "..") for file in files)
        )
    except (ValueError, KeyError, TypeError) as error:
        raise BadCheckpoint("checkpoint_no_card", folder=version) from error
    if not sound:
        raise BadCheckpoint("checkpoint_no_card", folder=version)
    return card


def write_checkpoint(
    root: Path,
    card: Mapping[str, Any],
    tensors: Mapping[str, Mapping[str, Tensor]],
    documents: Mapping[str, Any] | None = None,
) -> Checkpoint:
    """Write a version below `root`, all of it or nothing.

    Args:
        card: medium, version and whatever else is known; format and files are added.
        tensors: named groups of tensors; a group over 9.5 MB is spread over several files.
        documents: JSON files by name.

    Raises:
        BadCheckpoint: the version exists already (versions never change), the name is not usable,
            or the disk is full or read-only. Nothing is left behind.
    """
    medium, version = card["medium"], card["version"]
    if not NAME.fullmatch(medium) or not NAME.fullmatch(version):
        raise BadCheckpoint("checkpoint_name", name=f"{medium}/{version}")
    target = root / medium / version
    if target.exists():
        raise BadCheckpoint("checkpoint_exists", name=f"{medium}/{version}")
    scratch: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=WRITING, dir=target.parent))
        for name, group in tensors.items():
            write_tensors(scratch, name, group)
        for name, document in (documents or {}).items():
            text = json.dumps(document, indent=1, ensure_ascii=False)
            (scratch / f"{name}.json").write_text(text, encoding="utf-8")
        files = {path.name: sha256(path) for path in sorted(scratch.iterdir())}
        full = {"format": FORMAT, **card, "files": files}
        write_card(scratch / CARD, full)
        for path in scratch.iterdir():
            flush(path)
        scratch.chmod(0o755)
        scratch = scratch.rename(target)
        flush(target.parent)
    except BaseException as error:
        if scratch:
            shutil.rmtree(scratch, ignore_errors=True)
        if isinstance(error, OSError):
            reason = str(error)
            raise BadCheckpoint("checkpoint_unwritable", folder=str(root), reason=reason) from error
        raise
    return Checkpoint(target, full)


def add_beside(
    folder: Path, name: str, tensors: Mapping[str, Tensor], document: Any = None
) -> None:
    """Put what was measured of a model into its folder, in the place of what is there.

    The card lists it last, so that a crash leaves a folder that is whole, with or without it.

    Args:
        name: one of BESIDE.

    Raises:
        BadCheckpoint: the folder has no readable card, or cannot be written.
    """
    card = read_card(folder)
    try:
        with tempfile.TemporaryDirectory(prefix=WRITING, dir=folder.parent) as place:
            scratch = Path(place)
            write_tensors(scratch, name, tensors)
            if document is not None:
                text = json.dumps(document, indent=1, ensure_ascii=False)
                (scratch / f"{name}.json").write_text(text, encoding="utf-8")
            known = {one: card["files"][one] for one in card["files"] if not is_of(one, name)}
            added = {path.name: sha256(path) for path in sorted(scratch.iterdir())}
            for files in (known, known | added):
                write_card(scratch / CARD, {**card, "files": files})
                flush(scratch / CARD)
                (scratch / CARD).replace(folder / CARD)
                if files is known:
                    for file in added:
                        flush(scratch / file)
                        (scratch / file).replace(folder / file)
            flush(folder)
    except OSError as error:
        raise BadCheckpoint(
            "checkpoint_unwritable", folder=str(folder), reason=str(error)
        ) from error


def write_card(path: Path, card: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def replace_card(folder: Path, card: Mapping[str, Any]) -> None:
    """Another card in the place of the one that is there, whole or not at all. Raises: OSError."""
    fresh = folder / f".{CARD}"
    write_card(fresh, card)
    flush(fresh)
    fresh.replace(folder / CARD)
    flush(folder)


def halved(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The matrices and kernels of a module's state in half precision: half of what has to be
    fetched. Its vectors stay as they are, since running variances may be smaller than a half can
    say."""
    return {
        name: tensor.half() if tensor.is_floating_point() and tensor.dim() > 1 else tensor
        for name, tensor in state.items()
    }


def write_tensors(folder: Path, name: str, group: Mapping[str, Tensor]) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    shards: list[dict[str, Tensor]] = [{}]
    size = 0
    for key, tensor in group.items():
        bytes_ = tensor.numel() * tensor.element_size()
        if shards[-1] and size + bytes_ > MAX_FILE_BYTES - 100_000:
            shards.append({})
            size = 0
        shards[-1][key] = tensor.detach().cpu().contiguous()
        size += bytes_
    for index, shard in enumerate(shards, start=1):
        file = f"{name}.safetensors" if len(shards) == 1 else f"{name}-{index}.safetensors"
        try:
            save_file(shard, folder / file)
        except SafetensorError as error:  # it wraps a full disk
            raise OSError(str(error)) from error


def sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def flush(path: Path) -> None:
    """Ask the disk to really have it: a power cut after the rename must not leave empty files."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Checkpoints:
    """All versions under the shipped root (read only) and the home root (written)."""

    seconds: float | None = None
    """How often `sync` is to be called; None: never."""

    def __init__(self, shipped: Path, home: Path) -> None:
        self.shipped = Path(shipped)
        self.home = Path(home)
        self.promotions = Promotions(self.home / "promoted.json")

    def folders(self, medium: str) -> list[Path]:
        return [
            folder
            for root in (self.shipped, self.home)
            if (root / medium).is_dir()
            for folder in sorted((root / medium).iterdir())
            if NAME.fullmatch(folder.name) and folder.is_dir()
        ]

    def list(self, medium: str) -> list[Checkpoint]:
        """Versions whose card can be read, the oldest first; broken folders are left out here and
        refused with their reason by `find`."""
        readable = []
        for folder in self.folders(medium):
            try:
                readable.append(Checkpoint(folder, read_card(folder)))
            except BadCheckpoint:
                continue
        return sorted(readable, key=lambda c: (c.card.get("created", ""), c.version))

    def find(self, medium: str, version: str) -> Checkpoint:
        """Open a version, its hashes checked.

        Raises:
            NotFound: there is no such version.
            BadCheckpoint: it is incomplete or altered.
        """
        for folder in self.folders(medium):
            if folder.name == version:
                return open_checkpoint(folder)
        known = ", ".join(c.version for c in self.list(medium)) or "–"
        raise NotFound("unknown_version", medium=medium, version=version, known=known)

    def write(
        self,
        card: Mapping[str, Any],
        tensors: Mapping[str, Mapping[str, Tensor]],
        documents: Mapping[str, Any] | None = None,
    ) -> Checkpoint:
        """Write a new version into the home root. Raises: BadCheckpoint (see write_checkpoint)."""
        return write_checkpoint(self.home, card, tensors, documents)

    @property
    def is_away(self) -> bool:
        """Whether a place that is shared with other machines does not answer."""
        return False

    def is_sent(self, medium: str, version: str) -> bool:
        """Whether other machines that share versions can have this one."""
        return True

    def sync(self) -> Sequence[tuple[str, str]]:
        """Exchange versions with others; medium and name of those they removed."""
        return []

    def add_beside(
        self,
        medium: str,
        version: str,
        name: str,
        tensors: Mapping[str, Tensor],
        document: Any = None,
    ) -> None:
        """See add_beside. Raises: NotFound, BadCheckpoint (see `find`)."""
        add_beside(self.find(medium, version).folder, name, tensors, document)

    def add_to_card(self, medium: str, version: str, facts: Mapping[str, Any]) -> None:
        """Write on the card of a version of the home root what became known after it was made.

        The card is replaced whole or not at all. What it says already stays, and so does every
        other file, so that the version is still what it was.

        Raises:
            NotFound: there is no such version in the home root.
            BadCheckpoint: the card says something of that name already, or cannot be written.
        """
        folder = self.home / medium / version
        if not NAME.fullmatch(version) or not folder.is_dir():
            raise NotFound("unknown_version", medium=medium, version=version, known="–")
        card = read_card(folder)
        if card.keys() & facts.keys():
            raise BadCheckpoint("checkpoint_exists", name=f"{medium}/{version}")
        try:
            replace_card(folder, card | dict(facts))
        except OSError as error:
            raise BadCheckpoint(
                "checkpoint_unwritable", folder=str(folder), reason=str(error)
            ) from error

    def remove(self, medium: str, version: str) -> None:
        """Delete a version of the home root; a shipped one stays.

        One that the disk does not let go is only logged: nothing that is there is harmed by it.

        Raises:
            NotFound: there is no such version in the home root.
        """
        folder = self.home / medium / version
        if not NAME.fullmatch(version) or not folder.is_dir():
            raise NotFound("unknown_version", medium=medium, version=version, known="–")
        try:
            # At once, so that a crash leaves no folder with a card and half of its files.
            gone = folder.rename(folder.with_name(f"{REMOVING}{version}-{time.time_ns()}"))
            shutil.rmtree(gone)
        except OSError:
            log.warning("%s could not be removed", folder, exc_info=True)

    def remove_leftovers(self) -> None:
        """Delete what crashes left half written or half removed in the home root."""
        for folder in self.home.glob("*/.*-*"):
            is_leftover = folder.name.startswith((WRITING, REMOVING))
            with contextlib.suppress(OSError):
                if is_leftover and time.time() - folder.stat().st_mtime > LEFTOVER_SECONDS:
                    shutil.rmtree(folder)
