"""The accounts move into a real PostgreSQL server, by verified TLS, and the service serves them."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from certificates import certificate
from databases import Postgres
from running import free_port

from tests.testbed.accounts import signs_in
from tests.testbed.clone import Clone
from tests.testbed.server import Server

PASSWORD = "hunter2-of-postgresql"
_KEYS = ("database", "databaseUrl", "databaseCa", "databaseSystem")


@pytest.fixture(name="postgres")
def _postgres(clone: Clone, server: Server) -> Iterator[Postgres]:
    """Yield a server on this computer's address in the network of the VM."""
    form = "{{range .NetworkSettings.Networks}}{{.NetworkID}} {{end}}"
    network = clone.run("docker", "inspect", "--format", form, server._container).output.split()[0]
    form = "{{range .IPAM.Config}}{{.Gateway}} {{.Subnet}}{{end}}"
    host = clone.run("docker", "network", "inspect", "--format", form, network).output.split()
    address = host[0] if "/" not in host[0] else host[0].rpartition(".")[0] + ".1"
    with tempfile.TemporaryDirectory(prefix="auth-postgres-") as folder:
        postgres = Postgres(Path(folder), address=address, port=free_port())
        postgres.create()
        try:
            yield postgres
        finally:
            for key in _KEYS:
                clone.shell(f"pulumi config rm auth:{key}")
            back = clone.make("up")
            postgres.stop()
            assert back.status == 0, "the stack is on SQLite again"


def configure(clone: Clone, tmp_path: Path, url: str, ca: Path) -> None:
    file = tmp_path / "url"
    file.write_text(url)
    done = clone.shell(
        "pulumi config set auth:database postgresql && "
        f"pulumi config set --secret auth:databaseUrl < {file} && "
        f"pulumi config set auth:databaseCa < {ca}"
    )
    assert done.status == 0, done.output


def test_a_stack_serves_from_postgresql_and_a_wrong_switch_leaves_the_live_release(
    clone: Clone, url: str, server: Server, postgres: Postgres, tmp_path: Path
) -> None:
    account = {"email": "ada-of-postgresql@example.test", "password": "a horse that moves"}
    assert httpx.post(f"{url}/v1/auth/register", json=account, timeout=30).is_success
    before = server.status()["live"]
    address = postgres.new_role(PASSWORD)
    (tmp_path / "other").mkdir()

    configure(clone, tmp_path, address, certificate(tmp_path / "other", postgres.address))
    wrong_ca = clone.make("up")
    assert wrong_ca.status != 0
    assert "certificate verify failed" in wrong_ca.output

    configure(clone, tmp_path, address, postgres.ca)
    left_behind = clone.make("up")
    assert left_behind.status != 0
    assert "has no accounts, and" in left_behind.output
    assert "make move-database TO=postgresql" in left_behind.output

    assert server.status()["live"] == before, "both times the live release goes on"
    assert httpx.post(f"{url}/v1/auth/login", json=account, timeout=30).is_success

    assert clone.shell("pulumi config set auth:database sqlite").status == 0
    moved = clone.make("move-database", "TO=postgresql", "YES=1")
    assert moved.status == 0, moved.output
    assert "The accounts are in postgresql." in moved.output
    signs_in(url, account)
    up = clone.make("up")
    assert up.status == 0, up.output
    assert f"PostgreSQL at {postgres.address}:{postgres.port}/" in up.output

    refused = clone.make("backup")
    assert refused.status != 0
    assert "on a server whose own backups have them" in refused.output

    inspected = server.must("sudo", "docker", "inspect", *server.containers())
    processes = server.must("ps", "-eo", "args")
    state = clone.shell("pulumi stack export").output
    shown = {
        "moved": moved.output,
        "up": up.output,
        "inspect": inspected,
        "arguments": processes,
        "state": state,
    }
    assert [place for place, text in shown.items() if PASSWORD in text] == []
    assert json.loads(state)["deployment"]

    later = {"email": "of-postgresql-alone@example.test", "password": "a horse that comes later"}
    assert httpx.post(f"{url}/v1/auth/register", json=later, timeout=30).is_success
    refused = clone.make("move-database", "TO=sqlite", "YES=1")
    assert refused.status != 0
    assert "accounts already. Nothing was changed." in refused.output
    signs_in(url, later)
    back = clone.make("move-database", "TO=sqlite", "YES=1", "OVER=yes")
    assert back.status == 0, back.output
    for each in (account, later):
        signs_in(url, each)


@pytest.fixture(name="unprotected")
def _unprotected(clone: Clone) -> Iterator[None]:
    """Delete Oracle's server after a test, which takes its protection away first."""
    yield
    urns = clone.shell("pulumi stack --show-urns").output
    urn = next(word for word in urns.split() if word.endswith("DbSystem::auth-database"))
    assert clone.shell(f"pulumi state unprotect --yes '{urn}'").status == 0
    for key in _KEYS:
        clone.shell(f"pulumi config rm auth:{key}")
    back = clone.make("up")
    assert back.status == 0, back.output


@pytest.mark.usefixtures("unprotected")
def test_oracle_runs_a_server_that_the_accounts_move_to_and_leave_again(
    clone: Clone, url: str, server: Server
) -> None:
    account = {"email": "ada-of-oracle@example.test", "password": "a horse that moves"}
    assert httpx.post(f"{url}/v1/auth/register", json=account, timeout=30).is_success

    expected = clone.make("move-database", "TO=postgresql")
    assert expected.status == 0, expected.output
    assert "Oracle makes a PostgreSQL server first" in expected.output
    moved = clone.make("move-database", "TO=postgresql", "YES=1")
    assert moved.status == 0, moved.output
    signs_in(url, account)
    up = clone.make("up")
    assert up.status == 0, up.output
    assert "PostgreSQL at primary." in up.output
    assert clone.shell("pulumi preview --expect-no-changes").status == 0

    password = clone.shell("pulumi config get auth:databasePassword").output.strip()
    assert len(password) >= 16
    shown = {
        "moved": moved.output,
        "up": up.output,
        "inspect": server.must("sudo", "docker", "inspect", *server.containers()),
        "state": clone.shell("pulumi stack export").output,
    }
    assert [place for place, text in shown.items() if password in text] == []
    places = ("/var/lib/auth-release", "/etc", "/run", "/root", "/home", "/tmp")  # noqa: S108 - of the server
    found = server.run("sudo", "grep", "-rlsFf-", "--devices=skip", *places, stdin=password)
    assert found.output.strip() == "", "the administrator's password stays on the server"

    back = clone.make("move-database", "TO=sqlite", "YES=1", "OVER=yes")
    assert back.status == 0, back.output
    signs_in(url, account)
    assert "SQLite on the data volume" in clone.make("up").output
