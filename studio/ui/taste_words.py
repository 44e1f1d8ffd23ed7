"""How certain the studio is of a person's taste, as something they can picture."""

GOAL = 30
"""Ratings that make a good start; what the taste loop is measured with."""


def out_of_ten(accuracy: float) -> int:
    """Never ten: on a few dozen ratings, always right would be a promise."""
    return min(round(10 * accuracy), 9)
