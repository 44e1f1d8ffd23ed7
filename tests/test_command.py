"""The command line does what it says, says what went wrong, and repeats itself exactly."""

import json

import numpy as np
import pytest

from studio.__main__ import main
from studio.medium import get_medium


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STUDIO_DEVICE", "cpu")


def run(capsys, *arguments):
    code = main([str(a) for a in arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_samples_repeat_to_the_byte_and_differ_between_seeds(medium, tmp_path, capsys):
    for folder in ("a", "b"):
        arguments = (
            "sample",
            medium.name,
            "--seed",
            7,
            "--count",
            4,
            "-o",
            tmp_path / folder,
            "--json",
        )
        code, out, _ = run(capsys, *arguments)
        assert code == 0
        assert len(json.loads(out.splitlines()[-1])["files"]) == 4
    first = {p.name: p.read_bytes() for p in (tmp_path / "a").iterdir()}
    assert first == {p.name: p.read_bytes() for p in (tmp_path / "b").iterdir()}
    assert len(set(first.values())) == 4
    # A later seed asked for alone is the same work.
    run(capsys, "sample", medium.name, "--seed", 9, "-o", tmp_path / "c")
    (alone,) = (tmp_path / "c").iterdir()
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
        (["simulate", "painting", "--noise", "0.6"], "--noise is 0.6"),
        (["simulate", "painting", "--ratings", "5"], "--ratings 6"),
        (["versions", "--promote", "x"], "medium"),
        (["versions", "--open", "x.taste"], "medium"),
        (["versions", "painting", "--save", "x"], "-o FILE"),
        (["versions", "painting", "--open", "none.taste"], "holds no taste"),
    ],
)
def test_what_cannot_be_done_is_said_and_ends_with_two(arguments, said, capsys, tmp_path):
    code, _, err = run(capsys, *arguments)
    assert code == 2
    assert said in err
    assert "Traceback" not in err


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
    run(capsys, "sample", "painting", "--seed", 1, "--count", 2, "--truncation", 0, "-o", tmp_path)
    works = [get_medium("painting").read(p) for p in sorted(tmp_path.glob("*.png"))]
    assert np.array_equal(works[0].pixels, works[1].pixels)
    assert works[0].recipe.seed is None


def test_promotion_by_command_line(capsys):
    _, out, _ = run(capsys, "versions", "painting", "--json")
    listed = json.loads(out)["painting"]
    default = listed["default"]
    assert default in [v["version"] for v in listed["versions"]]
    code, out, _ = run(capsys, "versions", "painting", "--promote", default, "--json")
    assert code == 0 and json.loads(out)["painting"]["default"] == default
