"""Damaged and hostile files, by the ten thousand, into everything that reads what people bring.

    python benchmarks/fuzz.py [--cases 100000] [--seed 0] [--reader NAME] [--json]

Each case is a good file with some of its bytes changed, or no file at all. A reader may take it or
refuse it with a sentence (`BadUpload`); anything else is a fault, and so is taking seconds. Faults
are printed with the seed that makes them again.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import mido
import numpy as np
import torch
from PIL import Image
from safetensors.torch import save

from studio.errors import BadUpload
from studio.medium import Recipe, get_medium
from studio.painting.artwork import Painting
from studio.taste import portable
from studio.taste.ratings import Ratings, line_for_pair, line_for_stars

SLOW = 10.0
"""Seconds after which reading something small is a fault."""
NASTY = (
    *(b"\x00", b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00", b"1e999", b"NaN", b"-1"),
    *(b"99999999999999999999", b"null", b"[" * 3000, b'{"a":' * 3000, b"<script>", b"../../etc"),
    *("\u202e\u0000\ufeff🙂".encode(), b"\xed\xa0\x80", b"%s%n", b"\r\n\r\n"),
)
RECIPE = Recipe("painting", "vangogh-256-2", tuple(0.1 * i for i in range(128)), seed=7)


class Reader:
    """Something that reads files, and good ones to begin with.

    Attributes:
        read: takes the bytes.
        good: files that it takes.
    """

    def __init__(self, read: Callable[[bytes], Any], good: Sequence[bytes]) -> None:
        self.read = read
        self.good = good


def readers(folder: Path) -> dict[str, Reader]:
    """By name; `folder` is for those that want a path."""

    def file(ending: str, read: Callable[[Path], Any]) -> Callable[[bytes], Any]:
        path = folder / f"somebody{ending}"

        def of(content: bytes) -> Any:
            path.write_bytes(content)
            return read(path)

        return of

    stripes = RatedGenerator()
    poems = ("poem", "poem-zh")
    return {
        "recipe": Reader(lambda b: Recipe.from_json(b.decode("utf-8", "replace")), recipes()),
        "painting": Reader(seen("painting"), pictures()),
        "melody": Reader(seen("melody"), midis()),
        **{name: Reader(seen(name), texts(name)) for name in poems},
        "taste": Reader(file(".taste", portable.read), tastes()),
        "ratings": Reader(
            file(".jsonl", lambda path: Ratings.from_file(path, stripes)),  # type: ignore[arg-type]
            ratings(),
        ),
    }


def seen(medium: str) -> Callable[[bytes], Any]:
    """Read as that medium's work, and looked at small."""
    return lambda content: get_medium(medium).read(io.BytesIO(content)).thumbnail()


class RatedGenerator:
    """As much of a generator as a file of ratings is compared with."""

    medium, version, latent_dim = RECIPE.medium, RECIPE.version, len(RECIPE.latent)


def recipes() -> list[bytes]:
    return [
        RECIPE.to_json().encode(),
        RECIPE.with_(how="morph", parents=("a", "b")).to_json().encode(),
    ]


def pictures() -> list[bytes]:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (24, 32, 3), dtype=np.uint8)
    found = [Painting(pixels, RECIPE).export(format) for format in ("png", "jpg")]
    for mode, format in (
        *(("RGB", "GIF"), ("RGBA", "PNG"), ("L", "TIFF"), ("RGB", "WEBP"), ("RGB", "BMP")),
        *(("P", "PNG"), ("I;16", "PNG"), ("CMYK", "JPEG")),
    ):
        stream = io.BytesIO()
        Image.fromarray(pixels).convert("L" if mode == "I;16" else mode).convert(mode).save(
            stream, format
        )
        found.append(stream.getvalue())
    return found


def midis() -> list[bytes]:
    found = []
    for meter, ticks in (((4, 4), 480), ((6, 8), 96)):
        song = mido.MidiFile(ticks_per_beat=ticks)
        track = mido.MidiTrack()
        song.tracks.append(track)
        track.append(mido.MetaMessage("time_signature", numerator=meter[0], denominator=meter[1]))
        track.append(mido.MetaMessage("set_tempo", tempo=400_000))
        for number in range(32):
            pitch = 60 + (number * 5) % 17
            track.append(mido.Message("note_on", note=pitch, velocity=90, time=0))
            track.append(mido.Message("note_off", note=pitch, time=ticks // 2))
        stream = io.BytesIO()
        song.save(file=stream)
        found.append(stream.getvalue())
    return found


def texts(name: str) -> list[bytes]:
    if name == "poem-zh":
        lines = "白日依山尽，\n黄河入海流。\n欲穷千里目，\n更上一层楼。\n"
        return [lines.encode(), lines.encode("utf-16"), lines.encode("gb18030")]
    lines = (
        "The sea is calm to-night,\nThe tide is full, the moon lies fair\n"
        "Upon the straits;\nThe cliffs of England stand and stare.\n"
    )
    return [lines.encode(), lines.replace("\n", "\r\n").encode("utf-16")]


def tastes() -> list[bytes]:
    card = {
        **{"format": portable.FORMAT, "medium": "painting", "base": "vangogh-256-2", "files": {}},
        **{"version": "vangogh-256-2-tuned-1", "measured": {"gain": 1.0}},
    }
    tensors = {"out.down": torch.zeros(2, 8), "out.up": torch.ones(8, 2)}
    return [save(tensors, {portable.HEADER: json.dumps(card)})]


def ratings() -> list[bytes]:
    other = RECIPE.with_(latent=tuple(0.2 * i for i in range(128)))
    lines = [line_for_stars(RECIPE, 4), line_for_pair(RECIPE, other), line_for_stars(other, 1)]
    return ["\n".join(lines).encode(), lines[0].encode()]


def spoilt(rng: random.Random, good: Sequence[bytes]) -> bytes:
    """One of the good files, changed in one to six ways."""
    content = bytearray(rng.choice(good))
    for _ in range(rng.randint(1, 6)):
        place = rng.randrange(len(content) + 1)
        end = min(len(content), place + rng.randint(1, 1 + len(content) // 4))
        match rng.randrange(7):
            case 0 if place < len(content):
                content[place] ^= 1 << rng.randrange(8)
            case 1:
                content[place:place] = rng.choice(NASTY)
            case 2:
                nasty = rng.choice(NASTY)
                content[place : place + len(nasty)] = nasty
            case 3:
                del content[place:end]
            case 4:
                content[place:place] = content[place:end]
            case 5:
                content = content[:place] + bytearray(rng.choice(good))[place:]
            case _:
                content[place:end] = rng.randbytes(end - place)
    return bytes(content[: 2**18])


def run(reader: Reader, seeds: Sequence[int]) -> tuple[Counter[str], list[dict[str, Any]]]:
    """What became of the cases (taken, refused, fault), and the faults."""
    counts: Counter[str] = Counter()
    faults = []
    for seed in seeds:
        content = spoilt(random.Random(seed), reader.good)
        begun = time.monotonic()
        try:
            reader.read(content)
            outcome, told = "taken", ""
        except BadUpload:
            outcome, told = "refused", ""
        except Exception:
            outcome, told = "fault", traceback.format_exc(limit=-4)
        if time.monotonic() - begun > SLOW:
            outcome, told = "fault", f"took {time.monotonic() - begun:.0f} s"
        counts[outcome] += 1
        if outcome == "fault":
            faults.append({"seed": seed, "told": told})
    return counts, faults


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=100_000, help="of all readers together")
    parser.add_argument("--seed", type=int, default=0, help="the first")
    parser.add_argument("--reader", help="only this one")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        all_readers = readers(Path(folder))
        chosen = [options.reader] if options.reader else list(all_readers)
        each = options.cases // len(chosen)
        for name in chosen:
            counts, faults = run(all_readers[name], range(options.seed, options.seed + each))
            result[name] = {**counts, "faults": len(faults)}
            print(name, result[name], file=sys.stderr, flush=True)
            for fault in faults[:3]:
                print(f"{name}, seed {fault['seed']}: {fault['told']}", file=sys.stderr, flush=True)
    result["cases"] = sum(
        r[k] for r in result.values() for k in ("taken", "refused", "fault") if k in r
    )
    print(json.dumps(result, indent=None if options.json else 2))
    sys.exit(any(r["faults"] for r in result.values() if isinstance(r, dict)))


if __name__ == "__main__":
    main()
