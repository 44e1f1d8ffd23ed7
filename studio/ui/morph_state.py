"""What a person is doing in Morph: which keyframes, in what order, at what speed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from studio.latent import EASINGS, along

CONSTANT = "constant"
SPEEDS = (*EASINGS, CONSTANT)
MOST_KEYS = 12
SECONDS = (1.0, 30.0)
MOST_ROUNDS = 6
RATES = (12, 24, 30)
LISTS = ("keys", "retiming", "pace")


@dataclass(frozen=True)
class Morph:
    """A film in the making.

    Attributes:
        keys: ids of the artworks it passes, in order; one may come twice.
        speed: a speed curve between two keyframes, or `constant`: equal steps look equally large.
        position: where the scrub bar stands, 0..1 of the film's time.
        retiming: for constant speed, places along the path at evenly spaced times.
        retimed_for: what `retiming` was measured on.
        music: what the film is made to (see studio.ui.morph_music), "" for nothing.
        round: seconds of the music, after which it goes round.
        pace: places along the path at evenly spaced times of one round, if music gives the pace.
        paced_for: what `pace` was read from.
    """

    keys: tuple[str, ...] = ()
    speed: str = "ease"
    loop: bool = False
    seconds: float = 4.0
    rate: int = 24
    position: float = 0.0
    retiming: tuple[float, ...] = ()
    retimed_for: str = ""
    music: str = ""
    round: float = 0.0
    pace: tuple[float, ...] = ()
    paced_for: str = ""

    @property
    def timing(self) -> str:
        """The speed that holds: music bends what is even to the eye."""
        return CONSTANT if self.pace else self.speed

    @property
    def rounds(self) -> int:
        """How often the music is heard: as often as comes nearest to the wanted length."""
        return min(max(round(self.seconds / self.round), 1), MOST_ROUNDS) if self.pace else 0

    @property
    def length(self) -> float:
        """Seconds of the film: with music, of its rounds."""
        return self.rounds * self.round if self.pace else self.seconds

    @property
    def frames(self) -> int:
        return max(round(self.length * self.rate), 2)

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
        if self.pace:
            heard = min(int(time * self.rounds), self.rounds - 1)
            time = (heard + along(self.pace, time * self.rounds - heard)) / self.rounds
        if self.timing != CONSTANT or len(self.retiming) < 2:
            return time
        return along(self.retiming, time)

    def to_dict(self) -> dict[str, Any]:
        lists = {name: list(getattr(self, name)) for name in LISTS}
        return {**self.__dict__, **lists}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Morph:
        lists = {name: tuple(values[name]) for name in LISTS if name in values}
        return cls(**{**values, **lists})
