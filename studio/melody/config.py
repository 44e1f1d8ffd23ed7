"""The numbers that decide the shapes of a composer's weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from studio import flow
from studio.melody.grid import BARS


@dataclass(frozen=True)
class Config:
    """Everything that decides the shapes of the weights; kept in the checkpoint's card."""

    bar_dim: int = 40
    width: int = 192
    heads: int = 6
    layers: int = 3
    slot_width: int = 48
    flow_width: int = 192
    flow_heads: int = 4
    flow_layers: int = 4

    @property
    def latent_dim(self) -> int:
        return BARS * self.bar_dim

    @property
    def flow(self) -> flow.Shape:
        return flow.Shape(BARS, self.bar_dim, self.flow_width, self.flow_heads, self.flow_layers)

    @classmethod
    def from_dict(cls, values: dict) -> Config:
        return cls(**values)

    def to_dict(self) -> dict:
        return asdict(self)
