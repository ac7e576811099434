"""The configuration of proxy and kernel; tests/e2e proves that they understand it."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from host.auth_release import proxy, routes
from host.auth_release.desired import Canary
from host.auth_release.network import Slot
from host.auth_release.records import Record
from tests.unit.host.fakes import desired
from tests.unit.host.test_health import answer, container

SLOT = Slot.of(1)


def record(number: int, *, address: str = "", host_port: int = 0) -> Record:
    return Record(
        number=number,
        desired=desired(),
        fingerprint="",
        address=address,
        host_port=host_port,
        by="test",
        at="",
        seconds=0,
        outcome="live",
    )


def site(**changes: Any) -> str:
    return proxy.site_file(desired(**changes), SLOT)


def test_a_site_leads_to_the_services_address_whatever_release_is_live() -> None:
    assert "reverse_proxy 198.18.0.8:80 {" in site().partition("http://:20008")[0]


def test_maintenance_closes_all_but_the_open_paths() -> None:
    text = site(maintenance={"page": 'Back "soon" {env.HOME}', "open_paths": ["/healthz"]})

    assert "@open path /healthz" in text
    assert 'respond "Back \\"soon\\" \\{env.HOME}" 503' in text


def test_a_route_names_its_release_and_leads_to_its_container() -> None:
    head, rule = routes.rules(record(7, address="198.18.0.10"), SLOT).splitlines()

    assert head == "# release 7"
    assert "-d 198.18.0.8/32" in rule
    assert rule.endswith("--dport 80 -j DNAT --to-destination 198.18.0.10:8000")


def test_a_release_without_an_address_is_reached_from_an_older_site_as_well() -> None:
    _, anew, older = routes.rules(record(7, host_port=20006), SLOT).splitlines()

    assert "-d 198.18.0.8/32 " in anew
    assert anew.endswith("--dport 80 -j REDIRECT --to-ports 20006")
    assert "-d 127.0.0.1/32 " in older
    assert older.endswith("--dport 20005 -j REDIRECT --to-ports 20006")


def test_a_canary_gets_its_share_and_the_live_release_the_rest() -> None:
    live, new = record(7, address="198.18.0.10"), record(8, address="198.18.0.11")
    text = routes.split_rules(live, new, Canary(percent=20), SLOT)
    share, rest, beyond = [line for line in text.splitlines() if line.startswith("-A")]

    assert text.startswith("# release 7\n")
    assert "--probability 0.2" in share
    assert share.endswith("-j REDIRECT --to-ports 20008")
    assert rest.endswith("--dport 80 -j DNAT --to-destination 198.18.0.10:8000")
    assert "-d 198.18.0.9/32 " in beyond
    assert beyond.endswith("--dport 80 -j DNAT --to-destination 198.18.0.11:8000")


@pytest.mark.parametrize(
    ("answered", "running"),
    [(b'HTTP/1.1 200 OK\r\n\r\n{"apps": {}}', {"apps": {}}), (b"nonsense\r\n\r\n", None)],
)
def test_what_the_proxy_runs_is_asked_past_other_proxies(
    monkeypatch: pytest.MonkeyPatch, answered: bytes, running: Any
) -> None:
    monkeypatch.setattr(proxy, "succeeds", lambda *_: True)
    with container(answer("502 Bad Gateway")) as other, container(answered) as caddy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{other}")
        monkeypatch.setattr(proxy, "ADMIN_PORT", caddy)
        assert proxy.Proxy()._running() == running


@pytest.mark.parametrize(
    ("answered", "written"),
    [
        (b'HTTP/1.1 200 OK\r\n\r\n{"result": {"apps": {}}}', {"apps": {}}),
        (b'HTTP/1.1 400 Bad\r\n\r\n{"error": "Caddyfile:1"}', "{'error': 'Caddyfile:1'}"),
        (b"nonsense\r\n\r\n", "nonsense\r\n"),
    ],
)
def test_the_running_caddy_reads_the_files_for_a_comparison(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answered: bytes, written: Any
) -> None:
    monkeypatch.setattr(proxy, "CADDY", tmp_path)
    (tmp_path / "Caddyfile").write_text(proxy.MAIN)
    with container(answered) as caddy:
        monkeypatch.setattr(proxy, "ADMIN_PORT", caddy)
        assert proxy.Proxy()._written() == written


def test_a_proxy_that_does_not_run_differs_from_its_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(proxy, "CADDY", tmp_path)
    monkeypatch.setattr(proxy, "succeeds", lambda *_: False)
    monkeypatch.setattr(proxy, "ADMIN_PORT", 9)  # discard, which nobody serves
    (tmp_path / "Caddyfile").write_text(proxy.MAIN)
    (tmp_path / "sites").mkdir()
    (tmp_path / "sites" / "auth.caddy").write_text(proxy.site_file(desired(), SLOT))

    difference = proxy.Proxy().difference(desired(), SLOT)

    assert difference == "the proxy does not run the configuration in its files"


_SERVE = """
import contextlib, json, pathlib, sys
from host.auth_release import proxy
from host.auth_release.network import Slot
from tests.unit.host.fakes import desired
folder = pathlib.Path(sys.argv[1])
proxy.CADDY, proxy.LOGS, proxy.SIGNALS = folder, folder, folder / "signals"
proxy._CLOSING_SECONDS = 1
proxy._connections_wait = contextlib.nullcontext  # of systemd and the packet filter
number = int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()

class Proxy(proxy.Proxy):
    "Runs the texts of the files at the last reload."

    def _written(self):
        return {path.name: path.read_text() for path in sorted((folder / "sites").iterdir())}

    def _running(self):
        loaded = folder / "loaded"
        return json.loads(loaded.read_text()) if loaded.exists() else None

    def validate(self):
        pass

    def reload(self):
        (folder / "loaded").write_text(json.dumps(self._written()))
        with (folder / "reloads").open("a") as reloads:
            reloads.write(f"{number}\\n")

service = f"auth-{number}"
Proxy().serve(desired(service=service, site=f"http://{service}.example.test"), Slot.of(number))
assert f"{service}.caddy" in Proxy()._running()
"""


def test_services_that_are_ready_at_the_same_time_share_a_reload(tmp_path: Path) -> None:
    (tmp_path / "sites").mkdir()
    environment = {**os.environ, "PYTHONPATH": str(Path(proxy.__file__).parents[2])}
    services = 8
    with contextlib.ExitStack() as processes:
        runs = [
            processes.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", _SERVE, str(tmp_path), str(number)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    env=environment,
                )
            )
            for number in range(services)
        ]
        for run in runs:
            assert run.stdout
            assert run.stdout.readline() == "ready\n"
        for run in runs:
            assert run.stdin
            run.stdin.write("go\n")
            run.stdin.flush()
        for run in runs:
            run.wait(timeout=60)

    assert [run.returncode for run in runs] == [0] * services
    reloads = (tmp_path / "reloads").read_text().split()
    # the first may begin before the others are there
    assert 1 <= len(reloads) <= services // 2, f"{services} services took {len(reloads)} reloads"
