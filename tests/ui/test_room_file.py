"""What comes along from a room, as files and as a page, and to whom it is handed."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from studio.medium import Medium, Recipe
from studio.store import RoomKey
from studio.studio import Studio
from studio.ui import duet, room, room_download, room_file, together
from studio.ui.room_download import PATH, room_files
from studio.ui.session import Visit
from studio.ui.walk import Walk

HOSTILE = '"><script>alert(1)</script>'


def somebody(studio: Studio, medium: str = "stripes") -> Visit:
    return Visit(studio, studio.store.open_session(None).key, medium, "en")


@pytest.fixture
def ada(studio: Studio) -> Visit:
    visit = somebody(studio)
    together.create(visit, {"title": f"Evening {HOSTILE}", "name": "Ada", "colour": "teal"})
    return visit


@pytest.fixture
def bo(studio: Studio, ada: Visit) -> Visit:
    visit = somebody(studio)
    said = {"room": room.mine(ada).token, "name": f"Bo {HOSTILE}", "colour": "blue"}
    together.join(visit, said)
    return visit


@pytest.fixture
def client(studio: Studio) -> TestClient:
    return TestClient(Starlette(middleware=[room_files(studio)]))


def unpacked(visit: Visit, kind: str) -> dict[str, bytes]:
    content = b"".join(room_file.zipped(room_file.KINDS[kind](visit, room.mine(visit))))
    return read(content)


def read(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def page_of(visit: Visit) -> tuple[str, list[str]]:
    """The page, and the files beside it."""
    found = unpacked(visit, "page")
    [name] = [name for name in found if name.endswith("/index.html")]
    folder = name.removesuffix("index.html")
    assert all(each.startswith(folder) for each in found)
    return found[name].decode(), [each.removeprefix(folder) for each in found if each != name]


def shared(visit: Visit) -> Recipe:
    together.share_explore(visit, {})
    work = visit.studio.store.rooms.works(visit.key, room.mine(visit).token)[0]
    return work.recipe


def test_the_file_holds_every_work_and_who_made_it(ada: Visit, bo: Visit) -> None:
    gone = shared(ada).with_(version="gone")
    room.share(bo, bo.studio.store.keep_artwork(bo.key, gone, "<img>"))
    assert room_file.missing(bo, room.mine(bo)) == 1
    found = unpacked(bo, "files")
    about = json.loads(found["room.json"])
    assert [work["by"].split()[0] for work in about["works"]] == ["Ada", "Bo"]
    [name] = about["works"][0]["files"]
    file = bo.medium_object.formats[0]
    assert name == f"works/001-stripes.{file}" and found[name]
    assert about["works"][1]["files"] == []
    assert Recipe.from_dict(about["works"][0]["recipe"]).latent == gone.latent


class Tags(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for seen, attributes in self.seen if seen == tag]


def test_a_page_of_any_medium_shows_its_works(studio: Studio, medium: Medium) -> None:
    visit = somebody(studio, medium.name)
    together.create(visit, {"title": "Evening", "name": "Ada", "colour": "teal"})
    together.share_explore(visit, {})
    page, files = page_of(visit)
    tags = Tags(page)
    if medium.in_words:
        [lines] = re.findall(r"<blockquote[^>]*>(.*?)</blockquote>", page, re.DOTALL)
        artwork = Walk(visit).artwork()
        assert lines.count("<br>") == len(artwork.lines) - 1
        assert f'<blockquote lang="{medium.language}"' in page
    if "mid" in medium.formats:
        [link] = [a["href"] for a in tags.all("a") if str(a.get("href")).endswith(".mid")]
        [sound] = [audio["src"] for audio in tags.all("audio")]
        assert {link, sound} == set(files)
    elif not medium.in_words:
        assert [image["src"] for image in tags.all("img")] == files
    assert "Evening" in page and "by Ada" in page


def test_nothing_on_the_page_is_script_or_comes_from_elsewhere(ada: Visit, bo: Visit) -> None:
    duet.begin(ada, {})
    [waiting] = duet.all_of(bo, room.mine(bo))
    duet.put(bo, {"duet": str(waiting.id)})
    duet.keep(bo, {})
    page, files = page_of(ada)
    tags = Tags(page)
    assert tags.all("script") == [] and "&lt;script&gt;" in page
    assert not [name for _, each in tags.seen for name in each if name.startswith("on")]
    [policy] = [m["content"] for m in tags.all("meta") if m.get("http-equiv")]
    assert "script-src 'none'" in str(policy)
    named = [each.get(name) for _, each in tags.seen for name in ("src", "href")]
    assert {str(name) for name in named if name and not name.startswith("#")} <= set(files)
    # Under both its parents, and both are named.
    assert page.count("<path") == 2
    assert (
        f"a duet of works by Ada and Bo {HOSTILE}".replace('"', "&quot;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        in page
    )


def test_whoever_is_in_the_room_is_handed_its_files(
    ada: Visit, bo: Visit, client: TestClient
) -> None:
    shared(ada)
    for kind, name in (("files", "room.json"), ("page", "index.html")):
        said = {"key": bo.key, "room": room.mine(bo).token, "kind": kind}
        answer = client.post(PATH, data=said)
        assert answer.status_code == 200
        assert re.search(
            r'attachment; filename="[\w-]+\.zip"', answer.headers["content-disposition"]
        )
        assert any(each.endswith(name) for each in read(answer.content))


def test_nobody_else_is(ada: Visit, bo: Visit, client: TestClient) -> None:
    shared(ada)
    token, left = room.mine(ada).token, bo.key
    together.leave(bo, {})
    stranger = ada.studio.store.open_session(None).key
    own = str(ada.studio.store.room_tastes.key(ada.key, token))
    asked: list[dict[str, str]] = [
        {"key": key, "room": token, "kind": "files"} for key in (stranger, left, "", own, "x")
    ]
    asked += [
        {"key": ada.key, "room": "x" * 32, "kind": "files"},
        {"key": ada.key, "room": token, "kind": "../room"},
        {},
    ]
    for said in asked:
        answer = client.post(PATH, data=said)
        assert answer.status_code == 404, said
        assert "content-disposition" not in answer.headers
        assert answer.headers["content-type"].startswith("text/plain")
    # An address alone opens nothing.
    ways: list[Callable] = [client.get, client.put]
    query = {"key": ada.key, "room": token, "kind": "files"}
    for way in ways:
        assert way(PATH, params=query).status_code == 405
    assert client.post(PATH, content=b"x" * 10_000).status_code == 413
    assert client.post("/rooms/other").status_code == 404


def test_the_form_is_for_members_and_says_whose_it_is(ada: Visit, bo: Visit) -> None:
    here = room.mine(ada)
    form = together.export(ada, {"room": here.token, "kind": "page"})
    assert f'value="{ada.key}"' in form and "data-once" in form
    # The room's own key is never said to a browser.
    assert not isinstance(ada.key, RoomKey)
    together.leave(bo, {})
    with pytest.raises(room_download.NotFound):
        together.export(bo, {"room": here.token, "kind": "page"})
