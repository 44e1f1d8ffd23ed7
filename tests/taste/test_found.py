"""A few marks become a direction that does what was meant; tried on stripes, which are known."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from studio.atlas import Atlas, learn
from studio.effects import side_effects, steered
from studio.latent import noise_from_seeds
from studio.medium import Direction, Generator
from studio.studio import Studio
from studio.taste.found import TooFewMarks, found
from studio.ui.find_state import MOST_MARKS, Mark, Search


@pytest.fixture(scope="module")
def stripes(shared_studio: Studio) -> Generator:
    return shared_studio.registry.use("stripes")


@pytest.fixture(scope="module")
def atlas(stripes: Generator) -> Atlas:
    return learn(stripes, samples=256, size=10)


def marked(stripes: Generator, meant: str, marks: int, seed: int = 700):
    """The works of a page that have most of an attribute and least, as a person marks them."""
    works = list(stripes.decode(stripes.map(noise_from_seeds(range(seed, seed + 24)))))
    order = stripes.attributes(works)[meant].argsort(descending=True).tolist()
    chosen = order[:marks] + order[-marks:]
    return [works[i] for i in chosen], torch.arange(2 * marks) < marks


@pytest.mark.parametrize("meant", ["brightness", "warmth"])
def test_the_dial_does_what_was_meant_and_spares_the_rest(
    stripes: Generator, atlas: Atlas, meant: str
) -> None:
    vector = found(stripes, atlas, *marked(stripes, meant, 5))
    dial = Direction("own", tuple(vector.tolist()), 1.0, meant)
    row = steered(stripes, 16, [dial])["own"]
    assert row["correlation"] > 0.95
    (aside,) = row["side_effects"].values()
    assert abs(aside) < 0.7 * row["effect"]
    told = found(stripes, replace(atlas, attributes={}), *marked(stripes, meant, 5))
    assert not torch.equal(told, vector)


def test_marks_the_other_way_round_lead_the_other_way(stripes: Generator, atlas: Atlas) -> None:
    works, more = marked(stripes, "warmth", 3)
    there, back = (found(stripes, atlas, works, side) for side in (more, ~more))
    assert torch.allclose(there, -back, atol=1e-5)


def test_what_a_dial_changes_is_told_of_every_attribute(stripes: Generator) -> None:
    latents = stripes.map(noise_from_seeds(range(64)))
    spread = stripes.attributes(stripes.decode(latents))
    brighter = torch.ones(stripes.latent_dim)
    effects = side_effects(stripes, tuple(brighter.tolist()), spread)
    assert set(effects) == {"brightness", "warmth"}
    assert effects["brightness"] > 0.5
    assert abs(effects["warmth"]) < 0.5 * effects["brightness"]


def test_one_mark_on_a_side_is_too_few(stripes: Generator, atlas: Atlas) -> None:
    works, more = marked(stripes, "warmth", 2)
    with pytest.raises(TooFewMarks):
        found(stripes, atlas, works[:3], more[:3])


def test_a_mark_is_taken_back_turned_over_and_kept() -> None:
    search = Search(first=3)
    one, two = Mark((0.5, 1.0), True, "a"), Mark((0.25, 2.0), False, "b", {"tempo": 90})
    search = search.marked(one).marked(two)
    assert (search.count(True), search.count(False)) == (1, 1)
    assert Search.from_dict(search.to_dict()) == search
    assert search.marked(one).marks == (two,)
    assert search.marked(replace(one, is_more=False)).count(False) == 2
    for number in range(MOST_MARKS + 4):
        search = search.marked(Mark((float(number), 0.0), True, ""))
    assert len(search.marks) == MOST_MARKS
