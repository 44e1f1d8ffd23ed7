"""One work of the gallery, large: its recipe in words, and what can be done with it."""

from __future__ import annotations

from studio.errors import NotFound, StudioError
from studio.medium import with_sources
from studio.store import MOST_STARS, ArtworkRow
from studio.ui import room, triptych_state, versions
from studio.ui.panel import facts, go_once, save_once, text
from studio.ui.session import Said, Visit
from studio.ui.surface import artwork_of, button, icon, step
from studio.ui.walk import open_next


def draw_work(visit: Visit, work: ArtworkRow, before: str | None, after: str | None) -> str:
    words = visit.words
    alt = words("gallery.alt", one=words("medium.one"), date=f"{work.created:%Y-%m-%d}")
    try:
        picture = artwork_of(visit, work.recipe).show(alt)
        gone = ""
    except StudioError:
        # A version can be deleted from the disk; what was made with it is still remembered.
        picture = work.thumbnail
        gone = f'<p class="note">{text(words("gallery.gone"))}</p>'
    return f"""<article class="gallery-work" tabindex="-1" data-work="{work.id}"
      aria-label="{text(alt)}">
      <div class="row gallery-top">
        {button(words("gallery.close"), "close", icon("close"), kind="quiet")}
        <span class="grow"></span>
        {step(visit, "open", "left", "before", before)}
        {step(visit, "open", "right", "after", after)}
      </div>
      <figure class="stage gallery-large">{picture}</figure>
      <div class="gallery-facts">
        {gone}{"" if gone else actions(visit, work)}
        {stars(visit, work)}
        <h3>{text(words("gallery.recipe"))}</h3>
        {recipe(visit, work)}
      </div>
    </article>"""


def actions(visit: Visit, work: ArtworkRow) -> str:
    words = visit.words
    keep = words("gallery.unkeep" if work.kept else "gallery.keep")
    pin = words("gallery.unpin" if work.pinned else "gallery.pin")
    downloads = "".join(
        button(
            words("gallery.download", format=format.upper()),
            "download",
            icon("save") + text(format.upper()),
            kind="quiet",
            data_id=work.id,
            data_format=format,
        )
        for format in visit.medium_object.formats
    )
    onward = button(words("gallery.continue"), "continue", kind="primary", data_id=work.id)
    share = ""
    three = ""
    if triptych_state.is_offered(visit):
        make = words("triptych.make")
        three = button(
            make,
            "triptych",
            icon("triptych") + text(make),
            data_id=work.id,
            data_key="t",
            aria_description=words("triptych.make.hint"),
        )
    if room.is_open(visit):
        share = button(words("together.share.room"), "share", data_id=work.id)
    return f"""<div class="row">{onward}{three}{share}</div>
      <div class="row">{toggle(work.kept, "keep", "heart", keep, work)}
        {toggle(work.pinned, "pin", "pin", pin, work)}<span class="grow"></span>{downloads}</div>"""


def toggle(is_on: bool, do: str, sign: str, label: str, work: ArtworkRow) -> str:
    pressed = str(is_on).lower()
    content = icon(sign) + text(label)
    return button(label, do, content, kind="toggle", data_id=work.id, aria_pressed=pressed)


def stars(visit: Visit, work: ArtworkRow) -> str:
    """The person's own stars, to change as well as to read."""
    label = visit.words("gallery.recipe.rating")
    row = "".join(
        button(
            visit.words("gallery.stars", stars=count),
            "rate",
            "★" if count <= (work.stars or 0) else "☆",
            data_id=work.id,
            data_stars=count,
            data_key=count,
            aria_pressed=str(count == work.stars).lower(),
        )
        for count in range(1, MOST_STARS + 1)
    )
    return f"""<div class="row"><span>{text(label)}</span>
      <span class="gallery-stars" role="group" aria-label="{text(label)}">{row}</span></div>"""


def recipe(visit: Visit, work: ArtworkRow) -> str:
    """How the work was made, in words."""
    words = visit.words
    how = work.recipe.how if f"gallery.how.{work.recipe.how}" in words else "other"
    rows = {
        words("gallery.recipe.made"): moment(work),
        words("gallery.recipe.version"): text(versions.title(visit, work.version)),
    }
    if work.recipe.seed is not None:
        rows[words("gallery.recipe.seed")] = str(work.recipe.seed)
    if family := parents(visit, work):
        rows[words("gallery.recipe.parents")] = family
    made = text(words(f"gallery.how.{how}", seed=work.recipe.seed))
    return f"<p>{made}</p>{facts(rows)}"


def moment(work: ArtworkRow) -> str:
    """When, for the script to say in the person's own time zone."""
    return f'<time datetime="{work.created.isoformat()}">{work.created:%Y-%m-%d %H:%M}</time>'


def parents(visit: Visit, work: ArtworkRow) -> str:
    found = [visit.studio.store.artwork(parent) for parent in work.recipe.parents]
    return "".join(
        button(
            visit.words("gallery.recipe.parent", number=number),
            "open",
            parent.thumbnail,
            kind="gallery-parent",
            data_id=parent.id,
        )
        for number, parent in enumerate(found, start=1)
        if parent is not None
    )


def find(visit: Visit, said: Said) -> ArtworkRow:
    """The work an act speaks of. Raises: NotFound: there is none."""
    work = visit.studio.store.artwork(str(said.get("id")), visit.key)
    if work is None:
        raise NotFound("unknown_artwork")
    return work


def keep(visit: Visit, said: Said) -> None:
    work = find(visit, said)
    visit.studio.store.set_kept(visit.key, work.id, not work.kept)


def pin(visit: Visit, said: Said) -> None:
    work = find(visit, said)
    visit.studio.store.set_pinned(visit.key, work.id, not work.pinned)


def rate(visit: Visit, said: Said) -> None:
    visit.studio.store.rate(visit.key, find(visit, said).id, stars=int(said["stars"]))


def download(visit: Visit, said: Said) -> str:
    """A file that the script hands to the browser."""
    work = find(visit, said)
    recipe = work.recipe
    generator = visit.studio.registry.use(recipe.medium, recipe.version)
    format = str(said["format"])
    content = with_sources(generator, artwork_of(visit, recipe)).export(format)
    name = f"latent-studio-{work.medium}-{work.id[:8]}.{format}"
    visit.say("gallery.downloaded")
    return save_once(name, visit.studio.credentials.sign(content, format))


def go_on(visit: Visit, said: Said) -> str:
    """Explore opens what lies ready when it comes up."""
    work = find(visit, said)
    open_next(visit, work.id, work.recipe)
    return go_once("explore")


def make_triptych(visit: Visit, said: Said) -> None:
    work = find(visit, said)
    triptych_state.hang(visit, work.recipe, work.id)


def share(visit: Visit, said: Said) -> None:
    room.share(visit, str(said["id"]))


WORK_ACTS = {
    "keep": keep,
    "pin": pin,
    "rate": rate,
    "download": download,
    "continue": go_on,
    "share": share,
    "triptych": make_triptych,
}
