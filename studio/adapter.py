"""Low-rank adapters (Hu et al., LoRA, 2021) on the linear layers of a mapping or a decoder.

A fine-tune is the handful of numbers in its adapter: taking the adapter away gives the base back
exactly, and scaling it slides between the two.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

RANK = 8
MOST_RANK = 1024
"""Of an adapter that somebody brings."""
NEGLIGIBLE = 1e-4
"""Share of a layer's change that nobody misses."""


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


def attach(module: nn.Module, rank: int | Mapping[str, int] = RANK) -> nn.Module:
    """A copy of `module` whose linear layers carry a fresh adapter and whose weights are frozen.

    At first it computes exactly what the original does.

    Args:
        rank: of every layer, or by the names of those that get one.
    """
    adapted = copy.deepcopy(module).requires_grad_(False)
    names = [name for name, layer in adapted.named_modules() if isinstance(layer, nn.Linear)]
    ranks = dict.fromkeys(names, rank) if isinstance(rank, int) else rank
    if isinstance(adapted, nn.Linear):
        return LowRankLinear(adapted, ranks[""]).to(adapted.weight.device)
    for name, layer in list(adapted.named_modules()):
        if isinstance(layer, nn.Linear) and name in ranks:
            parent = adapted.get_submodule(name.rpartition(".")[0])
            if isinstance(parent, nn.MultiheadAttention):
                continue  # It reads the weight of its layer instead of calling it.
            if isinstance(parent, nn.TransformerEncoderLayer):
                # So does torch's fused path for inference, which this switches off.
                parent.activation_relu_or_gelu = 0
            replacement = LowRankLinear(layer, ranks[name]).to(layer.weight.device)
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
    """One adapter that changes a module by the sum of what these change it by.

    Each may be that of a fine-tune of a fine-tune: it lies on the layer's `.base` and is saved
    together with those that were there before, so all of them are in it. Every one adds to what a
    linear layer does, so that their ranks can be laid side by side: up to rounding the module does
    with the one what it does with all of them.
    """
    layers: dict[str, list[tuple[Tensor, ...]]] = {}
    for adapter in adapters:
        for place in dict.fromkeys(name.rpartition(".")[0] for name in adapter):
            row = tuple(adapter[f"{place}.{part}"] for part in ("down", "up", "bias"))
            layers.setdefault(re.sub(r"(^|\.)base(\.base)*$", "", place), []).append(row)
    found: dict[str, Tensor] = {}
    for place, rows in layers.items():
        downs, ups, biases = zip(*rows, strict=True)
        found[f"{place}.down"] = torch.cat(downs)
        found[f"{place}.up"] = torch.cat(ups, 1)
        found[f"{place}.bias"] = torch.stack(biases).sum(0)
    return found


def compressed(tensors: Mapping[str, Tensor], most: int) -> dict[str, Tensor]:
    """The adapter with as few ranks as it needs, and at most so many.

    The truncated singular value decomposition of each layer's change is the best of its rank
    (Eckart and Young, The Approximation of One Matrix by Another of Lower Rank, 1936). No more
    than NEGLIGIBLE of the change's Frobenius norm is given up, unless `most` asks for it.
    """
    found = dict(tensors)
    for name in tensors:
        if not name.endswith(".down"):
            continue
        up = name.removesuffix("down") + "up"
        # The change has thousands of numbers on a side and few ranks: what is decomposed is small.
        left, of_left = torch.linalg.qr(tensors[up].double())
        right, of_right = torch.linalg.qr(tensors[name].T.double())
        turned_left, scales, turned_right = torch.linalg.svd(of_left @ of_right.T)
        left_over = scales.square().flip(0).cumsum(0).flip(0).sqrt()
        rank = min(max(int((left_over > NEGLIGIBLE * left_over[0]).sum()), 1), most)
        found[up] = (left @ turned_left[:, :rank] * scales[:rank].sqrt()).float()
        found[name] = ((right @ turned_right[:rank].T) * scales[:rank].sqrt()).T.float()
    return {name: tensor.contiguous() for name, tensor in found.items()}


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
        ranks = {n.rpartition(".")[0]: len(t) for n, t in tensors.items() if n.endswith(".down")}
        if not ranks or max(ranks.values()) > MOST_RANK:
            raise RuntimeError("an adapter without layers, or of such a rank, is not one of ours")
        adapted = attach(module, ranks)
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
    except (KeyError, RuntimeError, AttributeError, TypeError) as error:
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
