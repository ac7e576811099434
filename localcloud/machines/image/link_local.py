"""The services that a machine finds at link-local addresses, in every network.

169.254.169.254 has the instance metadata (port 80) and the resolver (53), 169.254.0.2 and
169.254.2.2 the iSCSI portals of boot and block volumes (3260). They are outside of the machines, in
a container on the same bridge: packets of a machine to them pass its packet filter as on the real
cloud, in FORWARD from a container, in OUTPUT from the machine itself.

    python3 link_local.py FOLDER

FOLDER holds, by the address that a machine has on the bridge, ADDRESS.json: its `instance` and
`vnics`, and `legacy`, whether the first version of the API answers it.
"""

import json
import socket
import socketserver
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SERVICES = "169.254.169.254"
PORTALS = ("169.254.0.2", "169.254.2.2")
UPSTREAM = ("127.0.0.11", 53)  # Docker's resolver, which each container of a network has
RESOLVE_SECONDS = 10
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host")


class Metadata(BaseHTTPRequestHandler):
    """https://docs.oracle.com/en-us/iaas/Content/Compute/Tasks/gettingmetadata.htm."""

    folder: Path

    def do_GET(self) -> None:
        """Answer a request for metadata."""
        status, body = self.answer()
        text = body if isinstance(body, str) else json.dumps(body, indent=2)
        kind = "text/plain" if isinstance(body, str) else "application/json"
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def answer(self) -> tuple[int, object]:
        """Return the status and the content of the answer."""
        root, _, path = self.path.strip("/").partition("/")
        version, _, path = path.partition("/")
        try:
            machine = json.loads((self.folder / f"{self.client_address[0]}.json").read_text())
        except FileNotFoundError:
            return 404, "404 Not Found: no machine has this address"
        if (
            root != "opc"
            or version not in {"v1", "v2"}
            or (version == "v1" and not machine["legacy"])
        ):
            return 404, "404 Not Found"
        if version == "v2" and self.headers.get("Authorization", "").lower() != "bearer oracle":
            return 401, "401 Unauthorized: the header `Authorization: Bearer Oracle` is missing"
        if version == "v2" and any(name in self.headers for name in FORWARDED):
            return 403, "403 Forbidden: a forwarded request"
        return look_up({name: machine[name] for name in ("instance", "vnics")}, path)

    def log_message(self, *_: object) -> None:
        """Log nothing: a log of the requests has no use."""


def look_up(document: object, path: str) -> tuple[int, object]:
    """Return the status and the part of a document that a path leads to."""
    for step in filter(None, path.split("/")):
        try:
            document = document[int(step) if isinstance(document, list) else step]  # type: ignore[index]
        except (KeyError, IndexError, ValueError, TypeError):
            return 404, "404 Not Found"
    return 200, document if isinstance(document, dict | list | str) else json.dumps(document)


class Datagrams(socketserver.BaseRequestHandler):
    """A DNS request over UDP, passed on to Docker's resolver."""

    def handle(self) -> None:
        question, client = self.request
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as upstream:
            upstream.settimeout(RESOLVE_SECONDS)
            upstream.connect(UPSTREAM)
            try:
                upstream.send(question)
                client.sendto(upstream.recv(1 << 16), self.client_address)
            except OSError:
                return  # the client tries again


class Streams(socketserver.BaseRequestHandler):
    """DNS requests over TCP, passed on to Docker's resolver."""

    def handle(self) -> None:
        try:
            with socket.create_connection(UPSTREAM, RESOLVE_SECONDS) as upstream:
                back = threading.Thread(target=pump, args=(upstream, self.request), daemon=True)
                back.start()
                pump(self.request, upstream)
                back.join(RESOLVE_SECONDS)
        except OSError:
            return


class Portal(socketserver.BaseRequestHandler):
    """Take a connection and answer nothing: there are no iSCSI volumes."""

    def handle(self) -> None:
        self.request.settimeout(60)
        try:
            while self.request.recv(1 << 12):
                pass
        except OSError:
            return


class TcpServer(socketserver.ThreadingTCPServer):
    """A TCP server with a thread a connection."""

    allow_reuse_address = True
    daemon_threads = True


class UdpServer(socketserver.ThreadingUDPServer):
    """A UDP server with a thread a datagram."""

    daemon_threads = True


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Copy from a socket to another until the end."""
    try:
        while data := source.recv(1 << 16):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return


def main(folder: Path) -> None:
    """Take the link-local addresses and serve."""
    for address in (SERVICES, *PORTALS):
        subprocess.run(["ip", "address", "replace", f"{address}/32", "dev", "eth0"], check=True)
    Metadata.folder = folder
    servers: list[socketserver.BaseServer] = [
        UdpServer((SERVICES, 53), Datagrams),
        TcpServer((SERVICES, 53), Streams),
        *(TcpServer((portal, 3260), Portal) for portal in PORTALS),
    ]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    ThreadingHTTPServer((SERVICES, 80), Metadata).serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
