"""What crosses between a studio and its workers: values as they are, models by name.

A pickle of its own on both sides, since a work may hold a part of the generator that made it (who
saves a painting enlarges it), and a lesson is told which generators to learn with. Such parts stay
where they are: what arrives is the part there, or a stand-in that asks for it.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor


@dataclass(frozen=True)
class Which:
    """A generator, by what says anywhere which one it is.

    Attributes:
        medium, version: of a checkpoint.
        adapters: what it is adapted by besides, one after the other: what it is called then, and
            the adapter as a safetensors file.
    """

    medium: str
    version: str
    adapters: tuple[tuple[str, bytes], ...] = ()

    def adapted(self, adapter: Mapping[str, Tensor], name: str) -> Which:
        tensors = {key: tensor.detach().cpu().contiguous() for key, tensor in adapter.items()}
        return replace(self, adapters=(*self.adapters, (name, save(tensors))))

    def unpacked(self) -> list[tuple[str, dict[str, Tensor]]]:
        return [(name, load(packed)) for name, packed in self.adapters]


@dataclass(frozen=True)
class Part:
    """A generator, or with a name one of its modules."""

    which: Which
    name: str = ""


Named = Callable[[object], "Part | None"]
"""Which part something is; None: a value."""


def dumps(value: Any, named: Named) -> bytes:
    stream = io.BytesIO()
    _Pickler(stream, named).dump(value)
    return stream.getvalue()


def loads(packed: bytes, part: Callable[[Part], Any]) -> Any:
    """What `dumps` wrote; `part` finds, or stands in for, what was only named."""
    return _Unpickler(io.BytesIO(packed), part).load()


class _Pickler(pickle.Pickler):
    def __init__(self, stream: io.BytesIO, named: Named) -> None:
        super().__init__(stream, protocol=5)
        self.named = named

    def persistent_id(self, value: object) -> Part | None:
        return self.named(value)

    def reducer_override(self, value: object) -> Any:
        # A tenth of the time of torch's own pickles, which are small archives.
        if type(value) is Tensor and value.dtype in _AS_NUMPY:
            return torch.from_numpy, (np.array(value.detach().cpu().numpy()),)
        return NotImplemented


_AS_NUMPY = {
    *(torch.float16, torch.float32, torch.float64, torch.bool, torch.uint8),
    *(torch.int8, torch.int16, torch.int32, torch.int64),
}


class _Unpickler(pickle.Unpickler):
    def __init__(self, stream: io.BytesIO, part: Callable[[Part], Any]) -> None:
        super().__init__(stream)
        self.part = part

    def persistent_load(self, named: Any) -> Any:
        return self.part(named)
