"""Policy gradient: the decoder draws works, is told how they please, and draws the like more often.

REINFORCE with the other draws of the same latent as the baseline (Kool et al., Buy 4 REINFORCE
Samples, Get a Baseline for Free!, 2019; for language models: Ahmadian et al., Back to Basics, 2024)
and a KL divergence from the decoder one started from, whose weight follows a target (Ziegler et
al., Fine-Tuning Language Models from Human Preferences, 2019). Few steps of a small adapter: a
reward learned from a few dozen ratings is soon exploited (Gao et al., Scaling Laws for Reward Model
Overoptimization, 2022). Whoever calls this checks on other works whether it was worth it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from studio import adapter as low_rank
from studio.medium import Sampled

RANK = 4
STEPS = 20
LATENTS = 16
DRAWS = 4
"""Works of each latent, of which each is compared with the others."""
LEARNING_RATE = 3e-3
TARGET = 4.0
"""Wanted KL divergence of a work's distribution from the decoder's before, in nats."""
FIRST_WEIGHT = (2 * TARGET) ** -0.5
"""Of that divergence, before it follows the target. No policy at a divergence of D nats can gain
more than sqrt(2 D) standard deviations of a Gaussian reward, so that what it gains for one more is
at most this at the target."""
HASTE = 0.25
"""How fast the weight follows: the logarithm of its change in a step at twice the target."""


@dataclass(frozen=True)
class Policy:
    """A decoder that has learned.

    Attributes:
        decoder: with its adapter.
        divergence: mean KL divergence from the decoder before, in nats a work, at the last step.
        steps: how many were taken.
        works: how many were drawn.
    """

    decoder: nn.Module
    divergence: float
    steps: int
    works: int


def learn(
    generator: Sampled,
    latents: Callable[[int], Tensor],
    reward: Callable[[Tensor], Tensor],
    rng: torch.Generator,
    is_over: Callable[[], bool] = lambda: False,
    tell: Callable[[float], None] = lambda share: None,
) -> Policy:
    """Adapt a copy of the generator's decoder until its draws please more.

    Args:
        latents: draws that many latents [B, D].
        reward: how works with features [N, F] please, [N]; need not be differentiable.
        is_over: asked before each step; there is no next one if it says so.
        tell: hears after each step which share of them is done.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        decoder = low_rank.attach(generator.decoder, RANK)
    optimiser = torch.optim.Adam(low_rank.adapter_parameters(decoder), LEARNING_RATE)
    weight, divergence, steps = FIRST_WEIGHT, 0.0, 0
    while steps < STEPS and not is_over():
        drawn = generator.draw(decoder, latents(LATENTS), DRAWS, rng)
        with torch.no_grad():
            pleased = reward(drawn.features.flatten(0, 1)).view(DRAWS, -1)
        loss = -(advantages(pleased) * drawn.log_probabilities).mean()
        loss = loss + weight * drawn.divergence.mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        divergence = float(drawn.divergence.detach().mean())
        # It falls slower than it rises: at first the divergence is small only because few steps
        # were taken.
        weight *= math.exp(HASTE * min(max(divergence / TARGET - 1, -0.2), 1))
        steps += 1
        tell(steps / STEPS)
    return Policy(decoder.eval(), divergence, steps, steps * LATENTS * DRAWS)


def advantages(rewards: Tensor) -> Tensor:
    """How much better each of S draws is than the others of its latent: [S, B], of unit spread."""
    others = (rewards.sum(0, keepdim=True) - rewards) / (len(rewards) - 1)
    better = rewards - others
    return better / better.square().mean().sqrt().clamp_min(1e-6)
