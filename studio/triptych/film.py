"""A triptych as a film: the picture breathes as the melody does, beside it the poem's lines come
one by one as they are sung, and the melody lies under both."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

import torch
from PIL import Image, ImageDraw

from studio import latent, video
from studio.errors import NotFound
from studio.medium import Artwork, Generator, Recipe, Worded, get_medium
from studio.pace import even_to_the_eye
from studio.registry import Registry
from studio.soundtrack import Filmed, Soundtrack
from studio.triptych import Triptych, seed_of
from studio.typeface import INK, PAPER, face_of, font, length

FORMAT = "mp4"
WIDTH, HEIGHT = 1280, 720
RATE = 24
SHORTEST = 12.0
"""Seconds that a film has at least: a song that is shorter is heard again."""
SIDE = 600
"""Pixels of the picture."""
MARGIN = (HEIGHT - SIDE) // 2
LARGEST, SMALLEST, LEADING = 40, 20, 1.9
"""Pixels of type, and how far lines are apart in them."""
FADE = 0.9
"""Seconds in which a line appears."""
BREATHS = 4
"""Places that the picture comes by before it is back."""
REACH = 0.16
"""How far away they are, in standard deviations along each principal axis."""
CHUNK = 16
MEASURING = 0.1
"""Share of the work that is done before the first frame is."""


@runtime_checkable
class Heard(Protocol):
    """What a melody with words can do."""

    openings: Sequence[float]
    """When each line begins, in seconds."""

    def music(self) -> Soundtrack:
        """What it sounds like, all verses."""


def content(triptych: Triptych, models: Registry) -> bytes:
    """The bytes of an MP4 with all recipes inside.

    Raises:
        NotFound: one of the three is missing.
    """
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / f"film.{FORMAT}"
        write(triptych, models, target)
        return target.read_bytes()


def write(triptych: Triptych, models: Registry, target: Path) -> None:
    """As `content`, to a file."""
    for _ in shot(triptych, models, target):
        pass


def shot(triptych: Triptych, models: Registry, target: Path) -> Iterator[float]:
    """As `write`, saying from time to time how much of the film there is, 0 to 1; it can be left
    at any of them.

    Raises:
        NotFound: as `content`.
    """
    works = list(triptych.sung().works.values())
    picture = next((work for work in works if isinstance(work, Filmed)), None)
    song = next((work for work in works if isinstance(work, Heard)), None)
    poem = next((work for work in works if is_worded(work)), None)
    if picture is None or song is None or poem is None:
        raise NotFound("no_triptych", medium=triptych.lead)
    recipe = cast(Artwork, picture).recipe
    assert recipe is not None
    yield 0.0
    painter, track = models.use(recipe.medium, recipe.version), song.music()
    rounds = max(math.ceil(SHORTEST / track.seconds), 1)
    seconds = rounds * track.seconds
    count = round(seconds * RATE)
    breath = Breath(painter, recipe, track)
    yield MEASURING
    page = Page(cast(Worded, poem).lines, song.openings)
    rate, sound = count / seconds, track.wave(rounds)
    with video.written(target, rate, triptych.to_json(), sound) as add:
        for start in range(0, count, CHUNK):
            times = [index / rate for index in range(start, min(start + CHUNK, count))]
            for time, work in zip(times, breath.at(times), strict=True):
                add(page.at(time, cast(Filmed, work).frame()))
            yield MEASURING + (1 - MEASURING) * min(start + CHUNK, count) / count


def is_worded(work: Artwork) -> bool:
    return work.recipe is not None and get_medium(work.recipe.medium).in_words


class Breath:
    """A picture that moves away a little and comes back, once in each round of the music, as fast
    as much happens in that."""

    def __init__(self, painter: Generator, recipe: Recipe, track: Soundtrack) -> None:
        self.painter, self.options = painter, recipe.options
        self.seconds = track.seconds
        where = painter.statistics
        self.mean, here = where.mean, torch.tensor(recipe.latent)
        around = latent.nearby(here, where.axes, where.scales, BREATHS, REACH, seed_of(recipe))
        self.keys = torch.cat([here[None], around])
        self.pace = latent.paced(track.energy)
        self.timing = even_to_the_eye(painter, self.along, len(self.keys))

    def along(self, places: Sequence[float]) -> Sequence[Artwork]:
        points = [latent.point(self.keys, at, centre=self.mean, loop=True) for at in places]
        return self.painter.decode(torch.stack(points), self.options)

    def at(self, times: Sequence[float]) -> Sequence[Artwork]:
        """The works at some times in seconds."""
        gone = [latent.along(self.pace, time / self.seconds % 1) for time in times]
        return self.along([latent.along(self.timing, place) for place in gone])


class Page:
    """The paper that picture and poem stand on."""

    def __init__(self, lines: Sequence[str], openings: Sequence[float]) -> None:
        self.lines = [line.replace("'", "’") for line in lines]
        self.openings = openings
        room = WIDTH - SIDE - 3 * MARGIN
        widest = max(length(line, 100) for line in self.lines) / 100
        self.size = round(min(max(room / widest, SMALLEST), LARGEST))
        self.made: tuple[tuple[float, ...], Image.Image] | None = None

    def at(self, time: float, picture: Image.Image) -> Image.Image:
        """WIDTH by HEIGHT pixels."""
        page = self.written(time).copy()
        page.paste(picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC), (MARGIN, MARGIN))
        return page

    def written(self, time: float) -> Image.Image:
        """The lines as far as they have appeared; drawn anew only while one appears."""
        inks = tuple(self.ink(number, time) for number in range(len(self.lines)))
        if self.made is None or self.made[0] != inks:
            page = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
            draw, step = ImageDraw.Draw(page), self.size * LEADING
            left, top = SIDE + 2 * MARGIN, (HEIGHT - step * (len(self.lines) - 1)) / 2
            for number, (line, ink) in enumerate(zip(self.lines, inks, strict=True)):
                if ink:
                    colour = mixed(PAPER, INK, ink)
                    write_line(draw, line, left, top + number * step, self.size, colour)
            self.made = inks, page
        return self.made[1]

    def ink(self, number: int, time: float) -> float:
        """How far a line has appeared, 0 to 1. One that is not sung comes with the last that is."""
        if not self.openings:
            return 1.0
        begins = self.openings[min(number, len(self.openings) - 1)]
        return round(min(max((time - begins) / FADE, 0.0), 1.0), 2)


def write_line(
    draw: ImageDraw.ImageDraw, line: str, x: float, y: float, size: int, colour: str
) -> None:
    for sign in line:
        face = font(face_of(sign), size)
        draw.text((x, y), sign, colour, face, anchor="ls")
        x += face.getlength(sign)


def mixed(one: str, other: str, share: float) -> str:
    """A colour between two, as #rrggbb."""
    ends = [[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in (one, other)]
    values = [round(a + (b - a) * share) for a, b in zip(*ends, strict=True)]
    return "#" + "".join(f"{value:02x}" for value in values)
