"""What a fine-tune cost, and less of it where that was too much.

Works that please more may do so because they all look alike, or because the reward model has never
seen their kind (reward hacking; see studio.taste.finetune). A version that lost so much of its
variety or quality is not for anybody to take unawares. Its adapter scales: a smaller share of what
was learned costs less of both, and of the gain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from studio import adapter as low_rank
from studio.errors import NotEnoughRatings
from studio.medium import Generator
from studio.taste.finetune import (
    LEAST_GAIN,
    SAMPLES,
    FineTuneResult,
    check_noise,
    compare,
    look,
    look_at_base,
)
from studio.taste.ratings import Ratings
from studio.taste.reward import RewardModel
from studio.taste.telling import Progress, Teller

KEPT = {"diversity_kept": 0.8, "quality_kept": 0.9}
"""Figures of a fine-tune, and the least of each that may go without saying."""

HALVINGS = 3
"""Tries to find a share: it is known to an eighth then, for half of what a lesson takes."""


def lost(measured: Mapping[str, Any]) -> tuple[str, ...]:
    """Which of KEPT a version has too little of. What was not measured is not held against it:
    figures of versions from before there was a guard. Works that lean towards somebody's own are
    to be as varied as those are, and unlike the base's: what made them looked after that."""
    if "closer" in measured:
        return ()
    return tuple(name for name, least in KEPT.items() if measured.get(name, least) < least)


def weaker(
    generator: Generator,
    result: FineTuneResult,
    ratings: Ratings,
    *,
    base: Generator | None = None,
    samples: int = SAMPLES,
    seed: int = 0,
    progress: Progress | None = None,
    is_cancelled: Callable[[], bool] | None = None,
) -> FineTuneResult:
    """The largest share of a fine-tune that loses nothing of KEPT, measured on the same works.

    Args:
        generator, ratings, base, samples, seed: as the fine-tune had them.
        result: of that fine-tune.
        progress: called with a share of the work done and `stage`, checking.
        is_cancelled: asked before every batch of works.

    Returns:
        The scaled adapter and its figures. `share` says of how much of what was learned; those of a
        decoder by itself are left out, since nobody measured them at this share.

    Raises:
        NotEnoughRatings: so little of it that hardly any gain is left.
        FineTuneCancelled: `is_cancelled` said so.
    """
    teller = Teller(generator, None, progress, is_cancelled)
    teller.tell(0.0, "preparing")
    reward = RewardModel.of(generator, ratings)
    noise = check_noise(torch.Generator().manual_seed(seed), samples)
    before = look(generator, generator.map(noise), reward, teller)
    origin = look_at_base(base, generator, before, noise, reward, teller)
    known = {name: value for name, value in result.measured.items() if name != "decoder"}
    found: FineTuneResult | None = None
    share, step = 0.5, 0.25
    for number in range(HALVINGS):
        teller.tell((number + 1) / (HALVINGS + 1), "checking")
        adapter: dict[str, Tensor] = low_rank.scaled(result.adapter, share)
        tuned = generator.adapted(adapter, generator.version)
        figures = compare(before, look(tuned, tuned.map(noise), reward, teller), origin)
        if not lost(figures):
            found = FineTuneResult(adapter, known | figures | {"share": share})
        share += -step if lost(figures) else step
        step /= 2
    if found is None or found.measured["gain"] < LEAST_GAIN:
        raise NotEnoughRatings("weaker_no_gain")
    teller.tell(1.0, "checking")
    return found
