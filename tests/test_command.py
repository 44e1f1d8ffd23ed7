"""The command line does what it says, says what went wrong, and repeats itself exactly."""

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest

from studio.__main__ import main, registry
from studio.adapter import adapter_tensors, attach
from studio.latent import noise_from_seeds
from studio.medium import Recipe, get_medium, pack
from studio.taste import climb
from studio.taste.ratings import line_for_stars


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STUDIO_DEVICE", "cpu")
    return tmp_path / "home"


def run(capsys, *arguments):
    code = main([str(a) for a in arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_samples_repeat_to_the_byte_and_differ_between_seeds(medium, tmp_path, capsys):
    arguments = ("sample", medium.name, "--seed", 7, "--count", 2, "-o", tmp_path / "a", "--json")
    code, out, _ = run(capsys, *arguments)
    assert code == 0
    assert len(json.loads(out.splitlines()[-1])["files"]) == 2
    first = {p.name: p.read_bytes() for p in (tmp_path / "a").iterdir()}
    assert len(set(first.values())) == 2
    # A later seed asked for alone is the same work.
    run(capsys, "sample", medium.name, "--seed", 8, "-o", tmp_path / "b")
    (alone,) = (tmp_path / "b").iterdir()
    assert alone.read_bytes() == first[alone.name]


def test_every_sample_carries_its_recipe_and_encodes_to_near_itself(medium, tmp_path, capsys):
    run(capsys, "sample", medium.name, "--seed", 3, "-o", tmp_path)
    (file,) = tmp_path.glob(f"{medium.name}-3.*")
    recipe = medium.read(file).recipe
    assert recipe is not None and recipe.seed == 3 and recipe.medium == medium.name
    code, out, _ = run(capsys, "encode", medium.name, file, "-o", tmp_path / "r.json", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["feature_distance"] < 0.8
    assert json.loads((tmp_path / "r.json").read_text())["medium"] == medium.name


def test_a_path_is_written_as_one_file(medium, tmp_path, capsys):
    for format in medium.path_formats:
        target = tmp_path / f"path.{format}"
        keys = ("--seeds", "1,2", "--frames", 6)
        code, out, _ = run(capsys, "interpolate", medium.name, *keys, "-o", target, "--json")
        assert code == 0 and json.loads(out)["frames"] == 6
        assert target.stat().st_size > 100


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sample", "sculpture", "-o", "x"], "painting"),
        (["sample", "painting", "--version", "none-such", "-o", "x"], "none-such"),
        (["sample", "painting", "--count", "0", "-o", "x"], "--count"),
        (["sample", "painting", "--seed", "-4", "-o", "x"], "--seed"),
        (["interpolate", "painting", "--seeds", "a,b", "-o", "x.mp4"], "--seeds"),
        (["interpolate", "painting", "--seeds", "1,2", "-o", "x.exe"], "exe"),
        (["interpolate", "painting", "--seeds", "1,2", "--easing", "x", "-o", "x.gif"], "--easing"),
        (["encode", "painting", "nowhere.png"], "nowhere.png"),
        (["train", "painting", "--data", "nowhere"], "nowhere"),
        (["finetune", "painting", "--ratings", "nowhere.jsonl"], "nowhere.jsonl"),
        (["finetune", "painting", "--works", "nowhere"], "nowhere"),
        (["finetune", "painting", "--works", Path(__file__).parent / "ui"], "at least 5"),
        (["finetune", "painting", "--works", ".", "--strength", "brutal"], "gentle, clear, bold"),
        (["simulate", "painting", "--noise", "0.6"], "--noise is 0.6"),
        (["simulate", "painting", "--ratings", "5"], "--ratings 6"),
        (["versions", "--promote", "x"], "medium"),
        (["versions", "--open", "x.taste"], "medium"),
        (["versions", "painting", "--save", "x"], "-o FILE"),
        (["versions", "painting", "--open", "none.taste"], "holds no taste"),
        (["versions", "--merge", "a:1,b:1"], "medium"),
        (["versions", "painting", "--merge", "a,b"], "--merge FIRST:0.5"),
        (["versions", "painting", "--merge", "a:nan,b:1"], "--merge FIRST:0.5"),
        (["versions", "painting", "--merge", ""], "--merge FIRST:0.5"),
        (["versions", "painting", "--merge", "none-such:1"], "none-such"),
    ],
)
def test_what_cannot_be_done_is_said_and_ends_with_two(arguments, said, capsys, tmp_path):
    code, _, err = run(capsys, *arguments)
    assert code == 2
    assert said in err
    assert "Traceback" not in err


def rated(stars, **changes):
    """Lines that rate stripes."""
    recipes = [
        Recipe("stripes", "base", tuple(row)).to_dict() | changes
        for row in np.random.default_rng(1).normal(size=(len(stars), 15)).tolist()
    ]
    lines = [
        {"kind": "stars", "recipe": r, "stars": s} for r, s in zip(recipes, stars, strict=True)
    ]
    return "\n".join(map(json.dumps, lines))


def contradictory():
    """Lines in which each of two stripes is better than the other."""
    recipes = [json.loads(line)["recipe"] for line in rated((1,) * 20).splitlines()]
    pairs = [*zip(recipes[::2], recipes[1::2], strict=True)]
    pairs += [(loser, winner) for winner, loser in pairs]
    return "\n".join(json.dumps({"kind": "pair", "winner": w, "loser": b}) for w, b in pairs)


SEVERAL = (1, 5, 2, 4, 1, 5, 3, 2)
NOT_FINITE = pack([float("nan")] * 15), pack([float("inf")] * 15)


FILES = {
    "missing": (None, "cannot be read as a text file of ratings"),
    "a folder": (None, "cannot be read as a text file of ratings"),
    "a pipe": (None, "cannot be read as a text file of ratings"),
    "huge": (None, "larger than 64 MB"),
    "binary": (bytes(range(256)) * 40, "cannot be read as a text file of ratings"),
    "empty": (b"", "0 ratings so far"),
    "blank": (b"\n \n\n", "0 ratings so far"),
    "one": (rated((4,)), "1 ratings so far"),
    "two": (rated((4, 2)), "2 ratings so far"),
    "all alike": (rated((3,) * 8), "say the same"),
    "a letter": ("Dear studio, I like blue.", "Line 1 is not a JSON object"),
    "cut off": (rated(SEVERAL)[:-9], "Line 8 is not a JSON object"),
    "nested": ("[" * 100_000, "Line 1 is not a JSON object"),
    "a huge number": (
        '{"kind": "stars", "stars": ' + "9" * 5000 + "}",
        "Line 1 is not a JSON object",
    ),
    "a number": ("7", "Line 1 is neither"),
    "no number of stars": (rated((float("nan"),) * 8), "gives nan stars"),
    "endless stars": (rated((float("inf"),) * 8), "gives inf stars"),
    "latents that are no numbers": (
        rated(SEVERAL, latent=NOT_FINITE[0]),
        '"recipe" on line 1 is missing or damaged',
    ),
    "endless latents": (
        rated(SEVERAL, latent=NOT_FINITE[1]),
        '"recipe" on line 1 is missing or damaged',
    ),
    "an endless seed": (
        rated(SEVERAL, seed=float("inf")),
        '"recipe" on line 1 is missing or damaged',
    ),
    "short latents": (rated(SEVERAL, latent=pack([0.5] * 14)), "not 15 numbers long"),
    "another medium": (
        rated(SEVERAL, medium="painting"),
        "rates a painting, but a stripes is to learn",
    ),
    "another base": (rated(SEVERAL, version="older"), "was made by the model “older”"),
    "another base's fine-tune": (
        rated(SEVERAL, version="older-tuned-1"),
        "was made by the model “older”",
    ),
    "contradictions": (contradictory(), "do not point anywhere yet"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_teaches_nothing_is_told_why(name, home, tmp_path, capsys):
    file = tmp_path / "ratings.jsonl"
    content, said = FILES[name]
    if name == "a folder":
        file.mkdir()
    elif name == "a pipe":
        os.mkfifo(file)
    elif name == "huge":
        with file.open("wb") as stream:
            stream.truncate(2**30)
    elif content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    code, out, err = run(capsys, "finetune", "stripes", "--ratings", file, "--json")
    assert code == 2
    assert out == ""
    sentence = err.splitlines()[-1]
    assert said in sentence
    assert "Traceback" not in err
    assert re.search("Nothing was changed|are kept", sentence)
    assert not list(home.glob("*/*/*"))


def test_a_fine_tune_that_finds_no_home_says_so_and_goes_on_once_it_does(
    home, tmp_path, capsys, monkeypatch
):
    generator = registry().use("stripes")
    works = generator.decode(generator.map(noise_from_seeds(range(30))))
    order = generator.attributes(works)["warmth"].argsort().argsort()
    file = tmp_path / "ratings.jsonl"
    lines = [
        line_for_stars(work.recipe.with_(version="base-tuned-earlier"), 1 + place // 6)
        for work, place in zip(works, order.tolist(), strict=True)
    ]
    file.write_text("\n".join(lines))
    home.mkdir()
    (home / "checkpoints").write_text("where a folder should be")
    code, _, err = run(capsys, "finetune", "stripes", "--ratings", file)
    assert code == 2
    assert "could not be saved" in err and "Traceback" not in err
    (home / "checkpoints").unlink()
    monkeypatch.setattr(climb.Climb, "round", None)
    code, out, _ = run(capsys, "finetune", "stripes", "--ratings", file, "--json")
    assert code == 0
    version = json.loads(out)["version"]
    assert version.startswith("base-tuned-")
    assert list((home / "lessons").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "banana"), ("DEVICE_BUDGET", "a lot"), ("DEVICE", "abacus")]
)
def test_nonsense_settings_are_told_by_name(name, value, monkeypatch, capsys):
    monkeypatch.setenv(f"STUDIO_{name}", value)
    code, _, err = run(capsys, "settings")
    assert code == 2
    assert f"STUDIO_{name}" in err and value in err


def test_a_damaged_upload_is_told(tmp_path, capsys):
    file = tmp_path / "broken.png"
    file.write_bytes(b"\x89PNG\r\n\x1a\nno")
    code, _, err = run(capsys, "encode", "painting", file)
    assert code == 2 and "damaged" in err


def test_truncation_zero_is_the_mean_for_every_seed(tmp_path, capsys):
    run(capsys, "sample", "stripes", "--seed", 1, "--count", 2, "--truncation", 0, "-o", tmp_path)
    works = [get_medium("stripes").read(p) for p in sorted(tmp_path.glob("stripes-*"))]
    assert len(works) == 2 and works[0].colours == works[1].colours
    assert works[0].recipe.seed is None


def test_promotion_by_command_line(capsys):
    _, out, _ = run(capsys, "versions", "painting", "--json")
    listed = json.loads(out)["painting"]
    default = listed["default"]
    assert default in [v["version"] for v in listed["versions"]]
    code, out, _ = run(capsys, "versions", "painting", "--promote", default, "--json")
    assert code == 0 and json.loads(out)["painting"]["default"] == default


def test_versions_are_merged_and_saved_by_command_line(capsys, tmp_path):
    models = registry()
    base = models.use("stripes")
    own = []
    for number in (1, 2):
        tensors = adapter_tensors(attach(base.mapping))
        tensors["0.bias"] += number
        own.append(models.add_fine_tune(base, tensors, {}))
    weights = f"{own[0]}:1,{own[1]}:0.25"
    code, out, err = run(capsys, "versions", "stripes", "--merge", weights, "--json")
    merged = err.removeprefix("kept as ").strip()
    assert code == 0
    assert merged in [v["version"] for v in json.loads(out)["stripes"]["versions"]]
    noise = noise_from_seeds([1, 2])
    moved = registry().use("stripes", merged).map(noise) - base.map(noise)
    assert np.allclose(moved, 1.5, atol=1e-4)
    nowhere = tmp_path / "none" / "a.taste"
    code, _, err = run(capsys, "versions", "stripes", "--save", merged, "-o", nowhere)
    assert code == 2 and str(nowhere) in err and "cannot be written" in err
    code, _, _ = run(capsys, "versions", "stripes", "--save", merged, "-o", tmp_path / "a.taste")
    assert code == 0 and (tmp_path / "a.taste").stat().st_size > 100
