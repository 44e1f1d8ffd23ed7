"""Questions that lie ready for each person: what to ask next, made before it is needed."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any

from studio.latent import MAX_SEED
from studio.medium import Artwork, Recipe, latents_of
from studio.taste import Curator, Ratings
from studio.ui.session import Visit
from studio.ui.surface import artwork_of

STATE = "rate"
MODES = ("single", "pair")


@dataclass(frozen=True)
class Question:
    """One artwork to rate, or two to choose from.

    Attributes:
        recipes: as `Recipe.to_dict` writes them.
        thumbnails: what each is remembered with once it is rated.
        is_again: it was answered, and the answer taken back.
    """

    id: str
    recipes: tuple[dict[str, Any], ...]
    thumbnails: tuple[str, ...]
    is_again: bool = False

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
    """

    mode: str = MODES[0]
    questions: tuple[Question, ...] = ()
    revision: int = 0

    @classmethod
    def of(cls, visit: Visit) -> Waiting:
        saved = visit.load(STATE)
        if not saved:
            return cls()
        questions = tuple(Question(**question) for question in saved["questions"])
        return cls(saved["mode"], questions, saved["revision"])

    def find(self, id: str) -> Question | None:
        return next((question for question in self.questions if question.id == id), None)


class Questions:
    """The questions of every person, in the store; here is only what makes new ones."""

    def __init__(self, curator: Curator) -> None:
        self.curator = curator
        # An answer may come while the next question is being made.
        self.lock = Lock()

    def add(self, visit: Visit) -> tuple[Question, Sequence[Artwork], int]:
        """Make the question that teaches most and put it last; with its artworks and the
        revision that has it."""
        before, generator = Waiting.of(visit), visit.generator
        waiting = [Recipe.from_dict(r) for one in before.questions for r in one.recipes]
        latents = self.curator.next_artworks(
            generator,
            Ratings.from_rows(visit.studio.store.ratings(visit.key, visit.medium)),
            seed=visit.throw(MAX_SEED),
            kind=before.mode,
            skipped=latents_of(waiting) if waiting else None,
        )
        artworks = generator.decode(latents)
        question = Question.of(artworks)
        with self.lock:
            now = Waiting.of(visit)
            if now.mode == question.kind:
                now = self._save(visit, now, questions=[*now.questions, question])
        return question, artworks, now.revision

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

    def refresh(self, visit: Visit) -> None:
        """Drop what an earlier version made: a person rates what they use now."""
        version = visit.generator.version
        with self.lock:
            now = Waiting.of(visit)
            current = [q for q in now.questions if q.is_again or q.recipes[0]["version"] == version]
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
        after = Waiting(mode or before.mode, tuple(questions), before.revision + 1)
        visit.save(STATE, asdict(after))
        return after
