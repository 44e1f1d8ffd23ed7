"""Errors that speak to a person. Anything that is not a StudioError is a bug."""

from __future__ import annotations


class StudioError(Exception):
    """A known problem, told as what happened, what it means and what to do.

    The sentence lives in the words (studio/words/*.json, key `error.<key>`), so that the page can
    say it in the person's language and the command line in English.
    """

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key)
        self.key = key
        self.values = values

    def __str__(self) -> str:
        from studio.medium import media
        from studio.words import Words

        folders = tuple(medium.words for medium in media().values())
        return Words("en", folders).error(self)


class BadUpload(StudioError):
    """What a person dropped in cannot be used."""


class BadCheckpoint(StudioError):
    """A checkpoint folder is missing, incomplete or altered; it is never served."""


class NotFound(StudioError):
    """An unknown medium, version, artwork or job."""


class BadSetting(StudioError):
    """A STUDIO_ setting or an argument makes no sense."""


class NotEnoughRatings(StudioError):
    """Too little, or nothing but contradiction, to learn from."""
