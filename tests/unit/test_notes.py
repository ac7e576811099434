"""The other service of examples/two-services, by its own code on a port of this machine."""

import http.client
import importlib.util
import json
import socket
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from common.clone import CLONE

SOURCE = CLONE / "examples" / "two-services" / "notes" / "notes.py"
KEY = "key-of-writers"


@pytest.fixture(name="port")
def _port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    spec = importlib.util.spec_from_file_location("notes", SOURCE)
    assert spec
    assert spec.loader
    notes = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(notes)
    notes.__dict__.update(KEY=KEY, DATABASE=tmp_path / "notes.sqlite")
    notes.Handler.log_message = lambda *_: None
    monkeypatch.setenv("NOTES_TITLE", "Notes")
    with ThreadingHTTPServer(("127.0.0.1", 0), notes.Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def post(port: int, text: str, key: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/", text, {"Authorization": f"Bearer {key}"})
    status = connection.getresponse().status
    connection.close()
    return status


def notes_of(port: int) -> list[str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/")
    notes: list[str] = json.load(connection.getresponse())["notes"]
    connection.close()
    return notes


@pytest.mark.parametrize("key", ["another", "schlüssel"])
def test_only_the_key_of_writers_writes(port: int, key: str) -> None:
    assert post(port, "refused", key) == 401
    assert post(port, "kept", KEY) == 201
    assert notes_of(port) == ["kept"]


@pytest.mark.parametrize("framing", ["Content-Length: {}", "Transfer-Encoding: chunked"])
def test_a_body_that_is_not_read_is_no_request(port: int, framing: str) -> None:
    request = "GET /smuggled HTTP/1.1\r\nHost: notes\r\n\r\n"
    body = f"{' ' * 10_000 if 'Length' in framing else ''}{request}"
    head = f"POST / HTTP/1.1\r\nHost: notes\r\n{framing.format(len(body))}\r\n\r\n"

    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(f"{head}{body}".encode())
        connection.settimeout(1)
        answer = b""
        try:
            while part := connection.recv(65536):
                answer += part
        except (TimeoutError, ConnectionResetError):
            pass

    assert answer.count(b"HTTP/1.") <= 1, "a stranger's bytes are answered in place of a request"
    assert b"no such page" not in answer
