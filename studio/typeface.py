"""The typefaces that works are set in on paper, and the page's ink."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

FONTS = Path(__file__).parent / "fonts"
LATIN = FONTS / "EBGaramond-Poems.otf"
HAN = FONTS / "NotoSerifCJKsc-Poems.otf"
PAPER, INK, SOFT = "#fdfaf3", "#2a2621", "#8f8678"


@lru_cache(64)
def font(face: Path, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(face), size)


def face_of(sign: str) -> Path:
    """The typeface that has a sign."""
    return HAN if ord(sign) >= 0x2E80 else LATIN


def length(text: str, size: int) -> float:
    """Pixels of a text on one row, each sign in the typeface that has it."""
    return sum(font(face_of(sign), size).getlength(sign) for sign in text)
