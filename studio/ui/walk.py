"""One person's walk through latent space: what each gesture of Explore does."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, cast

from studio.errors import NotFound
from studio.latent import MAX_SEED
from studio.manipulation import BadGesture
from studio.medium import (
    BEFORE,
    HELD,
    LONGEST_HELD,
    Artwork,
    Option,
    Recipe,
    Worded,
    held_of,
    holding,
    lasting,
    unpack,
    with_sources,
)
from studio.store import ArtworkRow
from studio.taste.explain import Usual
from studio.ui import held_dials, room, triptych_state
from studio.ui.explore_state import Desk, History, Moment, clamp
from studio.ui.session import Said, Visit
from studio.ui.steering import Steering
from studio.ui.surface import parcel

DESK, HISTORY, OPEN = "explore", "explore.history", "explore.open"
SEARCH = "explore.search"
"""Of a direction of one's own, see studio.ui.find."""
SEEDS = 1_000_000
"""Seeds that the dice throw: short enough to be told to a friend."""
LONGEST_NAME = 40
STRIP_THUMBNAIL = 72
REACHES = (0.1, 1.0)
LINE = Option("line", "", longest=LONGEST_HELD)
"""What a person may write in a line's place; whether it can be one, the generator knows."""


class Walk:
    """Everything of one event: read when asked for, saved by `finish`."""

    def __init__(self, visit: Visit, usual: Usual | None = None) -> None:
        """Args: usual: what models usually make; without it no dial can be held."""
        self.visit = visit
        self.usual = usual
        self.is_changed = False
        self.parcel: dict[str, str] | None = None
        self.stamp = secrets.token_hex(4)
        self.desk = self.desk_found()
        self.shown: tuple[Moment, Artwork] | None = None
        self.offered: tuple[int, Sequence[str]] | None = None

    def desk_found(self) -> Desk:
        saved = self.visit.load(DESK)
        if saved is not None:
            desk = Desk.from_dict(saved)
            # A studio that was given another base model may know other latents than before.
            if len(desk.moment.base) == self.generator(desk.moment.version).latent_dim:
                return desk
        seed = self.visit.throw(SEEDS)
        nowhere = Desk(Moment((), (), self.visit.generator.version))
        return replace(nowhere, moment=Steering(self.visit.generator, nowhere).from_seed(seed, 1.0))

    @cached_property
    def history(self) -> History:
        saved = self.visit.load(HISTORY)
        return History.from_dict(saved) if saved else History()

    @cached_property
    def rows(self) -> list[ArtworkRow]:
        """What this person keeps or has on the shelf, newest first."""
        store, key, medium = self.visit.studio.store, self.visit.key, self.visit.medium
        found = store.artworks(key, medium, kept=True) + store.artworks(key, medium, pinned=True)
        return list({row.id: row for row in found}.values())

    def rows_changed(self) -> None:
        self.__dict__.pop("rows", None)

    @property
    def moment(self) -> Moment:
        return self.desk.moment

    @property
    def steering(self) -> Steering:
        """With the version that the present moment was made with."""
        return Steering(self.generator(self.moment.version), self.desk)

    def generator(self, version: str) -> Any:
        """A version that is gone cannot be asked; the session's own one takes its place."""
        try:
            return self.visit.studio.registry.use(self.visit.medium, version)
        except NotFound:
            return self.visit.generator

    @cached_property
    def newest(self) -> Steering:
        """With the version the session uses now: what new noise becomes."""
        return Steering(self.visit.generator, self.desk)

    def artwork(self) -> Artwork:
        if self.shown is None or self.shown[0] is not self.moment:
            self.shown = (self.moment, self.steering.artworks([self.moment])[0])
        return self.shown[1]

    @property
    def lines(self) -> Sequence[str]:
        """Of a work in words."""
        return cast(Worded, self.artwork()).lines

    @property
    def kept_parts(self) -> Sequence[int]:
        """What stays when the rest is made anew. Held lines belong to the moment, since they stay
        whatever is done; other parts to the desk."""
        medium = self.visit.medium_object
        if not medium.in_words:
            return self.desk.kept_parts
        return sorted(part for part in held_of(self.moment.options) if part < medium.parts)

    def show(self, moment: Moment) -> None:
        """Go somewhere without a step in the history (a dial that is still held)."""
        self.desk = replace(self.desk, moment=moment, aims={})
        self.offered = None

    def amend(self) -> None:
        """The present step of the history is this moment from now on."""
        self.history = self.history.amended(self.moment)
        self.is_changed = True

    def go(self, moment: Moment) -> None:
        """Go somewhere, as a step that can be undone."""
        self.show(moment)
        thumbnail = self.artwork().thumbnail(size=STRIP_THUMBNAIL)
        self.history = self.history.added(moment, thumbnail)
        self.is_changed = True

    def follow(self, history: History) -> None:
        """Go where the history stands."""
        if history.present is not None:
            self.history = history
            self.show(history.present.moment)
            self.is_changed = True

    def arrive(self) -> None:
        """Coming to the tab: a first step, something to open, or a new version to look through."""
        wanted = self.visit.load(OPEN)
        if wanted:
            self.visit.save(OPEN, {})
            recipe, parents = Recipe.from_dict(wanted["recipe"]), wanted.get("parents", ())
            self.go(self.newest.from_recipe(recipe, "gallery", parents))
        elif self.history.present is None:
            self.go(self.moment)
        elif self.moment.version != self.visit.generator.version and self.moment.seed is not None:
            # The same noise seen by the new version is what shows how it differs; undo goes back.
            again = self.newest.from_seed(
                self.moment.seed, self.moment.wildness, lasting(self.moment.options)
            )
            here = self.moment
            turned = replace(again, positions=here.positions, balance=here.balance)
            self.go(replace(turned, how="version", parents=here.parents))

    def finish(self) -> None:
        self.desk = replace(self.desk, aims=held_dials.aims(self))
        changed = {HISTORY: self.history.to_dict()} if self.is_changed else {}
        self.visit.save_all(changed | {DESK: self.desk.to_dict()})


def steer(walk: Walk, said: Said) -> None:
    positions = {str(key)[:64]: number(value) for key, value in dict(said["positions"]).items()}
    moment = walk.moment.turned(positions, number(said["wildness"]))
    if said.get("live"):
        walk.show(held_dials.held(walk, moment, looks=1))
    else:
        walk.go(held_dials.held(walk, moment))


def dice(walk: Walk, said: Said) -> None:
    seed = walk.visit.throw(SEEDS)
    # Dice with a seed throw the same again after a start; they must not seem dead.
    throw(walk, walk.visit.throw(SEEDS) if seed == walk.moment.seed else seed)


def throw(walk: Walk, seed: int) -> None:
    """Something new, as wild and with the same choices."""
    moment = walk.moment
    walk.go(walk.newest.from_seed(seed, moment.wildness, lasting(moment.options)))


def choose_seed(walk: Walk, said: Said) -> None:
    seed = int(clamp(number(said["value"]), 0, MAX_SEED))
    if seed != walk.moment.seed:
        throw(walk, seed)


def choose_option(walk: Walk, said: Said) -> None:
    known = {option.key: option for option in walk.visit.medium_object.options}
    option = known.get(str(said["option"]))
    if option is None:
        raise BadGesture("unknown_option", name=str(said["option"])[:40])
    moment = walk.moment.with_option(option, said["value"])
    # A text that only had another blank in it is the same text.
    if moment.options != walk.moment.options:
        walk.go(moment)


def toggle_part(walk: Walk, said: Said) -> None:
    """Whether a part stays as it is when the others are made anew."""
    part = part_of(walk, said)
    if not walk.visit.medium_object.in_words:
        walk.desk = walk.desk.with_part_toggled(part)
    elif part in walk.kept_parts:
        # A step of its own: the line may be another one at once.
        freed = holding(walk.moment.options, part, None)
        walk.go(replace(walk.moment, options=freed, how="unlock"))
    else:
        hold(walk, part)


def hold(walk: Walk, part: int) -> None:
    """The line stays as it reads now. Nothing is seen to change, so the present step of the history
    becomes this: undo goes past it, and whatever comes back to it finds the line locked."""
    before, lines = walk.moment, list(walk.lines)
    walk.show(replace(before, options=holding(before.options, part, lines[part])))
    if list(walk.lines) != lines:
        # Given this line first, the generator would find others beside it.
        walk.show(before)
        walk.show(walk.steering.rewritten(before, part, lines[part], before.how))
    walk.amend()


def rewrite(walk: Walk, said: Said) -> None:
    """A line in the person's own words; it is locked from then on."""
    part, text = line_of(walk, said), str(LINE.clean(said["value"]))
    if not text:
        raise BadGesture("line_without_words")
    if text != walk.lines[part]:
        walk.go(walk.steering.rewritten(walk.moment, part, text, "rewrite"))


def offer(walk: Walk, said: Said) -> None:
    """Other lines for one place, to choose from; no step of the history."""
    part = line_of(walk, said)
    found = walk.steering.alternatives(walk.moment, part, walk.visit.throw(MAX_SEED))
    if not found:
        raise BadGesture("no_other_line")
    walk.offered = (part, found)


def take(walk: Walk, said: Said) -> None:
    """One of the lines that were offered, locked only if the one before it was."""
    part, text = line_of(walk, said), str(LINE.clean(said["value"]))
    taken = walk.steering.rewritten(walk.moment, part, text, "alternative")
    if part not in walk.kept_parts:
        taken = replace(taken, options=holding(taken.options, part, None))
    walk.go(taken)


def refill(walk: Walk, said: Said) -> None:
    parts, kept = walk.visit.medium_object.parts, walk.kept_parts
    if not parts or len(kept) >= parts:
        raise BadGesture("all_parts_kept")
    walk.go(walk.steering.refilled(walk.moment, kept, walk.visit.throw(MAX_SEED)))


def go_on(walk: Walk, said: Said) -> None:
    """The work goes on; the dials then steer what is new."""
    if 1 + len(walk.moment.options.get(BEFORE, ())) >= walk.visit.medium_object.longest:
        raise BadGesture("work_is_longest")
    walk.go(walk.steering.continued(walk.moment, walk.visit.throw(MAX_SEED)))
    walk.desk = replace(walk.desk, kept_parts=())


def step_near(walk: Walk, said: Said) -> None:
    # Around where the person saw them: the page may have been a step behind.
    step = walk.history.at(int(number(said["from"])))
    centre = step.moment if step else walk.moment
    around = walk.steering.neighbours(centre, walk.desk.reach, walk.desk.neighbourhood)
    walk.go(around[int(number(said["index"])) % len(around)])


def look_around(walk: Walk, said: Said) -> None:
    walk.desk = replace(walk.desk, neighbourhood=walk.visit.throw(MAX_SEED))


def reach(walk: Walk, said: Said) -> None:
    walk.desk = replace(walk.desk, reach=clamp(number(said["value"]), *REACHES))


def undo(walk: Walk, said: Said) -> None:
    walk.follow(walk.history.undone())


def redo(walk: Walk, said: Said) -> None:
    walk.follow(walk.history.redone())


def let_go(walk: Walk, said: Said) -> None:
    """Of what the hand holds (see studio.ui.hand): asking overtakes it, and nothing has changed."""


def jump(walk: Walk, said: Said) -> None:
    walk.follow(walk.history.jumped(int(number(said["id"]))))


def more(walk: Walk, said: Said) -> None:
    walk.desk = replace(walk.desk, shows_more=not walk.desk.shows_more)


def name_said(said: Said) -> str:
    """What somebody calls a direction. Raises: BadGesture: nothing."""
    name = " ".join(str(said.get("name", "")).split())[:LONGEST_NAME]
    if not name:
        raise BadGesture("direction_without_name")
    return name


def name_direction(walk: Walk, said: Said) -> None:
    name = name_said(said)
    vector = walk.steering.walked(walk.moment)
    if max(abs(value) for value in vector) < 1e-6:
        raise BadGesture("direction_without_way")
    walk.desk = walk.desk.with_own(name, vector)
    walk.visit.say("explore.direction_kept", name=name)


def adopt_direction(walk: Walk, said: Said) -> None:
    """What a search has found becomes a dial, once."""
    search = walk.visit.load(SEARCH) or {}
    if found := search.get("found"):
        walk.visit.save(SEARCH, {**search, "found": None})
        walk.desk = walk.desk.with_own(found["name"], unpack(found["vector"]))
        walk.visit.say("explore.direction_kept", name=found["name"])


def rename_direction(walk: Walk, said: Said) -> None:
    walk.desk = walk.desk.with_renamed(str(said["id"]), name_said(said))


def forget_direction(walk: Walk, said: Said) -> None:
    walk.desk = walk.desk.without_own(str(said["id"]))


def keep(walk: Walk, said: Said) -> None:
    """In the gallery, or out of it again."""
    row = present_row(walk)
    if row is not None and row.kept:
        walk.visit.studio.store.set_kept(walk.visit.key, row.id, False)
    else:
        store_artwork(walk.visit, walk.artwork(), kept=True)
    walk.rows_changed()


def pin(walk: Walk, said: Said) -> None:
    """On the shelf, or off it again."""
    row = present_row(walk)
    if row is not None and row.pinned:
        walk.visit.studio.store.set_pinned(walk.visit.key, row.id, False)
    else:
        store_artwork(walk.visit, walk.artwork(), pinned=True)
    walk.rows_changed()


def share(walk: Walk, said: Said) -> None:
    """With the room that the person is in."""
    room.share(walk.visit, store_artwork(walk.visit, walk.artwork()))


def make_triptych(walk: Walk, said: Said) -> None:
    """Of what is shown; the Gallery shows it."""
    artwork = walk.artwork()
    assert artwork.recipe is not None
    triptych_state.hang(walk.visit, artwork.recipe, store_artwork(walk.visit, artwork))
    walk.parcel = {"go": "tab-gallery-button", "stamp": walk.stamp}


def unpin(walk: Walk, said: Said) -> None:
    walk.visit.studio.store.set_pinned(walk.visit.key, str(said["id"]), False)
    walk.rows_changed()


def open_artwork(walk: Walk, said: Said) -> None:
    """One of the person's own works, from the shelf."""
    row = artwork_row(walk.visit, str(said["id"]))
    walk.go(walk.newest.from_recipe(row.recipe, "gallery", [row.id]))


def save(walk: Walk, said: Said) -> None:
    """The artwork as a file, for the browser to keep."""
    format = str(said["format"])
    if format not in walk.visit.medium_object.formats:
        raise BadGesture("unknown_format", format=format)
    data = with_sources(walk.steering.generator, walk.artwork()).export(format)
    stem = f"{walk.visit.medium}-{walk.moment.seed if walk.moment.seed is not None else 'edit'}"
    signed = walk.visit.studio.credentials.sign(data, format)
    walk.parcel = parcel(f"{stem}.{format}", signed)


GESTURES: Mapping[str, Callable[[Walk, Said], None]] = {
    "steer": steer,
    "hold": held_dials.toggle,
    "dice": dice,
    "seed": choose_seed,
    "option": choose_option,
    "part": toggle_part,
    "rewrite": rewrite,
    "alternatives": offer,
    "take": take,
    "refill": refill,
    "continue": go_on,
    "near": step_near,
    "around": look_around,
    "reach": reach,
    "undo": undo,
    "redo": redo,
    "let_go": let_go,
    "jump": jump,
    "more": more,
    "name": name_direction,
    "adopt": adopt_direction,
    "rename": rename_direction,
    "forget": forget_direction,
    "keep": keep,
    "pin": pin,
    "share": share,
    "triptych": make_triptych,
    "unpin": unpin,
    "open": open_artwork,
    "save": save,
}


def part_of(walk: Walk, said: Said) -> int:
    """The part that a gesture is about."""
    return int(clamp(number(said["part"]), 0, max(walk.visit.medium_object.parts - 1, 0)))


def line_of(walk: Walk, said: Said) -> int:
    """The line that a gesture is about.

    Raises:
        BadGesture: the work is not in words.
    """
    if not walk.visit.medium_object.in_words:
        raise BadGesture("no_lines")
    return part_of(walk, said)


def number(value: Any) -> float:
    """A number that a browser sent.

    Raises:
        BadGesture: it is none.
    """
    try:
        found = float(value)
    except (TypeError, ValueError):
        raise BadGesture("not_a_number", value=str(value)[:40]) from None
    if not math.isfinite(found):
        raise BadGesture("not_a_number", value=str(value)[:40])
    return found


def store_artwork(visit: Visit, artwork: Artwork, **flags: bool) -> str:
    assert artwork.recipe is not None
    return visit.studio.store.keep_artwork(visit.key, artwork.recipe, artwork.thumbnail(), **flags)


def artwork_row(visit: Visit, artwork_id: str) -> ArtworkRow:
    """Raises: NotFound: no such work, or one of another medium."""
    row = visit.studio.store.artwork(artwork_id)
    if row is None or row.medium != visit.medium:
        raise NotFound("unknown_artwork")
    return row


def present_row(walk: Walk) -> ArtworkRow | None:
    """The stored row of what is shown, if it is kept or pinned. A locked line reads as it did."""
    shown = same(cast(Recipe, walk.artwork().recipe))
    return next((row for row in walk.rows if same(row.recipe) == shown), None)


def open_next(visit: Visit, work: str, recipe: Recipe) -> None:
    """Have Explore open a work when it next shows the work's medium; what is made of it then is a
    child of the work."""
    wanted = {"recipe": recipe.to_dict(), "parents": [work]}
    visit.studio.store.save_state(visit.key, f"{OPEN}.{recipe.medium}", wanted)


def same(recipe: Recipe) -> tuple[Sequence[float], Mapping[str, Any]]:
    """What two recipes of one and the same work have in common."""
    options = {key: value for key, value in recipe.options.items() if key != HELD}
    return tuple(recipe.latent), options
