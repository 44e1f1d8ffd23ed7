"""The measurements of the taste loop measure what they say."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from benchmarks import plots
from benchmarks.plane_search import Planes, believe, opposite, random_planes, search
from benchmarks.reward_model import COUNTS, FIGURES, enough, to_the_same_gain
from benchmarks.sequential_gallery import (
    BITS,
    FUNCTIONS,
    ITERATIONS,
    Cube,
    Searcher,
    by_chance,
    summary,
)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_optimum_is_where_it_is_said_to_be(name: str):
    objective, where, optimum = FUNCTIONS[name]
    best = torch.full((1, 5), where, dtype=torch.float64)
    assert float(objective(best)) == pytest.approx(optimum, abs=1e-9)
    luck = torch.rand(2000, 5, generator=torch.Generator().manual_seed(1)).double()
    assert objective(torch.cat([luck, best + 0.01 * (luck[:500] - 0.5)])).max() < optimum


def test_a_plane_joins_its_corners_and_its_best_point_is_found():
    centre = torch.tensor([[0.5, 0.5, 0.5]], dtype=torch.float64)
    u, v = torch.tensor([0.4, 0.1, 0.0]), torch.tensor([0.0, -0.1, 0.3])
    corners = torch.stack([centre - u, centre - v, centre + u, centre + v], dim=1)
    planes = Planes(centre, corners)
    places = torch.tensor([[-1, -1], [1, -1], [1, 1], [-1, 1], [0, 0]], dtype=torch.float64)
    assert torch.allclose(planes.points(places), torch.cat([corners, centre[:, None]], dim=1))
    assert torch.allclose(
        planes.points(places[:2].mean(0, keepdim=True))[:, 0], corners[:, :2].mean(1)
    )
    wanted = planes.points(torch.tensor([[0.3171, -0.6229]], dtype=torch.float64))[0, 0]
    pick = planes.pick(lambda points: -(points - wanted).square().sum(-1))
    assert (pick - wanted).norm() < 0.002


def test_planes_stay_in_the_cube_and_go_through_the_best():
    rng = torch.Generator().manual_seed(1)
    centre = torch.rand(6, 4, generator=rng).double()
    planes = random_planes(centre, rng)
    assert planes.corners.min() >= -1e-9 and planes.corners.max() <= 1 + 1e-9
    assert torch.allclose(planes.corners.mean(1), centre)
    other = opposite(centre, torch.ones(6, 4).double())
    assert other.min() >= 0
    along = torch.nn.functional.cosine_similarity(centre - other, 1 - centre)
    assert torch.allclose(along, torch.ones(6).double())


def test_what_was_picked_is_believed_to_be_better():
    points = torch.rand(3, 6, 2, generator=torch.Generator().manual_seed(1)).double()
    picks = torch.tensor([[4, 0, 1, 2, 3, 5], [2, 0, 1, 1, 3, 5]]).repeat(3, 1, 1)
    belief = believe(points, picks, None)
    assert belief.values.argmax(1).tolist() == [4, 4, 4]
    assert (belief.values[:, 2:3] > belief.values[:, [0, 1, 3, 5]]).all()
    improvement = belief.expected_improvement(points)
    assert (improvement >= -1e-9).all()


def test_plane_search_finds_what_chance_does_not():
    objective, _, optimum = FUNCTIONS["isometric"]
    found = search(objective, 2, 6, 4, seed=0, by_chance=False)
    gap = optimum - objective(found).mean(1)
    assert gap[-1] < 0.3 * gap[0]
    assert gap[-1] < 0.3 * (optimum - objective(by_chance(objective, 50, 6, 0)[3]).mean())


def test_the_studio_asks_in_the_cube_as_it_asks_of_a_medium():
    cube = Cube(3)
    uniform = cube.map(torch.randn(4000, 128, generator=torch.Generator().manual_seed(1)))
    assert uniform.mean(0).tolist() == pytest.approx([0.5] * 3, abs=0.02)
    assert uniform.std(0).tolist() == pytest.approx(cube.statistics.scales.tolist(), abs=0.01)
    objective, _, optimum = FUNCTIONS["isometric"]
    for way in (Searcher.planes, Searcher.pairs, Searcher.stars):
        points = torch.stack(way(Searcher(objective, 3, seed=1), 8))
        assert points.min() >= 0 and points.max() <= 1
        gap = optimum - objective(points)
        assert gap[-1] < 0.5
        if way is Searcher.planes:
            assert gap[-1] < 0.02


def test_chance_keeps_the_best_so_far():
    objective, _, _ = FUNCTIONS["rosenbrock"]
    values = objective(by_chance(objective, 20, 4, seed=0))
    assert values.shape == (ITERATIONS, 20)
    assert (values.diff(dim=0) >= 0).all()


def test_a_summary_holds_its_mean():
    found = summary(torch.randn(4, 30, generator=torch.Generator().manual_seed(1)))
    for mean, low, high in zip(found["mean"], found["low"], found["high"], strict=True):
        assert low < mean < high
        assert high - low == pytest.approx(2 * 1.645 / 30**0.5, rel=0.4)


def test_ratings_to_the_same_gain_are_read_off_the_curve():
    gains = np.array(COUNTS) / 50
    assert enough(gains, 0.4) == pytest.approx(20)
    assert enough(gains, 0.36) == pytest.approx(18)
    assert enough(gains, 0.04) == pytest.approx(2)
    assert enough(gains, 1.1) == np.inf
    # Chosen questions that teach twice as fast: half as many do.
    luck = 0.01 * np.random.default_rng(1).standard_normal((2, 12, len(COUNTS), len(FIGURES)))
    chance, chosen = luck + gains[:, None] * np.array([1, 2])[:, None, None, None]
    found = to_the_same_gain(chance, chosen)
    for count in (20, 30, 40):
        row = found[str(count)]
        assert row["chosen"] == pytest.approx(count / 2, abs=0.5)
        assert row["interval"][0] <= row["chosen"] <= row["interval"][1]
        assert row["fewer"] == 1
    assert to_the_same_gain(chosen, chance)["40"] == {
        "chosen": None,
        "interval": [None, None],
        "fewer": 0,
    }


def labels(picture: str) -> set[str]:
    tree = ElementTree.fromstring(picture)
    return {element.text for element in tree.iter("{http://www.w3.org/2000/svg}text")}


def test_plots_show_every_way_and_where_it_lies():
    gap = {"mean": [1.0, 0.1], "low": [0.5, 0.0], "high": [2.0, 0.2]}
    ways = {way: {"gap": gap} for way in BITS}
    picture = plots.gallery([{"iterations": 2, "problems": {"isometric-5d": ways}}])
    assert {name for name, _, _ in plots.GALLERY_WAYS.values()} < labels(picture)
    assert set(plots.GALLERY_WAYS) == set(BITS)
    assert picture.count("<polyline") == len(BITS)
    means = {"percentile": 0.5, "diversity_of_oracle": 1.0}
    spans = {"percentile": [0.25, 0.75], "diversity_of_oracle": [0.9, 1.1]}
    ways = [way for way in plots.LOOP_WAYS if way != "loop"]
    run = {
        "medium": "a < b",
        "version": "1",
        "artists": [{}],
        "ratings": 30,
        "noise": 0.1,
        "goals": {"percentile": 0.85},
        "aggregate": {**means, "instead": dict.fromkeys(ways, means)},
        "intervals": {**spans, "instead": dict.fromkeys(ways, spans)},
    }
    picture = plots.loop([run])
    assert "a < b (1)" in labels(picture)
    assert {name for name, _ in plots.LOOP_WAYS.values()} < labels(picture)
    svg = "{http://www.w3.org/2000/svg}"
    tree = ElementTree.fromstring(picture)
    bars = [line for line in tree.iter(f"{svg}line") if line.get("class") == "bar"]
    dots = list(tree.iter(f"{svg}circle"))
    assert len(bars) == len(dots) == len(plots.LOOP_WAYS)
    for bar, dot in zip(bars, dots, strict=True):
        ends = float(bar.get("x1")), float(bar.get("x2"))
        assert ends[0] < ends[1]
        assert float(dot.get("cx")) == pytest.approx(sum(ends) / 2, abs=0.1)
