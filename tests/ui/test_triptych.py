"""The triptych in the Gallery: made one by one, thrown again, locked, kept, opened, saved."""

from __future__ import annotations

import base64
import re

import pytest

from studio.latent import noise_from_seeds
from studio.medium import Recipe
from studio.store import ArtworkRow
from studio.studio import Studio
from studio.taste import explain
from studio.triptych.page import recipes_in
from studio.ui import gallery, triptych
from studio.ui.session import Page, Visit
from studio.ui.triptych import NoTriptych
from studio.ui.triptych_state import close, is_offered, state
from studio.ui.walk import OPEN


@pytest.fixture
def visit(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> Visit:
    monkeypatch.setattr(explain, "SAMPLES", 8)
    monkeypatch.setattr("studio.ui.session.Visit.say", lambda *_, **__: None)
    return Visit(studio, studio.store.open_session(None).key, "painting", "en")


@pytest.fixture
def work(visit: Visit) -> ArtworkRow:
    generator = visit.generator
    (made,) = generator.decode(generator.map(noise_from_seeds([7])))
    assert made.recipe is not None
    recipe = made.recipe.with_(seed=7)
    id = visit.studio.store.keep_artwork(visit.key, recipe, made.thumbnail(), kept=True)
    found = visit.studio.store.artwork(id)
    assert found is not None
    return found


def recipes(visit: Visit) -> dict[str, dict | None]:
    return {name: each["recipe"] for name, each in state(visit)["hung"].items()}


def test_a_triptych_from_work_to_file(visit: Visit, work: ArtworkRow) -> None:
    page = Page(visit.studio, None, None)  # type: ignore[arg-type]  # no event is wired here
    acts = {**gallery.ACTS, **triptych.acts(page)}
    gallery.open_work(visit, {"id": work.id})
    assert "Make a triptych" in gallery.draw(visit)
    acts["triptych"](visit, {"id": work.id})

    # The wall shows what is there, and says what is still looked for.
    first = gallery.draw(visit)
    assert "Looking for a poem" in first and "data-poll" in first
    with pytest.raises(NoTriptych):
        acts["triptych_keep"](visit, {})
    acts["look"](visit, {"do": "look"})
    acts["look"](visit, {"do": "look"})
    whole = gallery.draw(visit)
    assert "data-poll" not in whole and "Looking for" not in whole
    made = recipes(visit)
    assert list(made) == ["painting", "poem", "melody"]
    assert made["poem"] and made["poem"]["parents"] == [work.id]
    acts["look"](visit, {"do": "look"})
    assert recipes(visit) == made

    # A locked one stays, whatever else is thrown.
    acts["triptych_lock"](visit, {"name": "poem"})
    acts["triptych_again"](visit, {"name": "melody"})
    assert recipes(visit)["melody"] is None and recipes(visit)["poem"] == made["poem"]
    acts["look"](visit, {"do": "look"})
    thrown = recipes(visit)
    assert thrown["melody"] != made["melody"] and thrown["painting"] == made["painting"]
    acts["triptych_again"](visit, {"name": "painting"})
    assert recipes(visit)["painting"] != made["painting"]
    assert recipes(visit)["melody"] is None and recipes(visit)["poem"] == made["poem"]
    acts["look"](visit, {"do": "look"})
    for name in ("painting", "melody"):
        acts["triptych_lock"](visit, {"name": name})
    with pytest.raises(NoTriptych):
        acts["triptych_all"](visit, {})
    with pytest.raises(NoTriptych):
        acts["triptych_lock"](visit, {"name": "sculpture"})

    acts["triptych_keep"](visit, {})
    store = visit.studio.store
    for name, recipe in recipes(visit).items():
        kept = [row.recipe.latent for row in store.artworks(visit.key, name, kept=True)]
        assert recipe and Recipe.from_dict(recipe).latent in kept
    onward = acts["triptych_explore"](visit, {"name": "poem"})
    assert onward and 'data-onward="poem"' in onward
    assert store.load_state(visit.key, f"{OPEN}.poem")["recipe"]["medium"] == "poem"  # type: ignore[index]

    saved = acts["triptych_save"](visit, {"format": "html"})
    packed = re.search('data-file="([^"]+)"', saved or "")
    assert packed
    html = base64.b64decode(packed[1]).decode()
    assert [each["medium"] for each in recipes_in(html)] == list(made)
    assert "is nearest to" in html

    acts["close"](visit, {})
    assert 'data-do="triptych"' in gallery.draw(visit)


def test_what_has_no_mood_has_no_triptych(visit: Visit) -> None:
    assert is_offered(visit)
    assert not is_offered(Visit(visit.studio, visit.key, "stripes", "en"))
    close(visit)
    assert state(visit) == {}
