"""A zip of all that is one person's: works' recipes, ratings and taught versions; and the way back.

`backup.json` holds recipes and ratings; each version is a `.taste` file in `versions/`, as people
carry one to another studio (see studio.taste.portable). A zip is distrusted when it comes back:
nothing in it is run or shown, pictures are made anew from their recipes, and names lead nowhere.
"""

from __future__ import annotations

import io
import json
import logging
import math
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from studio.errors import BadCheckpoint, BadUpload, NotFound, StudioError
from studio.medium import Artwork, Recipe, latents_of, media
from studio.store import MOST_STARS, ArtworkRow, RatingRow
from studio.studio import Studio

ABOUT = "backup.json"
HEADER = "latent_studio_backup"
FORMAT = 1
MOST = 100_000
"""Works, and ratings of each medium."""
MOST_BYTES = 2**26
"""Of what is inside, unpacked, and of all versions together."""
MOST_VERSIONS = 500
log = logging.getLogger(__name__)
TOGETHER = 16
"""Works that are made anew at once."""


@dataclass(frozen=True)
class Restored:
    """What came back: how many works, ratings and versions, and how many works could not, since
    what made them is not here."""

    works: int
    ratings: int
    versions: int
    missing: int


def pack(studio: Studio, key: str) -> bytes:
    """Everything of a person as a zip.

    Raises:
        NotFound: nobody has this key.
    """
    store, content = studio.store, io.BytesIO()
    versions: list[dict[str, Any]] = []
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for medium in media():
            using = store.current_version(key, medium)
            for row in store.noted_versions(key, medium):
                if row.status == "accepted" and (file := version_file(studio, medium, row.version)):
                    name = f"versions/{medium}/{row.version}.taste"
                    archive.writestr(name, file)
                    used = row.version == using
                    versions.append({"medium": medium, "file": name, "in_use": used})
        works = store.artworks(key, newest_first=False, limit=MOST)
        ratings = [row for medium in media() for row in store.ratings(key, medium)]
        about = {
            HEADER: FORMAT,
            "made_with": "Latent Studio: a machine helped make this",
            "made": datetime.now(UTC).isoformat(),
            "works": [told_work(row) for row in works],
            "ratings": [told_rating(row) for row in ratings],
            "versions": versions,
        }
        archive.writestr(ABOUT, json.dumps(about, ensure_ascii=False, indent=1) + "\n")
    return content.getvalue()


def bring_back(studio: Studio, key: str, path: Path) -> Restored:
    """Add everything in a zip to what a person has; brought back twice, it is there once.

    Ratings that were given since are kept, and the version in use stays in use if there is one.

    Raises:
        BadUpload: it is no such zip, damaged, too large, or from a newer studio.
        NotFound: nobody has this key.
        NotSaved: the database could not be written.
    """
    with tempfile.TemporaryDirectory(prefix="latent-studio-") as scratch:
        # All of it is read before anything is changed.
        with opened(path) as archive:
            about = read_about(archive)
            works = list(map(work_of, listed(about, "works")))
            ratings = list(ratings_of(about, {work.id: work for work in works}))
            versions = list(versions_of(about, archive, Path(scratch)))
        names = bring_versions(studio, key, versions)
    renamed = [
        replace(w, recipe=w.recipe.with_(version=names.get((w.medium, w.version), w.version)))
        for w in works
    ]
    whole = list(seen(studio, renamed))
    there = {work.id for work in whole}
    fitting = [rating for rating in ratings if rating.works <= there]
    added = studio.store.belongings.bring_back(key, whole, fitting)
    return Restored(len(whole), added, len(names), len(works) - len(whole))


def version_file(studio: Studio, medium: str, version: str) -> bytes | None:
    """None where its folder is gone or damaged: the rest must not be lost for it."""
    from studio.taste import portable

    try:
        return portable.pack(studio.registry.checkpoints, medium, version)
    except (NotFound, BadCheckpoint):
        return None


def told_work(row: ArtworkRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "kept": row.kept,
        "pinned": row.pinned,
        "created": row.created.isoformat(),
        "recipe": row.recipe.to_dict(),
    }


def told_rating(row: RatingRow) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "works": [work for work in (row.artwork_id, row.other_id) if work],
        "stars": row.stars,
        "aspects": row.aspects,
        "thumb": row.thumb,
        "tie": row.tie,
        "created": row.created.isoformat(),
    }


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """What can be wrong with a zip, told."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except StudioError:
        raise
    # Encrypted, of a kind that is not known, cut off, of brackets thousands deep.
    except (
        zipfile.BadZipFile,
        zlib.error,
        OSError,
        EOFError,
        RuntimeError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        OverflowError,
    ) as error:
        log.warning("a backup could not be read", exc_info=True)
        raise BadUpload("backup_unreadable") from error


def read_about(archive: zipfile.ZipFile) -> Mapping[str, Any]:
    about = json.loads(unpacked(archive, ABOUT))
    if not isinstance(about, dict) or not isinstance(about.get(HEADER), int):
        raise BadUpload("backup_unreadable")
    if about[HEADER] > FORMAT:
        raise BadUpload("backup_newer")
    return about


def unpacked(archive: zipfile.ZipFile, name: str) -> bytes:
    """One file inside. What its header says of its size is not believed."""
    with archive.open(name) as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise BadUpload("backup_too_large", limit=MOST_BYTES // 2**20)
    return content


def listed(about: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = about[name]
    if not isinstance(found, list) or len(found) > MOST:
        raise ValueError(name)
    return found


def work_of(told: Mapping[str, Any]) -> ArtworkRow:
    """A work without its picture."""
    recipe = Recipe.from_dict(told["recipe"])
    return ArtworkRow(
        id=str(told["id"]),
        medium=recipe.medium,
        version=recipe.version,
        recipe=recipe,
        thumbnail="",
        kept=told["kept"] is True,
        pinned=told["pinned"] is True,
        stars=None,
        created=moment(told["created"]),
    )


def ratings_of(about: Mapping[str, Any], works: Mapping[str, ArtworkRow]) -> Iterator[RatingRow]:
    """Raises: ValueError: one that says nothing, or of a work that is not there."""
    for told in listed(about, "ratings"):
        kind, rated = str(told["kind"]), [works[str(id)] for id in told["works"]]
        stars, thumb, aspects = told["stars"], told["thumb"], dict(told["aspects"])
        if kind == "pair":
            sound = len(rated) == 2 and rated[0].medium == rated[1].medium
            stars = thumb = None
        elif kind == "stars":
            sound, thumb = len(rated) == 1 and is_star(stars), None
        else:
            sound, stars = len(rated) == 1 and kind == "thumb" and isinstance(thumb, bool), None
        if not sound or not all(map(is_star, aspects.values())):
            raise ValueError("a rating")
        other = rated[1] if kind == "pair" else None
        yield RatingRow(
            id=0,
            kind=kind,
            medium=rated[0].medium,
            artwork_id=rated[0].id,
            recipe=rated[0].recipe,
            other_id=other.id if other else None,
            other_recipe=other.recipe if other else None,
            stars=stars,
            aspects={str(name)[:64]: value for name, value in aspects.items()},
            thumb=thumb,
            tie=told["tie"] is True,
            created=moment(told["created"]),
        )


def is_star(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_STARS


def moment(told: object) -> datetime:
    """Not in the future: what is made next is newer."""
    found = datetime.fromisoformat(str(told))
    return min(found if found.tzinfo else found.replace(tzinfo=UTC), datetime.now(UTC))


def versions_of(
    about: Mapping[str, Any], archive: zipfile.ZipFile, scratch: Path
) -> Iterator[tuple[str, Path, bool]]:
    """Medium, `.taste` file in `scratch`, and whether it was in use.

    Raises:
        BadUpload: they are too many or too large.
    """
    left = MOST_BYTES
    for number, told in enumerate(listed(about, "versions")):
        content = unpacked(archive, str(told["file"]))
        left -= len(content)
        if left < 0 or number == MOST_VERSIONS:
            raise BadUpload("backup_too_large", limit=MOST_BYTES // 2**20)
        file = scratch / f"{number}.taste"
        file.write_bytes(content)
        yield str(told["medium"]), file, told["in_use"] is True


def bring_versions(
    studio: Studio, key: str, versions: Iterable[tuple[str, Path, bool]]
) -> dict[tuple[str, str], str]:
    """Keep versions as this person's own; medium and name in the zip, to their names here.

    One that does not fit this studio is left out.
    """
    from studio.taste import portable

    store, names = studio.store, {}
    for medium, file, was_in_use in versions:
        if medium not in media():
            continue
        try:
            was = portable.read(file).version
            # What was discarded under a name is cleared away at every start.
            keeps_name = (medium, was) not in store.discarded_versions()
            version = portable.receive(studio.registry, medium, file, with_name=keeps_name)
        except (BadUpload, NotFound):
            continue
        names[medium, was] = version
        if version not in {row.version for row in store.noted_versions(key, medium)}:
            card = studio.registry.checkpoints.find(medium, version).card
            store.note_version(key, medium, version, card["parent"], card["measured"], "accepted")
        if was_in_use and store.current_version(key, medium) is None:
            store.use_version(key, medium, version)
    return names


def seen(studio: Studio, works: Iterable[ArtworkRow]) -> Iterator[ArtworkRow]:
    """The works that can be made here, with their pictures; in their order."""
    waiting: list[ArtworkRow] = []
    for work in works:
        if waiting and (len(waiting) == TOGETHER or not is_alike(work, waiting[0])):
            yield from made(studio, waiting)
            waiting = []
        waiting.append(work)
    yield from made(studio, waiting)


def is_alike(one: ArtworkRow, other: ArtworkRow) -> bool:
    """Whether two works can be made in one go."""
    a, b = one.recipe, other.recipe
    return (a.medium, a.version, a.options) == (b.medium, b.version, b.options)


def made(studio: Studio, works: list[ArtworkRow]) -> Iterator[ArtworkRow]:
    if not works or works[0].medium not in media():
        return
    recipe = works[0].recipe
    try:
        generator = studio.registry.use(recipe.medium, recipe.version)
    except (NotFound, BadCheckpoint):
        return
    fitting = [
        work
        for work in works
        if len(work.recipe.latent) == generator.latent_dim
        and all(map(math.isfinite, work.recipe.latent))
    ]
    if not fitting:
        return
    artworks: Iterable[Artwork] = generator.decode(
        latents_of([work.recipe for work in fitting]), recipe.options
    )
    for work, artwork in zip(fitting, artworks, strict=True):
        yield replace(work, thumbnail=artwork.thumbnail())
