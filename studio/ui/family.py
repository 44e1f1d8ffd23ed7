"""Works under all their parents: a drawing of what came from what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

CELL = (112, 148)
"""Width and height that a work takes in the drawing, in pixels."""
TOP, BOTTOM = 8, 108
"""Where in its cell a work begins and its name ends; lines go from one to the other."""


def generations(parents: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Works that have kin, those without parents first, then each below all its parents.

    Within a generation they stand where their parents stand. Who came first stands further left,
    and is taken first where works claim to come from each other, as a forged recipe can.

    Args:
        parents: of each work, the oldest first.
    """
    known = {work: [p for p in of if p in parents and p != work] for work, of in parents.items()}
    kin = {one for work, of in known.items() if of for one in (work, *of)}
    left = [work for work in known if work in kin]
    depth: dict[str, int] = {}
    while left:
        work = next((w for w in left if all(p in depth for p in known[w])), left[0])
        above = [depth[parent] for parent in known[work] if parent in depth]
        depth[work] = max(above, default=-1) + 1
        left.remove(work)
    rows: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for work in (work for work in known if work in depth):
        rows[depth[work]].append(work)
    column: dict[str, float] = {}
    for row in rows:
        places = {work: [column[p] for p in known[work] if p in column] for work in row}
        row.sort(key=lambda work: sum(places[work]) / max(len(places[work]), 1))
        column |= {work: index - len(row) / 2 for index, work in enumerate(row)}
    return rows


def drawn(parents: Mapping[str, Sequence[str]], face: Callable[[str], str]) -> str:
    """HTML of the drawing, "" where nobody has kin; what it looks like is in assets/family.css.

    Args:
        face: what shows a work, a link or a button with its picture first.
    """
    rows = generations(parents)
    if not rows:
        return ""
    width, height = max(map(len, rows)) * CELL[0], len(rows) * CELL[1]
    place = {
        work: (round((width - len(row) * CELL[0]) / 2 + column * CELL[0]), line * CELL[1])
        for line, row in enumerate(rows)
        for column, work in enumerate(row)
    }
    lines = "".join(
        line(place[parent], place[work])
        for work in place
        for parent in parents[work]
        if parent in place and place[parent][1] < place[work][1]
    )
    cells = "".join(
        f'<li style="left:{x}px;top:{y}px">{face(work)}</li>' for work, (x, y) in place.items()
    )
    return f"""<div class="family"><div style="width:{width}px;height:{height}px">
      <svg width="{width}" height="{height}" aria-hidden="true">{lines}</svg>
      <ol>{cells}</ol></div></div>"""


def line(parent: tuple[int, int], child: tuple[int, int]) -> str:
    x1, y1 = parent[0] + CELL[0] // 2, parent[1] + BOTTOM
    x2, y2 = child[0] + CELL[0] // 2, child[1] + TOP
    half = (y1 + y2) // 2
    return f'<path d="M{x1} {y1}C{x1} {half} {x2} {half} {x2} {y2}"/>'
