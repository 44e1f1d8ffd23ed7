"""What a film can have besides its frames: music under it, which gives it its pace.

Media say whether they are music, and artworks whether they are frames; nothing here knows which.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol, runtime_checkable

from studio.medium import Artwork, media

if TYPE_CHECKING:
    from PIL.Image import Image


class Soundtrack(Protocol):
    """Music that goes round without a seam."""

    seconds: float
    """Of one round."""
    energy: Sequence[float]
    """How much happens, at evenly spaced times of one round, 0 and above."""

    def wave(self, rounds: int = 1) -> bytes:
        """A WAV of so many rounds, exactly `rounds * seconds` long."""

    def loop(self) -> bytes:
        """A small lossless file (FLAC) of one round, which a browser plays again and again."""


@runtime_checkable
class Musical(Protocol):
    """What a medium can do besides, if its works are music."""

    name: str

    def soundtrack(self, work: Artwork) -> Soundtrack:
        """One of its works as it sounds, whole."""

    def read_music(self, source: str | Path | BinaryIO) -> bytes:
        """A person's MIDI file in all its voices as MIDI bytes; of a long piece its beginning.

        Raises:
            BadUpload: there are no notes in it; says why for a person.
        """

    def soundtrack_of(self, midi: bytes) -> Soundtrack:
        """What `read_music` returned."""


@runtime_checkable
class Filmed(Protocol):
    """What an artwork can do besides, if it is a picture that a film can show."""

    def frame(self) -> Image:
        """The picture, of the same even number of pixels a side for all of one generator's."""


def musical() -> list[Musical]:
    """The media that are music, in their places."""
    return [medium for medium in media().values() if isinstance(medium, Musical)]
