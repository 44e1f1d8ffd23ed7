"""The HTML and the values that Explore shows. What they look like is in assets/studio.css."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from studio.medium import BEFORE, LONGEST_HELD, Artwork, Glimpsed, Option
from studio.store import ArtworkRow
from studio.ui import held_dials, own_effects, room, triptych_state
from studio.ui.explore_state import History
from studio.ui.session import Visit
from studio.ui.steering import PREVIEWED, SHOWN_FIRST, WILDNESS, Dial, dials_of
from studio.ui.surface import attributes, button, icon
from studio.ui.walk import REACHES, Walk, present_row
from studio.words import Words

END_THUMBNAIL = 64
NEAR_THUMBNAIL = 112
STRIP_LONGEST = 60


def stage(visit: Visit, artwork: Artwork, upload: Any = None, *, is_passing: bool = False) -> str:
    """The artwork, large; beside it, when it came from a file, that file.

    Args:
        is_passing: another one takes its place in a moment.
    """
    words = visit.words
    show = artwork.glimpse if is_passing and isinstance(artwork, Glimpsed) else artwork.show
    shown = show(words("explore.alt", one=words("medium.one")))
    if not upload:
        return f'<figure class="stage">{shown}</figure>{remarks(words, artwork)}'
    near = escape(words("explore.upload.near", percent=upload["percent"]))
    return (
        f'<figure class="stage with-original">{shown}<figcaption class="original">'
        f"{upload['thumbnail']}<span><b>{escape(words('explore.upload.original'))}</b>"
        f"{near}</span></figcaption></figure>{remarks(words, artwork)}"
    )


def remarks(words: Words, artwork: Artwork) -> str:
    """What could not be done as it was asked."""
    said = "".join(f"<p>{escape(words(key, **values))}</p>" for key, values in artwork.remarks)
    return f'<div class="remarks" role="status">{said}</div>' if said else ""


def trouble(visit: Visit, sentence: str) -> str:
    """What stands where the artwork should, when there can be none."""
    return f'<div class="stage trouble" role="alert"><p>{escape(sentence)}</p></div>'


def looking(words: Words) -> str:
    """While a file's place in latent space is being found."""
    return f'<p class="readout looking" role="status">{escape(words("explore.upload.looking"))}</p>'


def toolbar(walk: Walk) -> str:
    """Everything that is done to the artwork as a whole."""
    words, row = walk.visit.words, present_row(walk)
    is_kept, is_pinned = row is not None and row.kept, row is not None and row.pinned
    keep = words("explore.unkeep" if is_kept else "explore.keep")
    pin = words("explore.unpin" if is_pinned else "explore.pin")
    seed = walk.moment.seed
    formats = [
        button(words("explore.save", format=name.upper()), "save", data_format=name)
        for name in walk.visit.medium_object.formats
    ]
    share = ""
    if room.is_open(walk.visit):
        share = button(words("together.share.room"), "share", icon("people"))
    can = walk.history
    return (
        '<div class="toolbar" role="toolbar" '
        f'aria-label="{escape(words("explore.toolbar"))}">'
        + button(
            words("explore.undo"), "undo", icon("undo"), data_key="[", disabled=not can.can_undo
        )
        + button(
            words("explore.redo"), "redo", icon("redo"), data_key="]", disabled=not can.can_redo
        )
        + '<span class="gap"></span>'
        + button(
            words("explore.dice"),
            "dice",
            icon("dice") + f"<span>{escape(words('explore.dice.short'))}</span>",
            kind="strong",
            data_key="d",
        )
        + f'<label class="seed"><span>{escape(words("explore.seed"))}</span><input'
        + attributes(
            type="number",
            min=0,
            max=2**32 - 1,
            step=1,
            data_do="seed",
            value="" if seed is None else seed,
            placeholder="–",
            aria_label=words("explore.seed.label"),
        )
        + "></label>"
        + '<span class="gap"></span>'
        + button(pin, "pin", icon("pin"), data_key="p", aria_pressed=str(is_pinned).lower())
        + button(keep, "keep", icon("heart"), data_key="k", aria_pressed=str(is_kept).lower())
        + share
        + f'<details class="menu"><summary title="{escape(words("explore.download"))}" '
        f'aria-label="{escape(words("explore.download"))}" data-key="s">{icon("save")}</summary>'
        f'<div class="menu-list">{"".join(formats)}</div></details></div>'
    )


def onward(walk: Walk) -> str:
    """What leads from the work to other kinds of artwork."""
    if not triptych_state.is_offered(walk.visit):
        return ""
    words = walk.visit.words
    make = words("triptych.make")
    content = icon("triptych") + f"<span>{escape(make)}</span>"
    hint = words("triptych.make.hint")
    made = button(make, "triptych", content, data_key="t", aria_description=hint)
    return f'<div class="toolbar onward">{made}</div>'


def parts(walk: Walk) -> str:
    """What stays when the rest is made anew, and how the work goes on; if the medium has parts."""
    words, medium = walk.visit.words, walk.visit.medium_object
    if not medium.parts:
        return ""
    title = escape(words("part.title"))
    bar = f'<div class="parts" role="toolbar" aria-label="{title}">'
    if medium.in_words:
        return f"{lines(walk)}{bar}{part_buttons(walk)}</div>"
    toggles = "".join(lock(walk, part, f"<span>{part + 1}</span>") for part in range(medium.parts))
    return f"{bar}<span>{title}</span>{toggles}{part_buttons(walk)}</div>"


def part_buttons(walk: Walk) -> str:
    words, medium = walk.visit.words, walk.visit.medium_object
    is_whole = len(walk.kept_parts) >= medium.parts
    is_longest = 1 + len(walk.moment.options.get(BEFORE, ())) >= medium.longest
    go_on = button(words("part.continue"), "continue", data_key="c", disabled=is_longest)
    refill = button(words("part.refill"), "refill", data_key="r", disabled=is_whole)
    return refill + (go_on if medium.longest > 1 else "")


def lock(walk: Walk, part: int, content: str = "") -> str:
    is_kept = part in walk.kept_parts
    return button(
        walk.visit.words("part.keep", number=part + 1),
        "part",
        icon("lock" if is_kept else "unlocked") + content,
        data_part=part,
        aria_pressed=str(is_kept).lower(),
    )


def lines(walk: Walk) -> str:
    """The lines of a work in words: each to lock, to write, and to choose another for."""
    title = escape(walk.visit.words("part.title"))
    rows = "".join(line(walk, part, text) for part, text in enumerate(walk.lines))
    return f'<ol class="lines" aria-label="{title}" data-stamp="{walk.stamp}">{rows}</ol>'


def line(walk: Walk, part: int, text: str) -> str:
    words = walk.visit.words
    field = attributes(
        type="text",
        value=text,
        maxlength=LONGEST_HELD,
        lang=walk.visit.medium_object.language or None,
        autocomplete="off",
        spellcheck="false",
        data_do="rewrite",
        data_part=part,
        aria_label=words("explore.line", number=part + 1),
    )
    others = button(
        words("explore.line.others", number=part + 1),
        "alternatives",
        icon("others"),
        data_part=part,
    )
    return f"<li>{lock(walk, part)}<input{field}>{others}{offers(walk, part)}</li>"


def offers(walk: Walk, part: int) -> str:
    """Other texts for a line, once they have been asked for."""
    if walk.offered is None or walk.offered[0] != part:
        return ""
    texts = [button(text, "take", data_part=part, data_value=text) for text in walk.offered[1]]
    label = attributes(
        class_="offers", role="group", aria_label=walk.visit.words("explore.line.offers")
    )
    return f"<div{label}>{''.join(texts)}</div>"


def options(walk: Walk) -> str:
    """What the artist chooses beside the latent; if the medium has choices."""
    words, chosen = walk.visit.words, walk.moment.options
    known = walk.visit.medium_object.options
    rows = []
    for are_texts in (False, True):
        fields = [
            choice(words, option, chosen.get(option.key, option.default))
            for option in known
            if (option.longest > 0) == are_texts
        ]
        # A text that comes back as it was must still reach the page, where it may have been
        # another.
        stamp = attributes(data_stamp=walk.stamp if are_texts else None)
        if fields:
            rows.append(f'<div class="options"{stamp}>{"".join(fields)}</div>')
    return "".join(rows)


def choice(words: Words, option: Option, value: Any) -> str:
    name = escape(words(f"option.{option.key}"))
    asks = {"data_do": "option", "data_option": option.key}
    if option.longest:
        hint = f"option.{option.key}.hint"
        field = attributes(
            type="text",
            value=option.clean(value),
            maxlength=option.longest,
            placeholder=words(hint) if hint in words else None,
            autocomplete="off",
            **asks,
        )
        return f'<label class="text"><span>{name}</span><input{field}></label>'
    if not option.choices:
        number = float(option.clean(value))
        dial = attributes(
            type="range",
            min=option.least,
            max=option.most,
            step=option.step,
            value=number,
            **asks,
        )
        # A number may have a name of its own: a tempo of 0 is the usual one.
        named = f"option.{option.key}.{number:g}"
        shown = escape(words(named) if named in words else f"{number:g}")
        number_shown = f'<b aria-hidden="true">{shown}</b>'
        return f"<label><span>{name}{number_shown}</span><input{dial}></label>"
    entries = "".join(
        f"<option{attributes(value=one, selected=one == value)}>"
        f"{escape(words(f'option.{option.key}.{one}'))}</option>"
        for one in option.choices
    )
    return f"<label><span>{name}</span><select{attributes(**asks)}>{entries}</select></label>"


def dials(walk: Walk) -> dict[str, Any]:
    """What assets/dials.js builds the sliders from."""
    words, desk = walk.visit.words, walk.desk
    rows = shown_dials(walk)
    measured = own_effects.said(walk)
    hidden = len(dials_of(walk.steering.generator, desk, words)) - len(rows)
    holdable = held_dials.holdable(walk)
    return {
        "rows": [
            {
                **{"key": d.key, "name": d.name, "low": d.low, "high": d.high, "own": d.is_own},
                "effect": measured.get(d.key, d.effect),
                **({"held": d.key in desk.held} if d.key in holdable else {}),
            }
            for d in rows
        ],
        "positions": dict(desk.moment.positions),
        "wildness": desk.moment.wildness,
        "more": words("explore.fewer" if desk.shows_more else "explore.more", count=hidden),
        "hasMore": desk.shows_more or hidden > 0,
        "holdsAll": bool(holdable) and {*holdable} <= {*desk.held},
        "canName": desk.moment.start != desk.moment.base or bool(desk.moment.positions),
        "words": {
            name: words(f"explore.{name}")
            for name in (
                *("dials", "wildness", "wildness.low", "wildness.high", "toward", "reset"),
                *("name.label", "name.placeholder", "name.button", "forget"),
                *("rename", "rename.label", "hold", "hold.all", "hold.all.lead"),
            )
        },
        # A drag moves dials that Python has not heard of yet; the same value twice must still
        # reach the page.
        "stamp": walk.stamp,
    }


def shown_dials(walk: Walk) -> list[Dial]:
    """Six, or all; always those that are turned, and the person's own."""
    found = dials_of(walk.steering.generator, walk.desk, walk.visit.words)
    if walk.desk.shows_more:
        return found
    turned = walk.moment.positions
    return [
        dial
        for index, dial in enumerate(found)
        if index < SHOWN_FIRST or dial.is_own or dial.key in turned
    ]


def ends(walk: Walk) -> dict[str, list[str]]:
    """Small pictures of where each dial leads, what is held included: by its key, low and high."""
    steering, moment = walk.steering, walk.moment
    keys = [WILDNESS, *(dial.key for dial in shown_dials(walk))]
    places = [steering.turned_by(moment, key, by) for key in keys for by in (-PREVIEWED, PREVIEWED)]
    if walk.desk.held:
        works: Sequence[Artwork] = [held_dials.preview(walk, place) for place in places]
    else:
        works = steering.artworks(places)
    pictures = [artwork.thumbnail(size=END_THUMBNAIL) for artwork in works]
    return {key: pictures[2 * i : 2 * i + 2] for i, key in enumerate(keys)}


def nearby(walk: Walk) -> str:
    """Three by three: here in the middle, its neighbours around it."""
    words, steering, moment = walk.visit.words, walk.steering, walk.moment
    around = steering.neighbours(moment, walk.desk.reach, walk.desk.neighbourhood)
    works = [walk.artwork(), *steering.artworks(around)]
    here = walk.history.current
    small = [artwork.thumbnail(size=NEAR_THUMBNAIL) for artwork in works]
    cells = [
        button(
            words("explore.near.go", number=index + 1),
            "near",
            picture,
            data_index=index,
            data_from=here,
        )
        for index, picture in enumerate(small[1:])
    ]
    cells.insert(4, f'<span class="here" aria-hidden="true">{small[0]}</span>')
    return f'<div class="nearby">{"".join(cells)}</div>'


def reach_dial(walk: Walk) -> str:
    words = walk.visit.words
    least, most = REACHES
    return (
        f'<section class="side-head"><h3>{escape(words("explore.near"))}</h3>'
        + button(words("explore.around"), "around", icon("dice"), kind="quiet", data_key="n")
        + f'</section><label class="reach"><span>{escape(words("explore.reach.low"))}</span><input'
        + attributes(
            type="range",
            min=least,
            max=most,
            step=0.05,
            value=walk.desk.reach,
            data_do="reach",
            aria_label=words("explore.reach"),
        )
        + f"><span>{escape(words('explore.reach.high'))}</span></label>"
    )


def strip(words: Words, history: History) -> str:
    """Every earlier state, one click away."""
    steps = history.steps[-STRIP_LONGEST:]
    cells = [
        button(
            words("explore.history.go", number=step.id, how=words(f"explore.how.{how}")),
            "jump",
            step.thumbnail,
            data_id=step.id,
            aria_current="step" if step.id == history.current else None,
        )
        for step in steps
        for how in [step.moment.how]
    ]
    title = escape(words("explore.history"))
    return (
        f'<nav class="strip" aria-label="{title}"><h3>{title}</h3>'
        f'<div class="strip-row">{"".join(cells)}</div></nav>'
    )


def shelf(words: Words, rows: Sequence[ArtworkRow]) -> str:
    """What is pinned: to open again, or to morph between."""
    pinned = [row for row in rows if row.pinned]
    if not pinned:
        content = f'<p class="hint">{escape(words("explore.shelf.empty"))}</p>'
    else:
        content = (
            '<div class="strip-row">' + "".join(shelf_cell(words, r) for r in pinned) + "</div>"
        )
    return (
        f'<section class="strip shelf"><h3>{escape(words("explore.shelf"))}</h3>{content}</section>'
    )


def shelf_cell(words: Words, row: ArtworkRow) -> str:
    return (
        '<span class="cell">'
        + button(words("explore.shelf.open"), "open", row.thumbnail, data_id=row.id)
        + button(words("explore.unpin"), "unpin", icon("close"), kind="remove", data_id=row.id)
        + "</span>"
    )
