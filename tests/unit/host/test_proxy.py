"""What the proxy and the kernel are told; that they understand is proven in tests/e2e."""

from typing import Any

import pytest

from host.auth_release import proxy, routes
from host.auth_release.desired import Canary
from host.auth_release.records import Ports, Record
from tests.unit.host.fakes import desired
from tests.unit.host.test_health import answer, container

PORTS = Ports.of_slot(1)


def record(number: int, port: int) -> Record:
    return Record(
        number=number,
        desired=desired(),
        fingerprint="",
        host_port=port,
        by="test",
        at="",
        seconds=0,
        outcome="live",
    )


def site(**changes: Any) -> str:
    return proxy.site_file(desired(**changes), PORTS)


def test_a_site_leads_to_the_services_port_whatever_release_is_live() -> None:
    assert site().startswith(":80 {\n\tencode gzip\n\treverse_proxy 127.0.0.1:20005 {\n")


def test_maintenance_closes_all_but_the_open_paths() -> None:
    text = site(maintenance={"page": 'Back "soon" {env.HOME}', "open_paths": ["/healthz"]})

    assert "@open path /healthz" in text
    assert 'respond "Back \\"soon\\" \\{env.HOME}" 503' in text


def test_a_route_names_its_release_and_redirects_to_its_container() -> None:
    head, rule = routes.rules(record(7, 20006), PORTS).splitlines()

    assert head == "# release 7"
    assert rule.endswith("--dport 20005 -j REDIRECT --to-ports 20006")


def test_a_canary_gets_its_share_and_the_live_release_the_rest() -> None:
    text = routes.split_rules(record(7, 20006), record(8, 20007), Canary(percent=20), PORTS)
    share, rest, beyond = [line for line in text.splitlines() if line.startswith("-A")]

    assert text.startswith("# release 7\n")
    assert "--probability 0.2" in share
    assert share.endswith("--to-ports 20008")
    assert rest.endswith("--dport 20005 -j REDIRECT --to-ports 20006")
    assert beyond.endswith("--dport 20009 -j REDIRECT --to-ports 20007")


@pytest.mark.parametrize(
    ("said", "running"),
    [(b'HTTP/1.1 200 OK\r\n\r\n{"apps": {}}', {"apps": {}}), (b"nonsense\r\n\r\n", None)],
)
def test_what_the_proxy_runs_is_asked_past_other_proxies(
    monkeypatch: pytest.MonkeyPatch, said: bytes, running: Any
) -> None:
    monkeypatch.setattr(proxy, "succeeds", lambda *_: True)
    with container(answer("502 Bad Gateway")) as other, container(said) as caddy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{other}")
        monkeypatch.setattr(proxy, "_ADMIN_PORT", caddy)
        assert proxy.Proxy()._running() == running
