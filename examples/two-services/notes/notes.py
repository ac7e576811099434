"""Notes: a service that keeps lines of text, and is no part of the Authentication Service.

It follows the rules for each service of a server: docs/your-service.md.
"""

import contextlib
import hmac
import json
import os
import signal
import sqlite3
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PORT = 8080
DATABASE = Path("/data/notes.sqlite")  # the only folder that outlives a release
_LONGEST = 10_000  # bytes of a note


def writer_key() -> str:
    """Return the key of writers, from the file whose path a release puts into a variable."""
    return Path(os.environ["NOTES_WRITER_KEY_FILE"]).read_text().strip()


def connect() -> sqlite3.Connection:
    """Open the database; the former release may still have it open as well."""
    connection = sqlite3.connect(DATABASE, timeout=5)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE IF NOT EXISTS notes (text TEXT NOT NULL)")
    return connection


class Handler(BaseHTTPRequestHandler):
    """`GET /readyz`, `GET /` and `POST /`.

    A connection is for one request, the default of HTTP/1.0: what is left of a long body would be
    taken for the next request.
    """

    def do_GET(self) -> None:
        if self.path == "/readyz":
            self._answer(200, {"status": "ready"})
        elif self.path == "/":
            with contextlib.closing(connect()) as database:
                notes = [text for (text,) in database.execute("SELECT text FROM notes")]
            self._answer(200, {"title": os.environ["NOTES_TITLE"], "notes": notes})
        else:
            self._answer(404, {"error": "there is no such page"})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        text = self.rfile.read(min(length, _LONGEST)).decode(errors="replace")
        # as bytes: a text with other characters than ASCII is refused by an exception
        sent = self.headers.get("Authorization", "").encode()
        if not hmac.compare_digest(sent, f"Bearer {KEY}".encode()):
            self._answer(401, {"error": "the key of writers is missing or wrong"})
            return
        with contextlib.closing(connect()) as database, database:
            database.execute("INSERT INTO notes VALUES (?)", (text,))
        self._answer(201, {"text": text})

    def _answer(self, status: int, document: dict[str, object]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    KEY = writer_key()
    connect().close()
    server = ThreadingHTTPServer(("0.0.0.0", PORT), Handler)  # noqa: S104 - in its own network
    # SIGTERM comes after the drain, when no request is open any more
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()
