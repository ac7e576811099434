"""The databases of the tests: SQLite, and our own PostgreSQL server."""

import os
import shutil
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

import psycopg

from common import cache, root

SQLITE, POSTGRESQL = "sqlite", "postgresql"
# Debian's and Ubuntu's folders for the programs of each version.
_VERSIONS = Path("/usr/lib/postgresql")
_SUPERUSER = "auth"


@dataclass
class Postgres:
    """A server on a socket in its own folder; not durable, since no data has to last."""

    folder: Path

    def create(self) -> None:
        self.folder.chmod(0o755)
        data = self.folder / "data"
        data.mkdir()
        if os.geteuid() == 0:
            # The server refuses to run as root.
            for path in (self.folder, data):
                shutil.chown(path, "postgres", "postgres")
        self._run("initdb", "--username", _SUPERUSER, "--auth=trust", "--no-sync", "-E", "UTF8")
        self.start()

    def start(self) -> None:
        options = f"-c listen_addresses= -c unix_socket_directories={self.folder} -c fsync=off"
        self._run("pg_ctl", "start", "--wait", "--log", str(self.folder / "log"), "-o", options)

    def stop(self) -> None:
        self._run("pg_ctl", "stop", "--wait", "--mode=immediate")

    def new_database(self) -> str:
        """Make an empty database and return its URL."""
        name = f"auth_{uuid.uuid4().hex}"
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self._url(name)

    def _url(self, name: str) -> str:
        return f"postgresql://{_SUPERUSER}@/{name}?host={self.folder}"

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(_programs() / program), *arguments]
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        environment = {
            "PATH": os.environ["PATH"],
            "PGDATA": str(self.folder / "data"),
            "LC_ALL": "C.UTF-8",
        }
        # A file, not a pipe: the server that pg_ctl leaves behind would keep a pipe open.
        with (self.folder / "said").open("w+") as output:
            done = subprocess.run(
                [*(as_user if os.geteuid() == 0 else []), *command],
                env=environment,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=120,
                check=False,
            )
            output.seek(0)
            assert done.returncode == 0, f"{program} ended with {done.returncode}: {output.read()}"


def _programs() -> Path:
    """Return the folder of PostgreSQL's programs; install them where they are missing."""
    if not _installed():
        root.install("postgresql", log=cache.folder() / "log" / "postgresql.log")
    return max(_installed(), key=lambda folder: int(folder.parent.name))


def _installed() -> list[Path]:
    return [initdb.parent for initdb in _VERSIONS.glob("[0-9]*/bin/initdb")]
