"""What a lesson changed, as a few figures and what each means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from studio.taste.guard import KEPT
from studio.ui.panel import text
from studio.ui.session import Visit


def figures(visit: Visit, measured: Mapping[str, Any]) -> str:
    words = visit.words
    found = {
        "gain": gain(visit, measured),
        "closer": closer(visit, measured),
        "diversity": diversity(visit, measured),
        "quality": quality(visit, measured),
        "drift": drift(visit, measured),
    }
    blocks = "".join(
        f"<div><span>{text(words(f'teach.{name}'))}</span>"
        f"<strong>{text(value)}</strong><p>{text(meaning)}</p></div>"
        for name, (value, meaning) in found.items()
        # What was not measured is not shown: the liking of somebody who has not rated, say.
        if value
    )
    samples = measured["samples"]
    explained = "compare.explain.text"
    if "gain" in measured:
        explained = "teach.explain.text"
    elif "closer" in measured:
        explained = "teach.works.explain"
    return f"""<div class="measured">{blocks}</div>
      <details><summary>{text(words("teach.explain"))}</summary>
      <p class="hint">{text(words(explained, samples=samples))}</p></details>"""


def gain(visit: Visit, measured: Mapping[str, Any]) -> tuple[str, str]:
    words = visit.words
    share = max(1, round(100 * (1 - measured.get("percentile", 0.0))))
    shown = words("teach.gain.value", share=share) if "percentile" in measured else ""
    return shown, words("teach.gain.text", share=share)


def closer(visit: Visit, measured: Mapping[str, Any]) -> tuple[str, str]:
    words, share = visit.words, min(max(round(100 * measured.get("closer", 0.0)), 0), 100)
    shown = words("teach.closer.value", share=share) if "closer" in measured else ""
    said = words("teach.closer.text", share=share)
    if measured.get("closer", 0.0) < 2 * measured.get("closer_error", 0.0):
        said += " " + words("teach.closer.few")
    return shown, said


def diversity(visit: Visit, measured: Mapping[str, Any]) -> tuple[str, str]:
    kept = measured["diversity_kept"]
    level = "high" if kept >= 0.9 else "mid" if kept >= 0.75 else "low"
    return f"{kept:.0%}", visit.words(f"teach.diversity.text.{level}")


def quality(visit: Visit, measured: Mapping[str, Any]) -> tuple[str, str]:
    kept = min(measured.get("quality_kept", 0.0), 1.0)
    level = "high" if kept >= 0.95 else "mid" if kept >= KEPT["quality_kept"] else "low"
    shown = f"{kept:.0%}" if "quality_kept" in measured else ""
    return shown, visit.words(f"teach.quality.text.{level}")


def drift(visit: Visit, measured: Mapping[str, Any]) -> tuple[str, str]:
    moved = measured["drift"]
    level = "small" if moved < 0.3 else "mid" if moved < 0.7 else "large"
    return (
        visit.words(f"teach.drift.{level}"),
        visit.words("teach.drift.text", drift=f"{moved:.0%}"),
    )
