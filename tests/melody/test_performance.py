"""What is played: bent as hands do, never out of order, and the tune stays the tune."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import mido
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from studio.medium import Recipe
from studio.melody import sound
from studio.melody.artwork import Melody
from studio.melody.grid import METER_NAMES, METERS, Grid, Note
from studio.melody.midi import read_midi
from studio.melody.performance import (
    ACCOMPANIMENT,
    LARGEST_SHIFT,
    MELODY,
    Played,
    feel,
    perform,
)
from studio.melody.piece import SECTIONS, Piece
from studio.melody.settings import INSTRUMENTS, Settings
from tests.melody import tunes

KINDS = ("chords", "arpeggio", "drone")
REEL = "M:4/4\nL:1/8\nK:C\nc2ec gcec|d2fd adfd|e/d/c/B/ AG (3ABc de|c8|]"


def melody(tune: str = REEL, **settings: object) -> Melody:
    return Melody(tunes.phrases(tune), settings=Settings(**settings))  # type: ignore[arg-type]


def voice(played: Sequence[Played], name: str) -> list[Played]:
    return [note for note in played if note.voice == name]


def test_straight_and_not_humanised_is_exactly_the_grid() -> None:
    piece = melody()
    assert [(n.start, n.end, n.pitch) for n in piece.played()] == [
        (float(n.start), float(n.end), n.pitch) for n in piece.notes
    ]


def test_swing_delays_off_beats_and_nothing_else() -> None:
    straight, swung = melody().played(), melody(feel="swing").played()
    for before, after in zip(straight, swung, strict=True):
        within = before.start % 1
        if within == 0.5:
            assert after.start - before.start == pytest.approx(1 / 6)
        elif within in (0.25, 0.75):
            assert 0 < after.start - before.start < 1 / 6
        else:
            # On the beat, or in thirds, which swing already.
            assert after.start == pytest.approx(before.start)
        assert after.pitch == before.pitch


def test_a_lilt_sets_the_shortest_pairs_three_to_one() -> None:
    starts = [note.start for note in melody(feel="lilt").played()]
    assert starts[:4] == [0, 1, 1.75, 2]
    third_bar = [start - 8 for start in starts if 8 <= start < 10]
    assert third_bar == [0, 0.375, 0.5, 0.875, 1, 1.75]


def test_a_jig_lilts_long_short_middling() -> None:
    jig = melody(tunes.IRISH_WASHERWOMAN, feel="lilt").played()
    lengths = [after.start - before.start for before, after in pairwise(jig[:4])]
    assert lengths == pytest.approx([2 / 3, 1 / 3, 1 / 2])


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    meter = draw(st.sampled_from(METER_NAMES))
    notes, at, end = [], Fraction(0), Fraction(4 * METERS[meter])
    while at < end:
        parts = draw(st.sampled_from([(1,), (1, 1), (1, 2, 1), (1, 1, 1, 1), (3, 1), (1, 1, 1)]))
        step = Fraction(1, sum(parts))
        for part in parts:
            if draw(st.integers(0, 4)):
                notes.append(Note(at, step * part, draw(st.integers(50, 90))))
            at += step * part
    return Grid.of(notes, meter)


@given(
    grids(),
    st.sampled_from(("straight", "swing", "lilt")),
    st.sampled_from(("none", *KINDS)),
    st.floats(0, 1),
)
def test_no_hand_changes_the_order(grid: Grid, name: str, kind: str, amount: float) -> None:
    settings = Settings(feel=name, accompaniment=kind, humanise=amount)
    exact = voice(Melody([grid], settings=replace(settings, humanise=0.0)).played(), MELODY)
    piece = Melody([grid], settings=settings)
    found = piece.played()
    line = voice(found, MELODY)
    assert [n.pitch for n in line] == [n.pitch for n in exact] == [n.pitch for n in piece.notes]
    for note, meant in zip(line, exact, strict=True):
        assert abs(note.start - meant.start) <= amount * LARGEST_SHIFT + 1e-9
    for before, after in pairwise(line):
        assert before.start < before.end <= after.start + 1e-9
    for note in found:
        assert 1 <= note.velocity <= 127
        assert 0 <= note.start < note.end <= piece.quarters + LARGEST_SHIFT
    if kind == "none":
        assert voice(found, ACCOMPANIMENT) == []
    else:
        loudest = max(n.velocity for n in voice(found, ACCOMPANIMENT))
        assert loudest < 100


def test_hands_are_the_same_every_time_and_are_no_machine() -> None:
    piece = melody(humanise=1.0)
    assert piece.played() == melody(humanise=1.0).played()
    shifts = {
        n.start: p.start - float(n.start) for p, n in zip(piece.played(), piece.notes, strict=True)
    }
    assert len({round(shift, 4) for shift in shifts.values()}) > len(shifts) // 2
    # Neighbours drift together, which noise of each note alone would not do.
    beats = [shift for start, shift in shifts.items() if start % 1 == 0 and start % 4]
    steps = sum(abs(a - b) for a, b in pairwise(beats)) / (len(beats) - 1)
    apart = [abs(a - b) for a in beats for b in beats]
    assert steps < sum(apart) / len(apart)


def test_one_note_more_leaves_the_others_in_place() -> None:
    notes = melody().notes
    fewer = [*notes[:5], *notes[6:]]
    settings = Settings(humanise=1.0)
    kept = {n.pitch + n.start for n in perform(fewer, [], "4/4", settings)}
    both = {n.pitch + n.start for n in perform(notes, [], "4/4", settings)}
    assert kept < both


def test_time_that_is_felt_never_turns_back() -> None:
    for tune in (REEL, tunes.IRISH_WASHERWOMAN, tunes.SCARBOROUGH_FAIR):
        piece = melody(tune)
        for name in ("swing", "lilt"):
            felt = feel(piece.notes, piece.meter, name)
            times = [felt(i / 24) for i in range(24 * piece.quarters)]
            assert all(before < after for before, after in pairwise(times))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tune", [tunes.TWINKLE, tunes.GREENSLEEVES, tunes.SCARBOROUGH_FAIR])
def test_the_melody_wins_over_its_accompaniment(kind: str, tune: str) -> None:
    for instrument in ("flute", "cello"):
        piece = melody(tune, accompaniment=kind, instrument=instrument)
        parsed = read_midi(piece.export("mid"))
        assert [n.pitch for n in parsed.notes] == [n.pitch for n in piece.heard]
        assert parsed.program == INSTRUMENTS[instrument]


def test_a_low_slow_melody_wins_over_busy_chords() -> None:
    slow = [Note(Fraction(4 * i), Fraction(4), pitch) for i, pitch in enumerate((52, 55, 53, 48))]
    piece = Melody([Grid.of(slow, "4/4")], settings=Settings(accompaniment="arpeggio"))
    assert read_midi(piece.export("mid")).notes == slow


@pytest.mark.parametrize("kind", KINDS)
def test_an_accompaniment_lies_below_and_lasts_as_long(kind: str) -> None:
    piece = melody(tunes.ODE_TO_JOY, accompaniment=kind, key="F♯")
    band = voice(piece.played(), ACCOMPANIMENT)
    assert min(n.start for n in band) == 0 and max(n.end for n in band) == piece.quarters
    mean = sum(n.pitch for n in band) / len(band)
    assert mean < sum(n.pitch for n in piece.heard) / len(piece.heard) - 7
    tones = {n.pitch % 12 for n in band}
    assert (6 + 7) % 12 in tones and 6 in tones


def test_a_glimpse_is_what_is_shown_without_its_sound() -> None:
    piece = melody(tunes.TWINKLE)
    shown, glimpse = piece.show("a tune"), piece.glimpse("a tune")
    assert "data:audio/flac" not in glimpse
    assert re.sub(r' src="data:audio/flac[^"]*"', "", shown) == glimpse


def test_what_the_page_plays_goes_round_without_a_seam() -> None:
    piece = melody(tunes.TWINKLE, tempo=100.0, instrument="harp")
    seconds = piece.quarters * 60 / 100
    samples, rate = soundfile.read(io.BytesIO(sound.flac(piece.midi(sound.TAIL), seconds)))
    assert len(samples) == round(seconds * rate)
    # The last chord's ringing is over the beginning, so nothing stops at the seam.
    assert abs(samples[-1] - samples[0]) < 0.05
    short, _ = soundfile.read(io.BytesIO(sound.flac(piece.midi(), seconds)))
    assert abs(samples[:2000] - short[:2000]).max() > 1e-3


def test_a_piece_is_labelled_in_both_its_files() -> None:
    recipe = Recipe("melody", "mine", (0.5,))
    frames = [
        Melody(tunes.phrases(tune)[:1], recipe, Settings(key="D", tempo=240.0))
        for tune in (tunes.TWINKLE, tunes.SCARBOROUGH_FAIR, tunes.IRISH_WASHERWOMAN) * 5
    ]
    piece = Piece(frames)
    file = mido.MidiFile(file=io.BytesIO(piece.export("mid")))
    times = {"marker": [], "time_signature": []}
    now = 0
    for message in file.tracks[0]:
        now += message.time
        times.get(message.type, []).append(now)
    assert times["marker"] == [i * 16 * 480 for i in range(SECTIONS)]
    # Every section begins with a bar, whatever was before it.
    signatures = [m for m in file.tracks[0] if m.type == "time_signature"]
    at = dict(zip(times["time_signature"], signatures, strict=True))
    begins = sorted(at)
    for start, end in pairwise(begins):
        bar = 480 * 4 * at[start].numerator // at[start].denominator
        assert (end - start) % bar == 0
    assert Melody.read(io.BytesIO(piece.export("mid"))).recipe == recipe
    wave = piece.export("wav")
    assert Melody.read(io.BytesIO(wave)).recipe == recipe
    place = wave.index(b"cue ")
    (count,) = struct.unpack_from("<I", wave, place + 8)
    assert count == SECTIONS and wave.count(b"labl") == SECTIONS
    starts = [struct.unpack_from("<I", wave, place + 12 + 24 * i + 20)[0] for i in range(count)]
    assert starts == [round(i * 16 * 60 / 240 * 48_000) for i in range(SECTIONS)]
    _, rate = soundfile.read(io.BytesIO(wave))
    assert rate == 48_000
    assert piece.show().count('class="is-inside"') == 0
    with pytest.raises(ValueError, match="mid, wav"):
        piece.export("abc")
    with pytest.raises(ValueError, match="at least one"):
        Piece([])
