"""A Hub of one repository on this machine: what huggingface_hub asks for over HTTP, answered from
memory.

The library itself is the real one, and so is all of ours; only the other end of the wire is here.
It refuses what the Hub refuses: a wrong token, a missing repository, a file whose hash is not what
was announced.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN = "hf_of_nobody"


class Hub:
    """The state of the Hub: one repository, its commits, and the large files that were sent."""

    def __init__(self) -> None:
        self.name: str | None = None
        self.private = True
        self.commits: list[dict[str, bytes]] = []
        self.large: dict[str, bytes] = {}
        self.is_away = False
        self.unknown: list[str] = []
        self.url = ""

    @property
    def files(self) -> dict[str, bytes]:
        return self.commits[-1] if self.commits else {}

    @property
    def sha(self) -> str:
        content = repr((len(self.commits), sorted(self.files.items()))).encode()
        return hashlib.sha1(content).hexdigest()

    def create(self, name: str, private: bool) -> None:
        self.name, self.private, self.commits = name, private, [{".gitattributes": b"*.db lfs\n"}]

    def info(self) -> dict[str, Any]:
        files = [{"rfilename": name} for name in sorted(self.files)]
        return {
            "_id": "0",
            "id": self.name,
            "sha": self.sha,
            "private": self.private,
            "tags": [],
            "downloads": 0,
            "likes": 0,
            "siblings": files,
        }

    def entries(self) -> list[dict[str, Any]]:
        return [
            {"type": "file", "path": name, "size": len(content), "oid": git_oid(content)}
            | ({"lfs": lfs(content)} if is_large(name) else {})
            for name, content in sorted(self.files.items())
        ]

    def modes(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {
            "files": [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if is_large(file["path"]) else "regular",
                    "shouldIgnore": False,
                    "oid": self.oid(file["path"]),
                }
                for file in asked["files"]
            ]
        }

    def oid(self, name: str) -> str | None:
        content = self.files.get(name)
        if content is None:
            return None
        return hashlib.sha256(content).hexdigest() if is_large(name) else git_oid(content)

    def commit(self, lines: list[dict[str, Any]]) -> dict[str, Any]:
        files = dict(self.files)
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.large[value["oid"]]
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        self.commits.append(files)
        return {
            "commitUrl": f"{self.url}/datasets/{self.name}/commit/{self.sha}",
            "commitOid": self.sha,
        }


def is_large(name: str) -> bool:
    """What the Hub does not keep in git itself."""
    return name.endswith((".db", ".safetensors"))


def git_oid(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def lfs(content: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    return {"oid": digest, "size": len(content), "pointerSize": 130}


class Answers(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        return

    def do_GET(self) -> None:
        self.route("GET")

    def do_HEAD(self) -> None:
        self.route("HEAD")

    def do_POST(self) -> None:
        self.route("POST")

    def do_PUT(self) -> None:
        self.route("PUT")

    def route(self, method: str) -> None:
        hub, path = self.hub, unquote(urlsplit(self.path).path)
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if hub.is_away:
            # Not 503, which the library tries again for half a minute.
            return self.answer(403, {"error": "away"})
        if method == "PUT" and (found := re.fullmatch(r"/large/(\w{64})", path)):
            if hashlib.sha256(body).hexdigest() != found[1]:
                return self.answer(400, {"error": "not that file"})
            hub.large[found[1]] = body
            return self.answer(200, {})
        if self.headers.get("authorization") != f"Bearer {TOKEN}":
            return self.answer(401, {"error": "who are you?"}, code="RepoNotFound")
        if path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked.get('organization') or 'ada'}/{asked['name']}"
            hub.create(name, asked.get("visibility") == "private")
            return self.answer(200, {"url": f"{hub.url}/datasets/{name}", "id": "0", "name": name})
        if path == "/api/whoami-v2":
            return self.answer(200, {"name": "ada", "type": "user"})
        if hub.name is None or hub.name not in path:
            return self.answer(404, {"error": "no such repository"}, code="RepoNotFound")
        rest = path.replace(f"/datasets/{hub.name}", "", 1)
        if re.fullmatch(r"/api(/revision/\w+)?", rest):
            return self.answer(200, hub.info())
        if rest.startswith("/api/tree/"):
            return self.answer(200, hub.entries())
        if rest == "/api/preupload/main":
            return self.answer(200, hub.modes(json.loads(body)))
        if rest == ".git/info/lfs/objects/batch":
            objects = [
                {**one, "actions": {"upload": {"href": f"{hub.url}/large/{one['oid']}"}}}
                for one in json.loads(body)["objects"]
            ]
            return self.answer(200, {"transfer": "basic", "objects": objects})
        if rest == "/api/commit/main":
            return self.answer(200, hub.commit([json.loads(line) for line in body.splitlines()]))
        if rest == "/api/super-squash/main":
            hub.commits = [hub.files]
            return self.answer(200, {})
        if found := re.fullmatch(r"/resolve/\w+/(.+)", rest):
            return self.file(method, found[1])
        hub.unknown.append(f"{method} {path}")
        return self.answer(404, {"error": "not in this Hub"})

    def file(self, method: str, name: str) -> None:
        content = self.hub.files.get(name)
        if content is None:
            return self.answer(404, {"error": "no such file"}, code="EntryNotFound")
        oid = str(self.hub.oid(name))
        headers = {"X-Repo-Commit": self.hub.sha, "ETag": f'"{oid}"'}
        self.send(200, content, headers, "application/octet-stream", is_head=method == "HEAD")

    def answer(self, status: int, said: Any, code: str = "") -> None:
        headers = {"X-Error-Code": code} if code else {}
        self.send(status, json.dumps(said).encode(), headers, "application/json")

    def send(
        self, status: int, body: bytes, headers: dict[str, str], kind: str, *, is_head: bool = False
    ) -> None:
        self.send_response(status)
        shown = {"content-type": kind, "content-length": str(len(body)), **headers}
        for name, value in shown.items():
            self.send_header(name, value)
        self.end_headers()
        if not is_head:
            self.wfile.write(body)


@contextmanager
def serving() -> Iterator[Hub]:
    hub = Hub()
    handler = type("AnswersOfOneHub", (Answers,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield hub
    server.shutdown()
    server.server_close()
    thread.join()
