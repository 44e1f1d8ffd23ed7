"""A triptych is the same for the same recipe, and every file of it carries all recipes."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import imageio.v3 as imageio
import pretty_midi
import pytest
from PIL import Image

from studio.__main__ import main
from studio.errors import NotFound
from studio.latent import noise_from_seeds
from studio.medium import Artwork, Generator, Recipe, get_medium
from studio.melody.midi import recipe_in
from studio.studio import Studio
from studio.taste import explain
from studio.taste.explain import Usual
from studio.triptych import Triptych, companion, complete, film, mood, panels, seed_of
from studio.triptych.files import content
from studio.triptych.page import page, recipes_in
from studio.triptych.poster import HEIGHT, KEY, WIDTH, export
from studio.words import Words
from tests.sounding import video_sound

FEW = 12
"""Samples that say here what a model usually makes."""


@pytest.fixture(scope="module")
def usual() -> Iterator[Usual]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(explain, "SAMPLES", FEW)
        yield Usual()


@pytest.fixture(scope="module")
def generators(shared_studio: Studio) -> dict[str, Generator]:
    return {name: shared_studio.registry.use(name) for name in panels("painting", "en")}


def painting(generators: dict[str, Generator], seed: int) -> Artwork:
    generator = generators["painting"]
    (work,) = generator.decode(generator.map(noise_from_seeds([seed])))
    assert work.recipe is not None
    work.recipe = work.recipe.with_(seed=seed)
    return work


@pytest.fixture(scope="module")
def hung(generators: dict[str, Generator], usual: Usual) -> Triptych:
    return complete(painting(generators, 1), generators, usual)


def test_one_of_each_kind_hangs_in_the_artists_language() -> None:
    assert panels("painting", "en") == ["painting", "poem", "melody"]
    assert panels("painting", "zh") == ["painting", "poem-zh", "melody"]
    # A poem leads in its own language, whatever the artist's is.
    assert panels("poem-zh", "en") == ["painting", "poem-zh", "melody"]
    with pytest.raises(NotFound):
        panels("stripes", "en")


def test_the_same_recipe_gives_the_same_triptych(
    generators: dict[str, Generator], usual: Usual, hung: Triptych
) -> None:
    again = complete(painting(generators, 1), generators, usual)
    assert [recipe.latent for recipe in again.recipes] == [r.latent for r in hung.recipes]
    other = complete(painting(generators, 2), generators, usual)
    assert other.works["melody"].recipe.latent != hung.works["melody"].recipe.latent  # type: ignore[union-attr]
    edited = hung.recipes[0].with_(seed=None)
    assert seed_of(edited) == seed_of(edited) != seed_of(edited.with_(latent=(1.0, 2.0)))


def test_a_companion_feels_more_alike_than_the_noise_alone(
    generators: dict[str, Generator], usual: Usual
) -> None:
    melody = generators["melody"]
    nearer = 0
    for seed in range(8):
        wanted = mood(generators["painting"], painting(generators, seed), usual)
        (plain,) = melody.decode(melody.map(noise_from_seeds([seed])))
        found = companion(melody, seed, wanted, usual)
        assert found.recipe is not None and found.recipe.how == "triptych"
        away = [
            sum((mood(melody, each, usual)[name] - wanted[name]) ** 2 for name in ("valence",))
            for each in (found, plain)
        ]
        nearer += away[0] < away[1]
    assert nearer >= 6


def test_the_page_needs_nothing_else_and_carries_the_recipes(hung: Triptych) -> None:
    for language in ("en", "zh"):
        html = page(hung, Words(language))
        assert f'<html lang="{language}">' in html
        assert recipes_in(html) == [recipe.to_dict() for recipe in hung.recipes]
        outside = re.findall(r'(?:src|href|url)\s*[=(]\s*["\']?((?:https?:)?//[^"\')\s]+)', html)
        assert outside == []
        for line in hung.works["poem"].lines:  # type: ignore[attr-defined]
            assert line.replace("'", "’") in html
    saved = re.findall(r'download="(\w+)\.(\w+)" href="data:[^,]*,', html)
    assert [format for _, format in saved] == ["jpg", "txt", "mid"]


@pytest.mark.parametrize("format", ["png", "jpg", "pdf"])
def test_a_poster_carries_the_recipes(hung: Triptych, format: str) -> None:
    content = export(hung, Words("en"), format)
    if format == "pdf":
        assert content.startswith(b"%PDF")
        assert hung.recipes[0].to_dict()["latent"].encode("utf-16-be") in content
        return
    picture = Image.open(io.BytesIO(content))
    assert picture.width * HEIGHT == pytest.approx(picture.height * WIDTH, rel=0.01)
    about = picture.info[KEY] if format == "png" else picture.info["comment"].decode()
    carried = [Recipe.from_dict(each) for each in json.loads(about)["triptych"]]
    assert [each.latent for each in carried] == [each.latent for each in hung.recipes]
    if format == "png":
        again = get_medium("painting").read(io.BytesIO(content))
        assert again.recipe is not None and again.recipe.latent == hung.recipes[0].latent
    # Every work has left ink in its place.
    small = picture.convert("L").resize((24, 34))
    rows = [min(small.crop((4, y, 20, y + 1)).tobytes()) for y in range(34)]
    assert sum(darkest < 235 for darkest in rows) > 20


def test_the_poem_stands_under_the_melody_and_is_sung_in_its_file(
    hung: Triptych, shared_studio: Studio
) -> None:
    said = hung.works["poem"].syllables()  # type: ignore[attr-defined]
    shown = re.findall(r'<p class="melody-words">(.*?)</p>', page(hung, Words("en")))
    assert sum(row.count("<span") for row in shown) == sum(map(len, said)) > 0
    midi = content(hung, "mid", Words("en"), shared_studio.registry)
    sung = pretty_midi.PrettyMIDI(io.BytesIO(midi)).lyrics
    texts = [lyric.text for lyric in sung if lyric.text != "_"]
    assert len(texts) == sum(map(len, said))
    assert Recipe.from_json(recipe_in(midi) or "").latent == hung.recipes[2].latent
    assert hung.sung().recipes == hung.recipes
    with pytest.raises(ValueError, match="gif"):
        content(hung, "gif", Words("en"), shared_studio.registry)


def test_a_film_shows_line_by_line_while_the_picture_moves(
    hung: Triptych, shared_studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(film, "RATE", 1)
    monkeypatch.setattr(film, "SHORTEST", 1.0)
    target = tmp_path / "film.mp4"
    target.write_bytes(content(hung, "mp4", Words("en"), shared_studio.registry))
    frames = imageio.imread(target).astype(int)
    song = hung.sung().works["melody"]
    assert len(frames) == round(song.seconds)  # type: ignore[attr-defined]
    left, right = frames[:, :, : film.SIDE + film.MARGIN], frames[:, :, film.SIDE + film.MARGIN :]
    ink = [(frame < 128).sum() for frame in right]
    assert ink[-1] > 2 * ink[1] and all(b > 0.9 * a for a, b in pairwise(ink))
    assert abs(left[len(left) // 2] - left[0]).mean() > 1
    assert video_sound(target) > 1000


def test_a_film_says_how_far_it_is_and_can_be_left(
    hung: Triptych, shared_studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(film, "RATE", 4)
    monkeypatch.setattr(film, "SHORTEST", 1.0)
    target = tmp_path / "film.mp4"
    shares = list(film.shot(hung, shared_studio.registry, target))
    assert shares[0] == 0 and shares[-1] == 1 and len(shares) > 2
    assert all(before < after for before, after in pairwise(shares))
    whole = target.stat().st_size
    target.unlink()
    shooting = film.shot(hung, shared_studio.registry, target)
    assert next(shooting) < next(shooting) < next(shooting) < 1
    shooting.close()
    # What wrote it has ended: nothing holds the sound any more, or adds a frame.
    assert [file.name for file in tmp_path.iterdir()] == [target.name]
    assert target.stat().st_size < whole


def test_the_command_says_what_it_cannot_write(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for wrong in (["-o", str(tmp_path / "t.gif")], ["-o", "t.html", "--language", "fr"]):
        assert main(["triptych", "--seed", "1", *wrong]) == 2
        assert ".html" in capsys.readouterr().err
    assert main(["triptych", "--seed", "-1", "-o", "t.html"]) == 2
    assert main(["triptych", "stripes", "--seed", "1", "-o", str(tmp_path / "t.html")]) == 2
    assert "stripes" in capsys.readouterr().err
