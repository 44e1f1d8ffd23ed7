"""Films as files: frames one after another, and sound under them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

AUDIO_BITS = "192k"


@contextmanager
def written(
    target: Path, rate: float, comment: str = "", sound: bytes = b""
) -> Iterator[Callable[[Image.Image], None]]:
    """A function that adds a frame to an MP4 (H.264, AAC); the file is whole after the block.

    Args:
        rate: frames a second.
        comment: kept in the file, a recipe.
        sound: a WAV as long as the film, or none.
    """
    import imageio_ffmpeg

    track = target.with_suffix(".wav")
    writer: Generator[None, Any, None] | None = None
    if sound:
        track.write_bytes(sound)

    def add(picture: Image.Image) -> None:
        nonlocal writer
        if writer is None:
            audio = {"audio_path": str(track), "audio_codec": "aac"} if sound else {}
            writer = imageio_ffmpeg.write_frames(
                str(target),
                picture.size,
                fps=rate,
                codec="libx264",
                pix_fmt_out="yuv420p",
                quality=None,
                macro_block_size=2,
                output_params=[
                    *("-crf", "18", "-preset", "veryfast", "-movflags", "+faststart"),
                    *(("-b:a", AUDIO_BITS) if sound else ()),
                    *("-metadata", f"comment={comment}"),
                ],
                **audio,
            )
            writer.send(None)
        writer.send(np.ascontiguousarray(picture.convert("RGB")).tobytes())

    try:
        yield add
    finally:
        if writer is not None:
            writer.close()
        track.unlink(missing_ok=True)
