"""A folder of pictures as training data: read, cleaned, split, cropped.

What is left out is reported with its reason; nothing is dropped in silence.
"""

from __future__ import annotations

import csv
import hashlib
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from studio.errors import BadUpload

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"}
MAX_PIXELS = 40_000_000
SMALLEST_SIDE = 8
# Hashes this close (of 64 bits) are the same picture saved twice; different works of one painter
# with one composition start at about 8.
DUPLICATE_BITS = 3


@dataclass
class Work:
    """One training picture: where it is, what is known of it, which split it belongs to."""

    path: Path
    split: str
    digest: str
    artist: str = ""
    title: str = ""
    year: str = ""
    source: str = ""
    licence: str = ""


@dataclass
class Collection:
    """The usable works of a folder, and what was left out with the reason."""

    works: list[Work]
    left_out: list[tuple[str, str]] = field(default_factory=list)

    def split(self, name: str) -> list[Work]:
        return [work for work in self.works if work.split == name]

    def summary(self) -> dict:
        """Counts, licences and a fingerprint of the set, for the checkpoint's card."""
        digests = sorted(work.digest for work in self.works)
        return {
            "works": dict(sorted(Counter(work.split for work in self.works).items())),
            "left_out": [list(item) for item in self.left_out],
            "licences": dict(Counter(work.licence or "not stated" for work in self.works)),
            "sources": dict(Counter(work.source or "not stated" for work in self.works)),
            "artists": dict(Counter(work.artist or "not stated" for work in self.works)),
            "sha256": hashlib.sha256("".join(digests).encode()).hexdigest(),
        }


def collect(folder: Path, smallest: int = 128) -> Collection:
    """Read every picture below `folder`; `manifest.csv` there or one level up adds titles.

    A work's split is decided by the hash of its file: 5 % validation, 5 % test, the rest for
    training. The same work lands in the same split on every machine and in every later run.

    Raises:
        BadUpload: the folder does not exist or holds no usable picture.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise BadUpload("no_folder", folder=folder)
    notes = read_manifest(folder)
    works: list[Work] = []
    left_out: list[tuple[str, str]] = []
    seen: list[tuple[int, str]] = []
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES):
        name = str(path.relative_to(folder))
        try:
            picture = open_picture(path)
        except BadUpload as error:
            left_out.append((name, str(error)))
            continue
        if min(picture.size) < smallest:
            left_out.append((name, f"smaller than {smallest} pixels"))
            continue
        code = difference_hash(picture)
        twin = next((n for other, n in seen if (code ^ other).bit_count() <= DUPLICATE_BITS), None)
        if twin is not None:
            left_out.append((name, f"the same picture as {twin}"))
            continue
        seen.append((code, name))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        works.append(Work(path, split_of(digest), digest, **notes.get(path.name, {})))
    if not works:
        raise BadUpload("no_pictures", folder=folder)
    return Collection(works, left_out)


def read_manifest(folder: Path) -> dict[str, dict[str, str]]:
    """Artist, title, year, source and licence by file name, from manifest.csv if there is one."""
    for place in (folder, folder.parent):
        manifest = place / "manifest.csv"
        if manifest.is_file():
            with manifest.open(newline="", encoding="utf-8") as lines:
                rows = list(csv.DictReader(lines))
            keys = ("artist", "title", "year", "source", "licence")
            return {
                Path(row["file"]).name: {key: row.get(key) or "" for key in keys}
                for row in rows
                if place == folder or Path(row["file"]).parts[0] == folder.name
            }
    return {}


def split_of(digest: str) -> str:
    """train, validation or test, from a hex digest."""
    bucket = int(digest[:8], 16) % 100
    return "test" if bucket < 5 else "validation" if bucket < 10 else "train"


def open_picture(source: str | Path | BinaryIO) -> Image.Image:
    """A file or binary stream as an upright RGB picture; transparency becomes white paper.

    Of an animation the first frame is taken.

    Raises:
        BadUpload: not a picture, damaged, larger than 40 megapixels, or narrower than 8 pixels.
    """
    try:
        with warnings.catch_warnings():
            # Our own limit below is the lower one and has the friendlier words.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            opened = Image.open(source)
            width, height = opened.size
            if width * height > MAX_PIXELS:
                raise BadUpload(
                    "picture_too_large",
                    width=f"{width:,}",
                    height=f"{height:,}",
                    limit=MAX_PIXELS // 1_000_000,
                )
            if min(width, height) < SMALLEST_SIDE:
                raise BadUpload("picture_too_small", width=width, height=height)
            opened.load()
            picture: Image.Image = ImageOps.exif_transpose(opened)
            if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
                picture = picture.convert("RGBA")
                paper = Image.new("RGBA", picture.size, "white")
                picture = Image.alpha_composite(paper, picture)
            if picture.mode.startswith("I;16") or picture.mode in ("I", "F"):
                picture = stretch(picture)
            return picture.convert("RGB")
    except BadUpload:
        raise
    except Image.DecompressionBombError as error:
        limit = MAX_PIXELS // 1_000_000
        raise BadUpload("picture_bomb", limit=limit) from error
    except Exception as error:  # Pillow's decoders raise many kinds on damaged files
        raise BadUpload("not_a_picture") from error


def stretch(picture: Image.Image) -> Image.Image:
    """Deep greys (16 bit, float) to 8 bit by their own range; Pillow would clip them to white."""
    values = np.asarray(picture, dtype=np.float64)
    low, high = values.min(), values.max()
    return Image.fromarray(((values - low) * 255 / max(high - low, 1e-9)).astype(np.uint8))


def difference_hash(picture: Image.Image) -> int:
    """64-bit perceptual hash: the signs of horizontal differences of a 9x8 thumbnail."""
    small = np.asarray(picture.convert("L").resize((9, 8), Image.Resampling.BOX), dtype=np.int16)
    bits = (small[:, 1:] > small[:, :-1]).flatten()
    return int("".join("1" if bit else "0" for bit in bits), 2)


def square(picture: Image.Image, size: int, where: float = 0.5) -> Image.Image:
    """The full-height (or full-width) square at `where` (0..1) along the longer side, resized."""
    width, height = picture.size
    side = min(width, height)
    left = round((width - side) * where)
    top = round((height - side) * where)
    box = (left, top, left + side, top + side)
    return picture.resize((size, size), Image.Resampling.LANCZOS, box=box)


def to_tensor(pictures: list[Image.Image]) -> Tensor:
    """RGB pictures of one size to [B, 3, H, W] in -1..1."""
    if not pictures:
        return torch.zeros(0, 3, 0, 0)
    array = np.stack([np.asarray(picture) for picture in pictures])
    return torch.from_numpy(array).permute(0, 3, 1, 2).float() / 127.5 - 1


def to_bytes(pictures: Tensor) -> np.ndarray:
    """Pictures [B, 3, H, W] in -1..1 to [B, H, W, 3] uint8."""
    scaled = ((pictures.float().clamp(-1, 1) + 1) * 127.5).round().byte()
    return scaled.permute(0, 2, 3, 1).contiguous().cpu().numpy()


def center_crops(works: list[Work], size: int) -> Tensor:
    """The central squares of works as [N, 3, size, size] in -1..1: what metrics look at."""
    return to_tensor([square(open_picture(work.path), size) for work in works])


class Crops:
    """Endless random squares of the training works, mirrored half of the time.

    Five crops along the longer side are cut once and kept as bytes (0.05 MB each at 128 px), so
    that training never waits for a decoder.
    """

    PLACES = (0.1, 0.3, 0.5, 0.7, 0.9)

    def __init__(self, works: list[Work], size: int, device: str | torch.device = "cpu") -> None:
        rows = []
        for work in works:
            picture = open_picture(work.path)
            rows.append(np.stack([np.asarray(square(picture, size, p)) for p in self.PLACES]))
        pixels = torch.from_numpy(np.stack(rows)).permute(0, 1, 4, 2, 3).contiguous()
        self.pixels = pixels.to(device)

    def draw(self, count: int) -> Tensor:
        """[count, 3, size, size] in -1..1, from torch's global random state."""
        device = self.pixels.device
        work = torch.randint(len(self.pixels), (count,), device=device)
        place = torch.randint(len(self.PLACES), (count,), device=device)
        batch = self.pixels[work, place].float() / 127.5 - 1
        flipped = torch.rand(count, device=device) < 0.5
        return torch.where(flipped[:, None, None, None], batch.flip(-1), batch)
