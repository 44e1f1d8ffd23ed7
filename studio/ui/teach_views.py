"""The faces of the Teach tab: ready to start, under way, before and after, and the versions."""

from __future__ import annotations

from collections.abc import Sequence

from studio.errors import NotEnoughRatings
from studio.store import JobRow
from studio.taste import Ratings, RewardModel
from studio.taste.explain import Samples
from studio.taste.guard import lost
from studio.taste.proof import Outcome
from studio.taste.reward import FEWEST
from studio.ui import compare_view, lesson, measured, proof, versions, works
from studio.ui.liking import leaning_chart
from studio.ui.panel import door, text
from studio.ui.session import Page, Visit
from studio.ui.surface import attributes, button
from studio.ui.taste_words import GOAL, out_of_ten

STAGES = tuple(f"teach.stage.{stage}" for stage in ("preparing", "learning", "checking", "saving"))


def readiness(visit: Visit, page: Page, job: JobRow | None) -> str:
    """What became of the last lesson, and whether another can start."""
    ratings = visit.ratings()
    try:
        reward = page.curator.reward(visit.generator, ratings)
    except NotEnoughRatings:
        is_ready = False
        missing = FEWEST - len(ratings)
        case = "equal" if missing <= 0 else "few" if len(ratings) else "none"
        body = too_little(visit, case, len(ratings), missing)
    else:
        is_ready = reward.is_trusted
        body = (
            starting(visit, ratings, reward, page.usual.of(visit.generator))
            if is_ready
            else too_little(visit, "torn", len(ratings))
        )
    words = visit.words
    return f"""<section class="teach-ready"><h2>{text(words("teach.heading"))}</h2>
      <p class="lead">{text(words("teach.lead"))}</p>{outcome(visit, job)}{body}
      {works.section(visit, "" if is_ready else choices(visit))}</section>"""


def outcome(visit: Visit, job: JobRow | None) -> str:
    """What a lesson that made no version leaves to say."""
    if job is None or job.status not in ("failed", "cancelled", "interrupted"):
        return ""
    if job.status == "interrupted":
        begun = job.stage.removeprefix("teach.stage.") if job.stage in STAGES else "preparing"
        stage = begun if job.stage else "waiting"
        where = visit.words(f"teach.interrupted.{stage}", share=round(100 * job.progress))
        said = visit.words("teach.interrupted", where=where)
    elif job.error and f"error.{job.error[0]}" in visit.words:
        said = visit.words(f"error.{job.error[0]}", **job.error[1])
    else:
        said = visit.words(f"teach.{job.status}")
    return f'<p class="note" role="status">{text(said)}</p>'


def too_little(visit: Visit, case: str, count: int, missing: int = 0) -> str:
    """Too few ratings, all the same, or contradicting: what is missing, and the way to it."""
    title = f"teach.{case}.title" + (".one" if case == "few" and missing == 1 else "")
    said = {"count": count, "needed": FEWEST, "missing": missing, "goal": GOAL}
    return f"""<div class="empty"><h3>{text(visit.words(title, **said))}</h3>
      <p>{text(visit.words(f"teach.{case}", **said))}</p>
      <p>{door(visit.words("teach.to_rate"), "rate", kind="primary")}</p></div>"""


def to_map(visit: Visit) -> str:
    """The way to where the taste is drawn over everything that the model can make."""
    words = visit.words
    return f"""<section class="teach-map"><h3>{text(words("teach.map"))}</h3>
      <p class="hint">{text(words("teach.map.lead"))}</p>
      <p>{door(words("teach.map.go"), "map")}</p></section>"""


def starting(visit: Visit, ratings: Ratings, reward: RewardModel, samples: Samples) -> str:
    words, count, accuracy = visit.words, len(ratings), reward.accuracy
    hints = [words("teach.accuracy", right=out_of_ten(accuracy))]
    if count < GOAL:
        hints.append(words("teach.more_helps", missing=GOAL - count))
    start = "go_on" if lesson.can_go_on(visit) else "start"
    source = words("teach.from", version=versions.title(visit, versions.in_use(visit)))
    return f"""<p><strong>{text(words("teach.ready", count=count))}</strong> · {text(source)}</p>
      <p class="hint">{text(" ".join(hints))}</p>
      {leaning_chart(visit, reward, samples)}
      {to_map(visit)}
      {choices(visit)}
      <p>{button(words(f"teach.{start}"), "start", kind="primary large")}
        <span class="hint">{text(words(f"teach.{start}.hint"))}</span></p>"""


def choices(visit: Visit) -> str:
    """What is chosen before a lesson."""
    return "".join(choice(visit, name, offered) for name, offered in lesson.choices(visit).items())


def choice(visit: Visit, name: str, offered: Sequence[str]) -> str:
    chosen = lesson.chosen(visit)[name]
    rows = "".join(option(visit, name, value, chosen) for value in offered)
    legend = text(visit.words(f"teach.{name}"))
    return f"""<fieldset class="choice"><legend>{legend}</legend>{rows}</fieldset>"""


def option(visit: Visit, name: str, value: str, chosen: str) -> str:
    radio = attributes(
        type="radio",
        name=name,
        value=value,
        data_do="choose",
        data_choice=name,
        checked=value == chosen,
    )
    return f"""<label class="option"><input{radio}>
      <strong>{text(visit.words(f"teach.{name}.{value}"))}</strong>
      <span>{text(visit.words(f"teach.{name}.{value}.hint"))}</span></label>"""


def progress(visit: Visit, job: JobRow) -> str:
    """Redrawn until the job is finished."""
    return f'<section class="teach-under-way" data-poll>{under_way(visit, job)}</section>'


def under_way(visit: Visit, job: JobRow) -> str:
    words, values = visit.words, job.values
    is_stopping = (visit.load("teach") or {}).get("stopping") == job.id
    if is_stopping:
        stage = words("teach.stopping")
    elif job.status == "queued":
        stage = words("teach.queued", place=job.place)
    else:
        stage = words(job.stage if job.stage in words else "teach.stage.preparing")
    left = words("teach.left", seconds=values["left"]) if values.get("left") else ""
    bar = attributes(
        role="progressbar",
        aria_label=words("teach.progress"),
        aria_valuemin=0,
        aria_valuemax=100,
        aria_valuenow=round(100 * job.progress),
        style=f"--share: {job.progress:.3f}",
    )
    curve = values.get("curve") or []
    return f"""<h2>{text(stage)}</h2>
      <div class="bar"{bar}></div>
      <p class="hint">{text(" · ".join(filter(None, [f"{job.progress:.0%}", left])))}</p>
      {drawn_curve(visit, curve) if len(curve) > 1 else ""}
      {preview(visit, values.get("preview") or [])}
      <p>{button(words("teach.cancel"), "cancel", data_id=job.id, disabled=is_stopping)}</p>"""


def drawn_curve(visit: Visit, values: Sequence[float]) -> str:
    """Expected liking over the lesson, as a line that starts where the lesson did."""
    low, high = min(*values, 0.0), max(*values, 0.1)
    step = 300 / (len(values) - 1)
    heights = [70 - 60 * (value - low) / (high - low) for value in values]
    line = " ".join(f"{index * step:.1f},{height:.1f}" for index, height in enumerate(heights))
    label = text(visit.words("teach.curve"))
    return f"""<figure class="lesson-curve"><figcaption>{label}</figcaption>
      <svg viewBox="-2 0 308 80" role="img" aria-label="{label}" preserveAspectRatio="none">
        <path d="M0 {heights[0]:.1f}H304" class="start"/><polyline points="{line}"/></svg>
    </figure>"""


def preview(visit: Visit, thumbnails: Sequence[str]) -> str:
    if not thumbnails:
        return ""
    works = "".join(f"<li>{thumbnail}</li>" for thumbnail in thumbnails)
    return f"""<figure><figcaption>{text(visit.words("teach.preview"))}</figcaption>
      <ul class="preview">{works}</ul></figure>"""


def comparison(visit: Visit, job: JobRow) -> str:
    """Before and after on the same noise, what was measured, and the choice."""
    words = visit.words
    lead = "teach.works.done" if "closer" in job.result["measured"] else "teach.done"
    return f"""<section class="teach-done"><h2>{text(words("teach.done.title"))}</h2>
      <p class="lead">{text(words(lead))}</p>
      {unsent(visit, job)}
      {measured.figures(visit, job.result["measured"])}
      {cost(visit, job)}{proof.offer(visit, job)}{pairs(visit, job)}
      <p class="row decide">{taking(visit, job)}
        {button(words("teach.discard"), "discard", kind="large")}</p></section>"""


def unsent(visit: Visit, job: JobRow) -> str:
    """That what was learned could not leave this machine yet."""
    if visit.studio.registry.checkpoints.is_sent(visit.medium, job.result["version"]):
        return ""
    return f'<p class="note" role="status">{text(visit.words("teach.unsent"))}</p>'


def pairs(visit: Visit, job: JobRow) -> str:
    """Works of the same noise, before and after, and what of them to show."""
    words = visit.words
    views = "".join(
        f'<button type="button" class="chip" data-view="{name}" '
        f'aria-pressed="{str(name == "both").lower()}">{text(words(f"teach.view.{name}"))}</button>'
        for name in ("both", "before", "after")
    )
    works = "".join(
        f'<li><span class="before">{before}</span><span class="after">{after}</span></li>'
        for before, after in zip(job.result["before"], job.result["after"], strict=True)
    )
    label = text(words("teach.view"))
    return f"""<div class="chips" role="group" aria-label="{label}">{views}</div>
      <ul class="pairs" data-shows="both">{works}</ul>"""


def taking(visit: Visit, job: JobRow, accept: str = "teach.accept") -> str:
    """Accept; where too much was lost, a weaker one first."""
    words = visit.words
    if not lost(job.result["measured"]):
        return button(words(accept), "accept", kind="primary large")
    return button(words("teach.weaker"), "weaken", kind="primary large") + button(
        words("teach.accept.anyway"), "accept", kind="large", data_anyway="yes"
    )


def cost(visit: Visit, job: JobRow) -> str:
    """What a version lost that is too much, or how much of what it learned a weaker one keeps."""
    words, figures = visit.words, job.result["measured"]
    if names := lost(figures):
        rows = [words(f"teach.lost.{name}", kept=f"{figures[name]:.0%}") for name in names]
        said = [*rows, words("teach.lost.advice")]
    elif "share" in figures:
        said = [words("teach.weaker.made", share=f"{figures['share']:.0%}")]
    else:
        return ""
    body = "".join(f"<p>{text(each)}</p>" for each in said)
    return f'{outcome(visit, lesson.weakening(visit))}<div class="note">{body}</div>'


def version_list(visit: Visit) -> str:
    """Every version this person may use, newest first, with the way back."""
    words = visit.words
    using = versions.in_use(visit)
    reach = list(reversed(versions.within_reach(visit)))
    if len(reach) < 2:
        return ""
    rows = "".join(version_row(visit, checkpoint, using) for checkpoint in reach)
    back = ""
    if visit.studio.store.version_history(visit.key, visit.medium):
        back = button(words("teach.roll_back"), "roll_back", kind="quiet")
    section = attributes(class_="teach-versions", data_reach=compare_view.reach(visit))
    return f"""<section{section}><h3>{text(words("teach.versions"))}</h3>
      <p class="hint">{text(words("teach.versions.lead"))}</p>
      <ol class="versions">{rows}</ol>{compare_view.door(visit)}{back}</section>"""


def version_row(visit: Visit, checkpoint: versions.Checkpoint, using: str) -> str:
    words = visit.words
    name = versions.title(visit, checkpoint.version)
    details = []
    if origin := versions.origin(visit, checkpoint.card):
        details.append(origin)
    elif checkpoint.parent:
        details.append(words("teach.version.from", parent=versions.title(visit, checkpoint.parent)))
    if people := checkpoint.card.get("people"):
        said = {"people": people, "ratings": checkpoint.card["ratings"]}
        details.append(words("taste.version.taught", **said))
    elif count := checkpoint.card.get("ratings"):
        details.append(words("teach.version.ratings", count=count))
    if told := Outcome.from_card(checkpoint.card):
        details.append(words("teach.version.proof", won=proof.halves(told.score), pairs=told.pairs))
    if count := checkpoint.card.get("works"):
        details.append(words("teach.version.works", count=count))
    if came_from := checkpoint.card.get("came_from"):
        details.append(words("teach.version.came_from", version=came_from))
    if checkpoint.version == using:
        mark = f'<span class="badge">{text(words("teach.version.now"))}</span>'
    else:
        mark = button(
            words("teach.version.use"),
            "use",
            data_version=checkpoint.version,
            aria_label=words("teach.version.use.label", version=name),
        )
    file = ""
    if checkpoint.version in versions.accepted(visit):
        file = button(
            words("teach.file.save"),
            "keep_file",
            kind="quiet",
            data_version=checkpoint.version,
            aria_label=words("teach.file.save.label", version=name),
        )
    return f"""<li{attributes(aria_current=checkpoint.version == using and "true")}>
      <span class="grow"><strong>{text(name)}</strong>
        <span class="hint">{text(" · ".join(details))}</span></span>{file}{mark}</li>"""
