"""The Morph tab: keyframes from the shelf, a scrub bar that answers, and the film as a file."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import gradio as gr

from studio import video
from studio.errors import StudioError
from studio.medium import Artwork, Recipe
from studio.soundtrack import Filmed
from studio.store import ArtworkRow
from studio.ui import morph_music as music
from studio.ui import morph_view as view
from studio.ui.assets import asset
from studio.ui.explore_state import clamp
from studio.ui.film import Film, retimed
from studio.ui.morph_state import RATES, SECONDS, SPEEDS, Morph
from studio.ui.session import Page, Said, Visit
from studio.ui.surface import desk, parcel
from studio.ui.walk import number, store_artwork

FIRST_KEYS = 6
WHOLE_FRAMES = 9
SOUNDING = "mp4"
"""What a film with music is saved as."""
WRITING = 0.8
"""How far a film counts as made when all its frames are there and only the file is missing."""


class Cut:
    """Everything of one event in Morph: read when asked for, saved by `finish`."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        saved = visit.load("morph")
        if saved is None:
            pinned = [row.id for row in reversed(self.rows) if row.pinned]
            self.morph = Morph(keys=tuple(pinned[-FIRST_KEYS:]))
        else:
            self.morph = Morph.from_dict(saved).among([row.id for row in self.rows])
        self.is_touched = saved is not None
        self.whole = ""

    @cached_property
    def rows(self) -> list[ArtworkRow]:
        """The shelf, and keyframes that have left it since."""
        store, key, medium = self.visit.studio.store, self.visit.key, self.visit.medium
        pinned = store.artworks(key, medium, pinned=True)
        known = {row.id for row in pinned}
        chosen = (self.visit.load("morph") or {}).get("keys", [])
        left = [store.artwork(id) for id in dict.fromkeys(chosen) if id not in known]
        return [*pinned, *(row for row in left if row is not None and row.medium == medium)]

    @property
    def recipes(self) -> list[Recipe]:
        by_id = {row.id: row for row in self.rows}
        return [by_id[id].recipe for id in self.morph.keys]

    @property
    def film(self) -> Film | None:
        """None while there are no two keyframes."""
        if len(self.morph.keys) < 2:
            return None
        generator, recipes = self.visit.generator, self.recipes
        self.morph = retimed(generator, recipes, self.morph)
        return Film(generator, recipes, self.morph)

    def change(self, morph: Morph) -> None:
        self.morph = morph
        self.is_touched = True

    def follow_music(self) -> None:
        """The music may have changed, or gone, since the film was last looked at."""
        self.morph = music.with_pace(self.visit, self.morph)

    def finish(self) -> None:
        # Until somebody arranges keyframes, the film follows the shelf.
        if self.is_touched:
            self.visit.save("morph", self.morph.to_dict())


def scrub(cut: Cut, said: Said) -> None:
    cut.change(replace(cut.morph, position=clamp(number(said["value"]), 0.0, 1.0)))


def add(cut: Cut, said: Said) -> None:
    if any(row.id == said["id"] for row in cut.rows):
        cut.change(cut.morph.with_key(str(said["id"])))


def remove(cut: Cut, said: Said) -> None:
    cut.change(cut.morph.without_key(int(number(said["index"]))))


def move(cut: Cut, said: Said) -> None:
    cut.change(cut.morph.moved_key(int(number(said["index"])), int(number(said["by"]))))


def speed(cut: Cut, said: Said) -> None:
    if said["value"] in SPEEDS:
        cut.change(replace(cut.morph, speed=str(said["value"])))


def choose_music(cut: Cut, said: Said) -> None:
    cut.change(replace(cut.morph, music=str(said["value"])[:80], paced_for=""))


def loop(cut: Cut, said: Said) -> None:
    cut.change(replace(cut.morph, loop=said["value"] is True))


def seconds(cut: Cut, said: Said) -> None:
    cut.change(replace(cut.morph, seconds=clamp(number(said["value"]), *SECONDS)))


def rate(cut: Cut, said: Said) -> None:
    if number(said["value"]) in RATES:
        cut.change(replace(cut.morph, rate=int(number(said["value"]))))


def pin(cut: Cut, said: Said) -> None:
    """The present frame on the shelf: a find like any other."""
    film = cut.film
    if film is not None:
        store_artwork(cut.visit, film.at([cut.morph.position])[0], pinned=True)
        cut.change(cut.morph)
        cut.visit.say("morph.pinned")
        cut.__dict__.pop("rows", None)


def hear_whole(cut: Cut, said: Said) -> None:
    """The way as one work, where the medium has more to it than a film."""
    film = cut.film
    if film is not None:
        artworks = [artwork for some in film.frames(WHOLE_FRAMES) for artwork in some]
        alt = cut.visit.words("morph.whole.alt")
        cut.whole = cut.visit.medium_object.show_path(artworks, alt)


GESTURES: Mapping[str, Callable[[Cut, Said], None]] = {
    "scrub": scrub,
    "add": add,
    "remove": remove,
    "move": move,
    "speed": speed,
    "music": choose_music,
    "loop": loop,
    "seconds": seconds,
    "rate": rate,
    "pin": pin,
    "whole": hear_whole,
}


def heard(cut: Cut) -> tuple[object, ...]:
    """What the list of music depends on."""
    return cut.morph.music, cut.morph.paced_for, len(cut.morph.keys) < 2


def formats(cut: Cut) -> Sequence[str]:
    """What the film can be saved as; with music, only what sounds."""
    known = cut.visit.medium_object.path_formats
    return [name for name in known if name == SOUNDING] if cut.morph.pace else known


def shot(cut: Cut, film: Film, format: str, target: Path) -> Iterator[float]:
    """Write a film, saying from time to time how much of it there is, 0 to 1."""
    track = music.chosen(cut.visit, cut.morph.music) if cut.morph.pace else None
    if track is not None:
        yield from shot_to(track, cut, film, target)
        return
    artworks: list[Any] = []
    for some in film.frames():
        artworks += some
        yield len(artworks) / cut.morph.frames
    cut.visit.medium_object.export_path(artworks, format, cut.morph.length, target)


def shot_to(track: music.Chosen, cut: Cut, film: Film, target: Path) -> Iterator[float]:
    """As `shot`, with music; frame by frame, as a minute of them is hundreds of megabytes."""
    about = json.dumps({**cut.recipes[0].to_dict(), "music": track.about}, ensure_ascii=False)
    count, done, sound = cut.morph.frames, 0, track.play().wave(cut.morph.rounds)
    with video.written(target, count / cut.morph.length, about, sound) as add:
        for some in film.frames():
            for artwork in some:
                add(cast(Filmed, artwork).frame())
            done += len(some)
            yield done / count


def build(page: Page) -> gr.Tab:
    """Gestures come in through a desk, as in Explore; making a film is an event of its own."""
    with gr.Tab(page.i18n("morph.title"), id="morph", elem_id="tab-morph") as tab:
        with gr.Row(elem_classes="morph"):
            with gr.Column(elem_classes="centre", scale=1, min_width=0):
                stage = gr.HTML(elem_classes="stage-frame", apply_default_css=False)
                scrubber = gr.HTML(js_on_load=asset("scrub.js"), apply_default_css=False)
                whole = gr.HTML(elem_classes="whole-frame", apply_default_css=False)
                keyframes = gr.HTML(apply_default_css=False)
                tunes = gr.HTML(apply_default_css=False)
                upload = gr.UploadButton(
                    page.i18n("morph.music.upload"),  # type: ignore[arg-type]  # it is translated
                    elem_id=music.UPLOAD,
                )
            with gr.Column(elem_classes="side", scale=0, min_width=0):
                settings = gr.HTML(apply_default_css=False)
                export = gr.HTML(js_on_load=asset("film.js"), apply_default_css=False)
        gestures, out = desk("tab-morph")

    drawn = [stage, scrubber, whole, keyframes, settings, export, tunes]

    def draw(cut: Cut) -> list[Any]:
        words, film, medium = cut.visit.words, cut.film, cut.visit.medium_object
        frame, strip = None, []
        if film is not None:
            frame, *strip = film.at([cut.morph.position, *view.strip_times(cut.morph)])
        return [
            view.stage(words, frame),
            view.scrub(words, cut.morph, strip),
            view.whole(words, cut.whole, can_be=film is not None and medium.shows_paths),
            view.keyframes(words, cut.morph, cut.rows),
            view.settings(words, cut.morph),
            view.export(words, formats(cut), is_ready=film is not None, done=None),
            can_hear(cut, frame),
        ]

    def can_hear(cut: Cut, frame: Artwork | None) -> Any:
        """The music; a medium whose works no film can show has none."""
        can_be = isinstance(frame, Filmed)
        return music.section(cut.visit, cut.morph, music.offers(cut.visit)) if can_be else ""

    def enter(visit: Visit) -> list[Any]:
        cut = Cut(visit)
        cut.follow_music()
        return draw(cut)

    def act(visit: Visit, said: list[dict[str, Any]]) -> list[Any]:
        is_passing = all(gesture["do"] == "scrub" for gesture in said)
        with visit.asking("morph", is_passing=is_passing):
            return answer(visit, said, is_passing)

    def answer(visit: Visit, said: list[dict[str, Any]], is_passing: bool) -> list[Any]:
        cut = Cut(visit)
        before = heard(cut)
        for gesture in said:
            try:
                GESTURES[gesture["do"]](cut, gesture)
            except StudioError as error:
                visit.warn(error)
        if not is_passing:
            cut.follow_music()
        film = cut.film
        cut.finish()
        if is_passing:
            frame = film.at([cut.morph.position])[0] if film else None
            return [view.stage(visit.words, frame), *[gr.skip()] * (len(drawn) - 1)]
        # Music that plays is not interrupted by what does not concern it.
        return draw(cut) if heard(cut) != before else [*draw(cut)[:-1], gr.skip()]

    def receive(visit: Visit, path: str) -> list[Any]:
        cut = Cut(visit)
        if music.bring(visit, path):
            choose_music(cut, {"value": music.FILE})
        cut.follow_music()
        cut.finish()
        return draw(cut)

    def make(visit: Visit, said: Said) -> Iterator[list[Any]]:
        cut, words, format = Cut(visit), visit.words, str(said["film"])
        cut.follow_music()
        film = cut.film
        if film is None or format not in formats(cut):
            return
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / f"{visit.medium}-morph.{format}"
            for done in shot(cut, film, format, target):
                now = view.export(words, formats(cut), is_ready=True, done=WRITING * done)
                yield [now, gr.skip()]
            signed = visit.studio.credentials.sign(target.read_bytes(), format)
            sent = parcel(target.name, signed)
        yield [view.export(words, formats(cut), is_ready=True, done=None), sent]

    def stop(visit: Visit) -> str:
        cut = Cut(visit)
        return view.export(visit.words, formats(cut), is_ready=cut.film is not None, done=None)

    page.fills(tab, enter, drawn)
    gestures.gesture(
        page.handler(act),
        [*page.inputs, gestures],
        drawn,
        trigger_mode="always_last",
        **page.quiet,
    ).then(js="() => window.studio.desks['tab-morph'].done()")
    upload.upload(
        page.handler(receive),
        [*page.inputs, upload],
        drawn,
        trigger_mode="multiple",
        **page.quiet,
    )
    making = export.film(
        page.saying(make), page.inputs, [export, out], trigger_mode="multiple", **page.quiet
    )
    export.stop(page.handler(stop), page.inputs, export, cancels=[making], **page.quiet)
    return tab
