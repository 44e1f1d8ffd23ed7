"""What crosses to workers and back, and what they keep in memory; without a cluster."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import torch

from studio import adapter as low_rank
from studio import medium
from studio.checkpoint import Checkpoints
from studio.cluster.wire import Part, Which, dumps, loads
from studio.cluster.workers import Opened, Place, described, naming
from studio.errors import NotFound, StudioError
from studio.latent import noise_from_seeds
from studio.manipulation import BadGesture, Pliable
from studio.medium import Generator
from studio.registry import Registry
from studio.words import Words

NOISE = noise_from_seeds(range(4))


def nothing(_: object) -> None:
    """Whatever is asked about is a value."""


def crossed(value: object) -> object:
    return loads(dumps(value, nothing), nothing)


@pytest.fixture
def place(checkpoints: Path, tmp_path: Path) -> Place:
    return Place(checkpoints, tmp_path / "home", None, "cpu", 2**31, 1)


@pytest.fixture
def registry(place: Place) -> Registry:
    return Registry(Checkpoints(place.shipped, place.home or Path()), "cpu")


def taught(generator: Generator, seed: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    adapted = low_rank.attach(generator.mapping)
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in low_rank.adapter_parameters(adapted):
            if parameter.requires_grad:
                parameter.add_(0.03 * torch.randn(parameter.shape, generator=rng))
    return low_rank.adapter_tensors(adapted)


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16, torch.int64, torch.bool])
def test_tensors_arrive_as_they_were(kind: torch.dtype) -> None:
    for sent in (torch.arange(6).view(2, 3).to(kind), torch.zeros(0, 4, dtype=kind)):
        found = crossed({"a": [sent, sent.T]})["a"][0]  # type: ignore[index]
        assert found.dtype == sent.dtype
        assert torch.equal(found, sent)
        found.zero_()


def test_what_goes_wrong_arrives_as_a_sentence() -> None:
    found = crossed(NotFound("unknown_version", medium="stripes", version="x", known="y"))
    assert isinstance(found, NotFound)
    assert "“x”" in str(found)
    assert isinstance(crossed(BadGesture("gesture_none")), BadGesture)


@pytest.mark.parametrize("key", ["workers_away", "lesson_lost"])
def test_whoever_is_concerned_reads_that_nothing_is_lost(key: str) -> None:
    english, chinese = (Words(language).error(StudioError(key)) for language in ("en", "zh"))
    assert "again" in english
    assert "评分" in chinese


def test_works_cross_without_the_models_that_made_them(generator: Generator) -> None:
    inner = generator.inner  # type: ignore[attr-defined]
    which = Which(inner.medium, inner.version)
    sent = generator.decode(generator.map(NOISE[:1]))
    packed = dumps(sent, naming(which, inner))
    assert len(packed) < 400_000
    parts: list[Part] = []

    def part(named: Part) -> object:
        parts.append(named)
        return getattr(inner, named.name)

    (found,) = loads(packed, part)
    assert {named.which for named in parts} <= {which}
    assert found.show("a") == sent[0].show("a")
    assert found.recipe == sent[0].recipe
    for format_ in ("png", "mid", "txt"):
        if format_ in getattr(sent[0], "formats", ()):
            assert found.export(format_) == sent[0].export(format_)


def test_a_description_says_what_a_generator_can_do(generator: Generator) -> None:
    inner = generator.inner  # type: ignore[attr-defined]
    found = described(inner)
    assert found.values["latent_dim"] == inner.latent_dim
    assert found.values["directions"] == inner.directions
    assert {"map", "decode", "features", "attributes"} <= set(found.methods)
    assert "mapping" in found.parts
    assert ("follow" in found.steps) is isinstance(inner, Pliable)
    assert "from_checkpoint" not in found.methods


def test_a_worker_opens_versions_made_after_it_started(place: Place, registry: Registry) -> None:
    models = Opened(place)
    base = models.open(Which("stripes", "base"))
    with pytest.raises(NotFound):
        models.open(Which("stripes", "base-tuned-20260101-000000-abcd"))
    parent = registry.use("stripes", "base")
    version = registry.add_fine_tune(parent, taught(parent, 1), {})
    found = models.open(Which("stripes", version))
    assert torch.equal(found.map(NOISE), registry.use("stripes", version).map(NOISE))
    assert not torch.equal(found.map(NOISE), base.map(NOISE))


def test_a_worker_forgets_versions_that_were_removed(place: Place, registry: Registry) -> None:
    models = Opened(place)
    parent = registry.use("stripes", "base")
    version = registry.add_fine_tune(parent, taught(parent, 1), {})
    models.open(Which("stripes", version))
    models.open(Which("stripes", version).adapted(taught(parent, 2), "blend"))
    assert len(models.resident()) == 3
    models.tidy()
    assert len(models.resident()) == 3
    registry.remove("stripes", version)
    models.tidy()
    assert [one.version for one in models.resident()] == ["base"]


def test_what_is_adapted_for_a_moment_is_made_once_and_makes_room(
    place: Place, registry: Registry
) -> None:
    models = Opened(place)
    parent = registry.use("stripes", "base")
    which = Which("stripes", "base").adapted(taught(parent, 3), "blend")
    found = models.open(which)
    assert found.version == "blend"
    assert torch.equal(found.map(NOISE), parent.adapted(taught(parent, 3), "b").map(NOISE))
    assert models.open(which) is found
    assert models.open(which.adapted(taught(parent, 4), "again")) is not found
    models.budget_bytes = 1
    time.sleep(0.01)
    models.open(Which("stripes", "base").adapted(taught(parent, 5), "blend"))
    assert len(models.resident()) == 2
    with pytest.raises(ValueError):
        models.open(Which("stripes", "base").adapted({"0.down": torch.zeros(2, 3)}, "bad"))


def test_what_a_worker_tells_is_told_once(place: Place) -> None:
    models = Opened(place)
    generator = models.open(Which("stripes", "base"))
    generator.decode(generator.map(NOISE))
    told = models.told("one")
    assert (told.passes, told.changed) == ([("stripes", 4)], [("stripes", True)])
    assert [row[:2] for row in told.loaded] == [("stripes", "base")]
    told = models.told("one")
    assert (told.passes, told.changed) == ([], [])


def test_who_needs_no_cluster_needs_no_ray() -> None:
    root = Path(medium.__file__).parent
    for file in root.rglob("*.py"):
        if file.parent.name == "cluster":
            continue
        for line in file.read_text(encoding="utf-8").splitlines():
            is_at_once = line.startswith(("import ", "from "))
            assert not (is_at_once and ("studio.cluster" in line or " ray" in line)), file
