"""The Breed tab: parents, a litter of nine, and generations that one can walk back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import gradio as gr

from studio import heredity
from studio.latent import MAX_SEED, breed, level, strayed
from studio.medium import Artwork, Recipe, latents_of
from studio.store import ArtworkRow
from studio.ui.assets import asset
from studio.ui.breed_state import LITTER, MOST_PARENTS, Breeding
from studio.ui.panel import door, go_once, panel, text
from studio.ui.session import Page, Said, Visit
from studio.ui.steering import direction_word
from studio.ui.surface import attributes, button, icon
from studio.ui.walk import number, open_next

if TYPE_CHECKING:
    from torch import Tensor

STATE = "breed"
SHELF = 24
"""Works that are offered as parents."""
MOST_MUTATION = 1.0


def build(page: Page) -> gr.Tab:
    with gr.Tab(page.i18n("breed.title"), id="breed", elem_id="tab-breed") as tab:
        panel(page, tab, draw, ACTS, style=asset("breed.css"))
    return tab


def load(visit: Visit) -> Breeding:
    saved = visit.load(STATE)
    state = Breeding.from_dict(saved) if saved else Breeding()
    return state.among([id for id in state.parents if visit.studio.store.artwork(id)])


def save(visit: Visit, state: Breeding) -> None:
    visit.save(STATE, state.to_dict())


def litter(visit: Visit, state: Breeding, parents: Sequence[ArtworkRow]) -> Sequence[Artwork]:
    """The children of parents; the same state always has the same ones."""
    if state.seed is None or not parents:
        return []
    generator = visit.generator
    latents = latents_of([parent.recipe for parent in parents])
    children, options = conceived(visit, state, parents, latents)
    held = [d.vector for d in generator.directions if d.key in state.held]
    children = level(children, latents[0], held)
    if all(own == options[0] for own in options):
        made = list(generator.decode(children, options[0]))
    else:
        pairs = zip(children.split(1), options, strict=True)
        made = [generator.decode(row, own)[0] for row, own in pairs]
    for row, own, child in zip(children, options, made, strict=True):
        child.recipe = Recipe(
            visit.medium,
            generator.version,
            tuple(row.tolist()),
            options=own,
            parents=tuple(parent.id for parent in parents),
            how="breed",
        )
    return made


def conceived(
    visit: Visit, state: Breeding, parents: Sequence[ArtworkRow], latents: Tensor
) -> tuple[Tensor, Sequence[Mapping[str, Any]]]:
    """Latents [LITTER, D] and options of the children of parents with latents [P, D]: trait by
    trait where a person wants one from somewhere, else axis by axis."""
    generator, where, seed = visit.generator, visit.generator.statistics, state.seed or 0
    own = [parent.recipe.options for parent in parents]
    names = traits(visit, parents)
    if not any(name in state.traits for name in names):
        mean, far = where.mean, state.mutation
        children = breed(latents, where.axes, where.scales, mean, LITTER, far, seed)
        return children, [own[0]] * LITTER
    shares = heredity.shares_of(names, state.traits, len(parents), LITTER, seed)
    medium = visit.medium_object
    children, options = heredity.inherited(medium, generator, latents, own, shares)
    return strayed(children, where.axes, where.scales, state.mutation, seed), options


def traits(visit: Visit, parents: Sequence[ArtworkRow]) -> Sequence[str]:
    """What children can have from one parent and not from another."""
    return heredity.traits_of(visit.medium_object, visit.generator) if len(parents) > 1 else ()


def parents_of(visit: Visit, state: Breeding) -> list[ArtworkRow]:
    """Those that the version in use can breed: made by its base, as it decodes latents alike."""
    store, length = visit.studio.store, visit.generator.latent_dim
    found = [store.artwork(id) for id in state.parents]
    return [
        row
        for row in found
        if row and row.medium == visit.medium and len(row.recipe.latent) == length
    ]


def draw(visit: Visit) -> str:
    state = load(visit)
    parents = parents_of(visit, state)
    shelf = visit.studio.store.artworks(visit.key, visit.medium, pinned=True, limit=SHELF)
    shelf += [
        row
        for row in visit.studio.store.artworks(visit.key, visit.medium, kept=True, limit=SHELF)
        if row.id not in {one.id for one in shelf}
    ]
    words = visit.words
    if not parents and not shelf:
        return f"""<div class="empty"><h2>{text(words("breed.empty.title"))}</h2>
          <p>{text(words("breed.empty"))}</p>
          <p class="row">{door(words("breed.to_explore"), "explore", kind="primary")}</p></div>"""
    return f"""<div class="breed"><p class="lead">{text(words("breed.lead"))}</p>
      {family(visit, state)}{couple(visit, state, parents)}{offered(visit, state, shelf)}
      {settings(visit, state, parents)}{nursery(visit, state, parents)}</div>"""


def couple(visit: Visit, state: Breeding, parents: Sequence[ArtworkRow]) -> str:
    words = visit.words
    if not parents:
        return f'<p class="hint">{text(words("breed.choose"))}</p>'
    cells = "".join(
        f"<li>{row.thumbnail}<b>{place}</b>"
        + button(words("breed.remove", number=place), "remove", icon("close"), data_id=row.id)
        + "</li>"
        for place, row in enumerate(parents, start=1)
    )
    title = words("breed.parents", generation=state.generation)
    return f'<section><h2>{text(title)}</h2><ol class="breed-parents">{cells}</ol></section>'


def offered(visit: Visit, state: Breeding, shelf: Sequence[ArtworkRow]) -> str:
    words = visit.words
    is_full = len(state.parents) >= MOST_PARENTS
    cells = "".join(
        button(words("breed.add"), "add", row.thumbnail, data_id=row.id, disabled=is_full)
        for row in shelf
        if row.id not in state.parents
    )
    if not cells:
        return ""
    return f"""<section class="strip"><h3>{text(words("breed.shelf"))}</h3>
      <div class="strip-row">{cells}</div></section>"""


def settings(visit: Visit, state: Breeding, parents: Sequence[ArtworkRow]) -> str:
    """How far children stray, and what all of them have from the first parent."""
    if not parents:
        return ""
    words = visit.words
    dial = attributes(
        type="range",
        min=0,
        max=MOST_MUTATION,
        step=0.05,
        value=state.mutation,
        data_do="mutation",
        aria_label=words("breed.mutation"),
        aria_valuetext=words("breed.mutation.value", percent=round(100 * state.mutation)),
    )
    named = [direction for direction in visit.generator.directions if direction.attribute]
    chips = "".join(
        button(
            direction_word(words, direction.key),
            "hold",
            kind="chip",
            data_name=direction.key,
            aria_pressed=str(direction.key in state.held).lower(),
        )
        for direction in named
    )
    label = text(words("breed.hold"))
    return f"""<div class="breed-settings">
      <label class="line"><span>{text(words("breed.mutation"))}</span><input{dial}>
        <b>{round(100 * state.mutation)}%</b></label>
      {heirlooms(visit, state, parents)}
      <div class="chips" role="group" aria-label="{label}"><span class="hint">{label}</span>
        {chips}</div></div>"""


def heirlooms(visit: Visit, state: Breeding, parents: Sequence[ArtworkRow]) -> str:
    """For each trait, which parent it comes from: a slider along them, or chance."""
    names = traits(visit, parents)
    if not names:
        return ""
    words, last = visit.words, len(parents) - 1
    rows = ""
    for name in names:
        place, called = state.traits.get(name), trait_word(visit, name)
        at = last / 2 if place is None else min(place, last)
        said = whose(visit, place, last)
        dial = attributes(
            type="range",
            min=0,
            max=last,
            step=0.05,
            value=at,
            data_do="trait",
            data_name=name,
            aria_label=called,
            aria_valuetext=said,
        )
        chance = button(
            words("breed.trait.chance"),
            "leave",
            kind="chip",
            data_name=name,
            aria_pressed=str(place is None).lower(),
            aria_label=words("breed.trait.leave", trait=called),
        )
        row = attributes(class_="breed-trait by-chance" if place is None else "breed-trait")
        rows += f"""<div{row}><label class="line"><span>{text(called)}</span>
          <span class="breed-ends"><i aria-hidden="true">1</i><input{dial}>
          <i aria-hidden="true">{last + 1}</i></span><b>{text(said)}</b></label>{chance}</div>"""
    title = text(words("breed.traits"))
    return f"""<div class="breed-traits" role="group" aria-label="{title}">
      <span class="hint">{title}</span>{rows}</div>"""


def trait_word(visit: Visit, name: str) -> str:
    """What people call a trait."""
    parts = [heredity.part(place) for place in range(visit.medium_object.parts)]
    if name not in parts:
        return visit.words(f"trait.{name}")
    part = "line" if visit.medium_object.in_words else "part"
    return visit.words(f"breed.trait.{part}", number=parts.index(name) + 1)


def whose(visit: Visit, place: float | None, last: int) -> str:
    """Which parent a trait comes from, in words."""
    words = visit.words
    if place is None:
        return words("breed.trait.any")
    first = min(int(place), last)
    share = round(100 * (min(place, last) - first))
    if not share:
        return words("breed.trait.from", number=first + 1)
    pair = {"first": first + 1, "second": first + 2}
    return words("breed.trait.between", **pair, share=100 - share, other=share)


def nursery(visit: Visit, state: Breeding, parents: Sequence[ArtworkRow]) -> str:
    """The nine, and what can be done with those that are chosen."""
    words = visit.words
    if not parents:
        return ""
    if state.seed is None:
        return f'<p class="row">{button(words("breed.first"), "again", kind="primary")}</p>'
    tiles = "".join(
        child(visit, place, work, is_chosen=place in state.chosen)
        for place, work in enumerate(litter(visit, state, parents))
    )
    onward = button(
        words("breed.next", count=len(state.chosen)),
        "next",
        kind="primary",
        data_key="Enter",
        disabled=not state.chosen,
    )
    again = button(words("breed.again"), "again", data_key="r")
    return f"""<section><h2>{text(words("breed.litter", generation=state.generation))}</h2>
      <p class="hint">{text(words("breed.litter.lead"))}</p>
      <ul class="breed-litter">{tiles}</ul>
      <p class="row">{onward}{again}</p></section>"""


def child(visit: Visit, place: int, work: Artwork, *, is_chosen: bool) -> str:
    words, count = visit.words, place + 1
    face = button(
        words("breed.choose_child", number=count),
        "choose",
        work.thumbnail(size=192),
        kind="breed-face",
        data_place=place,
        data_key=count,
        aria_pressed=str(is_chosen).lower(),
    )
    tools = "".join(
        button(words(f"breed.{do}", number=count), do, icon(sign), kind="quiet", data_place=place)
        for do, sign in (("open", "right"), ("pin", "pin"), ("keep", "heart"))
    )
    return f'<li>{face}<span class="breed-tools">{tools}</span></li>'


def family(visit: Visit, state: Breeding) -> str:
    """Who the parents of each generation were, the oldest first."""
    if not state.before:
        return ""
    words = visit.words
    rows = ""
    for count, (ids, _) in enumerate(state.before, start=1):
        found = [visit.studio.store.artwork(id) for id in ids]
        faces = "".join(row.thumbnail for row in found if row)
        rows += "<li>" + button(
            words("breed.back", generation=count),
            "back",
            f"<span>{count}</span>{faces}",
            data_generation=count,
        )
        rows += "</li>"
    return f"""<section><h3>{text(words("breed.family"))}</h3>
      <ol class="breed-family">{rows}</ol></section>"""


def chosen_child(visit: Visit, place: int) -> Artwork | None:
    state = load(visit)
    works = litter(visit, state, parents_of(visit, state))
    return works[place] if 0 <= place < len(works) else None


def remember(visit: Visit, work: Artwork, *, kept: bool = False, pinned: bool = False) -> str:
    assert work.recipe is not None
    store = visit.studio.store
    return store.keep_artwork(visit.key, work.recipe, work.thumbnail(), kept=kept, pinned=pinned)


def add(visit: Visit, said: Said) -> None:
    id = str(said["id"])
    if visit.studio.store.artwork(id):
        save(visit, load(visit).with_parent(id))


def remove(visit: Visit, said: Said) -> None:
    save(visit, load(visit).without_parent(str(said["id"])))


def mutation(visit: Visit, said: Said) -> None:
    wanted = min(max(float(said["value"]), 0.0), MOST_MUTATION)
    save(visit, replace(load(visit), mutation=wanted, chosen=()))


def trait(visit: Visit, said: Said) -> None:
    name, place = str(said["name"]), number(said["value"])
    if name in heredity.traits_of(visit.medium_object, visit.generator):
        wanted = min(max(place, 0.0), MOST_PARENTS - 1.0)
        save(visit, load(visit).taking(name, wanted))


def leave(visit: Visit, said: Said) -> None:
    save(visit, load(visit).taking(str(said["name"]), None))


def hold(visit: Visit, said: Said) -> None:
    name = str(said["name"])
    if name in {direction.key for direction in visit.generator.directions}:
        save(visit, replace(load(visit).holding(name), chosen=()))


def again(visit: Visit, said: Said) -> None:
    save(visit, load(visit).thrown(visit.throw(MAX_SEED)))


def choose(visit: Visit, said: Said) -> None:
    save(visit, load(visit).toggled(int(said["place"])))


def onward(visit: Visit, said: Said) -> None:
    """The chosen become artworks of their own, so that the way back to them is never lost."""
    state = load(visit)
    works = litter(visit, state, parents_of(visit, state))
    chosen = [works[place] for place in state.chosen if place < len(works)]
    if chosen:
        ids = [remember(visit, work) for work in chosen]
        save(visit, state.next_generation(ids, visit.throw(MAX_SEED)))


def back(visit: Visit, said: Said) -> None:
    save(visit, load(visit).back_to(int(said["generation"])))


def keep(visit: Visit, said: Said) -> None:
    if work := chosen_child(visit, int(said["place"])):
        remember(visit, work, kept=True)
        visit.say("breed.kept")


def pin(visit: Visit, said: Said) -> None:
    if work := chosen_child(visit, int(said["place"])):
        remember(visit, work, pinned=True)
        visit.say("breed.pinned")


def go_on(visit: Visit, said: Said) -> str | None:
    """Explore opens what lies ready when it comes up."""
    work = chosen_child(visit, int(said["place"]))
    if work is None or work.recipe is None:
        return None
    open_next(visit, remember(visit, work), work.recipe)
    return go_once("explore")


ACTS = {
    **{"add": add, "remove": remove, "mutation": mutation, "hold": hold, "again": again},
    **{"trait": trait, "leave": leave},
    **{"choose": choose, "next": onward, "back": back, "keep": keep, "pin": pin, "open": go_on},
}
