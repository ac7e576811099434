"""A PostgreSQL server elsewhere: verified TLS, a role that owns its database, several processes."""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from certificates import certificate
from databases import Postgres
from running import Server, free_port
from users import User

from components import database_role

PASSWORD = "correct-horse-battery"


@pytest.fixture(scope="module", name="elsewhere")
def _elsewhere() -> Iterator[Postgres]:
    """Yield a server that listens on an address, by TLS."""
    with tempfile.TemporaryDirectory(prefix="auth-postgres-") as folder:
        server = Postgres(Path(folder), address="127.0.0.1", port=free_port())
        server.create()
        yield server
        server.stop()


@pytest.fixture(name="remote")
def _remote(tmp_path: Path, key: str, elsewhere: Postgres) -> Iterator[Server]:
    """Yield a service on a role and a database of its own there, as the document makes them."""
    ca = tmp_path / "ca.pem"
    ca.write_bytes(elsewhere.ca.read_bytes())
    url = f"{elsewhere.new_role(PASSWORD)}?sslmode=verify-full&sslrootcert={ca}"
    server = Server(data=tmp_path, key=key, database=url)
    yield server
    server.stop()


def test_a_role_that_owns_its_database_needs_no_other_right(remote: Server) -> None:
    remote.start()
    with httpx.Client(base_url=remote.url, timeout=30) as client:
        assert User.signed_in(client).get("/v1/me").status_code == 200
    assert remote.command("prune").returncode == 0
    assert remote.command("rotate-keys").returncode == 0


def test_the_role_is_made_by_the_administrator_again_and_again(
    remote: Server, tmp_path: Path, elsewhere: Postgres
) -> None:
    """As Oracle's administrator, who may make roles and databases, and is no superuser."""
    elsewhere.execute("postgres", "CREATE ROLE keeper LOGIN CREATEROLE CREATEDB")
    file = tmp_path / "role.json"
    for keeper in ("hunter2-of-the-keeper", "hunter2-of-another", "hunter2-of-another"):
        elsewhere.execute("postgres", f"ALTER ROLE keeper PASSWORD '{keeper}'")
        document = database_role.document(
            "of-a-job",
            host=elsewhere.address,
            ca=elsewhere.ca.read_text(),
            administrator_password=keeper,
        )
        file.write_text(json.dumps({**document, "port": elsewhere.port}))
        made = remote.command("make-database-role", str(file))
        assert made.returncode == 0, made.stdout + made.stderr
        assert keeper not in made.stdout + made.stderr
        password = database_role.password("of-a-job", administrator_password=keeper)
        remote.database = (
            f"postgresql://of-a-job:{password}@{elsewhere.address}:{elsewhere.port}/of-a-job"
            f"?sslmode=verify-full&sslrootcert={elsewhere.ca}"
        )
        assert remote.command("migrate").returncode == 0, "the role owns its database"


def test_a_document_that_is_none_is_not_shown(remote: Server, tmp_path: Path) -> None:
    file = tmp_path / "role.json"
    file.write_text('{"password": "hunter2"}')
    made = remote.command("make-database-role", str(file))
    assert made.returncode == 1
    assert "has no document of a role" in made.stdout
    assert "hunter2" not in made.stdout + made.stderr


def test_a_server_with_another_certificate_is_refused_before_the_password_is_sent(
    remote: Server, tmp_path: Path, elsewhere: Postgres
) -> None:
    (tmp_path / "other").mkdir()
    other = certificate(tmp_path / "other", elsewhere.address)
    remote.database = remote.database.replace(str(tmp_path / "ca.pem"), str(other))
    ended = remote.command("serve")

    assert ended.returncode == 1
    assert "The database can't be used" in ended.stderr
    assert "certificate verify failed" in ended.stderr
    assert PASSWORD not in ended.stderr


def test_without_tls_the_server_lets_nobody_in(remote: Server) -> None:
    remote.database = remote.database.replace("verify-full", "disable")
    ended = remote.command("serve")

    assert ended.returncode == 1
    assert "no pg_hba.conf entry" in ended.stderr


def test_failed_logins_at_two_processes_lock_an_account_once_for_both(remote: Server) -> None:
    """As on two machines: the processes share the database alone."""
    remote.settings = {"AUTH_LOCKOUT_AFTER": "4"}
    remote.start()
    other = replace(remote, data=remote.data / "second", port=0, process=None)
    other.data.mkdir()
    other.start()
    try:
        with httpx.Client(base_url=remote.url, timeout=30) as client:
            ada = User.registered(client)
        wrong = {**ada.credentials, "password": "not the password"}
        statuses = [
            httpx.post(f"{each.url}/v1/auth/login", json=wrong, timeout=30).status_code
            for each in (remote, other, remote, other, remote, other)
        ]
        assert statuses[:4] == [401] * 4
        assert 429 in statuses[4:], "the failures at the other process count as well"
        answers = [
            httpx.post(f"{each.url}/v1/auth/login", json=ada.credentials, timeout=30).status_code
            for each in (remote, other)
        ]
        assert answers == [429, 429], "the lock holds at both"
    finally:
        other.stop()


def test_a_rate_limit_is_shared_by_two_processes(remote: Server) -> None:
    remote.settings = {"AUTH_RATE_LIMITS": "login=4/60"}
    remote.start()
    other = replace(remote, data=remote.data / "second", port=0, process=None)
    other.data.mkdir()
    other.start()
    try:
        nobody = {"email": "nobody@example.test", "password": "correct horse"}
        statuses = [
            httpx.post(f"{each.url}/v1/auth/login", json=nobody, timeout=30).status_code
            for each in (remote, other, remote, other, remote, other)
        ]
        assert statuses == [401, 401, 401, 401, 429, 429]
    finally:
        other.stop()
