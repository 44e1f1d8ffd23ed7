"""Between any two versions on one base lies another, and two tastes can be one."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from studio import adapter as low_rank
from studio.checkpoint import Checkpoints
from studio.errors import BadSetting, NotFound
from studio.latent import noise_from_seeds
from studio.medium import Generator
from studio.registry import Registry
from studio.taste import Ratings, portable
from studio.taste.blend import MOST_RANK, blend, keep, learned, measure
from tests.taste.curves import UnsteadyCurves

NOISE = noise_from_seeds(range(6))
FEW = {"gain": 1.0, "percentile": 0.8, "diversity_kept": 0.9, "drift": 0.5, "samples": 128}


def taught(generator: Generator, seed: int) -> dict[str, Tensor]:
    """An adapter as a fine-tune leaves it, whatever it learned."""
    adapted = low_rank.attach(generator.mapping)
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in low_rank.adapter_parameters(adapted):
            if parameter.requires_grad:
                parameter.add_(0.03 * torch.randn(parameter.shape, generator=rng))
    return low_rank.adapter_tensors(adapted)


@pytest.fixture
def registry(checkpoints: Path, tmp_path: Path) -> Registry:
    return Registry(Checkpoints(checkpoints, tmp_path / "home"), "cpu", 2**31)


@pytest.fixture
def teach(registry: Registry) -> Callable[..., str]:
    """A version of the example medium taught on top of another, of its base if of none."""

    def teach(seed: int, parent: str | None = None) -> str:
        generator = registry.use("stripes", parent)
        return registry.add_fine_tune(generator, taught(generator, seed), FEW)

    return teach


def latents(registry: Registry, version: str | None = None) -> Tensor:
    return registry.use("stripes", version).map(NOISE)


def blended(registry: Registry, weights: dict[str, float]) -> Tensor:
    found = blend(registry.checkpoints, "stripes", weights)
    return found.on(registry.use("stripes", found.base.version)).map(NOISE)


def test_the_way_from_one_version_to_another(registry: Registry, teach: Callable[..., str]):
    a, b = teach(1), teach(2)
    base = registry.default_version("stripes")
    ways = ((a, b), (base, b), (a, base), (a, teach(3, a)))
    for start, end in ways:
        first, last = latents(registry, start), latents(registry, end)
        for at in (0.0, 0.3, 1.0):
            found = blended(registry, {start: 1 - at, end: at})
            # The example's mapping is one linear layer: its latents go straight from one to other.
            torch.testing.assert_close(found, torch.lerp(first, last, at), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(latents(registry, a), latents(registry, b), atol=1e-2)


def test_a_merge_has_what_both_learned(registry: Registry, teach: Callable[..., str]):
    a, b = teach(1), teach(2, teach(3))
    base = latents(registry)
    changes = [latents(registry, version) - base for version in (a, b)]
    found = blended(registry, {a: 1.0, b: 0.4}) - base
    torch.testing.assert_close(found, changes[0] + 0.4 * changes[1], atol=1e-4, rtol=1e-4)


def test_every_medium_has_versions_between(generator: Generator, tmp_path: Path, checkpoints: Path):
    registry = Registry(Checkpoints(checkpoints, tmp_path / "home"), "cpu", 2**31)
    medium = generator.medium
    base = registry.use(medium, generator.version)
    version = registry.add_fine_tune(base, taught(base, 1), FEW)
    tuned = registry.use(medium, version)
    ends = (base.map(NOISE), tuned.map(NOISE))
    drift = []
    for at in (0.0, 0.5, 1.0):
        found = blend(registry.checkpoints, medium, {generator.version: 1 - at, version: at})
        drift.append(float((found.on(base).map(NOISE) - ends[0]).norm()))
    assert drift[0] == 0
    assert 0 < drift[1] < drift[2]
    torch.testing.assert_close(drift[2], float((ends[1] - ends[0]).norm()), rtol=1e-2, atol=0)


def test_a_decoder_keeps_what_it_learned_before_a_lean_lesson(tmp_path: Path):
    generator = UnsteadyCurves()
    checkpoints = Checkpoints(tmp_path / "none", tmp_path)

    def write(version: str, parent: str | None, tensors: dict[str, Tensor]) -> None:
        card = {"medium": "curves", "version": version, "parent": parent}
        checkpoints.write(card, {"adapter": tensors})

    write("base", None, {"weights": torch.zeros(1)})
    decoder = low_rank.attach(generator.decoder, 4)
    with torch.no_grad():
        for parameter in low_rank.adapter_parameters(decoder):
            parameter.add_(0.1)
    of_decoder = low_rank.above("decoder.", low_rank.adapter_tensors(decoder))
    both = of_decoder | taught(generator, 1)
    deep = generator.adapted(both, "deep")
    write("deep", "base", both)
    of_mapping = taught(deep, 2)
    lean = deep.adapted(of_mapping, "lean")
    write("lean", "deep", of_mapping)
    base, whole = learned(checkpoints, "curves", "lean")
    assert base.version == "base"
    again = generator.adapted(whole, "again")
    torch.testing.assert_close(again.map(NOISE), lean.map(NOISE), atol=1e-4, rtol=1e-4)
    rows = lean.map(NOISE)
    torch.testing.assert_close(again.heights(rows), lean.heights(rows), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(again.heights(rows), generator.heights(rows), atol=1e-2)


def test_ranks_do_not_grow_with_every_merge(registry: Registry, teach: Callable[..., str]):
    a, b = teach(1), teach(2)
    merged = a
    for _ in range(4):
        merged = keep(registry, "stripes", {merged: 0.5, b: 1.0})
    _, adapter = learned(registry.checkpoints, "stripes", merged)
    # The example has fifteen numbers a work: no change of them can have more ranks.
    assert len(adapter["0.down"]) <= 16
    base = latents(registry)
    share = 2 - 0.5**3
    expected = (latents(registry, a) - base) / 16 + share * (latents(registry, b) - base)
    torch.testing.assert_close(latents(registry, merged) - base, expected, atol=1e-3, rtol=1e-3)
    assert MOST_RANK < low_rank.MOST_RANK


def test_a_blend_is_kept_as_a_version_like_any_other(
    registry: Registry, teach: Callable[..., str], tmp_path: Path
):
    a, b = teach(1), teach(2)
    version = keep(registry, "stripes", {a: 0.25, b: 0.75})
    card = registry.checkpoints.find("stripes", version).card
    assert card["parent"] == registry.default_version("stripes")
    assert card["blended_from"] == {a: 0.25, b: 0.75}
    changes = {"diversity_kept", "drift", "quality_kept", "departure", "samples"}
    assert card["measured"].keys() == changes
    assert card["measured"]["drift"] > 0
    expected = torch.lerp(latents(registry, a), latents(registry, b), 0.75)
    torch.testing.assert_close(latents(registry, version), expected, atol=1e-4, rtol=1e-4)
    # It can be taught on, given away, and blended again.
    parent = registry.use("stripes", version)
    later = registry.add_fine_tune(parent, taught(parent, 3), FEW)
    file = tmp_path / "mine.taste"
    file.write_bytes(portable.pack(registry.checkpoints, "stripes", later))
    received = portable.receive(registry, "stripes", file)
    torch.testing.assert_close(
        latents(registry, received), latents(registry, later), atol=1e-4, rtol=1e-4
    )
    assert blend(registry.checkpoints, "stripes", {received: 1.0, a: 0.5}).weights.keys() == {
        received,
        a,
    }


def test_a_base_weighs_nothing(registry: Registry, teach: Callable[..., str]):
    base, version = registry.default_version("stripes"), teach(1)
    kept = keep(registry, "stripes", {base: 0.5, version: 0.5})
    assert registry.checkpoints.find("stripes", kept).card["blended_from"] == {version: 0.5}


def test_what_a_person_should_think_of_it(registry: Registry, teach: Callable[..., str]):
    base = registry.use("stripes")
    tuned = registry.use("stripes", teach(1))
    works = base.map(noise_from_seeds(range(100, 130)))
    direction = tuned.latent_features(tuned.map(NOISE)) - base.latent_features(base.map(NOISE))
    liked = base.latent_features(works) @ direction.mean(0)
    stars = 1 + 4 * (liked.argsort().argsort() / (len(liked) - 1))
    friend = Ratings(works, tuple(enumerate(stars.tolist())))
    foe = Ratings(works, tuple(enumerate((6 - stars).tolist())))
    gains = [measure(base, tuned, ratings)["gain"] for ratings in (friend, foe)]
    assert gains[0] > 0 > gains[1]
    # Too few, or of another base's works: nothing is said.
    few = Ratings(works[:2], ((0, 1.0), (1, 5.0)))
    others = Ratings(torch.zeros(30, base.latent_dim + 1), friend.stars)
    for ratings in (None, few, others):
        assert "gain" not in measure(base, tuned, ratings)


@pytest.mark.parametrize(
    "weight", [math.nan, math.inf, -0.1, 1.1], ids=["no number", "endless", "negative", "too much"]
)
def test_weights_that_are_none_are_refused(
    weight: float, registry: Registry, teach: Callable[..., str]
):
    version = teach(1)
    with pytest.raises(BadSetting) as refused:
        blend(registry.checkpoints, "stripes", {version: weight})
    assert refused.value.key == "blend_weight"


def test_what_cannot_be_blended_is_refused(
    registry: Registry, teach: Callable[..., str], tmp_path: Path
):
    version = teach(1)
    other = registry.checkpoints.write(
        {"medium": "stripes", "version": "other", "parent": None}, {"a": {"b": torch.zeros(1)}}
    )
    refusals = {
        "blend_nothing": [{}, {"base": 1.0}, {version: 0.0}],
        "blend_bases": [{version: 0.5, other.version: 0.5}],
    }
    before = [c.version for c in registry.versions("stripes")]
    for key, cases in refusals.items():
        for weights in cases:
            with pytest.raises(BadSetting) as refused:
                keep(registry, "stripes", weights)
            assert refused.value.key == key
            assert "Nothing was changed" in str(refused.value)
    for medium, name in (("painting", version), ("stripes", "none-such")):
        with pytest.raises(NotFound):
            keep(registry, medium, {name: 1.0})
    assert [c.version for c in registry.versions("stripes")] == before
