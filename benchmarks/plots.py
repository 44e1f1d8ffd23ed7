"""Plots of measurements as SVG, for docs/, drawn from what the measurements print as JSON.

    python benchmarks/plots.py loop poem-en.json painting.json … -o docs/taste-loop.svg
    python benchmarks/plots.py gallery gallery.json … -o docs/taste-sequential-gallery.svg

`loop` takes what `python -m studio simulate MEDIUM --json` prints (its last line), `gallery`
what benchmarks/sequential_gallery.py writes. Bars and bands are the 90 % bootstrap intervals.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

# The picture brings its own ground, so that it reads on any page, light or dark.
STYLE = """
svg{font:12px system-ui,sans-serif}
.ground{fill:#fcfcfa}.text{fill:#24292f}.quiet{fill:#57606a}.grid{stroke:#d0d7de}
.goal{stroke:#24292f;stroke-dasharray:3 3}
.a{--c:#0a5fb4}.b{--c:#b3541e}.c{--c:#1a7f37}.d{--c:#8250df}.e{--c:#9a6700}.f{--c:#bf3989}.g{--c:#57606a}
.line{fill:none;stroke:var(--c);stroke-width:2}.band{fill:var(--c);opacity:.15}
.dot{fill:var(--c)}.bar{stroke:var(--c);stroke-width:3;opacity:.55}
@media(prefers-color-scheme:dark){
.ground{fill:#161b22}.text{fill:#e6edf3}.quiet{fill:#9aa4ae}.grid{stroke:#30363d}
.goal{stroke:#e6edf3}
.a{--c:#6cb6ff}.b{--c:#f0a878}.c{--c:#57c878}.d{--c:#c297ff}.e{--c:#e3b341}.f{--c:#ff80c8}.g{--c:#9aa4ae}}
"""

LOOP_WAYS = {
    "loop": ("the lesson", "a"),
    "best_of_8": ("best of eight by the reward", "b"),
    "bayesian_optimisation": ("Bayesian optimisation", "d"),
    "best_of_rated": ("best of those rated", "e"),
    "no_learning": ("no learning", "g"),
}
GALLERY_WAYS = {
    "sequential_planes": ("planes: sequential plane search", "b", ""),
    "ours_planes": ("planes: our model and questions", "a", ""),
    "random_planes": ("planes by chance", "g", ""),
    "bayesian_optimisation": ("stars: Thompson sampling", "d", "5 3"),
    "ours_stars": ("stars: as the studio asks", "c", "5 3"),
    "ours_pairs": ("pairs: as the studio asks", "f", "2 2"),
    "chance": ("pairs: best so far, by chance", "e", "2 2"),
}
FLOORS = {"isometric": 1e-3, "rosenbrock": 1e-1}
"""Gaps below which nobody sees a difference; the axis ends there."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("plot", choices=("loop", "gallery"))
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    found = [json.loads(file.read_text().splitlines()[-1]) for file in options.files]
    options.out.write_text({"loop": loop, "gallery": gallery}[options.plot](found))


def loop(runs: Sequence[dict[str, Any]]) -> str:
    """What fresh works reach in each run, a panel for each; their variety is relative to that of an
    oracle who chooses among the base's works."""
    left, width, row = 200, 640, 22
    panel = 34 + row * len(LOOP_WAYS)
    height = panel * len(runs) + 44
    across = scale(0, 1, left, width - 100)
    shapes = []
    for index, run in enumerate(runs):
        top = 30 + panel * index
        artists = len(run["artists"])
        title = f"{run['medium']} ({run['version']})"
        shapes.append(text(12, top - 8, title, "text", weight=600))
        said = f"{artists} artists, {run['ratings']} ratings, {100 * run['noise']:.0f} % mood"
        shapes.append(text(width - 12, top - 8, said, "quiet", anchor="end"))
        bottom = top + row * len(LOOP_WAYS)
        for value in (0, 0.25, 0.5, 0.75, 1):
            shapes.append(rule(across(value), top, across(value), bottom, "grid"))
        goal = across(run["goals"]["percentile"])
        shapes.append(rule(goal, top, goal, bottom, "goal"))
        for place, (way, (name, colour)) in enumerate(LOOP_WAYS.items()):
            y = top + row * (place + 0.5)
            mean, (low, high) = figures(run, way, "percentile")
            variety, _ = figures(run, way, "diversity_of_oracle")
            shapes += [
                text(left - 12, y + 4, name, "text", anchor="end"),
                f'<g class="{colour}">{rule(across(low), y, across(high), y, "bar")}'
                f'<circle class="dot" cx="{across(mean):.1f}" cy="{y:.1f}" r="4.5"/></g>',
                text(width - 12, y + 4, f"{mean:.2f} · {variety:.2f}", "quiet", anchor="end"),
            ]
    for value in (0, 0.25, 0.5, 0.75, 1):
        shapes.append(text(across(value), height - 22, f"{value:g}", "quiet", anchor="middle"))
    said = "percentile of the base's works (dashed: the goal)"
    shapes.append(text(left, height - 6, said, "quiet"))
    shapes.append(text(width - 12, height - 6, "percentile · variety", "quiet", "end"))
    media = ", ".join(run["medium"] for run in runs)
    return picture(width, height, f"What a lesson reaches, and what else would: {media}", shapes)


def figures(run: dict[str, Any], way: str, name: str) -> tuple[float, list[float]]:
    """Mean and interval of a figure of one way."""
    means, spans = run["aggregate"], run["intervals"]
    if way != "loop":
        means, spans = means["instead"][way], spans["instead"][way]
    return means[name], spans[name]


def gallery(runs: Sequence[dict[str, Any]]) -> str:
    """The optimality gap after each interaction; functions are rows, dimensions columns."""
    problems = {name: each for run in runs for name, each in run["problems"].items()}
    functions = sorted({name.partition("-")[0] for name in problems})
    dimensions = sorted({int(name.partition("-")[2].removesuffix("d")) for name in problems})
    last = runs[0]["iterations"]
    tall, left, gap = 190, 64, 16
    cell = min((880 - left) / len(dimensions) - gap, 560)
    width = left + (cell + gap) * len(dimensions)
    legend = 20 * math.ceil(len(GALLERY_WAYS) / 2) + 12
    height = (tall + 44) * len(functions) + 24 + legend
    shapes = []
    for down, function in enumerate(functions):
        top = 28 + (tall + 44) * down
        of_function = [problems[name] for name in problems if name.startswith(function)]
        most = max(max(w["gap"]["high"]) for each in of_function for w in each.values())
        floor = FLOORS[function]
        up = scale(math.log10(floor), math.log10(most), top + tall, top)
        for right, count in enumerate(dimensions):
            x = left + (cell + gap) * right
            across = scale(1, last, x, x + cell)
            for power in range(math.ceil(math.log10(floor)), math.floor(math.log10(most)) + 1):
                shapes.append(rule(x, up(power), x + cell, up(power), "grid"))
                if right == 0:
                    least = "≤ " if 10.0**power <= floor else ""
                    said = f"{least}{10.0**power:g}"
                    shapes.append(text(x - 6, up(power) + 4, said, "quiet", anchor="end"))
            shapes.append(text(x, top - 8, f"{function}, {count} dimensions", "text", weight=600))
            for tick in (1, 10, 20, last):
                shapes.append(text(across(tick), top + tall + 16, str(tick), "quiet", "middle"))
            for way, values in problems.get(f"{function}-{count}d", {}).items():
                _, colour, dash = GALLERY_WAYS[way]
                each = {
                    name: [
                        (across(i + 1), up(math.log10(max(value, floor))))
                        for i, value in enumerate(row)
                    ]
                    for name, row in values["gap"].items()
                }
                band = points(each["low"] + each["high"][::-1])
                shapes.append(
                    f'<g class="{colour}"><polygon class="band" points="{band}"/>'
                    f'<polyline class="line" stroke-dasharray="{dash}" '
                    f'points="{points(each["mean"])}"/></g>'
                )
    for index, (name, colour, dash) in enumerate(GALLERY_WAYS.values()):
        x, y = left + 300 * (index % 2), height - legend + 20 * (index // 2)
        line = f'<path class="line" stroke-dasharray="{dash}" d="M{x} {y}h28"/>'
        shapes += [f'<g class="{colour}">{line}</g>', text(x + 36, y + 4, name, "text")]
    title = "Optimality gap after each interaction, mean and 90 % interval (lower is better)"
    return picture(max(width, 660), height, title, shapes)


def scale(low: float, high: float, start: float, end: float):
    """A function from values to places."""
    return lambda value: start + (value - low) / (high - low) * (end - start)


def points(places: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def rule(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def text(x: float, y: float, said: str, kind: str, anchor: str = "start", weight: int = 400) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}"'
    return f'<text class="{kind}" {place}>{escape(said)}</text>'


def picture(width: float, height: float, title: str, shapes: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="img"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style>"
        f'<rect class="ground" width="{width:g}" height="{height:g}" rx="8"/>\n'
        + "\n".join(shapes)
        + "\n</svg>\n"
    )


if __name__ == "__main__":
    main()
