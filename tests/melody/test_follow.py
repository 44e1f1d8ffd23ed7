"""Bars that are kept stay note for note; a rare meter's melodies go on too."""

from __future__ import annotations

import pytest

from studio.latent import noise_from_seeds
from studio.melody import follow
from studio.melody.grid import BARS
from studio.melody.settings import FOUND


@pytest.mark.parametrize("meter", [FOUND, "3/4"])
@pytest.mark.parametrize("kept", [[0, 1], [2], [0, 1, 3]])
def test_kept_bars_are_heard_as_they_were(shipped, kept: list[int], meter: str) -> None:
    options = {"meter": meter}
    latents = shipped.map(noise_from_seeds(range(8)))
    changed = 0
    for seed, latent in enumerate(latents):
        found, _ = shipped.refilled(latent, kept, seed, options)
        before, after = (
            shipped.decode(one[None], options)[0].grid.tokens.reshape(BARS, -1)
            for one in (latent, found)
        )
        assert (after[kept] == before[kept]).all()
        changed += int((after != before).any())
    assert changed >= 6


def test_a_rare_meter_with_few_phrases_on_offer_goes_on_too(small, monkeypatch) -> None:
    monkeypatch.setattr(follow, "OFFERED", 3)
    latent = small.map(noise_from_seeds([5]))[0]
    assert small.continued(latent, 1).shape == latent.shape
