"""Fine-tuning: the mapping learns to make what a person likes, and is checked before it is offered.

Where it is known what the base makes (studio.taste.foresight), the mapping learns to make what
pleases of that (studio.taste.choosing). Else it climbs, and the aim is the smallest change of what
the generator makes that lifts the expected liking to a wanted percentile: reward maximisation
anchored to the base by a KL divergence, as in Ziegler et al., Fine-Tuning Language Models from
Human Preferences, 2019, with the weight of the reward found by dual ascent instead of by hand. The
reward is pessimistic (mean minus a share of its standard deviation), since an optimiser goes
wherever a reward model is wrong (Gao et al., Scaling Laws for Reward Model Overoptimization, 2022).

That is the lean fine-tune, of the noise's distribution (studio.taste.climb). A deep one goes
on where a decoder can learn (studio.medium.Handed): it learns too, once the mapping has
(studio.taste.hand), and that part is kept only if fresh works gain.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from studio import adapter as low_rank
from studio.errors import NotEnoughRatings
from studio.medium import Generator
from studio.taste import hand
from studio.taste.choosing import LEAST_RISE, SHARES, Choosing, choose
from studio.taste.climb import BATCH, Climb, features_of
from studio.taste.foresight import Foresight
from studio.taste.pleasing import Look, Pleasing
from studio.taste.quality import departure, quality_kept
from studio.taste.ratings import Ratings
from studio.taste.reward import RewardModel, require_trusted
from studio.taste.telling import Progress, Teller
from studio.taste.unfinished import Unfinished

STRENGTHS = {"gentle": 0.8, "clear": 0.97, "bold": 0.99}
"""Percentile of the version's works at which the average new one should be liked, as far as the
reward model knows. Optimising what it knows makes it too hopeful: of clear about 0.85 is true."""

SECONDS = 150.0
"""After the least rounds, no round begins later than this, so that a slow or busy machine ends too;
the check comes after. Two free CPU cores need about a third of it. A deep fine-tune may take
twice."""
SAMPLES = 128
"""Works that before and after are measured on; never used for learning. A lesson that is checked on
fewer, or on more, looks at as many fewer or more in each round."""
MOST_ROUNDS = 24
"""As many, where works are quick to make, while they please less than wanted."""
UNHURRIED = 40.0
"""Seconds after which no round is added to the usual ones."""
LEAST_GAIN = 0.2
LEAST_DIVERSITY = 0.6
LEAST_DECODER_GAIN = 0.05
"""What the decoder's part has to add to the pessimistic gain of fresh works, and twice the standard
error of it, to be kept."""
DECODER_SHARES = (1.0, 0.6)
"""Of what the decoder learned, tried in this order until one is kept: works that all of it makes
too much alike may stay varied with some of it."""
LEAST_DECODER_DIVERSITY = 0.97
"""Share of the diversity that the mapping left which the decoder has to leave."""


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
            noise moved, relative to that of two works before), `quality_kept` (share of works that
            look like something the base could have made, relative to the base's own) and beside it
            `departure` (how far works as a whole lie from the base's), for both see
            studio.taste.quality, `samples`, `accuracy` (of the
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
    base: Generator | None = None,
    foresight: Foresight | None = None,
    strength: str = "clear",
    deep: bool = False,
    preview_noise: Tensor | None = None,
    seconds: float = SECONDS,
    samples: int = SAMPLES,
    seed: int = 0,
    unfinished: Path | None = None,
    progress: Progress | None = None,
    is_cancelled: Callable[[], bool] | None = None,
) -> FineTuneResult:
    """Teach a copy of the generator's mapping what the ratings like.

    Args:
        generator: the version to start from; it is not changed.
        base: the base it goes back to, if it is none itself: what is lost a little in each of many
            lessons is lost, so that quality is measured against what came before all of them.
        foresight: of that base. With it the mapping learns from those of the base's works that
            please (studio.taste.choosing), without it by climbing.
        strength: one of STRENGTHS.
        deep: whether a decoder that can learn does too, which takes as long again.
        preview_noise: [P, 128]; its works are shown as they change.
        samples: works that it is checked on, at least 16; see SAMPLES.
        unfinished: a file that keeps the fine-tune after each round. One that was stopped goes on
            from there, if it is this very one; whoever has the result removes the file.
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
    teller = Teller(generator, preview_noise, progress, is_cancelled)
    teller.tell(0.0, "preparing")
    reward = RewardModel.of(generator, ratings)
    require_trusted(reward, len(ratings))
    rng = torch.Generator().manual_seed(seed)
    noise = check_noise(rng, samples)
    latents = generator.map(noise)
    before = look(generator, latents, reward, teller)
    origin = look_at_base(base, generator, before, noise, reward, teller)
    aim = Pleasing(generator, reward, before, STRENGTHS[strength])
    climb = begin(generator, aim, rng, foresight, strength, before, latents)
    file = Unfinished(
        unfinished,
        *(generator.version, strength, deep, seed, samples, type(climb).__name__),
        *(ratings.latents, ratings.stars, ratings.pairs, ratings.raters),
        *climb.mapping.state_dict().values(),
    )
    if (kept := file.load()) is not None:
        begun -= climb.take_up(kept)
    while climb.rounds < MOST_ROUNDS and not climb.is_over:
        number, elapsed = climb.rounds, time.monotonic() - begun
        may_stop = number >= climb.least_rounds
        if may_stop and (climb.has_enough or elapsed > seconds):
            break
        climb.round(min(number / climb.usual_rounds, 0.9), teller, is_enough=may_stop)
        is_usual = number + 1 >= climb.usual_rounds
        climb.is_over = is_usual and (elapsed > UNHURRIED or climb.is_stuck)
        file.save(climb.state(time.monotonic() - begun))
        share = 0.15 + 0.6 * min((number + 1) / climb.usual_rounds, 1.0)
        teller.tell(share, "learning", climb.mapping, reward=climb.gain)
    teller.tell(0.75, "checking")
    adapter = low_rank.adapter_tensors(climb.mapping)
    tuned = generator.adapted(adapter, generator.version)
    after = look(tuned, tuned.map(noise), reward, teller)
    measured = compare(before, after, origin)
    require_progress(measured)
    if deep and hand.can_learn(generator):
        adapter, measured = _deepened(
            generator,
            adapter,
            climb,
            aim,
            Check(noise, before, after, origin),
            lambda: time.monotonic() - begun > 2 * seconds,
            teller,
        )
    measured |= {
        "accuracy": reward.accuracy,
        "ratings": len(ratings),
        "strength": strength,
        "pictures": climb.pictures + 2 * samples,
        "seconds": round(time.monotonic() - begun, 1),
    }
    teller.tell(1.0, "checking")
    return FineTuneResult(adapter, measured)


def begin(
    generator: Generator,
    aim: Pleasing,
    rng: torch.Generator,
    foresight: Foresight | None,
    strength: str,
    before: Look,
    latents: Tensor,
) -> Climb:
    """Choosing, where works can be foreseen and the base makes some that please clearly more than
    those `before`, of those latents; else climbing."""
    batch = looked_at(len(latents))
    if foresight is not None and foresight.is_of(generator, latents.cpu(), before.features):
        chosen, rise = choose(foresight, aim, SHARES[strength])
        if rise >= LEAST_RISE:
            return Choosing(generator, aim, rng, foresight, chosen, batch)
    return Climb(generator, aim, rng, batch)


def _deepened(
    generator: Generator,
    adapter: dict[str, Tensor],
    climb: Climb,
    aim: Pleasing,
    check: Check,
    is_over: Callable[[], bool],
    teller: Teller,
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Let the decoder learn after the mapping; the adapter and its figures, with the decoder's part
    where it is worth it.

    Args:
        adapter: what the mapping learned.
        check: `after` is with that adapter.
    """
    before, after = check.before, check.after
    measured = compare(before, after, check.base)
    learned = hand.learn(
        generator,
        adapter,
        aim,
        climb.rng,
        is_over,
        lambda share: teller.tell(0.78 + 0.17 * share, "learning"),
    )
    climb.pictures += learned.works
    for share in DECODER_SHARES:
        both = adapter | low_rank.scaled(learned.adapter, share)
        tuned = generator.adapted(both, generator.version)
        later = look(tuned, tuned.map(check.noise), aim.reward, teller)
        climb.pictures += len(check.noise)
        figures = compare(before, later, check.base)
        kept = is_worth_it(after, later, before)
        # Some of what was never learned is not worth another look.
        if kept or not learned.figures["steps"]:
            break
    decoder = {
        "kept": kept,
        "share": share,
        "gain_before": measured["gain"],
        "gain_after": figures["gain"],
        "diversity_kept": figures["diversity_kept"],
        **learned.figures,
    }
    if kept:
        adapter, measured = both, figures
    return adapter, measured | {"decoder": decoder}


def require_progress(measured: dict[str, Any]) -> None:
    """Raises: NotEnoughRatings: no gain on fresh works, or they are too much alike."""
    # So that what is not a number is no progress either.
    if not measured["gain"] >= LEAST_GAIN:
        raise NotEnoughRatings("taste_no_gain")
    if not measured["diversity_kept"] >= LEAST_DIVERSITY:
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
class Check:
    """What works of the same noise were like before and after, and are like at the base."""

    noise: Tensor
    before: Look
    after: Look
    base: Look


def check_noise(rng: torch.Generator, samples: int = SAMPLES) -> Tensor:
    """[samples, 128]; a fresh generator of the same seed draws the same once more."""
    return torch.randn(samples, 128, generator=rng)


def looked_at(samples: int) -> int:
    """Works that each round of a lesson looks at that is checked on so many."""
    return round(BATCH * samples / SAMPLES)


def compare(before: Look, after: Look, base: Look | None = None) -> dict[str, Any]:
    """Figures of a change, on works of the same noise; see FineTuneResult.

    Args:
        base: works of the base, where that is not the version before.
    """
    origin = (base or before).features
    spread = before.mean.std().clamp_min(1e-6)
    rise = after.mean.mean() - before.mean.mean()
    doubt = before.deviation.square().mean()
    percentile = torch.special.ndtr(rise / (spread.square() + doubt).sqrt())
    figures = {"gain": float(rise / spread), "percentile": float(percentile)}
    return figures | changed(before.features, after.features, origin)


def changed(before: Tensor, after: Tensor, base: Tensor) -> dict[str, Any]:
    """The figures of a change that need no reward, of features [N, F] of works of the same noise,
    before and after and at the base."""
    apart = torch.pdist(before).mean()
    return {
        "diversity_kept": float(torch.pdist(after).mean() / apart),
        "drift": float((after - before).norm(dim=1).mean() / apart),
        "quality_kept": quality_kept(base, after),
        "departure": departure(base, after),
        "samples": len(after),
    }


def look_at_base(
    base: Generator | None,
    generator: Generator,
    before: Look,
    noise: Tensor,
    reward: RewardModel,
    teller: Teller,
) -> Look:
    """Works of the base; those of the generator `before` serve where it is one itself."""
    if base is None or base.version == generator.version:
        return before
    return look(base, base.map(noise), reward, teller)


def look(generator: Generator, latents: Tensor, reward: RewardModel, teller: Teller) -> Look:
    features = features_of(generator, latents, teller)
    return Look(features, *reward.predict(features))
