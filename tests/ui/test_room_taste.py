"""A room's taste without a browser: what teaches it, who may use it, and what nobody learns."""

from __future__ import annotations

import time

import pytest
import torch

from studio.errors import NotEnoughRatings, NotFound
from studio.latent import noise_from_seeds
from studio.store import JobRow
from studio.studio import Studio
from studio.taste import Curator, climb, finetune
from studio.taste.reward import FEWEST
from studio.ui import lesson, rate, room, room_taste, together, versions
from studio.ui.panel import text
from studio.ui.questions import Questions, Waiting
from studio.ui.readout import Usual
from studio.ui.room_taste import BadRoomTaste, RoomVisit
from studio.ui.session import Visit

MEDIUM = "stripes"
RATED = 24
ROUNDS = 2
UNHURRIED = 3600.0
PATIENCE_SECONDS = 120


@pytest.fixture(autouse=True)
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finetune, "MOST_ROUNDS", ROUNDS)
    monkeypatch.setattr(climb.Climb, "least_rounds", ROUNDS)
    monkeypatch.setattr(climb, "ROUND_SECONDS", UNHURRIED)


def somebody(studio: Studio) -> Visit:
    return Visit(studio, studio.store.open_session(None).key, MEDIUM, "en")


@pytest.fixture
def ada(studio: Studio) -> Visit:
    visit = somebody(studio)
    together.create(visit, {"title": "Evening", "name": "Ada", "colour": "teal"})
    return visit


@pytest.fixture
def bo(studio: Studio, ada: Visit) -> Visit:
    visit = somebody(studio)
    said = {"room": room.mine(ada).token, "name": "Bo", "colour": "blue"}
    together.join(visit, said)
    return visit


def allow(visit: Visit) -> None:
    room_taste.allow(visit, {"allows": "yes"})


def rates(visit: Visit, seeds: range, room_token: str | None) -> None:
    """The stars of somebody who likes warm colours."""
    generator = visit.studio.registry.use(MEDIUM)
    works = generator.decode(generator.map(noise_from_seeds(seeds)))
    order = generator.attributes(works)["warmth"].argsort().argsort()
    for work, place in zip(works, order.tolist(), strict=True):
        assert work.recipe is not None
        artwork = visit.studio.store.keep_artwork(visit.key, work.recipe, "")
        stars = 1 + 5 * place // len(seeds)
        visit.studio.store.rate(visit.key, artwork, stars=stars, room=room_token)


def both_rate(ada: Visit, bo: Visit) -> None:
    token = room.mine(ada).token
    for visit, seeds in ((ada, range(RATED)), (bo, range(100, 100 + RATED))):
        allow(visit)
        rates(visit, seeds, token)


def finished(learner: RoomVisit) -> JobRow:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (job := lesson.latest(learner)) is None or not job.is_finished:
        assert time.monotonic() < deadline, "the lesson never ended"
        time.sleep(0.01)
    assert job.status == "done", job
    return job


def taught(visit: Visit) -> str:
    """The version of a lesson that this person begins and takes."""
    room_taste.teach(visit, {})
    version = str(finished(room_taste.pupil(visit)).result["version"])
    room_taste.accept(visit, {"anyway": "yes"})
    return version


def reach(visit: Visit) -> list[str]:
    return [checkpoint.version for checkpoint in versions.within_reach(visit)]


def test_what_two_people_like_teaches_a_version_for_those_in_the_room(
    studio: Studio, ada: Visit, bo: Visit
) -> None:
    both_rate(ada, bo)
    assert f"People: 2, ratings: {2 * RATED}" in together.draw(bo)
    room_taste.teach(ada, {})
    version = str(finished(room_taste.pupil(bo)).result["version"])
    # Before somebody takes it, both see what it would change, and nobody has it.
    for visit in (ada, bo):
        assert "Before and after" in together.draw(visit)
        assert version not in reach(visit)
    room_taste.accept(bo, {"anyway": "yes"})
    stranger = somebody(studio)
    assert version not in reach(stranger)
    with pytest.raises(NotFound):
        versions.use(stranger, version)
    for visit in (ada, bo):
        assert version in reach(visit)
        assert versions.title(visit, version) == "The taste of “Evening” 1"
        assert f"people who taught it: 2, ratings: {2 * RATED}" in together.draw(visit)
        # It is used by whoever wants to.
        assert versions.in_use(visit) == "base"
        versions.choose(visit, {"version": version})
        assert visit.studio.store.current_version(visit.key, MEDIUM) == version
        together.beat(visit, {"tab": "together"})
    assert together.draw(bo).count(text("the room's taste")) == 2
    card = studio.registry.checkpoints.find(MEDIUM, version).card
    assert (card["people"], card["ratings"]) == (2, 2 * RATED)
    # It is no work of one's own that one could take along.
    with pytest.raises(NotFound):
        versions.file_of(ada, version)
    versions.choose(ada, {"version": version})
    together.leave(ada, {})
    assert version not in reach(ada)
    assert versions.in_use(ada) == "base"
    assert versions.in_use(bo) == version


def test_each_persons_stars_are_of_their_own_scale(ada: Visit, bo: Visit) -> None:
    both_rate(ada, bo)
    learner = room_taste.pupil(ada)
    pooled = learner.ratings()
    assert len(pooled) == 2 * RATED and set(pooled.raters) == {0, 1}
    assert pooled.latents.shape[0] == len({tuple(row) for row in pooled.latents.tolist()})
    # Whoever asks, the room learns from the same.
    torch.testing.assert_close(pooled.latents, room_taste.pupil(bo).ratings().latents)


def test_the_next_lesson_goes_on_from_the_first(ada: Visit, bo: Visit) -> None:
    both_rate(ada, bo)
    first = taught(ada)
    assert room_taste.pupil(bo).generator.version == first
    second = taught(bo)
    card = ada.studio.registry.checkpoints.find(MEDIUM, second).card
    assert card["parent"] == first
    assert versions.title(ada, second) == "The taste of “Evening” 2"


def test_private_ratings_and_those_of_one_alone_teach_nothing(ada: Visit, bo: Visit) -> None:
    token = room.mine(ada).token
    allow(ada)
    rates(ada, range(RATED), None)
    rates(bo, range(RATED), token)  # has not allowed it
    assert room_taste.pupil(ada).people() == []
    rates(ada, range(RATED), token)
    with pytest.raises(BadRoomTaste, match="two people"):
        room_taste.teach(ada, {})
    assert "A room learns from two people at the least" in together.draw(bo)
    assert lesson.latest(room_taste.pupil(ada)) is None


def test_too_few_ratings_are_told(ada: Visit, bo: Visit) -> None:
    token = room.mine(ada).token
    for visit in (ada, bo):
        allow(visit)
        rates(visit, range(2), token)
    assert f"{FEWEST} ratings are the least" in together.draw(ada)
    with pytest.raises(NotEnoughRatings):
        room_taste.teach(ada, {})


def test_nobody_sees_how_another_rated(ada: Visit, bo: Visit) -> None:
    together.share_explore(ada, {})
    [work] = ada.studio.store.rooms.works(ada.key, room.mine(ada).token)
    allow(ada)
    before = together.draw(bo)
    room_taste.rate(ada, {"id": work.id, "stars": "2"})
    counted = together.draw(bo)
    room_taste.rate(ada, {"id": work.id, "stars": "5"})
    # That somebody rated is seen, and nothing else.
    assert "People: 1, ratings: 1" in counted and "People: 0, ratings: 0" in before
    assert together.draw(bo) == counted
    [[row]] = room_taste.pupil(bo).people()
    assert row.stars == 5
    # It is one's own rating, of a copy of one's own.
    assert [rating.stars for rating in ada.rated()] == [5]


def test_only_works_of_the_room_are_rated_there(ada: Visit, bo: Visit) -> None:
    with pytest.raises(NotFound):
        room_taste.rate(ada, {"id": "x" * 32, "stars": "4"})


def test_rate_says_that_it_teaches_the_room_and_does(ada: Visit, bo: Visit) -> None:
    questions = Questions(Curator(), Usual())
    note = "teaches the room “Evening” too"
    assert note not in rate.progress(ada, 3)
    allow(ada)
    assert note in rate.progress(ada, 3)
    questions.refresh(ada)
    question, _, _ = questions.add(ada)
    assert Waiting.of(ada).find(question.id) is not None
    said = {"question": question.id, "choice": "4", "aspects": {}}
    rate.answer(ada, questions, said)
    assert [[row.stars for row in rows] for rows in room_taste.pupil(bo).people()] == [[4]]
    room_taste.allow(ada, {"allows": "no"})
    assert note not in rate.progress(ada, 3)
    assert room_taste.pupil(bo).people() == []


def test_a_lesson_is_stopped_or_discarded_by_anybody_in_the_room(ada: Visit, bo: Visit) -> None:
    both_rate(ada, bo)
    room_taste.teach(ada, {})
    version = str(finished(room_taste.pupil(ada)).result["version"])
    room_taste.discard(bo, {})
    assert "Before and after" not in together.draw(ada)
    with pytest.raises(NotFound):
        ada.studio.registry.checkpoints.find(MEDIUM, version)
    stranger = somebody(ada.studio)
    for act in (room_taste.teach, room_taste.accept, room_taste.allow):
        with pytest.raises(NotFound, match="not in this room"):
            act(stranger, {"allows": "yes"})


def test_a_closed_room_is_taught_no_more_and_keeps_what_it_knows(ada: Visit, bo: Visit) -> None:
    both_rate(ada, bo)
    version = taught(ada)
    together.close(ada, {})
    with pytest.raises(BadRoomTaste, match="closed"):
        room_taste.teach(bo, {})
    assert version in reach(bo)
    assert "The taste of “Evening” 1" in together.draw(bo)
