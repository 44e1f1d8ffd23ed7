"""The store: nothing is lost, and nobody sees what is another's."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from studio.errors import NotFound
from studio.medium import Recipe
from studio.settings import Settings
from studio.store import BadRating, Store

ROOT = Path(__file__).resolve().parent.parent
NUMBERS = st.floats(width=32, allow_nan=False, allow_infinity=False)


def recipe(*latent: float, medium: str = "painting", version: str = "v1") -> Recipe:
    """The store does not care what a recipe decodes to."""
    return Recipe(medium, version, latent or (1.0, -0.5))


def reopened(store: Store, settings: Settings) -> Store:
    """The store as a restarted process finds it."""
    store.close()
    return Store(settings.resolved_database_url)


# Sessions


def test_a_session_is_found_again_by_its_key(store: Store, settings: Settings) -> None:
    session = store.open_session(None)
    again = reopened(store, settings).open_session(session.key)
    assert again.key == session.key
    assert again.created == session.created


def test_an_unknown_key_gets_a_new_unguessable_one(store: Store) -> None:
    keys = {store.open_session(None).key, store.open_session("guessed").key}
    assert len(keys) == 2
    assert "guessed" not in keys
    assert all(len(key) >= 32 for key in keys)


@pytest.mark.sqlite
def test_the_database_does_not_hold_the_keys(store: Store, settings: Settings) -> None:
    key = store.open_session(None).key
    store.close()
    assert all(
        key.encode() not in path.read_bytes() for path in settings.home.iterdir() if path.is_file()
    )


def test_state_is_kept_by_name(store: Store, settings: Settings, key: str) -> None:
    assert store.load_state(key, "explore.painting") is None
    store.save_state(key, "explore.painting", {"sliders": [0.5, -1]})
    store.save_state(key, "explore.painting", {"sliders": [1.5], "名字": "晨光"})
    store.save_state(key, "morph.painting", {})
    store = reopened(store, settings)
    assert store.load_state(key, "explore.painting") == {"sliders": [1.5], "名字": "晨光"}
    assert store.load_state(key, "morph.painting") == {}


def test_several_states_are_saved_together_or_not_at_all(store: Store, key: str) -> None:
    store.save_state(key, "explore.painting", {"step": 1})
    store.save_states(key, {"explore.painting": {"step": 2}, "explore.history.painting": {}})
    assert store.load_state(key, "explore.painting") == {"step": 2}
    assert store.load_state(key, "explore.history.painting") == {}
    with pytest.raises(Exception, match="JSON serializable"):
        store.save_states(key, {"explore.painting": {"step": 3}, "morph.painting": {"bad": {1}}})
    assert store.load_state(key, "explore.painting") == {"step": 2}
    assert store.load_state(key, "morph.painting") is None


# Artworks


@hypothesis_settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    latent=st.lists(NUMBERS, min_size=1, max_size=16),
    options=st.dictionaries(st.text(max_size=8), st.integers() | st.text() | st.booleans()),
    seed=st.none() | st.integers(0, 2**32 - 1),
)
def test_a_recipe_comes_back_exactly(
    store: Store, latent: list[float], options: dict[str, int | str], seed: int | None
) -> None:
    key = store.open_session(None).key
    made = Recipe("painting", "v1", tuple(latent), seed, options, ("a", "b"), "breed")
    row = store.artwork(store.keep_artwork(key, made, "<img>"))
    assert row is not None
    assert row.recipe == made
    assert row.thumbnail == "<img>"


def test_keeping_the_same_work_twice_keeps_it_once(store: Store, key: str) -> None:
    first = store.keep_artwork(key, recipe(1.0), "<a>", pinned=True)
    again = store.keep_artwork(key, recipe(1.0).with_(how="morph", seed=3), "<b>", kept=True)
    assert store.keep_artwork(key, recipe(1.0), "<c>") == again == first
    (row,) = store.artworks(key)
    assert (row.kept, row.pinned) == (True, True)
    others = [
        store.keep_artwork(key, recipe(1.5), ""),
        store.keep_artwork(key, recipe(1.0, version="v2"), ""),
        store.keep_artwork(key, recipe(1.0, medium="melody"), ""),
        store.keep_artwork(key, recipe(1.0).with_(options={"hue": 1}), ""),
    ]
    assert len({first, *others}) == 5


def test_two_clicks_at_once_keep_one_work(store: Store, key: str) -> None:
    with ThreadPoolExecutor(8) as clicks:
        ids = set(clicks.map(lambda _: store.keep_artwork(key, recipe(), ""), range(16)))
    assert len(ids) == 1


def test_artworks_are_filtered_and_ordered(store: Store, key: str) -> None:
    a = store.keep_artwork(key, recipe(1.0), "", kept=True)
    b = store.keep_artwork(key, recipe(2.0), "", pinned=True)
    c = store.keep_artwork(key, recipe(3.0, medium="melody"), "")
    d = store.keep_artwork(key, recipe(4.0), "")
    store.rate(key, a, stars=4)
    store.prefer(key, a, d)

    def ids(**filters: bool | int | str) -> list[str]:
        return [row.id for row in store.artworks(key, **filters)]

    assert ids() == [d, c, b, a]
    assert ids(newest_first=False) == [a, b, c, d]
    assert ids(limit=2, offset=1) == [c, b]
    assert ids(medium="painting") == [d, b, a]
    assert ids(kept=True) == [a]
    assert ids(pinned=True) == [b]
    assert ids(rated=True) == [d, a]
    assert ids(rated=False, medium="painting") == [b]
    store.set_kept(key, a, False)
    store.set_pinned(key, b, False)
    assert ids(kept=True) == ids(pinned=True) == []
    assert len(ids(kept=False)) == 4


# Ratings


def test_ratings_that_count_come_oldest_first(store: Store, key: str) -> None:
    a, b, c = (store.keep_artwork(key, recipe(float(n)), "") for n in range(3))
    store.rate(key, a, stars=2)
    store.rate(key, b, stars=5, aspects={"beauty": 4})
    store.prefer(key, b, c)
    store.prefer(key, c, a, tie=True)
    store.prefer(key, c, b)
    store.rate(key, c, thumb=False)
    store.rate(key, a, stars=3)
    told = [
        (r.kind, r.artwork_id, r.other_id, r.stars, r.tie) for r in store.ratings(key, "painting")
    ]
    assert told == [
        ("stars", b, None, 5, False),
        ("pair", c, a, None, True),
        ("pair", c, b, None, False),
        ("thumb", c, None, None, False),
        ("stars", a, None, 3, False),
    ]
    stars, _, pair, thumb, _ = store.ratings(key, "painting")
    assert stars.aspects == {"beauty": 4}
    assert thumb.thumb is False
    assert pair.recipe.latent == (2.0,)
    assert pair.other_recipe is not None
    assert pair.other_recipe.latent == (1.0,)
    assert store.rating_counts(key, "painting") == {
        "stars": 2,
        "thumbs": 1,
        "pairs": 2,
        "total": 5,
    }
    assert store.rating_counts(key, "melody")["total"] == 0


def test_undo_takes_back_one_rating_at_a_time(store: Store, settings: Settings, key: str) -> None:
    a, b = (store.keep_artwork(key, recipe(float(n)), "") for n in range(2))
    melody = store.keep_artwork(key, recipe(1.0, medium="melody"), "")
    store.rate(key, a, stars=2)
    store.rate(key, a, stars=5)
    store.prefer(key, a, b)
    store.rate(key, melody, stars=1)
    assert store.artworks(key, "painting", rated=True)[-1].stars == 5

    undone = store.undo_rating(key, "painting")
    assert undone is not None
    assert (undone.kind, undone.other_id) == ("pair", b)
    undone = store.undo_rating(key, "painting")
    assert undone is not None
    assert undone.stars == 5
    store = reopened(store, settings)
    assert [r.stars for r in store.ratings(key, "painting")] == [2]
    assert [row.stars for row in store.artworks(key, "painting", rated=True)] == [2]
    assert store.undo_rating(key, "painting") is not None
    assert store.undo_rating(key, "painting") is None
    assert store.rating_counts(key, "melody")["stars"] == 1


def test_a_rating_that_says_nothing_is_refused(store: Store, key: str) -> None:
    a = store.keep_artwork(key, recipe(1.0), "")
    melody = store.keep_artwork(key, recipe(1.0, medium="melody"), "")
    with pytest.raises(BadRating):
        store.rate(key, a)
    with pytest.raises(BadRating, match="1 to 5"):
        store.rate(key, a, stars=0)
    with pytest.raises(BadRating):
        store.rate(key, a, stars=6)
    with pytest.raises(BadRating):
        store.rate(key, a, stars=3, aspects={"beauty": 9})
    with pytest.raises(BadRating):
        store.prefer(key, a, a)
    with pytest.raises(BadRating):
        store.prefer(key, a, melody)
    with pytest.raises(NotFound):
        store.rate(key, "0" * 32, stars=3)
    assert store.rating_counts(key, "painting")["total"] == 0


WRITER = """
import sys
from studio.medium import Recipe
from studio.store import Store
store = Store(sys.argv[1])
key = store.open_session(None).key
print(key, flush=True)
for number in range(100000):
    artwork = store.keep_artwork(key, Recipe("painting", "v1", (float(number),)), "")
    store.rate(key, artwork, stars=1 + number % 5)
    print(number, flush=True)
"""


def test_a_rating_that_was_confirmed_survives_a_kill(settings: Settings) -> None:
    url = settings.resolved_database_url
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, url], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert writer.stdout is not None
    key = writer.stdout.readline().strip()
    confirmed = [int(writer.stdout.readline()) for _ in range(20)]
    writer.send_signal(signal.SIGKILL)
    confirmed += [int(line) for line in writer.stdout.read().split()]
    assert writer.wait() == -signal.SIGKILL

    store = Store(url)
    stars = {int(row.recipe.latent[0]): row.stars for row in store.ratings(key, "painting")}
    assert {number: stars.get(number) for number in confirmed} == {
        number: 1 + number % 5 for number in confirmed
    }
    store.rate(key, store.artworks(key)[0].id, stars=3)
    store.close()


# Versions


def test_versions_roll_back_step_by_step(store: Store, settings: Settings, key: str) -> None:
    assert store.current_version(key, "painting") is None
    for version in ("base", "mine-1", "mine-1", "mine-2"):
        store.use_version(key, "painting", version)
    store.use_version(key, "melody", "tune")
    store = reopened(store, settings)
    assert store.current_version(key, "painting") == "mine-2"
    assert store.version_history(key, "painting") == ["base", "mine-1", "mine-2"]
    assert store.roll_back(key, "painting") == "mine-1"
    assert store.roll_back(key, "painting") == "base"
    assert store.roll_back(key, "painting") is None
    assert store.roll_back(key, "painting") is None
    assert store.current_version(key, "melody") == "tune"


def test_what_became_of_a_version_is_noted(store: Store, key: str) -> None:
    store.note_version(key, "painting", "mine-1", "base", {"reward": 0.4}, "candidate")
    store.note_version(key, "painting", "mine-2", "base", {}, "discarded")
    store.note_version(key, "painting", "mine-1", "base", {"reward": 0.5}, "accepted")
    told = [
        (r.version, r.parent, r.measured, r.status) for r in store.noted_versions(key, "painting")
    ]
    assert told == [
        ("mine-1", "base", {"reward": 0.5}, "accepted"),
        ("mine-2", "base", {}, "discarded"),
    ]
    with pytest.raises(ValueError, match="status"):
        store.note_version(key, "painting", "mine-3", None, {}, "great")


# Between people


def test_nobody_sees_or_changes_what_is_anothers(store: Store) -> None:
    mine, other = store.open_session(None).key, store.open_session(None).key
    a = store.keep_artwork(mine, recipe(1.0), "<mine>", kept=True)
    b = store.keep_artwork(mine, recipe(2.0), "<mine>", pinned=True)
    store.rate(mine, a, stars=5)
    store.save_state(mine, "explore.painting", {"seed": 7})
    store.use_version(mine, "painting", "mine-1")
    store.note_version(mine, "painting", "mine-1", None, {}, "accepted")
    job, _ = store.jobs.add(mine, "finetune", "painting")

    assert store.artworks(other) == []
    assert store.ratings(other, "painting") == []
    assert store.undo_rating(other, "painting") is None
    assert store.load_state(other, "explore.painting") is None
    assert store.current_version(other, "painting") is None
    assert store.roll_back(other, "painting") is None
    assert store.noted_versions(other, "painting") == []
    assert store.jobs.latest(other, "finetune", "painting") is None
    for act in (
        lambda: store.set_kept(other, a, False),
        lambda: store.set_pinned(other, b, False),
        lambda: store.rate(other, a, stars=1),
        lambda: store.prefer(other, a, b),
        lambda: store.jobs.get(other, job),
    ):
        with pytest.raises(NotFound):
            act()

    # The same work kept by another is another's own.
    theirs = store.keep_artwork(other, recipe(1.0), "<theirs>")
    assert theirs != a
    assert [(row.id, row.kept, row.stars) for row in store.artworks(other)] == [
        (theirs, False, None)
    ]
    assert [(row.id, row.kept, row.pinned, row.stars) for row in store.artworks(mine)] == [
        (b, False, True, None),
        (a, True, False, 5),
    ]
    assert store.current_version(mine, "painting") == "mine-1"


def test_a_wrong_key_finds_nothing(store: Store) -> None:
    for act in (
        lambda: store.artworks("wrong"),
        lambda: store.load_state("wrong", "x"),
        lambda: store.save_state("wrong", "x", {}),
        lambda: store.keep_artwork("wrong", recipe(), ""),
        lambda: store.ratings("wrong", "painting"),
        lambda: store.use_version("wrong", "painting", "v"),
        lambda: store.jobs.add("wrong", "finetune", "painting"),
    ):
        with pytest.raises(NotFound):
            act()


def test_many_threads_write_and_read_at_once(store: Store) -> None:
    def person(number: int) -> list[float]:
        key = store.open_session(None).key
        for step in range(10):
            artwork = store.keep_artwork(key, recipe(float(number), float(step)), "")
            store.rate(key, artwork, stars=1 + step % 5)
            store.save_state(key, "explore.painting", {"step": step})
        assert store.load_state(key, "explore.painting") == {"step": 9}
        return [row.recipe.latent[0] for row in store.ratings(key, "painting")]

    with ThreadPoolExecutor(12) as people:
        assert list(people.map(person, range(12))) == [[float(n)] * 10 for n in range(12)]
