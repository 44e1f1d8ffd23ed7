"""Training is real, resumable, and ends in a checkpoint the studio can use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from studio.errors import BadCheckpoint, BadUpload
from studio.latent import noise_from_seeds
from studio.melody.command import main
from studio.melody.evaluate import copied, n_gram_model, run_index
from studio.melody.generator import MelodyGenerator
from studio.melody.grid import METERS
from studio.melody.midi import read_midi
from studio.melody.piece import Piece
from studio.melody.publish import resume_from
from studio.melody.train import Run, accuracy, exchange, tensors


def test_training_learns(trained, collection) -> None:
    run, lines = trained
    phrases = tensors(collection.split("train"))
    fresh = accuracy(type(run.composer)(run.config), phrases)
    learnt = accuracy(run.ema, phrases)
    assert learnt["onsets"] > fresh["onsets"] + 0.3
    assert learnt["tokens"] > 0.8
    assert lines[0]["error"] > lines[-2].get("error", 0)


def test_a_run_goes_on_where_it_stopped(trained) -> None:
    run, _ = trained
    again = Run.resume(run.folder, "cpu")
    assert (again.step, again.mapping_step) == (run.step, run.mapping_step)
    for name, module in run.parts.items():
        theirs = again.parts[name].state_dict()
        assert all(torch.equal(v, theirs[k]) for k, v in module.state_dict().items())


def test_a_shipped_checkpoint_can_be_trained_on(checkpoint, tmp_path: Path) -> None:
    run = resume_from(checkpoint, tmp_path, "cpu")
    assert run.step == checkpoint.card["training"]["step"] > 0


def test_exchanged_bars_keep_their_meter(collection) -> None:
    torch.manual_seed(0)
    phrases = tensors(collection.split("train"))
    mixed = exchange(phrases, 1.0)
    assert torch.equal(mixed.meter, phrases.meter)
    assert not torch.equal(mixed.tokens, phrases.tokens)
    assert torch.equal(mixed.tokens.sort(0).values[:, :16].sum(), phrases.tokens[:, :16].sum())


def test_mapped_noise_lies_where_real_phrases_do(small, collection) -> None:
    from studio.melody.artwork import Melody
    from studio.melody.data import Phrase

    real = small.encode([Melody([p.grid]) for p in collection.phrases])
    made = small.map(noise_from_seeds(range(512)))
    off = ((made.mean(0) - real.mean(0)) / real.std(0).clamp_min(0.1)).abs().mean()
    assert float(off) < 0.5
    assert 0.5 < float(made.std(0).mean() / real.std(0).mean()) < 1.6
    assert isinstance(collection.phrases[0], Phrase)


def test_the_card_tells_what_matters(checkpoint) -> None:
    card = checkpoint.card
    assert card["trained_on"] == "cpu"
    assert card["data"]["tunes"] > 50
    figures = card["evaluation"]
    assert {"reconstruction", "in_key", "held_out", "baseline", "interpolation"} <= set(figures)
    assert "NaN" not in json.dumps(card)


def test_a_card_with_another_shape_is_refused(checkpoint) -> None:
    card = {**checkpoint.card, "config": {**checkpoint.card["config"], "bar_dim": 9}}
    with pytest.raises(BadCheckpoint, match="small"):
        MelodyGenerator.from_checkpoint(type(checkpoint)(checkpoint.folder, card), "cpu")


def test_copies_are_found_and_new_tunes_are_not(collection) -> None:
    train = collection.split("train")
    index = run_index(train)
    assert copied([p.grid for p in train[:20]], index)["run_of_8"] > 0.9
    made = n_gram_model(train, 20)
    assert len(made) == 20
    assert copied(made, index)["run_of_16"] < 1


def test_a_piece_has_sections_of_one_length(small, tmp_path: Path) -> None:
    melodies = small.decode(small.map(noise_from_seeds(range(3))))
    target = tmp_path / "piece.mid"
    target.write_bytes(Piece(melodies).export("mid"))
    import mido

    track = mido.MidiFile(target).tracks[0]
    times, now = [], 0
    for message in track:
        now += message.time
        if message.type == "marker":
            times.append(now)
    longest = max(4 * METERS[m.grid.meter] for m in melodies)
    assert times == [i * longest * 480 for i in range(3)]
    assert len(read_midi(target.read_bytes()).notes) >= sum(len(m.notes) for m in melodies) - 3


def test_the_command_refuses_too_few_tunes(tmp_path: Path) -> None:
    (tmp_path / "a.abc").write_text("X:1\nT:a\nM:4/4\nL:1/8\nK:C\nCDEFGABc|c8|G8|C8|]\n")
    with pytest.raises(BadUpload, match="at least 64"):
        main(["--data", str(tmp_path), "--run", str(tmp_path / "run")])
