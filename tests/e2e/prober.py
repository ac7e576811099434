"""A service with manners that ours lacks; its answers show the work of the proxy."""

import http.server
import json
import os
import time

asked: list[str] = []


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        asked.append(path)
        if path == "/hang-up":
            return  # without an answer
        if path == "/stream":
            self.stream()
            return
        answer = {
            "release": os.environ.get("NAME", ""),
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "hang-ups": asked.count("/hang-up"),
        }
        self.answer(json.dumps(answer).encode())

    def do_POST(self) -> None:
        left = int(self.headers["Content-Length"])
        while left and (piece := self.rfile.read1(min(left, 1 << 16))):
            left -= len(piece)
        if not left:
            self.answer(b"all of it")

    def stream(self) -> None:
        """Send the head at once, and an event whenever the reader has waited a second."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.flush()
        time.sleep(5)
        while True:
            self.wfile.write(b"data: tick\n\n")
            self.wfile.flush()
            time.sleep(1)

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
