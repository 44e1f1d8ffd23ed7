"""Ratings come from the store's rows or from a file, and say which line is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from studio.errors import BadUpload
from studio.medium import Recipe
from studio.taste.ratings import MOST, Ratings, line_for_pair, line_for_stars
from tests.taste.curves import LATENT_DIM, CurveGenerator


def recipe(number: float, **changes: object) -> Recipe:
    return Recipe("curve", "curve-1", (float(number),) * LATENT_DIM).with_(**changes)


def row(kind: str, first: Recipe, second: Recipe | None = None, **said: object) -> SimpleNamespace:
    values = {"stars": None, "aspects": {}, "thumb": None, "tie": False, **said}
    return SimpleNamespace(kind=kind, recipe=first, other_recipe=second, **values)


def test_every_kind_of_row_is_understood():
    found = Ratings.from_rows(
        [
            row("stars", recipe(1), stars=5),
            row("pair", recipe(2), recipe(1)),
            row("thumb", recipe(3), thumb=False),
            row("stars", recipe(4), aspects={"beauty": 4, "creativity": 1}),
        ]
    )
    assert found.stars == ((0, 5.0), (2, 2.0), (3, 2.5))
    assert found.pairs == ((1, 0, False),)
    assert found.latents[:, 0].tolist() == [1, 2, 3, 4]
    assert len(found) == 4


def test_a_later_rating_of_an_artwork_replaces_the_earlier():
    found = Ratings.from_rows([row("stars", recipe(1), stars=5), row("stars", recipe(1), stars=2)])
    assert found.stars == ((0, 2.0),)
    assert len(found.latents) == 1


def test_ratings_of_a_base_with_other_latents_are_left_out():
    old = recipe(1, latent=(1.0, 2.0))
    found = Ratings.from_rows([row("stars", old, stars=5), row("stars", recipe(1), stars=2)])
    assert found.stars == ((0, 2.0),)


def test_no_rows_are_no_ratings():
    assert len(Ratings.from_rows([])) == 0


def test_a_file_is_read_as_it_was_written(tmp_path: Path, curves: CurveGenerator):
    path = tmp_path / "ratings.jsonl"
    lines = [line_for_stars(recipe(1), 4), "", line_for_pair(recipe(2), recipe(1), tie=True)]
    path.write_text("\n".join(lines), encoding="utf-8")
    found = Ratings.from_file(path, curves)
    assert found.stars == ((0, 4.0),)
    assert found.pairs == ((1, 0, True),)
    assert torch.equal(found.latents[1], torch.full((LATENT_DIM,), 2.0))


def stars(**changes: object) -> str:
    return json.dumps({"kind": "stars", "recipe": recipe(1).to_dict(), "stars": 3} | changes)


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("{half", "ratings_line_json"),
        ("[1, 2]", "ratings_line_kind"),
        (stars(kind="smell"), "ratings_line_kind"),
        (stars(stars=9), "ratings_line_stars"),
        (stars(stars="many"), "ratings_line_stars"),
        (stars(stars=True), "ratings_line_stars"),
        (stars(stars=float("nan")), "ratings_line_stars"),
        (stars(recipe=None), "ratings_line_recipe"),
        (stars(recipe={"medium": "curve"}), "ratings_line_recipe"),
        (stars(recipe=recipe(1, medium="smell").to_dict()), "ratings_line_medium"),
        (stars(recipe=recipe(1, latent=(1.0,)).to_dict()), "ratings_line_length"),
        (line_for_pair(recipe(1), recipe(1)), "ratings_line_same"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, curves: CurveGenerator, line: str, key: str):
    path = tmp_path / "ratings.jsonl"
    path.write_text(f"{line_for_stars(recipe(1), 4)}\n{line}\n", encoding="utf-8")
    with pytest.raises(BadUpload) as refused:
        Ratings.from_file(path, curves)
    assert refused.value.key == key
    assert "ine 2" in str(refused.value)


def test_a_picture_is_not_a_file_of_ratings(tmp_path: Path, curves: CurveGenerator):
    path = tmp_path / "ratings.jsonl"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    with pytest.raises(BadUpload, match=r"ratings\.jsonl"):
        Ratings.from_file(path, curves)


def test_of_very_many_ratings_the_newest_count(tmp_path: Path, curves: CurveGenerator):
    rows = [row("stars", recipe(number), stars=1 + number % 5) for number in range(MOST + 7)]
    path = tmp_path / "ratings.jsonl"
    path.write_text("\n".join(line_for_stars(one.recipe, one.stars) for one in rows))
    for found in (Ratings.from_rows(rows), Ratings.from_file(path, curves)):
        assert len(found) == MOST
        assert found.latents[0, 0] == 7
        assert found.latents[-1, 0] == MOST + 6


def test_several_people_keep_their_opinions_of_the_same_work():
    one = Ratings.from_rows([row("stars", recipe(1), stars=5), row("stars", recipe(2), stars=1)])
    two = Ratings.from_rows(
        [row("stars", recipe(2), stars=4), row("pair", recipe(3), recipe(1), tie=True)]
    )
    both = Ratings.together([one, Ratings(torch.zeros(0, 0)), two])
    assert both.latents[:, 0].tolist() == [1, 2, 3]
    assert both.stars == ((0, 5.0), (1, 1.0), (1, 4.0))
    assert both.raters == (0, 0, 1)
    assert both.pairs == ((2, 0, True),)
    assert Ratings.together([one]) == one
    more = Ratings.together([both, one])
    assert more.raters == (0, 0, 1, 2, 2)
    assert len(Ratings.together([])) == 0
