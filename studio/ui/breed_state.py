"""What a person is breeding: parents, their litter, who of it is chosen, and what came before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

LITTER = 9
MOST_PARENTS = 4
REMEMBERED = 40
"""Generations that one can walk back."""


@dataclass(frozen=True)
class Breeding:
    """One family as far as it has come.

    Attributes:
        parents: ids of artworks; the first lends what all children keep.
        seed: of the litter; None: there is none yet.
        mutation: how far children stray from what they inherit, in standard deviations.
        held: names of directions in which every child is like the first parent.
        traits: by their names, where those lie along the parents that are not left to chance: 0 is
            the first parent, 1 the second.
        chosen: places in the litter, 0 to LITTER - 1.
        before: parents and seed of each earlier generation, the oldest first.
    """

    parents: tuple[str, ...] = ()
    seed: int | None = None
    mutation: float = 0.3
    held: tuple[str, ...] = ()
    chosen: tuple[int, ...] = ()
    before: tuple[tuple[tuple[str, ...], int], ...] = ()
    traits: Mapping[str, float] = field(default_factory=dict)

    @property
    def generation(self) -> int:
        """Counted from 1."""
        return len(self.before) + 1

    def with_parent(self, id: str) -> Breeding:
        if id in self.parents or len(self.parents) >= MOST_PARENTS:
            return self
        return replace(self, parents=(*self.parents, id), chosen=())

    def without_parent(self, id: str) -> Breeding:
        """Without parents there is no litter; what was to come from which of them is forgotten."""
        left = tuple(parent for parent in self.parents if parent != id)
        if left == self.parents:
            return self
        seed = self.seed if left else None
        return replace(self, parents=left, chosen=(), seed=seed, traits={})

    def toggled(self, place: int) -> Breeding:
        """One of the litter chosen, or not any more; at most as many as may be parents."""
        if place in self.chosen:
            return replace(self, chosen=tuple(one for one in self.chosen if one != place))
        is_there = self.seed is not None and 0 <= place < LITTER
        if not is_there or len(self.chosen) >= MOST_PARENTS:
            return self
        return replace(self, chosen=(*self.chosen, place))

    def holding(self, name: str) -> Breeding:
        """A direction held, or let go."""
        if name in self.held:
            return replace(self, held=tuple(one for one in self.held if one != name))
        return replace(self, held=(*self.held, name))

    def taking(self, trait: str, place: float | None) -> Breeding:
        """A trait from a place along the parents; None: by chance."""
        others = {name: at for name, at in self.traits.items() if name != trait}
        if place is not None:
            others[trait] = place
        return replace(self, traits=others, chosen=())

    def thrown(self, seed: int) -> Breeding:
        """Another litter of the same parents."""
        return replace(self, seed=seed, chosen=()) if self.parents else self

    def next_generation(self, parents: Sequence[str], seed: int) -> Breeding:
        """The chosen of the litter become parents."""
        if self.seed is None:
            return self
        before = (*self.before, (self.parents, self.seed))[-REMEMBERED:]
        heirs = replace(self, parents=tuple(parents), seed=seed, before=before)
        return replace(heirs, chosen=(), traits={})

    def back_to(self, generation: int) -> Breeding:
        """As it was in an earlier generation, counted from 1; those after it are forgotten."""
        if not 1 <= generation < self.generation:
            return self
        parents, seed = self.before[generation - 1]
        before = self.before[: generation - 1]
        return replace(self, parents=parents, seed=seed, chosen=(), traits={}, before=before)

    def among(self, known: Sequence[str]) -> Breeding:
        """Without parents that are gone."""
        missing = [parent for parent in self.parents if parent not in known]
        state = self
        for parent in missing:
            state = state.without_parent(parent)
        return state

    def to_dict(self) -> dict[str, Any]:
        before = [[list(parents), seed] for parents, seed in self.before]
        return {
            **self.__dict__,
            "parents": list(self.parents),
            "held": list(self.held),
            "chosen": list(self.chosen),
            "before": before,
            "traits": dict(self.traits),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Breeding:
        return cls(
            tuple(values["parents"]),
            values["seed"],
            float(values["mutation"]),
            tuple(values["held"]),
            tuple(values["chosen"]),
            tuple((tuple(parents), seed) for parents, seed in values["before"]),
            dict(values.get("traits", {})),
        )
