"""The Rate tab: one artwork or two at a time, an answer by key or click, and at once the next."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

import gradio as gr

from studio.errors import NotEnoughRatings, StudioError
from studio.medium import Artwork, Recipe
from studio.store import RatingRow
from studio.taste import Ratings
from studio.taste.reward import FEWEST
from studio.ui import elsewhere, room
from studio.ui.assets import asset
from studio.ui.questions import MODES, Question, Questions, Waiting
from studio.ui.session import Page, Said, Visit
from studio.ui.taste_words import GOAL, out_of_ten

AHEAD = 3
"""Questions that lie ready in the browser: an answer never waits for the next artwork."""

RECENT = 5
ASPECTS = ("beauty", "creativity", "coherence")
SAID_IN_BROWSER = (
    *(f"{what}.{mode}" for what in ("mode", "ask") for mode in MODES),
    *(f"stars.{stars}" for stars in range(1, 6)),
    *(f"aspect.{aspect}" for aspect in ASPECTS),
    *("mode", "stars", "star", "left", "right", "tie", "skip", "space", "undo", "aspects"),
    *("aspects.hint", "rated", "to_teach", "learned.title", "recent", "recent.empty"),
    *("saving", "preparing", "retry", "again.keep", "again.former"),
)


def build(page: Page) -> gr.Tab:
    """One HTML component: its script shows questions that lie ready and tells one answer at a
    time. Answers and new questions are two events, so that "saved" waits for no artwork."""
    questions = Questions(page.curator, page.usual)
    acts = {"answer": answer, "undo": undo, "mode": choose_mode, "elsewhere": choose_elsewhere}

    def enter(visit: Visit) -> dict[str, Any]:
        questions.refresh(visit)
        return desk(visit, questions)

    def act(visit: Visit, said: Said) -> dict[str, Any]:
        try:
            status = acts[said["act"]](visit, questions, said)
        except StudioError as error:
            # Told on the desk itself, with a reply: the script must know that it was heard.
            status = visit.words.error(error)
        return desk(visit, questions, have=said["have"], reply=said["seq"], status=status)

    def more(visit: Visit, said: Said) -> dict[str, Any]:
        question, artworks, revision = questions.add(visit)
        made = shown(visit, question, artworks)
        return {"more": made, "revision": revision, "medium": visit.medium}

    with gr.Tab(page.i18n("rate.title"), id="rate", elem_id="tab-rate") as tab:
        surface = gr.HTML(
            html_template=asset("rate.html"),
            css_template=asset("rate.css"),
            js_on_load=asset("rate.js"),
            apply_default_css=False,
        )
    page.fills(tab, enter, [surface])
    for event, fn in ((surface.act, act), (surface.more, more)):
        event(page.saying(fn), page.inputs, surface, trigger_mode="multiple", **page.quiet)
    return tab


def desk(
    visit: Visit,
    questions: Questions,
    *,
    have: Sequence[str] = (),
    reply: int | None = None,
    status: str = "",
) -> dict[str, Any]:
    """Everything the desk's script shows.

    Args:
        have: ids of questions whose artworks the browser has already.
        reply: the number of the action this answers.
    """
    waiting = Waiting.of(visit)
    rows = visit.rated()
    words = visit.words
    return {
        "reply": reply,
        "nonce": secrets.token_hex(4),
        "status": status,
        "language": visit.language,
        "words": {key: words(f"rate.{key}") for key in SAID_IN_BROWSER},
        "medium": visit.medium,
        "mode": waiting.mode,
        "revision": waiting.revision,
        "ahead": AHEAD,
        "open": [
            {"id": question.id}
            if question.id in have
            else shown(visit, question, question.works(visit))
            for question in waiting.questions
        ],
        "progress": {
            "done": len(rows),
            "newest": newest(rows),
            "needed": FEWEST,
            "goal": GOAL,
            "text": progress(visit, len(rows)),
        },
        "elsewhere": elsewhere.told(visit, len(rows)),
        "learned": learned(visit, questions, Ratings.from_rows(rows)),
        "recent": [recent(visit, row) for row in reversed(rows[-RECENT:])],
    }


def shown(visit: Visit, question: Question, artworks: Sequence[Artwork]) -> dict[str, Any]:
    one = visit.words("medium.one")
    sides = ("",) if question.kind == "single" else (".left", ".right")
    alts = [visit.words(f"rate.alt{side}", one=one) for side in sides]
    works = [work.show(alt) for work, alt in zip(artworks, alts, strict=True)]
    return {
        "id": question.id,
        "kind": question.kind,
        "works": works,
        "former": question.former,
        "ask": asking_again(visit, question),
    }


def asking_again(visit: Visit, question: Question) -> str:
    """What was answered and what was expected; "" of a new question."""
    if not question.former:
        return ""
    words = visit.words
    if question.kind == "pair":
        return words(f"rate.again.{question.former}")
    given, guess = (words(f"rate.count.{stars}") for stars in (question.former, question.guess))
    return words("rate.again", given=given, guess=guess)


def newest(rows: Sequence[RatingRow]) -> int:
    return rows[-1].id if rows else 0


def progress(visit: Visit, done: int) -> str:
    said = own_progress(visit, done)
    if teaching := room.teaching(visit):
        said += " " + visit.words("rate.progress.room", room=teaching.title)
    return said


def own_progress(visit: Visit, done: int) -> str:
    missing = GOAL - done
    if missing <= 0:
        return visit.words("rate.progress.enough")
    step = "none" if not done else "last" if missing == 1 else "some"
    said = visit.words(f"rate.progress.{step}", goal=GOAL, missing=missing)
    if others := visit.studio.store.rating_counts(visit.key, visit.medium)["total"] - done:
        said += " " + visit.words("rate.progress.others", count=others)
    return said


def learned(visit: Visit, questions: Questions, ratings: Ratings) -> str:
    """How well it guesses, as something a person can picture."""
    try:
        reward = questions.curator.reward(visit.generator, ratings)
    except NotEnoughRatings:
        return visit.words("rate.learned.early", needed=FEWEST)
    if not reward.is_trusted:
        return visit.words("rate.learned.lost")
    return visit.words("rate.learned.guesses", right=out_of_ten(reward.accuracy))


def recent(visit: Visit, row: RatingRow) -> dict[str, str]:
    artwork = visit.studio.store.artwork(row.artwork_id)
    said = "tie" if row.tie else "chosen" if row.kind == "pair" else "stars"
    return {
        "thumbnail": artwork.thumbnail if artwork else "",
        "said": visit.words(f"rate.recent.{said}", stars=row.stars),
    }


def answer(visit: Visit, questions: Questions, said: Said) -> str:
    """Store what a person says of a question; one that is no longer open was answered before."""
    question = Waiting.of(visit).find(str(said["question"]))
    if question is None:
        return ""
    is_kept = question.former and said["choice"] in ("skip", question.former)
    is_skipped = said["choice"] == "skip"
    if not (is_kept or is_skipped):
        rate(visit, question, said)
    questions.close(visit, question.id)
    return visit.words(f"rate.{'kept' if is_kept else 'skipped' if is_skipped else 'saved'}")


def rate(visit: Visit, question: Question, said: Said) -> None:
    """The rating is on disk when this returns."""
    store, teaching = visit.studio.store, room.teaching(visit)
    where = teaching.token if teaching else None
    ids = [
        store.keep_artwork(visit.key, Recipe.from_dict(recipe), thumbnail)
        for recipe, thumbnail in zip(question.recipes, question.thumbnails, strict=True)
    ]
    if question.kind == "pair":
        winner, loser = reversed(ids) if said["choice"] == "right" else ids
        store.prefer(visit.key, winner, loser, tie=said["choice"] == "tie", room=where)
    else:
        aspects = {name: int(said["aspects"][name]) for name in ASPECTS if name in said["aspects"]}
        store.rate(visit.key, ids[0], stars=int(said["choice"]), aspects=aspects, room=where)


def undo(visit: Visit, questions: Questions, said: Said) -> str:
    """Take the newest rating back and ask it again; `newest` keeps a wish that was sent twice from
    taking two."""
    store = visit.studio.store
    rows = visit.rated()
    if newest(rows) != said["newest"]:
        return ""
    # Not what was rated since of another base.
    row = store.undo_rating(visit.key, visit.medium, rows[-1].id) if rows else None
    if row is None:
        return visit.words("rate.nothing_to_undo")
    questions.ask_again(visit, [row.recipe, row.other_recipe] if row.other_recipe else [row.recipe])
    return visit.words("rate.undone")


def choose_elsewhere(visit: Visit, questions: Questions, said: Said) -> str:
    """Whether what is liked in other media is shown first; what waits was chosen otherwise."""
    elsewhere.want(visit, said["wanted"] is True)
    questions.begin_anew(visit)
    return ""


def choose_mode(visit: Visit, questions: Questions, said: Said) -> str:
    questions.choose(visit, str(said["mode"]))
    return ""
