"""The making of a role in PostgreSQL; tests/e2e has it on a real server."""

import json
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from host.auth_release import database_role
from host.auth_release.errors import ReleaseError

PASSWORD, QUERIES = "hunter2-of-the-keeper", "SELECT 'one statement'\nSELECT 'another'"
DOCUMENT = {
    "administrator": "keeper",
    "ca": "certificate",
    "disk": "disk",
    "host": "db.test",
    "password": PASSWORD,
    "queries": QUERIES,
    "role": "auth",
}


@pytest.fixture(name="started")
def _started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Let each program succeed; list the programs, and check the files of their secrets."""
    started: list[tuple[str, ...]] = []

    def run(*argv: str, env: Mapping[str, str], stdin: str = "", **_: Any) -> str:
        started.append((*argv, stdin))
        for name in ("PGPASSFILE", "PGSSLROOTCERT") if argv[0] == "psql" else ():
            file = Path(env[name])
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        assert PASSWORD not in " ".join([*argv, *env.values(), stdin])
        return ""

    monkeypatch.setattr(database_role, "run", run)
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/psql")
    return started


def test_secrets_are_in_files_of_root_alone_which_are_gone_afterwards(
    started: list[tuple[str, ...]],
) -> None:
    result = database_role.make(json.dumps(DOCUMENT).encode())

    assert result == "auth may log in at db.test, and owns its database there"
    assert [argv[0] for argv in started] == ["psql", "psql"]
    assert "one statement" not in " ".join(started[-1][:-1]), "arguments are for all to read"
    assert started[-1][-1].splitlines()[1:] == [
        "SELECT 'one statement' \\gexec",
        "SELECT 'another' \\gexec",
    ]


@pytest.mark.parametrize("document", [b"no JSON", b"[]", b'{"host": "db.test"}'])
def test_another_document_is_refused(document: bytes, started: list[tuple[str, ...]]) -> None:
    with pytest.raises(ReleaseError, match="on stdin"):
        database_role.make(document)

    assert started == []


def test_a_server_that_never_answers_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*argv: str, **_: Any) -> str:
        raise ReleaseError(f"`{argv[0]}` failed: timeout expired")

    monkeypatch.setattr(database_role, "run", run)
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/psql")
    monkeypatch.setattr(database_role, "_PATIENCE_SECONDS", 0)
    monkeypatch.setattr(database_role, "_PAUSE_SECONDS", 0)

    with pytest.raises(ReleaseError, match="timeout expired"):
        database_role.make(json.dumps(DOCUMENT).encode())
