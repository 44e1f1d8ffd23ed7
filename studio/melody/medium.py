"""The melody medium: what the studio meets when it asks for melodies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from studio.medium import Option
from studio.melody import piece
from studio.melody.artwork import FORMATS, UPLOADS, Melody
from studio.melody.grid import BARS
from studio.melody.music import UNITS
from studio.melody.settings import LONGEST, OPTIONS
from studio.melody.soundtrack import Music, of_midi, read

if TYPE_CHECKING:
    from studio.checkpoint import Checkpoint
    from studio.melody.generator import MelodyGenerator


class MelodyMedium:
    """See studio.medium.Medium."""

    name = "melody"
    language = ""
    place = 2
    words = Path(__file__).parent / "words"
    formats: Sequence[str] = FORMATS
    path_formats: Sequence[str] = piece.FORMATS
    uploads: Sequence[str] = UPLOADS
    attribute_units: Mapping[str, str] = UNITS
    shared: Mapping[str, tuple[str, int]] = {
        "brightness": ("mode", 1),
        "liveliness": ("density", 1),
    }
    moods: Mapping[str, Mapping[str, float]] = {
        "valence": {"mode": 1.0, "register": 0.3},
        "energy": {"density": 1.0, "syncopation": 0.3},
    }
    options: Sequence[Option] = OPTIONS
    parts = BARS
    longest = LONGEST
    in_words = False
    shows_paths = True

    def load(self, checkpoint: Checkpoint, device: str) -> MelodyGenerator:
        from studio.melody.generator import MelodyGenerator

        return MelodyGenerator.from_checkpoint(checkpoint, device)

    def read(self, source: str | Path | BinaryIO) -> Melody:
        return Melody.read(source)

    def export_path(
        self, artworks: Sequence[Melody], format: str, seconds: float, target: Path
    ) -> None:
        target.write_bytes(piece.Piece(artworks).export(format))

    def show_path(self, artworks: Sequence[Melody], alt: str = "") -> str:
        return piece.Piece(artworks).show(alt)

    def soundtrack(self, work: Melody) -> Music:
        """See studio.Musical."""
        return work.music()

    def read_music(self, source: str | Path | BinaryIO) -> bytes:
        return read(source)

    def soundtrack_of(self, midi: bytes) -> Music:
        return of_midi(midi)

    def train(self, arguments: Sequence[str]) -> int:
        from studio.melody.command import main

        return main(arguments)

    def evaluate(
        self,
        generator: MelodyGenerator,
        checkpoint: Checkpoint,
        data: Path | None,
        samples: int,
    ) -> Mapping[str, Any]:
        from studio.melody.evaluate import evaluate

        index, kept = checkpoint.tensors("corpus"), checkpoint.card.get("evaluation", {})
        return evaluate(generator, index, kept, data, samples)


MEDIA = (MelodyMedium(),)
