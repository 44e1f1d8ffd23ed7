"""The password at the door: nothing behind it is seen without, and it is not told by anything."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from studio.settings import Settings
from studio.ui import door as door_module
from studio.ui.door import COOKIE, MOST_TRIES, door

PASSWORD = "open sesame 芝麻"
BEHIND = "what is behind the door"


async def anything(request: Request) -> PlainTextResponse:
    return PlainTextResponse(BEHIND)


async def socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text(BEHIND)
    await websocket.close()


def behind(**settings: object) -> TestClient:
    chosen = Settings(**({"password": SecretStr(PASSWORD)} | settings))
    methods = ["GET", "POST", "PUT", "DELETE"]
    routes = [
        WebSocketRoute("/live", socket),
        Route("/", anything, methods=methods),
        Route("/{path:path}", anything, methods=methods),
    ]
    return TestClient(
        Starlette(routes=routes, middleware=door(chosen)),
        base_url="http://studio.example",
        follow_redirects=False,
    )


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setattr(door_module, "WAIT", 0.01)
    with behind() as client:
        yield client


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize(
    "path", ["/", "/metrics", "/gradio_api/info", "/file=/etc/passwd", "//", "/healthz/x", "/x/.."]
)
def test_nothing_is_seen_without_the_password(client: TestClient, method: str, path: str) -> None:
    answer = client.request(method, path)
    assert answer.status_code == 401
    assert BEHIND not in answer.text


def test_a_live_connection_is_refused_too(client: TestClient) -> None:
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/live") as live:
        live.receive_text()


def test_whoever_watches_the_machine_may_ask_whether_it_is_well(client: TestClient) -> None:
    assert client.get("/healthz").text == BEHIND


def test_the_password_opens_and_the_link_is_kept(client: TestClient) -> None:
    answer = client.post("/?room=abc", data={"password": PASSWORD})
    assert (answer.status_code, answer.headers["location"]) == (303, "./?room=abc")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Secure" not in cookie
    assert PASSWORD not in cookie
    assert client.get("/?room=abc").text == BEHIND
    assert client.post("/anything").text == BEHIND
    shown = {"cookie": f"{COOKIE}={client.cookies[COOKIE]}"}
    with client.websocket_connect("/live", headers=shown) as live:
        assert live.receive_text() == BEHIND


def test_the_way_back_never_leads_elsewhere(client: TestClient) -> None:
    for path in ("//evil.example/", "/\\evil.example", "/?//evil.example"):
        answer = client.post(path, data={"password": PASSWORD})
        assert answer.headers.get("location", "./").startswith("./")


def test_the_cookie_is_good_after_a_restart_and_not_for_another_password(
    client: TestClient,
) -> None:
    client.post("/", data={"password": PASSWORD})
    cookie = client.cookies[COOKIE]
    with behind() as again:
        again.cookies.set(COOKIE, cookie)
        assert again.get("/").text == BEHIND
    with behind(password=SecretStr("another password")) as other:
        other.cookies.set(COOKIE, cookie)
        assert other.get("/").status_code == 401


@pytest.mark.parametrize("cookie", ["", "x", "é", '"; ;=;', "0" * 64])
def test_a_made_up_cookie_opens_nothing(client: TestClient, cookie: str) -> None:
    header = f"{COOKIE}={cookie}".encode()
    assert client.get("/", headers={b"cookie": header}).status_code == 401


@pytest.mark.parametrize("said", ["", "open sesame", PASSWORD + "!", "x" * 100_000, "\udcff"])
def test_a_wrong_password_is_told(client: TestClient, said: str) -> None:
    body = f"password={said}".encode("utf-8", "surrogatepass")
    form = {"content-type": "application/x-www-form-urlencoded"}
    answer = client.post("/", content=body, headers=form)
    assert answer.status_code == 401
    assert "not the password" in answer.text and 'role="alert"' in answer.text
    assert COOKIE not in client.cookies


def test_many_tries_at_once_are_turned_away(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door_module, "WAIT", 1.0)
    with ThreadPoolExecutor(2 * MOST_TRIES) as crowd:
        tries = crowd.map(
            lambda n: client.post("/", data={"password": f"guess {n}"}).status_code,
            range(2 * MOST_TRIES),
        )
        found = list(tries)
    assert found.count(401) == MOST_TRIES and found.count(429) == MOST_TRIES
    assert client.post("/", data={"password": PASSWORD}).status_code == 303


def test_a_machine_says_it_in_the_basic_scheme(client: TestClient) -> None:
    def asked(said: str) -> int:
        packed = base64.b64encode(said.encode()).decode()
        return client.get("/metrics", headers={"authorization": f"Basic {packed}"}).status_code

    assert asked(f"prometheus:{PASSWORD}") == 200
    assert asked(f"{PASSWORD}:") == 401
    assert client.get("/metrics", headers={"authorization": "Basic ???"}).status_code == 401


def test_it_speaks_the_visitors_language_or_the_hosts(client: TestClient) -> None:
    assert "密码" in client.get("/", headers={"accept-language": "zh-CN,zh;q=0.9"}).text
    assert "Password" in client.get("/", headers={"accept-language": "fr"}).text
    with behind(language="zh") as chinese:
        assert "密码" in chinese.get("/", headers={"accept-language": "en"}).text


def test_the_cookie_fits_where_the_studio_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    with behind() as client:
        secure = client.post(
            "/", data={"password": PASSWORD}, headers={"x-forwarded-proto": "https"}
        )
        assert "Secure" in secure.headers["set-cookie"]
        monkeypatch.setenv("SPACE_ID", "ada/studio")
        framed = client.post("/", data={"password": PASSWORD}).headers["set-cookie"]
        assert "SameSite=None" in framed and "Partitioned" in framed and "Secure" in framed


def test_without_a_password_there_is_no_door() -> None:
    assert door(Settings()) == []
    with behind(password=None) as client:
        assert client.get("/").text == BEHIND
