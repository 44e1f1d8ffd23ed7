"""The registry shares, batches, evicts, promotes; with a small real model of a test medium."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from studio import adapter, medium
from studio.checkpoint import Checkpoints, write_checkpoint
from studio.errors import BadCheckpoint, NotFound
from studio.registry import Registry


class ToyArtwork(SimpleNamespace):
    """A number with its recipe."""


class ToyGenerator:
    """Doubles latents; counts the batches it decodes."""

    medium = "toy"
    latent_dim = 4
    at_once = 8

    def __init__(self, version, weights):
        self.version = version
        self.device = "cpu"
        self.mapping = nn.Linear(128, 4)
        self.mapping.load_state_dict(weights)
        self.batches = []
        self.size = 1000
        self.pause = threading.Event()
        self.pause.set()

    def map(self, noise):
        with torch.no_grad():
            return self.mapping(noise)

    def decode(self, latents, options=None):
        self.pause.wait(5)
        self.batches.append((len(latents), dict(options or {})))
        if not torch.isfinite(latents).all():
            raise ValueError("NaN")
        return [
            ToyArtwork(value=float(row.sum()) * (options or {}).get("scale", 1), by=self.version)
            for row in latents
        ]

    def adapted(self, tensors, version):
        twin = ToyGenerator(version, self.mapping.state_dict())
        twin.mapping = adapter.apply(self.mapping, tensors)
        twin.size = 10
        return twin

    def memory_bytes(self):
        return self.size


class ToyMedium:
    name = "toy"
    words = Path(__file__).parent / "no-words"
    loads = 0

    def load(self, checkpoint, device):
        ToyMedium.loads += 1
        return ToyGenerator(checkpoint.version, checkpoint.tensors("mapping"))


@pytest.fixture
def registry(tmp_path, monkeypatch):
    monkeypatch.setattr(medium, "media", lambda: {"toy": ToyMedium()})
    for index in range(3):
        weights = nn.Linear(128, 4).state_dict()
        card = {"medium": "toy", "version": f"base-{index}", "parent": None, "created": str(index)}
        write_checkpoint(tmp_path / "shipped", card, {"mapping": weights})
    ToyMedium.loads = 0
    checkpoints = Checkpoints(tmp_path / "shipped", tmp_path / "home")
    return Registry(checkpoints, "cpu", budget_bytes=2500)


def in_threads(count, work):
    results, errors = [None] * count, []

    def run(index):
        try:
            results[index] = work(index)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return results, errors


def test_a_model_is_built_once_however_many_ask(registry):
    found, errors = in_threads(16, lambda _: registry.use("toy", "base-0"))
    assert not errors
    assert ToyMedium.loads == 1
    assert all(generator is found[0] for generator in found)


def test_the_newest_base_is_the_default(registry):
    assert registry.use("toy").version == "base-2"


def test_a_base_that_was_transferred_is_not_what_newcomers_get(registry, tmp_path):
    card = {"medium": "toy", "version": "base-9", "parent": None, "created": "9"}
    card["transferred_from"] = "toy/base-2"
    write_checkpoint(tmp_path / "shipped", card, {"mapping": nn.Linear(128, 4).state_dict()})
    assert registry.default_version("toy") == "base-2"
    assert registry.use("toy", "base-9").version == "base-9"


def test_unknown_names_are_told(registry):
    with pytest.raises(NotFound, match="toy"):
        registry.use("sculpture")
    with pytest.raises(NotFound, match="base-1"):
        registry.use("toy", "base-9")


def test_the_least_recently_used_leaves_first(registry):
    first = registry.use("toy", "base-0")
    registry.use("toy", "base-1")
    registry.use("toy", "base-0")
    registry.use("toy", "base-2")
    assert {r.version for r in registry.resident()} == {"base-0", "base-2"}
    assert first.decode(torch.ones(1, 4))[0].value == 4.0


def test_what_is_asked_for_is_served_even_over_the_budget(registry):
    registry.budget_bytes = 10
    assert registry.use("toy", "base-0").version == "base-0"


def fine_tune(registry, parent="base-0"):
    generator = registry.use("toy", parent)
    tensors = adapter.adapter_tensors(adapter.attach(generator.mapping, 2))
    name = next(n for n in tensors if n.endswith("bias"))
    tensors[name] = torch.ones(4)
    return registry.add_fine_tune(generator, tensors, {"reward_gain": 1.0})


def test_a_fine_tune_shares_its_base_and_changes_only_the_mapping(registry):
    version = fine_tune(registry)
    tuned, base = registry.use("toy", version), registry.use("toy", "base-0")
    noise = torch.randn(3, 128)
    assert torch.allclose(tuned.map(noise), base.map(noise) + 1, atol=1e-5)
    card = registry.checkpoints.find("toy", version).card
    assert card["parent"] == "base-0" and card["measured"] == {"reward_gain": 1.0}


def test_a_base_in_use_by_a_fine_tune_is_not_evicted(registry):
    version = fine_tune(registry)
    registry.use("toy", version)
    registry.use("toy", "base-1")
    registry.use("toy", version)
    registry.use("toy", "base-2")
    names = {r.version for r in registry.resident()}
    assert {"base-0", version, "base-2"} <= names and "base-1" not in names


def test_a_fine_tune_of_another_shape_is_refused(registry):
    generator = registry.use("toy", "base-0")
    wrong = adapter.adapter_tensors(adapter.attach(nn.Linear(7, 3)))
    version = registry.add_fine_tune(generator, wrong, {})
    with pytest.raises(BadCheckpoint, match=version):
        registry.use("toy", version)


def test_promotion_outlives_the_process_and_rolls_back(registry):
    registry.promote("toy", "base-0")
    again = Registry(registry.checkpoints, "cpu")
    assert again.use("toy").version == "base-0"
    again.promote("toy", "base-1")
    assert again.roll_back("toy") == "base-0"
    assert again.roll_back("toy") == "base-2"
    assert again.roll_back("toy") == "base-2"


def test_an_altered_version_cannot_be_promoted(registry):
    folder = registry.checkpoints.find("toy", "base-0").folder
    (folder / "mapping.safetensors").write_bytes(b"no")
    with pytest.raises(BadCheckpoint):
        registry.promote("toy", "base-0")
    assert registry.default_version("toy") == "base-2"


def test_a_work_that_was_just_made_is_not_made_again(registry):
    toy = registry.use("toy")
    latent = torch.ones(1, 4)
    (first,) = toy.decode(latent, {"scale": 2})
    first.value = None
    (again,) = toy.decode(latent.clone(), {"scale": 2})
    assert again.value == 8
    toy.decode(latent, {"scale": 3})
    assert [options["scale"] for _, options in toy.inner.batches] == [2, 3]
    for number in range(40):
        toy.decode(latent + number)
    toy.decode(latent, {"scale": 3})
    assert toy.inner.batches[-1] == (1, {"scale": 3})
