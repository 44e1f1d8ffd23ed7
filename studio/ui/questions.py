"""Questions that lie ready for each person: what to ask next, made before it is needed."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from threading import Lock
from typing import Any

from studio.errors import NotEnoughRatings
from studio.latent import MAX_SEED
from studio.medium import Artwork, Recipe, latents_of
from studio.store import RatingRow
from studio.taste import Curator, Ratings
from studio.taste.doubt import BETWEEN, FEWEST, LATER, doubts
from studio.taste.explain import Usual
from studio.ui import elsewhere
from studio.ui.session import Visit
from studio.ui.surface import artwork_of

STATE = "rate"
MODES = ("single", "pair")
KINDS = {"single": "stars", "pair": "pair"}
"""Of ratings, by the mode in which they are given."""


@dataclass(frozen=True)
class Question:
    """One artwork to rate, or two to choose from.

    Attributes:
        recipes: as `Recipe.to_dict` writes them.
        thumbnails: what each is remembered with once it is rated.
        is_again: it was answered, and the answer taken back.
        former: the answer that is asked again, as the browser says it; "" of a new question.
        guess: stars expected instead of those that were given.
    """

    id: str
    recipes: tuple[dict[str, Any], ...]
    thumbnails: tuple[str, ...]
    is_again: bool = False
    former: str = ""
    guess: int = 0

    @classmethod
    def of(cls, artworks: Sequence[Artwork], *, is_again: bool = False) -> Question:
        recipes = tuple(work.recipe.to_dict() for work in artworks if work.recipe)
        thumbnails = tuple(work.thumbnail() for work in artworks)
        return cls(secrets.token_hex(8), recipes, thumbnails, is_again)

    @property
    def kind(self) -> str:
        return MODES[len(self.recipes) - 1]

    def works(self, visit: Visit) -> list[Artwork]:
        return [artwork_of(visit, Recipe.from_dict(recipe)) for recipe in self.recipes]


@dataclass(frozen=True)
class Waiting:
    """What waits for one person's answers.

    Attributes:
        questions: the next first.
        revision: grows with every change, so that a browser knows the newer of two answers.
        doubted: ids of the works (two of a pair, joined) whose rating was asked again.
        doubted_at: how many ratings there were at the last of these.
    """

    mode: str = MODES[0]
    questions: tuple[Question, ...] = ()
    revision: int = 0
    doubted: tuple[str, ...] = ()
    doubted_at: int = 0

    @classmethod
    def of(cls, visit: Visit) -> Waiting:
        saved = visit.load(STATE)
        if not saved:
            return cls()
        questions = tuple(Question(**question) for question in saved["questions"])
        return cls(**{**saved, "questions": questions, "doubted": tuple(saved.get("doubted", ()))})

    def find(self, id: str) -> Question | None:
        return next((question for question in self.questions if question.id == id), None)


class Questions:
    """The questions of every person, in the store; here is only what makes new ones."""

    def __init__(self, curator: Curator, usual: Usual) -> None:
        self.curator = curator
        self.usual = usual
        # An answer may come while the next question is being made.
        self.lock = Lock()

    def add(self, visit: Visit) -> tuple[Question, Sequence[Artwork], int]:
        """Make the question that teaches most and put it last; with its artworks and the
        revision that has it."""
        before, generator = Waiting.of(visit), visit.generator
        rows = visit.rated()
        ratings = Ratings.from_rows(rows)
        elsewhere.note(visit, ratings, self.curator, self.usual)
        if (doubted := self._doubted(visit, before, rows, ratings)) is not None:
            question, key = doubted
            revision = self._put_last(visit, question, doubted=key, doubted_at=len(rows))
            return question, question.works(visit), revision
        waiting = [Recipe.from_dict(r) for one in before.questions for r in one.recipes]
        latents = self.curator.next_artworks(
            generator,
            ratings,
            seed=visit.throw(MAX_SEED),
            kind=before.mode,
            skipped=latents_of(waiting) if waiting else None,
            hint=elsewhere.hint(visit, ratings, self.usual),
        )
        artworks = generator.decode(latents)
        question = Question.of(artworks)
        return question, artworks, self._put_last(visit, question)

    def _put_last(
        self, visit: Visit, question: Question, *, doubted: str = "", doubted_at: int = 0
    ) -> int:
        """The revision that has it, if it is still wanted."""
        with self.lock:
            now = Waiting.of(visit)
            if now.mode == question.kind:
                if doubted:
                    now = replace(now, doubted=(*now.doubted, doubted), doubted_at=doubted_at)
                now = self._save(visit, now, questions=[*now.questions, question])
        return now.revision

    def _doubted(
        self, visit: Visit, before: Waiting, rows: Sequence[RatingRow], ratings: Ratings
    ) -> tuple[Question, str] | None:
        """A rating to ask again and the key it is remembered by; None if that is not called for."""
        if len(rows) < max(FEWEST, before.doubted_at + BETWEEN):
            return None
        try:
            reward = self.curator.reward(visit.generator, ratings)
        except NotEnoughRatings:
            return None
        for doubt in doubts(reward, ratings):
            latents = {tuple(ratings.latents[index].tolist()) for index in doubt.works}
            for row in rows[:-LATER]:
                key = " ".join(sorted(row.works))
                asked = [recipe for recipe in (row.recipe, row.other_recipe) if recipe]
                if (
                    {recipe.latent for recipe in asked} == latents
                    and row.kind == KINDS[before.mode]
                    and key not in before.doubted
                ):
                    return self._again(visit, row, asked, doubt.guess), key
        return None

    def _again(self, visit: Visit, row: RatingRow, asked: Sequence[Recipe], guess: int) -> Question:
        former = str(row.stars)
        if len(asked) == 2:
            former = ("left", "right")[visit.throw(2)]
            asked = asked if former == "left" else asked[::-1]
        works = [artwork_of(visit, recipe) for recipe in asked]
        return replace(Question.of(works), former=former, guess=guess)

    def close(self, visit: Visit, id: str) -> None:
        with self.lock:
            now = Waiting.of(visit)
            self._save(visit, now, questions=[q for q in now.questions if q.id != id])

    def ask_again(self, visit: Visit, recipes: Sequence[Recipe]) -> None:
        """Put an artwork or two first; what waits of the other kind is dropped."""
        again = Question.of([artwork_of(visit, recipe) for recipe in recipes], is_again=True)
        with self.lock:
            now = Waiting.of(visit)
            rest = [question for question in now.questions if question.kind == again.kind]
            self._save(visit, now, mode=again.kind, questions=[again, *rest])

    def choose(self, visit: Visit, mode: str) -> None:
        with self.lock:
            now = Waiting.of(visit)
            if mode in MODES and mode != now.mode:
                self._save(visit, now, mode=mode, questions=[])

    def begin_anew(self, visit: Visit) -> None:
        """Drop what waits but for what was answered before."""
        with self.lock:
            now = Waiting.of(visit)
            kept = [question for question in now.questions if question.is_again or question.former]
            self._save(visit, now, questions=kept)

    def refresh(self, visit: Visit) -> None:
        """Drop what an earlier version made: a person rates what they use now."""
        version = visit.generator.version
        with self.lock:
            now = Waiting.of(visit)
            current = [
                question
                for question in now.questions
                if question.is_again or question.former or question.recipes[0]["version"] == version
            ]
            if len(current) < len(now.questions):
                self._save(visit, now, questions=current)

    def _save(
        self,
        visit: Visit,
        before: Waiting,
        *,
        mode: str | None = None,
        questions: Sequence[Question],
    ) -> Waiting:
        after = replace(
            before,
            mode=mode or before.mode,
            questions=tuple(questions),
            revision=before.revision + 1,
        )
        visit.save(STATE, asdict(after))
        return after
