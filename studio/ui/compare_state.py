"""What a person is comparing: which two versions, and where the sliders stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

BETWEEN, BOTH = "between", "both"
STEP = 0.1
"""Of the sliders between versions: positions that lie nearer cannot be told apart."""


@dataclass(frozen=True)
class Comparison:
    """Two versions side by side.

    Attributes:
        first, second: the versions, on the left and on the right.
        way: BETWEEN, from one to the other, or BOTH, with both at once.
        at: the place between, 0 (the first alone) to 1.
        left, right: how much both together have of each, 0 to 1.
        uncovered: of versions with no way between, the share of the first one that shows.
        job: the latest that kept something here, "" if none did since the versions were chosen.
    """

    is_open: bool = False
    first: str = ""
    second: str = ""
    way: str = BETWEEN
    at: float = 0.5
    left: float = 0.6
    right: float = 0.6
    uncovered: float = 0.5
    job: str = ""

    @property
    def weights(self) -> dict[str, float]:
        """How much of each version the sliders ask for."""
        shares = (self.left, self.right) if self.way == BOTH else (1 - self.at, self.at)
        return {v: round(s, 2) for v, s in zip((self.first, self.second), shares, strict=True)}

    def among(self, bases: Mapping[str, str]) -> Comparison:
        """With versions that there are; in place of those gone the newest, beside the newest other
        on its base.

        Args:
            bases: the base of each version there is, the oldest first.
        """
        if len(bases) < 2:
            return replace(self, is_open=False)
        newest = list(bases)[::-1]
        first, second = (v if v in bases else "" for v in (self.first, self.second))
        second = second or next(v for v in newest if v != first)
        others = [v for v in newest if v != second]
        akin = [v for v in others if bases[v] == bases[second]]
        return replace(self, first=first or (akin or others)[0], second=second)

    def chosen(self, side: str, version: str) -> Comparison:
        """With another version on a side; the one that is on the other already changes places."""
        other = "second" if side == "first" else "first"
        placed: dict[str, Any] = {side: version}
        if version == getattr(self, other):
            placed[other] = getattr(self, side)
        return replace(self, **placed, job="")

    def moved(self, slider: str, value: float) -> Comparison:
        """With `at`, `left`, `right` or `uncovered` somewhere else."""
        if slider not in ("at", "left", "right", "uncovered"):
            return self
        step = 0.01 if slider == "uncovered" else STEP
        place = min(max(round(value / step) * step, 0.0), 1.0)
        placed: dict[str, Any] = {slider: round(place, 2)}
        return replace(self, **placed)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Comparison:
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})
