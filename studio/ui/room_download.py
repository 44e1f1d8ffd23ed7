"""The files of a room over HTTP, for those who are in it.

A browser asks with its session's key in the body of a form, as it does in every event: no address
opens a room, and no address that is passed on does.
"""

from __future__ import annotations

from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from studio.errors import NotFound
from studio.medium import media
from studio.store import NotSaved, RoomRow
from studio.studio import Studio
from studio.ui.head import App, Message, Receive, Send
from studio.ui.panel import text
from studio.ui.room_file import KINDS, require_member, stem, zipped
from studio.ui.session import Visit
from studio.ui.surface import attributes
from studio.words import Words

PATH = "/rooms/file"
LONGEST = 4096
"""Bytes of a form that asks for a file."""


def form(visit: Visit, room: RoomRow, kind: str) -> str:
    """A form that the page sends once, to fetch a file, and keeps nowhere.

    Raises:
        NotFound: this person is not in the room, or there is no such file.
    """
    require_member(room)
    if kind not in KINDS:
        raise NotFound("unknown_file")
    fields = {"key": visit.key, "room": room.token, "kind": kind}
    inputs = "".join(
        f'<input type="hidden" name="{name}" value="{text(value)}">'
        for name, value in fields.items()
    )
    data = attributes(hidden=True, data_once=True, method="post", action=f".{PATH}")
    return f"<form{data}>{inputs}</form>"


def room_files(studio: Studio) -> Middleware:
    """For launch(app_kwargs={"middleware": […]})."""
    return Middleware(RoomFiles, studio=studio)


class RoomFiles:
    """Answers one address; passes everything else on untouched."""

    def __init__(self, app: App, studio: Studio) -> None:
        self.app = app
        self.studio = studio

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH:
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        response = await self.response(request)
        await response(scope, receive, send)

    async def response(self, request: Request) -> Response:
        if request.method != "POST":
            return PlainTextResponse("", 405, {"allow": "POST"})
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > LONGEST:
                return PlainTextResponse("", 413)
        said = {name: values[0] for name, values in parse_qs(body.decode("latin-1")).items()}
        return await run_in_threadpool(self.answer, request, said)

    def answer(self, request: Request, said: dict[str, str]) -> Response:
        """The file, or in one sentence why there is none: as for an event, whoever asks is who
        knows the key."""
        key, accepted = said.get("key", ""), request.headers.get("accept-language")
        words = Words.for_request(accepted, self.studio.settings.language)
        try:
            visit = Visit(self.studio, key, next(iter(media())), words.language)
            room = self.studio.store.rooms.room(key, said.get("room", ""))
            require_member(room)
            make = KINDS.get(said.get("kind", ""))
            if make is None:
                raise NotFound("unknown_file")
        except (NotFound, NotSaved) as error:
            status = 404 if isinstance(error, NotFound) else 503
            return PlainTextResponse(words.error(error), status)
        ending = "" if make is KINDS["files"] else "-page"
        name = f"{stem(room)}{ending}.zip"
        headers = {
            "content-disposition": f'attachment; filename="{name}"',
            "cache-control": "no-store",
        }
        return StreamingResponse(zipped(make(visit, room)), 200, headers, "application/zip")
