"""A release at another name: the former site goes on until the certificate is there."""

from pathlib import Path

import pytest

from host.auth_release import certificate, proxy
from host.auth_release.errors import ReleaseError
from tests.unit.host.fakes import Host

TLS = {"site": "https://192.0.2.7", "tls": {"address": "192.0.2.7", "profile": "shortlived"}}


def test_the_former_site_serves_until_the_certificate_is_there(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(certificate, "missing", lambda _: ["192.0.2.7"])
    monkeypatch.setattr(
        certificate,
        "wait",
        lambda *_, **__: seen.extend(path.read_text() for path in sites()),
    )
    host.apply()
    host.apply(**TLS)

    beginning, former = seen
    assert former.startswith(":80 {")
    assert beginning.startswith("https://192.0.2.7 {\n\ttls {\n\t\tissuer acme {\n")
    assert "\nhttp://192.0.2.7 {\n" in beginning, "plain HTTP would be led to HTTPS already"
    assert [path.read_text().partition("\n")[0] for path in sites()] == ["https://192.0.2.7 {"]


def test_without_a_certificate_the_former_release_and_its_site_go_on(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait(*_: object, **__: object) -> None:
        raise ReleaseError("no certificate")

    monkeypatch.setattr(certificate, "missing", lambda _: ["192.0.2.7"])
    monkeypatch.setattr(certificate, "wait", wait)
    first = host.apply()
    files = {path: path.read_text() for path in proxy.CADDY.rglob("*.caddy")}

    with pytest.raises(ReleaseError, match="no certificate"):
        host.apply(**TLS)

    assert host.serving == first.number
    assert {path: path.read_text() for path in proxy.CADDY.rglob("*.caddy")} == files
    assert host.differences(first) == []


def test_a_first_release_without_a_certificate_leaves_no_site(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait(*_: object, **__: object) -> None:
        assert sites(), "it waits for a site that asks for the certificate"
        raise ReleaseError("no certificate")

    monkeypatch.setattr(certificate, "missing", lambda _: ["192.0.2.7"])
    monkeypatch.setattr(certificate, "wait", wait)

    with pytest.raises(ReleaseError, match="no certificate"):
        host.apply(**TLS)

    assert sites() == []


def sites() -> list[Path]:
    return sorted((proxy.CADDY / "sites").glob("*.caddy"))
