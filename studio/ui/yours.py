"""What is this person's, all of it: at the end of the gallery, with the way to delete it."""

from __future__ import annotations

from studio import removal
from studio.medium import media
from studio.ui.panel import text
from studio.ui.session import Said, Visit
from studio.ui.surface import attributes, button


def section(visit: Visit) -> str:
    words, days = visit.words, visit.studio.settings.keep_days
    leave = f" {words('yours.lead.days', days=days)}" if days else ""
    return f"""<section class="yours"><h2>{text(words("yours.title"))}</h2>
      <p class="lead">{text(words("yours.lead") + leave)}</p>
      {deletion(visit)}</section>"""


def deletion(visit: Visit) -> str:
    """Asked twice: what is deleted stays deleted."""
    words, store = visit.words, visit.studio.store
    count = store.belongings.count(visit.key)
    going = removal.doomed(visit.studio, store.belongings.number(visit.key))
    goes = {"works": count.works, "ratings": count.ratings, "versions": len(going)}
    lines = [words(f"yours.goes.{name}", count=n) for name, n in goes.items() if n]
    stays = {"shared": count.shared, "versions": len(accepted(visit) - going)}
    left = [words(f"yours.stays.{name}", count=n) for name, n in stays.items() if n]
    too = ""
    if count.shared:
        too = f"""<label><input type="checkbox" name="shared">
          <span>{text(words("yours.delete.shared"))}</span></label>"""
    return f"""<details class="yours-delete"><summary>{text(words("yours.delete"))}</summary>
      <form{attributes(data_do="delete_everything")}>
      <h3>{text(words("yours.goes"))}</h3>
      {listed([*lines, words("yours.goes.places")])}
      <h3>{text(words("yours.stays"))}</h3>
      {listed([*left, words("yours.stays.files"), words("yours.stays.copies")])}{too}
      <p class="row"><button class="danger">{text(words("yours.delete.yes"))}</button>
      {button(words("yours.delete.no"), "look", kind="quiet")}</p></form></details>"""


def listed(lines: list[str]) -> str:
    return f"<ul>{''.join(f'<li>{text(line)}</li>' for line in lines)}</ul>"


def accepted(visit: Visit) -> set[tuple[str, str]]:
    return {
        (medium, row.version)
        for medium in media()
        for row in visit.studio.store.noted_versions(visit.key, medium)
        if row.status == "accepted"
    }


def farewell(visit: Visit) -> str:
    """For a page whose person deleted everything: it belongs to nobody now."""
    words = visit.words
    return f"""<div class="empty" role="status" tabindex="-1" data-farewell>
      <h2>{text(words("yours.farewell.title"))}</h2><p>{text(words("yours.farewell"))}</p>
      <p class="row"><a class="yours-anew" href="./">{text(words("yours.farewell.again"))}</a></p>
    </div>"""


def delete_everything(visit: Visit, said: Said) -> None:
    removal.delete_everything(visit.studio, visit.key, with_shared="shared" in said)


ACTS = {"delete_everything": delete_everything}
