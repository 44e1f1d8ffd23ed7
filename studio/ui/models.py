"""The Models tab: which versions there are, how good, from what, and what is loaded now."""

from __future__ import annotations

from collections.abc import Mapping

import gradio as gr

from studio.checkpoint import Checkpoint
from studio.medium import get_medium
from studio.registry import Loaded
from studio.traffic import LATELY
from studio.ui import versions
from studio.ui.assets import asset
from studio.ui.card import card_details, size
from studio.ui.panel import panel, text
from studio.ui.session import Page, Said, Visit
from studio.ui.surface import attributes, button, medium_title


def build(page: Page) -> gr.Tab:
    with gr.Tab(page.i18n("models.title"), id="models", elem_id="tab-models") as tab:
        panel(page, tab, draw, {"use": use}, style=asset("models.css"))
    return tab


def use(visit: Visit, said: Said) -> None:
    versions.use(visit, str(said["version"]))
    visit.say("models.used", version=versions.title(visit, versions.in_use(visit)))


def draw(visit: Visit) -> str:
    return f'<div class="models">{tree(visit)}{loaded(visit)}</div>'


def tree(visit: Visit) -> str:
    """Versions under the version they were made from."""
    words = visit.words
    reach = versions.within_reach(visit)
    children: dict[str | None, list[Checkpoint]] = {}
    names = {checkpoint.version for checkpoint in reach}
    for checkpoint in reach:
        parent = checkpoint.parent if checkpoint.parent in names else None
        children.setdefault(parent, []).append(checkpoint)
    return f"""<section><h2>{text(words("models.versions"))}</h2>
      <p class="lead">{text(words("models.versions.lead"))}</p>
      {branch(visit, children, None, versions.in_use(visit))}</section>"""


def branch(
    visit: Visit,
    children: Mapping[str | None, list[Checkpoint]],
    parent: str | None,
    using: str,
) -> str:
    rows = "".join(
        f"<li>{version(visit, checkpoint, using)}"
        f"{branch(visit, children, checkpoint.version, using)}</li>"
        for checkpoint in children.get(parent, [])
    )
    return f'<ol class="tree">{rows}</ol>' if rows else ""


def version(visit: Visit, checkpoint: Checkpoint, using: str) -> str:
    words = visit.words
    name = versions.title(visit, checkpoint.version)
    if checkpoint.version == using:
        mark = f'<span class="badge">{text(words("models.mine"))}</span>'
    else:
        label = words("models.use.label", version=name)
        mark = button(words("models.use"), "use", data_version=checkpoint.version, aria_label=label)
    return f"""<article{attributes(class_="version", aria_current=checkpoint.version == using)}>
      <div class="row"><strong>{text(name)}</strong>
        <code>{text(checkpoint.version)}</code><span class="grow"></span>{mark}</div>
      {card_details(visit, checkpoint)}</article>"""


def loaded(visit: Visit) -> str:
    words = visit.words
    residents = visit.studio.registry.resident()
    if not residents:
        body = f'<p class="hint">{text(words("models.loaded.none"))}</p>'
    else:
        heads = "".join(
            f'<th scope="col">{text(words(f"models.loaded.{name}"))}</th>'
            for name in ("version", "device", "memory", "uses")
        )
        rows = "".join(resident(visit, one) for one in residents)
        body = f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    used = sum(one.bytes for one in residents)
    budget = visit.studio.registry.budget_bytes
    share = attributes(
        role="meter",
        aria_label=words("models.loaded.memory"),
        aria_valuemin=0,
        aria_valuemax=budget,
        aria_valuenow=used,
        style=f"--share: {min(used / budget, 1):.4f}",
    )
    total = words("models.loaded.budget", used=size(used), budget=size(budget))
    return f"""<section><h2>{text(words("models.loaded"))}</h2>
      <p class="lead">{text(words("models.loaded.lead"))}</p>{body}
      <div class="bar"{share}></div><p class="hint">{text(total)}</p>
      <p class="hint">{text(busy(visit))}</p></section>"""


def busy(visit: Visit) -> str:
    """How many works were asked for lately, and how long people waited."""
    words = visit.words
    lately = visit.studio.registry.traffic.lately()
    minutes = round(LATELY / 60)
    if lately is None:
        return words("models.busy.none", minutes=minutes)
    return words(
        "models.busy",
        minutes=minutes,
        works=f"{lately.works:,}",
        batch=f"{lately.batch:.1f}",
        median=f"{1000 * lately.median:,.0f}",
        slow=f"{1000 * lately.slow:,.0f}",
    )


def resident(visit: Visit, one: Loaded) -> str:
    words = visit.words
    known = {checkpoint.version for checkpoint in versions.within_reach(visit)}
    if one.medium != visit.medium:
        name = medium_title(get_medium(one.medium), visit.language)
    elif one.version in known:
        name = versions.title(visit, one.version)
    else:
        name = words("models.loaded.other")
    kind = one.device.split(":")[0]
    device = words(f"models.device.{kind}") if f"models.device.{kind}" in words else one.device
    cells = [
        name,
        f"{device} ({one.device})",
        size(one.bytes),
        words("models.loaded.uses.value", count=one.uses),
    ]
    first, *others = (text(cell) for cell in cells)
    rest = "".join(f"<td>{cell}</td>" for cell in others)
    return f'<tr><th scope="row">{first}</th>{rest}</tr>'
