"""What a lesson changed, as three figures and what each means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from studio.ui.panel import text
from studio.ui.session import Visit


def figures(visit: Visit, measured: Mapping[str, Any]) -> str:
    words = visit.words
    # What nobody has rated enough for has no gain; see studio.taste.blend.
    found = {"gain": gain(visit, measured)} if "gain" in measured else {}
    found |= {"diversity": diversity(visit, measured), "drift": drift(visit, measured)}
    blocks = "".join(
        f"<div><span>{text(words(f'teach.{name}'))}</span>"
        f"<strong>{text(value)}</strong><p>{text(meaning)}</p></div>"
        for name, (value, meaning) in found.items()
    )
    explanation = "teach.explain.text" if "gain" in measured else "compare.explain.text"
    samples = measured["samples"]
    return f"""<div class="measured">{blocks}</div>
      <details><summary>{text(words("teach.explain"))}</summary>
      <p class="hint">{text(words(explanation, samples=samples))}</p></details>"""


def gain(visit: Visit, measured: Mapping[str, Any]) -> tuple[str, str]:
    words = visit.words
    share = max(1, round(100 * (1 - measured["percentile"])))
    return words("teach.gain.value", share=share), words("teach.gain.text", share=share)


def diversity(visit: Visit, measured: Mapping[str, Any]) -> tuple[str, str]:
    kept = measured["diversity_kept"]
    level = "high" if kept >= 0.9 else "mid" if kept >= 0.75 else "low"
    return f"{kept:.0%}", visit.words(f"teach.diversity.text.{level}")


def drift(visit: Visit, measured: Mapping[str, Any]) -> tuple[str, str]:
    moved = measured["drift"]
    level = "small" if moved < 0.3 else "mid" if moved < 0.7 else "large"
    return (
        visit.words(f"teach.drift.{level}"),
        visit.words("teach.drift.text", drift=f"{moved:.0%}"),
    )
