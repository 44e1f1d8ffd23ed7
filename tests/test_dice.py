"""Dice with a seed fall alike after every start, and otherwise for each person."""

from studio.dice import Dice


def throws(dice: Dice, *keys: str) -> list[int]:
    return [dice.throw(key, 1_000_000) for key in keys]


def test_with_a_seed_the_same_people_meet_the_same_chance():
    first = throws(Dice(7), "a", "a", "b", "a")
    assert first == throws(Dice(7), "x", "x", "y", "x")
    assert first[:3] == throws(Dice(7), "x", "x", "y")
    assert len(set(first)) == 4 and first != throws(Dice(8), "a", "a", "b", "a")


def test_what_others_do_does_not_matter():
    alone, together = Dice(7), Dice(7)
    assert throws(alone, "a", "a", "a") == throws(together, "a", "b", "a", "b", "a")[::2]


def test_without_one_chance_is_chance():
    assert throws(Dice(), "a", "a", "a") != throws(Dice(), "a", "a", "a")
