"""Low-rank adapters (Hu et al., LoRA, 2021) on the linear layers of a mapping or a decoder.

A fine-tune is the handful of numbers in its adapter: taking the adapter away gives the base back
exactly, and scaling it slides between the two.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

RANK = 8
MOST_RANK = 1024
"""Of an adapter that somebody brings: its file says a rank once, and every layer pays for it."""


PARTS = ("down", "up", "bias")


class LowRankLinear(nn.Module):
    """A frozen linear layer plus a trainable low-rank change of its weight and its bias."""

    def __init__(self, base: nn.Linear, rank: int) -> None:
        super().__init__()
        self.base = base
        self.down = nn.Parameter(torch.randn(rank, base.in_features) / base.in_features**0.5)
        self.up = nn.Parameter(torch.zeros(base.out_features, rank))
        self.bias = nn.Parameter(torch.zeros(base.out_features))
        self.strength = 1.0

    def forward(self, x: Tensor) -> Tensor:
        change = F.linear(F.linear(x, self.down), self.up, self.bias)
        return self.base(x) + self.strength * change


def attach(module: nn.Module, rank: int = RANK) -> nn.Module:
    """A copy of `module` whose linear layers carry a fresh adapter and whose weights are frozen.

    At first it computes exactly what the original does.
    """
    adapted = copy.deepcopy(module).requires_grad_(False)
    if isinstance(adapted, nn.Linear):
        return LowRankLinear(adapted, rank).to(adapted.weight.device)
    for name, layer in list(adapted.named_modules()):
        if isinstance(layer, nn.Linear):
            parent = adapted.get_submodule(name.rpartition(".")[0])
            if isinstance(parent, nn.MultiheadAttention):
                continue  # It reads the weight of its layer instead of calling it.
            if isinstance(parent, nn.TransformerEncoderLayer):
                # So does torch's fused path for inference, which this switches off.
                parent.activation_relu_or_gelu = 0
            replacement = LowRankLinear(layer, rank).to(layer.weight.device)
            setattr(parent, name.rpartition(".")[2], replacement)
    return adapted


def adapter_layers(module: nn.Module) -> dict[str, LowRankLinear]:
    return {n: layer for n, layer in module.named_modules() if isinstance(layer, LowRankLinear)}


def adapter_parameters(module: nn.Module) -> list[nn.Parameter]:
    """What fine-tuning trains."""
    layers = adapter_layers(module).values()
    return [p for layer in layers for p in (layer.down, layer.up, layer.bias)]


def adapter_tensors(module: nn.Module) -> dict[str, Tensor]:
    """The adapter alone, as named tensors for a checkpoint folder."""
    return {
        f"{name}.{part}": getattr(layer, part).detach().cpu().contiguous()
        for name, layer in adapter_layers(module).items()
        for part in PARTS
    }


def scaled(tensors: Mapping[str, Tensor], share: float) -> dict[str, Tensor]:
    """An adapter that changes its module by a share of what this one does.

    What an earlier fine-tune left, which is saved with those that lie on its `.base`, stays whole.
    """

    def is_scaled(name: str) -> bool:
        layer, _, part = name.rpartition(".")
        return part != "down" and f"{layer}.base.{part}" not in tensors

    return {n: share * t if is_scaled(n) else t for n, t in tensors.items()}


def side_by_side(adapters: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """One adapter on a base, of those of a fine-tune, of the fine-tune of that, and so on.

    The adapter of a fine-tuned module lies on its `.base`, and is saved together with those that
    were there before. Each adds to what one linear layer does, so that their ranks can be laid side
    by side: up to rounding the base does with the one what it does with all of them.
    """
    parts: dict[str, list[Tensor]] = {}
    for name, tensor in {n: t for adapter in adapters for n, t in adapter.items()}.items():
        parts.setdefault(name.replace(".base.", "."), []).append(tensor)
    found: dict[str, Tensor] = {}
    for name, rows in parts.items():
        if name.endswith(".bias"):
            found[name] = torch.stack(rows).sum(0)
        else:
            found[name] = torch.cat(rows, 0 if name.endswith(".down") else 1)
    return found


def above(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors with a prefix before their names: one file may hold several adapters."""
    return {f"{prefix}{name}": tensor for name, tensor in tensors.items()}


def split(
    prefix: str, tensors: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Undoes `above`: those under the prefix, without it, and the others."""
    under = {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
    return under, {n: t for n, t in tensors.items() if not n.startswith(prefix)}


def apply(module: nn.Module, tensors: Mapping[str, Tensor], strength: float = 1.0) -> nn.Module:
    """A copy of `module` with a saved adapter on it.

    An adapter may be put on a module that already carries one: fine-tunes of fine-tunes stack.

    Raises:
        ValueError: the adapter belongs to a module of another shape.
    """
    try:
        rank = next(t.shape[0] for name, t in tensors.items() if name.endswith(".down"))
        if rank > MOST_RANK:
            raise RuntimeError(f"an adapter of rank {rank} is not one of ours")
        adapted = attach(module, rank)
        layers = adapter_layers(adapted)
        for name, tensor in tensors.items():
            place, _, part = name.rpartition(".")
            mine = getattr(layers[place], part)
            # What could be broadcast would be copied too.
            if mine.shape != tensor.shape:
                raise RuntimeError(f"{name} has another shape")
            with torch.no_grad():
                mine.copy_(tensor)
        for layer in layers.values():
            layer.strength = strength
    except (StopIteration, KeyError, RuntimeError, AttributeError) as error:
        raise ValueError("this adapter does not fit this model") from error
    return adapted.eval()


class Adaptable:
    """What generators whose mapping, and decoder, learn by adapters have in common.

    Attributes:
        owned: the modules that no other generator holds.
    """

    version: str
    mapping: nn.Module
    owned: list[nn.Module]

    def adapted(self, adapter: Mapping[str, Tensor], version: str) -> Self:
        """See studio.medium.Generator.adapted."""
        of_decoder, of_mapping = split("decoder.", adapter)
        twin = copy.copy(self)
        twin.version = version
        twin.mapping = apply(self.mapping, of_mapping)
        twin.owned = [twin.mapping]
        if of_decoder:
            twin.decoder = apply(self.decoder, of_decoder)  # type: ignore[attr-defined]
            twin.owned.append(twin.decoder)  # type: ignore[attr-defined]
        return twin

    def memory_bytes(self) -> int:
        """See studio.medium.Generator.memory_bytes."""
        tensors = [t for m in self.owned for t in (*m.parameters(), *m.buffers())]
        return sum(t.numel() * t.element_size() for t in tensors)
