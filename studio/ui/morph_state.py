"""What a person is doing in Morph: which keyframes, in what order, at what speed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from studio.latent import EASINGS

CONSTANT = "constant"
SPEEDS = (*EASINGS, CONSTANT)
MOST_KEYS = 12
SECONDS = (1.0, 30.0)
RATES = (12, 24, 30)


@dataclass(frozen=True)
class Morph:
    """A film in the making.

    Attributes:
        keys: ids of the artworks it passes, in order; one may come twice.
        speed: a speed curve between two keyframes, or `constant`: equal steps look equally large.
        position: where the scrub bar stands, 0..1 of the film's time.
        retiming: for constant speed, places along the path at evenly spaced times.
        retimed_for: what `retiming` was measured on.
    """

    keys: tuple[str, ...] = ()
    speed: str = "ease"
    loop: bool = False
    seconds: float = 4.0
    rate: int = 24
    position: float = 0.0
    retiming: tuple[float, ...] = ()
    retimed_for: str = ""

    @property
    def frames(self) -> int:
        return max(round(self.seconds * self.rate), 2)

    def with_key(self, id: str) -> Morph:
        return replace(self, keys=(*self.keys, id)[:MOST_KEYS])

    def without_key(self, index: int) -> Morph:
        return replace(self, keys=self.keys[:index] + self.keys[index + 1 :])

    def moved_key(self, index: int, by: int) -> Morph:
        """One keyframe earlier or later; at the ends nothing happens."""
        to = index + by
        if not (0 <= index < len(self.keys) and 0 <= to < len(self.keys)):
            return self
        keys = list(self.keys)
        keys.insert(to, keys.pop(index))
        return replace(self, keys=tuple(keys))

    def among(self, known: Sequence[str]) -> Morph:
        """Without keyframes that are gone."""
        return replace(self, keys=tuple(key for key in self.keys if key in known))

    def place(self, time: float) -> float:
        """The place along the path at a time, both 0..1."""
        time = min(max(time, 0.0), 1.0)
        if self.speed != CONSTANT or len(self.retiming) < 2:
            return time
        along = time * (len(self.retiming) - 1)
        index = min(int(along), len(self.retiming) - 2)
        before, after = self.retiming[index : index + 2]
        return before + (along - index) * (after - before)

    def to_dict(self) -> dict[str, Any]:
        return {**self.__dict__, "keys": list(self.keys), "retiming": list(self.retiming)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Morph:
        retiming = tuple(values["retiming"])
        return cls(**{**values, "keys": tuple(values["keys"]), "retiming": retiming})
