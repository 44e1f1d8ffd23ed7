"""What the page must know before the framework wakes: language, theme, and where it may load from.

Gradio adds its own head only after it has chosen a language, so the first lines of script are put
into the served page itself. The same place forbids the browser to load anything from elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.middleware import Middleware

from studio.ui.assets import asset

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

# Gradio compiles templates and component scripts in the browser, hence unsafe-eval; what counts is
# that nothing comes from, and nothing goes to, another host.
POLICY = (
    "default-src 'self' data: blob:; "
    "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; "
    # A Space is shown inside of a page of these two; anybody else's frame could lead clicks astray.
    "frame-ancestors 'self' https://huggingface.co https://*.hf.space"
)
# Of every answer: a file that somebody brought is never taken for something else than it says.
ALWAYS = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"))


def page_head(language: str | None) -> Middleware:
    """For launch(app_kwargs={"middleware": […]}); `language` is the host's choice, if any."""
    choice = f"window.studioLanguage = {json.dumps(language or '')};"
    parts = "\n".join(asset(f"{name}.js") for name in ("head", "answers", "studio", "tour"))
    script = f"<script>{choice}\n{parts}</script>"
    return Middleware(PageHead, script=script)


class PageHead:
    """Adds the script and the policy to the page itself, and to everything what ALWAYS says."""

    def __init__(self, app: App, script: str) -> None:
        self.app = app
        self.script = script.encode()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                names = {name for name, _ in ALWAYS}
                kept = [pair for pair in message["headers"] if pair[0].lower() not in names]
                message = {**message, "headers": [*kept, *ALWAYS]}
            await send(message)

        if scope["path"].strip("/"):
            await self.app(scope, receive, headed)
            return
        start: Message = {}
        body = b""

        async def rewrite(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
                return
            body += message.get("body", b"")
            if message.get("more_body"):
                return
            page = body.replace(b"<head>", b"<head>" + self.script, 1)
            skipped = (b"content-length", b"content-security-policy")
            headers = [pair for pair in start["headers"] if pair[0].lower() not in skipped]
            headers += [
                (b"content-length", str(len(page)).encode()),
                (b"content-security-policy", POLICY.encode()),
            ]
            await headed({**start, "headers": headers})
            await send({"type": "http.response.body", "body": page})

        await self.app(scope, receive, rewrite)
