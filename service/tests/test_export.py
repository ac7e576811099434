"""Accounts as lines that another service of ours imports."""

import json
from pathlib import Path

import httpx
import pytest
from running import Server
from users import User

BCRYPT = "$2b$04$EFmRGNILzyiva0jt6w4bseLbvYGJyo1b0z2vR8v6gOUR5OKdnRuzW"


@pytest.fixture(name="other")
def _other(tmp_path: Path, key: str) -> Server:
    """Return a second service, with a database of its own."""
    folder = tmp_path / "other"
    folder.mkdir()
    return Server(data=folder, key=key)


def test_an_import_of_an_export_makes_the_same_accounts(own_server: Server, other: Server) -> None:
    own_server.start()
    with httpx.Client(base_url=own_server.url) as client:
        ada = User.registered(client)
        ada.prove_address()
        ada.sign_in()
        client.patch("/v1/me", headers=ada.bearer, json={"name": "Ada Zoë"})
        identity = ada.id
    more = [
        {"email": "old@example.test", "password_hash": BCRYPT, "disabled": True, "role": "admin"},
        {"email": "none@bücher.example", "locale": "de"},
    ]
    own_server.command("import-users", stdin="\n".join(map(json.dumps, more)))

    exported = own_server.command("export-users", "--password-hashes")
    imported = other.command("import-users", stdin=exported.stdout)

    assert exported.stdout.count("\n") == 3
    assert imported.returncode == 0, imported.stderr
    assert other.command("export-users", "--password-hashes").stdout == exported.stdout
    other.start()
    try:
        with httpx.Client(base_url=other.url) as client:
            there = User(client, ada.email)
            there.sign_in()
            assert there.get("/v1/me").json()["name"] == "Ada Zoë"
            assert there.id == identity
    finally:
        other.stop()


def test_an_export_has_no_hash_unless_it_is_asked_for(own_server: Server) -> None:
    line = {"email": "ada@example.test", "password_hash": BCRYPT}
    own_server.command("import-users", stdin=json.dumps(line))

    assert "password_hash" not in own_server.command("export-users").stdout
    exported = json.loads(own_server.command("export-users", "--password-hashes").stdout)
    assert exported["password_hash"] == BCRYPT


def test_an_export_is_an_event_and_has_each_account_once(on_sqlite: Server) -> None:
    lines = [json.dumps({"email": f"user{number}@example.test"}) for number in range(1100)]
    on_sqlite.command("import-users", stdin="\n".join(lines))
    events = on_sqlite.count("audit_events")

    exported = on_sqlite.command("export-users").stdout.splitlines()

    assert len({json.loads(line)["email"] for line in exported}) == len(exported) == 1100
    assert on_sqlite.count("audit_events") == events + 1
