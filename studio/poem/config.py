"""The numbers that decide the shapes of a poet's weights, and how it writes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from studio import flow
from studio.poem.data import LINES

NAMES = {"en": "poem", "zh": "poem-zh"}
"""Of the media, by the language of their poems."""
LONGEST = 24
"""Tokens of a line, its end included."""
MOST_BEATS = 20
"""Syllables of a line in English, characters in Chinese; more are counted as so many."""


@dataclass(frozen=True)
class Config:
    """Everything that decides the shapes of the weights, and how they write; kept in the card.

    Attributes:
        language: en or zh; vocabulary: how many tokens there are.
        line_dim: numbers of each line's latent.
        lean: weight of the voice that hears no latent, see studio.poem.model.Decoder.
        beams: ways on that are compared while a poem is written.
    """

    language: str
    vocabulary: int
    line_dim: int = 32
    width: int = 192
    heads: int = 6
    encoder_layers: int = 2
    layers: int = 4
    flow_width: int = 192
    flow_heads: int = 4
    flow_layers: int = 4
    lean: float = 0.0
    beams: int = 8

    @property
    def latent_dim(self) -> int:
        return LINES * self.line_dim

    @property
    def flow(self) -> flow.Shape:
        return flow.Shape(LINES, self.line_dim, self.flow_width, self.flow_heads, self.flow_layers)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Config:
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)
