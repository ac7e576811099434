"""The VM as its provisioning and its releases leave it: its disk, and the cloud's own addresses."""

import base64
import json
import shlex
from pathlib import Path

import pytest

from components.release_tool import caddy_hashes
from tests.e2e.test_stack import secrets_of
from tests.testbed.clone import Clone
from tests.testbed.server import TOOL, Server

SCAN = (Path(__file__).parent / "scan.py").read_text()
# where secrets are that the VM must have
PLACES = {
    # cloud-init's, which brought it, and sshd's
    "sshHostKey": ("/etc/ssh/", "/var/lib/cloud/", "/run/cloud-init/"),
    # the copying reads it
    "backupSecretKey": ("/etc/auth-backup/",),
    # each report is signed with it
    "metricsPrivateKey": ("/etc/auth-metrics/",),
    # the live container's, and the configuration of releases that can be run again
    "signingKey": ("/var/lib/auth-release/auth/secrets-", "/var/lib/auth-release/auth/release-"),
}


def disguises(secret: str) -> list[str]:
    """Return the forms of a secret in a file: plain, or in base64 within other text."""
    texts = [secret]
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + secret.encode()).decode().rstrip("=")
        # the digits at both ends hold bits of the text around it
        texts.append(text[shift + 1 if shift else 0 : -1])
    return texts


def test_no_secret_is_on_the_servers_disk_but_in_the_places_that_need_it(
    clone: Clone, server: Server
) -> None:
    wanted = {name: disguises(secret) for name, secret in secrets_of(clone).items()}

    scan = server.start("sudo", "python3", "-c", shlex.quote(SCAN), stdin=json.dumps(wanted))
    output, _ = scan.communicate(timeout=300)
    assert scan.returncode == 0, output[-2000:]
    scanned = json.loads(output)

    assert scanned["bytes"] > 500 << 20, f"the scan read {scanned['bytes']} bytes alone"
    for name, places in scanned["found"].items():
        allowed = PLACES.get(name, ())
        wrong = [place for place in places if not place.startswith(allowed)]
        assert wrong == [], f"{name} is on the disk"
    for name in PLACES:
        assert scanned["found"][name], f"{name} is not in its place: the scan does not find it"


# asks each of the cloud's link-local services, and prints the outcomes
ASK = """
import http.client, json, socket

QUESTION = b"\\x07\\x07\\x01\\x00\\x00\\x01" + bytes(6) + b"\\x08registry\\x00\\x00\\x01\\x00\\x01"

def outcome(ask):
    try:
        return ask()
    except OSError as error:
        return type(error).__name__

def metadata():
    connection = http.client.HTTPConnection("169.254.169.254", timeout=5)
    connection.request("GET", "/opc/v2/instance/", headers={"Authorization": "Bearer Oracle"})
    return f"HTTP {connection.getresponse().status}"

def name():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as resolver:
        resolver.settimeout(5)
        resolver.connect(("169.254.169.254", 53))
        resolver.send(QUESTION)
        return "answered" if resolver.recv(512)[:2] == QUESTION[:2] else "strange"

def name_by_tcp():
    with socket.create_connection(("169.254.169.254", 53), timeout=5) as resolver:
        resolver.send(len(QUESTION).to_bytes(2, "big") + QUESTION)
        return "answered" if resolver.recv(4)[2:] == QUESTION[:2] else "strange"

def disk(address):
    with socket.create_connection((address, 3260), timeout=5):
        return "connected"

print(json.dumps({
    "metadata": outcome(metadata),
    "name": outcome(name),
    "name by TCP": outcome(name_by_tcp),
    "boot disk": outcome(lambda: disk("169.254.0.2")),
    "disk": outcome(lambda: disk("169.254.2.2")),
}))
"""
REFUSED = "ConnectionRefusedError"
NAMES = {"name": "answered", "name by TCP": "answered"}
OF_A_CONTAINER = {**NAMES, "metadata": REFUSED, "boot disk": REFUSED, "disk": REFUSED}


def test_containers_reach_names_and_nothing_else_that_is_link_local(server: Server) -> None:
    container = f"auth-{server.status()['live']['release']}"
    asked = ("sudo", "docker", "exec", "--interactive", container, "python3", "-")

    assert json.loads(server.must(*asked, stdin=ASK)) == OF_A_CONTAINER
    assert json.loads(server.must("sudo", "python3", "-", stdin=ASK))["metadata"] == "HTTP 200"

    # Docker makes its chains anew, and ours is asked for twice
    server.must("sudo systemctl restart docker auth-link-local")
    assert json.loads(server.must(*asked, stdin=ASK)) == OF_A_CONTAINER
    rules = server.must("sudo", "iptables", "-S").splitlines()
    assert [rule for rule in rules if rules.count(rule) > 1] == []


def test_of_the_vms_users_root_alone_reads_the_metadata(server: Server) -> None:
    outcomes = json.loads(server.must("python3", "-", stdin=ASK))

    assert outcomes["metadata"] == REFUSED
    assert {name: outcomes[name] for name in NAMES} == NAMES


@pytest.mark.usefixtures("load")
def test_another_caddy_takes_over_without_a_lost_request(server: Server) -> None:
    def process() -> str:
        shown = server.must("systemctl", "show", "--property=MainPID", "--value", "caddy")
        return shown.strip()

    former = process()
    # as an installation leaves it: the process runs a program whose file is gone
    server.must("sudo", "cp", "/usr/local/bin/caddy", "/usr/local/bin/caddy.new")
    server.must("sudo", "mv", "/usr/local/bin/caddy.new", "/usr/local/bin/caddy")
    server.must(*TOOL, "install-proxy", *caddy_hashes())
    latter = process()
    server.must(*TOOL, "install-proxy", *caddy_hashes())

    assert latter != former
    assert process() == latter, "the same Caddy was restarted"
    program = server.must("sudo", "readlink", f"/proc/{latter}/exe").strip()
    assert program == "/usr/local/bin/caddy"
