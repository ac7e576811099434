"""An audit passes if every package was audited; pip-audit asks a PyPI on a local port."""

import inspect
import json
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path

import pytest
from certificates import self_signed

from review import audit
from review.errors import ReviewError

# the host that pip-audit asks, as its source names it
_SOURCE = inspect.getsource(import_module("pip_audit._service.pypi"))
NAME = re.findall(r"https://([^/{]+)/pypi/", _SOURCE)[0]
LEAK = {
    "id": "PYSEC-2026-1",
    "aliases": ["CVE-2026-1"],
    "fixed_in": ["1.1"],
    "details": "leaks",
    "published": "2026-01-01T00:00:00Z",
}


@contextmanager
def pypi(folder: Path, answers: dict[str, tuple[int, object]]) -> Iterator[dict[str, str]]:
    """Serve PyPI's API behind an HTTPS proxy; give the variables that lead a client there."""
    pem = self_signed(NAME).stored(folder / "pypi.pem")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pem)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_CONNECT(self) -> None:
            self.send_response(200)
            self.end_headers()
            if self.path != f"{NAME}:443":
                self.close_connection = True
                return
            self.connection = tls.wrap_socket(self.connection, server_side=True)
            self.close_connection = False
            self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")

        def do_GET(self) -> None:
            status, answer = answers.get(self.path, (404, {"message": "Not Found"}))
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            self.wfile.flush()

        def finish(self) -> None:
            super().finish()
            self.connection.close()  # the server closes the one beneath the encryption alone

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        proxy = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield {"HTTPS_PROXY": proxy, "REQUESTS_CA_BUNDLE": str(pem), "NO_PROXY": ""}
        finally:
            server.shutdown()


@pytest.fixture(name="clone")
def _clone(tmp_path: Path) -> Path:
    """Give a clone that pins two packages."""
    for name in audit.REQUIREMENTS:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    pins = "".join(f"{name}==1.0 --hash=sha256:{'0' * 64}\n" for name in ("one", "two"))
    (tmp_path / audit.REQUIREMENTS[0]).write_text(pins)
    return tmp_path


def audited(
    clone: Path, answers: dict[str, tuple[int, object]], monkeypatch: pytest.MonkeyPatch
) -> audit.Audit:
    options = ("--cache-dir", str(clone / "cache"), "--timeout", "5")
    with pypi(clone, answers) as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
            monkeypatch.delenv(name.lower(), raising=False)
        return audit.audit(clone, service="pypi", options=options)


ONE, TWO = "/pypi/one/1.0/json", "/pypi/two/1.0/json"
FINE: tuple[int, object] = (200, {"vulnerabilities": []})


def test_packages_that_were_all_audited_pass(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = audited(clone, {ONE: FINE, TWO: FINE}, monkeypatch)

    assert outcome.passes
    assert outcome.lines() == ["2 packages audited: no known vulnerability."]


def test_a_package_that_the_service_does_not_know_fails_and_is_named(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = audited(clone, {ONE: FINE}, monkeypatch)

    assert not outcome.passes
    assert "1 of 2 packages were not audited:" in outcome.lines()
    assert any("two: Dependency not found on PyPI" in line for line in outcome.lines())


def test_a_vulnerability_fails_and_is_named_with_its_remedy(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = audited(clone, {ONE: FINE, TWO: (200, {"vulnerabilities": [LEAK]})}, monkeypatch)

    assert not outcome.passes
    assert "- two 1.0: PYSEC-2026-1, CVE-2026-1; fixed in 1.1" in outcome.lines()


def test_a_service_that_fails_is_said_to_have_audited_nothing(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ReviewError, match="No package was audited"):
        audited(clone, {ONE: FINE, TWO: (500, {})}, monkeypatch)


def test_a_service_that_does_not_answer_is_said_to_have_audited_nothing(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")

    with pytest.raises(ReviewError, match="No package was audited"):
        audit.audit(clone, service="pypi", options=("--cache-dir", str(clone / "cache")))


def test_an_audit_of_nothing_passes_nothing() -> None:
    assert not audit.read([]).passes
