"""What studio.medium promises, for every medium found; what depends on how well a model learned, or
on what it ships with, with the one that it ships."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch

from studio import adapter
from studio.checkpoint import Checkpoints
from studio.directions import moved
from studio.errors import BadUpload
from studio.latent import noise_from_seeds
from studio.medium import BEFORE, Generator, Handed, Medium, Recipe, media, pack, shared_of
from studio.registry import Registry
from studio.studio import Studio
from studio.taste.hand import can_learn
from studio.taste.own_works import OwnWorks, files_below, read_works
from studio.words import LANGUAGES, Words, catalogue

SEEDS = range(100, 104)


@pytest.fixture(scope="session")
def as_shipped(request: pytest.FixtureRequest, shared_studio: Studio) -> Generator:
    """The generator of each medium found, as people first meet it."""
    return shared_studio.registry.use(request.param)


@pytest.fixture(scope="session")
def doubles(bases: Path) -> Registry:
    return Registry(Checkpoints(bases, bases / "none"), "cpu", threads=1)


@pytest.fixture(scope="session")
def generator(
    request: pytest.FixtureRequest, doubles: Registry, shared_studio: Studio
) -> Generator:
    """The generator of each medium found, a double of it where that is quicker."""
    is_shipped = bool(doubles.checkpoints.folders(request.param))
    return (doubles if is_shipped else shared_studio.registry).use(request.param)


@pytest.fixture(scope="session")
def latents(generator: Generator) -> torch.Tensor:
    return generator.map(noise_from_seeds(SEEDS))


@pytest.fixture(scope="session")
def its_medium(generator: Generator) -> Medium:
    return media()[generator.medium]


def shown(generator: Generator, latents: torch.Tensor) -> list[str]:
    return [artwork.show() for artwork in generator.decode(latents)]


def test_its_words_are_complete(generator: Generator, its_medium: Medium) -> None:
    attributes = generator.attributes(generator.decode(torch.zeros(0, generator.latent_dim)))
    assert set(attributes) == set(its_medium.attribute_units)
    keys = {"medium.title", "medium.one", "medium.upload"}
    keys |= {f"attribute.{name}" for name in attributes}
    for direction in generator.directions:
        named = direction.key if direction.attribute else "axis"
        keys |= {f"direction.{named}", f"direction.{named}.low", f"direction.{named}.high"}
    for name, sign in shared_of(its_medium).values():
        assert name in attributes
        assert sign in (1, -1)
        keys |= {f"direction.{name}.low", f"direction.{name}.high"}
    if kinds := generator.feature_statistics.kinds:
        assert sum(kinds.values()) == len(generator.feature_statistics.mean)
        keys |= {f"kind.{name}" for name in kinds}
    for language in LANGUAGES:
        assert keys - set(catalogue(its_medium.words, language)) == set()


def test_the_same_latents_give_the_same_works(generator: Generator, latents: torch.Tensor) -> None:
    assert latents.shape == (len(SEEDS), generator.latent_dim)
    assert generator.at_once >= 1
    assert torch.equal(latents, generator.map(noise_from_seeds(SEEDS)))
    works = shown(generator, latents)
    assert works == shown(generator, latents)
    assert len(set(works)) == len(SEEDS)


def test_a_work_carries_what_it_takes_to_make_it_again(
    generator: Generator, latents: torch.Tensor
) -> None:
    for artwork, latent in zip(generator.decode(latents), latents, strict=True):
        recipe = artwork.recipe
        assert recipe is not None
        assert (recipe.medium, recipe.version) == (generator.medium, generator.version)
        assert torch.equal(torch.tensor(recipe.latent), latent)


def test_what_is_shown_does_not_say_who_made_it(
    generator: Generator, latents: torch.Tensor
) -> None:
    """In a blind test works of two versions stand side by side."""
    for work in generator.decode(latents[:1]):
        assert work.recipe is not None
        for told in (generator.version, pack(work.recipe.latent)):
            assert told not in work.show() + work.thumbnail()


def test_none_at_all_is_a_number_of_works_too(generator: Generator) -> None:
    none = generator.map(torch.zeros(0, 128))
    assert none.shape == (0, generator.latent_dim)
    assert len(generator.decode(none)) == 0
    assert len(generator.forward(none)) == 0
    assert generator.encode([]).shape == (0, generator.latent_dim)
    assert generator.features([]).shape == (0, len(generator.feature_statistics.mean))
    assert all(len(values) == 0 for values in generator.attributes([]).values())


def test_latents_that_make_no_sense_are_refused(generator: Generator) -> None:
    for wrong in (
        torch.zeros(generator.latent_dim),
        torch.zeros(2, generator.latent_dim + 1),
        torch.full((1, generator.latent_dim), torch.nan),
    ):
        with pytest.raises(ValueError, match="latents"):
            generator.decode(wrong)


def test_many_threads_may_decode_at_once(generator: Generator, latents: torch.Tensor) -> None:
    rows = latents.split(1)
    alone = [generator.features(generator.decode(row)) for row in rows]
    with ThreadPoolExecutor(len(rows)) as people:
        together = people.map(lambda row: generator.features(generator.decode(row)), rows * 4)
    # A batch may round differently from a single work, by less than anybody can see.
    for expected, found in zip(alone * 4, together, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-2, atol=1e-2)


def test_finding_a_work_again_comes_near_it(as_shipped: Generator) -> None:
    latents = as_shipped.map(noise_from_seeds(SEEDS))
    works = as_shipped.decode(latents)
    found = as_shipped.features(as_shipped.decode(as_shipped.encode(works)))
    distances = torch.cdist(found, as_shipped.features(works))
    strangers = distances[~torch.eye(len(works), dtype=torch.bool)]
    assert float(distances.diagonal().mean()) < 0.6 * float(strangers.mean())
    assert float(distances.diagonal().max()) < float(strangers.mean())


def test_taste_can_look_and_push(as_shipped: Generator) -> None:
    latents = as_shipped.map(noise_from_seeds(SEEDS))
    moved = latents.clone().requires_grad_(True)
    seen = as_shipped.latent_features(moved)
    looked = as_shipped.features(as_shipped.decode(latents))
    assert seen.shape == looked.shape == (len(SEEDS), len(as_shipped.feature_statistics.mean))
    # What taste differentiates must be what people see, but for the rounding of their files.
    difference = (seen.detach().cpu() - looked).norm(dim=1)
    assert float(difference.mean()) < 0.2 * float(torch.cdist(looked, looked).sum() / 12)
    seen.square().sum().backward()
    assert moved.grad is not None
    assert bool((moved.grad.abs().sum(1) > 0).all())


def test_a_direction_does_what_it_says(as_shipped: Generator) -> None:
    latents = as_shipped.map(noise_from_seeds(SEEDS))
    assert len(as_shipped.directions) >= 3
    for direction in as_shipped.directions:
        assert np.linalg.norm(direction.vector) == pytest.approx(1, abs=1e-4)
        # What hardly moves its attribute may move it either way from a few starts.
        if direction.attribute and abs(direction.effect) > 0.3:
            low, high = (
                as_shipped.attributes(
                    as_shipped.decode(
                        moved(latents, [(direction, position)], as_shipped.statistics.mean)
                    )
                )[direction.attribute]
                for position in (-2, 2)
            )
            assert bool(high.mean() > low.mean()) == (direction.effect > 0), direction.key


def test_a_fine_tune_shares_all_but_its_mapping(generator: Generator) -> None:
    untouched = adapter.adapter_tensors(adapter.attach(generator.mapping))
    twin = generator.adapted(untouched, "mine-1")
    noise = noise_from_seeds(SEEDS)
    torch.testing.assert_close(twin.map(noise), generator.map(noise))
    assert twin.version == "mine-1"
    assert twin.memory_bytes() > 0
    changed = {name: tensor + 0.1 for name, tensor in untouched.items()}
    moved = generator.adapted(changed, "mine-2")
    assert not torch.allclose(moved.map(noise), generator.map(noise), atol=1e-3)


def test_a_hand_that_can_learn_takes_an_adapter_too(
    generator: Generator, latents: torch.Tensor
) -> None:
    if not can_learn(generator):
        pytest.skip("its decoder does not learn")
    of_mapping = adapter.adapter_tensors(adapter.attach(generator.mapping))
    untouched = adapter.adapter_tensors(adapter.attach(cast(Handed, generator).decoder))
    twin = generator.adapted(of_mapping | adapter.above("decoder.", untouched), "mine-3")
    torch.testing.assert_close(
        twin.latent_features(latents), generator.latent_features(latents), atol=2e-3, rtol=2e-3
    )
    parameters = adapter.adapter_parameters(cast(Handed, twin).decoder)
    twin.latent_features(latents).sum().backward()
    assert any(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in parameters)


def test_works_of_ones_own_are_seen_as_they_are(
    generator: Generator, its_medium: Medium, latents: torch.Tensor, tmp_path: Path
) -> None:
    """Files that a studio saved, twice, and one that is none."""
    ending = next(f for f in its_medium.formats if f".{f}" in its_medium.uploads)
    works = generator.decode(latents)
    for number, work in enumerate(works):
        (tmp_path / f"{number}.{ending}").write_bytes(work.export(ending))
    (tmp_path / f"again.{ending}").write_bytes((tmp_path / f"0.{ending}").read_bytes())
    (tmp_path / f"broken.{ending}").write_bytes(b"\x00 nothing")
    (tmp_path / "notes.xyz").write_bytes(b"not looked at")
    heard: list[object] = []
    found = read_works(its_medium, generator, files_below(tmp_path, its_medium), heard=heard.append)
    assert len(found) == len(found.digests) == len(heard) == len(works)
    assert {name for name, _ in found.left_out} == {f"broken.{ending}", f"again.{ending}"}
    expected = generator.features(works)
    # A picture is larger in its file than it was painted.
    assert (found.features - expected).norm(dim=1).max() < 0.3 * torch.pdist(expected).mean()
    kept = OwnWorks.from_dict(found.to_dict(), generator)
    assert torch.equal(kept.features, found.features) and kept.digest == found.digest
    again = read_works(
        its_medium, generator, files_below(tmp_path, its_medium), known=found.digests
    )
    assert not len(again) and len(again.left_out) == len(works) + 2


def test_every_choice_is_kept_in_the_recipe_and_makes_the_same_work_again(
    as_shipped: Generator,
) -> None:
    its_medium, latents = media()[as_shipped.medium], as_shipped.map(noise_from_seeds(SEEDS))
    (usual,) = as_shipped.decode(latents[:1])
    assert usual.recipe is not None and usual.recipe.options == {}
    as_usual = usual.show()
    for option in its_medium.options:
        assert option.clean(option.default) == option.default
        for value in option.choices or TEXTS.get(its_medium.language, (option.least, option.most)):
            chosen = {} if value == option.default else {option.key: value}
            (work,) = as_shipped.decode(latents[:1], {option.key: value})
            assert work.recipe is not None and dict(work.recipe.options) == chosen
            (again,) = as_shipped.decode(latents[:1], work.recipe.options)
            shows = work.show()
            assert again.show() == shows
            assert (shows == as_usual) == (not chosen) or option.key in HARMLESS


TEXTS = {"en": ("", "the river"), "zh": ("", "江")}
HARMLESS = {"mode", "meter", "feel", "form", "scheme", "measure", "first_line"}
"""Choices that may find nothing to change in one work."""


def test_choices_that_make_no_sense_are_left_out(
    generator: Generator, its_medium: Medium, latents: torch.Tensor
) -> None:
    # To a text only what is no text makes no sense.
    nonsense = {option.key: 7 if option.longest else "\0nonsense" for option in its_medium.options}
    nonsense |= {"stranger": 1, BEFORE: ["not base64", 7]}
    (work,) = generator.decode(latents[:1], nonsense)
    assert work.recipe is not None and dict(work.recipe.options) == {}
    assert work.show() == generator.decode(latents[:1])[0].show()


@pytest.mark.parametrize("before", [7, {"a": 1}, "text"])
def test_a_recipe_whose_past_is_no_list_is_damaged(before: object) -> None:
    made = Recipe("melody", "base", (0.5,)).to_dict() | {"options": {BEFORE: before}}
    with pytest.raises(BadUpload):
        Recipe.from_dict(made)


def test_its_choices_and_parts_have_words(its_medium: Medium) -> None:
    keys = {f"option.{option.key}" for option in its_medium.options}
    keys |= {f"option.{o.key}.{choice}" for o in its_medium.options for choice in o.choices}
    if its_medium.parts:
        keys |= {"part.title", "part.keep", "part.refill"}
    if its_medium.longest > 1:
        keys.add("part.continue")
    for language in LANGUAGES:
        assert keys - set(catalogue(its_medium.words, language)) == set()


def test_kept_parts_stay_and_the_others_are_new(
    generator: Generator, its_medium: Medium, latents: torch.Tensor
) -> None:
    if not its_medium.parts:
        pytest.skip("a work without parts")
    before = latents[0].unflatten(0, (its_medium.parts, -1))
    found = [generator.refilled(latents[0], [0, 2], seed)[0] for seed in (1, 1, 2)]
    assert torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])
    after = found[0].unflatten(0, (its_medium.parts, -1))
    moved = (after - before).norm(dim=1)
    assert moved[[0, 2]].max() < moved[[1, 3]].min()
    generator.decode(found[0][None])


def test_a_work_goes_on_up_to_its_longest(
    generator: Generator, its_medium: Medium, latents: torch.Tensor
) -> None:
    if its_medium.longest < 2:
        pytest.skip("a work that does not go on")
    latent, before, shown = latents[0], [], []
    for seed in range(its_medium.longest):
        (work,) = generator.decode(latent[None], {BEFORE: before})
        assert work.recipe is not None and list(work.recipe.options.get(BEFORE, [])) == before
        shown.append(work.show())
        before = [*before, pack(latent.tolist())]
        latent = generator.continued(latent, seed)
    assert len(set(shown)) == its_medium.longest
    (longest,) = generator.decode(latent[None], {BEFORE: before})
    assert longest.recipe is not None
    assert len(longest.recipe.options[BEFORE]) == its_medium.longest - 1


def test_a_work_is_shown_safely(generator: Generator, latents: torch.Tensor) -> None:
    (artwork,) = generator.decode(latents[:1])
    for fragment in (artwork.show('"><script>'), artwork.thumbnail('"><script>')):
        assert "<script>" not in fragment
        assert "http://" not in fragment.replace("http://www.w3.org/", "")
        assert "https://" not in fragment
    assert len(artwork.thumbnail("a work")) <= 12_000


def test_a_file_brings_its_recipe_back(
    generator: Generator, latents: torch.Tensor, its_medium: Medium, tmp_path: Path
) -> None:
    (artwork,) = generator.decode(latents[:1])
    assert artwork.recipe is not None
    artwork.recipe = artwork.recipe.with_(seed=SEEDS[0], parents=("a", "b"), how="breed")
    for format in its_medium.formats:
        file = tmp_path / f"work.{format}"
        file.write_bytes(artwork.export(format))
        for source in (file, io.BytesIO(file.read_bytes())):
            assert its_medium.read(source).recipe == artwork.recipe
    with pytest.raises(ValueError):  # its words are the medium's own
        artwork.export("exe")


def test_a_path_becomes_one_file(
    generator: Generator, latents: torch.Tensor, its_medium: Medium, tmp_path: Path
) -> None:
    frames = generator.decode(latents)
    for format in its_medium.path_formats:
        target = tmp_path / f"path.{format}"
        its_medium.export_path(frames, format, 1.0, target)
        assert target.stat().st_size > 0
    with pytest.raises(ValueError):  # its words are the medium's own
        its_medium.export_path(frames, "exe", 1.0, tmp_path / "path.exe")


@pytest.mark.parametrize("junk", [b"", b"\0" * 100, b"<svg onload=alert(1)>", b"GIF89a"])
def test_what_is_no_work_is_refused_with_words(
    generator: Generator, its_medium: Medium, junk: bytes
) -> None:
    with pytest.raises(BadUpload) as refused:
        its_medium.read(io.BytesIO(junk))
    for language in LANGUAGES:
        assert Words(language).including(its_medium.words).error(refused.value)
