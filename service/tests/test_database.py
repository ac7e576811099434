"""A database that is locked, full or gone means an answer of 503, and needs no restart after."""

import contextlib
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from auth.storage.sqlite import SqliteDatabase
from databases import Postgres
from running import Server
from users import User

CREDENTIALS = {"email": "ada@example.test", "password": "correct horse"}


def register(server: Server) -> httpx.Response:
    return httpx.post(f"{server.url}/v1/auth/register", json=CREDENTIALS, timeout=30)


def is_unavailable(answer: httpx.Response) -> bool:
    return (
        answer.status_code == 503
        and answer.json()["code"] == "unavailable"
        and answer.headers["Retry-After"] == "1"
    )


def test_a_locked_file_is_unavailable_and_comes_back(on_sqlite: Server) -> None:
    on_sqlite.start()
    holder = sqlite3.connect(on_sqlite.data / "auth.sqlite", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")

    locked = register(on_sqlite)
    holder.execute("ROLLBACK")
    holder.close()
    mended = register(on_sqlite)

    assert is_unavailable(locked)
    assert mended.status_code == 201, "half of the refused request was written, or no recovery"


def test_while_the_file_is_locked_a_request_with_an_access_token_is_served(
    on_sqlite: Server,
) -> None:
    on_sqlite.start()
    with httpx.Client(base_url=on_sqlite.url) as client:
        ada = User.signed_in(client)
        with contextlib.closing(
            sqlite3.connect(on_sqlite.data / "auth.sqlite", isolation_level=None)
        ) as holder:
            holder.execute("BEGIN EXCLUSIVE")
            assert ada.get("/v1/me").status_code == 200


def test_a_file_that_is_gone_is_unavailable_not_made_anew(on_sqlite: Server) -> None:
    on_sqlite.start()
    with httpx.Client(base_url=on_sqlite.url) as client:
        ada = User.registered(client)
        away = on_sqlite.data / "away"
        away.mkdir()
        for file in on_sqlite.data.glob("auth.sqlite*"):
            file.rename(away / file.name)
        gone = [register(on_sqlite) for _ in range(2)]
        ready = client.get("/readyz").status_code
        for file in away.iterdir():
            file.rename(on_sqlite.data / file.name)

        assert all(map(is_unavailable, gone))
        assert ready == 503
        assert ada.can_sign_in()
        assert client.get("/readyz").status_code == 200


def test_the_checkpoints_are_left_to_the_copying(tmp_path: Path) -> None:
    """Litestream checkpoints a log of 1000 pages, and two programs at once can damage it."""
    path = tmp_path / "auth.sqlite"
    database = SqliteDatabase(f"sqlite:///{path}")
    try:
        database.write_now(lambda connection: connection.exec_driver_sql("CREATE TABLE t (x)"))
        for _ in range(1500):  # pages; each commit writes its page anew
            database.write_now(
                lambda connection: connection.exec_driver_sql("INSERT INTO t VALUES (1)")
            )
        log = path.with_name("auth.sqlite-wal")
        assert log.stat().st_size > 1500 * 4096, "nothing was written back to the database"
    finally:
        database.close()


@pytest.fixture(name="small_disk")
def _small_disk(tmp_path: Path) -> Iterator[Path]:
    """Yield a folder on a disk of 2 MB; needs root, as in the containers of CI."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_is_unavailable_and_comes_back(on_sqlite: Server, small_disk: Path) -> None:
    on_sqlite.database = f"sqlite:///{small_disk}/auth.sqlite"
    on_sqlite.start()
    with httpx.Client(base_url=on_sqlite.url, timeout=30) as client:
        ada = User.signed_in(client)
        filler = small_disk / "filler"
        with contextlib.suppress(OSError), filler.open("wb") as file:
            while True:
                file.write(b"x" * 4096)
                file.flush()
        statuses = {User(client).client.post("/v1/auth/login", json=ada.credentials).status_code}
        for _ in range(40):
            # The free space within the file's own pages takes some more rows.
            statuses.add(client.post("/v1/auth/login", json=ada.credentials).status_code)
        full = client.get("/readyz")
        filler.unlink()

        assert (full.status_code, client.get("/readyz").status_code) == (503, 200)
        assert full.json()["checks"]["disk"] == "No space left on device"
        assert 503 in statuses
        assert statuses <= {200, 503}
        assert ada.can_sign_in()


def test_a_disk_that_is_read_only_is_not_ready(on_sqlite: Server, small_disk: Path) -> None:
    on_sqlite.database = f"sqlite:///{small_disk}/auth.sqlite"
    on_sqlite.start()
    # the whole disk is busy; new files meet a view of it that is read-only
    subprocess.run(["mount", "--bind", small_disk, small_disk], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", small_disk], check=True)
    read_only = httpx.get(f"{on_sqlite.url}/readyz", timeout=30)
    subprocess.run(["umount", "--lazy", small_disk], check=True)

    assert read_only.status_code == 503
    assert read_only.json()["checks"]["disk"] == "Read-only file system"


def test_a_database_without_our_tables_is_not_ready(own_server: Server) -> None:
    own_server.start()
    own_server.execute("ALTER TABLE accounts RENAME TO away")
    gone = httpx.get(f"{own_server.url}/readyz", timeout=30).status_code
    own_server.execute("ALTER TABLE away RENAME TO accounts")

    assert gone == 503
    assert httpx.get(f"{own_server.url}/readyz", timeout=30).status_code == 200


def test_readiness_lists_its_checks(own_server: Server) -> None:
    own_server.start()

    assert httpx.get(f"{own_server.url}/readyz").json() == {
        "status": "ok",
        "checks": {"database": "ok", "migrations": "current", "keys": "ok"},
    }


def test_a_postgresql_that_went_away_is_unavailable_and_comes_back(
    tmp_path: Path, key: str, postgres: Postgres
) -> None:
    server = Server(data=tmp_path, key=key, database=postgres.new_database())
    server.start()
    try:
        with httpx.Client(base_url=server.url, timeout=30) as client:
            ada = User.registered(client)
            postgres.stop()
            gone, ready = register(server), client.get("/readyz").status_code
            postgres.start()
            statuses = [client.get("/readyz").status_code for _ in range(10)]

            assert is_unavailable(gone)
            assert ready == 503
            assert statuses[-1] == 200
            assert ada.can_sign_in()
    finally:
        server.stop()
