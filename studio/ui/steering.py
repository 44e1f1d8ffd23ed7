"""From what lies on the desk to latents: the only place of Explore that does latent arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from studio import latent
from studio.directions import moved
from studio.manipulation import Place
from studio.medium import BEFORE, Artwork, Direction, Generator, InParts, InWords, Recipe, pack
from studio.ui.effect_words import effect_of
from studio.ui.explore_state import Desk, Latent, Moment
from studio.words import Words

if TYPE_CHECKING:
    from torch import Tensor

SHOWN_FIRST = 6
PREVIEWED = 2.0
TAME, WILD = 0.3, 1.4
WILDNESS = "wildness"
NEIGHBOURS = 8
CHUNK = 4
OFFERED = 5
"""Other texts for one line."""
# Below this, dividing by the wildness would throw a neighbour's base far out of the known space.
LEAST_WILDNESS = 0.25


@dataclass(frozen=True)
class Dial:
    """A direction as a slider shows it."""

    key: str
    name: str
    low: str
    high: str
    is_own: bool = False
    effect: str = ""


def dials_of(generator: Generator, desk: Desk, words: Words) -> list[Dial]:
    """The person's own directions last, before them the generator's, the clearest first.

    Clear is a direction that moves the attribute it is named after, reliably, and little else. A
    standard deviation for one step is plainly seen; more is not clearer.
    """

    def clearness(direction: Any) -> float:
        aside = max((abs(effect) for effect in direction.side_effects.values()), default=0.0)
        step = 1 / max(abs(direction.effect), 1.0)
        return abs(direction.correlation) * step * (abs(direction.effect) - 0.5 * aside)

    named = sorted((d for d in generator.directions if d.attribute), key=clearness, reverse=True)
    others = [d for d in generator.directions if not d.attribute]
    found = [
        Dial(
            direction.key,
            direction_word(words, direction.key),
            direction_word(words, direction.key, ".low"),
            direction_word(words, direction.key, ".high"),
            effect=effect_of(words, direction),
        )
        for direction in [*named, *others]
    ]
    less, more = words("explore.less"), words("explore.more_of_it")
    return found + [
        Dial(own.key, own.name, less, more, is_own=True) for own in desk.own if own.is_listed
    ]


def direction_word(words: Words, key: str, end: str = "") -> str:
    """A direction's name or end; numbered ones (axis-3) share the words of their kind."""
    if f"direction.{key}{end}" in words:
        return words(f"direction.{key}{end}")
    kind, _, number = key.rpartition("-")
    if f"direction.{kind}{end}" in words:
        return words(f"direction.{kind}{end}", number=number)
    return key if not end else {".low": "−", ".high": "+"}[end]


class Steering:
    """A generator with every direction that a moment may have been turned along."""

    def __init__(self, generator: Generator, desk: Desk) -> None:
        self.generator = generator
        self.mean = generator.statistics.mean
        self.own = {one.key: one for one in desk.own}
        self.directions = {one.key: one for one in generator.directions}

    def tensor(self, rows: Sequence[Any]) -> Tensor:
        return self.mean.new_tensor(rows)

    def latent(self, moment: Moment) -> Tensor:
        """[D]: the base, made tamer or wilder, then turned along each direction."""
        base = latent.truncate(self.tensor(moment.base), self.mean, moment.wildness)
        return moved(base[None], self.turns(moment), self.mean)[0]

    def turns(self, moment: Moment, way: float = 1.0) -> list[tuple[Direction, float]]:
        """Its dials with their positions; `way` -1 leads back."""
        found = []
        for key in dict.fromkeys([*moment.positions, *moment.balance]):
            position = moment.positions.get(key, 0.0) + moment.balance.get(key, 0.0)
            if key in self.own:
                own = Direction(key, tuple(self.own[key].vector), scale=1.0)
                found.append((own, way * position))
            elif key in self.directions:
                found.append((self.directions[key], way * position))
        return found

    def artworks(self, moments: Sequence[Moment]) -> Sequence[Artwork]:
        """What moments with the same options look like; the recipes say how they were made."""
        if not moments:
            return []
        latents = self.tensor([self.latent(moment).tolist() for moment in moments])
        # A few at a time: a dial that is being dragged meanwhile must not wait for all of them.
        chunks = latents.split(CHUNK)
        artworks = [a for some in chunks for a in self.generator.decode(some, moments[0].options)]
        for artwork, moment in zip(artworks, moments, strict=True):
            if artwork.recipe is not None:
                artwork.recipe = artwork.recipe.with_(
                    seed=moment.seed if moment.is_untouched_seed else None,
                    how=moment.how,
                    parents=moment.parents,
                )
        return artworks

    def from_seed(
        self, seed: int, wildness: float, options: Mapping[str, Any] | None = None
    ) -> Moment:
        noise = latent.noise_from_seeds([seed])
        base = tuple(self.generator.map(noise)[0].tolist())
        return Moment(
            base,
            base,
            self.generator.version,
            seed=seed,
            wildness=wildness,
            options=options or {},
        )

    def from_recipe(self, recipe: Recipe, how: str, parents: Sequence[str] = ()) -> Moment:
        """Exactly the recipe's artwork; what is made of it then descends from `parents`."""
        return Moment(
            recipe.latent,
            recipe.latent,
            recipe.version,
            seed=recipe.seed,
            how=how,
            options=recipe.options,
            parents=tuple(parents),
        )

    def turned_by(self, moment: Moment, key: str, by: float) -> Moment:
        """Where a dial leads from here; for its preview."""
        if key == WILDNESS:
            return moment.turned(moment.positions, TAME if by < 0 else WILD)
        here = moment.positions.get(key, 0.0)
        return replace(moment, positions={**moment.positions, key: here + by})

    def neighbours(self, moment: Moment, reach: float, seed: int) -> list[Moment]:
        """Places around a moment, with the dials where they are, so that nothing jumps.

        `seed` decides which; the same seed gives the same ones.
        """
        centre = self.latent(moment)
        where = self.generator.statistics
        found = latent.nearby(centre, where.axes, where.scales, NEIGHBOURS, reach, seed)
        return [self.moved_to(moment, place, "nearby") for place in found]

    def moved_to(self, moment: Moment, place: Tensor, how: str) -> Moment:
        """The moment whose artwork is at `place` with the same dials."""
        wildness = moment.wildness if moment.wildness >= LEAST_WILDNESS else 1.0
        there = replace(moment, wildness=wildness, seed=None, how=how)
        unturned = moved(place[None], self.turns(moment, way=-1.0), self.mean)[0]
        base = latent.truncate(unturned, self.mean, 1 / wildness)
        return replace(there, base=tuple(base.tolist()))

    def placed(self, moment: Moment, place: Place, how: str) -> Moment:
        """The moment whose artwork is the one of a latent and its options, with the same dials."""
        latent, options = place
        return self.moved_to(replace(moment, options=dict(options)), latent, how)

    def refilled(self, moment: Moment, kept: Sequence[int], seed: int) -> Moment:
        """With the kept parts as they are and the others made anew, the dials where they are."""
        place = cast(InParts, self.generator).refilled(
            self.latent(moment), kept, seed, moment.options
        )
        return self.placed(moment, place, "refill")

    def rewritten(self, moment: Moment, part: int, text: str, how: str) -> Moment:
        """With one line in a person's words and held, the others and the dials where they are.

        Raises:
            BadUpload: the text cannot be a line.
        """
        place = cast(InWords, self.generator).rewritten(
            self.latent(moment), part, text, moment.options
        )
        return self.placed(moment, place, how)

    def alternatives(self, moment: Moment, part: int, seed: int) -> Sequence[str]:
        """Other texts for one line that go with the others."""
        return cast(InWords, self.generator).alternatives(
            self.latent(moment), part, OFFERED, seed, moment.options
        )

    def continued(self, moment: Moment, seed: int) -> Moment:
        """What could come after: the work so far stays, and the dials steer what is new."""
        here = self.latent(moment)
        before = [*moment.options.get(BEFORE, ()), pack(tuple(here.tolist()))]
        base = tuple(cast(InParts, self.generator).continued(here, seed).tolist())
        return Moment(
            base,
            base,
            moment.version,
            how="continue",
            options={**moment.options, BEFORE: before},
            parents=moment.parents,
        )

    def walked(self, moment: Moment) -> Latent:
        """From where the walk began to here, as a direction."""
        return tuple((self.latent(moment) - self.tensor(moment.start)).tolist())
