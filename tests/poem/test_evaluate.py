"""The figures of a poet: each can be right, and each can be wrong."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from studio.errors import BadUpload
from studio.poem import evaluate as measures
from studio.poem.data import Poem, Vocabulary, build_vocabulary
from studio.poem.evaluate import copied, line_index, portrait
from studio.poem.generator import PoemGenerator
from studio.poem.ngram import NGram
from studio.poem.train import Run
from tests.poem.verses import batch_of, chinese, english, of


def with_line(poem: Poem, number: int, line: str) -> Poem:
    return Poem((*poem.lines[:number], line, *poem.lines[number + 1 :]), poem.language)


def test_a_regulated_quatrain_is_heard_as_one() -> None:
    poem = chinese()[0]
    found = portrait([poem])
    assert found["right_form"] == found["rhyme"] == found["tones"] == found["tone_places"] == 1
    unrhymed = portrait([with_line(poem, 3, "更上一层山")])
    assert unrhymed["right_form"] == 1 and unrhymed["rhyme"] == unrhymed["tones"] == 0
    off_beat = portrait([with_line(poem, 0, "山山山山尽")])
    assert off_beat["rhyme"] == 1 and off_beat["tone_places"] < 1


def test_the_book_decides_what_rhymes() -> None:
    # 斜, 家 and 花 rhymed in the Tang; in Mandarin 斜 has left them, and the first line need not
    # rhyme: 车 and 花 shared a rhyme then and no longer do.
    poem = with_line(chinese()[6], 1, "白云生处有人车")
    assert portrait([poem], "pingshui")["rhyme"] == 1
    assert portrait([poem], "modern")["rhyme"] == 0


@pytest.mark.parametrize("line", ["黄河入海流水长", "黄河入海", "", "Yellow", "river"])
def test_what_is_no_quatrain_has_no_form(line: str) -> None:
    found = portrait([with_line(chinese()[0], 1, line)])
    assert found["right_form"] == found["tones"] == 0


def test_english_verse_rhymes_and_scans_or_does_not() -> None:
    poem = english()[0]
    found = portrait([poem])
    assert found["rhyme"] == found["meter"] == 1 and found["iambic"] > 0.9
    assert portrait([with_line(poem, 3, "And will not come again at night.")])["rhyme"] == 0
    assert portrait([with_line(poem, 3, "And will not come.")])["meter"] == 0
    against = portrait([with_line(poem, 1, "Shadows never fallen over waters")])
    assert against["iambic"] < found["iambic"]


@pytest.mark.parametrize(
    ("syllables", "keeps"),
    [
        ((8, 8, 8, 8), True),
        ((8, 6, 8, 6), True),
        ((6, 6, 8, 6), True),
        ((8, 6, 8, 7), False),
        ((9, 6, 8, 6), False),
    ],
)
def test_stanzas_are_measured_against_themselves(syllables: tuple[int, ...], keeps: bool) -> None:
    assert measures.keeps_meter(syllables) == keeps


def test_repetition_is_counted() -> None:
    first = Poem(("a b", "c d", "e f", "g h"), "en")
    second = Poem(("a b", "i j", "k l", "m n"), "en")
    found = portrait([first, second])
    assert found["distinct_1"] == round(14 / 16, 4) and found["distinct_2"] == round(7 / 8, 4)
    assert found["self_overlap"] == 0.25 and found["repeated_line"] == 0.25
    assert found["different"] == 1
    copies = portrait([first, first])
    assert copies["different"] == 0.5 and copies["self_overlap"] == copies["repeated_line"] == 1
    alone = portrait([first])
    assert alone["self_overlap"] == alone["repeated_line"] == 0 and alone["distinct_1"] == 1


def test_wording_is_that_of_so_many_poems_at_most() -> None:
    poems = [Poem((f"a{n}", f"b{n}", f"c{n}", f"d{n}"), "en") for n in "abcdefgh"]
    some = portrait(poems[:1] * measures.SAMPLE)
    more = portrait(poems[:1] * measures.SAMPLE + poems)
    assert more["poems"] == measures.SAMPLE + len(poems)
    assert more["compared"] == measures.SAMPLE and more["distinct_1"] == some["distinct_1"]


def test_nothing_is_measured_of_no_poems() -> None:
    assert set(portrait([]).values()) == {0}


def test_copied_lines_are_found() -> None:
    for poems in (chinese(), english()):
        index = line_index(poems)
        assert all(len(table) == len(table.unique()) for table in index.values())
        assert copied(poems, index)["line"] == 1
        assert copied([Poem(("x",) * 4, poems[0].language)], index)["line"] == 0
    fresh = chinese("空山新雨后 白日依山尽 天气晚来秋 明月松间照")
    assert copied(fresh, line_index(chinese())) == {"line": 0.25}


def test_copied_runs_of_words_are_found() -> None:
    index = line_index(english())
    own = Poem(("One thing", "another", "a third one", "and the last of all these lines"), "en")
    assert copied([own], index) == {"line": 0, "run_of_6": 0}
    run = with_line(own, 0, "We know the golden light is far and away")
    assert copied([run], index) == {"line": 0, "run_of_6": 0}
    run = with_line(own, 0, "We know THE golden light, is far—away")
    assert copied([run], index) == {"line": 0, "run_of_6": 0.25}
    assert copied([with_line(own, 0, "the golden light is far")], index)["run_of_6"] == 0
    assert copied([with_line(own, 0, "the golden light is far away!")], index)["line"] == 0.25


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_baseline_is_a_distribution(language: str) -> None:
    poems = of(language)
    gram = NGram(poems[:4], build_vocabulary(poems, 1))
    every = np.arange(gram.size)
    for before in ((1, 1), (5, 1), (4, 9), (gram.size - 1, 2), (7, gram.size - 2)):
        shares = gram.shares(every, np.tile(before, (gram.size, 1)))
        assert shares.sum() == pytest.approx(1) and shares[[0, 2]].sum() == 0
        assert (np.delete(shares, [0, 2]) > 0).all()
    rng = np.random.default_rng(0)
    before = (1, 1)
    drawn = Counter(gram.draw(rng, before) for _ in range(4000))
    shares = gram.shares(every, np.tile(before, (gram.size, 1)))
    seen = np.array([drawn[token] / 4000 for token in range(gram.size)])
    assert np.abs(seen - shares).max() < 0.03


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_baseline_expects_what_it_has_read(language: str) -> None:
    poems = of(language)
    vocabulary = build_vocabulary(poems, 1)
    gram = NGram(poems[:4], vocabulary)
    shuffled = [Poem(tuple(line[::-1] for line in p.lines), language) for p in poems[:4]]
    if language == "en":
        words = [[" ".join(reversed(line.split())) for line in p.lines] for p in poems[:4]]
        shuffled = [Poem(tuple(lines), language) for lines in words]
    read = gram.perplexity(poems[:4])
    assert 1 < 2 * read < gram.perplexity(poems[4:]) and 2 * read < gram.perplexity(shuffled)


def test_the_baseline_leaves_out_what_nobody_could_write() -> None:
    poem = english()[0]
    gram = NGram(english(), build_vocabulary(english(), 1))
    longer = with_line(poem, 0, "Xyzzy " + poem.lines[0])
    # The first word of a line is written last, so that nothing else comes after it but the end.
    assert gram.perplexity([longer]) == pytest.approx(gram.perplexity([poem]), rel=0.1)
    assert gram.perplexity([]) == 1


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_baseline_writes_poems(language: str) -> None:
    poems = of(language)
    gram = NGram(poems, build_vocabulary(poems, 1))
    made = gram.sample(20, 1)
    assert made == gram.sample(20, 1) != gram.sample(20, 2)
    lengths = {tuple(map(len, poem.tokens)) for poem in poems}
    assert {tuple(map(len, poem.tokens)) for poem in made} <= lengths
    assert copied(made, line_index(poems))["line"] < 1
    if language == "zh":
        assert portrait(made)["right_form"] == 1 > portrait(made)["rhyme"]


def test_what_was_asked_for_is_kept_or_not() -> None:
    lines = english()[0].lines
    assert measures.keeps_scheme(lines, "ABAB") and measures.keeps_scheme(lines, "ABCB")
    assert not measures.keeps_scheme(lines, "AABB")
    assert not measures.keeps_scheme((*lines[:3], ""), "ABAB")
    assert measures.keeps_measure(lines, (8, 8, 8, 8))
    assert measures.keeps_measure((*lines[:3], "And it will not come again to me"), (8, 8, 8, 8))
    assert not measures.keeps_measure(lines, (8, 6, 8, 6))
    tang = [poem.lines for poem in chinese()[5:7]]
    assert measures.kept(tang, 7, "pingshui") == {"length": 1, "rhyme": 1, "tones": 1}
    assert measures.kept(tang, 5, "pingshui")["length"] == 0
    # A character is no rhyme for itself.
    assert measures.kept([("更上一层楼",) * 4], 5, "modern") == {
        "length": 1,
        "rhyme": 0,
        "tones": 0,
    }


def test_poems_come_back_in_part() -> None:
    first, second = english()[:2]
    assert measures.alike([first], [first]) == {"words": 1, "lines": 1}
    turned = with_line(first, 0, "gray to turns evening silent the")
    assert measures.alike([first], [turned]) == {"words": 1, "lines": 0.75}
    assert measures.alike([first], [second])["words"] < 0.5
    moved = with_line(chinese()[0], 0, "日白依山水")
    assert measures.alike(chinese()[:1], [moved]) == {"words": 0.95, "lines": 0.75, "tokens": 0.85}


def test_distances_are_of_words() -> None:
    first, second = english()[:2]
    assert measures.distances([first, first], [first, second]) == [0, pytest.approx(1, abs=0.2)]
    turned = with_line(first, 0, "gray to turns evening silent the")
    assert measures.distances([first], [turned]) == [0]
    rising, still = np.arange(5.0), np.ones(5)
    found = measures.growth(np.stack([rising, still, -rising], 1))
    assert found == pytest.approx([1, 0, -1])


def test_likelihood_is_that_of_the_latent(run: Run) -> None:
    poems = of(run.config.language)
    batch = batch_of(poems, Vocabulary(run.words))
    found = measures.likelihood(run.ema, batch, 1, run.ema.decoder)
    assert found["units"] == run.config.latent_dim and 0 < found["active_units"] <= found["units"]
    assert found["perplexity"] < found["latent_free"] and found["gap_nats_per_token"] > 0
    tokens = sum(len(line) for poem in poems for line in poem.tokens)
    per_token = found["bound_nats"] * len(poems) / tokens
    assert found["bound_perplexity"] == pytest.approx(np.exp(per_token), rel=0.01)
    assert found["bound_perplexity"] > found["perplexity"]
    told = measures.likelihood(run.ema, batch, 1, found["latent_free"])
    assert told == found
    assert "latent_free" not in measures.likelihood(run.ema, batch, 1)


def test_a_latent_that_says_nothing_is_worth_nothing(run: Run) -> None:
    batch = batch_of(of(run.config.language), Vocabulary(run.words))
    mute = Run(run.folder, run.config, run.recipe, run.words, "cpu").poet.eval()
    for part in (mute.encoder.out.weight, mute.encoder.out.bias):
        torch.nn.init.zeros_(part)
    for part in (mute.decoder.own.weight, mute.decoder.whole.weight):
        torch.nn.init.zeros_(part)
    found = measures.likelihood(mute, batch, 1, mute.decoder)
    assert found["active_units"] == found["gap_nats_per_token"] == 0
    assert found["bound_perplexity"] == found["perplexity"] == found["latent_free"]


def test_what_was_read_comes_back_and_strangers_do_not(writer: PoemGenerator) -> None:
    found = measures.reconstruction(writer, of(writer.language))
    assert found["poems"] == len(of(writer.language))
    assert found["words"] > 0.5 > found["strangers"]["words"]


def test_what_is_asked_of_a_poet_is_kept(writer: PoemGenerator) -> None:
    found = measures.asked_for(writer, 3)
    if writer.language == "zh":
        assert set(found) == {"five", "seven"}
        assert set(found["five"]) == {"pingshui", "modern"}
        assert all(row["length"] == 1 for books in found.values() for row in books.values())
    else:
        assert set(found["scheme"]) == {"ABAB", "AABB", "ABBA", "ABCB", "AABA"}
        assert set(found["measure"]) == {"8888", "8686", "10"}


def test_all_figures_in_one_go(writer: PoemGenerator, tmp_path: Path) -> None:
    poems = of(writer.language)
    (tmp_path / "poems.txt").write_text("\n\n".join("\n".join(p.lines) for p in poems))
    kept = {"held_out": {"rhyme": 1}, "baseline": {}, "reconstruction": {"words": 0.0}}
    index = line_index(poems)
    found = measures.evaluate(writer, index, kept, tmp_path, samples=3)
    assert json.loads(json.dumps(found)) == found
    assert found["samples"] == found["poems"] == 3 and found["held_out"] == kept["held_out"]
    assert set(found["directions"]) == {"mood"}
    assert set(found["interpolation"]) >= {"largest_step", "even_step", "distance_grows"}
    assert found["reconstruction"]["words"] > 0.3


def test_a_folder_in_another_language_cannot_be_read(writer: PoemGenerator, tmp_path: Path) -> None:
    others = of("en" if writer.language == "zh" else "zh")
    (tmp_path / "poems.txt").write_text("\n\n".join("\n".join(p.lines) for p in others))
    with pytest.raises(BadUpload):
        measures.poems_of(writer, tmp_path)
