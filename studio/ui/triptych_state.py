"""What hangs in the triptych that is open, remembered with the medium of the work that leads."""

from __future__ import annotations

from typing import Any

from studio.medium import Recipe
from studio.triptych import can_lead, panels, seed_of
from studio.ui.session import Visit

STATE = "triptych"


def state(visit: Visit) -> dict[str, Any]:
    """{"lead": its medium, "hung": {medium: {"recipe": …, "seed": …, "locked": …}}}; empty while
    none is open. The recipe of a work that is still to be made is None."""
    return visit.load(STATE) or {}


def hang(visit: Visit, recipe: Recipe, work: str) -> None:
    """Open the triptych of a work of the visit's medium, whose id is `work`.

    Raises:
        NotFound: there is none for this medium.
    """
    seed = seed_of(recipe)
    hung: dict[str, dict[str, Any]] = {
        name: {"recipe": None, "seed": seed, "locked": False}
        for name in panels(visit.medium, visit.language)
    }
    hung[visit.medium]["recipe"] = recipe.to_dict()
    visit.save(STATE, {"lead": visit.medium, "work": work, "hung": hung})


def is_offered(visit: Visit) -> bool:
    return can_lead(visit.medium, visit.language)


def is_open(visit: Visit) -> bool:
    return bool(state(visit))


def close(visit: Visit) -> None:
    visit.save(STATE, {})
