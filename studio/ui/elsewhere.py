"""What a person likes in other media, as far as it says what to ask about first in this one."""

from __future__ import annotations

from collections.abc import Mapping

from studio.errors import NotEnoughRatings
from studio.medium import get_medium, media, shared_of
from studio.taste import Curator, Ratings
from studio.taste.across import LAST, Hint, Profile, profile, together
from studio.taste.explain import Usual
from studio.ui.readout import way
from studio.ui.session import Visit
from studio.ui.surface import medium_title

PROFILE = "profile"
CHOICE = "elsewhere"


def note(visit: Visit, ratings: Ratings, curator: Curator, usual: Usual) -> None:
    """Keep how these ratings lean in what media share: asked in another medium, this one's model
    need not be there."""
    shared = shared_of(visit.medium_object)
    noted = visit.load(PROFILE) or {"ratings": 0}
    if not shared or noted["ratings"] == len(ratings):
        return
    try:
        reward = curator.reward(visit.generator, ratings)
    except NotEnoughRatings:
        found: Profile = {}
    else:
        found = profile(reward, usual.of(visit.generator), shared)
    visit.save(PROFILE, {"ratings": len(ratings), "leanings": dict(found)})


def profiles(visit: Visit) -> Mapping[str, Profile]:
    """What was noted in other media, by their names."""
    store, found = visit.studio.store, {}
    for name in media():
        noted = store.load_state(visit.key, f"{PROFILE}.{name}") if name != visit.medium else None
        if noted and noted.get("leanings"):
            found[name] = noted["leanings"]
    return found


def is_wanted(visit: Visit) -> bool:
    return (visit.studio.store.load_state(visit.key, CHOICE) or {}).get("wanted", True)


def want(visit: Visit, wanted: bool) -> None:
    """For all media alike."""
    visit.studio.store.save_state(visit.key, CHOICE, {"wanted": wanted})


def hint(visit: Visit, ratings: Ratings, usual: Usual) -> Hint | None:
    """What to ask about first; None where nothing is known, or nobody wants it."""
    if len(ratings) >= LAST or not is_wanted(visit):
        return None
    shared = shared_of(visit.medium_object)
    wanted = together(profiles(visit), shared)
    if not wanted:
        return None
    generator = visit.generator
    return Hint.of(wanted, usual.of(generator), shared, generator.feature_statistics)


def told(visit: Visit, count: int) -> dict[str, str] | None:
    """Why the first works are what they are, and what a button beside it does; None if they are
    chosen by nothing.

    Args:
        count: ratings in this medium.
    """
    if count >= LAST:
        return None
    shared, heard = shared_of(visit.medium_object), profiles(visit)
    wanted = together(heard, shared)
    strongest = sorted(wanted, key=lambda quality: -abs(wanted[quality]))
    ways = [
        way(visit.words, shared[quality][0], shared[quality][1] * wanted[quality])
        for quality in strongest
    ]
    if not any(ways):
        return None
    words = visit.words
    if not is_wanted(visit):
        return {"text": "", "choice": words("rate.elsewhere.with")}
    sources = [
        medium_title(get_medium(name), visit.language)
        for name, leanings in heard.items()
        if set(leanings) & set(wanted)
    ]
    comma = words("common.comma")
    said = {"what": comma.join(filter(None, ways)), "where": comma.join(sources)}
    return {"text": words("rate.elsewhere", **said), "choice": words("rate.elsewhere.without")}
