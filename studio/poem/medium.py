"""The poem media, one for each language: what the studio meets when it asks for poems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from studio.medium import Option
from studio.poem import sequence
from studio.poem.artwork import FORMATS, UPLOADS, Verse
from studio.poem.config import NAMES
from studio.poem.form import LINES
from studio.poem.settings import OPTIONS
from studio.poem.themes import themes

if TYPE_CHECKING:
    from studio.checkpoint import Checkpoint
    from studio.poem.generator import PoemGenerator

SHARED: Mapping[str, Mapping[str, tuple[str, int]]] = {
    "en": {"brightness": ("mood", 1), "nature": ("nature", 1)},
    "zh": {"brightness": ("mood", 1), "nature": ("landscape", 1)},
}
MOODS: Mapping[str, Mapping[str, Mapping[str, float]]] = {
    "en": {
        "valence": {"mood": 1.0},
        "energy": {"war": 1.0, "sea": 1.0},
        "nature": {"nature": 1.0},
    },
    "zh": {
        "valence": {"mood": 1.0},
        "energy": {"frontier": 1.0, "wine": 0.5},
        "nature": {"landscape": 1.0},
    },
}
UNIT = "share of words for it, less those against it"


class PoemMedium:
    """See studio.medium.Medium."""

    words = Path(__file__).parent / "words"
    formats: Sequence[str] = FORMATS
    path_formats: Sequence[str] = sequence.FORMATS
    uploads: Sequence[str] = UPLOADS
    parts = LINES
    longest = 1
    in_words = True
    shows_paths = True

    def __init__(self, language: str, place: int) -> None:
        self.name = NAMES[language]
        self.language = language
        self.place = place
        self.options: Sequence[Option] = OPTIONS[language]
        self.attribute_units: Mapping[str, str] = dict.fromkeys(themes(language), UNIT)
        self.shared: Mapping[str, tuple[str, int]] = SHARED[language]
        self.moods: Mapping[str, Mapping[str, float]] = MOODS[language]

    def load(self, checkpoint: Checkpoint, device: str) -> PoemGenerator:
        from studio.poem.generator import PoemGenerator

        return PoemGenerator.from_checkpoint(checkpoint, device)

    def read(self, source: str | Path | BinaryIO) -> Verse:
        """Raises: BadUpload: no poem of this medium's language can be read from it."""
        return Verse.read(source, self.language)

    def read_all(self, source: str | Path | BinaryIO) -> Sequence[Verse]:
        """See studio.medium.Gathered."""
        return Verse.read_all(source, self.language)

    def export_path(
        self, artworks: Sequence[Verse], format: str, seconds: float, target: Path
    ) -> None:
        target.write_bytes(sequence.Cycle(artworks).export(format))

    def show_path(self, artworks: Sequence[Verse], alt: str = "") -> str:
        return sequence.Cycle(artworks).show(alt)

    def train(self, arguments: Sequence[str]) -> int:
        from studio.poem.command import main

        return main(self.language, arguments)

    def evaluate(
        self,
        generator: PoemGenerator,
        checkpoint: Checkpoint,
        data: Path | None,
        samples: int,
    ) -> Mapping[str, Any]:
        from studio.poem.evaluate import evaluate

        index, kept = checkpoint.tensors("corpus"), checkpoint.card.get("evaluation", {})
        return evaluate(generator, index, kept, data, samples)


MEDIA = (PoemMedium("en", 3), PoemMedium("zh", 4))
