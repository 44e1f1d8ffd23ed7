"""What every training loop needs: a run folder that survives a kill, a clock, an average."""

from __future__ import annotations

import copy
import json
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from studio.errors import BadUpload

Report = Callable[[dict], None]
"""Hears one line of a log, as plain values."""
BEFORE_CAPTURE = 3
"""Steps in which libraries set up what must not be set up while a graph is captured."""


def save_state(
    folder: Path,
    description: Mapping[str, Any],
    groups: Mapping[str, nn.Module | Mapping[str, Tensor]],
) -> None:
    """Write `<folder>/state` beside the old one, then swap: a kill at any moment leaves one whole.

    Args:
        description: plain values, kept as state.json.
        groups: modules, or tensors by name, each kept as `<name>.safetensors`.
    """
    fresh, state, old = (folder / name for name in ("state.new", "state", "state.old"))
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name, group in groups.items():
        rows = group.state_dict() if isinstance(group, nn.Module) else group
        save_file({k: v.contiguous() for k, v in rows.items()}, fresh / f"{name}.safetensors")
    (fresh / "state.json").write_text(json.dumps(description, indent=1))
    shutil.rmtree(old, ignore_errors=True)
    if state.exists():
        state.rename(old)
    fresh.rename(state)
    shutil.rmtree(old, ignore_errors=True)


def read_state(folder: Path) -> dict[str, Any]:
    """The description of a saved state. Raises: BadUpload: the folder holds none."""
    file = Path(folder) / "state" / "state.json"
    if not file.is_file():
        raise BadUpload("no_training_state", folder=folder)
    return json.loads(file.read_text())


def read_group(folder: Path, name: str) -> dict[str, Tensor] | None:
    """The tensors that were saved under a name, if they were."""
    file = Path(folder) / "state" / f"{name}.safetensors"
    return load_file(file) if file.is_file() else None


def load_modules(folder: Path, modules: Mapping[str, nn.Module]) -> None:
    """Raises: BadUpload: one of them was not saved."""
    for name, module in modules.items():
        saved = read_group(folder, name)
        if saved is None:
            raise BadUpload("no_training_state", folder=folder)
        module.load_state_dict(saved)


class Timed(Protocol):
    wall_seconds: float


class Clock:
    """How far a stage is: by its wall time, or by its steps where these are given, so that what
    comes out does not depend on how busy the machine is. Keeps the run's own count."""

    def __init__(self, run: Timed, minutes: float, steps: int | None = None) -> None:
        self.run = run
        self.minutes = minutes
        self.steps = steps
        self.taken = 0
        self.begun = time.monotonic()
        self.before = run.wall_seconds

    @property
    def share(self) -> float:
        if self.steps is not None:
            return self.taken / self.steps
        return self.seconds / 60 / max(self.minutes, 1e-9)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.begun

    @property
    def is_over(self) -> bool:
        return self.share >= 1

    @property
    def cooling(self) -> float:
        """Towards the end the steps shrink, so that what is saved is at rest."""
        return min(1.0, 0.02 + 2 * max(1 - self.share, 0.0))

    @property
    def line(self) -> dict[str, float]:
        return {"minutes": round(self.seconds / 60, 2)}

    def tick(self) -> None:
        self.taken += 1
        self.run.wall_seconds = self.before + self.seconds


class Best:
    """The state in which a module measured best: on a small collection training may go too far."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.error = float("inf")
        self.state: dict[str, Tensor] = {}

    def offer(self, error: float) -> None:
        """Keep the module as it is now, if its error is not above that of what is kept."""
        if error <= self.error:
            self.error, self.state = error, copy.deepcopy(self.module.state_dict())

    def restore(self) -> None:
        """Put the module back into the best state it was offered in."""
        if self.state:
            self.module.load_state_dict(self.state)


def follow_average(average: nn.Module, module: nn.Module, keep: float) -> None:
    """Move an average of a module's weights towards them."""
    with torch.no_grad():
        torch._foreach_lerp_(list(average.parameters()), list(module.parameters()), 1 - keep)


def adamw(
    parameters: Iterable[nn.Parameter], rate: float, device: torch.device, weight_decay: float
) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter, 2019) for batches of hundreds, fit to be captured on a GPU."""
    on_gpu = device.type == "cuda"
    return torch.optim.AdamW(
        parameters,
        torch.tensor(rate, device=device) if on_gpu else rate,
        betas=(0.9, 0.98),
        weight_decay=weight_decay,
        fused=on_gpu,
        capturable=on_gpu,
    )


def set_rate(adam: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate."""
    for group in adam.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def descend(adam: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step of an optimizer down a loss, whose gradient is no longer than 1."""
    adam.zero_grad(set_to_none=True)
    loss.backward()
    learned = [parameter for group in adam.param_groups for parameter in group["params"]]
    nn.utils.clip_grad_norm_(learned, 1.0)
    adam.step()


def between_looks(device: torch.device, steps: int) -> int:
    """Steps between two measurements that are so many on a CPU: on a GPU each takes a tenth."""
    return 10 * steps if device.type == "cuda" else steps


def kept_chance(device: torch.device) -> AbstractContextManager[None]:
    """A context after which chance goes on, on a GPU too, as if nothing had been drawn or seeded
    in it."""
    return torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])


class Captured:
    """A training step that a GPU replays as one CUDA graph: a small network is a few hundred
    kernels of microseconds each, and launching them one by one takes far longer than they do.

    The step draws its batch itself, on the device, from tensors that stay where they are, never
    waits for the device, and returns what it measured, which the next call overwrites. Elsewhere
    it is called as it is.
    """

    def __init__(self, device: torch.device, step: Callable[[], Tensor]) -> None:
        self.step = step
        self.is_on_gpu = device.type == "cuda"
        self.calls = 0
        self.graph: torch.cuda.CUDAGraph | None = None

    def __call__(self) -> Tensor:
        self.calls += 1
        if not self.is_on_gpu:
            return self.step()
        if self.calls <= BEFORE_CAPTURE:
            return self.on_a_stream_of_its_own()
        if self.graph is None:
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph):
                self.measured = self.step()
        self.graph.replay()
        return self.measured

    def on_a_stream_of_its_own(self) -> Tensor:
        here, side = torch.cuda.current_stream(), torch.cuda.Stream()
        side.wait_stream(here)
        with torch.cuda.stream(side):
            measured = self.step()
        here.wait_stream(side)
        return measured
