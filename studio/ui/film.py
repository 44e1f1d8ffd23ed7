"""From keyframes to frames: the only place of Morph that does latent arithmetic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from studio import latent
from studio.manipulation import between
from studio.medium import LOCAL, Artwork, Generator, Recipe, lasting
from studio.pace import even_to_the_eye
from studio.ui.morph_state import CONSTANT, Morph

if TYPE_CHECKING:
    from torch import Tensor

CHUNK = 16


class Film:
    """A path through keyframes, as a generator shows it with the first one's choices."""

    def __init__(self, generator: Generator, keys: Sequence[Recipe], morph: Morph) -> None:
        self.generator = generator
        self.options = [key.options for key in keys]
        self.mean = generator.statistics.mean
        self.keys = self.mean.new_tensor([key.latent for key in keys])
        self.morph = morph
        self.easing = "linear" if morph.timing == CONSTANT else morph.timing

    def at(self, times: Sequence[float]) -> Sequence[Artwork]:
        """The artworks at times 0..1 of the film."""
        return self.along([self.morph.place(time) for time in times])

    def along(self, places: Sequence[float]) -> Sequence[Artwork]:
        latents = self.stacked([self.point(place) for place in places])
        if any(LOCAL in options for options in self.options):
            shares = [self.shares(place) for place in places]
            each = [between(self.generator, self.options, one) for one in shares]
            rows = zip(latents.split(1), each, strict=True)
            artworks = [self.generator.decode(row, options)[0] for row, options in rows]
        else:
            artworks = list(self.generator.decode(latents, lasting(self.options[0])))
        for artwork in artworks:
            if artwork.recipe is not None:
                artwork.recipe = artwork.recipe.with_(how="morph", parents=self.morph.keys)
        return artworks

    def point(self, place: float) -> Tensor:
        return latent.point(
            self.keys, place, centre=self.mean, easing=self.easing, loop=self.morph.loop
        )

    def shares(self, place: float) -> list[float]:
        """How much of each keyframe there is in a place."""
        each = self.mean.new_ones(len(self.keys)).diag()
        return latent.point(
            each, place, easing=self.easing, loop=self.morph.loop, spherical=False
        ).tolist()

    def stacked(self, points: Sequence[Tensor]) -> Tensor:
        return self.mean.new_tensor([point.tolist() for point in points])

    def times(self, count: int | None = None) -> list[float]:
        """When each frame is; of all that the film has, or of `count`."""
        return latent.frame_positions(
            len(self.keys), count or self.morph.frames, loop=self.morph.loop
        )

    def frames(self, count: int | None = None) -> Iterator[Sequence[Artwork]]:
        """All frames, some at a time."""
        times = self.times(count)
        for start in range(0, len(times), CHUNK):
            yield self.at(times[start : start + CHUNK])


def retimed(generator: Generator, keys: Sequence[Recipe], morph: Morph) -> Morph:
    """With constant perceptual speed measured, if that is wanted and not yet known."""
    measured_on = f"{generator.version} {morph.keys} {morph.loop}"
    if morph.timing != CONSTANT or morph.retimed_for == measured_on or len(keys) < 2:
        return morph
    film = Film(generator, keys, morph)
    timing = even_to_the_eye(generator, film.along, len(keys) if morph.loop else len(keys) - 1)
    return replace(morph, retiming=tuple(timing), retimed_for=measured_on)
