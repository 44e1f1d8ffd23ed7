"""How a mapping learns: few works, many cheap steps.

Works are dear and mappings cheap. So each round decodes a few works and takes the true gradient of
what is wanted of them through features and decoder down to the latent; a linear field fitted to the
recent gradients says which way is up for any latent, without what single works say by chance; and
many cheap steps of a low-rank adapter then climb in that field, for thousands of noises and not far
from where the gradients were taken (a trust region, as in Schulman et al., 2015). A KL divergence
holds the whole to what was made before, and its weight follows how much is still wanted (Ziegler et
al., Fine-Tuning Language Models from Human Preferences, 2019, by dual ascent instead of by hand).

What is wanted is an `Aim`: to please, or to be like somebody's own works.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from studio import adapter as low_rank
from studio.directions import Whitening, statistics
from studio.medium import Generator
from studio.taste.telling import Teller

BATCH = 32
"""Works that a round looks at."""
AT_ONCE = 16
"""Of these, those whose gradients are taken together: it bounds the memory."""
STEPS = 30
"""Of the adapter, between two looks at real works."""
ROUND_SECONDS = 1.0
"""After LEAST_STEPS, a mapping that is not cheap takes no more of them than fit in this."""
LEAST_STEPS = 6
RECENT = 3
"""Rounds whose gradients the field is fitted to."""
SMOOTHING = 0.5
"""Ridge of that fit, for each work and squared standard deviation of the latents."""
ANCHOR_BATCH = 256
ANCHOR_SAMPLES = 2048
ROUND_SAMPLES = 512
"""Of these, those that a round learns on."""
LEARNING_RATE = 2e-2
FIRST_WEIGHT = 1.5
"""Of what is wanted, before it follows how much is missing."""
MOST_WEIGHT = 100.0
"""Beyond that the divergence would hold nothing any more, and the gain grows no further."""
LOOKED_BACK = 3
LEAST_RISE = 0.05
"""What the last LOOKED_BACK rounds together have to gain over as many before them; less is no
progress."""
TRUST = 0.2
"""What the field may be wrong by, per squared standard deviation from the last round."""
PAIRING = 0.1
"""Pull of each noise towards the work it made before: the anchor holds the whole, this the one."""


class Aim(Protocol):
    """What works should become.

    Attributes:
        wanted: the gain after which nothing more is.
        apart: mean distance of two works' features before.
    """

    wanted: float
    apart: Tensor

    def wish(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Of works [B, F] made together: what has to become as large as possible, differentiable
        [], and the gain of each [B], without gradient. Both in a unit of which works differ by
        about one."""

    def rewards(self, features: Tensor) -> Tensor:
        """What each of works [N, F] made together is worth, [N], in the same unit; its gradient is
        not asked for."""


class Climb:
    """An adapted mapping on its way: the gradients seen, the weight of what is wanted.

    Attributes:
        mapping: with its adapter, as far as it has come.
        pictures: works decoded so far.
        gains: that works had at the beginning of each round made so far.
        is_over: whether whoever climbs has decided against another round.
        usual_rounds: after which it goes on only if there is a reason to.
        least_rounds: fewer teach nothing worth checking, however slow the machine.
        recent: rounds whose looks at works it goes by.
    """

    usual_rounds = 8
    least_rounds = 6
    recent = RECENT

    def __init__(
        self, generator: Generator, aim: Aim, rng: torch.Generator, batch: int = BATCH
    ) -> None:
        self.generator = generator
        self.aim = aim
        self.rng = rng
        self.batch = batch
        self.pictures = 0
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.mapping = low_rank.attach(generator.mapping)
        self.parameters = low_rank.adapter_parameters(self.mapping)
        self.optimiser = torch.optim.Adam(self.parameters, LEARNING_RATE, betas=(0.9, 0.99))
        # The anchor is the version one starts from, which may be a fine-tune already.
        self.noise = torch.randn(ANCHOR_SAMPLES, 128, generator=rng)
        latents = generator.map(self.noise)
        self.whitening = Whitening.of(statistics(latents), least=0.02)
        self.start = self.whitening.points(latents)
        self.weight = FIRST_WEIGHT
        self.seen: list[tuple[Tensor, Tensor]] = []
        self.gains: list[float] = []
        self.is_over = False

    @property
    def rounds(self) -> int:
        return len(self.gains)

    @property
    def gain(self) -> float:
        """That works had at the beginning of the last round."""
        return self.gains[-1] if self.gains else -math.inf

    @property
    def has_enough(self) -> bool:
        """Whether works had all that is wanted at the beginning of the last round."""
        return self.gain >= self.aim.wanted

    @property
    def is_stuck(self) -> bool:
        """Whether the last rounds gained nothing."""
        before, now = self.gains[-2 * LOOKED_BACK : -LOOKED_BACK], self.gains[-LOOKED_BACK:]
        return len(before) == LOOKED_BACK and sum(now) - sum(before) < LOOKED_BACK * LEAST_RISE

    def state(self, seconds: float) -> dict[str, Tensor]:
        """All that the next round depends on, besides what every climb to this aim begins with;
        `seconds` is how long this one has taken."""
        numbers = (self.weight, self.is_over, self.pictures, seconds)
        moments = self.optimiser.state_dict()["state"]
        return {
            "numbers": torch.tensor([float(number) for number in numbers], dtype=torch.float64),
            "gains": torch.tensor(self.gains, dtype=torch.float64),
            "rng": self.rng.get_state(),
            **{f"seen.{i}.{j}": t for i, both in enumerate(self.seen) for j, t in enumerate(both)},
            **{f"parameter.{i}": p for i, p in enumerate(self.parameters)},
            **{f"adam.{i}.{name}": t for i, of in moments.items() for name, t in of.items()},
        }

    def take_up(self, state: Mapping[str, Tensor]) -> float:
        """Be where a climb to the same aim was; returns how many seconds that had taken."""
        self.weight, is_over, pictures, seconds = state["numbers"].tolist()
        self.is_over, self.pictures = bool(is_over), int(pictures)
        self.gains = state["gains"].tolist()
        self.rng.set_state(state["rng"])
        seen = range(min(self.rounds, self.recent))
        self.seen = [(state[f"seen.{i}.0"], state[f"seen.{i}.1"]) for i in seen]
        moments = {}
        for index, parameter in enumerate(self.parameters):
            with torch.no_grad():
                parameter.copy_(state[f"parameter.{index}"])
            moments[index], _ = low_rank.split(f"adam.{index}.", state)
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": moments, "param_groups": groups})
        return float(seconds)

    def round(self, done: float, teller: Teller, is_enough: bool = False) -> None:
        """Decode some works, climb where their gradients point.

        Args:
            done: share of the rounds that are over; steps become smaller with it.
            is_enough: whether to stay where works have the wanted gain already.

        Raises:
            FineTuneCancelled: nobody waits for it any more.
        """
        points, gradients, gain = self.look_ahead(teller)
        self.seen = [*self.seen, (points, gradients)][-self.recent :]
        self.gains = [*self.gains, gain]
        if is_enough and self.has_enough:
            return
        # Dual ascent: more weight while there is less than wanted, less when there is more.
        self.weight *= math.exp(min(max(0.6 * (self.aim.wanted - gain), -0.7), 0.7))
        self.weight = min(self.weight, MOST_WEIGHT)
        field = self.field()
        pool = torch.randperm(ANCHOR_SAMPLES, generator=self.rng)[:ROUND_SAMPLES]
        noise = self.noise[pool].to(self.generator.device)
        start = self.start[pool]
        with torch.no_grad():
            last = self.whitening.points(self.mapping(noise).cpu())

        def loss() -> Tensor:
            chosen = torch.randperm(ROUND_SAMPLES, generator=self.rng)[:ANCHOR_BATCH]
            white = self.whitening.points(self.mapping(noise[chosen]).cpu())
            climbed = (white * field(white.detach())).sum(1).mean()
            strayed = (white - last[chosen]).square().sum(1).mean()
            moved = (white - start[chosen]).square().sum(1).mean()
            pull = self.weight * (climbed - TRUST * strayed)
            return self.divergence(white) + PAIRING * moved - pull

        self.descend(loss, done, ROUND_SECONDS)

    def descend(self, loss: Callable[[], Tensor], done: float, seconds: float) -> None:
        """STEPS of the adapter, smaller ones the more is `done`; after LEAST_STEPS no more than fit
        in so many seconds."""
        for group in self.optimiser.param_groups:
            group["lr"] = LEARNING_RATE * (1 - 0.8 * done)
        begun = time.monotonic()
        for step in range(STEPS):
            if step >= LEAST_STEPS and time.monotonic() - begun > seconds:
                break
            self.optimiser.zero_grad()
            loss().backward()
            self.optimiser.step()

    def field(self) -> Callable[[Tensor], Tensor]:
        """The gradient of what is wanted around the recent works, as a linear function of whitened
        latents: what single gradients say by chance averages out."""
        points, gradients = (torch.cat(parts) for parts in zip(*self.seen, strict=True))
        inputs = F.pad(points, (0, 1), value=1.0)
        ridge = SMOOTHING * len(points) * torch.eye(inputs.shape[1])
        ridge[-1, -1] = 0.0
        slopes = torch.linalg.solve(inputs.T @ inputs + ridge, inputs.T @ gradients)
        return lambda white: white @ slopes[:-1] + slopes[-1]

    def look_ahead(self, teller: Teller) -> tuple[Tensor, Tensor, float]:
        """Whitened latents of fresh noise, the gradient of what is wanted there, the mean gain."""
        noise = torch.randn(self.batch, 128, generator=self.rng)
        with torch.no_grad():
            latents = self.mapping(noise.to(self.generator.device)).cpu()
        gradients, gains = [], []
        # Of one size: each is large enough to see how far its works lie apart.
        for chunk in latents.tensor_split(max(math.ceil(self.batch / AT_ONCE), 2)):
            teller.stop_if_cancelled()
            white = self.whitening.points(chunk).requires_grad_()
            chunk = self.whitening.latents(white)
            wish, gain = self.aim.wish(
                self.generator.latent_features(chunk.to(self.generator.device)).cpu()
            )
            (gradient,) = torch.autograd.grad(wish, white)
            gradients.append(gradient)
            gains.append(gain)
        self.pictures += self.batch
        return self.whitening.points(latents), torch.cat(gradients), float(torch.cat(gains).mean())

    def divergence(self, white: Tensor) -> Tensor:
        """KL divergence, in nats, of whitened latents from those at the start, as Gaussians."""
        mean = white.mean(0)
        covariance = torch.cov(white.T) + 1e-4 * torch.eye(white.shape[1])
        return 0.5 * (
            covariance.trace() + mean.square().sum() - len(mean) - torch.logdet(covariance)
        )


def features_of(generator: Generator, latents: Tensor, teller: Teller | None = None) -> Tensor:
    """Features [N, F] of the works of latents [N, D], without gradient.

    Raises:
        FineTuneCancelled: nobody waits for it any more.
    """
    rows = []
    for chunk in latents.split(32):
        if teller is not None:
            teller.stop_if_cancelled()
        with torch.no_grad():
            rows.append(generator.latent_features(chunk.to(generator.device)).cpu())
    return torch.cat(rows)
