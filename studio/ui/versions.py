"""What a version is called for people, who made it from what, and going from one to another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from studio.checkpoint import Checkpoint
from studio.errors import NotFound
from studio.taste import portable
from studio.ui.session import Said, Visit, passing, require_size


def in_use(visit: Visit) -> str:
    """The version that everything this person makes comes from."""
    chosen = visit.studio.store.current_version(visit.key, visit.medium)
    return chosen or visit.studio.registry.default_version(visit.medium)


def title(visit: Visit, version: str) -> str:
    """ "Your taste 2" for a person's own versions, "The taste of Evening" for a room's, the card's
    title or the name for others."""
    for number, own in enumerate(accepted(visit), start=1):
        if own == version:
            return visit.words("teach.version.tuned", number=number)
    shared = visit.studio.store.room_tastes.versions(visit.key, visit.medium)
    if version in shared:
        room = shared[version]
        of_room = [each for each, title in shared.items() if title == room]
        number = of_room.index(version) + 1
        return visit.words("taste.version", room=room, number=number)
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


def origin(visit: Visit, card: Mapping[str, Any]) -> str:
    """What a version that was blended from others came from, "" of any other."""
    words, parts = visit.words, dict(card.get("blended_from") or {})
    if not parts:
        return ""
    key = "compare.made.part" if len(parts) == 1 else "compare.made.each"
    said = [
        words(key, version=title(visit, version), percent=round(100 * weight))
        for version, weight in parts.items()
    ]
    if len(said) == 1:
        return said[0]
    return words("compare.made.merged", parts=words("compare.made.and").join(said))


def accepted(visit: Visit) -> list[str]:
    """Versions that this person's ratings made and that they took, oldest first."""
    noted = visit.studio.store.noted_versions(visit.key, visit.medium)
    return [row.version for row in noted if row.status == "accepted"]


def within_reach(visit: Visit) -> Sequence[Checkpoint]:
    """Versions a person may use: the bases, their own, and those of the rooms they are in, oldest
    first; never another's taste."""
    mine = set(accepted(visit))
    mine |= set(visit.studio.store.room_tastes.versions(visit.key, visit.medium))
    return [
        checkpoint
        for checkpoint in visit.studio.registry.versions(visit.medium)
        if checkpoint.is_base or checkpoint.version in mine
    ]


def require_reach(visit: Visit, version: str) -> None:
    """Raises: NotFound: it is not there, or not this person's."""
    reach = [checkpoint.version for checkpoint in within_reach(visit)]
    if version not in reach:
        known = ", ".join(reach)
        raise NotFound("unknown_version", medium=visit.medium, version=version, known=known)


def bases(visit: Visit) -> dict[str, str]:
    """The base that each version within reach grew from, the oldest first."""
    parents = {c.version: c.parent for c in visit.studio.registry.versions(visit.medium)}

    def base(version: str) -> str:
        parent = parents.get(version)
        return base(parent) if parent else version

    return {checkpoint.version: base(checkpoint.version) for checkpoint in within_reach(visit)}


def use(visit: Visit, version: str) -> None:
    """Make everything come from this version; it is loaded first, so that nothing fails later.

    Raises:
        NotFound, BadCheckpoint: it is not there, not this person's, or cannot be trusted.
    """
    require_reach(visit, version)
    visit.studio.registry.use(visit.medium, version)
    visit.studio.store.use_version(visit.key, visit.medium, version)


def choose(visit: Visit, said: Said) -> None:
    """A gesture: work with this version from now on."""
    use(visit, str(said["version"]))
    visit.say("teach.now_using", version=title(visit, in_use(visit)))


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
    registry = visit.studio.registry
    with passing(path):
        require_size(visit, path)
        version = portable.receive(registry, visit.medium, path)
    card = registry.checkpoints.find(visit.medium, version).card
    visit.studio.store.note_version(
        visit.key, visit.medium, version, card["parent"], card["measured"], "accepted"
    )
    return version
