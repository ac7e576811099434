"""HTTPS on the VM's address: a real ACME CA issues its certificate, and is gone for a while."""

import json
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
import pytest
from cryptography import x509

from localcloud.state.home import Home
from tests.localcloud.caller import eventually
from tests.testbed.clone import REPOSITORY, Clone
from tests.testbed.load import Load
from tests.testbed.server import QUICK, TOOL, Server
from toolchain import authority

LIFETIME = 45  # seconds, of each certificate; the proxy renews it in the last third
# Caddy looks for certificates to renew each ten minutes, without this
_OPTIONS = "/etc/caddy/options/test.caddy"


@dataclass
class Ca:
    """The emulated cloud's certificate authority."""

    clone: Clone
    roots_file: str = ""
    tls: dict[str, str] = field(default_factory=dict)

    def start(self) -> None:
        program = str(authority.ensure(REPOSITORY))
        output = self._run("--program", program, "--lifetime", str(LIFETIME))
        described: dict[str, str] = json.loads(output[output.index("{") :])
        roots = self.clone.run("cat", described["directory_roots_file"]).output
        self.roots_file = described["roots_file"]
        self.tls = {
            "directory": described["directory"],
            "roots": roots,
            "profile": "shortlived",
        }

    def stop(self) -> None:
        self._run("--stop")

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Let it answer nothing for a while; a stopped CA would forget its accounts."""
        name = f"{Home.open(self.clone.path / '.local' / 'cloud').prefix}authority"
        assert self.clone.run("docker", "pause", name).status == 0
        try:
            yield
        finally:
            assert self.clone.run("docker", "unpause", name).status == 0

    @property
    def trusted(self) -> ssl.SSLContext:
        """Trust this CA alone."""
        return ssl.create_default_context(cafile=self.roots_file)

    def _run(self, *flags: str) -> str:
        command = ("-m", "localcloud", "authority", "--home", ".local/cloud")
        result = self.clone.run(".venv/bin/python", *command, *flags)
        assert result.status == 0, result.output
        return result.output


@pytest.fixture(scope="module", name="server")
def _server(clone: Clone) -> Iterator[Server]:
    """Yield the server, whose proxy looks for certificates to renew each second."""
    server = Server.of(clone)
    server.containers_at_rest()
    pristine = server.desired()
    server.must(f"sudo mkdir -p /etc/caddy/options && echo renew_interval 1s | sudo tee {_OPTIONS}")
    server.must("sudo", "systemctl", "restart", "caddy")
    try:
        yield server
    finally:
        server.must("sudo", "rm", _OPTIONS)
        server.must(*TOOL, "apply", stdin=pristine)
        server.must("sudo", "systemctl", "restart", "caddy")
        assert server.status()["differs"] == []


@pytest.fixture(scope="module", name="ca")
def _ca(clone: Clone, server: Server) -> Iterator[Ca]:
    assert server.address
    ca = Ca(clone)
    ca.start()
    yield ca
    ca.stop()


@pytest.fixture(scope="module", name="switch")
def _switch(server: Server, ca: Ca) -> list[int]:
    """Let the service move to HTTPS; return the answers by plain HTTP meanwhile."""
    tls = {**ca.tls, "address": server.address}
    desired = server.desired(site=f"https://{server.address}", tls=tls, health=QUICK)
    process = server.start(*TOOL, "apply", stdin=desired)
    answers = []
    while process.poll() is None:
        answers.append(httpx.get(f"http://{server.address}/readyz", timeout=10).status_code)
        time.sleep(0.05)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    server.containers_at_rest()
    return answers


def served(server: Server, trusted: ssl.SSLContext) -> x509.Certificate:
    """Return the certificate that a client gets, which it verifies."""
    with (
        socket.create_connection((server.address, 443), 10) as plain,
        trusted.wrap_socket(plain, server_hostname=server.address) as link,
    ):
        return x509.load_der_x509_certificate(link.getpeercert(binary_form=True) or b"")


def test_the_former_site_serves_until_https_does(server: Server, ca: Ca, switch: list[int]) -> None:
    moved = switch.index(httpx.codes.PERMANENT_REDIRECT) if 308 in switch else len(switch)

    assert set(switch[:moved]) == {httpx.codes.OK}
    assert set(switch[moved:]) <= {httpx.codes.PERMANENT_REDIRECT}
    names = served(server, ca.trusted).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert [str(ip) for ip in names.value.get_values_for_type(x509.IPAddress)] == [server.address]
    answer = httpx.get(f"https://{server.address}/readyz", verify=ca.trusted, timeout=10)
    assert answer.status_code == httpx.codes.OK
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
        served(server, ssl.create_default_context())


@pytest.mark.usefixtures("switch")
def test_a_certificate_is_renewed_by_itself_without_a_lost_request(server: Server, ca: Ca) -> None:
    with Load(f"https://{server.address}", trusted=ca.trusted, seconds=2 * LIFETIME) as load:
        first = served(server, ca.trusted).serial_number
        eventually(
            "another certificate",
            lambda: served(server, ca.trusted).serial_number != first,
            wanted=True,
            seconds=LIFETIME,
        )
        time.sleep(2)  # requests with the new certificate

    assert load.failures == []
    assert load.sent > 0


@pytest.mark.usefixtures("switch")
@pytest.mark.parametrize("site", ["auth.example.test", "https://192.0.2.99"])
def test_a_name_that_the_ca_would_refuse_changes_nothing(server: Server, ca: Ca, site: str) -> None:
    before = server.status()["live"]["release"]

    refused = server.run(
        *TOOL, "apply", stdin=server.desired(site=site, tls={**ca.tls, "address": server.address})
    )

    assert refused.status != 0
    assert "The site stays as it is" in refused.output
    assert server.status()["live"]["release"] == before
    assert served(server, ca.trusted)


@pytest.mark.usefixtures("switch")
def test_without_the_ca_the_certificate_serves_to_its_end_and_another_comes_with_the_ca(
    server: Server, ca: Ca
) -> None:
    assert "the certificate is valid for" in tls_line(server)
    last = served(server, ca.trusted)
    with ca.silent():
        problem, deadline = "", time.monotonic() + LIFETIME + 30
        while not problem and time.monotonic() < deadline:
            try:
                last = served(server, ca.trusted)
            except ssl.SSLCertVerificationError as error:
                problem = error.verify_message
            time.sleep(0.2)
        assert problem == "certificate has expired"
        assert datetime.now(UTC) >= last.not_valid_after_utc
        assert "the certificate has expired" in tls_line(server)
        # a release at the same names asks no CA
        assert server.apply({"AUTH_LOCKOUT_AFTER": "7"}, health=QUICK).status == 0
    # as the runbook has it; by itself, the proxy asks again within minutes
    server.must("sudo", "systemctl", "restart", "caddy")

    def serves() -> bool:
        try:
            return bool(served(server, ca.trusted))
        except OSError:
            return False

    eventually("a new certificate", serves, wanted=True, seconds=60)


def tls_line(server: Server) -> str:
    lines: list[str] = server.must(*TOOL, "status", "auth").splitlines()
    return next((line for line in lines if line.strip().startswith("TLS")), "")
