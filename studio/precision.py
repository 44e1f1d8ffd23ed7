"""What training asks of a machine: its number format and its processors."""

from __future__ import annotations

import os

import torch


def autocast(device: torch.device) -> torch.autocast:
    """A context that computes in bf16 where the hardware does so natively, else in fp32.

    A CPU without bf16 instructions emulates them, at a twentieth of its fp32 speed.
    """
    if device.type == "cpu":
        native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    else:
        native = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.autocast(device.type, torch.bfloat16, enabled=native)


def processors() -> int:
    """How many this process may use: more threads than that would stand in each other's way."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
