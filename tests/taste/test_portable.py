"""A taste leaves one studio as a file and arrives in another, or the person reads why not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor

from studio import adapter as low_rank
from studio.checkpoint import Checkpoints
from studio.errors import BadUpload, NotFound
from studio.latent import noise_from_seeds
from studio.medium import Generator
from studio.registry import Registry
from studio.taste import portable
from studio.taste.proof import Outcome

NOISE = noise_from_seeds(range(6))
FIGURES = {"gain": 1.25, "percentile": 0.8, "diversity_kept": 0.9, "drift": 0.5, "samples": 128}
MEASURED = {**FIGURES, "decoder": {"kept": False}}
BLIND = Outcome(tuned=9, before=1, ties=2)


@pytest.fixture(scope="module")
def make_registry(
    tmp_path_factory: pytest.TempPathFactory, checkpoints: Path
) -> Callable[[], Registry]:
    """Studios with empty homes and the same bases."""

    def make() -> Registry:
        home = tmp_path_factory.mktemp("home")
        return Registry(Checkpoints(checkpoints, home), "cpu", 2**31)

    return make


def learned(generator: Generator, seed: int) -> dict[str, Tensor]:
    """An adapter as a fine-tune leaves it, whatever it learned."""
    adapted = low_rank.attach(generator.mapping)
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in low_rank.adapter_parameters(adapted):
            if not parameter.requires_grad:
                continue  # It was learned before.
            parameter.add_(0.03 * torch.randn(parameter.shape, generator=rng))
    return low_rank.adapter_tensors(adapted)


@pytest.fixture(scope="module")
def home(make_registry: Callable[[], Registry]) -> Registry:
    return make_registry()


@pytest.fixture(scope="module")
def taught(home: Registry) -> str:
    """A version of the example medium, taught three times."""
    version = home.default_version("stripes")
    for seed in (1, 2, 3):
        parent = home.use("stripes", version)
        extra = {"ratings": 31, "rated_by": "nobody's business"}
        version = home.add_fine_tune(parent, learned(parent, seed), MEASURED, extra)
    home.checkpoints.add_to_card("stripes", version, BLIND.to_card())
    return version


@pytest.fixture(scope="module")
def packed(home: Registry, taught: str) -> bytes:
    return portable.pack(home.checkpoints, "stripes", taught)


def changed(packed: bytes, tensors: dict[str, Tensor] | None = None, **card: Any) -> bytes:
    """The file with another card or other tensors."""
    length = int.from_bytes(packed[:8], "little")
    header = json.loads(packed[8 : 8 + length])
    was = json.loads(header["__metadata__"][portable.HEADER])
    found = {**was, **card}
    return save(load(packed) if tensors is None else tensors, {portable.HEADER: json.dumps(found)})


def dropped(content: bytes, folder: Path) -> Path:
    path = folder / "somebody.taste"
    path.write_bytes(content)
    return path


def test_a_version_arrives_as_it_was(
    home: Registry,
    taught: str,
    packed: bytes,
    make_registry: Callable[[], Registry],
    tmp_path: Path,
):
    other = make_registry()
    version = portable.receive(other, "stripes", dropped(packed, tmp_path))
    theirs, mine = other.use("stripes", version), home.use("stripes", taught)
    torch.testing.assert_close(theirs.map(NOISE), mine.map(NOISE), atol=1e-4, rtol=1e-4)
    untaught = other.use("stripes").map(NOISE)
    assert not torch.allclose(theirs.map(NOISE), untaught, atol=1e-2)
    card = other.checkpoints.find("stripes", version).card
    assert card["came_from"] == taught
    assert card["measured"] == FIGURES
    assert Outcome.from_card(card) == BLIND
    assert card["parent"] == other.default_version("stripes")


def test_every_medium_can_carry_one(
    generator: Generator, make_registry: Callable[[], Registry], tmp_path: Path
):
    registry = make_registry()
    medium = generator.medium
    base = registry.use(medium, generator.version)
    version = registry.add_fine_tune(base, learned(base, 3), MEASURED)
    path = dropped(portable.pack(registry.checkpoints, medium, version), tmp_path)
    assert path.stat().st_size < 10_000_000
    again = portable.receive(registry, medium, path)
    maps = [registry.use(medium, name).map(NOISE) for name in (version, again)]
    torch.testing.assert_close(*maps)


def test_ratings_stay_at_home(packed: bytes):
    assert b"nobody's business" not in packed


def test_a_base_needs_no_file(home: Registry):
    with pytest.raises(NotFound) as refused:
        portable.pack(home.checkpoints, "stripes", home.default_version("stripes"))
    assert "needs no file" in str(refused.value)


def broadcastable(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    name = next(name for name in tensors if name.endswith(".bias"))
    return {**tensors, name: tensors[name][:1]}


def huge(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name: t.repeat(200, 1) if name.endswith(".down") else t.repeat(1, 200)
        for name, t in tensors.items()
        if not name.endswith(".bias")
    }


BAD = {
    "empty": (lambda packed: b"", "taste_file_unreadable"),
    "a picture": (lambda packed: b"\x89PNG\r\n\x1a\n" + bytes(500), "taste_file_unreadable"),
    "cut short": (lambda packed: packed[:-100], "taste_file_unreadable"),
    "a header of 2 GB": (lambda packed: b"\xff\xff\xff\x7f" + packed[4:], "taste_file_unreadable"),
    "no card": (lambda packed: save(load(packed)), "taste_file_unreadable"),
    "a card that is no card": (
        lambda packed: save(load(packed), {portable.HEADER: "[" * 100_000}),
        "taste_file_unreadable",
    ),
    "a path for a name": (
        lambda packed: changed(packed, version="../../etc/passwd"),
        "taste_file_unreadable",
    ),
    "not a number": (
        lambda packed: changed(packed, {n: t * torch.nan for n, t in load(packed).items()}),
        "taste_file_unreadable",
    ),
    "numbers too large": (
        lambda packed: changed(packed, {n: t * 1e30 for n, t in load(packed).items()}),
        "taste_file_unfitting",
    ),
    "a newer studio": (lambda packed: changed(packed, format=2), "taste_file_newer"),
    "another medium": (lambda packed: changed(packed, medium="melody"), "taste_file_other_medium"),
    "another base": (lambda packed: changed(packed, base="no-such-base"), "taste_file_no_base"),
    "the base altered": (lambda packed: changed(packed, files={"a": "b"}), "taste_file_no_base"),
    "other layers": (
        lambda packed: changed(packed, {f"x.{n}": t for n, t in load(packed).items()}),
        "taste_file_unfitting",
    ),
    "one number for all": (
        lambda packed: changed(packed, broadcastable(load(packed))),
        "taste_file_unfitting",
    ),
    "a rank of thousands": (
        lambda packed: changed(packed, huge(load(packed))),
        "taste_file_unfitting",
    ),
    "nothing learned": (
        lambda packed: changed(packed, {"a": torch.zeros(1)}),
        "taste_file_unfitting",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_used_is_refused(case: str, home: Registry, packed: bytes, tmp_path: Path):
    spoil, key = BAD[case]
    versions = [c.version for c in home.versions("stripes")]
    with pytest.raises(BadUpload) as refused:
        portable.receive(home, "stripes", dropped(spoil(packed), tmp_path))
    assert refused.value.key == key
    assert "Nothing was changed" in str(refused.value)
    assert [c.version for c in home.versions("stripes")] == versions


@pytest.mark.parametrize(
    "strange",
    [7, {}, {"tuned": "<b>", "before": 0, "ties": 0}, {"tuned": -1, "before": 9, "ties": 0}],
)
def test_a_strange_blind_test_is_none(strange: Any, home: Registry, packed: bytes, tmp_path: Path):
    path = dropped(changed(packed, blind_test=strange), tmp_path)
    version = portable.receive(home, "stripes", path)
    assert "blind_test" not in home.checkpoints.find("stripes", version).card


def test_strange_figures_are_left_out(home: Registry, packed: bytes, tmp_path: Path):
    for strange, kept in (
        ({**FIGURES, "accuracy": "<b>high</b>", "ratings": 1e999, "evil": 1}, FIGURES),
        ({**FIGURES, "drift": [1]}, {}),
        ({"gain": 1.0}, {}),
    ):
        path = dropped(changed(packed, measured=strange), tmp_path)
        version = portable.receive(home, "stripes", path)
        assert home.checkpoints.find("stripes", version).card["measured"] == kept
