"""A service that ends a second after its first request, and answers the open requests before."""

import contextlib
import http.server
import sys
import threading
import time

LIFE_SECONDS = 1


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = False  # the end waits for open requests
    request_queue_size = 128

    def accept_rest(self) -> None:
        """Answer the connections that the kernel accepted already."""
        self.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                request, address = self.get_request()
                request.setblocking(True)
                self.process_request(request, address)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path != "/readyz":
            used.set()
        self._answer(200)

    def do_POST(self) -> None:
        used.set()
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(400)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Log no requests: the last line of the log is that of the end."""

    def _answer(self, status: int) -> None:
        body = b'{"status": "ok"}\n'
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


used = threading.Event()
server = Server(("", 8000), Handler)
threading.Thread(target=server.serve_forever, args=(0.05,)).start()
used.wait()
time.sleep(LIFE_SECONDS)
print("I end now", flush=True)
server.shutdown()
server.accept_rest()
server.server_close()
sys.exit(3)
