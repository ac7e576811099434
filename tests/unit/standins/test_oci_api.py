"""Which requests the `oci` stand-in repeats, against a server that fails as it is told."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from standins.oci_api import Api
from standins.oci_resources import NETWORK
from standins.resource import ProviderError

CONFLICT = {"code": "Conflict", "message": "in use"}
SPENT = {"code": "InvalidatedRetryToken", "message": "used before"}


class Server(HTTPServer):
    """Fails each request as `failures` say in turn, then answers; `dropped` is no answer."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.failures: list[object] = []
        self.asked: list[str] = []


class Handler(BaseHTTPRequestHandler):
    server: Server

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append(self.command)
        failure = self.server.failures.pop(0) if self.server.failures else None
        if failure == "dropped":
            self.close_connection = True
            return
        body = json.dumps(failure or [{"id": "it"}]).encode()
        self.send_response(409 if failure else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer  # noqa: N815 - the library's names

    def log_message(self, *arguments: object) -> None:
        del arguments


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def key() -> str:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()


@pytest.fixture
def api(server: Server, key: str, monkeypatch: pytest.MonkeyPatch) -> Api:
    monkeypatch.setenv(
        "CLIENT_HOST_OVERRIDES", f"{NETWORK.name}=http://127.0.0.1:{server.server_port}"
    )
    config = {"tenancyOcid": "t", "userOcid": "u", "fingerprint": "f", "region": "r"}
    return Api({**config, "privateKey": key}, threading.Event())


def test_a_question_whose_answer_is_lost_is_asked_again(api: Api, server: Server) -> None:
    server.failures = ["dropped"]

    assert api.list(NETWORK, "/vcns", {}) == [{"id": "it"}]
    assert server.asked == ["GET", "GET"]


def test_a_change_whose_answer_is_lost_is_not_made_again(api: Api, server: Server) -> None:
    server.failures = ["dropped"]
    with pytest.raises(ProviderError, match=r"/vcns: the cloud does not answer"):
        api.call(NETWORK, "POST", "/vcns", body={})

    assert server.asked == ["POST"]


def test_what_is_in_use_is_tried_again(api: Api, server: Server) -> None:
    server.failures = [CONFLICT]

    assert api.call(NETWORK, "POST", "/vcns", body={}) == [{"id": "it"}]
    assert server.asked == ["POST", "POST"]


def test_a_spent_retry_token_is_not_tried_again(api: Api, server: Server) -> None:
    server.failures = [SPENT]
    with pytest.raises(ProviderError, match=r"^409-InvalidatedRetryToken, used before"):
        api.call(NETWORK, "POST", "/vcns", body={})

    assert server.asked == ["POST"]
