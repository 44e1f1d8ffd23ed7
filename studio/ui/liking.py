"""What a person's taste is said to be: which way it leans, and why it should like an artwork."""

from __future__ import annotations

from collections.abc import Sequence

from studio.errors import NotEnoughRatings
from studio.medium import Artwork, Generator
from studio.store import RatingRow
from studio.taste import Curator, Ratings, RewardModel
from studio.taste.explain import Leaning, Reason, Samples, expectation, leanings
from studio.ui.panel import text
from studio.ui.readout import way
from studio.ui.session import Visit

CERTAIN, LIKELY, POSSIBLE = 0.95, 0.85, 0.7
LEAST_EFFECT = 0.15
"""In standard deviations of the expected liking: less is not worth a word."""
MOST_LEANINGS, MOST_REASONS = 6, 3


def leaning_chart(visit: Visit, reward: RewardModel, samples: Samples) -> str:
    """Bars for what the taste leans to, each with how certain that is."""
    words = visit.words
    found = [
        leaning
        for leaning in leanings(reward, samples)
        if abs(leaning.effect) >= LEAST_EFFECT
        and leaning.certainty >= POSSIBLE
        and way(visit.words, leaning.name, leaning.effect)
    ][:MOST_LEANINGS]
    title = f"<h3>{text(words('teach.leanings'))}</h3>{goes_by(visit, reward)}"
    if not found:
        return f"""<section class="leanings">{title}
          <p class="hint">{text(words("teach.leanings.none"))}</p></section>"""
    most = abs(found[0].effect)
    rows = "".join(bar(visit, leaning, abs(leaning.effect) / most) for leaning in found)
    return f"""<section class="leanings">{title}<ul>{rows}</ul>
      <p class="hint">{text(words("teach.leanings.hint"))}</p></section>"""


def goes_by(visit: Visit, reward: RewardModel) -> str:
    """Which kind of features the taste goes by; "" while that is not likely of any."""
    kind, chance = max(reward.goes_by().items(), key=lambda each: each[1], default=("", 0.0))
    words = visit.words
    if chance < POSSIBLE or f"kind.{kind}" not in words:
        return ""
    said = words("teach.goes_by", one=words("medium.one"), what=words(f"kind.{kind}"))
    return f"<p>{text(said)}</p>"


def bar(visit: Visit, leaning: Leaning, share: float) -> str:
    sure = leaning.certainty
    level = "certain" if sure >= CERTAIN else "likely" if sure >= LIKELY else "possible"
    return f"""<li><strong>{text(way(visit.words, leaning.name, leaning.effect))}</strong>
      <span class="leaning" data-sure="{level}" style="--share: {share:.2f}"></span>
      <span class="hint">{text(visit.words(f"teach.leanings.{level}"))}</span></li>"""


def expected(
    visit: Visit, generator: Generator, artwork: Artwork, samples: Samples, curator: Curator
) -> str:
    """Why the person should like an artwork or not, as HTML; "" while their taste is not known."""
    rows = visit.rated()
    ratings = Ratings.from_rows(rows)
    try:
        reward = curator.reward(generator, ratings)
    except NotEnoughRatings:
        return ""
    if not reward.is_trusted:
        return ""
    found = expectation(
        reward, samples, generator.features([artwork]), generator.attributes([artwork])
    )
    words = visit.words
    said = [words("explore.liking", share=min(max(round(100 * found.share), 1), 99))]
    for side, sign in (("for", 1), ("against", -1)):
        reasons = named(visit, found.reasons, sign)
        if reasons:
            said.append(words(f"explore.liking.{side}", what=words("common.comma").join(reasons)))
    pictures = "".join(thumbnail(visit, ratings, index, rows) for index in found.alike)
    title = f'<p class="readout">{text(words("explore.liking.alike"))}</p>'
    alike = f'{title}<ul class="alike">{pictures}</ul>' if pictures else ""
    return f'<p class="readout liking">{text(" ".join(said))}</p>{alike}'


def named(visit: Visit, reasons: Sequence[Reason], sign: int) -> list[str]:
    found = [
        way(visit.words, reason.name, reason.standing)
        for reason in reasons
        if sign * reason.weight >= LEAST_EFFECT
    ]
    return [word for word in found if word][:MOST_REASONS]


def thumbnail(visit: Visit, ratings: Ratings, index: int, rows: Sequence[RatingRow]) -> str:
    """A rated artwork, small, and what was said of it; "" for one of a pair."""
    latent = ratings.latents[index].tolist()
    for row in reversed(rows):
        if row.stars is None or list(row.recipe.latent) != latent:
            continue
        work = visit.studio.store.artwork(row.artwork_id)
        if work is not None:
            said = text(visit.words("rate.recent.stars", stars=row.stars))
            return f"<li>{work.thumbnail}<span>{said}</span></li>"
    return ""
