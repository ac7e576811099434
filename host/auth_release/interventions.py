"""The interventions of people that make no release, such as a restore."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from . import moments
from .callers import Caller
from .documents import read, schema_of
from .errors import ReleaseError
from .files import exclusive, write_atomically
from .routes import Routes

_KEPT = 50
_SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class Intervention:
    """An intervention while `release` was live; 0 without a release."""

    at: str
    by: str  # as a record's author
    note: str
    release: int

    def __str__(self) -> str:
        return f"{self.note} at {self.at}, by {self.by}"


class Interventions:
    """The newest interventions on a service, oldest first, in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def all(self) -> list[Intervention]:
        """List the interventions; an unreadable file is empty."""
        try:
            document = json.loads(self._path.read_text())
            schema_of(document)
            return [read(Intervention, each, strict=False) for each in document["interventions"]]
        except (OSError, ValueError, KeyError, TypeError, AttributeError, ReleaseError):
            return []

    def add(self, intervention: Intervention) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with exclusive(self._path.with_suffix(".lock")):
            newest = [*self.all(), intervention][-_KEPT:]
            document = {"schema": _SCHEMA, "interventions": [asdict(each) for each in newest]}
            write_atomically(self._path, json.dumps(document), mode=0o600)


def of(state: Path, service: str) -> Interventions:
    return Interventions(state / "interventions" / f"{service}.json")


def note(state: Path, service: str, caller: Caller, text: str, *, release: int | None) -> None:
    """Record an intervention of `caller` on a service, now."""
    intervention = Intervention(at=moments.text(), by=str(caller), note=text, release=release or 0)
    of(state, service).add(intervention)


def note_on_each(state: Path, services: Iterable[str], caller: Caller, text: str) -> None:
    """Record an intervention of `caller` on the host with each of its services, now."""
    routes = Routes(state)
    for service in services:
        note(state, service, caller, text, release=routes.live(service))
