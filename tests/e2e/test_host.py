"""The VM as its provisioning and its releases leave it: its disk, and the cloud's own addresses."""

import base64
import json
import shlex
from pathlib import Path

import pytest

from tests.e2e.clone import Clone
from tests.e2e.server import Server
from tests.e2e.test_stack import secrets_of

SCAN = (Path(__file__).parent / "scan.py").read_text()
# where secrets are that the VM must have
PLACES = {
    # cloud-init's, which brought it, and sshd's
    "sshHostKey": ("/etc/ssh/", "/var/lib/cloud/", "/run/cloud-init/"),
    # the live container's, and the configuration of releases that can be run again
    "signingKey": ("/var/lib/auth-release/auth/secrets-", "/var/lib/auth-release/auth/release-"),
}


@pytest.fixture(scope="module", name="server")
def _server(clone: Clone) -> Server:
    return Server.of(clone)


def disguises(secret: str) -> list[str]:
    """Return a secret as it may stand in a file: plain, or in base64 with what surrounds it."""
    texts = [secret]
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + secret.encode()).decode().rstrip("=")
        # the digits at both ends hold bits of what surrounds it
        texts.append(text[shift + 1 if shift else 0 : -1])
    return texts


def test_no_secret_is_on_the_servers_disk_but_in_the_places_that_need_it(
    clone: Clone, server: Server
) -> None:
    wanted = {name: disguises(secret) for name, secret in secrets_of(clone).items()}

    scan = server.start("sudo", "python3", "-c", shlex.quote(SCAN), stdin=json.dumps(wanted))
    output, _ = scan.communicate(timeout=300)
    assert scan.returncode == 0, output[-2000:]
    seen = json.loads(output)

    assert seen["bytes"] > 500 << 20, f"of the disk were read {seen['bytes']} bytes alone"
    for name, places in seen["found"].items():
        allowed = PLACES.get(name, ())
        wrong = [place for place in places if not place.startswith(allowed)]
        assert wrong == [], f"{name} is on the disk"
    for name in PLACES:
        assert seen["found"][name], f"{name} is not where it must be: what is there is not found"
