"""Operators log in with keys of their own, and each key has the rights of its role alone."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from components import access
from components.keys import ed25519_public
from stack.secrets import ssh_key
from tests.testbed.clone import Clone, Result
from tests.testbed.server import TOOL, Server

ADMIN, RELEASE = ssh_key(), ssh_key()


def login_key_of(clone: Clone) -> str:
    """Return the public half of the key of deployments."""
    return ed25519_public((clone.path / ".local" / "ssh" / "local" / "key").read_text())


@pytest.fixture(name="operators")
def _operators(clone: Clone, server: Server, tmp_path: Path) -> Iterator[Path]:
    """Put an administrator and a releaser on the server; yield the folder with their keys."""
    login_key = login_key_of(clone)
    keys = {"admin": ADMIN, "release": RELEASE}
    operators = [
        access.Operator(name=f"ann-{role}", public=ed25519_public(key), role=role)
        for role, key in keys.items()
    ]
    for role, key in keys.items():
        (tmp_path / role).write_text(key)
        (tmp_path / role).chmod(0o600)
    server.must(*TOOL, "access", stdin=access.document(login_key, operators))
    try:
        yield tmp_path
    finally:
        server.must(*TOOL, "access", stdin=access.document(login_key, []))


def on_server(clone: Clone, identity: Path | None, *argv: str) -> Result:
    """Run a command with an operator's key; None is the key of deployments."""
    own_key = ("--identity", str(identity)) if identity else ()
    return clone.run("python3", "-m", "stack", "ssh", *own_key, "--", *argv, seconds=120)


def test_each_key_has_the_rights_of_its_role(clone: Clone, server: Server, operators: Path) -> None:
    admin, releaser = operators / "admin", operators / "release"

    status = on_server(clone, releaser, *TOOL, "status", "auth", "--json")
    refused = [
        on_server(clone, key, *argv).output
        for key in (releaser, None)
        for argv in ((), ("sudo", "bash"))
    ]
    noted = on_server(clone, admin, *TOOL, "note", "looked")
    journal = on_server(clone, admin, "sudo", "journalctl", "-t", "auth-release", "-n", "200")

    assert json.loads(status.output)["live"]
    assert [text.partition("permits ")[2].partition(".")[0] for text in refused] == [
        *("no shell", "no such command"),
        *("no shell", "no such command"),
    ], refused
    assert noted.status == 0, noted.output
    (by,) = (
        each["by"]
        for row in json.loads(server.must(*TOOL, "history", "auth", "--json"))
        for each in row["interventions"]
        if each["note"] == "looked"
    )
    assert "ann-admin from " in by
    assert "ann-release (release): sudo auth-release status auth --json" in journal.output
    assert "refused: ann-release (release): sudo bash" in journal.output
    assert clone.make("status").status == 0, "the key of deployments can't ask for the status"


def test_a_key_that_is_taken_away_is_refused(clone: Clone, server: Server, operators: Path) -> None:
    server.must(*TOOL, "access", stdin=access.document(login_key_of(clone), []))

    refused = on_server(clone, operators / "admin", "true")

    assert "Permission denied" in refused.output
