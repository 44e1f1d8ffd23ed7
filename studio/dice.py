"""Chance, as people meet it: a first artwork, a throw of the dice, what they are asked to rate."""

from __future__ import annotations

import secrets
from random import Random
from threading import Lock


class Dice:
    """Throws for everybody at one studio.

    With a seed, the first person to come is dealt the same throws after every start, and so is the
    second: for exhibitions that begin alike each morning, and for tests.
    """

    def __init__(self, seed: int | None = None) -> None:
        self.seed = seed
        self.people: dict[str, Random] = {}
        self.lock = Lock()

    def throw(self, key: str, sides: int) -> int:
        """0 to `sides` - 1, for the person with this key."""
        if self.seed is None:
            return secrets.randbelow(sides)
        with self.lock:
            if key not in self.people:
                self.people[key] = Random(f"{self.seed}/{len(self.people)}")
            return self.people[key].randrange(sides)
