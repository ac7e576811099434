"""The role of a service, and its database, on a PostgreSQL server that only the VM reaches.

The SQL is the program's (components/database_role.py).
"""

import json
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from .errors import ReleaseError
from .programs import run

_FIELDS = frozenset({"administrator", "ca", "disk", "host", "password", "queries", "role"})
_PORT = 5432
_PATIENCE_SECONDS = 90  # the rule for this VM and the server's name may be new
_PAUSE_SECONDS = 3
_APT_SECONDS = 300
_QUIET = "SET client_min_messages = warning;\n"


def make(document: bytes) -> str:
    """Make the role and the database of a document, and return the result in words.

    The document is JSON with the server's host name and the certificate of its CA, the
    administrator and its password, the role, the queries that return the statements, and the disk
    of this VM, which makes another VM prove that it reaches the server.
    """
    try:
        wanted = dict(json.loads(document))
    except (ValueError, TypeError):
        raise ReleaseError("the document on stdin is no JSON object") from None
    if set(wanted) != _FIELDS:
        raise ReleaseError(f"the document on stdin must have {', '.join(sorted(_FIELDS))}")
    _install_client()
    with tempfile.TemporaryDirectory(prefix="auth-database-role-") as folder:
        environment = _environment(Path(folder), wanted)
        command = ("psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname=postgres")
        _wait(*command, environment=environment)
        lines = (f"{query} \\gexec\n" for query in wanted["queries"].splitlines())
        run(*command, env=environment, stdin=_QUIET + "".join(lines), timeout=60)
    return f"{wanted['role']} may log in at {wanted['host']}, and owns its database there"


def _install_client() -> None:
    if shutil.which("psql"):
        return
    options = ("--quiet=2", f"--option=DPkg::Lock::Timeout={_APT_SECONDS}")
    environment = {"DEBIAN_FRONTEND": "noninteractive"}
    run("apt-get", *options, "update", timeout=_APT_SECONDS, env=environment)
    install = ("install", "--yes", "--no-install-recommends", "postgresql-client")
    run("apt-get", *options, *install, timeout=2 * _APT_SECONDS, env=environment)


def _environment(folder: Path, wanted: Mapping[str, str]) -> Mapping[str, str]:
    """Write the CA and the password into files for this user, and return libpq's variables."""
    ca, passwords = folder / "ca.pem", folder / "passwords"
    login = f"{wanted['host']}:{_PORT}:*:{wanted['administrator']}:{wanted['password']}\n"
    for file, content in ((ca, wanted["ca"]), (passwords, login)):
        file.touch(mode=0o600)
        file.write_text(content)
    return {
        "PGHOST": wanted["host"],
        "PGPORT": str(_PORT),
        "PGUSER": wanted["administrator"],
        "PGPASSFILE": str(passwords),
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": str(ca),
        "PGCONNECT_TIMEOUT": "10",
    }


def _wait(*command: str, environment: Mapping[str, str]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            run(*command, "--command=SELECT 1", env=environment, timeout=30)
        except ReleaseError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return
