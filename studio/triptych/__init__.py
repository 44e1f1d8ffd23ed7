"""A triptych: one noise, three works of as many media that feel alike.

One of them leads; the others begin at the same noise and are steered to its mood (see
studio.triptych.mood), which is the same for the same recipe every time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from studio.errors import NotFound
from studio.latent import noise_from_seeds
from studio.medium import Artwork, Generator, Recipe, get_medium, media, moods_of, pack
from studio.song import Sayable, Singable
from studio.taste.explain import Usual
from studio.triptych.mood import Mood, Scale, steered

PANELS = 3
HOW = "triptych"
"""`Recipe.how` of a work that was made for another."""
MADE_WITH = "Latent Studio: a machine helped make this"


@dataclass(frozen=True)
class Triptych:
    """Works by medium, as they hang.

    Attributes:
        lead: the medium of the work that the others were made for.
    """

    lead: str
    works: Mapping[str, Artwork]

    @property
    def recipes(self) -> list[Recipe]:
        return [work.recipe for work in self.works.values() if work.recipe is not None]

    def sung(self) -> Triptych:
        """With the words of the one under the notes of the other, where there are both."""
        said = [work for work in self.works.values() if isinstance(work, Sayable)]
        return Triptych(
            self.lead,
            {
                name: work.sung(said[0].syllables())
                if said and isinstance(work, Singable)
                else work
                for name, work in self.works.items()
            },
        )

    def to_json(self) -> str:
        """What every file of it carries: all recipes, with what each work comes nearest to."""
        values: dict[str, Any] = {
            "made_with": MADE_WITH,
            "lead": self.lead,
            "triptych": [recipe.to_dict() for recipe in self.recipes],
        }
        return json.dumps(values, ensure_ascii=False, sort_keys=True)


def panels(lead: str, language: str) -> Sequence[str]:
    """The media that hang beside each other when a work of `lead` leads; a kind that has languages
    in `language`, but the lead's own kind as it is.

    Raises:
        NotFound: the medium says nothing of moods, or there are too few that do.
    """
    found: dict[str, str] = {lead.split("-")[0]: lead} if moods_of(get_medium(lead)) else {}
    for name, medium in media().items():
        if moods_of(medium) and medium.language in ("", language):
            found.setdefault(name.split("-")[0], name)
    places = [lead, *(name for name in found.values() if name != lead)][:PANELS]
    if lead not in found.values() or len(places) < PANELS:
        raise NotFound("no_triptych", medium=lead)
    return sorted((name for name in media() if name in places), key=is_wide)


def is_wide(name: str) -> bool:
    """Whether a work of a medium needs the whole width: a row of parts that are not lines."""
    medium = get_medium(name)
    return medium.parts > 0 and not medium.in_words


def can_lead(lead: str, language: str) -> bool:
    try:
        return bool(panels(lead, language))
    except NotFound:
        return False


def seed_of(recipe: Recipe) -> int:
    """The seed of the noise that a work's companions begin at: the work's own, or, for one that is
    no seed's any more, a number that its latent alone decides."""
    if recipe.seed is not None:
        return recipe.seed
    digest = hashlib.sha256(pack(recipe.latent).encode()).digest()
    return int.from_bytes(digest[:4], "big")


def mood(generator: Generator, work: Artwork, usual: Usual) -> Mood:
    """What a work feels like, beside what its model usually makes."""
    found = scale_of(generator, usual).moods(generator.attributes([work]))
    return {name: float(values[0]) for name, values in found.items()}


def companion(generator: Generator, seed: int, wanted: Mood, usual: Usual) -> Artwork:
    """The work of a mood that is found on the way from a seed's noise."""
    start = generator.map(noise_from_seeds([seed]))[0]
    latent = steered(generator, start, wanted, scale_of(generator, usual))
    (work,) = generator.decode(latent[None])
    assert work.recipe is not None
    work.recipe = work.recipe.with_(how=HOW)
    return work


def scale_of(generator: Generator, usual: Usual) -> Scale:
    return Scale.of(usual.of(generator), moods_of(get_medium(generator.medium)))


def complete(
    lead: Artwork, generators: Mapping[str, Generator], usual: Usual, seed: int | None = None
) -> Triptych:
    """The triptych of a work.

    Args:
        generators: by medium, as they are to hang; the lead's own made `lead`.
        seed: of the noise; without, see `seed_of`.
    """
    assert lead.recipe is not None
    name = lead.recipe.medium
    seed = seed_of(lead.recipe) if seed is None else seed
    wanted = mood(generators[name], lead, usual)
    works = {
        other: lead if other == name else companion(generator, seed, wanted, usual)
        for other, generator in generators.items()
    }
    return Triptych(name, works)
