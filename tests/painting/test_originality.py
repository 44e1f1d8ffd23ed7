"""What a painting comes nearest to, and how near that is."""

from __future__ import annotations

import io
import json
from pathlib import Path

import torch
from PIL import Image

from studio.latent import noise_from_seeds
from studio.medium import Recipe, with_sources
from studio.painting.artwork import RECIPE_KEY, Painting
from studio.painting.generator import PaintingGenerator
from studio.painting.originality import Originality
from studio.ui.readout import near
from studio.words import Words


def work(name: str, split: str = "train") -> dict[str, str]:
    return {"file": name, "artist": "A. Painter", "title": name, "year": "1880", "split": split}


def test_the_nearest_works_come_first_with_the_share_of_held_out_works_that_are_nearer() -> None:
    train = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    # Held-out works lie 1, 2, 3 and 4 from their nearest.
    held_out = torch.tensor([[0.0, 1.0], [10.0, 2.0], [3.0, 0.0], [0.0, 14.0]])
    works = [work("a"), work("unseen", "held_out"), work("b"), work("c")]
    index = Originality({"train": train.half(), "held_out": held_out.half()}, works)
    (found,) = index.nearest(torch.tensor([[7.5, 0.0]]), 2)
    assert [source.title for source in found] == ["b", "a"]
    assert [source.distance for source in found] == [2.5, 7.5]
    assert found[0].nearer == 0.5


def test_with_nothing_held_out_there_is_nothing_to_compare_with() -> None:
    index = Originality({"train": torch.zeros(1, 2), "held_out": torch.zeros(0, 2)}, [work("a")])
    (found,) = index.nearest(torch.ones(1, 2))
    assert len(found) == 1 and found[0].nearer is None


def test_a_training_work_is_its_own_nearest_and_is_called_a_copy(
    small: PaintingGenerator, pictures: Path
) -> None:
    known = next(work for work in small.originality.works)
    painting = Painting.read(pictures / Path(known["file"]).name)
    ((nearest, *_),) = small.sources([painting])
    assert nearest.work == known["file"] and nearest.distance < 0.1
    for language in ("en", "zh"):
        said = near(small, painting, Words(language))
        assert known["title"] in said and Words(language)("explore.source.copy", work="") != said
        assert said == Words(language)(
            "explore.source.copy",
            work=Words(language)("common.comma").join(
                (Words(language)("explore.source.title", title=known["title"]), "a test", "2026")
            ),
        )


def test_a_download_says_what_it_comes_nearest_to_and_comes_back_without(
    small: PaintingGenerator,
) -> None:
    (painting,) = small.decode(small.map(noise_from_seeds([3])))
    before = painting.recipe
    data = with_sources(small, painting).export("png")
    said = json.loads(Image.open(io.BytesIO(data)).info[RECIPE_KEY])
    assert [row["work"] for row in said["nearest_works"]] == [
        source.work for source in small.sources([painting])[0]
    ]
    assert all(0 <= row["nearer"] <= 1 and row["distance"] > 0 for row in said["nearest_works"])
    assert Painting.read(io.BytesIO(data)).recipe == before
    assert isinstance(before, Recipe) and not before.sources
