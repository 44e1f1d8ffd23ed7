"""What a version's card says, in plain words, each figure with what it means and its yardstick."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from studio.checkpoint import Checkpoint
from studio.taste.proof import Outcome
from studio.ui import measured, versions
from studio.ui.panel import facts, text
from studio.ui.proof import halves
from studio.ui.session import Visit

MOST_NAMES = 6
BASELINES = ("baseline", "lightweight_gan")


def card_details(visit: Visit, checkpoint: Checkpoint) -> str:
    """One line for everybody; figures and origins on demand."""
    card, words = checkpoint.card, visit.words
    parts = []
    if checkpoint.parent:
        parent = versions.title(visit, checkpoint.parent)
        parts.append(versions.origin(visit, card) or words("models.from", parent=parent))
    else:
        parts.append(words("models.base"))
    if created := str(card.get("created", ""))[:10]:
        parts.append(words("models.made", date=created))
    parts.append(words("models.size", size=size(checkpoint.size_bytes())))
    body = origins(visit, card)
    if isinstance(card.get("evaluation"), Mapping):
        body = figures(visit, card["evaluation"]) + body
    if card.get("measured"):
        changed = f"<h3>{text(words('models.measured'))}</h3>"
        body = changed + measured.figures(visit, card["measured"]) + body
    line = f'<p class="hint">{text(" · ".join(parts))}</p>'
    if not body:
        return line
    return f"""{line}<details><summary>{text(words("models.more"))}</summary>
      <div class="card">{body}</div></details>"""


def figures(visit: Visit, evaluation: Mapping[str, Any]) -> str:
    """The evaluation as a table: this version, real works, and whatever it was compared with."""
    words = visit.words
    columns = {"value": flat(evaluation)}
    if held_out := evaluation.get("held_out"):
        columns["held_out"] = flat(held_out)
    if baseline := next((evaluation[n] for n in BASELINES if n in evaluation), None):
        columns["baseline"] = flat(baseline)
    known = [name for name in columns["value"] if f"models.figure.{name}" in words]
    if not known:
        return f'<p class="hint">{text(words("models.figures.none"))}</p>'
    heads = "".join(
        f'<th scope="col">{text(words(f"models.figure.{column}"))}</th>' for column in columns
    )
    rows = "".join(
        f"""<tr><th scope="row">{text(words(f"models.figure.{name}"))}
          <span class="hint">{text(words(f"models.figure.{name}.explain"))}</span></th>"""
        + "".join(f"<td>{number(column.get(name))}</td>" for column in columns.values())
        + "</tr>"
        for name in known
    )
    lead = words("models.figures.lead", samples=number(evaluation.get("samples")))
    return f"""<h3>{text(words("models.figures"))}</h3><p class="hint">{text(lead)}</p>
      <table><thead><tr><th scope="col">{text(words("models.figure"))}</th>{heads}
      </tr></thead><tbody>{rows}</tbody></table>"""


def flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Figures one level down as `nearest.median`."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found.update({f"{name}.{inner}": one for inner, one in value.items()})
        else:
            found[name] = value
    return found


def origins(visit: Visit, card: Mapping[str, Any]) -> str:
    """How long it learned, from what, and under which licences."""
    words = visit.words
    training, data = card.get("training") or {}, card.get("data") or {}
    rows: dict[str, str] = {}
    works = data.get("works") or {}
    if card.get("transferred_from"):
        name = str(card["transferred_from"]).partition("/")[2]
        rows[words("models.origin.transfer")] = text(versions.title(visit, name))
    if works:
        rest = sum(works.values()) - works.get("train", 0)
        said = words("models.origin.works.value", train=works.get("train", 0), rest=rest)
        rows[words("models.origin.works")] = text(said)
    if card.get("ratings"):
        rows[words("models.origin.ratings")] = number(card["ratings"])
    if blind := Outcome.from_card(card):
        low, high = (round(100 * end) for end in blind.interval)
        won, pairs = halves(blind.score), blind.pairs
        said = words("models.origin.blind.value", won=won, pairs=pairs, low=low, high=high)
        rows[words("models.origin.blind")] = text(said)
    for name in ("artists", "licences", "sources"):
        if data.get(name):
            rows[words(f"models.origin.{name}")] = text(listed(visit, data[name]))
    effort = []
    if "step" in training:
        effort.append(words("models.steps", steps=number(training["step"])))
    if "pictures" in training:
        effort.append(words("models.seen", count=number(training["pictures"])))
    if "wall_seconds" in training:
        minutes = number(round(training["wall_seconds"] / 60))
        effort.append(words("models.time", minutes=minutes))
    if effort:
        rows[words("models.origin.training")] = text(", ".join(effort))
    if "trained_on" in card:
        rows[words("models.trained_on")] = text(card["trained_on"])
    if not rows:
        return ""
    return f"<h3>{text(words('models.origin'))}</h3>{facts(rows)}"


def listed(visit: Visit, counts: Mapping[str, int]) -> str:
    """The most frequent names with their counts."""
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    names = [f"{name} ({count})" for name, count in ordered[:MOST_NAMES]]
    if len(ordered) > MOST_NAMES:
        names.append(visit.words("models.origin.others", count=len(ordered) - MOST_NAMES))
    return ", ".join(names)


def number(value: Any) -> str:
    """A figure at a readable precision; a dash for none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def size(count: int) -> str:
    """Bytes as people read them."""
    for unit, step in (("GB", 1e9), ("MB", 1e6)):
        if count >= step:
            return f"{count / step:.1f} {unit}"
    return f"{count / 1e3:.0f} kB"
