"""One latent, two hands: the decoder of a base blended with that of its kin.

A base that was transferred from another began with its weights, so both lie in one valley: every
mean of the two paints as well (Wortsman et al., Model Soups, 2022), and what a latent says stays
where it is while the manner changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any

from studio.adapter import PARTS as ADAPTER_PARTS
from studio.adapter import adapter_layers
from studio.checkpoint import CARD, Checkpoint, open_checkpoint, read_card
from studio.errors import BadCheckpoint
from studio.medium import Option

if TYPE_CHECKING:
    from torch import Tensor, nn

HAND = Option("hand", 0.0, least=0.0, most=1.0, step=0.05)
"""Share of the other base's hand."""


class OtherHand:
    """The decoder of the base that a base was transferred from or to; read when first wanted."""

    def __init__(self, checkpoint: Checkpoint, device: str) -> None:
        self.checkpoint = checkpoint
        self.device = device
        self.lock = Lock()
        self.weights: dict[str, Tensor] | None = None
        self.latest: tuple[nn.Module, float, dict[str, Tensor]] | None = None

    def blended(self, own: nn.Module, share: float) -> dict[str, Tensor] | None:
        """The weights of a decoder, with a share of the other's; None if there is no other."""
        with self.lock:
            if self.weights is None:
                self.weights = other_weights(self.checkpoint, self.device)
            if not self.weights:
                return None
            if self.latest is None or self.latest[:2] != (own, share):
                # What a fine-tune added to the own hand stays as it is.
                added = {
                    f"{layer}.{part}" for layer in adapter_layers(own) for part in ADAPTER_PARTS
                }
                mixed = {}
                for name, tensor in everything(own).items():
                    other = self.weights.get(name.replace(".base.", "."))
                    if other is not None and tensor.is_floating_point() and name not in added:
                        tensor = tensor.lerp(other, share)
                    mixed[name] = tensor
                self.latest = (own, share, mixed)
            return self.latest[2]


def other_weights(checkpoint: Checkpoint, device: str) -> dict[str, Tensor]:
    """Those of the decoder of a base's kin; empty if it has none of the same shape."""
    from studio.painting.generator import folded, painter_of

    kin = kin_of(checkpoint)
    if kin is None or kin.card["config"] != checkpoint.card["config"]:
        return {}
    return everything(folded(painter_of(kin).decoder.eval()).to(device).requires_grad_(False))


def everything(decoder: nn.Module) -> dict[str, Tensor]:
    """What decides how a decoder paints: its equaliser too, which is not part of its state."""
    return dict(decoder.named_parameters()) | dict(decoder.named_buffers())


def kin_of(checkpoint: Checkpoint) -> Checkpoint | None:
    """The newest base of the same beginning that went another way: of one that was transferred, one
    that was not, and the other way round."""
    folder, own = checkpoint.folder.parent, checkpoint.version
    cards: dict[str, Mapping[str, Any]] = {}
    for file in folder.glob(f"*/{CARD}"):
        try:
            cards[file.parent.name] = read_card(file.parent)
        except BadCheckpoint:
            continue
    kin = [
        name
        for name, card in cards.items()
        if name != own
        and not card.get("parent")
        and _beginning(card) == _beginning(checkpoint.card)
        and bool(card.get("transferred_from")) != bool(checkpoint.card.get("transferred_from"))
    ]
    try:
        newest = max(kin, key=lambda name: cards[name].get("created", ""), default=None)
        return open_checkpoint(folder / newest) if newest else None
    except BadCheckpoint:
        return None


def _beginning(card: Mapping[str, Any]) -> str:
    """The base that this one went on from in the first place, or itself."""
    begun = (card.get("training", {}).get("begun_from") or ("",))[0]
    return card.get("transferred_from") or begun or f"{card['medium']}/{card['version']}"
