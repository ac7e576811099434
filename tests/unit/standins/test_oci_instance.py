"""The power state of an instance, against a server that has one."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from standins.oci import PLUGIN
from standins.oci_instance import Instance
from standins.oci_resources import COMPUTE
from standins.resource import Context
from tests import operation


class Server(HTTPServer):
    """Has an instance in a state, and notes the actions on it."""

    def __init__(self, state: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.state = state
        self.actions: list[str] = []


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        body = json.dumps({"id": "vm", "lifecycleState": self.server.state}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        (action,) = parse_qs(urlsplit(self.path).query)["action"]
        self.server.actions.append(action)
        self.server.state = {"START": "RUNNING", "STOP": "STOPPED"}[action]
        self.do_GET()

    def log_message(self, *arguments: object) -> None:
        del arguments


@pytest.fixture(name="server")
def _server() -> Iterator[Server]:
    with Server("RUNNING") as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(name="context")
def _context(server: Server, monkeypatch: pytest.MonkeyPatch) -> Context:
    monkeypatch.setenv(
        "CLIENT_HOST_OVERRIDES", f"{COMPUTE.name}=http://127.0.0.1:{server.server_port}"
    )
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    key = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()
    config = {"tenancyOcid": "t", "userOcid": "u", "fingerprint": "f", "region": "r"}
    return operation.context(config={**config, "privateKey": key})


def powered(before: str, wanted: str, context: Context) -> object:
    instance = PLUGIN.resources["oci:Core/instance:Instance"]
    assert isinstance(instance, Instance)
    return instance._powered("vm", {"state": before}, {"state": wanted}, context)["state"]


def test_a_vm_whose_launch_was_interrupted_is_not_started_again(
    server: Server, context: Context
) -> None:
    assert powered("PROVISIONING", "RUNNING", context) == "RUNNING"
    assert server.actions == [], "the cloud refuses to start a running instance"


def test_a_stopped_vm_is_started(server: Server, context: Context) -> None:
    server.state = "STOPPED"

    assert powered("STOPPED", "RUNNING", context) == "RUNNING"
    assert server.actions == ["START"]
