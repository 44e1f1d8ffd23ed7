"""Tunes from files: what is read is what was written, and bad files get a sentence."""

from __future__ import annotations

import io
from fractions import Fraction

import mido
import pytest

from studio.errors import BadUpload
from studio.medium import Recipe
from studio.melody import abc
from studio.melody.artwork import FORMATS, Melody
from studio.melody.data import Collection, collect
from studio.melody.grid import Grid, Note
from studio.melody.midi import read_midi, write_midi
from studio.melody.performance import MELODY, Played

HEAD = "X:1\nT:A tune\nM:4/4\nL:1/8\nK:{key}\n"


def notes(body: str, key: str = "C") -> list[tuple[int | None, Fraction]]:
    tune = abc.read_tune(HEAD.format(key=key) + body)
    return [(n.pitch, n.duration) for s in tune.sections for bar in s for n in bar]


def test_lengths_and_octaves() -> None:
    half = Fraction(1, 2)
    assert notes("C,C cc'|C2 C/ C3/2 C//|") == [
        (48, half),
        (60, half),
        (72, half),
        (84, half),
        (60, Fraction(1)),
        (60, Fraction(1, 4)),
        (60, Fraction(3, 4)),
        (60, Fraction(1, 8)),
    ]


def test_accidentals_last_for_the_bar() -> None:
    assert [p for p, _ in notes("F ^F F =F|F")] == [65, 66, 66, 65, 65]
    assert [p for p, _ in notes("F f _B|", key="G")] == [66, 78, 70]


@pytest.mark.parametrize(
    ("key", "tonic", "mode", "sharps"),
    [("D", 2, "", 2), ("Am", 9, "min", 0), ("A Dorian", 9, "dor", 1), ("Dmix", 2, "mix", 1)],
)
def test_keys(key: str, tonic: int, mode: str, sharps: int) -> None:
    found = abc.key_of(key)
    assert (found[0], found[1], sum(found[2].values())) == (tonic, mode, sharps)


def test_broken_rhythm_tuplets_ties_and_graces() -> None:
    eighth = Fraction(1, 2)
    assert notes("A>B A<B") == [
        (69, eighth * Fraction(3, 2)),
        (71, eighth / 2),
        (69, eighth / 2),
        (71, eighth * Fraction(3, 2)),
    ]
    assert notes("C2 (3DEF (GA)")[1:4] == [(p, Fraction(1, 3)) for p in (62, 64, 65)]
    assert notes("{g}A-A [CEG]2") == [(69, Fraction(1)), (67, Fraction(1))]


@pytest.mark.parametrize("body", ["C & D", "C [K:G] D", "C Z4|", "(7ABCDEFG", "\x00\x01"])
def test_what_is_not_understood_is_refused(body: str) -> None:
    with pytest.raises(abc.AbcError):
        notes(body)


def test_sections_upbeats_and_short_last_bars(tmp_path) -> None:
    body = "G2|C8|D8|E8|F6:|G2|c8|d4 e4|e8|c6|]"
    (tmp_path / "a.abc").write_text(HEAD.format(key="C") + body)
    phrases = collect(tmp_path).phrases
    assert len(phrases) == 2
    last = phrases[0].grid.notes()[-1]
    assert (last.start, last.duration) == (12, 4)


def test_every_key_becomes_one(tmp_path) -> None:
    for name, key, body in (
        ("a", "C", "CDEF|GABc|c2G2|E2C2|]"),
        ("b", "D", "DE^FG|AB^cd|d2A2|F2D2|]"),
    ):
        (tmp_path / f"{name}.abc").write_text(f"X:1\nT:{name}\nM:2/4\nL:1/8\nK:{key}\n{body}\n")
    one, other = collect(tmp_path).phrases
    assert one.grid.meter == "4/4"
    assert (one.grid.tokens == other.grid.tokens).all()


def test_a_tune_under_two_titles_stays_on_one_side(tmp_path) -> None:
    body = "CDEF GABc|c2G2 E2C2|FEDC B,CDE|C8|]"
    text = "".join(
        f"X:{i}\nT:Title {i}\nM:4/4\nL:1/8\nK:{key}\n{body}\n\n" for i, key in enumerate("CCCCCC")
    )
    (tmp_path / "a.abc").write_text(text)
    found = collect(tmp_path)
    assert [len(rows) > 0 for rows in found.splits.values()].count(True) == 1


def test_a_folder_without_tunes(tmp_path) -> None:
    with pytest.raises(BadUpload, match="no usable tune"):
        collect(tmp_path)
    with pytest.raises(BadUpload, match="no folder"):
        collect(tmp_path / "nowhere")


def test_every_format_comes_back(collection: Collection) -> None:
    recipe = Recipe("melody", "somebody's", (0.25, -1.5), seed=7)
    for phrase in collection.phrases[:12]:
        melody = Melody([phrase.grid], recipe)
        for format in FORMATS:
            again = Melody.read(io.BytesIO(melody.export(format)))
            assert again.recipe == recipe, format
            if format in ("mid", "abc"):
                assert again.grid.notes() == phrase.grid.notes(), format


def test_thirds_and_ties_come_back() -> None:
    third = Fraction(1, 3)
    line = [Note(i * third, third, 72 + i) for i in range(6)]
    line += [Note(Fraction(2), Fraction(3), 79), Note(Fraction(5), Fraction(1, 4), 76)]
    line += [Note(Fraction(21, 4), Fraction(43, 4), 72)]
    melody = Melody([Grid.of(line, "4/4")], Recipe("melody", "mine", (0.5,)))
    for format in ("mid", "abc"):
        assert Melody.read(io.BytesIO(melody.export(format))).grid.notes() == line


def midi(*messages: mido.Message | mido.MetaMessage) -> io.BytesIO:
    file = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    file.tracks.append(track)
    track.extend(messages)
    stream = io.BytesIO()
    file.save(file=stream)
    stream.seek(0)
    return stream


def struck(pitch: int, ticks: int = 480, channel: int = 0) -> list[mido.Message]:
    return [
        mido.Message("note_on", note=pitch, velocity=80, channel=channel),
        mido.Message("note_off", note=pitch, time=ticks, channel=channel),
    ]


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        (io.BytesIO(b""), "not a melody"),
        (io.BytesIO(b"MThd\0\0\0\6\0\1"), "damaged"),
        (io.BytesIO(b"RIFF\x10\0\0\0WAVEfmt "), "no recipe"),
        (io.BytesIO(b"\x89PNG\r\n\x1a\n" + b"\0" * 100), "not a melody"),
        (io.BytesIO(b"X:1\nM:4/4\nK:C\nCDEF|"), "whole bars"),
        (io.BytesIO(b"X:1\nM:7/8\nL:1/8\nK:C\n" + b"CDEFGAB|" * 8), "meter"),
        (io.BytesIO(b"X:1\nM:4/4\nL:1/8\nK:C\nC & D|"), "cannot be read"),
        (midi(), "no melody"),
        (midi(*[m for p in range(8) for m in struck(36 + p, channel=9)]), "only drums"),
        (midi(mido.Message("note_on", note=60, time=2**27), *struck(60)), "damaged"),
        (midi(*[m for p in range(8) for m in struck(2)]), "no melody"),
    ],
)
def test_bad_files_get_a_sentence(file: io.BytesIO, sentence: str) -> None:
    file.seek(0)
    with pytest.raises(BadUpload, match=sentence):
        Melody.read(file)


def test_a_polyphonic_file_gives_its_highest_line() -> None:
    chords = []
    for top in (72, 74, 76, 77, 79, 77, 76, 74, 72):
        chords += [mido.Message("note_on", note=n, velocity=80) for n in (48, 55, top)]
        chords += [mido.Message("note_off", note=48, time=480)]
        chords += [mido.Message("note_off", note=n) for n in (55, top)]
    parsed = read_midi(midi(*chords).read())
    assert [note.pitch for note in parsed.notes] == [72, 74, 76, 77, 79, 77, 76, 74, 72]
    assert "highest_notes" in parsed.reduced


def test_a_long_piece_begins_with_its_first_note() -> None:
    line = [Note(Fraction(32 + i), Fraction(1), 60 + i % 5) for i in range(40)]
    played = [Played(float(n.start), float(n.duration), n.pitch, 80) for n in line]
    file = write_midi(played, [(Fraction(0), "4/4")], 100, {MELODY: 0}, Fraction(72))
    melody = Melody.read(io.BytesIO(file))
    assert len(melody.notes) == 16
    assert melody.tempo == pytest.approx(100, abs=0.1)
    assert melody.settings.instrument == "piano"


def test_of_hours_of_music_the_first_bars_are_taken() -> None:
    hours = [message for i in range(9000) for message in struck(60 + i % 9, 960)]
    melody = Melody.read(midi(*hours))
    assert melody.quarters == 16


def test_an_upload_sounds_as_its_owner_knows_it() -> None:
    tune = "X:1\nM:6/8\nL:1/8\nQ:3/8=110\n%%MIDI program 41\nK:D\nfdd dcd|e2f gfe|fdd ecA|d3 d3|]\n"
    melody = Melody.read(io.BytesIO(tune.encode()))
    assert melody.options == {"key": "D", "tempo": 165.0, "instrument": "violin"}
    # In its own register too, as near as an octave can be.
    assert [n.pitch for n in melody.heard][:3] == [78, 74, 74]
    file = melody.export("mid")
    again = Melody.read(io.BytesIO(file))
    assert (again.settings.key, again.settings.instrument) == ("D", "violin")
    assert again.grid.notes() == melody.grid.notes()
    assert mido_tempo(file) == pytest.approx(165, abs=0.1)


def mido_tempo(file: bytes) -> float:
    (message,) = [
        m for m in mido.MidiFile(file=io.BytesIO(file)).tracks[0] if m.type == "set_tempo"
    ]
    return mido.tempo2bpm(message.tempo)


@pytest.mark.parametrize(
    ("value", "tempo"),
    [("1/4=100", 100), ("3/8=80", 120), ('"Allegro" 1/2=60', 120), ("90", 45), ("Slowly", 0)],
)
def test_tempi(value: str, tempo: float) -> None:
    assert abc.read_tune(f"X:1\nL:1/8\nQ:{value}\nK:C\nCDEF|").tempo == tempo


def test_a_file_of_ours_is_read_whatever_it_holds() -> None:
    recipe = Recipe("melody", "mine", (0.5,), options={"key": "F♯", "feel": "swing"})
    for line in ([], [Note(Fraction(0), Fraction(16), 72)]):
        melody = Melody([Grid.of(line, "4/4")], recipe)
        for format in FORMATS:
            again = Melody.read(io.BytesIO(melody.export(format)))
            assert again.recipe == recipe
            assert again.settings.key == "F♯" and again.settings.feel == "swing"
