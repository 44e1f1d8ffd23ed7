"""The melody medium: what the studio meets when it asks for melodies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from studio.melody.artwork import FORMATS, PATH_FORMATS, UPLOADS, Melody, export_piece
from studio.melody.music import UNITS

if TYPE_CHECKING:
    from studio.checkpoint import Checkpoint
    from studio.melody.generator import MelodyGenerator


class MelodyMedium:
    """See studio.medium.Medium."""

    name = "melody"
    place = 2
    words = Path(__file__).parent / "words"
    formats: Sequence[str] = FORMATS
    path_formats: Sequence[str] = PATH_FORMATS
    uploads: Sequence[str] = UPLOADS
    attribute_units: Mapping[str, str] = UNITS

    def load(self, checkpoint: Checkpoint, device: str) -> MelodyGenerator:
        from studio.melody.generator import MelodyGenerator

        return MelodyGenerator.from_checkpoint(checkpoint, device)

    def read(self, source: str | Path | BinaryIO) -> Melody:
        return Melody.read(source)

    def export_path(
        self, artworks: Sequence[Melody], format: str, seconds: float, target: Path
    ) -> None:
        export_piece(artworks, format, target)

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


MEDIUM = MelodyMedium()
