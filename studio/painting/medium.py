"""The painting medium: what the studio meets when it asks for paintings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from studio.medium import Option
from studio.painting.artwork import FORMATS, PATH_FORMATS, Painting, export_film
from studio.painting.attributes import UNITS
from studio.painting.hands import HAND, OtherHand

if TYPE_CHECKING:
    from studio.checkpoint import Checkpoint
    from studio.painting.generator import PaintingGenerator


class PaintingMedium:
    """See studio.medium.Medium."""

    name = "painting"
    language = ""
    place = 1
    words = Path(__file__).parent / "words"
    formats: Sequence[str] = FORMATS
    path_formats: Sequence[str] = PATH_FORMATS
    uploads: Sequence[str] = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff")
    attribute_units: Mapping[str, str] = UNITS
    shared: Mapping[str, tuple[str, int]] = {
        "brightness": ("brightness", 1),
        "liveliness": ("busyness", 1),
    }
    # What colours make people feel: Palmer et al., Music-color associations are mediated by
    # emotion, 2013.
    moods: Mapping[str, Mapping[str, float]] = {
        "valence": {"brightness": 1.0, "warmth": 0.5, "saturation": 0.3},
        "energy": {"busyness": 1.0, "contrast": 0.5},
        "nature": {"greenness": 1.0},
    }
    options: Sequence[Option] = (HAND,)
    parts = 0
    longest = 1
    in_words = False
    shows_paths = False

    def load(self, checkpoint: Checkpoint, device: str) -> PaintingGenerator:
        from studio.painting.generator import PaintingGenerator

        generator = PaintingGenerator.from_checkpoint(checkpoint, device)
        generator.other_hand = OtherHand(checkpoint, device)
        return generator

    def read(self, source: str | Path | BinaryIO) -> Painting:
        return Painting.read(source)

    def export_path(
        self, artworks: Sequence[Painting], format: str, seconds: float, target: Path
    ) -> None:
        export_film(artworks, format, seconds, target)

    def show_path(self, artworks: Sequence[Painting], alt: str = "") -> str:
        return ""

    def train(self, arguments: Sequence[str]) -> int:
        from studio.painting.command import main

        return main(arguments)

    def evaluate(
        self,
        generator: PaintingGenerator,
        checkpoint: Checkpoint,
        data: Path | None,
        samples: int,
    ) -> Mapping[str, Any]:
        from studio.painting.evaluate import evaluate
        from studio.painting.originality import load_index

        return evaluate(generator, load_index(checkpoint), data, samples)


MEDIA = (PaintingMedium(),)
