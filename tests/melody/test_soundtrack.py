"""What lies under a film: how it sounds, and how much happens when."""

from __future__ import annotations

import io

import numpy as np
import pretty_midi
import pytest
import soundfile

from studio.errors import BadUpload
from studio.melody.artwork import Melody
from studio.melody.soundtrack import LONGEST, RATE, energy, of_midi, read
from tests.melody.tunes import TWINKLE, phrases


def file_of(*notes: tuple[float, float, int], is_drum: bool = False) -> io.BytesIO:
    song = pretty_midi.PrettyMIDI()
    voice = pretty_midi.Instrument(0, is_drum)
    voice.notes = [pretty_midi.Note(90, pitch, start, end) for start, end, pitch in notes]
    song.instruments.append(voice)
    stream = io.BytesIO()
    song.write(stream)
    return io.BytesIO(stream.getvalue())


def test_energy_is_where_notes_begin_and_grows_with_each_of_its_three_parts() -> None:
    told = np.array(energy([(2.0, 60, 90)], 8.0))
    assert len(told) == 8 * RATE and told.argmax() == pytest.approx(2 * RATE, abs=1)
    assert told[5 * RATE] < 1e-6
    for more in ([(2.0, 72, 90)], [(2.0, 60, 120)], [(2.0, 60, 90), (2.1, 60, 90)]):
        assert max(energy(more, 8.0)) > 1.2 * told.max()
    # It goes round: what begins at the end is near the beginning too.
    late = energy([(7.95, 60, 90)], 8.0)
    assert late[0] > 0.5 * max(late)
    assert energy([], 2.0) == [0.0] * 2 * RATE


def test_a_melody_sounds_for_exactly_its_rounds() -> None:
    melody = Melody(phrases(TWINKLE)[:1])
    music = melody.music()
    assert music.seconds == pytest.approx(16 * 60 / melody.tempo)
    assert [start for start, _, _ in music.strokes][:2] == [0, pytest.approx(60 / melody.tempo)]
    sound, rate = soundfile.read(io.BytesIO(music.wave(2)))
    assert len(sound) / rate == pytest.approx(2 * music.seconds, abs=0.001)
    # Both rounds are heard, and the last one ends without a click.
    once = len(sound) // 2
    assert (
        np.corrcoef(sound[once // 2 : once, 0], sound[once + once // 2 : 2 * once, 0])[0, 1] > 0.9
    )
    assert np.abs(sound[-1]).max() < 1e-3
    assert music.loop()[:4] == b"fLaC"


def test_a_file_is_taken_in_all_its_voices_up_to_a_minute() -> None:
    long = [(5.0 + second, 5.5 + second, 60 + second % 12) for second in range(100)]
    music = of_midi(read(file_of(*long)))
    assert music.seconds == pytest.approx(59.5, abs=0.05) and music.seconds <= LONGEST
    assert music.strokes[0][0] == pytest.approx(0, abs=0.01) and len(music.strokes) == 60
    assert len(of_midi(read(file_of(*long[:9], is_drum=True))).strokes) == 9


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (b"hello", "not_midi"),
        (b"MThd" + bytes(40), "not_midi"),
        (b"MThd" + bytes(3_000_000), "midi_too_large"),
        (file_of((0, 1, 60)).getvalue(), "midi_empty"),
    ],
)
def test_what_is_no_music_is_told_why(content: bytes, key: str) -> None:
    with pytest.raises(BadUpload) as told:
        read(io.BytesIO(content))
    assert told.value.key == key
