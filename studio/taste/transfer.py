"""Transfer to somebody's own works: from a few of them, a version that leans towards them.

A generator that imitates few examples one by one soon copies them (Ojha et al., Few-shot Image
Generation via Cross-domain Correspondence, 2021). So the aim is not to be like any of them but to
be distributed as they are: the energy distance between the features of works made and of works
given (Székely & Rizzo, Energy statistics, 2013), which needs no network, no bandwidth and few
examples, and asks for as much variety as they have. The mapping climbs as it does for ratings, held
to the base by a KL divergence; the hand may learn after it. Some of the works are held out: what
comes nearest to those is kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from studio import adapter as low_rank
from studio.errors import BadUpload
from studio.medium import Generator
from studio.metrics import away_from_each
from studio.taste import hand
from studio.taste.climb import Climb, features_of
from studio.taste.finetune import (
    LEAST_DIVERSITY,
    MOST_ROUNDS,
    SAMPLES,
    SECONDS,
    UNHURRIED,
    FineTuneResult,
    check_noise,
    looked_at,
)
from studio.taste.telling import Progress, Teller

STRENGTHS = {"gentle": 0.4, "clear": 0.8, "bold": 1.0}
"""Share of the way from what the generator makes to how near the given works are to each other."""

FEWEST = 5
MOST = 500
HELD_OUT = 0.3
"""Share of the works that nothing is learned from."""
PATIENCE = 3
"""Rounds past the one to stop at, after which none is expected."""
LEAST_CLOSER = 0.05
SURE = 2.0
"""Standard errors that make a difference sure."""
LEAST_FAR = 0.02
"""Energy distance from the given works, relative to the mean distance, below which there is no way
to go."""
SAME = 1e-3
"""Works nearer to each other than this, relative to the mean distance, are one work."""


def transfer(
    generator: Generator,
    works: Tensor,
    *,
    strength: str = "clear",
    deep: bool = False,
    preview_noise: Tensor | None = None,
    seconds: float = SECONDS,
    samples: int = SAMPLES,
    seed: int = 0,
    progress: Progress | None = None,
    is_cancelled: Callable[[], bool] | None = None,
) -> FineTuneResult:
    """Teach a copy of the generator's mapping to make works like those given.

    Args:
        generator: the version to start from; it is not changed.
        works: their features [W, F], see `Generator.features`.
        strength: one of STRENGTHS.
        deep: whether the decoder learns too, which takes as long again.
        preview_noise, seconds, samples, seed, progress, is_cancelled: as in `finetune`.

    Returns:
        The adapter, and figures on works not used for learning: `closer` with its standard error
        `closer_error` (the share of the energy distance to the works held out that is gone),
        `closer_learned` (to the others), `diversity_kept` and `diversity_given` (of two works made
        and two given, relative to before), `drift` (as after a fine-tune on ratings), `works`,
        `held_out`, `samples`, `strength`, `pictures`, `seconds`, and of a decoder that learned,
        `decoder`: whether it is `kept`, what was `closer_before` it and `closer_after`.

    Raises:
        BadUpload: too few works, too many, works that are like what is made already, or nothing
            was learned from them.
        FineTuneCancelled: `is_cancelled` said so.
        ValueError: unknown strength.
    """
    if strength not in STRENGTHS:
        raise ValueError(f"strength is one of {', '.join(STRENGTHS)}, not {strength!r}")
    begun = time.monotonic()
    teller = Teller(generator, preview_noise, progress, is_cancelled)
    teller.tell(0.0, "preparing")
    works = works[distinct(works)]
    require_works(len(works))
    rng = torch.Generator().manual_seed(seed)
    noise = check_noise(rng, samples)
    before = features_of(generator, generator.map(noise), teller)
    order = torch.randperm(len(works), generator=rng)
    hidden = round(HELD_OUT * len(works))
    held, learned = works[order[:hidden]], works[order[hidden:]]
    aim = Likeness(learned, held, before, STRENGTHS[strength])
    measured = Nearness(held, learned, before)
    climb = Climb(generator, aim, rng, looked_at(samples))
    course = Course()
    for number in range(MOST_ROUNDS):
        elapsed = time.monotonic() - begun
        is_usual = number < climb.usual_rounds
        if number >= climb.least_rounds and elapsed > (seconds if is_usual else UNHURRIED):
            break
        # Copies: what a mapping's adapter shares with it goes on changing.
        now = {n: t.clone() for n, t in low_rank.adapter_tensors(climb.mapping).items()}
        climb.round(min(number / climb.usual_rounds, 0.9), teller)
        # What was seen in a round was made before its steps.
        course.note(now, aim.away(aim.held), aim.away(aim.works))
        share = 0.15 + 0.6 * min((number + 1) / climb.usual_rounds, 1.0)
        teller.tell(share, "learning", climb.mapping, reward=climb.gain)
        may_stop = number + 1 >= climb.least_rounds
        if may_stop and (climb.has_enough or course.is_past_best):
            break
    best = course.best()
    teller.tell(0.75, "checking")
    climb.pictures += 2 * samples

    def look(adapter: dict[str, Tensor]) -> dict[str, Any]:
        tuned = generator.adapted(adapter, generator.version)
        return measured.of(features_of(tuned, tuned.map(noise), teller))

    figures = look(best)
    require_nearer(figures)
    if deep and hand.can_learn(generator):
        learned_too = hand.learn(
            generator,
            best,
            aim,
            rng,
            is_over=lambda: time.monotonic() - begun > 2 * seconds,
            tell=lambda share: teller.tell(0.78 + 0.17 * share, "learning"),
        )
        climb.pictures += learned_too.works + samples
        both = best | learned_too.adapter
        later = look(both)
        kept = later["closer"] > figures["closer"] and is_varied(later)
        decoder = {
            "kept": kept,
            "closer_before": figures["closer"],
            "closer_after": later["closer"],
            **learned_too.figures,
        }
        best, figures = (both, later) if kept else (best, figures)
        figures["decoder"] = decoder
    figures |= {
        "works": len(works),
        "held_out": len(held),
        "strength": strength,
        "pictures": climb.pictures,
        "seconds": round(time.monotonic() - begun, 1),
    }
    teller.tell(1.0, "checking")
    return FineTuneResult(best, figures)


def distinct(works: Tensor) -> Tensor:
    """Indices of works [W, F] that are not the same as one before them, in their order."""
    apart = torch.cdist(works, works)
    same = apart <= SAME * max(float(apart.mean()), 1e-12)
    return (~same.tril(-1).any(dim=1)).nonzero()[:, 0]


def require_works(count: int) -> None:
    """Raises: BadUpload: too few different works, or too many."""
    if count < FEWEST:
        raise BadUpload("works_too_few", count=count, needed=FEWEST)
    if count > MOST:
        raise BadUpload("works_too_many", count=count, most=MOST)


def require_nearer(measured: dict[str, Any]) -> None:
    """Raises: BadUpload: no nearer to the works, surely farther from those held out, or works too
    much alike."""
    # Three works held out of ten say little: not to come nearer to them is often chance.
    is_farther = measured["closer"] + SURE * measured["closer_error"] < 0
    if measured["closer_learned"] < LEAST_CLOSER or is_farther or not is_varied(measured):
        raise BadUpload("works_no_gain")


def is_varied(measured: dict[str, Any]) -> bool:
    """Whether works differ as those before do, or as those given do if these differ less."""
    return measured["diversity_kept"] >= LEAST_DIVERSITY * min(measured["diversity_given"], 1)


class Likeness:
    """To be distributed like given works: an aim, see studio.taste.climb.Aim.

    How near a work stands is how much farther it is on average from works before than from those
    given. The unit is the standard deviation of that among works before.

    Attributes:
        wanted, apart: see there.
    """

    def __init__(self, works: Tensor, held: Tensor, before: Tensor, share: float) -> None:
        """
        Args:
            works: features [W, F] to lean towards, W at least 2.
            held: features [H, F] of others, only looked at.
            before: features [B, F] of what the generator makes.
            share: of the way from there to how near the given works stand to each other.
        """
        self.works = works
        self.held = held
        self.before = before
        self.apart = torch.pdist(before).mean()
        standing = self.standing(before, len(before) / (len(before) - 1))
        self.middle = standing.mean()
        self.spread = standing.std().clamp_min(1e-6)
        there = torch.cdist(works, before).mean() - torch.pdist(works).mean()
        self.wanted = share * float((there - self.middle) / self.spread)
        self.seen: list[Tensor] = []

    def standing(self, features: Tensor, itself: float = 1.0) -> Tensor:
        """How near works [N, F] stand, [N]; `itself` makes up for those among `before`."""
        away = torch.cdist(features, self.works).mean(1)
        return itself * torch.cdist(features, self.before).mean(1) - away

    def wish(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """See studio.taste.climb.Aim."""
        away = torch.cdist(features, self.works).mean()
        wish = len(features) * (torch.pdist(features).mean() / 2 - away) / self.spread
        with torch.no_grad():
            gain = (self.standing(features) - self.middle) / self.spread
        self.seen = [*self.seen, features.detach()][-2:]
        return wish, gain

    def rewards(self, features: Tensor) -> Tensor:
        """See studio.taste.climb.Aim."""
        apart = torch.cdist(features, features).sum(1) / (len(features) - 1)
        return (apart - torch.cdist(features, self.works).mean(1)) / self.spread

    def away(self, works: Tensor) -> Tensor:
        """How far the works last seen are from each of [W, F], [W]: up to a constant the share it
        has in their energy distance."""
        return away_from_each(torch.cat(self.seen), works)


class Course:
    """The rounds of a climb, and which of them to stop at.

    Which round comes nearest to a handful of works held out is half chance. So it is the latest one
    that is not surely worse than the best, neither for those works nor for the ones learned from.
    """

    def __init__(self) -> None:
        self.adapters: list[dict[str, Tensor]] = []
        self.away: list[tuple[Tensor, ...]] = []

    def note(self, adapter: dict[str, Tensor], *away: Tensor) -> None:
        """What a round began with, and how far it was from each work of several groups."""
        self.adapters.append(adapter)
        self.away.append(away)

    def stop(self) -> int:
        """The round to stop at."""
        groups = [torch.stack(rounds) for rounds in zip(*self.away, strict=True)]
        good = torch.stack([not_worse(rounds) for rounds in groups]).all(0)
        if good.any():
            return int(good.nonzero()[-1])
        return int(torch.stack([rounds.mean(1) for rounds in groups]).sum(0).argmin())

    @property
    def is_past_best(self) -> bool:
        return self.stop() < len(self.away) - PATIENCE

    def best(self) -> dict[str, Tensor]:
        return self.adapters[self.stop()]


def not_worse(away: Tensor) -> Tensor:
    """Which of R rounds [R, W] are as near to W works as the nearest one, as far as W works say."""
    worse = away - away[away.mean(1).argmin()]
    return worse.mean(1) <= SURE * worse.std(1) / away.shape[1] ** 0.5


def away(features: Tensor, works: Tensor) -> float:
    """The energy distance of works [N, F] from others [W, F], but for how far these are apart."""
    return float(away_from_each(features, works).mean())


class Nearness:
    """How near works come to those held out and to those learned from.

    Raises:
        BadUpload: what is made is as near to them as they are to each other.
    """

    def __init__(self, held: Tensor, learned: Tensor, before: Tensor) -> None:
        self.held = held
        self.learned = learned
        self.before = before
        self.apart = float(torch.pdist(before).mean())
        # Few works: how far they are apart is known best from all of them.
        works = torch.cat([held, learned])
        self.within = float(torch.pdist(works).mean())
        self.far = away(before, works) - self.within
        if self.far < LEAST_FAR * self.apart:
            raise BadUpload("works_alike")

    def of(self, after: Tensor) -> dict[str, Any]:
        """Figures of works [N, F] of the same noise as those before, see `transfer`."""
        moved = (after - self.before).norm(dim=1).mean()
        return {
            "closer": float(self.closer(after, self.held).mean()),
            "closer_error": float(self.closer(after, self.held).std() / len(self.held) ** 0.5),
            "closer_learned": float(self.closer(after, self.learned).mean()),
            "diversity_kept": float(torch.pdist(after).mean()) / self.apart,
            "diversity_given": self.within / self.apart,
            "drift": float(moved) / self.apart,
            "samples": len(after),
        }

    def closer(self, after: Tensor, works: Tensor) -> Tensor:
        """[W]; of each work the share of the way that works [N, F] have come."""
        return (away_from_each(self.before, works) - away_from_each(after, works)) / self.far
