"""A host for releases that a test can look into."""

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from host.auth_release import (
    asking,
    containers,
    data_volume,
    engine_api,
    health,
    logins,
    preflight,
    proxy,
    status,
    watch,
)
from tests.unit.host.engine import Engine
from tests.unit.host.fakes import Host


@pytest.fixture(name="host")
def _host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    folders = ((proxy, "CADDY"), (proxy, "LOGS"), (proxy, "SIGNALS"), (containers, "DATA"))
    for module, name in folders:
        monkeypatch.setattr(module, name, tmp_path / name.lower())
        (tmp_path / name.lower()).mkdir()
    (proxy.CADDY / "sites").mkdir()
    monkeypatch.setattr(logins, "MEMORY", tmp_path / "run")
    monkeypatch.setattr(logins, "DISK", tmp_path / "tmp")
    monkeypatch.setattr(proxy, "_CLOSING_SECONDS", 0)
    monkeypatch.setattr(proxy, "_connections_wait", contextlib.nullcontext)
    monkeypatch.setattr(status, "STATE", tmp_path / "state")
    monkeypatch.setattr(os, "chown", lambda *_: None)
    monkeypatch.setattr(preflight, "check", lambda *_, **__: None)
    monkeypatch.setattr(data_volume, "problem", lambda: None)
    monkeypatch.setattr(health, "_SHORTEST_PAUSE", 0)
    monkeypatch.setattr(watch, "_SHORTEST_PAUSE", 0)
    monkeypatch.setattr(health, "probe", lambda *_: None)
    monkeypatch.setattr(asking, "through_proxy", lambda _: None)
    return Host.new(tmp_path / "state")


@pytest.fixture(name="engine")
def _engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setattr(engine_api, "SOCKET", tmp_path / "docker.sock")
    with Engine(tmp_path / "docker.sock") as engine:
        thread = threading.Thread(target=engine.serve_forever)
        thread.start()
        yield engine
        engine.shutdown()
        thread.join()
