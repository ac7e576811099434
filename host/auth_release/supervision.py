"""The supervision of a service or of the proxy: its failures, and the restarts that they cause.

A process without an answer is restarted after three failures in a row. An answer such as HTTP 503
is no reason: the process lives, and a restart would bring back neither a full disk nor a database.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .documents import read, schema_of
from .errors import ReleaseError
from .files import write_atomically

ROUND_SECONDS = 10
FAILURES = 3
BOUND = 5  # quick restarts in a row; then a slow try now and then
_FIRST_PAUSE, SLOW_SECONDS = 20, 900
_CALM_SECONDS = 600  # healthy for so long, a failure is the first again
_KEPT = 20
_SCHEMA = 1


class Supervision:
    """Decides on restarts by the answers of the rounds; times in seconds, of any steady clock.

    A start may take `start_seconds` before the first answer.
    """

    def __init__(self, *, now: float, start_seconds: float) -> None:
        self.attempts = 0
        self.failures = 0
        self._healthy_since: float | None = None
        self._start_until, self._pause_until = now + start_seconds, now

    def note(self, problem: str | None, *, now: float) -> None:
        """Note the answer of a round: None, or the problem of a missing answer."""
        if problem:
            self.failures += 1
            self._healthy_since = None
            return
        self.failures = 0
        self._start_until = now
        if self._healthy_since is None:
            self._healthy_since = now
        if now - self._healthy_since >= _CALM_SECONDS:
            self.attempts = 0

    def is_due(self, *, now: float) -> bool:
        return self.failures >= FAILURES and now >= max(self._start_until, self._pause_until)

    def restarted(self, *, now: float, start_seconds: float) -> None:
        """Note a restart; the pause before the next doubles each time, up to the bound."""
        self.attempts += 1
        self.failures = 0
        pause = SLOW_SECONDS if self.is_exhausted else _FIRST_PAUSE << (self.attempts - 1)
        self._pause_until = now + pause
        self._start_until = now + start_seconds

    @property
    def is_exhausted(self) -> bool:
        return self.attempts >= BOUND


@dataclass(frozen=True, kw_only=True)
class Restart:
    """A restart by the supervisor. `result` is empty if the supervisor ended meanwhile."""

    at: str
    release: int  # 0: the proxy
    problem: str
    result: str = ""

    def __str__(self) -> str:
        return f"restarted at {self.at}, as {self.problem}: {self.result or 'result unknown'}"


class Restarts:
    """The newest restarts of a service or of the proxy, oldest first, in a file."""

    def __init__(self, folder: Path, name: str) -> None:
        self._path = folder / f"{name}.json"

    def all(self) -> list[Restart]:
        """List the restarts; an unreadable file is empty."""
        return [read(Restart, each, strict=False) for each in self._document().get("restarts", ())]

    @property
    def total(self) -> int:
        return int(self._document().get("total", 0))

    @property
    def exhausted(self) -> str:
        """Return the sentence about a reached bound, or an empty text."""
        return str(self._document().get("exhausted", ""))

    def begin(self, restart: Restart) -> None:
        self._write([*self.all(), restart], self.total + 1, self.exhausted)

    def end(self, result: str, *, exhausted: str) -> None:
        """Complete the newest restart."""
        *earlier, last = self.all()
        ended = Restart(at=last.at, release=last.release, problem=last.problem, result=result)
        self._write([*earlier, ended], self.total, exhausted)

    def forget_bound(self) -> None:
        if self.exhausted:
            self._write(self.all(), self.total, "")

    def _document(self) -> Mapping[str, Any]:
        try:
            document = json.loads(self._path.read_text())
            schema_of(document)
            for each in document["restarts"]:
                read(Restart, each, strict=False)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, ReleaseError):
            return {}
        return dict(document)

    def _write(self, restarts: Sequence[Restart], total: int, exhausted: str) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        document = {
            "schema": _SCHEMA,
            "total": total,
            "exhausted": exhausted,
            "restarts": [asdict(restart) for restart in restarts[-_KEPT:]],
        }
        write_atomically(self._path, json.dumps(document), mode=0o600)
