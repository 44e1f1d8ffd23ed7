"""What an artist chooses is distrusted, kept, heard and written."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from fractions import Fraction

import mido
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from studio.medium import Recipe
from studio.melody import abc, score
from studio.melody.accompaniment import companion
from studio.melody.artwork import FORMATS, Melody
from studio.melody.grid import Note
from studio.melody.harmony import Chord, Sounding
from studio.melody.keys import SCALES, TONICS, Key, in_mode, mode_of, shift_to
from studio.melody.settings import INSTRUMENTS, OPTIONS, Settings, nearest_instrument
from tests.melody import tunes

CHOICES = [
    {option.key: value}
    for option in OPTIONS
    for value in (option.choices or (option.least, 63.0, option.most))
]


def line(pitches: Sequence[int]) -> list[Note]:
    return [Note(Fraction(i, 2), Fraction(1, 2), pitch) for i, pitch in enumerate(pitches)]


def pitches(notes: Sequence[Note]) -> list[int]:
    return [note.pitch for note in notes]


@given(
    st.dictionaries(st.sampled_from([*[o.key for o in OPTIONS], "stranger"]), st.from_type(object))
)
def test_anything_gives_settings(options: dict[str, object]) -> None:
    settings = Settings.of(options)
    assert Settings.of(settings.to_options()) == settings
    for option in OPTIONS:
        value = getattr(settings, option.key)
        assert option.clean(value) == value


@pytest.mark.parametrize("options", CHOICES)
def test_only_what_differs_is_kept(options: dict[str, object]) -> None:
    (key,) = options
    default = next(option.default for option in OPTIONS if option.key == key)
    kept = Settings.of(options).to_options()
    assert set(kept) == (set() if Settings.of(options) == Settings.of({key: default}) else {key})


@pytest.mark.parametrize(("said", "meant"), [(0, 0), (12, 0), (31, 40), (40, 40), (999, 240)])
def test_a_tempo_is_the_meters_own_or_one_that_can_be_played(said: float, meant: float) -> None:
    assert Settings.of({"tempo": said}).tempo == meant


@given(
    st.sampled_from(sorted(SCALES)),
    st.sampled_from(sorted(SCALES)),
    st.lists(st.integers(0, 27), min_size=1, max_size=40),
)
def test_a_tune_goes_to_another_mode_and_back(start: str, way: str, steps: list[int]) -> None:
    scale = SCALES[start]
    tune = line([48 + 12 * (step // 7) + scale[step % 7] for step in steps])
    moved = in_mode(tune, way)
    assert all(note.pitch % 12 in SCALES[way] for note in moved)
    assert in_mode(moved, mode_of(tune)) == tune
    assert in_mode(tune, mode_of(tune)) == tune
    assert [n.start for n in moved] == [n.start for n in tune]


@given(st.lists(st.integers(45, 90), min_size=1, max_size=30))
def test_its_own_mode_changes_nothing(steps: list[int]) -> None:
    tune = line(steps)
    assert in_mode(tune, mode_of(tune)) == tune


def test_chromatic_notes_keep_to_their_neighbours() -> None:
    major = [60, 64, 63, 64, 65, 66, 67, 62, 64, 60]
    assert pitches(in_mode(line(major), "minor")) == [60, 63, 62, 63, 65, 66, 67, 62, 63, 60]
    minor = [60, 63, 62, 63, 65, 68, 67, 71, 72, 63, 60]
    assert mode_of(line(minor)) == "minor"
    assert pitches(in_mode(line(minor), "major")) == [60, 64, 62, 64, 65, 69, 67, 71, 72, 64, 60]


@pytest.mark.parametrize("tonic", TONICS)
def test_a_key_moves_by_a_tritone_at_most(tonic: str) -> None:
    melody = Melody(tunes.phrases(tunes.TWINKLE), settings=Settings(key=tonic))
    moves = {b.pitch - a.pitch for a, b in zip(melody.notes, melody.heard, strict=True)}
    assert moves == {shift_to(tonic)} and abs(shift_to(tonic)) <= 6
    assert melody.heard[0].pitch % 12 == TONICS.index(tonic)
    # A tune of one key has no accidentals once its signature is there.
    text = melody.export("abc").decode()
    assert not re.search(r"[_^=]", text.split("\nK:")[1])


@pytest.mark.parametrize(
    ("key", "mode", "fifths", "field", "names"),
    [
        ("C", "major", 0, "C", "CDEFGAB"),
        ("D", "minor", -1, "Dm", "D E F G A B♭ C"),
        ("A", "mixolydian", 2, "Amix", "A B C♯ D E F♯ G"),
        ("D♭", "major", -5, "Db", "D♭ E♭ F G♭ A♭ B♭ C"),
        # Five sharps are simpler than eight flats.
        ("A♭", "minor", 5, "G#m", "G♯ A♯ B C♯ D♯ E F♯"),
        ("F♯", "dorian", 4, "F#dor", "F♯ G♯ A B C♯ D♯ E"),
    ],
)
def test_signatures(key: str, mode: str, fifths: int, field: str, names: str) -> None:
    written = Key(TONICS.index(key), mode)
    assert (written.fifths, written.abc) == (fifths, field)
    spelt = [written.name_of(written.tonic + step) for step in SCALES[mode]]
    assert spelt == (names.split() if " " in names else list(names))
    melody = Melody(tunes.phrases(tunes.ODE_TO_JOY), settings=Settings(key=key, mode=mode))
    # The ode has neither sixth nor seventh, so only what was chosen says which mode it is.
    assert f"<fifths>{fifths}</fifths><mode>{mode}</mode>" in melody.export("musicxml").decode()
    assert f"\nK:{field}\n" in melody.export("abc").decode()
    assert written.signature == {
        letter: (1 if fifths > i else -1 if -fifths > 6 - i else 0)
        for i, letter in enumerate("FCGDAEB")
    }


def test_a_raised_seventh_is_written_as_one() -> None:
    melody = Melody(tunes.phrases(tunes.GREENSLEEVES), settings=Settings(key="A"))
    text = melody.export("abc").decode()
    assert "\nK:Am\n" in text and "^G" in text and "_A" not in text
    assert "<step>G</step><alter>1</alter>" in melody.export("musicxml").decode()


@pytest.mark.parametrize("options", CHOICES, ids=str)
def test_every_choice_exports_and_carries_its_recipe(options: dict[str, object]) -> None:
    recipe = Recipe("melody", "mine", (0.5, -1.0), options=options)
    melody = Melody(tunes.phrases(tunes.IRISH_WASHERWOMAN)[:1], recipe, Settings.of(options))
    for format in FORMATS:
        again = Melody.read(io.BytesIO(melody.export(format)))
        assert again.recipe == recipe, format
        assert again.settings == melody.settings, format
    samples, rate = soundfile.read(io.BytesIO(melody.export("wav")))
    assert len(samples) / rate > melody.quarters * 60 / melody.tempo
    assert np.sqrt((samples**2).mean()) > 0.03 and np.abs(samples).max() < 0.999


def test_what_is_heard_does_not_change_what_is_measured() -> None:
    grids = tunes.phrases(tunes.ODE_TO_JOY)
    plain, other = Melody(grids), Melody(grids, settings=Settings(mode="minor", key="G"))
    assert plain.grid is other.grid is grids[-1]
    assert plain.notes == other.notes
    assert plain.heard == plain.notes != other.heard


def test_a_long_piece_is_all_there() -> None:
    grids = tunes.phrases(tunes.ODE_TO_JOY) * 2
    melody = Melody(grids, settings=Settings(accompaniment="chords"))
    assert (melody.bars, melody.quarters) == (16, 64)
    assert len(melody.notes) == sum(len(grid.notes()) for grid in grids)
    text = melody.export("musicxml").decode()
    assert text.count("<measure ") == 16 and text.count("new-system") == 3
    assert text.count("<harmony>") >= 16
    assert melody.export("abc").decode().count("|") == 16
    shown = melody.show()
    # Three phrases that are not steered are paler.
    assert shown.count('opacity="0.45"') == len(melody.notes) - len(grids[-1].notes())
    assert shown.count("data-at=") >= len(melody.notes)
    assert melody.thumbnail().count("<rect") == len(grids[-1].notes())


def test_phrases_of_another_meter_cannot_stand_beside_the_last() -> None:
    (waltz, *_), (march, *_) = map(tunes.phrases, (tunes.SCARBOROUGH_FAIR, tunes.TWINKLE))
    assert Melody([waltz, march]).grids == (march,)
    with pytest.raises(ValueError, match="at least one phrase"):
        Melody([])


def test_signatures_and_tracks_of_midi() -> None:
    grids = tunes.phrases(tunes.GREENSLEEVES)
    melody = Melody(grids, settings=Settings(key="E", accompaniment="arpeggio"))
    file = mido.MidiFile(file=io.BytesIO(melody.export("mid")))
    first, *voices = file.tracks
    assert file.type == 1 and len(voices) == 2
    assert [m.key for m in first if m.type == "key_signature"] == ["Em"]
    assert [m.program for track in voices for m in track if m.type == "program_change"] == [73, 46]
    assert {sum(m.time for m in track) for track in file.tracks} == {melody.quarters * 480}


def test_instruments_that_are_like_others() -> None:
    assert nearest_instrument(0) == nearest_instrument(3) == "piano"
    assert [nearest_instrument(n) for n in (41, 43, 46, 48, 61, 66, 75, 81)] == [
        "violin",
        "cello",
        "harp",
        "violin",
        "trumpet",
        "clarinet",
        "recorder",
        "flute",
    ]
    for kind in ("chords", "arpeggio", "drone"):
        assert all(companion(kind, name) in INSTRUMENTS for name in INSTRUMENTS)


def test_chords_are_written_above_the_notes() -> None:
    melody = Melody(
        tunes.phrases(tunes.TWINKLE), settings=Settings(key="E♭", accompaniment="chords")
    )
    body = melody.export("abc").decode().split("\nK:Eb\n")[1]
    assert re.findall(r'"([^"]+)"', body) == ["Eb", "Ab", "Eb", "Ab", "Eb", "Bb", "Eb"]
    assert (
        "<root-step>A</root-step><root-alter>-1</root-alter>" in melody.export("musicxml").decode()
    )
    assert "E♭" in melody.show()
    assert Melody.read(io.BytesIO(melody.export("abc"))).grid.notes() == melody.grid.notes()


def test_a_chord_under_a_held_note_ties_it() -> None:
    held = [Note(Fraction(i * 4), Fraction(4), pitch) for i, pitch in enumerate((72, 74, 76, 67))]
    sounding = [Sounding(Fraction(i * 2), Fraction(2), Chord(i % 2 * 7, "")) for i in range(8)]
    written = score.Score(held, "4/4", 100, Key(), harmony=sounding)
    bars = score.written(written)
    assert [len(bar) for bar in bars] == [2, 2, 2, 2]
    assert all(bar[0].is_tied and not bar[1].is_tied for bar in bars)
    assert "C8-" in score.abc_text(written).replace("c8-", "C8-")
    (section,) = abc.read_tune(score.abc_text(written)).sections[:1]
    assert [len(bar) for bar in section] == [1, 1, 1, 1]
