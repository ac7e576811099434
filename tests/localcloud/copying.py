"""Continuous copies in tests: the release tool's own code, and Litestream without systemd."""

import contextlib
import sqlite3
import subprocess
from typing import Any, cast

from common.clone import CLONE
from host.auth_release import programs
from host.auth_release.backup import Backup

LITESTREAM = CLONE / ".venv" / "bin" / "litestream"


class Systemd:
    """Runs Litestream in systemd's place; all other programs are real."""

    def __init__(self, backup: Backup) -> None:
        self.backup, self.process = backup, cast("subprocess.Popen[bytes] | None", None)
        self._run = programs.run

    def run(self, *argv: str, **options: Any) -> str:
        if argv[0] != "systemctl":
            return self._run(*argv, **options)
        if argv[1] in {"stop", "restart"}:
            self.stop()
        if argv[1] in {"enable", "restart"} and self.process is None:
            self.backup.socket.parent.mkdir(exist_ok=True)
            self.process = subprocess.Popen(
                [LITESTREAM, "replicate", "-config", self.backup.litestream_settings]
            )
        return ""

    def succeeds(self, *argv: str) -> bool:
        self.run(*argv)
        return True

    def stop(self) -> None:
        process, self.process = self.process, None
        if process:
            process.terminate()
            process.wait(30)

    def kill(self) -> None:
        """End the copying as a lost VM does."""
        process, self.process = self.process, None
        if process:
            process.kill()
            process.wait(30)


def register(backup: Backup, *names: str) -> None:
    with contextlib.closing(sqlite3.connect(backup.path)) as database, database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE IF NOT EXISTS accounts (name TEXT)")
        database.executemany("INSERT INTO accounts VALUES (?)", [(name,) for name in names])


def accounts(backup: Backup) -> list[str]:
    with contextlib.closing(sqlite3.connect(backup.path)) as database:
        return [row[0] for row in database.execute("SELECT name FROM accounts")]
