"""A renewal ends once the load balancer serves the new certificate, and not before."""

import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from localcloud import certificates
from stack import renewal
from stack.certificate import Certificate
from stack.errors import StackError

NAME = "localhost"


@contextmanager
def serving(folder: Path, *pairs: certificates.KeyPair) -> Iterator[int]:
    """Serve TLS with a certificate after the other, the last of them for ever; yield the port."""
    contexts = []
    for number, pair in enumerate(pairs):
        files = folder / f"{number}.pem", folder / f"{number}.key"
        for file, text in zip(files, (pair.certificate, pair.key), strict=True):
            file.write_text(text)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)
        contexts.append(context)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            context = contexts[0] if len(contexts) == 1 else contexts.pop(0)
            with context.wrap_socket(self.request, server_side=True):
                pass

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
        thread.join()


@pytest.fixture(name="pairs")
def _pairs() -> tuple[certificates.KeyPair, certificates.KeyPair]:
    authority = certificates.new_authority("test")
    former, issued = (certificates.issue(authority, NAME, hosts=[NAME]) for _ in range(2))
    return former, issued


def test_the_former_certificate_is_waited_for_to_go(
    pairs: tuple[certificates.KeyPair, certificates.KeyPair],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(renewal, "_PAUSE_SECONDS", 0.01)
    with serving(tmp_path, *pairs) as port:
        monkeypatch.setattr(renewal, "_HTTPS_PORT", port)

        renewal._wait_until_served(NAME, Certificate.read(pairs[1].certificate))


def test_a_load_balancer_that_keeps_the_former_certificate_is_named(
    pairs: tuple[certificates.KeyPair, certificates.KeyPair],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(renewal, "_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(renewal, "_SERVED_SECONDS", 0.3)
    with serving(tmp_path, pairs[0]) as port:
        monkeypatch.setattr(renewal, "_HTTPS_PORT", port)

        with pytest.raises(StackError, match=r"does not serve the new certificate.*another"):
            renewal._wait_until_served(NAME, Certificate.read(pairs[1].certificate))
