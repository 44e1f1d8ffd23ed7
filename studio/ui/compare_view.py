"""The HTML of two versions side by side. What it looks like is in assets/compare.css."""

from __future__ import annotations

from collections.abc import Sequence

from studio.medium import Artwork
from studio.store import JobRow
from studio.ui import measured, versions
from studio.ui.compare_state import BETWEEN, BOTH, STEP, Comparison
from studio.ui.panel import text
from studio.ui.session import Visit
from studio.ui.surface import attributes, button, icon

DESK = "compare"
SIDE, LARGE = 192, 320
"""Pixels of works at the sides, and of those that are looked at first."""


def door(visit: Visit) -> str:
    """The button that opens the comparison, for the list of versions."""
    return button(visit.words("compare.open"), "open", data_desk=DESK)


def reach(visit: Visit) -> str:
    """What can be compared, as one text that changes when it does."""
    return " ".join(checkpoint.version for checkpoint in versions.within_reach(visit))


def section(
    visit: Visit,
    state: Comparison,
    works: dict[str, Sequence[Artwork]],
    *,
    is_one_base: bool,
    can_merge: bool,
    job: JobRow | None,
) -> str:
    """All of it.

    Args:
        works: of the same noise, by `first`, `second`, and `live` if there is a way between.
        is_one_base: whether there is.
        can_merge: whether both have learned something, on one base.
    """
    words = visit.words
    kind = "way" if is_one_base else "beside" if visit.medium_object.parts else "uncover"
    close = button(words("compare.close"), "close", icon("close"), kind="quiet")
    return f"""<section class="compare" data-kind="{kind}" data-reach="{text(reach(visit))}"
      aria-label="{text(words("compare.title"))}">
      <header class="row"><h2 tabindex="-1">{text(words("compare.title"))}</h2>
        <span class="grow"></span>{close}</header>
      <div class="row chosen">{choice(visit, state, "first")}{choice(visit, state, "second")}</div>
      {ways(visit, state) if can_merge else ""}{views(visit, state) if kind == "beside" else ""}
      <p class="lead">{text(lead(visit, state, kind))}</p>
      <ul class="noises"{attributes(data_shows="both", style=f"--at: {state.uncovered}")}>
        {noises(visit, state, works, SIDE if kind == "way" else LARGE)}</ul>
      <div class="helm">{sliders(visit, state, kind)}
        {keeping(visit, state) if kind == "way" else ""}
        <div data-part="outcome">{outcome(visit, job)}</div></div>
      <div data-part="figures">{figures(visit, job)}</div></section>"""


def choice(visit: Visit, state: Comparison, side: str) -> str:
    label = visit.words(f"compare.{side}")
    options = "".join(
        f"<option{attributes(value=c.version, selected=c.version == getattr(state, side))}>"
        f"{text(versions.title(visit, c.version))}</option>"
        for c in reversed(versions.within_reach(visit))
    )
    named = attributes(id=f"compare-{side}", data_do="choose", data_side=side)
    return f"<label><span>{text(label)}</span><select{named}>{options}</select></label>"


def ways(visit: Visit, state: Comparison) -> str:
    chips = "".join(
        button(
            visit.words(f"compare.way.{way}"),
            "way",
            kind="chip",
            id=f"compare-way-{way}",
            data_way=way,
            aria_pressed=str(way == state.way).lower(),
        )
        for way in (BETWEEN, BOTH)
    )
    return (
        f'<p class="chips" role="group" aria-label="{text(visit.words("compare.way"))}">{chips}</p>'
    )


def views(visit: Visit, state: Comparison) -> str:
    """What to show of works that have no way between them and are not uncovered sideways."""
    names = {"both": visit.words("compare.view.both"), **titles(visit, state)}
    chips = "".join(
        f'<button type="button" class="chip" data-show="{name}" '
        f'aria-pressed="{str(name == "both").lower()}">{text(said)}</button>'
        for name, said in names.items()
    )
    return group(visit.words("compare.view"), chips)


def group(label: str, chips: str) -> str:
    return f'<p class="chips" role="group" aria-label="{text(label)}">{chips}</p>'


def titles(visit: Visit, state: Comparison) -> dict[str, str]:
    return {side: versions.title(visit, getattr(state, side)) for side in ("first", "second")}


def lead(visit: Visit, state: Comparison, kind: str) -> str:
    return visit.words(
        f"compare.lead.{state.way if kind == 'way' else kind}", **titles(visit, state)
    )


def noises(visit: Visit, state: Comparison, works: dict[str, Sequence[Artwork]], size: int) -> str:
    """One row for each noise."""
    named = titles(visit, state)
    columns = [
        [
            f'<span class="{side}">{work}</span>'
            for work in (
                made_by(visit, found, named[side], size) if side in named else between(visit, found)
            )
        ]
        for side, found in works.items()
    ]
    return "".join(f"<li>{''.join(row)}</li>" for row in zip(*columns, strict=True))


def made_by(visit: Visit, works: Sequence[Artwork], version: str, size: int) -> list[str]:
    """Works of a version with that title."""
    return [
        work.thumbnail(visit.words("compare.work", number=number, version=version), size)
        for number, work in enumerate(works, start=1)
    ]


def between(visit: Visit, works: Sequence[Artwork]) -> list[str]:
    """Works of the place that the sliders ask for."""
    return [
        work.thumbnail(visit.words("compare.work.live", number=number), LARGE)
        for number, work in enumerate(works, start=1)
    ]


def sliders(visit: Visit, state: Comparison, kind: str) -> str:
    words, named = visit.words, titles(visit, state)
    if kind == "beside":
        return ""
    if kind == "uncover":
        return slider("uncovered", words("compare.uncover", first=named["first"]), state.uncovered)
    if state.way == BOTH:
        return slider("left", words("compare.weight", version=named["first"]), state.left) + slider(
            "right", words("compare.weight", version=named["second"]), state.right
        )
    return slider(
        "at",
        words("compare.place", **named),
        state.at,
        start=words("compare.place.start", **named),
        end=words("compare.place.end", **named),
        said=words("compare.place.value", percent="{percent}", **named),
    )


def slider(
    name: str, label: str, value: float, *, start: str = "", end: str = "", said: str = "{percent}%"
) -> str:
    """A range whose value is said in words, also while it moves (see assets/compare.js).

    Args:
        start, end: said at the ends.
        said: in between, with {percent} to be filled in.
    """
    percent = round(100 * value)
    now = {0: start, 100: end}.get(percent) or said.replace("{percent}", str(percent))
    range_ = attributes(
        id=f"compare-{name}",
        type="range",
        min=0,
        max=1,
        step=0.01 if name == "uncovered" else STEP,
        value=value,
        data_slider=name,
        data_start=start,
        data_end=end,
        data_said=said,
        aria_valuetext=now,
    )
    # A label around both would name the output, which comes first.
    return f"""<div class="place"><label for="compare-{name}">{text(label)}</label>
      <output for="compare-{name}">{text(now)}</output><input{range_}></div>"""


def keeping(visit: Visit, state: Comparison) -> str:
    """The button that keeps what the sliders ask for; its script hides it where that is nothing
    new."""
    words = visit.words
    label = words("compare.keep.merged" if state.way == BOTH else "compare.keep")
    return f"""<p class="row"><span class="new">{button(label, "keep", kind="primary")}
        <span class="hint">{text(words("compare.keep.hint"))}</span></span>
      <span class="hint old">{text(words("compare.keep.nothing"))}</span></p>"""


def outcome(visit: Visit, job: JobRow | None) -> str:
    """What became of what was kept."""
    words = visit.words
    if job is None:
        return ""
    if not job.is_finished:
        queued = job.status == "queued"
        said = words("compare.queued", place=job.place) if queued else words("compare.keeping")
        return f"""<p class="note" role="status" data-poll>{text(said)}</p>"""
    if job.status == "done":
        version = job.result["version"]
        name, base = (versions.title(visit, v) for v in (version, job.result["base"]))
        use = button(
            words("teach.version.use"),
            "use",
            data_desk="tab-teach",
            data_version=version,
            aria_label=words("teach.version.use.label", version=name),
        )
        said = words("compare.kept", version=name, base=base)
        return f'<p class="note row" role="status"><span>{text(said)}</span>{use}</p>'
    said = words(f"compare.{'interrupted' if job.status != 'failed' else 'failed'}")
    if job.error and f"error.{job.error[0]}" in words:
        said = words(f"error.{job.error[0]}", **job.error[1])
    return f'<p class="note" role="status">{text(said)}</p>'


def figures(visit: Visit, job: JobRow | None) -> str:
    """What was measured of it."""
    if job is None or job.status != "done":
        return ""
    return measured.figures(visit, job.result["measured"])
