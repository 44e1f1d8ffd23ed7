"""A triptych on paper: as a picture to print, and as a PDF."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, PngImagePlugin

from studio.medium import OnPaper
from studio.provenance import RECIPE_KEY, XMP
from studio.triptych import MADE_WITH, Triptych
from studio.typeface import INK, PAPER, SOFT, face_of, font
from studio.words import Words

FORMATS = ("png", "jpg", "pdf")
WIDTH, HEIGHT = 2400, 3394
"""Pixels of the sheet; its sides are as those of A4."""
INCHES = 8.27
MARGIN = 240
COLUMN = 1640
"""Pixels that the widest work has."""
TALLEST = 1640
LOWEST = 620
"""Pixels of height that the first work, and each of the others, has at most."""
SMALL = 34
KEY = "latent-studio-triptych"


def poster(triptych: Triptych, words: Words) -> Image.Image:
    """WIDTH by HEIGHT pixels: the works one under another, and what they are."""
    pictures = [
        within(work.on_paper(COLUMN), TALLEST if place == 0 else LOWEST)
        for place, work in enumerate(printed(triptych))
    ]
    sheet = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    colophon = HEIGHT - MARGIN + SMALL
    free = colophon - SMALL * 2 - MARGIN - sum(picture.height for picture in pictures)
    gap = free / max(len(pictures), 1)
    y = float(MARGIN)
    for picture in pictures:
        sheet.paste(picture, ((WIDTH - picture.width) // 2, round(y)))
        y += picture.height + gap
    said = (words("triptych.made_with"), origin(triptych))
    for row, text in enumerate(said):
        write(ImageDraw.Draw(sheet), text, colophon + row * SMALL * 1.5, SMALL, (INK, SOFT)[row])
    return sheet


def printed(triptych: Triptych) -> Sequence[OnPaper]:
    return [work for work in triptych.sung().works.values() if isinstance(work, OnPaper)]


def within(picture: Image.Image, height: int) -> Image.Image:
    """At most so many pixels high."""
    if picture.height <= height:
        return picture
    size = (round(picture.width * height / picture.height), height)
    return picture.resize(size, Image.Resampling.LANCZOS)


def origin(triptych: Triptych) -> str:
    """The models, and the seed while it is one."""
    lead = triptych.works[triptych.lead].recipe
    names = [f"{recipe.medium}/{recipe.version}" for recipe in triptych.recipes]
    seed = [f"seed {lead.seed}"] if lead and lead.seed is not None else []
    return " · ".join([*seed, *names])


def write(draw: ImageDraw.ImageDraw, text: str, y: float, size: int, colour: str) -> None:
    """One centred row; each sign in the typeface that has it."""
    faces = [font(face_of(sign), size) for sign in text]
    widths = [face.getlength(sign) for face, sign in zip(faces, text, strict=True)]
    x = (WIDTH - sum(widths)) / 2
    for sign, face, wide in zip(text, faces, widths, strict=True):
        draw.text((x, y), sign, colour, face, anchor="ls")
        x += wide


def export(triptych: Triptych, words: Words, format: str) -> bytes:
    """Bytes of the poster with all recipes and a mark of machine origin inside.

    Raises:
        ValueError: not one of FORMATS.
    """
    sheet, about, stream = poster(triptych, words), triptych.to_json(), io.BytesIO()
    if format == "png":
        info = PngImagePlugin.PngInfo()
        info.add_itxt(KEY, about)
        # Dropped back into the studio, it is a place to go on from.
        info.add_itxt(RECIPE_KEY, triptych.recipes[0].to_json())
        info.add_itxt("XML:com.adobe.xmp", XMP)
        sheet.save(stream, "PNG", pnginfo=info, dpi=(WIDTH / INCHES, WIDTH / INCHES))
    elif format == "jpg":
        small = sheet.resize((WIDTH // 3, HEIGHT // 3), Image.Resampling.LANCZOS)
        small.save(stream, "JPEG", quality=84, comment=about.encode(), xmp=XMP.encode())
    elif format == "pdf":
        sheet.save(
            stream,
            "PDF",
            resolution=WIDTH / INCHES,
            quality=92,
            title=words("triptych.title"),
            creator=MADE_WITH,
            subject=about,
        )
    else:
        raise ValueError(f"a poster exports to {', '.join(FORMATS)}, not {format!r}")
    return stream.getvalue()
