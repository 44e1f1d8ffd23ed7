"""One password for everybody at the door, where the host has set one (STUDIO_PASSWORD).

It says who may come in, not who somebody is: inside, each browser still has a key of its own.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
from html import escape
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.middleware import Middleware

from studio.settings import Settings, is_on_space
from studio.ui.assets import asset
from studio.ui.head import ALWAYS, App, Message, Receive, Send
from studio.words import Words

COOKIE = "latent-studio-door"
DAYS = 30
OPEN = ("/healthz", "/gradio_api/startup-events")
"""What a machine asks: whether the studio is well, and, the framework itself, that it begins."""
MOST_BYTES = 4096
"""Of what is posted at the door."""
MOST_TRIES = 8
"""Wrong passwords that are weighed at a time, each for WAIT seconds: so many a second may be
tried, by everybody together."""
WAIT = 1.0
ROUNDS = 200_000
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'self' https://huggingface.co https://*.hf.space"
)


def door(settings: Settings) -> list[Middleware]:
    """For launch(app_kwargs={"middleware": […]}), before all others; nothing without a password."""
    if settings.password is None:
        return []
    return [Middleware(Door, settings=settings)]


class Door:
    """Lets through who has the cookie, or says the password in the Basic scheme as Prometheus
    does; shows everybody else the door."""

    def __init__(self, app: App, settings: Settings) -> None:
        assert settings.password is not None
        self.app = app
        self.language = settings.language
        self.password = digest(settings.password.get_secret_value())
        # Slow to make, so that whoever comes by a cookie cannot try passwords on it; the same after
        # a restart, another with another password.
        self.token = hashlib.pbkdf2_hmac("sha256", self.password, COOKIE.encode(), ROUNDS).hex()
        self.wrong = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        path = scope.get("path", "").rstrip("/")
        if scope["type"] not in ("http", "websocket") or path in OPEN:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if self.knows(headers):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["method"] == "POST" and not path:
            await self.ask(scope, headers, receive, send)
        else:
            await self.show(headers, send, 401)

    def knows(self, headers: Headers) -> bool:
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            cookies = SimpleCookie()
        shown = cookies[COOKIE].value if COOKIE in cookies else ""
        if hmac.compare_digest(shown.encode(), self.token.encode()):
            return True
        scheme, _, said = headers.get("authorization", "").partition(" ")
        return scheme.lower() == "basic" and self.is_password(basic_password(said))

    def is_password(self, said: str) -> bool:
        # Of digests, so that not even the length shows in the time that it takes.
        return hmac.compare_digest(digest(said.strip()), self.password)

    async def ask(self, scope: Message, headers: Headers, receive: Receive, send: Send) -> None:
        body = b""
        while len(body) <= MOST_BYTES:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        if self.wrong >= MOST_TRIES:
            await self.show(headers, send, 429, "door.busy")
            return
        said = parse_qs(body[:MOST_BYTES].decode("utf-8", "replace")).get("password", [""])[0]
        if not self.is_password(said):
            self.wrong += 1
            try:
                await asyncio.sleep(WAIT)
            finally:
                self.wrong -= 1
            await self.show(headers, send, 401, "door.wrong")
            return
        # To the same address, by its query alone: a link to a room leads into the room.
        home = b"./?" + scope.get("query_string", b"")
        kept = self.cookie(scope, headers).encode()
        await respond(send, 303, b"", [(b"location", home), (b"set-cookie", kept)])

    def cookie(self, scope: Message, headers: Headers) -> str:
        parts = [f"{COOKIE}={self.token}", "Path=/", f"Max-Age={DAYS * 86400}", "HttpOnly"]
        if is_on_space():
            # A Space is shown inside of a page of another site.
            parts += ["Secure", "SameSite=None", "Partitioned"]
        else:
            is_safe = "https" in (scope.get("scheme"), headers.get("x-forwarded-proto"))
            parts += ["SameSite=Lax", *["Secure"] * is_safe]
        return "; ".join(parts)

    async def show(self, headers: Headers, send: Send, status: int, trouble: str = "") -> None:
        words = Words.for_request(headers.get("accept-language"), self.language)
        page = door_page(words, trouble).encode()
        about = [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-security-policy", POLICY.encode()),
        ]
        await respond(send, status, page, about)


def digest(said: str) -> bytes:
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).digest()


def basic_password(said: str) -> str:
    """What follows the name; "" of nonsense."""
    try:
        return base64.b64decode(said, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


def door_page(words: Words, trouble: str) -> str:
    """A page that needs nothing from behind the door."""
    told = f'<p role="alert">{escape(words(trouble))}</p>' if trouble else ""
    return f"""<!doctype html>
<html lang="{words.language}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(words("common.studio"))}</title><style>{asset("door.css")}</style></head>
<body><main><h1>{escape(words("common.studio"))}</h1>
<p>{escape(words("door.lead"))}</p>
<form method="post"><label for="password">{escape(words("door.password"))}</label>
<input id="password" name="password" type="password" autocomplete="current-password" required
autofocus{' aria-invalid="true"' if trouble == "door.wrong" else ""}>
{told}<button>{escape(words("door.enter"))}</button></form></main></body></html>
"""


async def respond(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    always = [
        *ALWAYS,
        (b"cache-control", b"no-store"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *always]})
    await send({"type": "http.response.body", "body": body})
