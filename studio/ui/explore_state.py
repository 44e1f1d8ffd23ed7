"""What a person is doing in Explore: where they are, where they were, what they called things.

Plain values without a model or a screen; every change returns what it made, and everything goes to
the store and comes back as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from studio.medium import Option, pack, unpack

Latent = tuple[float, ...]

LONGEST_HISTORY = 80
LARGEST_STEP = 3.0
WILDEST = 1.5


@dataclass(frozen=True)
class Moment:
    """One place in latent space and how it was reached.

    The artwork's latent is not `base` itself but what `positions` and `wildness` make of it.

    Attributes:
        base: the latent the dials start from.
        start: where this walk began (the last seed, upload or opened artwork); a kept direction
            leads from here to where the person is.
        seed: the seed of `base` while it still is that seed's latent.
        positions: how far each direction is turned, in its standard deviations; only those turned.
        balance: how far other directions are turned besides, so that what is held stays.
        wildness: truncation: 0 is the mean of everything, 1 as learned, above 1 exaggerated.
        how: the gesture that led here.
        version: the version that was in use.
        options: the medium's decode options, only those that differ from their defaults.
        upload: the file this came from, if any: its name and how near the artwork came.
        parents: ids of the works that this walk went on from.
    """

    base: Latent
    start: Latent
    version: str
    seed: int | None = None
    positions: Mapping[str, float] = field(default_factory=dict)
    wildness: float = 1.0
    balance: Mapping[str, float] = field(default_factory=dict)
    how: str = "seed"
    options: Mapping[str, Any] = field(default_factory=dict)
    upload: Mapping[str, Any] | None = None
    parents: tuple[str, ...] = ()

    @property
    def is_untouched_seed(self) -> bool:
        is_turned = self.positions or self.balance or self.wildness != 1.0
        return self.seed is not None and not is_turned

    def turned(self, positions: Mapping[str, float], wildness: float) -> Moment:
        """With the dials at other places."""
        kept = {key: clamp(value, -LARGEST_STEP, LARGEST_STEP) for key, value in positions.items()}
        return replace(
            self,
            positions={key: value for key, value in kept.items() if value != 0},
            wildness=clamp(wildness, 0.0, WILDEST),
            how="slider",
        )

    def with_option(self, option: Option, value: Any) -> Moment:
        """With another choice; the default is not kept, so that recipes stay short."""
        clean = option.clean(value)
        options = {key: kept for key, kept in self.options.items() if key != option.key}
        if clean != option.default:
            options[option.key] = clean
        return replace(self, options=options, how="option")

    def to_dict(self) -> dict[str, Any]:
        start = None if self.start == self.base else pack(self.start)
        return {**self.__dict__, "base": pack(self.base), "start": start}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Moment:
        base = unpack(values["base"])
        start = unpack(values["start"]) if values["start"] else base
        parents = tuple(values.get("parents", ()))
        return cls(**{**values, "base": base, "start": start, "parents": parents})


@dataclass(frozen=True)
class Step:
    """A moment in the history: a number, the step before it, and a small picture of it."""

    id: int
    parent: int | None
    moment: Moment
    thumbnail: str


@dataclass(frozen=True)
class History:
    """Every moment, in the order it was made; nothing undone is thrown away.

    Undo goes to the step from which this one was made; redo comes back along the way that was
    taken last. A gesture after undo grows a new branch, and the old one stays in the strip.
    """

    steps: tuple[Step, ...] = ()
    current: int | None = None
    way_back: Mapping[int, int] = field(default_factory=dict)

    def at(self, id: int | None) -> Step | None:
        return next((step for step in self.steps if step.id == id), None)

    @property
    def present(self) -> Step | None:
        return self.at(self.current)

    def added(self, moment: Moment, thumbnail: str) -> History:
        id = 1 + max((step.id for step in self.steps), default=0)
        steps = (*self.steps, Step(id, self.current, moment, thumbnail))[-LONGEST_HISTORY:]
        way_back = dict(self.way_back)
        if self.current is not None:
            way_back[self.current] = id
        return History(steps, id, way_back)

    def amended(self, moment: Moment) -> History:
        """With this moment in the present step's place: one that looks the same."""
        steps = tuple(replace(s, moment=moment) if s.id == self.current else s for s in self.steps)
        return replace(self, steps=steps)

    def undone(self) -> History:
        """One step back; the same history if there is none."""
        before = self.at(self.present.parent) if self.present else None
        if before is None or self.current is None:
            return self
        return replace(self, current=before.id, way_back={**self.way_back, before.id: self.current})

    def redone(self) -> History:
        after = self.at(self.way_back.get(self.current)) if self.current is not None else None
        return self if after is None else replace(self, current=after.id)

    def jumped(self, id: int) -> History:
        """To any step of the strip. Undo from there goes to where that step was made from."""
        return self if self.at(id) is None else replace(self, current=id)

    @property
    def can_undo(self) -> bool:
        return self.undone() is not self

    @property
    def can_redo(self) -> bool:
        return self.redone() is not self

    def to_dict(self) -> dict[str, Any]:
        return {
            "steps": [{**step.__dict__, "moment": step.moment.to_dict()} for step in self.steps],
            "current": self.current,
            "way_back": [[before, after] for before, after in self.way_back.items()],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> History:
        steps = tuple(
            Step(**{**step, "moment": Moment.from_dict(step["moment"])}) for step in values["steps"]
        )
        return cls(steps, values["current"], {int(a): int(b) for a, b in values["way_back"]})


@dataclass(frozen=True)
class OwnDirection:
    """A direction that a person found and named.

    Attributes:
        vector: what one turn of its dial adds to a latent.
        is_listed: forgotten directions stay, unlisted: earlier moments may be made with them.
    """

    key: str
    name: str
    vector: Latent
    is_listed: bool = True

    def to_dict(self) -> dict[str, Any]:
        return {**self.__dict__, "vector": pack(self.vector)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> OwnDirection:
        return cls(**{**values, "vector": unpack(values["vector"])})


@dataclass(frozen=True)
class Desk:
    """What lies on the desk: the present moment, own directions, the neighbourhood's dials, the
    parts of the work that stay when the others are made anew, and the dials that are held.

    Attributes:
        aims: where the present work's attributes are, if dials are held; see studio.ui.held_dials.
    """

    moment: Moment
    own: tuple[OwnDirection, ...] = ()
    reach: float = 0.3
    neighbourhood: int = 0
    shows_more: bool = False
    kept_parts: tuple[int, ...] = ()
    held: tuple[str, ...] = ()
    aims: Mapping[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return {
            **self.__dict__,
            "moment": self.moment.to_dict(),
            "own": [direction.to_dict() for direction in self.own],
            "kept_parts": list(self.kept_parts),
            "held": list(self.held),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Desk:
        return cls(
            **{
                **values,
                "moment": Moment.from_dict(values["moment"]),
                "own": tuple(OwnDirection.from_dict(one) for one in values["own"]),
                "kept_parts": tuple(values.get("kept_parts", ())),
                "held": tuple(values.get("held", ())),
            }
        )

    def with_part_toggled(self, part: int) -> Desk:
        return replace(self, kept_parts=tuple(sorted({*self.kept_parts} ^ {part})))

    def with_own(self, name: str, vector: Latent) -> Desk:
        found = OwnDirection(f"own-{len(self.own) + 1}", name, vector)
        return replace(self, own=(*self.own, found))

    def with_renamed(self, key: str, name: str) -> Desk:
        own = tuple(replace(o, name=name) if o.key == key else o for o in self.own)
        return replace(self, own=own)

    def without_own(self, key: str) -> Desk:
        own = tuple(replace(o, is_listed=o.is_listed and o.key != key) for o in self.own)
        return replace(self, own=own)


def clamp(value: float, low: float, high: float) -> float:
    return min(max(float(value), low), high)
