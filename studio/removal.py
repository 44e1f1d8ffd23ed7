"""Taking away all that somebody made: because they want it, or because they never came back."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from studio.errors import NotFound
from studio.medium import media

if TYPE_CHECKING:
    from studio.studio import Studio

LESSON_SECONDS = 30 * 86400
"""Age at which a lesson that was stopped is given up: whoever comes back later learns it anew."""

log = logging.getLogger(__name__)


def delete_everything(studio: Studio, key: str, *, with_shared: bool = False) -> None:
    """Delete a person's works, ratings, versions, lessons, jobs and places in rooms, for good.

    Stopped halfway, it is begun again by asking again; nothing is broken meanwhile.

    Args:
        with_shared: also what lies in rooms with others. Else it stays there without a name.

    Raises:
        NotFound: nobody has this key.
        NotSaved: the database could not be written; what it holds is as it was.
    """
    number = studio.store.belongings.number(key)
    studio.jobs.stop_all(key)
    for medium in media():
        lesson = studio.unfinished(key, medium)
        for file in (lesson, lesson.with_suffix(".new")):
            file.unlink(missing_ok=True)
    _delete(studio, number, with_shared)


def delete_untouched(studio: Studio, days: int) -> int:
    """Delete everything of everybody who was not here for so many days; how many they were."""
    belongings, count = studio.store.belongings, 0
    since = datetime.now(UTC) - timedelta(days=days)
    for number in belongings.untouched(since):
        # Whoever comes back meanwhile is not deleted under their hands.
        if number in belongings.untouched(since):
            _delete(studio, number, with_shared=False)
            count += 1
    if count:
        log.warning("deleted what %d people left untouched for %d days", count, days)
    delete_old_lessons(studio.settings.home, days * 86400)
    return count


def delete_old_lessons(home: Path, seconds: float = LESSON_SECONDS) -> None:
    """Delete lessons under way that nobody went on with."""
    for file in (home / "lessons").glob("*"):
        with suppress(OSError):
            if time.time() - file.stat().st_mtime > seconds:
                file.unlink()


def doomed(studio: Studio, number: int) -> set[tuple[str, str]]:
    """Medium and name of the versions that go with a person: theirs alone, and no other's parent,
    nor what the host gave to everybody."""
    registry = studio.registry
    mine = studio.store.belongings.versions(number)
    if not mine:
        return mine
    promoted = registry.checkpoints.promotions.all()
    held = {(medium, version) for medium, all_ in promoted.items() for version in all_}
    parents = {
        (medium, checkpoint.version): checkpoint.parent
        for medium in media()
        for checkpoint in registry.versions(medium)
    }
    staying = held | (parents.keys() - mine)
    for medium, version in staying:
        parent = parents.get((medium, version))
        while parent:
            held.add((medium, parent))
            parent = parents.get((medium, parent))
    return mine - held


def _delete(studio: Studio, number: int, with_shared: bool) -> None:
    versions = doomed(studio, number)
    # Noted first: what a crash leaves of these is removed at the next start.
    for medium, version in versions:
        studio.store.discard_version(medium, version)
    for medium, version in versions:
        with suppress(NotFound):  # gone already, or of a medium that is
            studio.registry.remove(medium, version)
    studio.store.belongings.delete(number, with_shared=with_shared)
    studio.keeping.forget()
