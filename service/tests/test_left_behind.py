"""No start on an empty database while the accounts are in the database of the other kind."""

from pathlib import Path

import httpx
from running import Server
from users import User


def serves(server: Server) -> None:
    """Start the server, add an account, and stop it."""
    server.start()
    try:
        with httpx.Client(base_url=server.url, timeout=30) as client:
            User.registered(client)
    finally:
        server.stop()


def test_accounts_in_sqlite_are_not_left_behind(on_sqlite: Server, on_postgres: Server) -> None:
    serves(on_sqlite)
    ended = on_postgres.command("serve")

    assert ended.returncode == 2
    assert "has no accounts, and" in ended.stderr
    assert "auth.sqlite has 1." in ended.stderr
    assert "make move-database TO=postgresql" in ended.stderr
    serves(on_sqlite)


def test_accounts_in_postgresql_are_not_left_behind(on_sqlite: Server, on_postgres: Server) -> None:
    serves(on_postgres)
    ended = on_sqlite.command("serve")

    assert ended.returncode == 2
    assert "make move-database TO=sqlite" in ended.stderr
    (on_sqlite.data / "postgresql").unlink()
    serves(on_sqlite)


def test_a_database_with_accounts_serves_beside_the_former(
    on_sqlite: Server, on_postgres: Server
) -> None:
    serves(on_postgres)
    note = on_sqlite.data / "postgresql"
    note.unlink()
    serves(on_sqlite)

    serves(on_postgres)
    serves(on_sqlite)
    assert "hunter2" not in note.read_text()


def test_a_former_database_that_can_not_be_read_is_named(
    on_sqlite: Server, on_postgres: Server, tmp_path: Path
) -> None:
    (tmp_path / "auth.sqlite").write_text("no database, but some bytes" * 100)
    ended = on_postgres.command("serve")

    assert on_sqlite.data == tmp_path
    assert ended.returncode == 2
    assert "can't be read: file is not a database" in ended.stderr
    assert "Traceback" not in ended.stderr
