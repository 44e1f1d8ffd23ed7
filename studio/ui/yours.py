"""What is this person's, all of it: to take along, to bring back, and to delete. At the end of the
gallery."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import gradio as gr

from studio import backup, removal
from studio.errors import BadUpload
from studio.medium import media
from studio.ui.assets import asset
from studio.ui.panel import save_once, text
from studio.ui.session import UPLOADED_AT_MOST, Page, Said, Visit, passing, require_size
from studio.ui.surface import attributes, button, parcel

UPLOAD = "yours-upload"


def section(visit: Visit) -> str:
    words, days = visit.words, visit.studio.settings.keep_days
    lead = [words("yours.lead")]
    if visit.studio.keeping.is_lasting:
        lead.append(words("yours.lead.lasts"))
    if days:
        lead.append(words("yours.lead.days", days=days))
    return f"""<section class="yours"><h2>{text(words("yours.title"))}</h2>
      <p class="lead">{text(" ".join(lead))}</p>
      <p class="hint">{text(words("yours.backup.lead"))}</p>
      <p class="row">{button(words("yours.backup"), "backup")}
        <button{attributes(type="button", data_go=UPLOAD)}>{text(words("yours.back"))}</button></p>
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


def saved(visit: Visit) -> tuple[str, bytes]:
    """The backup's name and content."""
    content = backup.pack(visit.studio, visit.key)
    limit = UPLOADED_AT_MOST * visit.studio.settings.max_upload_mb
    if len(content) > limit * 2**20:
        visit.warn(BadUpload("backup_cannot_return", limit=limit))
    visit.say("yours.backup.saved")
    return f"latent-studio-backup-{datetime.now(UTC):%Y-%m-%d}.zip", content


def save(visit: Visit, said: Said) -> str:
    return save_once(*saved(visit))


def bring_back(visit: Visit, path: str) -> None:
    """Raises: BadUpload: it is no backup, or too large."""
    with passing(path):
        require_size(visit, Path(path), UPLOADED_AT_MOST)
        found = backup.bring_back(visit.studio, visit.key, Path(path))
    visit.say("yours.back.done", works=found.works, ratings=found.ratings, versions=found.versions)
    if found.missing:
        visit.say("yours.back.missing", count=found.missing)


def parcels(page: Page, header: gr.HTML) -> None:
    """The header's button saves a backup whichever tab shows."""
    file = gr.HTML(html_template="", js_on_load=asset("parcel.js"), elem_classes="unseen")

    def pack(visit: Visit, said: Said) -> dict[str, str]:
        return parcel(*saved(visit))

    header.backup(page.saying(pack), page.inputs, file, **page.quiet)


ACTS = {"backup": save, "delete_everything": delete_everything}
