"""The files that a triptych is taken along as."""

from __future__ import annotations

from typing import cast

from studio.errors import NotFound
from studio.medium import Artwork
from studio.registry import Registry
from studio.triptych import Triptych, film
from studio.triptych.page import page
from studio.triptych.poster import FORMATS as PRINTED
from studio.triptych.poster import export
from studio.words import Words

SONG = "mid"
FORMATS = ("html", *PRINTED, SONG, film.FORMAT)


def content(triptych: Triptych, format: str, words: Words, models: Registry) -> bytes:
    """The bytes of a file.

    Raises:
        ValueError: not one of FORMATS.
        NotFound: what the file is made of is not among the works.
    """
    if format == "html":
        return page(triptych, words).encode()
    if format in PRINTED:
        return export(triptych, words, format)
    if format == film.FORMAT:
        return film.content(triptych, models)
    if format != SONG:
        raise ValueError(f"a triptych is saved as {', '.join(FORMATS)}, not {format!r}")
    for work in triptych.sung().works.values():
        if isinstance(work, film.Heard):
            return cast(Artwork, work).export(SONG)
    raise NotFound("no_triptych", medium=triptych.lead)
