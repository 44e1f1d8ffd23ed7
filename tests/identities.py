"""Somebody who vouches for people on this machine: as much of OpenID Connect as a page needs that
lets people sign in."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "a-space", "that nobody knows"


class Identities:
    """Says of whoever comes that they are `person`.

    Attributes:
        person: what they are called, of which `sub` alone is theirs for good.
        url: where it is asked.
    """

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "1", "use": "sig"}, auto_kid=False)
        self.nonces: dict[str, str] = {}
        self.url = ""
        self.be("ada")

    def be(self, name: str) -> None:
        about = {"name": f"{name.title()} <b>{name}</b>", "preferred_username": name}
        self.person = about | {"sub": f"id-of-{name}", "profile": "", "picture": ""}

    def answer(self, path: str, query: dict[str, str], form: dict[str, str], login: str) -> object:
        """What is answered as JSON, or an address to go on to."""
        if path == "/.well-known/openid-configuration":
            return {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        if path == "/keys":
            return {"keys": [self.key.as_dict(private=False)]}
        if path == "/authorize":
            assert query["client_id"] == CLIENT and query["response_type"] == "code"
            code = f"code-{len(self.nonces)}"
            self.nonces[code] = query["nonce"]
            return f"{query['redirect_uri']}&{urlencode({'code': code, 'state': query['state']})}"
        assert path == "/token" and login == f"{CLIENT}:{SECRET}"
        now = int(time.time())
        claims = self.person | {
            "iss": self.url,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 3600,
            "nonce": self.nonces.pop(form["code"]),
        }
        signed = jwt.encode({"alg": "RS256", "kid": "1"}, claims, self.key)
        token = {"access_token": "opens nothing", "token_type": "bearer", "expires_in": 3600}
        return token | {"id_token": signed, "scope": "openid profile"}


@contextmanager
def identities() -> Iterator[Identities]:
    vouching = Identities()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            where = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(where.query).items()}
            length = int(self.headers.get("content-length") or 0)
            posted = parse_qs(self.rfile.read(length).decode())
            form = {name: values[0] for name, values in posted.items()}
            packed = (self.headers.get("authorization") or "").partition(" ")[2]
            login = base64.b64decode(packed).decode()
            answer = vouching.answer(where.path, query, form, login)
            if isinstance(answer, str):
                self.send_response(302)
                self.send_header("location", answer)
                self.end_headers()
                return
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        vouching.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield vouching
        server.shutdown()
