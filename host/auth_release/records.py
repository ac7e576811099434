"""The records of releases: desired state, time, caller and outcome, enough to run one again."""

import dataclasses
import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import logins
from .callers import Caller
from .desired import Desired, fingerprint_of
from .documents import SCHEMA, read, schema_of
from .errors import ReleaseError
from .files import exclusive, write_atomically
from .network import Slot

STATE = Path("/var/lib/auth-release")


@dataclass(frozen=True, kw_only=True)
class Record:
    """A stored release. `outcome`: started, live, replaced, failed or interrupted.

    It can be run again with a login to its registry, which it does not hold. A new field has a
    default: older versions of this tool wrote records without it.
    """

    number: int
    desired: Desired
    fingerprint: str  # of the desired state, by the version of the tool that made the release
    address: str = ""  # of its container; empty: an older container, without a fixed address
    host_port: int = 0  # of such a container, on the host's loopback
    by: str  # the login of the caller on this host, and its address
    person: str = ""  # the person behind the login, as the caller named it; empty: not named
    at: str
    seconds: float
    outcome: str
    note: str = ""
    # The release that stands by while this is watched; in a failed release, the one that took over
    # again after the switch. 0: there is no such release.
    standby: int = 0
    unfinished: str = ""  # why the containers or releases before this could not be removed
    # names of secrets whose values are lost: the release ran on an earlier VM
    lacks: Sequence[str] = ()
    # the document that was read: a newer tool's fields are written back
    stored: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def read(cls, stored: object) -> "Record":
        """Read a record of any schema; raise ReleaseError if a necessary field can't be read."""
        if not isinstance(stored, Mapping):
            raise ReleaseError("it is not an object")
        schema_of(stored)
        if not isinstance(stored.get("desired"), Mapping):
            raise ReleaseError("`desired` must be an object")
        stored = logins.without_password(stored)
        # the first schema's records have no fingerprint
        fingerprint = fingerprint_of(stored["desired"])
        record = read(cls, {"fingerprint": fingerprint, **stored}, strict=False)
        return dataclasses.replace(record, stored=stored)

    def document(self) -> dict[str, Any]:
        """Return the document that `read` reads, as JSON's values."""
        own = {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}
        del own["stored"]
        desired = self.stored.get("desired") or self.desired.document()
        schema = max(SCHEMA, self.schema)
        document = {**self.stored, **own, "desired": desired, "schema": schema}
        return dict(logins.without_password(document))

    @property
    def schema(self) -> int:
        return schema_of(self.stored) if self.stored else SCHEMA

    @property
    def container(self) -> str:
        return f"{self.desired.service}-{self.number}"

    @property
    def endpoint(self) -> tuple[str, int]:
        """Return the address and the port at which this host reaches the container itself."""
        if self.host_port:
            return "127.0.0.1", self.host_port
        return self.address, self.desired.port

    @property
    def author(self) -> str:
        return str(Caller(person=self.person, login=self.by))

    def public(self) -> dict[str, Any]:
        """Return the record without its environment variables and secrets."""
        return {
            "release": self.number,
            "service": self.desired.service,
            "image": self.desired.image,
            "revision": self.desired.revision,
            "fingerprint": self.fingerprint,
            "outcome": self.outcome,
            "by": self.author,
            "person": self.person,
            "at": self.at,
            "seconds": self.seconds,
            "note": self.note,
        }


class Records:
    """The records of a service, a file each, readable by root alone: they hold its secrets."""

    def __init__(self, state: Path, service: str) -> None:
        self._state, self._service = state, service
        self.folder = state / service

    @staticmethod
    def services(state: Path) -> list[str]:
        """List the services with a release on this host."""
        return sorted({path.parent.name for path in state.glob("*/release-*.json")})

    def all(self) -> list[Record]:
        """List the readable records, newest first."""
        return [record for record in self._read().values() if isinstance(record, Record)]

    def unreadable(self) -> dict[int, str]:
        """Return the reason for each unreadable record, by release number, newest first."""
        return {
            number: record for number, record in self._read().items() if isinstance(record, str)
        }

    def get(self, number: int) -> Record | None:
        """Return a release's record, or None without a readable record."""
        record = self._load(path) if (path := self._path(number)).exists() else None
        return record if isinstance(record, Record) else None

    def save(self, record: Record) -> None:
        self._make_folder()
        write_atomically(self._path(record.number), json.dumps(record.document()), mode=0o600)

    def forget_logins(self) -> None:
        """Remove the logins that killed runs and older versions of this tool left."""
        logins.forget(self._service)
        logins.scrub(self.folder)

    def delete(self, number: int) -> None:
        self.remove_secrets(number)
        self._path(number).unlink(missing_ok=True)

    def next_number(self) -> int:
        # by the files' names: an unreadable record's number is in use, too
        return max(self._paths(), default=0) + 1

    def slot(self) -> Slot:
        """Return the service's own addresses and ports; reserve them at the first call."""
        with exclusive(self._state / "ports.lock"):
            file = self._state / "ports.json"
            slots = json.loads(file.read_text()) if file.exists() else {}
            if self._service not in slots:
                slots[self._service] = len(slots)
                write_atomically(file, json.dumps(slots), mode=0o600)
        return Slot.of(slots[self._service])

    def secrets_folder(self, number: int) -> Path:
        return self.folder / f"secrets-{number:06}"

    def write_secrets(self, number: int, desired: Desired) -> Path:
        """Write the secrets to files that only root and the container's user can read."""
        self._make_folder()
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

    def _make_folder(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _path(self, number: int) -> Path:
        return self.folder / f"release-{number:06}.json"

    def _paths(self) -> dict[int, Path]:
        matches = (
            (re.fullmatch(r"release-([0-9]{6,})\.json", path.name), path)
            for path in (self.folder.iterdir() if self.folder.exists() else ())
        )
        paths = {int(match.group(1)): path for match, path in matches if match}
        return dict(sorted(paths.items(), reverse=True))

    def _read(self) -> dict[int, Record | str]:
        """Read every record, newest first; for an unreadable record, return the reason."""
        return {number: self._load(path) for number, path in self._paths().items()}

    @staticmethod
    def _load(path: Path) -> Record | str:
        try:
            record = Record.read(json.loads(path.read_text()))
        except ReleaseError as error:
            return str(error)
        except OSError as error:
            return str(error.strerror)
        except (ValueError, RecursionError):
            return "it is not JSON"
        named = path.name == f"release-{record.number:06}.json"
        return record if named else f"its file has the number {record.number} inside"
