"""Somebody's own works, read for a transfer: what can be used, and why the rest cannot."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from studio.errors import BadUpload
from studio.medium import Artwork, Generator, Medium, pack, unpack


@dataclass
class OwnWorks:
    """Works of one medium, in the order they came.

    Attributes:
        features: [W, F]; all that a transfer sees of them.
        digests: of each its file's SHA-256, numbered where a file holds several.
        left_out: (name of a file, why), for people.
    """

    features: Tensor
    digests: list[str] = field(default_factory=list)
    left_out: list[tuple[str, BadUpload]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.features)

    def with_(self, others: OwnWorks) -> OwnWorks:
        """These and others."""
        features = torch.cat([self.features, others.features])
        return OwnWorks(features, self.digests + others.digests, self.left_out + others.left_out)

    def to_dict(self) -> dict[str, Any]:
        """Plain values: features and digests, which is all that is kept of somebody's works."""
        return {
            "digests": self.digests,
            "features": [pack(row.tolist()) for row in self.features],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], generator: Generator) -> OwnWorks:
        """What `to_dict` wrote; none where the generator sees works otherwise by now."""
        width = len(generator.feature_statistics.mean)
        rows = [unpack(row) for row in values.get("features", ())]
        if not rows or any(len(row) != width for row in rows):
            return cls(torch.zeros(0, width))
        return cls(torch.tensor(rows), list(values["digests"]))

    @property
    def digest(self) -> str:
        """SHA-256 of all of them, in whatever order: for a card, which says nothing else."""
        return hashlib.sha256("".join(sorted(self.digests)).encode()).hexdigest()


def read_works(
    medium: Medium,
    generator: Generator,
    paths: Sequence[Path],
    known: Iterable[str] = (),
    heard: Callable[[Artwork], None] = lambda artwork: None,
) -> OwnWorks:
    """Read files one at a time, so that a large one does not stay in memory beside the others.

    Args:
        known: digests of works that are there already; the same files are left out.
        heard: called with each work that can be used.
    """
    found = OwnWorks(torch.zeros(0, len(generator.feature_statistics.mean)))
    read_all = getattr(medium, "read_all", None)
    seen = set(known)
    rows = [found.features]
    for path in paths:
        try:
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            if content in seen or f"{content}-0" in seen:
                raise BadUpload("works_twice")
            works = read_all(path) if read_all else [medium.read(path)]
            features = generator.features(works)
            if not bool(features.isfinite().all()):
                raise BadUpload("works_unseen")
        except BadUpload as error:
            found.left_out.append((path.name, error))
            continue
        except OSError:
            found.left_out.append((path.name, BadUpload("nothing_to_read", file=path.name)))
            continue
        digests = [content] if len(works) == 1 else [f"{content}-{n}" for n in range(len(works))]
        seen.update(digests)
        found.digests += digests
        rows.append(features)
        for artwork in works:
            heard(artwork)
    found.features = torch.cat(rows)
    return found


def files_below(folder: Path, medium: Medium) -> list[Path]:
    """Files in a folder and those below it whose ending the medium reads, by name.

    Raises:
        BadUpload: there is no such folder.
    """
    if not folder.is_dir():
        raise BadUpload("no_folder", folder=folder)
    endings = {ending.lower().lstrip(".") for ending in medium.uploads}
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and path.suffix.lower().lstrip(".") in endings
    )
