"""A blind test: nothing of the order leaks, and what is said of the answers is what they say."""

from __future__ import annotations

import math
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.latent import MAX_SEED
from studio.taste.proof import CHOICES, FIRST_SEED, PAIRS, SIDES, Outcome, deal

SEEDS = st.integers(0, MAX_SEED)


@given(SEEDS)
def test_each_version_is_as_often_left_as_right(seed: int):
    pairs = deal(seed)
    assert len(pairs) == PAIRS
    assert [sum(pair.tuned == side for pair in pairs) for side in SIDES] == [PAIRS / 2] * 2
    always_left = Outcome.of(pairs, ["left"] * PAIRS)
    assert (always_left.tuned, always_left.before) == (PAIRS / 2, PAIRS / 2)


@given(SEEDS)
def test_every_pair_has_noise_of_its_own_that_nobody_has_seen(seed: int):
    first = [pair.seed for pair in deal(seed)]
    assert len(set(first)) == PAIRS
    assert all(FIRST_SEED <= each <= MAX_SEED for each in first)
    assert not {pair.seed for pair in deal(seed, seen=first[:5])} & set(first[:5])


def test_the_same_seed_deals_the_same_and_another_another():
    assert deal(7) == deal(7)
    assert deal(7) != deal(8)


def test_every_place_may_be_either_side():
    """Neither the first pair nor any other gives itself away."""
    hands = [deal(seed) for seed in range(300)]
    for place in range(PAIRS):
        lefts = sum(hand[place].tuned == "left" for hand in hands)
        assert 110 < lefts < 190


def test_answers_count_for_the_version_that_was_on_that_side():
    pairs = deal(3)
    other = {"left": "right", "right": "left"}
    answers = [pair.tuned for pair in pairs]
    answers[0] = answers[4] = "tie"
    answers[1] = other[answers[1]]
    assert Outcome.of(pairs, answers) == Outcome(tuned=9, before=1, ties=2)


def test_a_pair_without_an_answer_is_no_outcome():
    with pytest.raises(ValueError, match="shorter"):
        Outcome.of(deal(3), ["left"] * (PAIRS - 1))


@given(st.lists(st.sampled_from(CHOICES), min_size=PAIRS, max_size=PAIRS), SEEDS)
def test_who_presses_keys_by_chance_is_counted_whole(answers: list[str], seed: int):
    outcome = Outcome.of(deal(seed), answers)
    assert outcome.pairs == PAIRS
    low, high = outcome.interval
    assert 0 <= low < outcome.score / PAIRS < high <= 1 or outcome.score in (0, PAIRS)


def test_the_interval_is_wilsons():
    """Against figures of Newcombe, Two-Sided Confidence Intervals for the Single Proportion,
    1998, table I: 81 of 263, 15 of 148 and 0 of 20."""
    for won, pairs, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605)):
        found = Outcome(won, pairs - won, 0).interval
        assert found == pytest.approx((low, high), abs=1e-4)
    assert Outcome(0, 20, 0).interval == pytest.approx((0.0, 0.1611), abs=1e-4)


def test_a_verdict_is_rarely_wrong_where_there_is_no_difference():
    verdicts = {won: Outcome(won, PAIRS - won, 0).verdict for won in range(PAIRS + 1)}
    chance = {won: math.comb(PAIRS, won) / 2**PAIRS for won in verdicts}
    assert sum(chance[won] for won in verdicts if verdicts[won] == "better") < 0.025
    assert sum(chance[won] for won in verdicts if verdicts[won] == "worse") < 0.025
    assert [verdicts[won] for won in (2, 3, 9, 10)] == ["worse", "same", "same", "better"]


def test_ties_speak_for_no_difference():
    assert Outcome(2, 0, 10).verdict == "same"
    assert Outcome(9, 2, 1).score == 9.5
    assert Outcome(0, 0, 12).interval[0] == pytest.approx(1 - Outcome(0, 0, 12).interval[1])


def test_turning_the_versions_round_turns_the_verdict_round():
    opposite = {"better": "worse", "worse": "better", "same": "same"}
    for tuned, before in product(range(PAIRS + 1), repeat=2):
        if tuned + before <= PAIRS:
            ties = PAIRS - tuned - before
            there, back = Outcome(tuned, before, ties), Outcome(before, tuned, ties)
            assert back.verdict == opposite[there.verdict]


def test_a_card_says_it_and_can_be_read():
    outcome = Outcome(9, 2, 1)
    assert Outcome.from_card(outcome.to_card()) == outcome
    assert outcome.to_card()["blind_test"]["verdict"] == outcome.verdict


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        3,
        {},
        {"tuned": 1},
        {"tuned": "x", "before": 0, "ties": 0},
        {"tuned": 0, "before": 0, "ties": 0},
        {"tuned": -1, "before": 5, "ties": 0},
    ],
)
def test_what_is_no_blind_test_is_not_read_as_one(told):
    assert Outcome.from_card({"blind_test": told}) is None
    assert Outcome.from_card({}) is None
