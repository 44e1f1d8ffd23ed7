"""A melody that follows the hand, with the composer that people get."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from studio.latent import noise_from_seeds
from studio.manipulation import BadGesture, Drag, Gesture, Pliable, Point, Stroke
from studio.medium import BEFORE, pack
from studio.melody.artwork import Melody
from studio.melody.generator import MelodyGenerator
from studio.melody.grid import BARS, HOLD, VOCABULARY, Note
from studio.melody.hand import Drawn, lifted
from studio.melody.roll import Lanes


def latent_of(shipped: MelodyGenerator, seed: int) -> Tensor:
    return shipped.map(noise_from_seeds([seed]))[0]


def melody_of(shipped: MelodyGenerator, latent: Tensor, **options: object) -> Melody:
    return shipped.decode(latent[None], options)[0]


def place(melody: Melody, note: Note, up: int = 0, later: float = 0.0) -> Point:
    """Where a note lies on the roll, or would so many semitones up and quarters later."""
    x = (float(note.start + note.duration / 2) + later) / melody.quarters
    return x, 0.5 - (note.pitch + up - melody.lanes.middle) / melody.lanes.count


def followed(shipped: MelodyGenerator, latent: Tensor, gesture: Gesture, *kept: int) -> Melody:
    *_, (found, options) = shipped.follow(latent, [gesture], {}, kept)
    return melody_of(shipped, found, **options)


def test_a_pitch_is_found_on_the_roll_where_it_is_drawn() -> None:
    lanes = Lanes.of([Note(start, start, pitch) for start, pitch in ((0, 60), (1, 81))])  # type: ignore[arg-type]
    assert lanes.count == 26
    for pitch in (60, 67, 81):
        assert lanes.pitch(lanes.top(pitch) + 0.5 / lanes.count) == pytest.approx(pitch)


def test_a_note_that_is_dragged_goes_there_and_the_others_stay(shipped: MelodyGenerator) -> None:
    assert isinstance(shipped, Pliable)
    latent = latent_of(shipped, 3)
    before = melody_of(shipped, latent)
    note = before.notes[len(before.notes) // 2]
    up = 5 if note.pitch < before.lanes.middle else -5
    drag = Drag(place(before, note), place(before, note, up))
    after = followed(shipped, latent, drag)
    (there,) = (one for one in after.notes if one.start == note.start)
    assert abs(there.pitch - note.pitch - up) <= 1
    others = {(one.start, one.pitch) for one in before.notes if one != note}
    stayed = others & {(one.start, one.pitch) for one in after.notes}
    assert len(stayed) >= 0.75 * len(others)


def test_what_sounds_goes_up_and_down_with_a_line(shipped: MelodyGenerator) -> None:
    latent = latent_of(shipped, 4)
    before = melody_of(shipped, latent)
    x = np.linspace(0, 1, 30)
    hill, valley = (
        Stroke(tuple(zip(x, 0.5 + by * np.cos(2 * np.pi * x), strict=True)), 0.05)
        for by in (0.3, -0.3)
    )

    def alike(melody: Melody, stroke: Stroke) -> float:
        line = Drawn(stroke, before, ())
        tokens = torch.tensor(melody.grid.tokens.astype(int))
        weights = torch.nn.functional.one_hot(tokens, VOCABULARY).float()
        return float(np.corrcoef(line.sung(weights[None])[0], list(line.line.values()))[0, 1])

    other = min((hill, valley), key=lambda stroke: alike(before, stroke))
    assert alike(before, other) <= 0
    assert alike(followed(shipped, latent, other), other) > 0.8


def test_bars_that_are_locked_stay_note_for_note(shipped: MelodyGenerator) -> None:
    latent = latent_of(shipped, 6)
    before = melody_of(shipped, latent)
    stroke = Stroke(((0.0, 0.9), (1.0, 0.1)), 0.05)
    after = followed(shipped, latent, stroke, 0, 2)
    bars = [one.grid.tokens.reshape(BARS, -1) for one in (before, after)]
    assert (bars[0][[0, 2]] == bars[1][[0, 2]]).all()
    assert (bars[0] != bars[1]).any()


def test_what_cannot_be_followed_is_said(shipped: MelodyGenerator) -> None:
    latent = latent_of(shipped, 3)
    melody = melody_of(shipped, latent)
    note = melody.notes[0]
    start = place(melody, note)
    beyond = {BEFORE: [pack(tuple(latent.tolist()))]}
    wide = replace(note, pitch=note.pitch + 60)
    for gesture, options, kept, key in (
        (Drag(place(melody, wide), start), {}, (), "melody_no_note"),
        (Drag(start, place(melody, note, 4)), {}, (0,), "melody_bar_locked"),
        (Stroke(((0.0, 0.5), (0.9, 0.1)), 0.1), {}, range(BARS), "melody_bar_locked"),
        (Stroke(((0.5, 0.5), (0.51, 0.1)), 0.1), {}, (), "melody_line_short"),
        (Drag((0.1, 0.5), (0.1, 0.2)), beyond, (), "melody_not_steered"),
        (Stroke(((0.1, 0.5), (0.4, 0.2)), 0.1), beyond, (), "melody_not_steered"),
    ):
        with pytest.raises(BadGesture) as refused:
            next(shipped.follow(latent, [gesture], options, list(kept)))
        assert refused.value.key == key


def test_a_note_is_shaped_in_the_last_phrase_and_in_another_mode(shipped: MelodyGenerator) -> None:
    latent = latent_of(shipped, 3)
    options = {BEFORE: [pack(tuple(latent.tolist()))], "mode": "minor"}
    before = melody_of(shipped, latent, **options)
    assert before.bars == 2 * BARS
    last = before.tune[-1]
    up = -4 if last.pitch > before.lanes.middle else 4
    *_, (found, kept) = shipped.follow(
        latent, [Drag(place(before, last), place(before, last, up))], options
    )
    after = melody_of(shipped, found, **kept)
    assert [n for n in after.notes if n.start < before.quarters / 2] == [
        n for n in before.notes if n.start < before.quarters / 2
    ]
    (there,) = (one for one in after.tune if one.start == last.start)
    assert abs(there.pitch - last.pitch - up) <= 2


def test_a_note_that_is_lifted_leaves_no_hole() -> None:
    tokens = np.array([30, HOLD, 32, HOLD, 35], np.uint8)
    lifted(tokens, 2)
    assert tokens.tolist() == [30, HOLD, HOLD, HOLD, 35]
    lifted(tokens, 0)
    assert tokens.tolist() == [35, HOLD, HOLD, HOLD, HOLD]
