"""A checkpoint folder is whole and unaltered, or it is refused."""

import json

import pytest
import torch

from studio import checkpoint as cp
from studio.errors import BadCheckpoint, NotFound


@pytest.fixture
def roots(tmp_path):
    return cp.Checkpoints(tmp_path / "shipped", tmp_path / "home")


CARD = {"medium": "painting", "version": "small-1", "parent": None}


def test_what_is_written_is_read_back(roots):
    weights = {"a": torch.randn(3, 4), "b": torch.arange(5)}
    roots.write(CARD, {"painter": weights}, {"directions": [{"key": "warm"}]})
    found = roots.find("painting", "small-1")
    assert all(torch.equal(found.tensors("painter")[k], v) for k, v in weights.items())
    assert found.document("directions") == [{"key": "warm"}]
    assert found.is_base


def test_no_file_is_larger_than_a_space_takes(roots, monkeypatch):
    monkeypatch.setattr(cp, "MAX_FILE_BYTES", 300_000)
    weights = {str(i): torch.randn(100, 100) for i in range(12)}
    written = roots.write(CARD, {"painter": weights})
    files = [f for f in written.folder.iterdir() if f.suffix == ".safetensors"]
    assert len(files) > 1
    assert all(f.stat().st_size <= 300_000 for f in files)
    merged = roots.find("painting", "small-1").tensors("painter")
    assert all(torch.equal(merged[k], v) for k, v in weights.items())


@pytest.mark.parametrize("harm", ["flip", "truncate", "delete", "card", "no card", "other name"])
def test_a_harmed_folder_is_refused(roots, harm):
    folder = roots.write(CARD, {"painter": {"a": torch.randn(50)}}).folder
    weights = folder / "painter.safetensors"
    data = bytearray(weights.read_bytes())
    if harm == "flip":
        data[-1] ^= 1
        weights.write_bytes(data)
    elif harm == "truncate":
        weights.write_bytes(data[:-10])
    elif harm == "delete":
        weights.unlink()
    elif harm == "card":
        (folder / "card.json").write_text('{"format": 1')
    elif harm == "no card":
        (folder / "card.json").unlink()
    else:
        folder = folder.rename(folder.with_name("renamed"))
    with pytest.raises(BadCheckpoint) as caught:
        roots.find("painting", folder.name)
    assert folder.name in str(caught.value)


def test_a_card_cannot_reach_outside_its_folder(roots):
    folder = roots.write(CARD, {"painter": {"a": torch.zeros(1)}}).folder
    card = json.loads((folder / "card.json").read_text())
    card["files"]["../../secret"] = "0" * 64
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(BadCheckpoint):
        roots.find("painting", "small-1")


def test_a_version_never_changes(roots):
    roots.write(CARD, {"painter": {"a": torch.zeros(1)}})
    with pytest.raises(BadCheckpoint, match="never change"):
        roots.write(CARD, {"painter": {"a": torch.ones(1)}})
    assert float(roots.find("painting", "small-1").tensors("painter")["a"]) == 0


def test_a_card_may_learn_more_and_forgets_nothing(roots):
    weights = {"a": torch.randn(3)}
    before = roots.write(CARD | {"measured": {"gain": 1.0}}, {"painter": weights}).card
    roots.add_to_card("painting", "small-1", {"blind_test": {"tuned": 9}})
    found = roots.find("painting", "small-1")
    assert found.card == {**before, "blind_test": {"tuned": 9}}
    assert torch.equal(found.tensors("painter")["a"], weights["a"])
    for known in ("blind_test", "measured", "files"):
        with pytest.raises(BadCheckpoint, match="never change"):
            roots.add_to_card("painting", "small-1", {known: {}})
    assert roots.find("painting", "small-1").card == found.card
    with pytest.raises(NotFound):
        roots.add_to_card("painting", "other", {})


def test_a_full_disk_leaves_the_card_as_it_was(roots, monkeypatch):
    folder = roots.write(CARD, {"painter": {"a": torch.zeros(1)}}).folder
    before = (folder / "card.json").read_bytes()

    def no_space(path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cp, "flush", no_space)
    with pytest.raises(BadCheckpoint, match="No space left"):
        roots.add_to_card("painting", "small-1", {"blind_test": {}})
    assert (folder / "card.json").read_bytes() == before
    assert roots.find("painting", "small-1").version == "small-1"


def test_a_full_disk_leaves_nothing_behind(roots, monkeypatch):
    def no_space(path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cp, "flush", no_space)
    with pytest.raises(BadCheckpoint, match="No space left"):
        roots.write(CARD, {"painter": {"a": torch.zeros(1)}})
    assert list((roots.home / "painting").iterdir()) == []
    assert roots.list("painting") == []


def test_a_half_written_folder_is_not_listed(roots):
    (roots.home / "painting" / ".writing-abc").mkdir(parents=True)
    (roots.home / "painting" / "no-card").mkdir()
    assert roots.list("painting") == []


@pytest.mark.parametrize("name", ["../up", "", "Sp ace", ".hidden", "x" * 200])
def test_a_version_name_is_no_path(roots, name):
    with pytest.raises(BadCheckpoint):
        roots.write({**CARD, "version": name}, {})
    with pytest.raises(NotFound):
        roots.find("painting", name)
    with pytest.raises(NotFound):
        roots.remove("painting", name)


def test_an_unknown_version_names_those_there_are(roots):
    roots.write(CARD, {})
    with pytest.raises(NotFound, match="small-1"):
        roots.find("painting", "other")


def test_a_shipped_version_cannot_be_removed(tmp_path):
    cp.write_checkpoint(tmp_path / "shipped", CARD, {})
    roots = cp.Checkpoints(tmp_path / "shipped", tmp_path / "home")
    with pytest.raises(NotFound):
        roots.remove("painting", "small-1")
    assert roots.find("painting", "small-1").version == "small-1"
