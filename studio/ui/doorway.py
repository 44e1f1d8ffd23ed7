"""Where every question of a page comes in; assets/answers.js is its other half.

What the door does not let in is answered at once with a sentence and when to ask again, and the
page does so by itself: neither the framework's queue nor a thread hears of it.
"""

from __future__ import annotations

import json
from typing import Any

from starlette.datastructures import Headers
from starlette.middleware import Middleware

from studio.door import Wait
from studio.studio import Studio
from studio.ui.head import App, Message, Receive, Send
from studio.ui.operations import answer
from studio.words import Words

WAYS_IN = ("/queue/join", "/call/", "/run/", "/api/")


def doorway(studio: Studio) -> Middleware:
    """For launch(app_kwargs={"middleware": […]})."""
    return Middleware(Doorway, studio=studio)


class Doorway:
    """Asks the door about each question; `Page.inside` tells it when the question is answered."""

    def __init__(self, app: App, studio: Studio) -> None:
        self.app = app
        self.studio = studio

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        is_question = scope["type"] == "http" and scope["method"] == "POST"
        if not is_question or not any(way in scope["path"] for way in WAYS_IN):
            await self.app(scope, receive, send)
            return
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        person, is_read = person_in(body), False

        async def again() -> Message:
            nonlocal is_read
            if is_read:
                return await receive()
            is_read = True
            return {"type": "http.request", "body": body, "more_body": False}

        if person is None:
            await self.app(scope, again, send)
            return
        wait = self.studio.door.knock(person)
        if wait is not None:
            await refuse(send, wait, self.words(scope))
            return

        async def watched(message: Message) -> None:
            # The framework does not know such a question, and no event will end it.
            if message["type"] == "http.response.start" and message["status"] != 200:
                self.studio.door.leave(person)
            await send(message)

        try:
            await self.app(scope, again, watched)
        except Exception:
            self.studio.door.leave(person)
            raise

    def words(self, scope: Message) -> Words:
        """The host's language, else what the page speaks (see answers.js)."""
        accepted = Headers(scope=scope).get("accept-language")
        return Words.for_request(accepted, self.studio.settings.language)


def person_in(body: bytes) -> str | None:
    """The session key, the first input of every event of ours; None: somebody without one."""
    try:
        said: Any = json.loads(body)
        first = said["data"][0]
    except (ValueError, LookupError, TypeError):
        return None
    return first if isinstance(first, str) and first else None


async def refuse(send: Send, wait: Wait, words: Words) -> None:
    said = {
        "sentence": words(f"common.wait.{wait.why}", place=wait.place),
        "place": wait.place,
        "seconds": round(wait.seconds, 2),
    }
    await answer(send, 429, "application/json", json.dumps(said).encode())
