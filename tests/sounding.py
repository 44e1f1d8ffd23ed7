"""What is heard of a film."""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np


def heard(film: Path) -> np.ndarray:
    """The samples of a film's sound, mono, 8,000 a second; none where it has no sound."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(film)]
    command += ["-map", "0:a?", "-ac", "1", "-ar", "8000", "-f", "s16le", "-"]
    raw = subprocess.run(command, capture_output=True, check=False).stdout
    return np.frombuffer(raw, "<i2")


def video_sound(film: Path) -> int:
    """The loudest sample of it, 0 to 32767; 0 where it has no sound."""
    return int(np.abs(heard(film).astype(int)).max(initial=0))
