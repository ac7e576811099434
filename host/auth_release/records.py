"""What was released when, by whom, and how it ended: enough to run it again."""

import dataclasses
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .desired import Desired
from .files import exclusive, write_atomically

STATE = Path("/var/lib/auth-release")
# Fixed, as Docker would give a container another one after a reboot.
FIRST_PORT, PORTS_EACH = 20000, 5


@dataclass(frozen=True, kw_only=True)
class Ports:
    """A service's ports on this host's loopback."""

    service: int  # what the proxy dials; nobody listens there, it is redirected
    releases: tuple[int, int]  # of containers: two releases run side by side
    entrance: int  # the proxy's own site before a canary
    canary: int  # what that site dials; redirected too

    @classmethod
    def of_slot(cls, slot: int) -> "Ports":
        first = FIRST_PORT + slot * PORTS_EACH
        return cls(
            service=first,
            releases=(first + 1, first + 2),
            entrance=first + 3,
            canary=first + 4,
        )


@dataclass(frozen=True, kw_only=True)
class Record:
    """One release. `outcome`: started, live, replaced, failed or interrupted."""

    number: int
    desired: Desired
    host_port: int
    by: str
    at: str
    seconds: float
    outcome: str
    note: str = ""

    @property
    def container(self) -> str:
        return f"{self.desired.service}-{self.number}"

    def public(self) -> dict[str, Any]:
        """Say what a record holds but for its environment and secrets."""
        return {
            "release": self.number,
            "service": self.desired.service,
            "image": self.desired.image,
            "revision": self.desired.revision,
            "fingerprint": self.desired.fingerprint,
            "outcome": self.outcome,
            "by": self.by,
            "at": self.at,
            "seconds": self.seconds,
            "note": self.note,
        }


class Records:
    """The releases of one service, a file each, readable by root alone: they hold its secrets."""

    def __init__(self, state: Path, service: str) -> None:
        self._state, self._service = state, service
        self.folder = state / service
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @staticmethod
    def services(state: Path) -> list[str]:
        """Name the services that were ever released here."""
        return sorted({path.parent.name for path in state.glob("*/release-*.json")})

    def all(self) -> list[Record]:
        """List the releases, newest first."""
        return [
            self._load(path) for path in sorted(self.folder.glob("release-*.json"), reverse=True)
        ]

    def get(self, number: int) -> Record | None:
        path = self._path(number)
        return self._load(path) if path.exists() else None

    def save(self, record: Record) -> None:
        document = dataclasses.asdict(record)
        write_atomically(self._path(record.number), json.dumps(document), mode=0o600)

    def delete(self, number: int) -> None:
        shutil.rmtree(self.secrets_folder(number), ignore_errors=True)
        self._path(number).unlink(missing_ok=True)

    def next_number(self) -> int:
        newest = self.all()[:1]
        return newest[0].number + 1 if newest else 1

    def ports(self) -> Ports:
        """Give the ports of this service, which no other one has."""
        with exclusive(self._state / "ports.lock"):
            file = self._state / "ports.json"
            slots = json.loads(file.read_text()) if file.exists() else {}
            if self._service not in slots:
                slots[self._service] = len(slots)
                write_atomically(file, json.dumps(slots), mode=0o600)
        return Ports.of_slot(slots[self._service])

    def secrets_folder(self, number: int) -> Path:
        return self.folder / f"secrets-{number:06}"

    def write_secrets(self, number: int, desired: Desired) -> Path:
        """Put the secrets where the container's user, and root, can read them: nobody else."""
        folder = self.secrets_folder(number)
        folder.mkdir(mode=0o700, exist_ok=True)
        for name, value in desired.secrets.items():
            path = folder / name
            write_atomically(path, value, mode=0o400)
            os.chown(path, desired.uid, desired.uid)
        os.chown(folder, desired.uid, desired.uid)
        return folder

    def remove_secrets(self, number: int) -> None:
        shutil.rmtree(self.secrets_folder(number), ignore_errors=True)

    def _path(self, number: int) -> Path:
        return self.folder / f"release-{number:06}.json"

    @staticmethod
    def _load(path: Path) -> Record:
        document = json.loads(path.read_text())
        desired = Desired.parse(json.dumps(document.pop("desired")))
        return Record(desired=desired, **document)
