"""The steps of a changed line on the VM: each takes its time while somebody waits."""

import os
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from host.auth_release import containers, proxy, routes
from host.auth_release.containers import Docker
from host.auth_release.network import Slot
from host.auth_release.proxy import Proxy
from host.auth_release.routes import Routes
from tests.unit.host.engine import Engine
from tests.unit.host.fakes import OTHER, Host, desired
from tests.unit.host.test_health import container
from tests.unit.host.test_proxy import record


def test_the_calls_of_a_release_until_it_serves_stay_within_their_budget(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.apply()
    calls: Counter[str] = Counter()

    def count(name: str) -> None:
        function = getattr(host.docker, name)

        def counted(*args: Any, **options: Any) -> Any:
            calls[name] += 1
            return function(*args, **options)

        monkeypatch.setattr(host.docker, name, counted)

    # has_ended looks into /proc
    for name in {*vars(Docker)} - {"has_ended"}:
        if not name.startswith("_"):
            count(name)

    record = host.releases.apply(desired(image=OTHER), by="test")

    assert record.number == host.serving == 2
    assert dict(calls) == {
        "containers": 4,
        "has_image": 1,
        "hooks": 1,
        "keep_over_reboots": 1,
        "pull": 1,
        "start": 1,
    }


def test_the_programs_that_a_release_starts_stay_within_their_budget(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []

    def run(argv: tuple[str, ...], **_: Any) -> subprocess.CompletedProcess[str]:
        started.append(" ".join(word for word in argv[:2] if not word.startswith("-")))
        return subprocess.CompletedProcess(argv, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(os, "chown", lambda *_: None)
    monkeypatch.setattr(containers, "STATE", tmp_path)
    monkeypatch.setattr(containers, "DATA", tmp_path)
    monkeypatch.setattr(proxy, "CADDY", tmp_path)
    monkeypatch.setattr(routes, "_SYSCTL", tmp_path)
    engine.answers["/networks/auth"] = (200, {"IPAM": {"Config": [{"Subnet": "198.18.0.0/20"}]}})
    engine.answers["/containers/auth-2/update"] = (200, {"Warnings": None})
    slot, release = Slot.of(0), record(2, address="198.18.0.6")
    (tmp_path / "sites").mkdir()
    (tmp_path / "Caddyfile").write_text(proxy.MAIN)
    (tmp_path / "sites" / "auth.caddy").write_text(proxy.site_file(release.desired, slot))

    with container(b'HTTP/1.1 200 OK\r\n\r\n{"result": {}}') as caddy:
        monkeypatch.setattr(proxy, "ADMIN_PORT", caddy)
        monkeypatch.setattr(Proxy, "_running", lambda _: {})
        Docker().start(release, tmp_path)
        Docker().keep_over_reboots("auth-2", keep=True)
        Proxy().serve(release.desired, slot)
        Routes(tmp_path).route_to(release, slot)

    # `_running` asks systemd as well, and the image was pulled by `docker pull`
    assert started == ["docker run", "iptables-restore", "iptables"]
