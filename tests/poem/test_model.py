"""The decoder's two voices, and training it with its latents as they are."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch

from studio.poem.data import END, Vocabulary
from studio.poem.model import Decoder
from studio.poem.train import Batch, Recipe, Run, come_back, perplexity, train_autoencoder
from tests.poem.verses import batch_of, of

LEAN = 0.4


@pytest.fixture
def poems(run: Run) -> Batch:
    return batch_of(of(run.config.language), Vocabulary(run.words))


def leaning(run: Run, lean: float) -> Decoder:
    found = copy.deepcopy(run.ema.decoder)
    found.lean = lean
    return found


def chances(decoder: Decoder, latents: torch.Tensor, poems: Batch) -> torch.Tensor:
    with torch.no_grad():
        return decoder(latents, poems.before(END), poems.places).log_softmax(2)


def test_two_voices_say_the_geometric_mean_of_what_each_says(run: Run, poems: Batch) -> None:
    latents, _ = run.ema.encoder(poems.tokens, poems.places)
    led = chances(leaning(run, 0.0), latents, poems)
    alone = chances(leaning(run, 0.0), torch.zeros_like(latents), poems)
    expected = led.lerp(alone, LEAN).log_softmax(2)
    assert torch.allclose(chances(leaning(run, LEAN), latents, poems), expected, atol=1e-4)
    assert not torch.allclose(led, expected, atol=0.1)


def test_two_voices_word_by_word_say_what_they_say_at_once(run: Run, poems: Batch) -> None:
    decoder = leaning(run, LEAN)
    latents, _ = run.ema.encoder(poems.tokens, poems.places)
    before, cache, said = poems.before(END), None, []
    with torch.no_grad():
        for time in range(before.shape[1]):
            here = slice(time, time + 1)
            thought, cache = decoder.step(latents, before[:, here], poems.places.at(here), cache)
            said.append(decoder.said(thought).log_softmax(2))
    assert torch.allclose(torch.cat(said, 1), chances(decoder, latents, poems), atol=1e-4)


def test_while_it_learns_there_is_one_voice(run: Run, poems: Batch) -> None:
    latents, _ = run.ema.encoder(poems.tokens, poems.places)
    decoder = leaning(run, LEAN).train()
    # No dropout in it, so that only the voices could make a difference.
    for part in decoder.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
    alone = chances(leaning(run, 0.0), latents, poems)
    assert torch.allclose(chances(decoder, latents, poems), alone, atol=1e-4)


def test_a_settled_decoder_learns_to_write_without_a_latent(
    run: Run, poems: Batch, tmp_path: Path
) -> None:
    run.save()
    later = Run.resume(run.folder, "cpu", alone=0.5, learning_rate=3e-3)
    later.folder = tmp_path
    before = copy.deepcopy(later.ema)
    assert later.recipe == Recipe(**{**vars(run.recipe), "alone": 0.5, "learning_rate": 3e-3})
    train_autoencoder(
        later, poems, poems, 0.0, lambda line: None, steps=40, measure_every=20, is_settled=True
    )
    assert perplexity(later.ema.decoder, poems, END) < 0.7 * perplexity(before.decoder, poems, END)
    known, found = (come_back(poet, poems, END)["perplexity"] for poet in (before, later.ema))
    assert found < 1.2 * known
    for name, weight in later.ema.encoder.state_dict().items():
        assert torch.equal(weight, before.encoder.state_dict()[name])
