"""Fine-tuning: the mapping learns to make what a person likes, and is checked before it is offered.

The aim is the smallest change of what the generator makes that lifts the expected liking to a
wanted percentile: reward maximisation anchored to the base by a KL divergence, as in Ziegler et
al., Fine-Tuning Language Models from Human Preferences, 2019, with the weight of the reward found
by dual ascent instead of by hand. The reward is pessimistic (mean minus a share of its standard
deviation), since an optimiser goes wherever a reward model is wrong (Gao et al., Scaling Laws for
Reward Model Overoptimization, 2022).

Works are dear and mappings cheap. So each round decodes a few works and takes the true gradient of
their reward through features and decoder down to the latent; a linear field fitted to the recent
gradients says which way is up for any latent, without what single works say by chance; and many
cheap steps of a low-rank adapter then climb in that field, for thousands of noises and not far from
where the gradients were taken (a trust region, as in Schulman et al., 2015).

That is the lean fine-tune, of the noise's distribution. A deep one goes on where a decoder says how
likely each work is (studio.medium.Sampled): it learns too, by policy gradient, once the mapping has
(studio.taste.policy), and that part is kept only if fresh works gain.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from studio import adapter as low_rank
from studio.errors import NotEnoughRatings
from studio.medium import Generator, Sampled
from studio.taste import policy
from studio.taste.ratings import Ratings
from studio.taste.reward import COMPONENTS, RewardModel, whiten

STRENGTHS = {"gentle": 0.75, "clear": 0.93, "bold": 0.97}
"""Percentile of the version's works at which the average new one should be liked, as far as the
reward model knows. Optimising what it knows makes it too hopeful: of clear about 0.85 is true."""

SECONDS = 150.0
"""After LEAST_ROUNDS, no round begins later than this, so that a slow or busy machine ends too; the
check comes after. Two free CPU cores need about a third of it. A deep fine-tune may take twice."""
SAMPLES = 128
"""Works that before and after are measured on; never used for learning."""
ROUNDS = 8
MOST_ROUNDS = 24
"""As many, where works are quick to make, while they please less than wanted."""
UNHURRIED = 30.0
"""Seconds after which no round is added to ROUNDS."""
LEAST_ROUNDS = 6
"""Fewer teach nothing worth checking, however slow the machine."""
BATCH = 56
STEPS = 30
"""Of the adapter, between two looks at real works."""
ROUND_SECONDS = 2.0
"""After LEAST_STEPS, a mapping that is not cheap takes no more of them than fit in this."""
LEAST_STEPS = 6
RECENT = 3
"""Rounds whose gradients the field is fitted to."""
SMOOTHING = 0.5
"""Ridge of that fit, for each work and squared standard deviation of the latents."""
ANCHOR_BATCH = 512
ANCHOR_SAMPLES = 4096
ROUND_SAMPLES = 1024
"""Of these, those that a round learns on."""
LEARNING_RATE = 2e-2
PESSIMISM = 0.5
"""Standard deviations of the reward's doubt that are taken off its mean."""
CEILING = 0.98
"""Quantile of the pessimistic reward among works before; to please more than that counts little."""
TRUST = 0.2
"""Reward that the field may be wrong by, per squared standard deviation from the last round."""
PAIRING = 0.1
"""Pull of each noise towards the work it made before: the anchor holds the whole, this the one."""
VARIETY = 1.0
"""Weight of keeping works apart."""
FARTHEST = 2.6
"""Wanted gain, in standard deviations of the expected liking, beyond which no reward model built
on a few dozen ratings deserves to be followed."""
LEAST_GAIN = 0.2
LEAST_DIVERSITY = 0.6
LEAST_ACCURACY = 0.6
LEAST_DECODER_GAIN = 0.05
"""What the decoder's part has to add to the pessimistic gain of fresh works, and twice the standard
error of it, to be kept."""
DECODER_SHARES = (1.0, 0.6)
"""Of what the decoder learned, tried in this order until one is kept: works that all of it makes
too much alike may stay varied with some of it."""
LEAST_DECODER_DIVERSITY = 0.97
"""Share of the diversity that the mapping left which the decoder has to leave."""

Progress = Callable[[float, dict[str, Any]], None]


class FineTuneCancelled(Exception):
    """Somebody does not want this fine-tune any more; nothing was changed."""


@dataclass(frozen=True)
class FineTuneResult:
    """What a fine-tune made.

    Attributes:
        adapter: what the mapping learned, and the decoder under `decoder.`, for
            `Registry.add_fine_tune`.
        measured: figures on works not used for learning, as plain values: `gain` (of expected
            liking, in its standard deviations before), `percentile` (of works before, below the
            average new one, given how unsure the reward is), `diversity_kept` (mean distance of
            two works' features, relative to before), `drift` (mean distance that the work of a
            noise moved, relative to that of two works before), `samples`, `accuracy` (of the
            reward on hidden ratings), `ratings`, `strength`, `pictures` and `seconds` it took; and
            of a decoder that could learn, `decoder`: whether its part is `kept`, which `share` of
            it, the `gain_before` and `gain_after` it, the `diversity_kept` with it, the `kl`
            divergence from the decoder before in nats a work, and the `steps` taken.
    """

    adapter: dict[str, Tensor]
    measured: dict[str, Any]


def finetune(
    generator: Generator,
    ratings: Ratings,
    *,
    strength: str = "clear",
    deep: bool = False,
    preview_noise: Tensor | None = None,
    seconds: float = SECONDS,
    seed: int = 0,
    progress: Progress | None = None,
    is_cancelled: Callable[[], bool] | None = None,
) -> FineTuneResult:
    """Teach a copy of the generator's mapping what the ratings like.

    Args:
        generator: the version to start from; it is not changed.
        strength: one of STRENGTHS.
        deep: whether a decoder that can learn does too, which takes as long again.
        preview_noise: [P, 128]; its works are shown as they change.
        progress: called with a share of the work done and `stage` (preparing, learning, checking)
            and, while learning, `reward` (gain so far) and `artworks` (of the preview noise).
        is_cancelled: asked before every batch of works.

    Raises:
        NotEnoughRatings: too few, contradictory, or no gain on fresh works.
        FineTuneCancelled: `is_cancelled` said so.
        ValueError: unknown strength.
    """
    if strength not in STRENGTHS:
        raise ValueError(f"strength is one of {', '.join(STRENGTHS)}, not {strength!r}")
    begun = time.monotonic()
    teller = _Teller(generator, preview_noise, progress, is_cancelled)
    teller.tell(0.0, "preparing")
    reward = RewardModel.of(generator, ratings)
    if reward.accuracy < LEAST_ACCURACY:
        raise NotEnoughRatings(
            "ratings_contradict", count=len(ratings), right=round(10 * reward.accuracy)
        )
    rng = torch.Generator().manual_seed(seed)
    check_noise = torch.randn(SAMPLES, 128, generator=rng)
    before = _look(generator, generator.map(check_noise), reward, teller)
    lesson = _Lesson(generator, reward, before, STRENGTHS[strength], rng)
    gain = -math.inf
    for number in range(MOST_ROUNDS):
        elapsed = time.monotonic() - begun
        if number >= LEAST_ROUNDS and (gain >= lesson.wanted or elapsed > seconds):
            break
        gain = lesson.round(min(number / ROUNDS, 0.9), teller)
        share = 0.15 + 0.6 * min((number + 1) / ROUNDS, 1.0)
        teller.tell(share, "learning", lesson.mapping, reward=gain)
        if number + 1 >= ROUNDS and elapsed > UNHURRIED:
            break
    teller.tell(0.75, "checking")
    adapter = low_rank.adapter_tensors(lesson.mapping)
    tuned = generator.adapted(adapter, generator.version)
    after = _look(tuned, tuned.map(check_noise), reward, teller)
    measured = compare(before, after)
    require_progress(measured)
    if deep and can_go_deep(generator):
        adapter, measured = _deepened(
            generator,
            adapter,
            lesson,
            (check_noise, before, after),
            lambda: time.monotonic() - begun > 2 * seconds,
            teller,
        )
    measured |= {
        "accuracy": None if math.isnan(reward.accuracy) else reward.accuracy,
        "ratings": len(ratings),
        "strength": strength,
        "pictures": lesson.pictures + 2 * SAMPLES,
        "seconds": round(time.monotonic() - begun, 1),
    }
    teller.tell(1.0, "checking")
    return FineTuneResult(adapter, measured)


def _deepened(
    generator: Generator,
    adapter: dict[str, Tensor],
    lesson: _Lesson,
    check: tuple[Tensor, Look, Look],
    is_over: Callable[[], bool],
    teller: _Teller,
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Let the decoder learn after the mapping; the adapter and its figures, with the decoder's part
    where it is worth it.

    Args:
        adapter: what the mapping learned.
        check: noise, and what its works were like before and with that adapter.
    """
    noise, before, after = check
    mapped = generator.adapted(adapter, generator.version)
    measured = compare(before, after)
    learned = policy.learn(
        cast(Sampled, mapped),
        lambda count: mapped.map(torch.randn(count, 128, generator=lesson.rng)),
        lesson.rewards,
        lesson.rng,
        is_over=is_over,
        tell=lambda share: teller.tell(0.78 + 0.17 * share, "learning"),
    )
    lesson.pictures += learned.works
    learnt = low_rank.above("decoder.", low_rank.adapter_tensors(learned.decoder))
    for share in DECODER_SHARES:
        both = adapter | low_rank.scaled(learnt, share)
        tuned = generator.adapted(both, generator.version)
        later = _look(tuned, tuned.map(noise), lesson.reward, teller)
        lesson.pictures += SAMPLES
        figures = compare(before, later)
        kept = is_worth_it(after, later, before)
        # Some of what was never learned is not worth another look.
        if kept or not learned.steps:
            break
    decoder = {
        "kept": kept,
        "share": share,
        "gain_before": measured["gain"],
        "gain_after": figures["gain"],
        "diversity_kept": figures["diversity_kept"],
        "kl": learned.divergence,
        "steps": learned.steps,
    }
    if kept:
        adapter, measured = both, figures
    return adapter, measured | {"decoder": decoder}


def can_go_deep(generator: Generator) -> bool:
    """Whether a deep fine-tune of this generator differs from a lean one."""
    return getattr(generator, "draw", None) is not None


def require_progress(measured: dict[str, Any]) -> None:
    """Raises: NotEnoughRatings: no gain on fresh works, or they are too much alike."""
    if measured["gain"] < LEAST_GAIN:
        raise NotEnoughRatings("taste_no_gain")
    if measured["diversity_kept"] < LEAST_DIVERSITY:
        raise NotEnoughRatings("taste_collapse")


def is_worth_it(mapped: Look, decoded: Look, base: Look) -> bool:
    """Whether the decoder's part pleases more on works of the same noise, surely and without
    making them alike."""
    rises = (decoded.pessimistic - mapped.pessimistic) / base.mean.std().clamp_min(1e-6)
    error = rises.std() / len(rises) ** 0.5
    apart = torch.pdist(decoded.features).mean() / torch.pdist(mapped.features).mean()
    return bool(
        rises.mean() > max(LEAST_DECODER_GAIN, 2 * float(error))
        and apart >= LEAST_DECODER_DIVERSITY
    )


@dataclass(frozen=True)
class Look:
    """What a reward model thinks of N works."""

    features: Tensor
    mean: Tensor
    deviation: Tensor

    @property
    def pessimistic(self) -> Tensor:
        """[N]; what an optimiser may count on."""
        return self.mean - PESSIMISM * self.deviation


def compare(before: Look, after: Look) -> dict[str, Any]:
    """Figures of a change, on works of the same noise; see FineTuneResult."""
    spread = before.mean.std().clamp_min(1e-6)
    rise = after.mean.mean() - before.mean.mean()
    doubt = before.deviation.square().mean()
    percentile = torch.special.ndtr(rise / (spread.square() + doubt).sqrt())
    figures = {"gain": float(rise / spread), "percentile": float(percentile)}
    return figures | changed(before.features, after.features)


def changed(before: Tensor, after: Tensor) -> dict[str, Any]:
    """The figures of a change that need no reward, of features [N, F] of works of the same
    noise."""
    apart = torch.pdist(before).mean()
    return {
        "diversity_kept": float(torch.pdist(after).mean() / apart),
        "drift": float((after - before).norm(dim=1).mean() / apart),
        "samples": len(after),
    }


def _look(generator: Generator, latents: Tensor, reward: RewardModel, teller: _Teller) -> Look:
    rows = []
    for chunk in latents.split(32):
        teller.stop_if_cancelled()
        with torch.no_grad():
            rows.append(generator.latent_features(chunk.to(generator.device)).cpu())
    features = torch.cat(rows)
    return Look(features, *reward.predict(features))


class _Lesson:
    """The learning itself: an adapted mapping, the gradients seen, the weight of the reward."""

    def __init__(
        self,
        generator: Generator,
        reward: RewardModel,
        before: Look,
        percentile: float,
        rng: torch.Generator,
    ) -> None:
        self.generator = generator
        self.reward = reward
        self.rng = rng
        self.pictures = 0
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.mapping = low_rank.attach(generator.mapping)
        self.optimiser = torch.optim.Adam(
            low_rank.adapter_parameters(self.mapping), LEARNING_RATE, betas=(0.9, 0.99)
        )
        self.base_mean = before.mean.mean()
        self.spread = before.mean.std().clamp_min(1e-6)
        total = (self.spread.square() + before.deviation.square().mean()).sqrt()
        normal = math.sqrt(2) * float(torch.erfinv(torch.tensor(2 * percentile - 1)))
        self.wanted = min(normal * float(total / self.spread), FARTHEST)
        # Nothing is gained by works that please more than nearly everything before did: there the
        # reward model only guesses.
        self.ceiling = torch.quantile(before.pessimistic, CEILING)
        feature_scales = generator.feature_statistics.scales[:COMPONENTS].float()
        self.feature_scales = feature_scales / feature_scales.norm()
        components = whiten(before.features, generator.feature_statistics)
        self.apart = torch.pdist(components * self.feature_scales).mean()
        # The anchor is the version one starts from, which may be a fine-tune already.
        self.noise = torch.randn(ANCHOR_SAMPLES, 128, generator=rng)
        latents = generator.map(self.noise)
        self.anchor_mean = latents.mean(0)
        _, scales, axes = torch.linalg.svd(latents - self.anchor_mean, full_matrices=False)
        known = scales > 0.02 * scales[0]
        scales = scales[known, None] / len(latents) ** 0.5
        self.whitener = (axes[known] / scales).T
        self.unwhitener = axes[known] * scales
        self.start = self.whitened(latents)
        self.weight = 1.5
        self.seen: list[tuple[Tensor, Tensor]] = []

    def round(self, done: float, teller: _Teller) -> float:
        """Decode some works, climb where their gradients point; returns the gain they had."""
        points, gradients, gain = self.look_ahead(teller)
        self.seen = [*self.seen, (points, gradients)][-RECENT:]
        # Dual ascent: more weight while works please less than wanted, less when they please more.
        self.weight *= math.exp(min(max(0.6 * (self.wanted - gain), -0.7), 0.7))
        for group in self.optimiser.param_groups:
            group["lr"] = LEARNING_RATE * (1 - 0.8 * done)
        field = self.field()
        pool = torch.randperm(ANCHOR_SAMPLES, generator=self.rng)[:ROUND_SAMPLES]
        noise = self.noise[pool].to(self.generator.device)
        start = self.start[pool]
        with torch.no_grad():
            last = self.whitened(self.mapping(noise).cpu())
        begun = time.monotonic()
        for step in range(STEPS):
            if step >= LEAST_STEPS and time.monotonic() - begun > ROUND_SECONDS:
                break
            chosen = torch.randperm(ROUND_SAMPLES, generator=self.rng)[:ANCHOR_BATCH]
            white = self.whitened(self.mapping(noise[chosen]).cpu())
            climbed = (white * field(white.detach())).sum(1).mean()
            strayed = (white - last[chosen]).square().sum(1).mean()
            moved = (white - start[chosen]).square().sum(1).mean()
            loss = (
                self.divergence(white) + PAIRING * moved - self.weight * (climbed - TRUST * strayed)
            )
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
        return gain

    def field(self) -> Callable[[Tensor], Tensor]:
        """The gradient of the reward around the recent works, as a linear function of whitened
        latents: what single gradients say by chance averages out."""
        points, gradients = (torch.cat(parts) for parts in zip(*self.seen, strict=True))
        inputs = F.pad(points, (0, 1), value=1.0)
        ridge = SMOOTHING * len(points) * torch.eye(inputs.shape[1])
        ridge[-1, -1] = 0.0
        slopes = torch.linalg.solve(inputs.T @ inputs + ridge, inputs.T @ gradients)
        return lambda white: white @ slopes[:-1] + slopes[-1]

    def whitened(self, latents: Tensor) -> Tensor:
        return (latents - self.anchor_mean) @ self.whitener

    def look_ahead(self, teller: _Teller) -> tuple[Tensor, Tensor, float]:
        """Whitened latents of fresh noise, the gradient of what is wanted there, the mean gain."""
        noise = torch.randn(BATCH, 128, generator=self.rng)
        with torch.no_grad():
            latents = self.mapping(noise.to(self.generator.device)).cpu()
        gradients, gains = [], []
        # Chunks bound the memory; each is large enough to see how far its works lie apart.
        for chunk in latents.split(max(BATCH // 2, 2)):
            teller.stop_if_cancelled()
            white = self.whitened(chunk).requires_grad_()
            chunk = white @ self.unwhitener + self.anchor_mean
            features = self.generator.latent_features(chunk.to(self.generator.device)).cpu()
            components = whiten(features, self.generator.feature_statistics)
            mean, deviation = self.reward.predict_components(components)
            pleased = self.pleasure(mean, deviation).sum()
            spread_out = torch.pdist(components * self.feature_scales).mean() / self.apart
            wish = pleased - VARIETY * len(chunk) * F.relu(1 - spread_out)
            (gradient,) = torch.autograd.grad(wish, white)
            gradients.append(gradient)
            gains.append((mean.detach() - self.base_mean) / self.spread)
        self.pictures += BATCH
        return self.whitened(latents), torch.cat(gradients), float(torch.cat(gains).mean())

    def pleasure(self, mean: Tensor, deviation: Tensor) -> Tensor:
        """What is made as large as possible [B]: the pessimistic reward up to the ceiling, in
        standard deviations of the expected liking before."""
        softness = 0.3 * self.spread
        short = self.ceiling - (mean - PESSIMISM * deviation)
        return -softness * F.softplus(short / softness) / self.spread

    def rewards(self, features: Tensor) -> Tensor:
        """`pleasure` in works with features [N, F], less what each takes from their variety."""
        components = whiten(features, self.generator.feature_statistics)
        points = components * self.feature_scales
        apart = torch.cdist(points, points).sum(1) / (len(points) - 1) / self.apart
        pleasure = self.pleasure(*self.reward.predict_components(components))
        return pleasure - VARIETY * F.relu(1 - apart)

    def divergence(self, white: Tensor) -> Tensor:
        """KL divergence, in nats, of whitened latents from those at the start, as Gaussians."""
        mean = white.mean(0)
        covariance = torch.cov(white.T) + 1e-4 * torch.eye(white.shape[1])
        return 0.5 * (
            covariance.trace() + mean.square().sum() - len(mean) - torch.logdet(covariance)
        )


class _Teller:
    """Says how far a fine-tune is, and hears that it should stop."""

    def __init__(
        self,
        generator: Generator,
        preview_noise: Tensor | None,
        progress: Progress | None,
        is_cancelled: Callable[[], bool] | None,
    ) -> None:
        self.generator = generator
        self.preview_noise = preview_noise
        self.progress = progress
        self.is_cancelled = is_cancelled

    def tell(
        self, share: float, stage: str, mapping: nn.Module | None = None, **values: Any
    ) -> None:
        self.stop_if_cancelled()
        if self.progress is None:
            return
        if mapping is not None and self.preview_noise is not None:
            with torch.no_grad():
                latents = mapping(self.preview_noise.to(self.generator.device)).cpu()
            values["artworks"] = self.generator.decode(latents)
        self.progress(share, {"stage": stage, **values})

    def stop_if_cancelled(self) -> None:
        if self.is_cancelled is not None and self.is_cancelled():
            raise FineTuneCancelled
