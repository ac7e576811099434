"""The refusals of `make dashboard`; tests/e2e/test_dashboard.py has its tunnel."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from host.auth_release.metrics_store import PORT
from stack import cli, dashboard, names
from stack.errors import StackError
from stack.stack import Stack
from toolchain import venv


@pytest.mark.parametrize("value", ["false", '"false"'])
def test_a_stack_without_a_dashboard_names_the_setting(tmp_path: Path, value: str) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text(f"config:\n  auth:dashboard: {value}\n")

    with pytest.raises(StackError, match=r"auth:dashboard is false.* in Pulumi\.dev\.yaml"):
        dashboard.show(Stack(name="dev", clone=tmp_path, env={}), 0)


@pytest.mark.parametrize(
    ("own", "file"), [("{}", "local"), ("{auth:dashboard: false}", "local-prod")]
)
def test_a_local_stack_names_a_file_that_is_there_for_the_setting(
    tmp_path: Path, own: str, file: str
) -> None:
    stack = Stack(name="local-prod", clone=tmp_path, env={})
    (tmp_path / "Pulumi.local-prod.yaml").write_text(f"config: {own}\n")
    stack.folder.mkdir(parents=True)
    stack.configuration.file.write_text("config:\n  auth:dashboard: 'false'\n")

    with pytest.raises(StackError, match=rf"in Pulumi\.{file}\.yaml, then: make up STACK=loc"):
        dashboard.show(stack, 0)


@pytest.mark.parametrize("port", ["80", "65536", "8 428", "٨٤٢٨"])
def test_a_port_that_cannot_be_meant_is_refused_before_anything_is_asked(
    port: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(names, "configured", lambda _: ["local"])
    monkeypatch.setattr(venv, "ensure", lambda _: None)
    monkeypatch.setattr(venv, "enter", lambda *_: None)

    assert cli.main(["dashboard", "--port", port]) == 1
    assert f"PORT is {port!r}" in capsys.readouterr().err


def test_a_taken_port_is_replaced_by_a_free_port() -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", PORT))
        except OSError:
            pass  # somebody else has it: as good
        else:
            taken.listen()
        assert dashboard.free_port() not in {0, PORT}


def test_the_tunnel_is_asked_past_the_proxies_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    class Tunnel:
        """A tunnel that is open until it is asked a second time."""

        ends = iter((None,))

        def poll(self) -> int | None:
            return next(self.ends, 255)

    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    tunnel: Any = Tunnel()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as store:
        threading.Thread(target=store.serve_forever, daemon=True).start()
        try:
            stack = Stack(name="dev", clone=tmp_path, env={})
            dashboard._wait_until_ready(stack, tunnel, store.server_port)
        finally:
            store.shutdown()
