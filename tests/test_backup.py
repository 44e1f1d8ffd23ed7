"""A backup that somebody took along brings everything back, and a stranger's does no harm."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import torch

from studio import adapter as low_rank
from studio import backup
from studio.errors import BadUpload
from studio.latent import noise_from_seeds
from studio.medium import Recipe, latents_of, media
from studio.settings import Settings
from studio.studio import Studio
from tests.test_removal import MEDIUM
from tests.test_store_belongings import counts

Told = dict[str, Any]


def taught(studio: Studio, key: str, far: float) -> str:
    """A version of somebody's own that is another than its base."""
    generator = studio.registry.use_apart(MEDIUM, studio.store.current_version(key, MEDIUM))
    adapter = {
        name: tensor + far
        for name, tensor in low_rank.adapter_tensors(low_rank.attach(generator.mapping)).items()
    }
    version = studio.registry.add_fine_tune(generator, adapter, {"gain": 0.4, "ratings": 7})
    studio.store.note_version(key, MEDIUM, version, generator.version, {}, "accepted")
    return version


def live(studio: Studio, key: str, kinds: Iterable[str] = (MEDIUM,)) -> list[str]:
    """Somebody makes two versions, and makes and rates works; ids of their works."""
    version = taught(studio, key, 0.02)
    studio.store.use_version(key, MEDIUM, version)
    taught(studio, key, 0.01)
    ids: list[str] = []
    for medium in kinds:
        generator = studio.registry.use(medium, studio.store.current_version(key, medium))
        for number, latent in enumerate(generator.map(noise_from_seeds([1, 2]))):
            recipe = Recipe(medium, generator.version, tuple(latent.tolist()), seed=number + 1)
            parents = tuple(ids[-1:]) if number else ()
            artwork = generator.decode(latents_of([recipe]))[0]
            child = recipe.with_(parents=parents)
            work = studio.store.keep_artwork(key, child, artwork.thumbnail(), kept=not number)
            ids.append(work)
        studio.store.rate(key, ids[-1], stars=4, aspects={"beauty": 5})
        studio.store.rate(key, ids[-2], thumb=False)
        studio.store.prefer(key, ids[-2], ids[-1], tie=medium == MEDIUM)
    return ids


def whole(studio: Studio, key: str) -> Told:
    """What a person has, by what does not depend on where they have it."""
    works = studio.store.artworks(key, newest_first=False, limit=1000)
    known = {work.id: (work.medium, work.recipe.latent) for work in works}
    return {
        "works": [
            (
                work.recipe.with_(parents=tuple(str(known[one]) for one in work.recipe.parents)),
                # What a picture is made beside decides its last bits.
                *(work.thumbnail[:200], work.kept, work.pinned, work.stars, work.created),
            )
            for work in works
        ],
        "ratings": {
            medium: [
                (
                    (r.kind, {known[w] for w in r.works}, known[r.artwork_id]),
                    (r.stars, r.aspects, r.thumb, r.tie, r.created),
                )
                for r in studio.store.ratings(key, medium)
            ]
            for medium in media()
        },
        "versions": {
            medium: [(row.version, row.status) for row in studio.store.noted_versions(key, medium)]
            for medium in media()
        },
        "in use": {medium: studio.store.current_version(key, medium) for medium in media()},
    }


def saved(studio: Studio, key: str, folder: Path) -> Path:
    path = folder / "backup.zip"
    path.write_bytes(backup.pack(studio, key))
    return path


def test_all_of_it_is_back_after_the_disk_was_wiped(settings: Settings, tmp_path: Path) -> None:
    studio = Studio.start(settings)
    key = studio.store.open_session(None).key
    live(studio, key, media())
    before, path = whole(studio, key), saved(studio, key, tmp_path)
    version = before["in use"][MEDIUM]
    noise = noise_from_seeds([5, 6])
    latents = studio.registry.use(MEDIUM, version).map(noise)
    studio.close()
    shutil.rmtree(settings.home)
    again = Studio.start(settings)
    new = again.store.open_session(None).key
    found = backup.bring_back(again, new, path)
    assert found == backup.Restored(2 * len(media()), 3 * len(media()), 2, 0)
    assert whole(again, new) == before
    assert torch.allclose(again.registry.use(MEDIUM, version).map(noise), latents, atol=1e-5)
    rows = counts(again.store)
    assert backup.bring_back(again, new, path).ratings == 0
    assert counts(again.store) == rows
    assert whole(again, new) == before
    again.close()


def test_what_was_said_since_stays_said(studio: Studio, key_of: str, tmp_path: Path) -> None:
    *_, rated = live(studio, key_of)
    path = saved(studio, key_of, tmp_path)
    studio.store.rate(key_of, rated, stars=1)
    other = studio.registry.default_version(MEDIUM)
    studio.store.use_version(key_of, MEDIUM, other)
    backup.bring_back(studio, key_of, path)
    assert {work.id: work.stars for work in studio.store.artworks(key_of)}[rated] == 1
    assert studio.store.current_version(key_of, MEDIUM) == other


@pytest.fixture
def key_of(studio: Studio) -> str:
    return studio.store.open_session(None).key


def rewritten(path: Path, change: Callable[[Told], object], **files: bytes) -> Path:
    """The zip with something else in it."""
    with zipfile.ZipFile(path) as archive:
        inside = {name: archive.read(name) for name in archive.namelist()}
    about = json.loads(inside[backup.ABOUT])
    change(about)
    inside |= {backup.ABOUT: json.dumps(about).encode(), **files}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in inside.items():
            archive.writestr(name, content)
    return path


def test_pictures_are_made_anew_and_not_believed(
    studio: Studio, key_of: str, tmp_path: Path
) -> None:
    live(studio, key_of)
    path = saved(studio, key_of, tmp_path)
    evil = "<script>alert(1)</script>"
    rewritten(path, lambda about: [work.update(thumbnail=evil) for work in about["works"]])
    other = studio.store.open_session(None).key
    backup.bring_back(studio, other, path)
    assert all(evil not in work.thumbnail for work in studio.store.artworks(other))


def test_a_version_is_not_had_by_naming_it(studio: Studio, key_of: str, tmp_path: Path) -> None:
    live(studio, key_of)
    theirs = studio.store.current_version(key_of, MEDIUM)
    thief = studio.store.open_session(None).key
    own = taught(studio, thief, 0.05)
    path = saved(studio, thief, tmp_path)
    with zipfile.ZipFile(path) as archive:
        (name,) = (one for one in archive.namelist() if one.endswith(".taste"))
        renamed = archive.read(name).replace(own.encode(), str(theirs).encode())
    rewritten(path, lambda about: None, **{name: renamed})
    backup.bring_back(studio, thief, path)
    assert theirs not in {row.version for row in studio.store.noted_versions(thief, MEDIUM)}


def test_what_cannot_be_made_here_is_counted(studio: Studio, key_of: str, tmp_path: Path) -> None:
    live(studio, key_of, ("painting", MEDIUM))
    path = saved(studio, key_of, tmp_path)

    def spoil(about: Told) -> None:
        for work in about["works"][:2]:
            work["recipe"]["medium"] = "sculpture"
        about["works"][2]["recipe"]["version"] = "nowhere"

    other = studio.store.open_session(None).key
    found = backup.bring_back(studio, other, rewritten(path, spoil))
    assert (found.works, found.missing) == (1, 3)


HOSTILE: dict[str, Callable[[Told], object]] = {
    "no works": lambda about: about.pop("works"),
    "works are no list": lambda about: about.update(works={"a": 1}),
    "a work without an id": lambda about: about["works"][0].pop("id"),
    "a recipe that is none": lambda about: about["works"][0].update(recipe="x"),
    "nine stars": lambda about: about["ratings"][0].update(stars=9),
    "stars that are true": lambda about: about["ratings"][0].update(stars=True),
    "an aspect in words": lambda about: about["ratings"][0].update(aspects={"beauty": "much"}),
    "a rating of nothing": lambda about: about["ratings"][0].update(works=["nobody"]),
    "another kind": lambda about: about["ratings"][0].update(kind="insult"),
    "a moment that is none": lambda about: about["works"][0].update(created="tomorrow"),
    "a version elsewhere": lambda about: about["versions"][1].update(file="../../etc/passwd"),
    "not ours": lambda about: about.pop(backup.HEADER),
    "newer": lambda about: about.update({backup.HEADER: 99}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_backup_is_refused_and_changes_nothing(
    studio: Studio, key_of: str, tmp_path: Path, name: str
) -> None:
    live(studio, key_of)
    path = rewritten(saved(studio, key_of, tmp_path), HOSTILE[name])
    other = studio.store.open_session(None).key
    with pytest.raises(BadUpload, match="Nothing was changed"):
        backup.bring_back(studio, other, path)
    assert studio.store.artworks(other) == []
    assert studio.store.noted_versions(other, MEDIUM) == []


def bomb() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(backup.ABOUT, b"[" * (backup.MOST_BYTES + 1))
    return content.getvalue()


def deep() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(backup.ABOUT, b"[" * 100_000)
    return content.getvalue()


@pytest.mark.parametrize("make", [bomb, deep, lambda: b"", lambda: b"PK\3\4 and so on"])
def test_what_is_no_backup_is_refused(
    studio: Studio, key_of: str, tmp_path: Path, make: Callable[[], bytes]
) -> None:
    path = tmp_path / "holiday.zip"
    path.write_bytes(make())
    with pytest.raises(BadUpload, match="Nothing was changed"):
        backup.bring_back(studio, key_of, path)
