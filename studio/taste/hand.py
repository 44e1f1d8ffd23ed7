"""The hand itself learns: a low-rank adapter on a decoder, after the mapping has learned.

Where a decoder says how likely each work is, by policy gradient (studio.taste.policy). Where works
differentiate down to its weights, by their gradient (DRaFT: Clark et al., Directly Fine-Tuning
Diffusion Models on Differentiable Rewards, 2024). What a network sees in works is easily flattered
by changing weights (reward hacking, ibid.), so that the change is of low rank, few steps are taken,
and each noise is held to the features that its work had before. Whoever calls this checks on other
works whether it was worth it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from studio import adapter as low_rank
from studio.medium import Generator, Handed, Sampled
from studio.taste import policy
from studio.taste.climb import Aim

RANK = 4
STEPS = 40
BATCH = 24
LEARNING_RATE = 4e-3
HOLD = 0.5
"""Pull of each work to what its noise made before, per squared mean distance between works."""


@dataclass(frozen=True)
class Learned:
    """What a decoder learned.

    Attributes:
        adapter: of the decoder, under `decoder.`.
        figures: `steps` taken, and of a policy its `kl` divergence in nats a work.
        works: how many were made on the way.
    """

    adapter: dict[str, Tensor]
    figures: dict[str, float]
    works: int


def can_learn(generator: Generator) -> bool:
    """Whether this generator's decoder can learn at all."""
    return is_sampled(generator) or getattr(generator, "decoder", None) is not None


def is_sampled(generator: Generator) -> bool:
    return getattr(generator, "draw", None) is not None


def learn(
    generator: Generator,
    adapter: Mapping[str, Tensor],
    aim: Aim,
    rng: torch.Generator,
    is_over: Callable[[], bool] = lambda: False,
    tell: Callable[[float], None] = lambda share: None,
) -> Learned:
    """Adapt the decoder of a generator whose mapping has an adapter already.

    Args:
        is_over: asked before each step; there is no next one if it says so.
        tell: hears after each step which share of them is done.
    """
    mapped = generator.adapted(adapter, generator.version)

    def latents(count: int) -> Tensor:
        return mapped.map(torch.randn(count, 128, generator=rng))

    if is_sampled(generator):
        taught = policy.learn(cast(Sampled, mapped), latents, aim.rewards, rng, is_over, tell)
        tensors = low_rank.adapter_tensors(taught.decoder)
        figures = {"kl": taught.divergence, "steps": taught.steps}
        return Learned(low_rank.above("decoder.", tensors), figures, taught.works)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        fresh = low_rank.attach(cast(Handed, generator).decoder, RANK)
    start = low_rank.above("decoder.", low_rank.adapter_tensors(fresh))
    twin = generator.adapted({**adapter, **start}, generator.version)
    decoder = cast(Handed, twin).decoder
    optimiser = torch.optim.Adam(low_rank.adapter_parameters(decoder), LEARNING_RATE)
    steps = 0
    while steps < STEPS and not is_over():
        chosen = latents(BATCH).to(generator.device)
        with torch.no_grad():
            before = mapped.latent_features(chosen).cpu()
        features = twin.latent_features(chosen).cpu()
        wish, _ = aim.wish(features)
        moved = ((features - before) / aim.apart).square().sum(1).mean()
        loss = HOLD * moved - wish / BATCH
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        steps += 1
        tell(steps / STEPS)
    tensors = low_rank.adapter_tensors(decoder)
    return Learned(low_rank.above("decoder.", tensors), {"steps": steps}, 2 * steps * BATCH)
