"""What comes from whom: each trait from its own parent, and nothing else."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from studio import heredity
from studio.latent import noise_from_seeds
from studio.medium import HELD, LOCAL, Generator, get_medium
from studio.melody import heredity as melodies
from studio.melody.grid import LOWEST, METERS, Grid, Note
from studio.painting import places
from studio.painting.generator import TRAITS, trait_of
from studio.studio import Studio
from studio.words import LANGUAGES, Words


@given(
    wanted=st.dictionaries(st.sampled_from("ab"), st.floats(-1, 9)),
    parents=st.integers(1, 4),
    seed=st.integers(0, 2**32),
)
def test_shares_add_up(wanted: dict[str, float], parents: int, seed: int) -> None:
    shares = heredity.shares_of("abc", wanted, parents, 5, seed)
    assert shares.shape == (5, 3, parents)
    assert torch.allclose(shares.sum(2), torch.ones(5, 3))
    # What nobody wants from somewhere is wholly somebody's.
    assert set(shares[:, 2].flatten().tolist()) <= {0.0, 1.0}


def test_a_trait_lies_along_the_parents() -> None:
    shares = heredity.shares_of(["a", "b"], {"a": 1.25}, 3, 4, 1)
    assert shares[:, 0].tolist() == [[0.0, 0.75, 0.25]] * 4
    assert len({tuple(row) for row in shares[:, 1].tolist()}) > 1


def parents_of(generator: Generator) -> torch.Tensor:
    return generator.map(noise_from_seeds([11, 12]))


def test_what_has_everything_from_one_parent_is_that_parent(generator: Generator) -> None:
    medium = get_medium(generator.medium)
    names, latents = heredity.traits_of(medium, generator), parents_of(generator)
    if not names:
        return
    for parent in (0, 1):
        wanted = dict.fromkeys(names, float(parent))
        shares = heredity.shares_of(names, wanted, 2, 1, 0)
        children, options = heredity.inherited(medium, generator, latents, [{}, {}], shares)
        assert torch.allclose(children[0], latents[parent], atol=1e-5)
        assert options == [{}]


def test_each_trait_makes_a_difference_and_has_a_name(generator: Generator) -> None:
    medium = get_medium(generator.medium)
    names, latents = heredity.traits_of(medium, generator), parents_of(generator)
    shown = [work.show() for work in generator.decode(latents)]
    for name in names:
        wanted = {each: float(each == name) for each in names}
        shares = heredity.shares_of(names, wanted, 2, 1, 0)
        children, (options,) = heredity.inherited(medium, generator, latents, [{}, {}], shares)
        (child,) = generator.decode(children, options)
        assert child.show() not in shown
        # A recipe says all of it.
        assert child.recipe is not None
        (again,) = generator.decode(torch.tensor([child.recipe.latent]), child.recipe.options)
        assert again.show() == child.show()
        if heredity.is_heritable(generator):
            for language in LANGUAGES:
                assert Words(language).including(medium.words)(f"trait.{name}")


def test_layers_of_a_painting_are_inherited_on(shared_studio: Studio) -> None:
    generator, medium = shared_studio.registry.use("painting"), get_medium("painting")
    latents, names = parents_of(generator), list(TRAITS)
    wanted = {"composition": 0.0, "forms": 0.0, "colours": 1.0}
    shares = heredity.shares_of(names, wanted, 2, 1, 0)
    child, (options,) = heredity.inherited(medium, generator, latents, [{}, {}], shares)
    layers = generator.decoder.layers  # type: ignore[attr-defined]
    away = places.of(options, generator.latent_dim)
    laid = places.laid(child, away, layers)
    which = torch.tensor([trait_of(layer, layers) for layer in range(layers)])
    expected = latents[(which == 2).long()]
    assert torch.allclose(laid[0], expected, atol=1e-2)
    # With the first parent's colours again it is the first parent, but for rounding.
    both = torch.cat([latents[:1], child])
    wanted = {"composition": 1.0, "forms": 1.0, "colours": 0.0}
    shares = heredity.shares_of(names, wanted, 2, 1, 0)
    back, _ = heredity.inherited(medium, generator, both, [{}, options], shares)
    assert torch.allclose(back[0], latents[0], atol=1e-2)
    # Half way between it and one that has none, half of it differs.
    (mixed,) = [places.mixed([options, {}], [0.5, 0.5], generator.latent_dim)]
    half = places.of({LOCAL: mixed}, generator.latent_dim)
    assert half is not None and away is not None
    assert torch.allclose(half, away / 2, atol=1e-2)


@pytest.mark.parametrize("layers", [6, 7, 8])
def test_every_layer_decides_a_trait(layers: int) -> None:
    found = [trait_of(layer, layers) for layer in range(layers)]
    assert found == sorted(found) and set(found) == {0, 1, 2}


def melody(meter: str, *notes: tuple[float, float, int]) -> Grid:
    return Grid.of([Note(*each) for each in as_fractions(notes)], meter)


def as_fractions(notes: tuple[tuple[float, float, int], ...]) -> list[tuple]:
    from fractions import Fraction

    return [(Fraction(start), Fraction(length), LOWEST + pitch) for start, length, pitch in notes]


def test_a_melody_has_the_rhythm_of_one_and_the_pitches_of_another() -> None:
    long = melody("4/4", (0, 2, 10), (2, 2, 20), (4, 4, 15))
    short = melody("3/4", (0, 0.5, 1), (0.5, 1, 2), (2.5, 0.5, 3), (3, 3, 4))
    crossed = melodies.crossed(long, short)
    assert crossed.meter == "3/4"
    notes = [(float(note.start), float(note.duration)) for note in crossed.notes()]
    assert notes == [(0, 0.5), (0.5, 1), (2.5, 0.5), (3, 3)]
    assert [note.pitch - LOWEST for note in crossed.notes()] == [10, 10, 20, 15]
    assert len(crossed.notes()) == 4 and METERS[crossed.meter] == 3


def test_a_melody_keeps_most_of_what_it_was_crossed_to(shared_studio: Studio) -> None:
    generator, medium = shared_studio.registry.use("melody"), get_medium("melody")
    latents = generator.map(noise_from_seeds(range(40, 80)))
    kept = 0.0
    for pair in latents.view(20, 2, -1):
        wanted = {"pitches": 0.0, "rhythm": 1.0}
        shares = heredity.shares_of(melodies.TRAITS, wanted, 2, 1, 0)
        child, _ = heredity.inherited(medium, generator, pair, [{}, {}], shares)
        works = generator.decode(torch.cat([child, pair[1:]]))
        mine, theirs = ({note.start for note in work.grid.notes()} for work in works)  # type: ignore[attr-defined]
        kept += len(mine & theirs) / max(len(mine | theirs), 1) / 20
    assert kept > 0.8


def test_a_held_line_comes_with_its_part() -> None:
    options = [{HELD: {"0": "mine", "1": "mine too"}, "form": "x"}, {HELD: {"1": "theirs"}}]
    found = heredity.held_from(options, [[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
    assert found == {"form": "x", HELD: {"0": "mine", "1": "theirs"}}
    assert heredity.held_from(options, [[0.5, 0.5], [0.9, 0.1]]) == {"form": "x"}
