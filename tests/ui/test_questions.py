"""What Rate asks: new works, now and then a doubtful answer again, and first what is liked
elsewhere."""

from __future__ import annotations

from dataclasses import replace

import pytest

from studio.medium import Recipe
from studio.settings import Settings
from studio.studio import Studio
from studio.taste import Curator
from studio.taste.doubt import BETWEEN, FEWEST, LATER
from studio.ui import elsewhere, rate
from studio.ui.questions import Question, Questions, Waiting
from studio.ui.readout import Usual
from studio.ui.session import Visit

MANY = 20


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """What is asked by chance is asked again in the next run."""
    return settings.model_copy(update={"dice_seed": 3})


@pytest.fixture
def visit(studio: Studio) -> Visit:
    return Visit(studio, studio.store.open_session(None).key, "stripes", "en")


@pytest.fixture(scope="module")
def questions() -> Questions:
    return Questions(Curator(), Usual())


def brightness(visit: Visit, question: Question) -> float:
    works = question.works(visit)
    return float(visit.generator.attributes(works)["brightness"][0])


def answer(visit: Visit, questions: Questions, question: Question, choice: object) -> str:
    said = {"question": question.id, "choice": str(choice), "aspects": {}}
    return rate.answer(visit, questions, said)


def rated(visit: Visit, questions: Questions, slip: int) -> list[Question]:
    """One who likes light works has rated MANY; the answer of number `slip` was the wrong way.

    Returns:
        What was asked meanwhile that had been asked before.
    """
    samples = questions.usual.of(visit.generator).attributes["brightness"]
    again = []
    number = 0
    while number < MANY:
        question, _, _ = questions.add(visit)
        if question.former:
            again.append(question)
            answer(visit, questions, question, "skip")
            continue
        share = float((samples < brightness(visit, question)).float().mean())
        stars = 1 + min(int(5 * share), 4)
        if number == slip:
            stars = 1 if stars >= 3 else 5
        answer(visit, questions, question, stars)
        number += 1
    return again


def stars_of(visit: Visit) -> dict[tuple[float, ...], int | None]:
    rows = visit.studio.store.ratings(visit.key, visit.medium)
    return {row.recipe.latent: row.stars for row in rows}


def test_a_slip_is_asked_again_once_and_stays_unless_it_is_changed(
    visit: Visit, questions: Questions
) -> None:
    again = rated(visit, questions, slip=2)
    assert 1 <= len(again) <= 1 + (MANY - FEWEST) // BETWEEN
    first = again[0]
    latents = [Recipe.from_dict(question.recipes[0]).latent for question in again]
    assert len(set(latents)) == len(latents)
    assert stars_of(visit)[latents[0]] == int(first.former)
    assert first.guess != int(first.former)
    assert "Still so?" in rate.asking_again(visit, first)
    assert len(stars_of(visit)) == MANY


def test_a_changed_answer_replaces_the_former_and_can_be_taken_back(
    visit: Visit, questions: Questions
) -> None:
    rated(visit, questions, slip=2)
    rows = visit.studio.store.ratings(visit.key, visit.medium)
    row = rows[-1 - LATER]
    assert row.stars is not None
    question = replace(questions._again(visit, row, [row.recipe], 3), former=str(row.stars))
    other = 1 + row.stars % 5
    for choice, expected in ((row.stars, row.stars), (other, other)):
        waiting = Waiting.of(visit)
        questions._save(visit, waiting, questions=[question])
        answer(visit, questions, question, choice)
        assert stars_of(visit)[row.recipe.latent] == expected
        assert len(stars_of(visit)) == MANY
    newest = rate.newest(visit.studio.store.ratings(visit.key, visit.medium))
    for _ in range(2):  # a wish that is sent twice is one wish
        rate.undo(visit, questions, {"newest": newest})
    assert stars_of(visit)[row.recipe.latent] == row.stars
    assert len(stars_of(visit)) == MANY


def test_what_is_liked_elsewhere_comes_first_until_it_is_not_wanted(
    visit: Visit, questions: Questions
) -> None:
    there = replace(visit, medium="painting")
    there.save(elsewhere.PROFILE, {"ratings": 30, "leanings": {"brightness": -0.8}})
    told = elsewhere.told(visit, 0)
    assert told is not None
    assert told["text"].endswith("That is what you liked under Paintings.")
    leaning = [questions.add(visit)[0] for _ in range(4)]
    rate.choose_elsewhere(visit, questions, {"wanted": False})
    assert Waiting.of(visit).questions == ()
    assert elsewhere.hint(visit, rate.Ratings.from_rows([]), questions.usual) is None
    told = elsewhere.told(visit, 0)
    assert told is not None
    assert told["text"] == ""
    usual = [questions.add(visit)[0] for _ in range(4)]

    def mean(asked: list[Question]) -> float:
        return sum(brightness(visit, question) for question in asked) / len(asked)

    assert mean(leaning) < mean(usual)
    assert elsewhere.told(visit, elsewhere.LAST) is None


def test_a_taste_is_noted_for_other_media(visit: Visit, questions: Questions) -> None:
    assert elsewhere.told(visit, 0) is None
    rated(visit, questions, slip=MANY)
    questions.add(visit)
    noted = visit.load(elsewhere.PROFILE)
    assert noted is not None
    assert noted["leanings"]["brightness"] > 0
    there = replace(visit, medium="melody")
    assert set(elsewhere.profiles(there)) == {"stripes"}
    assert elsewhere.told(there, 0) is not None


def test_what_was_rated_of_another_base_stays_with_it(studio: Studio, questions: Questions) -> None:
    """A latent is another work to another base."""
    key = studio.store.open_session(None).key
    first = Visit(studio, key, "painting", "en")
    bases = [c.version for c in studio.registry.versions("painting") if c.is_base]
    assert first.generator.version in bases and len(bases) > 1
    other = next(name for name in bases if name != first.generator.version)
    for stars in (5, 1):
        question, _, _ = questions.add(first)
        answer(first, questions, question, stars)
    assert len(first.rated()) == 2
    assert "another model" not in rate.desk(first, questions)["progress"]["text"]

    studio.store.use_version(key, "painting", other)
    second = Visit(studio, key, "painting", "en")
    assert second.rated() == []
    told = rate.desk(second, questions)["progress"]
    assert told["done"] == 0 and "another model, 2 so far" in told["text"]
    question, _, _ = questions.add(second)
    answer(second, questions, question, 3)
    assert [row.recipe.version for row in second.rated()] == [other]

    # Taken back is what the desk shows, not what is newest of all.
    studio.store.roll_back(key, "painting")
    third = Visit(studio, key, "painting", "en")
    newest = rate.desk(third, questions)["progress"]["newest"]
    rate.undo(third, questions, {"newest": newest})
    assert [row.stars for row in third.rated()] == [5]
    assert studio.store.rating_counts(key, "painting")["total"] == 2
