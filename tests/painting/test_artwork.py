"""A painting carries its recipe wherever it goes."""

import io
import re

import imageio.v3 as iio
import numpy as np
import pytest
import soundfile
from PIL import Image

from studio import video
from studio.medium import Recipe
from studio.painting.artwork import Painting, export_film
from tests.sounding import heard

RECIPE = Recipe("painting", "v1", (0.1, -2.5, 3e-7), seed=7, parents=("a", "b"), how="breed")


def painting(value: int = 0, size: int = 32) -> Painting:
    rng = np.random.default_rng(value)
    return Painting(rng.integers(0, 255, (size, size, 3), dtype=np.uint8), RECIPE)


@pytest.mark.parametrize("format", ["png", "jpg"])
def test_the_recipe_travels_inside_the_file_exactly(format):
    data = painting().export(format)
    back = Painting.read(io.BytesIO(data))
    assert back.recipe is not None
    assert np.array_equal(np.float32(back.recipe.latent), np.float32(RECIPE.latent))
    assert (back.recipe.seed, back.recipe.parents, back.recipe.how) == (7, ("a", "b"), "breed")
    assert b"trainedAlgorithmicMedia" in data
    assert min(back.pixels.shape[:2]) >= 512


def test_exports_are_the_same_bytes_every_time():
    assert painting().export("png") == painting().export("png")


def test_an_unknown_format_is_refused():
    with pytest.raises(ValueError, match="png"):
        painting().export("exe")


def test_a_foreign_json_comment_is_no_recipe():
    stream = io.BytesIO()
    Image.new("RGB", (64, 64)).save(stream, "JPEG", comment=b'{"prompt": "a cat"}')
    stream.seek(0)
    assert Painting.read(stream).recipe is None


def test_words_in_the_description_cannot_break_out_of_the_page():
    fragment = painting().show('"><script>alert(1)</script>')
    assert "<script>" not in fragment
    assert re.search(r'alt="&quot;&gt;&lt;script', fragment)


def test_a_thumbnail_is_small():
    assert len(painting(size=256).thumbnail()) < 14_000


def test_a_film_plays(tmp_path):
    frames = [painting(i) for i in range(12)]
    export_film(frames, "mp4", 0.5, tmp_path / "a.mp4")
    read = iio.imread(tmp_path / "a.mp4")
    assert read.shape[0] == 12 and read.shape[1:3] == (512, 512)
    first = np.asarray(frames[0].picture(512), dtype=float)
    assert np.abs(read[0].astype(float) - first).mean() < 20


def test_a_film_has_sound_only_where_it_is_given_some(tmp_path):
    tone = 20_000 * np.sin(np.arange(24_000) / 20)
    sound = io.BytesIO()
    soundfile.write(sound, tone.astype("int16"), 48_000, format="WAV")
    for name, wave in (("loud", sound.getvalue()), ("mute", b"")):
        with video.written(tmp_path / f"{name}.mp4", 24, "a recipe", wave) as add:
            for number in range(12):
                add(painting(number).frame())
    assert len(iio.imread(tmp_path / "loud.mp4")) == 12
    assert len(heard(tmp_path / "loud.mp4")) == pytest.approx(4000, abs=300)
    assert heard(tmp_path / "loud.mp4").max() > 10_000 and not len(heard(tmp_path / "mute.mp4"))
    assert not list(tmp_path.glob("*.wav"))


def test_a_gif_has_every_frame_and_its_duration(tmp_path):
    export_film([painting(i) for i in range(5)], "gif", 1.0, tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as gif:
        assert gif.n_frames == 5 and gif.info["duration"] == 200


def test_a_film_needs_frames_and_a_known_format(tmp_path):
    with pytest.raises(ValueError, match="frame"):
        export_film([], "mp4", 1, tmp_path / "a.mp4")
    with pytest.raises(ValueError, match="mp4"):
        export_film([painting()], "avi", 1, tmp_path / "a.avi")
