"""What people ask of a poem is kept: their lines, their words, and everything else as it was."""

from __future__ import annotations

import pytest
import torch

from studio.errors import BadUpload
from studio.latent import noise_from_seeds
from studio.medium import HELD, held_of, holding
from studio.poem import chinese, english
from studio.poem.asked import Listener
from studio.poem.generator import PoemGenerator
from studio.poem.settings import WRITTEN, Settings
from studio.poem.write import NEVER

LATENTS = {
    dim: torch.randn(6, dim, generator=torch.Generator().manual_seed(1)) for dim in (64, 128)
}
STAYS = {
    "zh": ("明月清风来", "疑是地上霜"),
    "en": ("The moon is bright,", "I hear the river far away"),
}
WORDS = {"zh": ("明月", "千里"), "en": ("river", "golden")}
STRANGE = {"zh": "𠀀", "en": "blockchain"}


@pytest.fixture
def latents(writer: PoemGenerator) -> torch.Tensor:
    return LATENTS[writer.latent_dim]


def lines_of(writer: PoemGenerator, latents: torch.Tensor, options: dict | None = None) -> list:
    return [verse.lines for verse in writer.decode(latents, options)]


def test_lines_that_are_held_stay_as_they_are_and_the_others_rhyme_with_them(
    writer: PoemGenerator, latents: torch.Tensor
) -> None:
    first, last = STAYS[writer.language]
    options = {HELD: {"0": first, "3": last}, "scheme": "ABCB", "form": "seven"}
    for lines in lines_of(writer, latents, options):
        assert lines[0] == first and lines[3] == last
        if writer.language == "zh":
            # Lines that stay decide how long the others are.
            assert [len(line) for line in lines] == [5] * 4
            assert not chinese.rhymes(lines[1][-1]).isdisjoint(chinese.rhymes("霜"))
        else:
            assert english.rhymes(english.words(lines[1])[-1], "away")


def test_a_poem_may_end_on_a_word_that_the_poet_does_not_know(
    writer: PoemGenerator, latents: torch.Tensor
) -> None:
    if writer.language != "en":
        pytest.skip("in English")
    assert "everyday" not in writer.vocabulary.words
    options = {HELD: {"3": "and so it goes on everyday"}, "scheme": "ABCB"}
    (lines,) = lines_of(writer, latents[:1], options)
    assert english.rhymes(english.words(lines[1])[-1], "everyday")


def test_key_words_stand_in_the_poem(writer: PoemGenerator, latents: torch.Tensor) -> None:
    wanted = WORDS[writer.language]
    for verse in writer.decode(latents, {"key_words": ", ".join(wanted)}):
        assert all(word in " ".join(verse.lines).lower() for word in wanted), verse.lines
        assert not verse.remarks
        if writer.language == "zh":
            assert chinese.fits(verse.lines).is_regulated


def test_what_cannot_be_kept_is_remarked_on_and_left_out(
    writer: PoemGenerator, latents: torch.Tensor
) -> None:
    strange, other = STRANGE[writer.language], "月" if writer.language == "en" else "moon"
    for asked, key in (
        ({"key_words": strange}, "remark.words_unknown"),
        ({"first_line": "!?"}, "remark.line_unfit"),
        ({"first_line": f"{other} {other}"}, "remark.line_unfit"),
        ({"first_line": "<script>alert(1)</script>"}, "remark.line_unfit"),
    ):
        (verse,) = writer.decode(latents[:1], asked)
        assert [said for said, _ in verse.remarks] == [key], asked
        assert verse.lines == lines_of(writer, latents[:1])[0]


def test_traditional_characters_become_simplified_ones() -> None:
    line = Listener("zh", None, {}).line("舉頭望明月，")  # type: ignore[arg-type]
    assert line == "举头望明月"


def test_an_edited_line_stays_and_the_others_too_until_the_latent_moves(
    writer: PoemGenerator, latents: torch.Tensor
) -> None:
    latent, text = latents[0], STAYS[writer.language][0]
    asked = {"form": "five"}
    (before,) = lines_of(writer, latent[None], asked)
    changed, options = writer.rewritten(latent, 1, text, asked)
    (after,) = lines_of(writer, changed[None], dict(options))
    assert after == (before[0], text, before[2], before[3])
    parts = (changed - latent).view(4, -1).norm(dim=1)
    assert parts[1] > 0 and (parts[[0, 2, 3]] == 0).all()
    elsewhere = changed + 2.0 * torch.randn(
        len(changed), generator=torch.Generator().manual_seed(3)
    )
    (moved,) = lines_of(writer, elsewhere[None], dict(options))
    assert moved[1] == text and moved != after
    # Let go, it is held no more than the others.
    free = holding(options, 1, None)
    assert lines_of(writer, changed[None], free) == [after]
    # What is asked for afterwards is not hidden by what was written before, and no recipe remembers
    # what no longer counts.
    for later in ({"form": "seven", "measure": "10"}, {"key_words": WORDS[writer.language][0]}):
        (verse,) = writer.decode(changed[None], {**free, **later})
        assert verse.lines != after
        assert verse.recipe is not None and WRITTEN not in verse.recipe.options
    (verse,) = writer.decode(elsewhere[None], free)
    assert verse.recipe is not None and WRITTEN not in verse.recipe.options


def test_a_line_that_already_reads_so_moves_nothing(
    writer: PoemGenerator, latents: torch.Tensor
) -> None:
    (now,) = lines_of(writer, latents[:1])
    changed, options = writer.rewritten(latents[0], 2, now[2], {})
    assert torch.equal(changed, latents[0])
    assert lines_of(writer, changed[None], dict(options)) == [now]


def test_of_two_wishes_for_the_first_line_the_later_is_kept(
    writer: PoemGenerator, latents: torch.Tensor
) -> None:
    first, last = STAYS[writer.language]
    asked = {"first_line": last, "form": "five"}
    (verse,) = writer.decode(latents[:1], {**asked, HELD: {"0": first}})
    assert verse.lines[0] == first
    assert verse.remarks == [("remark.first_line_locked", {"line": last})]
    changed, options = writer.rewritten(latents[0], 0, first, asked)
    (verse,) = writer.decode(changed[None], options)
    assert verse.lines[0] == first and not verse.remarks


@pytest.mark.parametrize(
    ("text", "language"),
    [("", "en"), ("   ", "zh"), ("月落乌啼", "zh"), ("👍👍", "en"), ("word " * 40, "en")],
)
def test_what_is_no_line_is_refused(
    writer: PoemGenerator, latents: torch.Tensor, text: str, language: str
) -> None:
    if language != writer.language:
        pytest.skip("in the other language")
    with pytest.raises(BadUpload):
        writer.rewritten(latents[0], 1, text, {})


def test_other_lines_anew_keep_the_locked_ones_and_the_scheme(
    writer: PoemGenerator, latents: torch.Tensor
) -> None:
    (before,) = lines_of(writer, latents[:1])
    found = [writer.refilled(latents[0], [0, 3], seed) for seed in (1, 1, 2)]
    assert torch.equal(found[0][0], found[1][0]) and not torch.equal(found[0][0], found[2][0])
    for latent, options in found:
        (after,) = lines_of(writer, latent[None], dict(options))
        assert (after[0], after[3]) == (before[0], before[3])
        assert held_of(options) == {0: before[0], 3: before[3]}
        scheme = [writer.forms(one[None], Settings())[0].rhymes for one in (latents[0], latent)]
        assert scheme[0] == scheme[1] or writer.language == "en"


def test_alternatives_are_other_lines_of_the_same_length(
    writer: PoemGenerator, latents: torch.Tensor
) -> None:
    (now,) = lines_of(writer, latents[:1])
    offered = writer.alternatives(latents[0], 2, 3, 5, {})
    assert offered and len(set(offered)) == len(offered) <= 3 and now[2] not in offered
    assert offered == writer.alternatives(latents[0], 2, 3, 5, {})
    if writer.language == "zh":
        assert {len(line) for line in offered} == {len(now[2])}


def test_poems_are_drawn_by_their_chances(writer: PoemGenerator, latents: torch.Tensor) -> None:
    rng = torch.Generator().manual_seed(2)
    writer.feature_statistics = writer.feature_statistics
    drawn = writer.draw(writer.decoder, latents[:3], 4, rng)
    assert drawn.features.shape[:2] == drawn.log_probabilities.shape == (4, 3)
    assert (drawn.log_probabilities < 0).all() and (drawn.log_probabilities > NEVER).all()
    assert float(drawn.divergence.abs().max()) < 1e-3


def test_hand_written_states_survive_a_recipe(writer: PoemGenerator, latents: torch.Tensor) -> None:
    changed, options = writer.rewritten(latents[0], 0, STAYS[writer.language][0], {"form": "five"})
    (verse,) = writer.decode(changed[None], options)
    assert verse.recipe is not None and WRITTEN in verse.recipe.options
    again = writer.decode(torch.tensor([verse.recipe.latent]), verse.recipe.options)
    assert again[0].lines == verse.lines


def test_noise_is_mapped_for_everyone_alike(writer: PoemGenerator) -> None:
    noise = noise_from_seeds([1, 2])
    assert torch.equal(writer.map(noise), writer.map(noise))
