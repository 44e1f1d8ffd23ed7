"""Lines of works in words: held, written, chosen and made anew, with a medium made for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from studio.errors import BadUpload, NotFound
from studio.manipulation import BadGesture
from studio.medium import (
    HELD,
    LatentStatistics,
    Option,
    Recipe,
    Remark,
    held_of,
    holding,
    lasting,
)
from studio.ui import explore_view as view
from studio.ui.walk import GESTURES, Walk
from studio.words import Words

MARKUP = '<b onclick="alert(1)">ignore all & everything</b>'
POEM_WORDS = Path(view.__file__).parent.parent / "poem" / "words"


@dataclass
class Verse:
    lines: Sequence[str]
    recipe: Recipe | None
    options: Mapping[str, Any]
    remarks: Sequence[Remark] = ()

    def show(self, alt: str = "") -> str:
        return f"<p>{escape(' / '.join(self.lines))}</p>"

    def thumbnail(self, alt: str = "", size: int = 128) -> str:
        return "<i></i>"


@dataclass
class Poet:
    """Each of four lines says a number of the latent, unless it is held.

    `is_swayed`: lines that are not held go by those that are, as a real poet's do.
    """

    version: str = "base-1"
    latent_dim: int = 4
    statistics: LatentStatistics = field(
        default_factory=lambda: LatentStatistics(torch.zeros(4), torch.eye(4), torch.ones(4))
    )
    directions: Sequence[Any] = ()
    is_swayed: bool = False

    def map(self, noise: Tensor) -> Tensor:
        return noise[:, :4].clone()

    def decode(self, latents: Tensor, options: Mapping[str, Any] | None = None) -> list[Verse]:
        options = options or {}
        written = options.get("written", {})
        held = held_of(options)
        sway = f" after {len(held)}" if self.is_swayed and held and not written else ""
        remarks = [("error.upload_too_large", {"limit": MARKUP})] if options.get("said") else []
        return [
            Verse(
                [
                    held.get(i) or written.get(str(i)) or f"line {x:.3f}{sway}"
                    for i, x in enumerate(row.tolist())
                ],
                Recipe("verse", self.version, tuple(row.tolist()), options=options),
                options,
                remarks,
            )
            for row in latents
        ]

    def refilled(
        self, latent: Tensor, kept: Sequence[int], seed: int, options: Mapping[str, Any]
    ) -> tuple[Tensor, Mapping[str, Any]]:
        (now,) = self.decode(latent[None], options)
        fresh = torch.full((4,), 1.0 + seed)
        fresh[list(kept)] = latent[list(kept)]
        return fresh, {HELD: {str(part): now.lines[part] for part in kept}, "refilled": True}

    def rewritten(
        self, latent: Tensor, part: int, text: str, options: Mapping[str, Any]
    ) -> tuple[Tensor, Mapping[str, Any]]:
        if "no line" in text:
            raise BadUpload("recipe_damaged")
        (now,) = self.decode(latent[None], options)
        lines = [*now.lines]
        lines[part] = text
        moved = latent.clone()
        moved[part] = float(len(text))
        return moved, {
            **holding(options, part, text),
            "written": {str(i): line for i, line in enumerate(lines)},
        }

    def alternatives(
        self, latent: Tensor, part: int, count: int, seed: int, options: Mapping[str, Any]
    ) -> Sequence[str]:
        return [f"other {MARKUP} {number}" for number in range(count)]


class Registry(SimpleNamespace):
    def use(self, medium: str, version: str) -> Any:
        if version != self.poet.version:
            raise NotFound("unknown_version")
        return self.poet


@dataclass
class Visitor:
    """One person, whose store is a table."""

    poet: Poet
    in_words: bool = True
    saved: dict[str, Any] = field(default_factory=dict)
    throws: Any = field(default_factory=count)
    medium: str = "verse"
    words: Words = field(default_factory=lambda: Words("en").including(POEM_WORDS))

    @property
    def medium_object(self) -> Any:
        options = (Option("said", "", longest=20), Option("size", 1.0))
        return SimpleNamespace(
            parts=4, in_words=self.in_words, longest=1, options=options, language="en"
        )

    @property
    def generator(self) -> Poet:
        return self.poet

    @property
    def studio(self) -> Any:
        return SimpleNamespace(registry=Registry(poet=self.poet))

    def load(self, name: str) -> Any:
        return self.saved.get(name)

    def save_all(self, values: dict[str, Any]) -> None:
        self.saved |= values

    def throw(self, sides: int) -> int:
        return next(self.throws) % sides


def arrived(**poet: Any) -> Walk:
    walk = Walk(Visitor(Poet(**poet)))  # type: ignore[arg-type]
    walk.arrive()
    return walk


def do(walk: Walk, name: str, **said: Any) -> list[str]:
    """The lines after a gesture, which are the same when the person comes back."""
    GESTURES[name](walk, said)
    walk.finish()
    again = Walk(walk.visit)
    assert list(again.lines) == list(walk.lines)
    assert again.history == walk.history
    return list(walk.lines)


@pytest.mark.parametrize("is_swayed", [False, True])
def test_a_lock_shows_no_change_and_is_no_step(is_swayed: bool) -> None:
    walk = arrived(is_swayed=is_swayed)
    before = list(walk.lines)
    assert do(walk, "part", part="0") == before
    assert do(walk, "part", part="3") == before
    assert walk.kept_parts == [0, 3]
    assert len(walk.history.steps) == 1
    assert walk.history.present and walk.history.present.moment == walk.moment


def test_a_lock_keeps_the_seed_where_nothing_else_changes() -> None:
    walk = arrived()
    seed = walk.moment.seed
    do(walk, "part", part="1")
    assert walk.moment.seed == seed is not None


def test_locked_lines_outlive_dice_refills_and_neighbours_and_undo_finds_them() -> None:
    walk = arrived()
    before = list(walk.lines)
    do(walk, "part", part="0")
    do(walk, "part", part="3")
    anew = do(walk, "refill")
    assert walk.moment.options["refilled"]
    for lines in (anew, do(walk, "dice"), do(walk, "near", index="2", **{"from": 3})):
        assert [lines[0], lines[3]] == [before[0], before[3]]
        assert lines[1] != before[1] and lines[2] != before[2]
    for _ in range(3):
        do(walk, "undo")
    assert list(walk.lines) == before
    assert walk.kept_parts == [0, 3]


def test_unlocking_is_a_step_that_can_be_undone() -> None:
    walk = arrived()
    before = do(walk, "part", part="0")
    do(walk, "dice")
    assert do(walk, "part", part="0")[0] != before[0]
    assert walk.kept_parts == [] and HELD not in walk.moment.options
    assert walk.moment.how == "unlock"
    assert do(walk, "undo")[0] == before[0]
    assert walk.kept_parts == [0]


def test_with_every_line_locked_there_is_nothing_to_make_anew() -> None:
    walk = arrived()
    for part in range(4):
        do(walk, "part", part=part)
    with pytest.raises(BadGesture, match="Every part is locked"):
        do(walk, "refill")
    assert "disabled" in view.part_buttons(walk)


def test_a_line_in_ones_own_words_is_locked_and_the_others_stay() -> None:
    walk = arrived()
    before = list(walk.lines)
    after = do(walk, "rewrite", part="1", value=" My   own\x00words ")
    assert after == [before[0], "My own words", *before[2:]]
    assert walk.kept_parts == [1] and walk.moment.how == "rewrite"
    assert walk.moment.seed is None and len(walk.history.steps) == 2
    assert do(walk, "undo") == before
    assert walk.kept_parts == []


def test_dials_stay_where_they_are_when_a_line_is_written() -> None:
    walk = arrived()
    turned = replace(walk.moment.turned({}, 0.7), base=(0.5, -0.5, 1.0, 2.0))
    walk.go(turned)
    do(walk, "rewrite", part="0", value="Mine")
    assert walk.moment.wildness == 0.7
    latent = walk.steering.latent(walk.moment)
    assert latent.tolist() == pytest.approx([4.0, -0.35, 0.7, 1.4])


@pytest.mark.parametrize("text", ["", "  \n ", "no line at all"])
def test_what_cannot_be_a_line_changes_nothing(text: str) -> None:
    walk = arrived()
    moment = walk.moment
    with pytest.raises((BadGesture, BadUpload)):
        do(walk, "rewrite", part="2", value=text)
    assert walk.moment is moment and len(walk.history.steps) == 1


def test_the_same_text_again_is_no_gesture() -> None:
    walk = arrived()
    moment = walk.moment
    do(walk, "rewrite", part="2", value=walk.lines[2] + " ")
    assert walk.moment == moment and len(walk.history.steps) == 1


def test_offered_lines_are_no_step_and_the_next_gesture_closes_them() -> None:
    walk = arrived()
    before = list(walk.lines)
    assert do(walk, "alternatives", part="2") == before
    assert len(walk.history.steps) == 1
    assert view.lines(walk).count('data-do="take"') == 5
    do(walk, "dice")
    assert 'data-do="take"' not in view.lines(walk)


@pytest.mark.parametrize("is_locked", [False, True])
def test_a_line_taken_is_locked_only_if_the_one_before_it_was(is_locked: bool) -> None:
    walk = arrived()
    before = list(walk.lines)
    if is_locked:
        do(walk, "part", part="2")
    after = do(walk, "take", part="2", value="another")
    assert after == [*before[:2], "another", before[3]]
    assert walk.kept_parts == [2] * is_locked
    assert walk.moment.how == "alternative" and len(walk.history.steps) == 2


def test_how_each_step_came_about_can_be_said_in_both_languages() -> None:
    for language in ("en", "zh"):
        words = Words(language)
        for how in ("rewrite", "alternative", "unlock", "refill"):
            assert f"explore.how.{how}" in words


def test_markup_is_only_ever_text() -> None:
    walk = arrived()
    do(walk, "option", option="said", value=MARKUP)
    do(walk, "rewrite", part="1", value=MARKUP)
    do(walk, "alternatives", part="1")
    stage = view.stage(walk.visit, walk.artwork())
    assert "<b " not in stage + view.parts(walk)
    assert 'class="remarks" role="status"' in stage and "ignore all &amp; everything" in stage
    assert f'value="{escape(MARKUP)}"' in view.lines(walk)
    words = Words("en").including(POEM_WORDS)
    option = Option("key_words", "", longest=60)
    field = view.choice(words, option, MARKUP)
    assert f'value="{escape(MARKUP)}"' in field and "<b " not in field
    assert 'maxlength="60"' in field


def test_a_text_is_cleaned_and_the_same_one_is_no_step() -> None:
    walk = arrived()
    do(walk, "option", option="said", value="  two\twords  ")
    assert walk.moment.options["said"] == "two words"
    do(walk, "option", option="said", value="two words ")
    assert len(walk.history.steps) == 2
    do(walk, "option", option="said", value=" ")
    assert "said" not in walk.moment.options


def test_damaged_held_lines_lock_nothing() -> None:
    walk = arrived()
    walk.go(replace(walk.moment, options={HELD: {"0": "kept", "9": "far", "x": "y", "1": 3}}))
    assert walk.kept_parts == [0]
    assert lasting(walk.moment.options) == walk.moment.options


def test_a_medium_without_words_has_no_lines_to_write() -> None:
    walk = Walk(Visitor(Poet(), in_words=False))  # type: ignore[arg-type]
    walk.arrive()
    for name in ("rewrite", "alternatives", "take"):
        with pytest.raises(BadGesture, match="no lines to write"):
            do(walk, name, part="0", value="words")
    do(walk, "part", part="1")
    assert walk.kept_parts == (1,) and HELD not in walk.moment.options
    do(walk, "refill")
    bar = view.parts(walk)
    assert bar.count('data-do="part"') == 4 and "<input" not in bar
