"""Duets without a browser: what both see, what they keep, and who may leave when."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from studio.errors import NotFound
from studio.latent import slerp
from studio.medium import LOCAL, Artwork, Medium, Recipe, get_medium
from studio.painting import places
from studio.store import DuetRow
from studio.studio import Studio
from studio.ui import duet, room, together
from studio.ui.session import Visit
from studio.ui.walk import Walk, store_artwork


def somebody(studio: Studio, medium: str) -> Visit:
    return Visit(studio, studio.store.open_session(None).key, medium, "en")


def in_room(studio: Studio, medium: str) -> tuple[Visit, Visit]:
    ada, bo = somebody(studio, medium), somebody(studio, medium)
    together.create(ada, {"title": "Evening", "name": "Ada", "colour": "teal"})
    token = room.mine(ada).token
    together.join(bo, {"room": token, "name": "<b>Bo</b>", "colour": "blue"})
    return ada, bo


@pytest.fixture
def ada_and_bo(studio: Studio) -> tuple[Visit, Visit]:
    return in_room(studio, "stripes")


def own(visit: Visit) -> DuetRow:
    return duet.own(visit, room.mine(visit))


def play(ada: Visit, bo: Visit) -> DuetRow:
    duet.begin(ada, {})
    [waiting] = duet.all_of(bo, room.mine(bo))
    duet.put(bo, {"duet": str(waiting.id)})
    return own(ada)


def move(visit: Visit, value: object) -> dict:
    said = {"do": "mix", "duet": str(own(visit).id), "value": value}
    return duet.mix(visit, {"gestures": [said]})


def heard(visit: Visit, **said: object) -> tuple[dict, dict]:
    return duet.heard(visit, room.mine(visit), said)


def latent_of(artwork: Artwork) -> torch.Tensor:
    assert artwork.recipe is not None
    return torch.tensor(artwork.recipe.latent)


def test_a_duet_of_any_medium_lies_between_two_works(studio: Studio, medium: Medium) -> None:
    ada, bo = in_room(studio, medium.name)
    playing = play(ada, bo)
    first, second = (torch.tensor(side.recipe.latent) for side in playing.sides)
    assert not torch.equal(first, second)
    mean = studio.registry.use(medium.name).statistics.mean
    for position in (0.0, 1.0, 0.3):
        shown = move(ada, position)
        mixed = duet.mixture(bo, own(bo))
        expected = slerp(first, second, position, mean)
        torch.testing.assert_close(latent_of(mixed), expected, atol=1e-4, rtol=1e-4)
        # The other one's page hears of it, and sees the same.
        answer, parts = heard(bo, duet=duet.stamp(duet.all_of(bo, room.mine(bo))), mix=0)
        assert parts == {} and answer["mix"]["html"] == shown["html"]
        assert answer["mix"]["position"] == position
    duet.keep(bo, {})
    kept = studio.store.rooms.works(ada.key, room.mine(ada).token)[0]
    works = {side.work for side in playing.sides}
    assert kept.recipe.how == "duet" and set(kept.recipe.parents) == works == set(kept.parents)


def test_what_a_hand_shaped_comes_and_goes_with_its_work(studio: Studio) -> None:
    ada, bo = in_room(studio, "painting")
    plain = Walk(ada).artwork().recipe
    assert plain is not None
    away = torch.linspace(-1, 1, 16 * len(plain.latent)).view(4, 4, -1)
    recipe = plain.with_(options={LOCAL: places.written(away)})
    duet.begin(ada, {"id": studio.store.keep_artwork(ada.key, recipe, "<img>", kept=True)})
    [waiting] = duet.all_of(bo, room.mine(bo))
    duet.put(bo, {"duet": str(waiting.id)})
    for position in (0.0, 0.25):
        move(bo, position)
        mixed = places.of(duet.mixture(ada, own(ada)).options, len(plain.latent))
        assert mixed is not None
        torch.testing.assert_close(mixed, (1 - position) * away, atol=1e-3, rtol=1e-3)
    move(bo, 1.0)
    assert LOCAL not in duet.mixture(ada, own(ada)).options


def test_a_page_that_knows_everything_hears_nothing(ada_and_bo: tuple[Visit, Visit]) -> None:
    ada, bo = ada_and_bo
    playing = play(ada, bo)
    stamp = duet.stamp(duet.all_of(bo, room.mine(bo)))
    assert heard(bo, duet=stamp, mix=playing.revision) == ({}, {})
    move(ada, 0.2)
    answer, parts = heard(bo, duet=stamp, mix=playing.revision)
    assert answer["mix"]["revision"] > playing.revision and parts == {}
    duet.leave(ada, {})
    _, parts = heard(bo, duet=stamp, mix=0)
    assert "left; the work stays" in parts["duet"]


def test_names_are_text_only(ada_and_bo: tuple[Visit, Visit]) -> None:
    ada, bo = ada_and_bo
    duet.begin(bo, {})
    assert "<b>Bo" not in together.draw(ada)
    play(bo, ada)
    for visit in (ada, bo):
        assert "<b>Bo" not in together.draw(visit) + move(visit, 0.4)["html"]


def test_a_work_of_ones_own_can_be_put_in(ada_and_bo: tuple[Visit, Visit]) -> None:
    ada, bo = ada_and_bo
    playing = play(ada, bo)
    walk = Walk(bo)
    walk.go(walk.newest.from_seed(99, 1.0))
    kept = store_artwork(bo, walk.artwork(), kept=True)
    assert f'data-id="{kept}" data-duet="{playing.id}"' in together.draw(bo)
    duet.put(bo, {"duet": str(playing.id), "id": kept})
    assert [side.work for side in own(ada).sides] == [playing.sides[0].work, kept]
    with pytest.raises(NotFound, match="not among yours"):
        duet.put(ada, {"duet": str(playing.id), "id": kept})


def test_works_of_different_models_are_not_mixed(ada_and_bo: tuple[Visit, Visit]) -> None:
    ada, bo = ada_and_bo
    duet.begin(ada, {})
    latent = Walk(bo).artwork().recipe.latent
    foreign = bo.studio.store.keep_artwork(bo.key, Recipe("stripes", "other", latent), "<img>")
    with pytest.raises(duet.BadDuet, match="different models"):
        duet.put(bo, {"duet": str(own(ada).id), "id": foreign})
    assert len(own(ada).sides) == 1


def test_what_explore_shows_of_the_duets_medium_is_put_in(studio: Studio) -> None:
    ada, bo = in_room(studio, "stripes")
    duet.begin(ada, {})
    elsewhere = replace(bo, medium="painting")
    duet.put(elsewhere, {"duet": str(own(ada).id)})
    assert [side.recipe.medium for side in own(ada).sides] == ["stripes", "stripes"]


def test_a_version_that_is_gone_is_told_in_its_place(ada_and_bo: tuple[Visit, Visit]) -> None:
    ada, _ = ada_and_bo
    latent = Walk(ada).artwork().recipe.latent
    lost = ada.studio.store.keep_artwork(ada.key, Recipe("stripes", "lost", latent), "<img>")
    duet.begin(ada, {"id": lost})
    assert "no version" in together.draw(ada)


@pytest.mark.parametrize("value", ["far", None, float("nan"), {}])
def test_a_place_that_is_none_moves_nothing(ada_and_bo: tuple[Visit, Visit], value: object) -> None:
    ada, bo = ada_and_bo
    before = play(ada, bo)
    # It is told, and the script hears that it came.
    assert set(move(ada, value)) == {"stamp"}
    assert own(ada).position == before.position


def test_a_closed_room_has_no_duets(ada_and_bo: tuple[Visit, Visit]) -> None:
    ada, bo = ada_and_bo
    play(ada, bo)
    together.close(ada, {})
    assert "duet" not in together.draw(bo)
    assert set(move_in(bo, 1)) == {"stamp"}


def move_in(visit: Visit, number: int) -> dict:
    return duet.mix(visit, {"gestures": [{"do": "mix", "duet": str(number), "value": 0.5}]})


def test_the_words_of_a_mixture_name_both(ada_and_bo: tuple[Visit, Visit]) -> None:
    ada, bo = ada_and_bo
    play(ada, bo)
    said = move(ada, 0.25)["said"]
    assert said == "75 % Ada, 25 % <b>Bo</b>"
    assert get_medium("stripes").name in together.draw(ada)
