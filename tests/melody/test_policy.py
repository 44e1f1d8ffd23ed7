"""Melodies drawn from the decoder, what taste hears in them, and a decoder that learned."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from torch.nn import functional as F

from studio import adapter as low_rank
from studio.latent import noise_from_seeds
from studio.melody.generator import MelodyGenerator
from studio.melody.grid import FIRST_PITCH, METER_NAMES, VOCABULARY, Grid, Note
from studio.melody.hearing import ASPECTS, aspects, note_lengths
from studio.taste import policy


def untouched(small: MelodyGenerator) -> dict[str, torch.Tensor]:
    return low_rank.adapter_tensors(low_rank.attach(small.mapping))


def of_decoder(small: MelodyGenerator, rank: int = policy.RANK) -> dict[str, torch.Tensor]:
    adapter = low_rank.adapter_tensors(low_rank.attach(small.decoder, rank))
    return low_rank.above("decoder.", adapter)


@pytest.fixture(scope="module")
def latents(small: MelodyGenerator) -> torch.Tensor:
    return small.map(noise_from_seeds(range(12)))


def weights(grid: Grid) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    tokens = F.one_hot(torch.tensor(grid.tokens).long(), VOCABULARY).float()[None]
    meter = F.one_hot(torch.tensor([METER_NAMES.index(grid.meter)]), len(METER_NAMES)).float()
    return tokens, torch.tensor(grid.triplets).float()[None], meter


def melody(meter: str, *notes: tuple[float, float, int]) -> Grid:
    return Grid.of([Note(Fraction(s), Fraction(d), p) for s, d, p in notes], meter)


def test_what_is_heard_is_finite_for_silence_too():
    for meter in METER_NAMES:
        for grid in (melody(meter), melody(meter, (0, 1, 60))):
            found = aspects(*weights(grid))
            assert set(found) == set(ASPECTS)
            assert all(torch.isfinite(value).all() for value in found.values())


def test_a_bar_line_makes_no_note_longer():
    grid = melody("3/4", (0, 3, 60), (3, 3, 62), (6, 0.5, 64), (6.5, 5.5, 65))
    tokens, _, _ = weights(grid)
    begins, rests = tokens[..., FIRST_PITCH:].sum(2), tokens[..., 1]
    lengths, _ = note_lengths(begins, rests, tokens[..., 0])
    # Slots: a dotted half is twelve; what is longer than can be told apart counts as the longest.
    assert (lengths[0].sum(0).nonzero()[:, 0] + 1).tolist() == [2, 12, 16]
    assert float(lengths.sum()) == 4


def test_transposition_changes_where_but_not_how():
    notes = [(0, 1, 60), (1, 0.5, 64), (1.5, 1.5, 62), (4, 2, 67), (9, 1, 60)]
    one = aspects(*weights(melody("4/4", *notes)))
    other = aspects(*weights(melody("4/4", *((s, d, p + 12) for s, d, p in notes))))
    for name in ("places", "lengths", "successions", "intervals", "likeness", "tonality"):
        torch.testing.assert_close(one[name], other[name], msg=name)
    assert not torch.allclose(one["register"], other["register"])


def test_syncopation_is_heard():
    straight = aspects(*weights(melody("4/4", *((s, 1, 60) for s in range(16)))))
    early = aspects(
        *weights(melody("4/4", (0, 0.5, 60), *((s - 0.5, 1, 60) for s in range(1, 17))))
    )
    assert float((straight["places"] - early["places"]).norm()) > 0.5


def test_draws_are_melodies_of_their_latents_meter(small: MelodyGenerator, latents: torch.Tensor):
    rng = torch.Generator().manual_seed(3)
    drawn = small.draw(small.decoder, latents, 5, rng)
    width = len(small.feature_statistics.mean)
    assert drawn.features.shape == (5, len(latents), width)
    assert drawn.log_probabilities.shape == (5, len(latents))
    assert torch.isfinite(drawn.log_probabilities).all()
    assert float(drawn.log_probabilities.detach().max()) <= 0
    torch.testing.assert_close(drawn.divergence, torch.zeros(len(latents)), atol=1e-3, rtol=0)
    assert float(drawn.features.std(0).sum()) > 0
    again = small.draw(small.decoder, latents, 5, torch.Generator().manual_seed(3))
    assert torch.equal(again.features, drawn.features)


def test_likely_draws_sound_like_what_is_decoded(small: MelodyGenerator, latents: torch.Tensor):
    """With all doubt taken from the decoder a draw is the work."""
    sure = low_rank.attach(small.decoder)
    with torch.no_grad():
        for layer in (sure.tokens, sure.triplets):
            layer.base.weight.mul_(1e4)
            layer.base.bias.mul_(1e4)
    drawn = small.draw(sure, latents, 1, torch.Generator().manual_seed(0))
    torch.testing.assert_close(drawn.features[0], small.latent_features(latents).detach())


def test_the_policy_gradient_raises_a_reward_near_the_base(
    small: MelodyGenerator, monkeypatch: pytest.MonkeyPatch
):
    """The reward: how often the tonic is heard."""
    monkeypatch.setattr(policy, "STEPS", 30)
    monkeypatch.setattr(policy, "LATENTS", 12)

    def reward(features: torch.Tensor) -> torch.Tensor:
        return features[:, list(ASPECTS).index("tonality")]

    rng = torch.Generator().manual_seed(0)
    learned = policy.learn(
        small, lambda count: small.map(torch.randn(count, 128, generator=rng)), reward, rng
    )
    tuned = small.adapted(
        untouched(small) | low_rank.above("decoder.", low_rank.adapter_tensors(learned.decoder)),
        "small-2",
    )
    fresh = small.map(noise_from_seeds(range(900, 1000)))
    rows = [
        reward(g.draw(g.decoder, fresh, 4, torch.Generator().manual_seed(1)).features.flatten(0, 1))
        for g in (small, tuned)
    ]
    assert rows[1].mean() > rows[0].mean() + 0.1 * rows[0].std()
    assert 0.1 * policy.TARGET < learned.divergence < 1.5 * policy.TARGET


def test_a_decoders_adapter_is_a_part_of_the_fine_tune(
    small: MelodyGenerator, latents: torch.Tensor
):
    plain = small.adapted(untouched(small), "small-2")
    assert plain.decoder is small.decoder
    same = small.adapted(untouched(small) | of_decoder(small), "small-3")
    torch.testing.assert_close(same.forward(latents), small.forward(latents), atol=1e-4, rtol=1e-4)
    changed = {name: tensor + 0.05 for name, tensor in of_decoder(small).items()}
    tuned = small.adapted(untouched(small) | changed, "small-4")
    assert not torch.allclose(tuned.forward(latents), small.forward(latents), atol=1e-2)
    assert plain.memory_bytes() < tuned.memory_bytes() < small.memory_bytes() + tuned_size(small)
    # What is shown, what taste sees and what taste differentiates are of one decoder.
    seen = tuned.features(tuned.decode(latents))
    torch.testing.assert_close(seen, tuned.latent_features(latents).detach(), atol=1e-3, rtol=1e-3)
    with torch.inference_mode():
        torch.testing.assert_close(
            tuned.forward(latents), tuned.forward(latents.clone().requires_grad_()).detach()
        )


def tuned_size(small: MelodyGenerator) -> int:
    adapter = untouched(small) | of_decoder(small)
    return sum(4 * tensor.numel() for tensor in adapter.values())


def test_fine_tunes_of_decoders_stack(small: MelodyGenerator, latents: torch.Tensor):
    changed = {name: tensor + 0.02 for name, tensor in of_decoder(small).items()}
    first = small.adapted(untouched(small) | changed, "small-2")
    nothing = low_rank.adapter_tensors(low_rank.attach(first.mapping))
    kept = first.adapted(nothing, "small-3")
    assert kept.decoder is first.decoder
    again = low_rank.adapter_tensors(low_rank.attach(first.decoder, policy.RANK))
    second = first.adapted(nothing | low_rank.above("decoder.", again), "small-4")
    torch.testing.assert_close(second.forward(latents), first.forward(latents))


def test_a_decoders_adapter_of_another_shape_is_refused(small: MelodyGenerator):
    wrong = of_decoder(small)
    name = next(name for name in wrong if name.endswith(".up"))
    for broken in (
        {**wrong, name: wrong[name][:-1]},
        {**wrong, "decoder.nowhere.down": wrong[name]},
    ):
        with pytest.raises(ValueError, match="does not fit"):
            small.adapted(untouched(small) | broken, "small-2")
