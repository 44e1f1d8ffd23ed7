"""Versions in a bucket: several machines see the same ones, whatever fails in between."""

from __future__ import annotations

import json
import shutil
import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import torch

from studio import bucket as bucket_module
from studio.bucket import REMOVED, Bucket, OutOfReach, SharedCheckpoints
from studio.errors import BadCheckpoint, BadSetting, NotFound
from tests.buckets import Buckets, serving

TOY = "toy"


@pytest.fixture(scope="module")
def buckets() -> Iterator[Buckets]:
    with serving() as found:
        yield found


@pytest.fixture
def url(buckets: Buckets) -> str:
    """A place of its own for each test."""
    return f"s3://studio/{uuid.uuid4().hex}"


@pytest.fixture
def machine(url: str, tmp_path: Path) -> Callable[[str], SharedCheckpoints]:
    """Another machine that has only the bucket with the others in common."""
    return lambda name: SharedCheckpoints(tmp_path / "shipped", tmp_path / name, Bucket(url))


@pytest.fixture
def one(machine: Callable[[str], SharedCheckpoints]) -> SharedCheckpoints:
    return machine("one")


@pytest.fixture
def other(machine: Callable[[str], SharedCheckpoints]) -> SharedCheckpoints:
    return machine("other")


def write(machine: SharedCheckpoints, version: str, value: float = 1.0) -> None:
    card = {"medium": TOY, "version": version, "parent": None, "created": version}
    machine.write(card, {"adapter": {"weight": torch.full((4,), value)}})


def objects(machine: SharedCheckpoints) -> set[str]:
    return set(machine.bucket.list())


def listed(machine: SharedCheckpoints) -> list[str]:
    return [found.version for found in machine.list(TOY)]


def test_what_one_has_written_the_other_finds_at_once(
    one: SharedCheckpoints, other: SharedCheckpoints
) -> None:
    write(one, "first", 0.5)
    assert other.find(TOY, "first").tensors("adapter")["weight"].tolist() == [0.5] * 4
    assert listed(other) == ["first"]
    with pytest.raises(NotFound, match="second"):
        other.find(TOY, "second")


def test_what_one_has_written_the_other_lists_after_a_look(
    one: SharedCheckpoints, other: SharedCheckpoints
) -> None:
    write(one, "first")
    write(other, "second")
    for each in (one, other):
        assert each.sync() == []
        assert listed(each) == ["first", "second"]
    one.add_to_card(TOY, "first", {"proof": {"won": 9}})
    other.sync()
    assert other.find(TOY, "first").card["proof"] == {"won": 9}


def test_what_is_removed_goes_everywhere_and_does_not_come_back(
    one: SharedCheckpoints, other: SharedCheckpoints
) -> None:
    write(one, "first")
    write(one, "second")
    other.sync()
    one.remove(TOY, "first")
    assert other.sync() == [(TOY, "first")]
    for each in (one, other, one):
        assert each.sync() == []
        assert listed(each) == ["second"]
        with pytest.raises(NotFound):
            each.find(TOY, "first")
    assert {path.split("/")[1] for path in objects(one)} == {TOY, "second"}
    assert f"{REMOVED}/{TOY}/first" in objects(one)


def test_one_who_has_not_looked_yet_can_remove_too(
    one: SharedCheckpoints, other: SharedCheckpoints
) -> None:
    write(one, "first")
    with pytest.raises(NotFound):
        other.remove(TOY, "first")
    assert one.sync() == [(TOY, "first")]
    assert objects(one) == {f"{REMOVED}/{TOY}/first"}


def test_a_removal_is_remembered_for_a_while(
    one: SharedCheckpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(one, "first")
    one.remove(TOY, "first")
    monkeypatch.setattr(bucket_module, "REMEMBERED", timedelta(seconds=-5))
    one.sync()
    assert objects(one) == set()


def test_without_its_card_nothing_is_a_version(
    one: SharedCheckpoints, other: SharedCheckpoints
) -> None:
    """As one sees it who looks while another is still sending, or died of it."""
    write(one, "first")
    card = one.bucket.read(f"{TOY}/first/card.json")
    one.bucket.delete(f"{TOY}/first/card.json")
    other.sync()
    assert listed(other) == []
    one.bucket.write(f"{TOY}/first/card.json", card)
    other.sync()
    assert listed(other) == ["first"]


def test_what_is_not_what_its_card_says_never_arrives(
    one: SharedCheckpoints, other: SharedCheckpoints
) -> None:
    write(one, "first")
    name = f"{TOY}/first/adapter.safetensors"
    whole = one.bucket.read(name)
    one.bucket.write(name, whole[:-1] + b"!")
    with pytest.raises(BadCheckpoint, match="differs from its card"):
        other.find(TOY, "first")
    other.sync()
    assert listed(other) == []
    assert list(other.home.glob("*/*")) == []
    one.bucket.delete(name)
    with pytest.raises(BadCheckpoint, match="incomplete"):
        other.find(TOY, "first")
    one.bucket.write(name, whole)
    other.find(TOY, "first")


@pytest.mark.parametrize(
    "change",
    [
        {"files": {"../../stolen": "0" * 64}},
        {"files": {"..": "0" * 64}},
        {"files": {"": "0" * 64}},
        {"version": "second"},
        {"medium": "other"},
        {"format": 2},
        {"files": "none"},
    ],
)
def test_a_card_leads_nowhere_else(
    one: SharedCheckpoints, other: SharedCheckpoints, change: dict[str, object]
) -> None:
    write(one, "first")
    name = f"{TOY}/first/card.json"
    card = json.loads(one.bucket.read(name)) | change
    one.bucket.write(name, json.dumps(card).encode())
    other.sync()
    assert [path for path in other.home.parent.rglob("*") if "stolen" in path.name] == []
    assert listed(other) == []
    with pytest.raises(BadCheckpoint):
        other.find(TOY, "first")


def test_what_is_damaged_here_is_fetched_again(one: SharedCheckpoints) -> None:
    write(one, "first", 0.25)
    (one.home / TOY / "first" / "adapter.safetensors").write_bytes(b"")
    assert one.find(TOY, "first").tensors("adapter")["weight"][0] == 0.25


def test_a_bucket_that_was_emptied_fills_again(
    one: SharedCheckpoints, other: SharedCheckpoints
) -> None:
    write(one, "first")
    other.sync()
    for name in objects(one):
        one.bucket.delete(name)
    assert other.sync() == one.sync() == []
    assert listed(one) == listed(other) == ["first"]
    assert f"{TOY}/first/card.json" in objects(one)


def test_another_model_of_the_same_name_overwrites_none(
    one: SharedCheckpoints, other: SharedCheckpoints, buckets: Buckets
) -> None:
    write(one, "mine", 1.0)
    other.failed_at = float("inf")  # as if it had just failed
    write(other, "mine", 2.0)
    for each, value in ((one, 1.0), (other, 2.0)):
        each.sync()
        assert each.find(TOY, "mine").tensors("adapter")["weight"][0] == value


def test_promotions_are_everybodys(one: SharedCheckpoints, other: SharedCheckpoints) -> None:
    one.promotions.change(lambda all_: all_.setdefault(TOY, []).append("first"))
    other.promotions.change(lambda all_: all_.setdefault(TOY, []).append("second"))
    one.sync()
    assert one.promotions.all() == other.promotions.all() == {TOY: ["first", "second"]}


def test_a_bucket_that_is_away_costs_nothing_that_is_here(
    one: SharedCheckpoints, other: SharedCheckpoints, buckets: Buckets
) -> None:
    write(one, "first")
    write(one, "second")
    write(other, "theirs")
    other.sync()
    buckets.leave()
    try:
        write(one, "third")
        assert one.is_away and not one.is_sent(TOY, "third")
        one.remove(TOY, "second")
        one.promotions.change(lambda all_: all_.setdefault(TOY, []).append("first"))
        one.add_to_card(TOY, "first", {"proof": 1})
        assert one.sync() == []
        one.find(TOY, "third")
        with pytest.raises(OutOfReach, match="does not answer"):
            one.find(TOY, "theirs")
        assert listed(one) == ["first", "third"]
        shutil.rmtree(other.home / TOY / "first")
    finally:
        buckets.come_back()
    assert one.sync() == []
    assert not one.is_away and one.is_sent(TOY, "third")
    assert other.sync() == [(TOY, "second")]
    assert listed(one) == listed(other) == ["first", "theirs", "third"]
    assert other.promotions.all() == {TOY: ["first"]}
    assert other.find(TOY, "first").card["proof"] == 1


def test_one_that_refuses_is_away_too(tmp_path: Path, buckets: Buckets) -> None:
    nowhere = SharedCheckpoints(tmp_path, tmp_path / "home", Bucket("s3://no-such-bucket/versions"))
    nowhere.sync()
    assert nowhere.is_away
    write(nowhere, "first")
    assert nowhere.is_away
    nowhere.find(TOY, "first")
    nowhere.sync()
    assert nowhere.is_away


def test_without_its_library_a_bucket_is_refused_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(BadSetting, match=r"requirements-scale\.txt"):
        Bucket("s3://studio/versions")
