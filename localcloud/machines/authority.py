"""The certificate authority in Let's Encrypt's place: Pebble, which really asks the machines.

It speaks ACME (RFC 8555), and has Let's Encrypt's profiles. It is started on demand, as its program
takes a minute to build.
"""

import json
import ssl
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from common import files
from localcloud.machines.bridge import Bridge
from localcloud.machines.docker import DockerError, docker, inspect
from localcloud.state.home import Home

# https://letsencrypt.org/docs/profiles/
LIFETIMES = {"classic": 90 * 86400, "shortlived": 160 * 3600}
IDENTITY = "ca.localcloud.test"  # in CAA records
_DIRECTORY_PORT, _MANAGEMENT_PORT = 14000, 15000
_DIRECTORY_DAYS = 3650
_READY_SECONDS = 15


class Authority:
    """A container on the computer's network: it asks the public addresses of machines.

    Machines reach it at the bridge's own address. Each start has a new root, whose certificate is
    added to `roots_file`.
    """

    def __init__(self, home: Home, bridge: Bridge) -> None:
        self._bridge = bridge
        self._label, self._name = home.label, f"{home.prefix}authority"
        self._folder = home.path / "authority"
        self._management = home.network[2]
        self._directory_roots_file = self._folder / "directory.pem"
        self.roots_file = self._folder / "roots.pem"

    def start(self, image: str, program: Path, lifetime: int | None) -> None:
        """Start the authority, unless it runs with these lifetimes.

        `lifetime` in seconds is that of each certificate; None: as Let's Encrypt has them.
        """
        lifetimes = dict.fromkeys(LIFETIMES, lifetime) if lifetime else LIFETIMES
        configuration = self._configuration(lifetimes)
        container = inspect(self._name)
        file = self._folder / "pebble.json"
        is_same = file.exists() and file.read_text() == configuration
        if not (container and container["State"]["Running"] and is_same):
            if container:
                docker("rm", "--force", self._name)
            self._make_key_pair()
            files.write(file, configuration)
            self._run(image, program)
        self._keep_root()

    def stop(self) -> None:
        """Remove the container; the certificates of its roots stay. Idempotent."""
        if inspect(self._name):
            docker("rm", "--force", self._name)

    def describe(self) -> dict[str, str] | None:
        """Return the directory's URL, its CA, and the file of the roots; None before a start."""
        if not self.roots_file.exists():
            return None
        return {
            "directory": f"https://{self._bridge.host}:{_DIRECTORY_PORT}/dir",
            "directory_roots_file": str(self._directory_roots_file),
            "roots_file": str(self.roots_file),
        }

    def _run(self, image: str, program: Path) -> None:
        docker(
            *("run", "--detach", "--init", "--name", self._name),
            *("--label", self._label, "--network", "host", "--restart", "unless-stopped"),
            *("--read-only", "--cap-drop", "ALL"),
            *("--cap-add", "DAC_OVERRIDE"),  # the folder belongs to the emulator's user
            # no pauses and no refusals at random, which Pebble has for tests of ACME clients
            *("--env", "PEBBLE_VA_NOSLEEP=1", "--env", "PEBBLE_WFE_NONCEREJECT=0"),
            *("--volume", f"{self._folder}:/authority:ro"),
            *("--volume", f"{program.resolve()}:/pebble:ro"),
            *(image, "/pebble", "-config", "/authority/pebble.json"),
        )

    def _configuration(self, lifetimes: dict[str, int]) -> str:
        document: dict[str, Any] = {
            "listenAddress": f"{self._bridge.host}:{_DIRECTORY_PORT}",
            "managementListenAddress": f"{self._management}:{_MANAGEMENT_PORT}",
            "certificate": "/authority/directory.pem",
            "privateKey": "/authority/directory.key",
            "httpPort": 80,
            "tlsPort": 443,
            "keyAlgorithm": "ecdsa",
            "caaIdentities": [IDENTITY],
            "profiles": {
                name: {"description": f"{seconds} seconds", "validityPeriod": seconds}
                for name, seconds in lifetimes.items()
            },
        }
        return json.dumps({"pebble": document}, indent=2)

    def _make_key_pair(self) -> None:
        """Make the directory's own certificate, for HTTPS, which signs itself, unless it is there.

        Its clients trust it, so it outlives a start.
        """
        if self._is_for_this_bridge():
            return
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, IDENTITY)])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=_DIRECTORY_DAYS))
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(each) for each in self._addresses]),
                critical=False,
            )
            .sign(key, SHA256())
        )
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        files.write(self._folder / "directory.key", private)
        files.write(self._directory_roots_file, certificate.public_bytes(Encoding.PEM), mode=0o644)

    @property
    def _addresses(self) -> list[IPv4Address]:
        return [self._bridge.host, self._management]

    def _is_for_this_bridge(self) -> bool:
        if not self._directory_roots_file.exists():
            return False
        certificate = x509.load_pem_x509_certificate(self._directory_roots_file.read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return names.get_values_for_type(x509.IPAddress) == self._addresses

    def _keep_root(self) -> None:
        """Add the root's certificate to those of earlier starts, once the authority answers."""
        root = self._fetch_root()
        earlier = self.roots_file.read_text() if self.roots_file.exists() else ""
        if root not in earlier:
            files.write(self.roots_file, earlier + root, mode=0o644)

    def _fetch_root(self) -> str:
        url = f"https://{self._management}:{_MANAGEMENT_PORT}/roots/0"
        trusting = ssl.create_default_context(cafile=str(self._directory_roots_file))
        # a proxy that the environment names is for the world, never for this computer
        direct = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusting)
        )
        deadline = time.monotonic() + _READY_SECONDS
        while True:
            try:
                with direct.open(url, timeout=5) as answer:
                    return str(answer.read().decode())
            except OSError as error:
                if time.monotonic() > deadline:
                    raise DockerError(
                        f"The certificate authority did not answer within {_READY_SECONDS} s "
                        f"({error}). Its log: docker logs {self._name}"
                    ) from error
                time.sleep(0.1)
