"""A site's certificates: the names that a CA would refuse, and the certificate that is served."""

import contextlib
import ipaddress
import json
import socket
import socketserver
import struct
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from certificates import SelfSigned, self_signed

from host.auth_release import asking, certificate, dns
from host.auth_release.errors import ReleaseError
from tests.unit.host.fakes import desired

ADDRESS, NAME = "192.0.2.7", "auth.example.test"
_DAY = timedelta(days=1)


def made(*names: str, days: int = 6) -> SelfSigned:
    return self_signed(*names, age=(30 - days) * _DAY, rest=days * _DAY)


@contextlib.contextmanager
def running(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Zone(dict[tuple[str, int], list[bytes]]):
    """A resolver's records, by name and kind, at a port of this computer."""

    code = 0
    asked = 0

    def answer(self, question: bytes) -> bytes:
        self.asked += 1
        labels, at = [], 12
        while length := question[at]:
            labels.append(question[at + 1 : at + 1 + length].decode())
            at += 1 + length
        (kind,) = struct.unpack("!H", question[at + 1 : at + 3])
        datas = self.get((".".join(labels), kind), [])
        # a chain of names before the address, as a resolver sends it
        records = [(5, b"\xc0\x0c"), *((kind, data) for data in datas)] if datas else []
        head = question[:2] + struct.pack("!5H", 0x8180 | self.code, 1, len(records), 0, 0)
        body = b"".join(
            b"\xc0\x0c" + struct.pack("!2HIH", each, 1, 60, len(data)) + data
            for each, data in records
        )
        return head + question[12 : at + 5] + body

    def points_to(self, *addresses: str, name: str = NAME) -> None:
        self[name, dns.A] = [ipaddress.ip_address(each).packed for each in addresses]

    def allows(self, *values: str, name: str = NAME, tag: str = "issue") -> None:
        head = bytes([0, len(tag)]) + tag.encode()
        self[name, dns.CAA] = [head + value.encode() for value in values]


@pytest.fixture(name="zone")
def _zone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Zone]:
    zone = Zone()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            (length,) = struct.unpack("!H", self.rfile.read(2))
            answer = zone.answer(self.rfile.read(length))
            self.wfile.write(struct.pack("!H", len(answer)) + answer)

    with running(server := socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)):
        (tmp_path / "resolv.conf").write_text("search test\nnameserver 127.0.0.1\n")
        monkeypatch.setattr(dns, "RESOLVER", tmp_path / "resolv.conf")
        monkeypatch.setattr(dns, "PORT", server.server_address[1])
        yield zone


@pytest.fixture(name="tls")
def _tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Yield the settings of a CA whose directory is at a port of this computer."""
    meta = {"caaIdentities": ["ca.test"], "profiles": {"shortlived": "six days"}}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"meta": meta}).encode())

        def log_message(self, *_: Any) -> None:
            pass

    own = made("127.0.0.1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = own.server_context(tmp_path).wrap_socket(server.socket, server_side=True)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    # nothing is served yet
    monkeypatch.setattr(asking, "HTTPS_PORT", 1)
    with running(server):
        url = f"https://127.0.0.1:{server.server_port}/directory"
        yield {"address": ADDRESS, "directory": url, "roots": own.certificate}


def refusal(tls: dict[str, str], site: str = NAME) -> str:
    with pytest.raises(ReleaseError) as refused:
        certificate.check(desired(site=site, tls=tls))
    return str(refused.value)


def test_a_name_that_leads_here_and_lets_the_ca_in_passes(zone: Zone, tls: dict[str, str]) -> None:
    zone.points_to(ADDRESS)
    zone.allows("other.test", "ca.test; accounturi=https://ca.test/1", name="example.test")

    certificate.check(desired(site=NAME, tls=tls))

    assert zone.asked


def test_a_name_that_leads_elsewhere_is_refused_with_both_addresses(
    zone: Zone, tls: dict[str, str]
) -> None:
    zone.points_to("192.0.2.99")

    assert f"{NAME} points to 192.0.2.99, and this VM has {ADDRESS}" in refusal(tls)


def test_a_name_that_leads_here_and_elsewhere_is_refused(zone: Zone, tls: dict[str, str]) -> None:
    zone.points_to(ADDRESS, "192.0.2.99")

    assert "192.0.2.99" in refusal(tls)


def test_a_name_without_an_address_is_refused_with_the_record_to_make(
    zone: Zone, tls: dict[str, str]
) -> None:
    assert f"Make an A record with {ADDRESS}" in refusal(tls)
    assert zone.asked


def test_an_ipv6_address_that_the_vm_does_not_have_is_refused(
    zone: Zone, tls: dict[str, str]
) -> None:
    zone.points_to(ADDRESS)
    zone[NAME, dns.AAAA] = [ipaddress.ip_address("2001:db8::7").packed]

    assert "2001:db8::7" in refusal(tls)


@pytest.mark.parametrize("owner", [NAME, "example.test", "test"])
def test_caa_records_that_forbid_the_ca_are_refused_with_the_record_to_add(
    zone: Zone, tls: dict[str, str], owner: str
) -> None:
    zone.points_to(ADDRESS)
    zone.allows("other.test", name=owner)

    message = refusal(tls)
    assert "allow other.test alone" in message
    assert 'CAA 0 issue "ca.test"' in message


def test_the_closest_caa_records_count(zone: Zone, tls: dict[str, str]) -> None:
    zone.points_to(ADDRESS)
    zone.allows("other.test", name="example.test")
    zone.allows("ca.test")

    certificate.check(desired(site=NAME, tls=tls))


def test_caa_records_that_forbid_all_are_refused_and_other_properties_are_not(
    zone: Zone, tls: dict[str, str]
) -> None:
    zone.points_to(ADDRESS)
    zone.allows("mailto:admin@example.test", tag="iodef")
    certificate.check(desired(site=NAME, tls=tls))

    zone.allows(";")
    assert "allow no CA alone" in refusal(tls)


def test_a_resolver_that_fails_is_no_sign_of_a_missing_record(
    zone: Zone, tls: dict[str, str]
) -> None:
    zone.code = 2

    assert "the resolver gives no answer" in refusal(tls)


def test_an_address_needs_no_dns_but_must_be_of_this_vm_and_the_ca_must_offer_its_profile(
    zone: Zone, tls: dict[str, str]
) -> None:
    certificate.check(desired(site=f"https://{ADDRESS}", tls={**tls, "profile": "shortlived"}))

    assert "is not the address of this VM" in refusal(tls, "https://192.0.2.8")
    other = {**tls, "profile": "tiny"}
    assert "no profile `tiny`" in refusal(other, f"https://{ADDRESS}")
    assert zone.asked == 0


def test_a_ca_out_of_reach_is_named(tls: dict[str, str]) -> None:
    other = {**tls, "directory": "https://127.0.0.1:1/directory"}
    assert "https://127.0.0.1:1/directory gives no answer" in refusal(other)
    # signed by another CA than the configured
    assert "gives no answer" in refusal({**tls, "roots": made("127.0.0.1").certificate})


@contextlib.contextmanager
def served(folder: Path, monkeypatch: pytest.MonkeyPatch, certified: SelfSigned) -> Iterator[None]:
    """Serve a certificate as the proxy does, to clients that name a host or none."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                wrapped = certified.server_context(folder).wrap_socket(
                    self.request, server_side=True
                )
                with contextlib.closing(wrapped):
                    wrapped.recv(1)

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    monkeypatch.setattr(asking, "HTTPS_PORT", server.server_address[1])
    with running(server):
        yield


@pytest.mark.parametrize("name", [NAME, ADDRESS])
def test_a_valid_certificate_is_no_longer_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with served(tmp_path, monkeypatch, made(name)):
        assert certificate.missing(f"https://{name}") == []
        # and nothing has to be asked
        certificate.check(desired(site=f"https://{name}", tls={"address": "192.0.2.99"}))


@pytest.mark.parametrize("name", [NAME, ADDRESS])
def test_an_expired_certificate_or_one_of_another_name_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with served(tmp_path, monkeypatch, made(name, days=-1)):
        assert certificate.missing(f"https://{name}") == [name]
    with served(tmp_path, monkeypatch, made("other.example.test", "192.0.2.99")):
        assert certificate.missing(f"https://{name}") == [name]


def test_the_names_of_a_site_are_those_that_it_serves_by_https() -> None:
    assert certificate.names("a.test, http://b.test https://192.0.2.7") == ["a.test", "192.0.2.7"]
    assert certificate.names(":80") == []
