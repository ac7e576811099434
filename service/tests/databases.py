"""The databases of the tests: SQLite, and our own PostgreSQL server."""

import os
import re
import shutil
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

import psycopg
from certificates import certificate

from common import cache, root

SQLITE, POSTGRESQL = "sqlite", "postgresql"
# Debian's and Ubuntu's folders for the programs of each version.
_VERSIONS = Path("/usr/lib/postgresql")
_SUPERUSER = "auth"
_DOCUMENT = Path(__file__).parents[2] / "docs" / "postgresql.md"


@dataclass
class Postgres:
    """A server on a socket in its own folder; not durable, since no data has to last.

    With an address it also listens there, by TLS and with passwords alone.
    """

    folder: Path
    address: str = ""
    port: int = 5432

    def create(self) -> None:
        self.folder.chmod(0o755)
        data = self.folder / "data"
        data.mkdir()
        if os.geteuid() == 0:
            # The server refuses to run as root.
            for path in (self.folder, data):
                shutil.chown(path, "postgres", "postgres")
        self._run("initdb", "--username", _SUPERUSER, "--auth=trust", "--no-sync", "-E", "UTF8")
        (data / "pg_hba.conf").write_text(
            "local all all trust\nhostssl all all all scram-sha-256\n"
        )
        self.start()

    def start(self) -> None:
        options = {
            "listen_addresses": self.address,
            "port": self.port,
            "unix_socket_directories": self.folder,
            "fsync": "off",
        }
        if self.address:
            files = {"ssl_cert_file": "certificate.pem", "ssl_key_file": "key.pem"}
            certificate(self.folder, self.address)
            for name in files.values():
                (self.folder / name).chmod(0o600)
                if os.geteuid() == 0:
                    shutil.chown(self.folder / name, "postgres", "postgres")
            options |= {"ssl": "on", **{key: self.folder / name for key, name in files.items()}}
        words = " ".join(f"-c {name}={value}" for name, value in options.items())
        self._run("pg_ctl", "start", "--wait", "--log", str(self.folder / "log"), "-o", words)

    @property
    def ca(self) -> Path:
        """The certificate that the server shows, which is its own CA."""
        return self.folder / "certificate.pem"

    def execute(self, name: str, *statements: str) -> None:
        """Execute statements in a database, as the superuser."""
        with psycopg.connect(self._url(name), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def new_role(self, password: str) -> str:
        """Make a role, and a database that is its own; return the URL by TLS.

        The statements are those of docs/postgresql.md.
        """
        name = f"auth_{uuid.uuid4().hex}"
        role = [
            statement.replace("auth", name).replace("LONG-PASSWORD", password)
            for statement in statements()
        ]
        self.execute("postgres", *role)
        return f"postgresql://{name}:{password}@{self.address}:{self.port}/{name}"

    def stop(self) -> None:
        self._run("pg_ctl", "stop", "--wait", "--mode=immediate")

    def new_database(self) -> str:
        """Make an empty database and return its URL."""
        name = f"auth_{uuid.uuid4().hex}"
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self._url(name)

    def _url(self, name: str) -> str:
        return f"postgresql://{_SUPERUSER}@/{name}?host={self.folder}&port={self.port}"

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


def statements() -> list[str]:
    """Return the statements of docs/postgresql.md that make the service's role and database."""
    block = re.search(r"```sql\n(.*?)```", _DOCUMENT.read_text(), re.DOTALL)
    assert block, "docs/postgresql.md has no statements"
    return [line for line in block[1].splitlines() if line]


def _programs() -> Path:
    """Return the folder of PostgreSQL's programs; install them where they are missing."""
    if not _installed():
        root.install("postgresql", log=cache.folder() / "log" / "postgresql.log")
    return max(_installed(), key=lambda folder: int(folder.parent.name))


def _installed() -> list[Path]:
    return [initdb.parent for initdb in _VERSIONS.glob("[0-9]*/bin/initdb")]
