"""How a melody is to be heard: what an artist chooses beside its notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from studio.medium import Option
from studio.melody.grid import METER_NAMES
from studio.melody.keys import SCALES, TONICS

LONGEST = 4
"""Phrases in one melody."""
FOUND = "found"
"""As the generator found it."""
INSTRUMENTS = {
    "flute": 73,
    "recorder": 74,
    "whistle": 78,
    "clarinet": 71,
    "trumpet": 56,
    "violin": 40,
    "cello": 42,
    "accordion": 21,
    "guitar": 24,
    "harp": 46,
    "piano": 0,
    "musicbox": 10,
}
"""General MIDI programs, from 0."""
# Of a group of eight programs that holds none of INSTRUMENTS: basses, string and vocal ensembles.
KINDRED = {4: "guitar", 6: "violin"}
TEMPI = {"4/4": 112.0, "3/4": 126.0, "6/8": 144.0}
"""A meter's own tempo, quarters a minute."""
SLOWEST, FASTEST = 40.0, 240.0
# A slider has no place beside its numbers for "as usual", so its left end is that: one goes there
# without aiming, and the slowest tempo begins well away from it.
OWN_TEMPO_BELOW = 30.0

OPTIONS: Sequence[Option] = (
    Option("meter", FOUND, (FOUND, *METER_NAMES)),
    Option("mode", FOUND, (FOUND, *SCALES)),
    Option("key", TONICS[0], TONICS),
    Option("tempo", 0.0, least=0.0, most=FASTEST, step=1.0),
    Option("feel", "straight", ("straight", "swing", "lilt")),
    Option("humanise", 0.0, step=0.05),
    Option("instrument", "flute", tuple(INSTRUMENTS)),
    Option("accompaniment", "none", ("none", "chords", "arpeggio", "drone")),
)


@dataclass(frozen=True)
class Settings:
    """The values of OPTIONS.

    Attributes:
        meter: asked of the generator; mode: one of SCALES; either may be FOUND.
        key: the tonic that is heard, one of TONICS.
        tempo: quarters a minute, 0 for the meter's own.
        feel: of pairs of short notes; humanise: 0 for exactly on the grid, to 1.
        instrument: one of INSTRUMENTS; accompaniment: what plays along.
    """

    meter: str = FOUND
    mode: str = FOUND
    key: str = TONICS[0]
    tempo: float = 0.0
    feel: str = "straight"
    humanise: float = 0.0
    instrument: str = "flute"
    accompaniment: str = "none"

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Settings:
        """What came from a browser or a file: the nearest values there are; strangers are left
        out."""
        values: dict[str, Any] = {
            option.key: option.clean(options[option.key])
            for option in OPTIONS
            if option.key in options
        }
        tempo = values.get("tempo", 0.0)
        if tempo:
            values["tempo"] = 0.0 if tempo < OWN_TEMPO_BELOW else max(tempo, SLOWEST)
        return cls(**values)

    def to_options(self) -> dict[str, str | float]:
        """What differs from the defaults, for a recipe."""
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if getattr(self, field.name) != field.default
        }

    def tempo_in(self, meter: str) -> float:
        """Quarters a minute."""
        return self.tempo or TEMPI[meter]


def nearest_instrument(program: int) -> str:
    """The one of INSTRUMENTS that is most like a General MIDI program: of its group of eight the
    nearest, and a flute where the group has none."""
    family = program // 8
    alike = {name: n for name, n in INSTRUMENTS.items() if n // 8 == family}
    if not alike:
        return KINDRED.get(family, "flute")
    return min(alike, key=lambda name: abs(alike[name] - program))
