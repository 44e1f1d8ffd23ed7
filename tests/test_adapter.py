"""Adapters change a mapping a little, and can be taken away without a trace."""

import pytest
import torch
from torch import nn

from studio import adapter


@pytest.fixture
def mapping():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 16), nn.LeakyReLU(0.2), nn.Linear(16, 4))


def trained(module, rank=2):
    adapted = adapter.attach(module, rank)
    optimizer = torch.optim.Adam(adapter.adapter_parameters(adapted), lr=0.05)
    noise = torch.randn(64, 8)
    for _ in range(20):
        optimizer.zero_grad()
        (adapted(noise) - 1).square().mean().backward()
        optimizer.step()
    return adapted


def test_a_fresh_adapter_changes_nothing(mapping):
    noise = torch.randn(5, 8)
    assert torch.equal(adapter.attach(mapping)(noise), mapping(noise))


def test_training_leaves_the_base_alone_and_the_adapter_is_enough_to_restore(mapping):
    before = {k: v.clone() for k, v in mapping.state_dict().items()}
    adapted = trained(mapping)
    assert all(torch.equal(v, before[k]) for k, v in mapping.state_dict().items())
    noise = torch.randn(5, 8)
    restored = adapter.apply(mapping, adapter.adapter_tensors(adapted))
    assert torch.allclose(restored(noise), adapted(noise), atol=1e-6)
    assert not torch.allclose(restored(noise), mapping(noise), atol=1e-2)


def test_strength_slides_between_base_and_tuned(mapping):
    tensors = adapter.adapter_tensors(trained(mapping))
    noise = torch.randn(5, 8)
    assert torch.equal(adapter.apply(mapping, tensors, strength=0)(noise), mapping(noise))


def test_fine_tunes_of_fine_tunes_stack(mapping):
    first = adapter.apply(mapping, adapter.adapter_tensors(trained(mapping)))
    second = trained(first)
    tensors = adapter.adapter_tensors(second)
    noise = torch.randn(5, 8)
    assert torch.allclose(adapter.apply(first, tensors)(noise), second(noise), atol=1e-5)


def test_a_share_of_a_fine_tune_slides_from_the_version_before_it(mapping):
    noise = torch.randn(5, 8)
    first = adapter.apply(mapping, adapter.adapter_tensors(trained(mapping)))
    second = adapter.adapter_tensors(trained(first))
    ends = [adapter.apply(first, adapter.scaled(second, share))(noise) for share in (0.0, 1.0)]
    assert torch.allclose(ends[0], first(noise), atol=1e-6)
    assert torch.allclose(ends[1], adapter.apply(first, second)(noise), atol=1e-6)
    half = adapter.apply(first, adapter.scaled(second, 0.5))(noise)
    assert (half - ends[0]).norm() < 0.8 * (ends[1] - ends[0]).norm()
    assert not torch.allclose(half, ends[0], atol=1e-2)


@pytest.mark.parametrize("ranks", [(2, 3, 1), (1, 2, 5), (3, 3, 3)])
def test_fine_tunes_may_have_ranks_of_their_own(mapping, ranks):
    noise, module = torch.randn(5, 8), mapping
    for rank in ranks:
        learned = trained(module, rank)
        # In the order they are made in, and in that of a file.
        tensors = adapter.adapter_tensors(learned)
        for saved in (tensors, dict(sorted(tensors.items()))):
            restored = adapter.apply(module, saved)
            assert torch.allclose(restored(noise), learned(noise), atol=1e-5)
        module = restored
    whole = adapter.side_by_side([adapter.adapter_tensors(module)])
    at_once = adapter.apply(mapping, whole)
    assert len(whole["0.down"]) == sum(ranks)
    assert torch.allclose(at_once(noise), module(noise), atol=1e-5)


def test_adapters_side_by_side_add_up():
    torch.manual_seed(0)
    mapping = nn.Sequential(nn.Linear(8, 4))
    noise = torch.randn(5, 8)
    one, other = (adapter.adapter_tensors(trained(mapping, rank)) for rank in (2, 3))
    both = adapter.side_by_side([adapter.scaled(one, 0.25), other])
    expected = sum(
        share * (adapter.apply(mapping, tensors)(noise) - mapping(noise))
        for share, tensors in ((0.25, one), (1, other))
    )
    found = adapter.apply(mapping, both)(noise) - mapping(noise)
    assert torch.allclose(found, expected, atol=1e-5)


def change(tensors, name="0"):
    return tensors[f"{name}.up"] @ tensors[f"{name}.down"]


def test_what_was_learned_twice_takes_no_more_ranks(mapping):
    tensors = adapter.adapter_tensors(trained(mapping, 3))
    twice = adapter.compressed(adapter.side_by_side([tensors, tensors]), most=64)
    assert len(twice["0.down"]) == 3
    for name in ("0", "2"):
        assert torch.allclose(change(twice, name), 2 * change(tensors, name), atol=1e-5)
        assert torch.equal(twice[f"{name}.bias"], 2 * tensors[f"{name}.bias"])


def test_a_compressed_adapter_is_the_nearest_of_its_rank():
    torch.manual_seed(0)
    layer = nn.Sequential(nn.Linear(30, 40))
    tensors = adapter.adapter_tensors(adapter.attach(layer, 12))
    tensors["0.up"] = torch.randn(40, 12)
    small = adapter.compressed(tensors, most=5)
    assert small["0.down"].shape == (5, 30) and small["0.up"].shape == (40, 5)
    scales = torch.linalg.svdvals(change(tensors))
    lost = (change(small) - change(tensors)).norm()
    assert torch.allclose(lost, scales[5:].norm(), rtol=1e-3)
    whole = adapter.compressed(tensors, most=64)
    assert torch.allclose(change(whole), change(tensors), atol=1e-4)


def test_an_adapter_that_learned_nothing_can_be_compressed(mapping):
    small = adapter.compressed(adapter.adapter_tensors(adapter.attach(mapping)), most=4)
    noise = torch.randn(5, 8)
    assert torch.equal(adapter.apply(mapping, small)(noise), mapping(noise))


def test_an_adapter_of_another_model_is_refused(mapping):
    other = nn.Sequential(nn.Linear(8, 20), nn.ReLU(), nn.Linear(20, 4))
    with pytest.raises(ValueError, match="does not fit"):
        adapter.apply(mapping, adapter.adapter_tensors(adapter.attach(other)))
    with pytest.raises(ValueError, match="does not fit"):
        adapter.apply(mapping, {})
