"""Small poets that have read a few poems very often, one for each language."""

from __future__ import annotations

import pytest
import torch

from studio.medium import Direction, FeatureStatistics, LatentStatistics
from studio.poem.config import Config
from studio.poem.data import Vocabulary, build_vocabulary
from studio.poem.generator import PoemGenerator
from studio.poem.sounds import tables
from studio.poem.train import Recipe, Run, train_autoencoder
from tests.poem.verses import batch_of, of


@pytest.fixture(scope="session", params=["zh", "en"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A small poet that has read a few poems very often."""
    poems = of(request.param)
    vocabulary = build_vocabulary(poems, 1)
    config = Config(
        request.param,
        len(vocabulary.words),
        line_dim=16,
        width=32,
        heads=2,
        encoder_layers=1,
        layers=1,
        flow_width=16,
        flow_heads=2,
        flow_layers=1,
    )
    recipe = Recipe(batch_size=8, learning_rate=1e-2, beta=0.01, warm_up=20, ema=0.9)
    found = Run(tmp_path_factory.mktemp("run"), config, recipe, vocabulary.words, "cpu")
    batch = batch_of(poems, vocabulary)
    train_autoencoder(
        found, batch, batch, 0.0, lambda line: None, steps={"zh": 80, "en": 150}[request.param]
    )
    return found


@pytest.fixture(scope="session")
def writer(run: Run) -> PoemGenerator:
    language = run.config.language
    dim = run.config.latent_dim
    found = PoemGenerator(
        "poem",
        "trial",
        run.ema,
        Vocabulary(run.words),
        tables(run.words, language),
        frozenset(),
        torch.zeros(0, dtype=torch.long),
        LatentStatistics(torch.zeros(dim), torch.eye(dim), torch.ones(dim)),
        FeatureStatistics(torch.zeros(1), torch.zeros(0, 1), torch.zeros(0)),
        [
            Direction("mood", tuple(torch.eye(dim)[0].tolist()), 1.0, "mood"),
            Direction("axis_1", tuple(torch.eye(dim)[1].tolist()), 1.0),
        ],
        "cpu",
    )
    # A mapping that nothing has taught leads everywhere to the same place.
    torch.manual_seed(0)
    found.mapping = torch.nn.Linear(128, dim).requires_grad_(False)
    torch.nn.init.orthogonal_(found.mapping.weight)
    return found
