"""Syllables under notes: in order, on strong places where they are stressed, in as few verses as
it takes."""

from __future__ import annotations

import io
import re

import pretty_midi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.melody.artwork import Melody
from studio.melody.score import musicxml
from studio.melody.setting import set_to
from studio.melody.settings import Settings
from studio.melody.song import GOES_ON, Song
from studio.song import Lines, Syllable
from tests.melody.tunes import IRISH_WASHERWOMAN, TWINKLE, phrases

TWINKLE_LINES = ("Twin-kle, twin-kle, lit-tle star,", "How I won-der what you are!")


def lines_of(*texts: str) -> list[list[Syllable]]:
    """From words cut by hyphens."""
    found = []
    for text in texts:
        line = []
        for word in text.split():
            *parts, last = word.split("-")
            line += [Syllable(part, False) for part in parts] + [Syllable(last)]
        found.append(line)
    return found


def sung(tune: str, lines: Lines, **options: object) -> tuple[Melody, Song]:
    melody = Melody(phrases(tune)[:1], None, Settings.of(options))
    return melody, melody.sung(lines)


def test_a_song_that_everybody_knows_is_set_as_everybody_sings_it() -> None:
    _, song = sung(TWINKLE, lines_of(*TWINKLE_LINES))
    said = "".join(text for _, text in song.lyrics)
    assert said == "Twin-kle, twin-kle, lit-tle star, How I won-der what you are! "
    assert song.rounds == 1 and len(song.openings) == 0
    assert song.notes == tuple(song.melody.notes)


@pytest.mark.parametrize(("count", "rounds"), [(2, 1), (4, 2), (3, 3)])
def test_more_words_are_sung_to_the_melody_again(count: int, rounds: int) -> None:
    each = {2: 7, 3: 8, 4: 6}[count]
    lines = [[Syllable(f"{row}.{place}") for place in range(each)] for row in range(count)]
    melody, song = sung(TWINKLE, lines)
    assert song.rounds == rounds
    said = [syllable.text for verse in song.verses for syllable in verse if syllable]
    assert said == [syllable.text for line in lines for syllable in line]
    assert song.seconds == pytest.approx(rounds * melody.music().seconds)


def test_a_line_of_more_syllables_than_notes_splits_the_longest() -> None:
    line = [Syllable(str(place)) for place in range(17)]
    melody, song = sung(TWINKLE, [line])
    assert len(melody.notes) == 14 and len(song.notes) == 17
    assert sum(note.duration for note in song.notes) == sum(n.duration for n in melody.notes)
    # The two half notes first, of what is left the first.
    assert [note.duration for note in song.notes].count(2) == 0
    assert all(song.verses[0])


@given(st.lists(st.integers(1, 70), min_size=1, max_size=4), st.sampled_from([0, 1]))
def test_no_syllable_is_lost_and_all_can_be_written(lengths: list[int], which: int) -> None:
    tune = (TWINKLE, IRISH_WASHERWOMAN)[which]
    lines = [[Syllable("la") for _ in range(length)] for length in lengths]
    _, song = sung(tune, lines)
    said = "".join(s.text for verse in song.verses for s in verse if s)
    assert said.replace(" ", "") == "la" * sum(lengths)
    assert musicxml(song.score).count("<text>") == sum(1 for v in song.verses for s in v if s)


def test_stressed_syllables_find_strong_places() -> None:
    melody = Melody(phrases(IRISH_WASHERWOMAN)[:1])
    line = [Syllable(mark, True, int(mark)) for mark in "01010101"]
    placed = set_to(melody.notes, [line], melody.meter, melody.bars)
    beats: dict[str, list[bool]] = {"0": [], "1": []}
    for note, syllable in zip(placed.notes, placed.verses[0], strict=True):
        if syllable:
            beats[syllable.text].append(note.start * 2 % 3 == 0)
    assert sum(beats["1"]) > sum(beats["0"])


@pytest.mark.parametrize("feel", [{}, {"feel": "swing", "humanise": 1.0}])
def test_a_file_has_a_lyric_on_every_note(feel: dict[str, object]) -> None:
    _, song = sung(TWINKLE, lines_of("Ne-ver more", "ein-mal"), **feel, accompaniment="drone")
    read = pretty_midi.PrettyMIDI(io.BytesIO(song.export("mid")))
    notes = [note.start for note in read.instruments[0].notes]
    assert [lyric.time for lyric in read.lyrics] == pytest.approx(notes, abs=1e-6)
    texts = [lyric.text for lyric in read.lyrics]
    assert [text for text in texts if text != GOES_ON] == ["Ne-", "ver ", "more ", "ein-", "mal "]


def test_words_stand_under_the_roll_and_the_score() -> None:
    _, song = sung(TWINKLE, lines_of(*TWINKLE_LINES, *TWINKLE_LINES))
    shown = song.show("A song")
    rows = re.findall(r'<p class="melody-words">(.*?)</p>', shown)
    assert [re.sub("<[^>]*>", "", row) for row in rows] == [
        "Twin- kle, twin- kle, lit- tle star, How I won- der what you are!"
    ] * 2
    lefts = [float(left) for left in re.findall(r"left:([\d.]+)%", rows[0])]
    assert lefts == sorted(lefts) and lefts[7] == pytest.approx(50)
    assert 'data-rounds="2"' in shown and 'class="syl"' in shown
    plain, paper = song.melody.on_paper(800), song.on_paper(800)
    assert paper.width == 800 and paper.height > plain.height
    below = paper.crop((0, plain.height, 800, paper.height)).convert("L")
    assert min(below.tobytes()) < 100


def test_without_words_it_is_the_melody() -> None:
    melody, song = sung(TWINKLE, [])
    assert song.rounds == 1 and not song.lyrics and song.export("abc") == melody.export("abc")
