"""What a machine asks the studio: whether it is well (`/healthz`) and how busy (`/metrics`)."""

from __future__ import annotations

import json

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware

from studio.studio import Studio
from studio.ui.head import App, Message, Receive, Send


def operations(studio: Studio) -> Middleware:
    """For launch(app_kwargs={"middleware": […]})."""
    return Middleware(Operations, studio=studio)


class Operations:
    """Answers the two addresses; passes everything else on untouched."""

    def __init__(self, app: App, studio: Studio) -> None:
        self.app = app
        self.studio = studio

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        path = scope.get("path", "").rstrip("/")
        if scope["type"] != "http" or path not in ("/healthz", "/metrics"):
            await self.app(scope, receive, send)
            return
        if path == "/metrics":
            body = await run_in_threadpool(self.studio.registry.traffic.text)
            await answer(send, 200, CONTENT_TYPE_LATEST, body)
            return
        # The database may be slow, and people's events must not wait for this one.
        ailments = await run_in_threadpool(self.studio.ailments)
        said = {"status": "ill" if ailments else "well", "ailments": ailments}
        body = json.dumps(said).encode()
        await answer(send, 503 if ailments else 200, "application/json", body)


async def answer(send: Send, status: int, kind: str, body: bytes) -> None:
    headers = [
        (b"content-type", kind.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
