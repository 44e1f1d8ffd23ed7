"""What a version is called for people, who made it from what, and going from one to another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from studio.checkpoint import Checkpoint
from studio.errors import NotFound
from studio.taste import portable
from studio.ui.session import Visit, require_size


def in_use(visit: Visit) -> str:
    """The version that everything this person makes comes from."""
    chosen = visit.studio.store.current_version(visit.key, visit.medium)
    return chosen or visit.studio.registry.default_version(visit.medium)


def title(visit: Visit, version: str) -> str:
    """ "Your taste 2" for a person's own versions, the card's title or the name for others."""
    for number, own in enumerate(accepted(visit), start=1):
        if own == version:
            return visit.words("teach.version.tuned", number=number)
    for checkpoint in visit.studio.registry.versions(visit.medium):
        if checkpoint.version == version:
            return base_title(visit, checkpoint)
    return version


def base_title(visit: Visit, checkpoint: Checkpoint) -> str:
    bases = [c for c in visit.studio.registry.versions(visit.medium) if c.is_base]
    if checkpoint.is_base and len(bases) == 1:
        return visit.words("teach.version.base")
    card, language = checkpoint.card, visit.language
    return str((card.get("titles") or {}).get(language) or card.get("title") or checkpoint.version)


def accepted(visit: Visit) -> list[str]:
    """Versions that this person's ratings made and that they took, oldest first."""
    noted = visit.studio.store.noted_versions(visit.key, visit.medium)
    return [row.version for row in noted if row.status == "accepted"]


def within_reach(visit: Visit) -> Sequence[Checkpoint]:
    """Versions a person may use: the bases and their own, oldest first; never another's taste."""
    mine = set(accepted(visit))
    return [
        checkpoint
        for checkpoint in visit.studio.registry.versions(visit.medium)
        if checkpoint.is_base or checkpoint.version in mine
    ]


def use(visit: Visit, version: str) -> None:
    """Make everything come from this version; it is loaded first, so that nothing fails later.

    Raises:
        NotFound, BadCheckpoint: it is not there, not this person's, or cannot be trusted.
    """
    reach = [checkpoint.version for checkpoint in within_reach(visit)]
    if version not in reach:
        known = ", ".join(reach)
        raise NotFound("unknown_version", medium=visit.medium, version=version, known=known)
    visit.studio.registry.use(visit.medium, version)
    visit.studio.store.use_version(visit.key, visit.medium, version)


def file_of(visit: Visit, version: str) -> bytes:
    """A version of this person's own as a `.taste` file.

    Raises:
        NotFound: it is not theirs.
    """
    if version not in accepted(visit):
        raise NotFound("unknown_version", medium=visit.medium, version=version, known="–")
    return portable.pack(visit.studio.registry.checkpoints, visit.medium, version)


def receive(visit: Visit, path: Path) -> str:
    """Keep the version of a `.taste` file as this person's own; its name.

    Raises:
        BadUpload, BadCheckpoint: see studio.taste.portable.receive.
    """
    require_size(visit, path)
    registry = visit.studio.registry
    version = portable.receive(registry, visit.medium, path)
    card = registry.checkpoints.find(visit.medium, version).card
    visit.studio.store.note_version(
        visit.key, visit.medium, version, card["parent"], card["measured"], "accepted"
    )
    return version
