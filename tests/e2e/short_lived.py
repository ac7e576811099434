"""A service that ends a second after its first request, and answers the open requests before."""

import contextlib
import ctypes
import http.server
import socket
import struct
import sys
import threading
import time

LIFE_SECONDS = 1
_SO_ATTACH_FILTER = 26  # of asm-generic/socket.h; Python has no name for it
_DROP = struct.pack("HBBI", 0x06, 0, 0, 0)  # classic BPF: return 0, so keep no byte of a packet


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = False  # the end waits for open requests
    request_queue_size = 128

    def accept_rest(self) -> None:
        """Answer the connections that the kernel accepted already, and let it accept no other.

        One that it accepted after the last of these would be reset with its request.
        """
        program = ctypes.create_string_buffer(_DROP, len(_DROP))
        filters = struct.pack("HL", 1, ctypes.addressof(program))
        self.socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, filters)
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
