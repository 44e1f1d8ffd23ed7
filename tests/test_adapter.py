"""Adapters change a mapping a little, and can be taken away without a trace."""

import pytest
import torch
from torch import nn

from studio import adapter


@pytest.fixture
def mapping():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 16), nn.LeakyReLU(0.2), nn.Linear(16, 4))


def trained(module):
    adapted = adapter.attach(module, rank=2)
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


def test_an_adapter_of_another_model_is_refused(mapping):
    other = nn.Sequential(nn.Linear(8, 20), nn.ReLU(), nn.Linear(20, 4))
    with pytest.raises(ValueError, match="does not fit"):
        adapter.apply(mapping, adapter.adapter_tensors(adapter.attach(other)))
    with pytest.raises(ValueError, match="does not fit"):
        adapter.apply(mapping, {})
