"""A server with GitHub's addresses and answers, as GitHub Enterprise has them, on loopback.

The answers are those of docs.github.com: "Authorizing OAuth apps", and the REST API for users and
their e-mail addresses.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from applications import SECRET
from running import answering


@dataclass
class GitHub:
    """Signs in `user` with `emails`; a browser that comes is taken back at once."""

    user: dict[str, Any] = field(
        default_factory=lambda: {"login": "octocat", "id": 583231, "name": "The Octocat"}
    )
    emails: list[dict[str, Any]] = field(default_factory=list)
    port: int = 0
    _asked: dict[str, dict[str, str]] = field(default_factory=dict)
    _token: str = field(default_factory=secrets.token_hex)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def takes_back(self, address: str) -> str:
        """Return the address to which a browser is taken back."""
        asked = dict(parse_qsl(urlsplit(address).query, strict_parsing=True))
        assert urlsplit(address).path == "/login/oauth/authorize"
        assert asked["scope"] == "read:user user:email"
        code = secrets.token_hex(10)
        self._asked[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def trade(self, form: dict[str, str]) -> dict[str, str]:
        asked = self._asked.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (form.get("client_id"), form.get("client_secret")) != ("ours", SECRET):
            return {"error": "incorrect_client_credentials"}
        if asked is None or asked["code_challenge"] != challenge:
            return {"error": "bad_verification_code"}
        return {
            "access_token": self._token,
            "scope": "read:user,user:email",
            "token_type": "bearer",
        }

    def answer(self, path: str, token: str) -> tuple[int, Any]:
        if token != f"Bearer {self._token}":
            return 401, {"message": "Bad credentials"}
        pages: dict[str, Any] = {"/api/v3/user": self.user, "/api/v3/user/emails": self.emails}
        return (200, pages[path]) if path in pages else (404, {"message": "Not Found"})

    @contextmanager
    def running(self) -> Iterator["GitHub"]:
        github = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._send(*github.answer(self.path, self.headers.get("Authorization", "")))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                is_ours = self.path == "/login/oauth/access_token"
                # Without this header, GitHub answers with a form.
                assert self.headers["Accept"] == "application/json"
                self._send(200 if is_ours else 404, github.trade(dict(parse_qsl(body))))

            def _send(self, status: int, content: Any) -> None:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(content).encode())

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = server.server_port
        with answering(server):
            yield self
