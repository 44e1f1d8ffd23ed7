"""Stripes of colour: the smallest medium that does all the contract asks for.

See docs/adding-a-medium.md. Importing this module must be quick: the studio does it at each start.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from studio.errors import BadUpload
from studio.medium import Artwork, Option, Recipe, Remark

if TYPE_CHECKING:
    from latent_stripes.generator import StripesGenerator
    from studio.checkpoint import Checkpoint
    from studio.medium import Generator

COUNT = 5
LARGEST_FILE_BYTES = 1_000_000


class Stripes:
    """Stripes side by side; colours [COUNT, 3] are sRGB, 0 to 1."""

    options: Mapping[str, Any] = {}
    remarks: Sequence[Remark] = ()

    def __init__(self, colours: Sequence[Sequence[float]], recipe: Recipe | None = None) -> None:
        self.colours = colours
        self.recipe = recipe

    def show(self, alt: str = "") -> str:
        return self._svg(alt, "width:100%")

    def thumbnail(self, alt: str = "", size: int = 128) -> str:
        return self._svg(alt, f"width:{size}px")

    def export(self, format: str) -> bytes:
        if format != "svg":
            raise ValueError(f"stripes export to svg, not {format!r}")
        recipe = html.escape(self.recipe.to_json()) if self.recipe else ""
        return self._svg("", "", recipe).encode()

    def hex_colours(self) -> list[str]:
        return ["#" + bytes(round(255 * c) for c in row).hex() for row in self.colours]

    def _svg(self, alt: str, style: str, recipe: str = "") -> str:
        # Only files say where a work comes from: what is shown may be judged blindly.
        stripes = [f'fill="{colour}"/>' for colour in self.hex_colours()]
        return drawing(
            stripes, f'role="img" aria-label="{html.escape(alt)}" style="{style}"', recipe
        )


class StripesMedium:
    """See studio.medium.Medium."""

    name = "stripes"
    language = ""
    place = 100
    words = Path(__file__).parent / "words"
    formats: Sequence[str] = ("svg",)
    path_formats: Sequence[str] = ("svg",)
    uploads: Sequence[str] = (".svg",)
    attribute_units: Mapping[str, str] = {"brightness": "0–1", "warmth": "0–1"}
    shared: Mapping[str, tuple[str, int]] = {"brightness": ("brightness", 1)}
    options: Sequence[Option] = ()
    parts = 0
    longest = 1
    in_words = False
    shows_paths = False

    def load(self, checkpoint: Checkpoint, device: str) -> Generator:
        from latent_stripes.generator import StripesGenerator

        return StripesGenerator.from_checkpoint(checkpoint, device)

    def read(self, source: str | Path | BinaryIO) -> Stripes:
        if isinstance(source, str | Path):
            source = io.BytesIO(Path(source).read_bytes())
        text = source.read(LARGEST_FILE_BYTES).decode("utf-8", errors="replace")
        # Only colours are looked for; nothing of a stranger's file is ever shown or run.
        colours = re.findall(r'fill="#([0-9a-f]{6})"', text)
        if len(colours) != COUNT:
            raise BadUpload("not_stripes", count=COUNT)
        kept = re.search(r"<metadata>(.*?)</metadata>", text)
        recipe = Recipe.from_json(html.unescape(kept[1])) if kept and kept[1] else None
        return Stripes([[c / 255 for c in bytes.fromhex(colour)] for colour in colours], recipe)

    def export_path(
        self, artworks: Sequence[Artwork], format: str, seconds: float, target: Path
    ) -> None:
        if format not in self.path_formats:
            raise ValueError(f"a path of stripes exports to svg, not {format!r}")
        frames = zip(
            *(artwork.hex_colours() for artwork in artworks if isinstance(artwork, Stripes)),
            strict=True,
        )
        target.write_text(
            drawing(
                f'><animate attributeName="fill" dur="{seconds}s" repeatCount="indefinite" '
                f'values="{";".join(colours)}"/></rect>'
                for colours in frames
            )
        )

    def show_path(self, artworks: Sequence[Artwork], alt: str = "") -> str:
        return ""

    def train(self, arguments: Sequence[str]) -> int:
        from latent_stripes.generator import publish

        checkpoint = publish(Path(arguments[0]))
        print(f"Written to {checkpoint.folder}")
        return 0

    def evaluate(
        self, generator: StripesGenerator, checkpoint: Checkpoint, data: Path | None, samples: int
    ) -> Mapping[str, Any]:
        from studio.latent import noise_from_seeds

        colours = generator.latent_features(generator.map(noise_from_seeds(range(samples))))
        # The baseline is every colour being equally likely.
        return {"colour_deviation": {"value": float(colours.std()), "baseline": 12**-0.5}}


def drawing(stripes: Iterable[str], attributes: str = "", recipe: str = "") -> str:
    """An SVG of COUNT rectangles; each of `stripes` ends its rectangle's element."""
    rectangles = "".join(
        f'<rect x="{index}" width="1.01" height="3" {end}' for index, end in enumerate(stripes)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {COUNT} 3" {attributes}>'
        f"<metadata>{recipe}</metadata>{rectangles}</svg>"
    )


STRIPES = StripesMedium()
