"""Breeding: parents, litters that come again, and a family that one can walk back."""

from __future__ import annotations

import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from studio.latent import level, noise_from_seeds
from studio.store import ArtworkRow
from studio.studio import Studio
from studio.ui import breed
from studio.ui.breed_state import LITTER, MOST_PARENTS, REMEMBERED, Breeding
from studio.ui.session import Visit
from studio.ui.walk import OPEN


@pytest.fixture
def visit(studio: Studio) -> Visit:
    return Visit(studio, studio.store.open_session(None).key, "stripes", "en")


@pytest.fixture
def parents(visit: Visit) -> list[ArtworkRow]:
    """Three works on the shelf, all of them parents."""
    generator = visit.generator
    found = []
    for work in generator.decode(generator.map(noise_from_seeds([1, 2, 3]))):
        assert work.recipe is not None
        id = visit.studio.store.keep_artwork(visit.key, work.recipe, work.thumbnail(), pinned=True)
        breed.add(visit, {"id": id})
        row = visit.studio.store.artwork(id)
        assert row is not None
        found.append(row)
    return found


def latents(visit: Visit) -> torch.Tensor:
    state = breed.load(visit)
    works = breed.litter(visit, state, breed.parents_of(visit, state))
    return torch.tensor([work.recipe.latent for work in works if work.recipe])


def test_an_empty_shelf_says_what_to_do(visit: Visit) -> None:
    assert "Nobody to breed yet" in breed.draw(visit)


def test_nine_children_come_and_come_again(visit: Visit, parents: list[ArtworkRow]) -> None:
    assert "Show their children" in breed.draw(visit)
    breed.again(visit, {})
    once, twice = breed.draw(visit), breed.draw(visit)
    assert once == twice
    assert len(re.findall('class="breed-face"', once)) == LITTER
    first = latents(visit)
    breed.again(visit, {})
    assert not torch.allclose(latents(visit), first)


def test_without_chance_every_trait_is_a_parents(visit: Visit, parents: list[ArtworkRow]) -> None:
    breed.mutation(visit, {"value": "0"})
    breed.again(visit, {})
    statistics = visit.generator.statistics
    traits = (latents(visit) - statistics.mean) @ statistics.axes.T
    theirs = torch.stack(
        [(torch.tensor(row.recipe.latent) - statistics.mean) @ statistics.axes.T for row in parents]
    )
    nearest = (traits[:, None] - theirs).abs().amin(1)
    assert nearest.max() < 1e-3
    breed.mutation(visit, {"value": "9"})
    assert breed.load(visit).mutation == breed.MOST_MUTATION
    nearest = (
        (((latents(visit) - statistics.mean) @ statistics.axes.T)[:, None] - theirs).abs().amin(1)
    )
    assert nearest.max() > 0.1


def test_what_is_held_is_as_the_first_parent_has_it(
    visit: Visit, parents: list[ArtworkRow]
) -> None:
    held = visit.generator.directions[0]
    vector = torch.tensor(held.vector)
    breed.again(visit, {})
    loose = (latents(visit) @ vector).std()
    breed.hold(visit, {"name": held.key})
    firm = latents(visit) @ vector
    assert loose > 10 * firm.std()
    assert torch.allclose(firm, torch.tensor(parents[0].recipe.latent) @ vector, atol=1e-3)
    breed.hold(visit, {"name": "nothing that there is"})
    assert breed.load(visit).held == (held.key,)


def test_the_chosen_become_parents_and_the_way_back_stays(
    visit: Visit, parents: list[ArtworkRow]
) -> None:
    breed.again(visit, {})
    breed.onward(visit, {})
    assert breed.load(visit).generation == 1
    for place in (2, 5, 5, 7):
        breed.choose(visit, {"place": str(place)})
    before = latents(visit)
    breed.onward(visit, {})
    state = breed.load(visit)
    assert state.generation == 2
    second = breed.parents_of(visit, state)
    assert torch.allclose(torch.tensor([row.recipe.latent for row in second]), before[[2, 7]])
    for row in second:
        assert row.recipe.how == "breed"
        assert set(row.recipe.parents) == {parent.id for parent in parents}
    assert "Back to generation 1" in breed.draw(visit)
    breed.back(visit, {"generation": "1"})
    assert breed.load(visit).parents == tuple(parent.id for parent in parents)
    assert torch.equal(latents(visit), before)


def test_a_child_is_kept_pinned_and_taken_to_explore(
    visit: Visit, parents: list[ArtworkRow]
) -> None:
    breed.again(visit, {})
    wanted = tuple(latents(visit)[4].tolist())
    breed.keep(visit, {"place": "4"})
    breed.pin(visit, {"place": "4"})
    [kept] = visit.studio.store.artworks(visit.key, "stripes", kept=True)
    assert kept.recipe.latent == wanted and kept.pinned
    assert "tab-explore-button" in (breed.go_on(visit, {"place": "4"}) or "")
    assert (visit.load(OPEN) or {})["recipe"]["how"] == "breed"
    for place in ("-1", "9"):
        assert breed.go_on(visit, {"place": place}) is None


def test_somebody_elses_shelf_is_not_offered(studio: Studio, parents: list[ArtworkRow]) -> None:
    other = Visit(studio, studio.store.open_session(None).key, "stripes", "en")
    assert "Nobody to breed yet" in breed.draw(other)


gestures = st.lists(
    st.one_of(
        st.tuples(st.just("with_parent"), st.sampled_from("abcdef")),
        st.tuples(st.just("without_parent"), st.sampled_from("abcdef")),
        st.tuples(st.just("toggled"), st.integers(-2, 11)),
        st.tuples(st.just("holding"), st.sampled_from("xy")),
        st.tuples(st.just("thrown"), st.integers(0, 9)),
        st.tuples(st.just("back_to"), st.integers(-1, 5)),
        st.tuples(st.just("next_generation"), st.just(("g", "h"))),
    )
)


@given(gestures)
def test_whatever_is_pressed_the_family_stays_one(pressed: list) -> None:
    state = Breeding()
    for name, value in pressed:
        arguments = (value, 3) if name == "next_generation" else (value,)
        state = getattr(state, name)(*arguments)
        assert len(state.parents) <= MOST_PARENTS and len(set(state.parents)) == len(state.parents)
        assert len(state.chosen) <= MOST_PARENTS
        assert all(0 <= place < LITTER for place in state.chosen)
        assert state.parents or (state.seed is None and not state.chosen)
        assert len(state.before) <= REMEMBERED
        assert Breeding.from_dict(state.to_dict()) == state


def test_level_moves_no_farther_than_it_must() -> None:
    rng = torch.Generator().manual_seed(0)
    latents, like = torch.randn(20, 8, generator=rng), torch.randn(8, generator=rng)
    vectors = torch.randn(2, 8, generator=rng)
    there = level(latents, like, vectors.tolist())
    assert torch.allclose(there @ vectors.T, (like @ vectors.T).expand(20, 2), atol=1e-4)
    moved = there - latents
    rest = moved - moved @ torch.linalg.pinv(vectors) @ vectors
    assert rest.norm() < 1e-3
    assert level(latents, like, []) is latents


def test_a_trait_is_taken_from_one_parent(studio: Studio) -> None:
    visit = Visit(studio, studio.store.open_session(None).key, "melody", "en")
    generator = visit.generator
    works = generator.decode(generator.map(noise_from_seeds([1, 2])))
    for work in works:
        assert work.recipe is not None
        id = visit.studio.store.keep_artwork(visit.key, work.recipe, work.thumbnail(), pinned=True)
        assert "breed-trait" not in breed.draw(visit)
        breed.add(visit, {"id": id})
    breed.mutation(visit, {"value": 0})
    breed.again(visit, {})
    assert "Rhythm: by chance" in breed.draw(visit)
    chance = latents(visit)
    breed.trait(visit, {"name": "rhythm", "value": "1"})
    breed.trait(visit, {"name": "pitches", "value": "1"})
    breed.trait(visit, {"name": "shoe size", "value": "1"})
    assert breed.load(visit).traits == {"rhythm": 1.0, "pitches": 1.0}
    assert torch.allclose(latents(visit), torch.tensor(works[1].recipe.latent), atol=1e-5)
    breed.trait(visit, {"name": "pitches", "value": 0.4})
    assert "60 % parent 1, 40 % parent 2" in breed.draw(visit)
    assert Breeding.from_dict(breed.load(visit).to_dict()) == breed.load(visit)
    for name in ("rhythm", "pitches"):
        breed.leave(visit, {"name": name})
    assert torch.equal(latents(visit), chance)
    # Other parents, other traits.
    breed.trait(visit, {"name": "rhythm", "value": 0})
    breed.choose(visit, {"place": 3})
    breed.onward(visit, {})
    assert breed.load(visit).traits == {}


def test_children_with_layers_of_their_own_come_again_from_their_recipes(studio: Studio) -> None:
    visit = Visit(studio, studio.store.open_session(None).key, "painting", "en")
    generator = visit.generator
    for work in generator.decode(generator.map(noise_from_seeds([1, 2]))):
        assert work.recipe is not None
        id = visit.studio.store.keep_artwork(visit.key, work.recipe, work.thumbnail(), pinned=True)
        breed.add(visit, {"id": id})
    breed.again(visit, {})
    breed.trait(visit, {"name": "colours", "value": 0.5})
    state = breed.load(visit)
    children = breed.litter(visit, state, breed.parents_of(visit, state))
    child = children[4]
    assert child.recipe is not None and "local" in child.recipe.options
    breed.keep(visit, {"place": 4})
    (row,) = visit.studio.store.artworks(visit.key, "painting", kept=True)
    (again,) = generator.decode(torch.tensor([row.recipe.latent]), row.recipe.options)
    assert again.show() == child.show()
