"""Docker's engine as far as its answers matter: a socket that answers by path."""

import json
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Engine(ThreadingUnixStreamServer):
    """Answers by path, in the format of Docker's engine; keeps the requests."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), _Handler)
        self.answers: dict[str, tuple[int, Any] | Callable[[], tuple[int, Any]]] = {}
        self.requests: list[tuple[str, str, Any]] = []


class _Handler(BaseHTTPRequestHandler):
    server: Engine

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        path = self.path.partition("?")[0]
        self.server.requests.append((self.command, path, json.loads(body or "null")))
        answer = self.server.answers.get(path, (404, {"message": "No such object"}))
        status, document = answer() if callable(answer) else answer
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(document).encode())

    do_POST = do_GET  # noqa: N815

    def address_string(self) -> str:
        return "a process of this host"  # a Unix socket's clients have no address

    def log_message(self, *_: object) -> None:
        pass
