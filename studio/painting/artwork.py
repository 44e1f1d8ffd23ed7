"""A painting as people meet it: on the page, as a file, in a film."""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, PngImagePlugin

from studio import video
from studio.errors import BadUpload
from studio.medium import Recipe, Remark
from studio.painting.data import open_picture, to_bytes, to_tensor
from studio.painting.enlarger import Enlarger
from studio.provenance import RECIPE_KEY, XMP

FORMATS = ("png", "jpg")
PATH_FORMATS = ("mp4", "gif")
# Paintings are saved at least this large. Lanczos enlargement is done here because browsers
# enlarge with a softer filter.
SHOWN_SIZE = 512
ENLARGED_SIZE = 1024
"""Of a picture that is saved, where the painter has learned to enlarge."""


class Painting:
    """A picture with its recipe.

    Attributes:
        pixels: [H, W, 3] uint8, sRGB.
        recipe: how it was made; None for an upload that carries none.
        options: of its decoding, see studio.painting.hands.
        remarks: see studio.medium.Artwork.
        enlarger: draws what is saved at ENLARGED_SIZE.
    """

    def __init__(
        self,
        pixels: np.ndarray,
        recipe: Recipe | None = None,
        options: Mapping[str, Any] | None = None,
        remarks: Sequence[Remark] = (),
        enlarger: Enlarger | None = None,
    ) -> None:
        self.pixels = pixels
        self.recipe = recipe
        self.options: Mapping[str, Any] = options or {}
        self.remarks = remarks
        self.enlarger = enlarger

    @classmethod
    def read(cls, source: str | Path | BinaryIO) -> Painting:
        """Any picture file; one saved by the studio brings its recipe.

        Raises:
            BadUpload: it cannot be read, or its recipe is damaged.
        """
        picture = open_picture(source)
        if not isinstance(source, str | Path):
            source.seek(0)
        with Image.open(source) as raw:
            text = raw.info.get(RECIPE_KEY) or raw.info.get("comment") or ""
        if isinstance(text, bytes):
            text = text.decode("utf-8", errors="replace")
        recipe = None
        if text.lstrip().startswith("{"):
            try:
                recipe = Recipe.from_json(text)
            except BadUpload:
                # A foreign comment that happens to look like JSON is no reason to refuse a picture.
                recipe = None
        return cls(np.asarray(picture), recipe)

    def picture(self, smallest: int = 0) -> Image.Image:
        """As a Pillow picture, enlarged to at least `smallest` pixels a side."""
        picture = Image.fromarray(self.pixels)
        side = min(picture.size)
        if side >= smallest:
            return picture
        factor = smallest / side
        size = (round(picture.width * factor), round(picture.height * factor))
        return picture.resize(size, Image.Resampling.LANCZOS)

    def enlarged(self) -> Image.Image:
        """As it is saved: at ENLARGED_SIZE if somebody can paint that, else at SHOWN_SIZE."""
        times = math.ceil(math.log2(ENLARGED_SIZE / min(self.pixels.shape[:2])))
        if self.enlarger is None or times <= 0:
            return self.picture(SHOWN_SIZE)
        large = self.enlarger.enlarged(to_tensor([self.picture()]), times)
        return Image.fromarray(to_bytes(large)[0])

    def frame(self) -> Image.Image:
        """See studio.soundtrack.Filmed."""
        return self.picture(SHOWN_SIZE)

    def show(self, alt: str = "") -> str:
        """See studio.medium.Artwork.show. The browser enlarges it: a dial that is being turned asks
        for a picture a blink, and most of that would go into enlarging them here."""
        picture = self.picture()
        picture.thumbnail((2 * SHOWN_SIZE, 2 * SHOWN_SIZE))
        return image_tag(jpeg(picture, quality=95, subsampling=0), "artwork", alt)

    def thumbnail(self, alt: str = "", size: int = 128) -> str:
        """See studio.medium.Artwork.thumbnail."""
        picture = Image.fromarray(self.pixels)
        picture.thumbnail((size, size), Image.Resampling.LANCZOS)
        return image_tag(jpeg(picture, quality=82), "thumbnail", alt)

    def on_paper(self, width: int) -> Image.Image:
        """See studio.medium.OnPaper."""
        picture = self.enlarged()
        height = round(picture.height * width / picture.width)
        return picture.resize((width, height), Image.Resampling.LANCZOS)

    def export(self, format: str) -> bytes:
        """PNG or JPEG bytes with the recipe and a mark of machine origin inside.

        Raises:
            ValueError: another format.
        """
        stream = io.BytesIO()
        recipe = self.recipe.to_json() if self.recipe else ""
        if format == "png":
            info = PngImagePlugin.PngInfo()
            if recipe:
                info.add_itxt(RECIPE_KEY, recipe)
                info.add_itxt("XML:com.adobe.xmp", XMP)
            self.enlarged().save(stream, "PNG", pnginfo=info)
        elif format == "jpg":
            marks = {"comment": recipe.encode(), "xmp": XMP.encode()} if recipe else {}
            self.enlarged().save(stream, "JPEG", quality=95, subsampling=0, **marks)
        else:
            raise ValueError(f"a painting exports to {', '.join(FORMATS)}, not {format!r}")
        return stream.getvalue()


def jpeg(picture: Image.Image, quality: int, subsampling: int = -1) -> bytes:
    """`subsampling` 0 keeps colours as sharp as light and shade; -1 leaves it to the quality."""
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality, subsampling=subsampling)
    return stream.getvalue()


def image_tag(data: bytes, kind: str, alt: str) -> str:
    source = base64.b64encode(data).decode("ascii")
    return (
        f'<img class="{kind}" alt="{html.escape(alt, quote=True)}" draggable="false" '
        f'src="data:image/jpeg;base64,{source}">'
    )


def export_film(frames: Sequence[Painting], format: str, seconds: float, target: Path) -> None:
    """Write frames as a film; each frame is shown for the same time.

    Raises:
        ValueError: no frames, or not one of PATH_FORMATS.
    """
    if not frames:
        raise ValueError("a film needs at least one frame")
    rate = len(frames) / max(seconds, 0.1)
    recipe = frames[0].recipe.to_json() if frames[0].recipe else ""
    if format == "gif":
        pictures = [frame.picture(SHOWN_SIZE // 2) for frame in frames]
        # One palette for all frames: a palette for each makes still areas shimmer.
        strip = Image.new("RGB", (pictures[0].width, pictures[0].height * len(pictures[::8])))
        for index, picture in enumerate(pictures[::8]):
            strip.paste(picture, (0, index * picture.height))
        palette = strip.quantize(256, method=Image.Quantize.MEDIANCUT)
        pages = [p.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG) for p in pictures]
        pages[0].save(
            target,
            "GIF",
            save_all=True,
            append_images=pages[1:],
            duration=max(20, round(1000 / rate)),
            loop=0,
            comment=recipe.encode(),
        )
    elif format == "mp4":
        with video.written(target, rate, recipe) as add:
            for frame in frames:
                add(frame.frame())
    else:
        raise ValueError(f"a path of paintings exports to {', '.join(PATH_FORMATS)}")
