"""What a room has learned to like, and what it takes to teach it, as its people see it."""

from __future__ import annotations

import re

from studio.errors import NotEnoughRatings
from studio.store import JobRow, RoomRow
from studio.taste.reward import FEWEST, require_enough
from studio.ui import lesson, measured, versions
from studio.ui.duet_view import digest
from studio.ui.panel import door, text
from studio.ui.room_taste import LEAST_PEOPLE, RoomVisit
from studio.ui.session import Visit
from studio.ui.surface import button, medium_title
from studio.ui.teach_views import cost, outcome, pairs, taking, under_way

STAMP = re.compile(r'<div data-stamp="(\w*)"')


def section(visit: Visit, here: RoomRow) -> str:
    learner = RoomVisit.of(visit, here)
    words, job = visit.words, lesson.latest(learner)
    if job and not job.is_finished:
        face = under_way(learner, job)
    elif job and lesson.is_undecided(learner, job):
        face = comparison(learner, job)
    else:
        face = outcome(learner, job) + ("" if here.closed else readiness(learner))
    title = words("taste.title", medium=medium_title(visit.medium_object, visit.language))
    body = f"""<h3>{text(title)}</h3>{"" if here.closed else consent(visit, here)}
      {face}{version_list(visit, learner)}{"" if here.closed else comparing(visit, here)}"""
    return f'<div data-stamp="{digest(body)}">{body}</div>'


def stamp(drawn: str) -> str:
    """What a drawn section says of itself."""
    found = STAMP.match(drawn)
    return found[1] if found else ""


def consent(visit: Visit, here: RoomRow) -> str:
    words = visit.words
    toggle = button(
        words("taste.allow"),
        "allow",
        kind="toggle",
        data_allows="no" if here.teaches else "yes",
        aria_pressed=str(here.teaches).lower(),
    )
    said = words("taste.allowed" if here.teaches else "taste.lead")
    way = door(words("taste.to_rate"), "rate") if here.teaches else ""
    return f"""<p class="hint">{text(said)}</p><p class="row">{toggle}{way}</p>"""


def comparing(visit: Visit, here: RoomRow) -> str:
    """Whether one's stars colour the room's works on the map."""
    words = visit.words
    toggle = button(
        words("taste.compare"),
        "compare",
        kind="toggle",
        data_compares="no" if here.compares else "yes",
        aria_pressed=str(here.compares).lower(),
    )
    way = door(words("taste.to_map"), "map")
    return f"""<p class="hint">{text(words("taste.compare.hint"))}</p>
      <p class="row">{toggle}{way}</p>"""


def readiness(learner: RoomVisit) -> str:
    """How many taught it how much, and the button or what is missing."""
    words, people, ratings = learner.words, learner.people(), learner.ratings()
    count = len(ratings)
    told = f"<strong>{text(words('taste.count', people=len(people), ratings=count))}</strong>"
    missing = ""
    if len(people) < LEAST_PEOPLE:
        missing = words("taste.more_people")
    else:
        try:
            require_enough(ratings.stars, ratings.pairs, ratings.raters)
        except NotEnoughRatings:
            key = "taste.more_ratings" if count < FEWEST else "taste.all_alike"
            missing = words(key, needed=FEWEST)
    if missing:
        return f'<p>{told} <span class="hint">{text(missing)}</span></p>'
    start = "go_on" if lesson.can_go_on(learner) else "teach"
    return f"""<p>{told}</p><p class="row">
      {button(words(f"taste.{start}"), "teach_room", kind="primary")}
      <span class="hint">{text(words("taste.teach.hint"))}</span></p>"""


def comparison(learner: RoomVisit, job: JobRow) -> str:
    words = learner.words
    return f"""<h2>{text(words("teach.done.title"))}</h2>
      <p class="lead">{text(words("taste.done"))}</p>
      {measured.figures(learner, job.result["measured"])}{cost(learner, job)}{pairs(learner, job)}
      <p class="row">{taking(learner, job, "taste.accept")}
        {button(words("teach.discard"), "discard", kind="large")}</p>"""


def version_list(visit: Visit, learner: RoomVisit) -> str:
    """What the room was taught, the newest first, each with who taught it and a way to use it."""
    using, rows = versions.in_use(visit), ""
    known = {c.version: c for c in versions.within_reach(visit)}
    for version in reversed(versions.accepted(learner)):
        if checkpoint := known.get(version):
            rows += version_row(visit, checkpoint, version == using)
    return f'<ol class="versions">{rows}</ol>' if rows else ""


def version_row(visit: Visit, checkpoint: versions.Checkpoint, is_used: bool) -> str:
    words, name = visit.words, versions.title(visit, checkpoint.version)
    card = checkpoint.card
    said = words("taste.version.taught", people=card["people"], ratings=card["ratings"])
    label = words("teach.version.use.label", version=name)
    data = {"data_version": checkpoint.version, "aria_label": label}
    mark = f'<span class="badge">{text(words("teach.version.now"))}</span>'
    if not is_used:
        mark = button(words("teach.version.use"), "use", **data)
    return f"""<li><span class="grow"><strong>{text(name)}</strong>
      <span class="hint">{text(said)}</span></span>{mark}</li>"""
