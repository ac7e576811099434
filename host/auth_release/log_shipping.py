"""The shipping of the log: a timer of the host that posts new lines to a log of Oracle Logging.

The lines are those of `logs`, of all services. The journal keeps them while Oracle gives no answer;
nothing else waits for it. The place after the last accepted line is stored, so that each line is
posted once. Only a post whose answer got lost is repeated, with the same id for each line.
"""

import json
import syslog
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from . import logs, moments, oracle_api
from .errors import ReleaseError
from .failures import reason
from .files import write_atomically, write_changed
from .logs import Line
from .monitoring import Log
from .oracle_api import ApiKey
from .programs import run, succeeds

# beside the journal, on the boot volume: a new VM has another journal
PLACE = Path("/var/lib/auth-log-shipping/place")
MEMORY = Path("/run/auth-release/log-shipping.json")
UNITS = Path("/etc/systemd/system")
LATE_SECONDS = 60
_NAME = "auth-log-shipping"
_FIRST_SECONDS = 3600  # before the first run: a new stack's first release is over by then
_RUN_SECONDS = 30
_MOST_ENTRIES = 1000  # of the journal, for a post
_MOST_CHARACTERS = 1 << 20  # of a post
_LONGEST = 100_000  # characters of a line, as Oracle takes less than 1 MB for an entry
_ID_NAMESPACE = uuid.UUID("6e7b4cf6-7cf1-4a3b-9c53-3c1f5f8f4a0e")
_SERVICE_TEXT = """\
[Unit]
Description=Ships the lines of the log to Oracle Logging
After=network-online.target
Wants=network-online.target

[Service]
Type=oneshot
ExecStart=/usr/local/sbin/auth-release ship-logs
TimeoutStartSec=60
Nice=10
MemoryMax=128M
# a run is no news; a failure is
LogLevelMax=notice
"""
_TIMER_TEXT = """\
[Unit]
Description=Ships the lines of the log to Oracle Logging every ten seconds

[Timer]
OnActiveSec=1s
OnUnitInactiveSec=10s
AccuracySec=1s

[Install]
WantedBy=timers.target
"""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """The memory of the runs since the boot; moments in seconds since 1970.

    `waits` is the moment of the oldest line that is not shipped, 0 without one.
    """

    ended: float = 0
    waits: float = 0
    problem: str = ""

    @classmethod
    def load(cls) -> "Memory":
        """Read the memory; it begins anew if it can't be read."""
        try:
            return cls(**json.loads(MEMORY.read_text()))
        except (OSError, ValueError, TypeError):
            return cls()

    def save(self) -> None:
        MEMORY.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        write_atomically(MEMORY, json.dumps(asdict(self)), mode=0o600)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The lines of the next entries of the journal, and the place after them."""

    lines: Sequence[Line]
    place: str
    is_last: bool


def configure(log: Log | None) -> str:
    """Start or end the shipping, and ship once; return a sentence about it, empty without a log."""
    units = [UNITS / f"{_NAME}.{kind}" for kind in ("service", "timer")]
    if log is None:
        if any(unit.exists() for unit in units):
            succeeds("systemctl", "disable", "--now", "--quiet", f"{_NAME}.timer")
            for path in (*units, PLACE, MEMORY):
                path.unlink(missing_ok=True)
            run("systemctl", "daemon-reload")
        return ""
    for unit, text in zip(units, (_SERVICE_TEXT, _TIMER_TEXT), strict=True):
        write_changed(unit, text)
    run("systemctl", "daemon-reload")
    run("systemctl", "enable", "--now", "--quiet", f"{_NAME}.timer")
    succeeds("systemctl", "start", f"{_NAME}.service")
    memory = Memory.load()
    if memory.problem or not memory.ended:
        return f"the log is not shipped yet: {memory.problem or 'the first run did not end'}"
    return f"the log is shipped to {log.endpoint}"


def ship(log: Log, key: ApiKey, *, source: str, services: Callable[[], Sequence[str]]) -> None:
    """Post the lines since the last run. A failure is noted, and logged once.

    `source` is the name of this host for Oracle, `services` lists the services of this host. After
    a long outage the rest is for the next run.
    """
    memory, deadline = Memory.load(), time.monotonic() + _RUN_SECONDS
    before = memory.problem
    memory = replace(memory, problem="")
    try:
        while time.monotonic() < deadline:
            # a journal that can't be read tells nothing of the oldest line: it still waits
            batch = next_batch(services())
            memory = replace(memory, waits=batch.lines[0].at if batch.lines else 0)
            if batch.lines:
                post(log, key, source, batch.lines)
            if batch.place:
                write_changed(PLACE, batch.place, mode=0o600)
            if batch.is_last:
                memory = replace(memory, waits=0)
                break
    except (OSError, ReleaseError) as error:
        memory = replace(memory, problem=reason(error))
    if memory.problem != before:
        level = syslog.LOG_WARNING if memory.problem else syslog.LOG_NOTICE
        syslog.syslog(level, f"Log: {memory.problem or 'shipped again'}")
    replace(memory, ended=time.time()).save()


def next_batch(services: Sequence[str]) -> Batch:
    """Read the next entries of the journal; raise ReleaseError for an unreadable journal."""
    matches = [part for service in services for part in (*logs.of_containers(service), "+")]
    lines: list[Line] = []
    place, count, characters, is_last = "", 0, 0, True
    with logs.journal([*matches, *logs.OF_PROXY], _begin()) as process:
        for text in process.stdout or ():
            entry = json.loads(text)
            place, count = str(entry["__CURSOR"]), count + 1
            # an error of the proxy is about no service in particular, and shipped once
            if line := logs.read(entry, services):
                lines.append(line)
                characters += len(line.text)
            if count == _MOST_ENTRIES or characters >= _MOST_CHARACTERS:
                is_last = False
                break
        else:
            logs.check_end(process)
    return Batch(lines=lines, place=place, is_last=is_last)


def post(log: Log, key: ApiKey, source: str, lines: Iterable[Line]) -> None:
    """Post lines; raise ReleaseError unless all of them are accepted.

    Source: https://docs.oracle.com/en-us/iaas/api/#/en/logging-dataplane/20200831/LogEntry/PutLogs
    """
    by_source: dict[str, list[dict[str, str]]] = {}
    for line in lines:
        by_source.setdefault(line.source, []).append(
            {
                "id": str(uuid.uuid5(_ID_NAMESPACE, line.cursor)),
                "time": _moment(line.at),
                "data": line.shown()[:_LONGEST],
            }
        )
    document = {
        "specversion": "1.0",
        "logEntryBatches": [
            {
                "source": source,
                "type": "auth.log",
                "subject": subject,
                "defaultlogentrytime": _moment(time.time()),
                "entries": entries,
            }
            for subject, entries in by_source.items()
        ],
    }
    oracle_api.post(f"{log.endpoint}/20200831/logs/{log.ocid}/actions/push", document, key)


def problem() -> str | None:
    """Return the problem of the shipping, for `status`; None while lines arrive or it is off."""
    if not (UNITS / f"{_NAME}.timer").exists():
        return None
    memory, now = Memory.load(), time.time()
    if not -LATE_SECONDS <= now - memory.ended <= LATE_SECONDS:
        return f"no line is shipped to Oracle: see `systemctl status {_NAME}.timer`"
    age = int(now - memory.waits)
    if memory.waits and age > LATE_SECONDS:
        why = memory.problem or "the runs catch up"
        return f"the oldest line that is not shipped is {age} s old: {why}"
    return f"not shipped: {memory.problem}" if memory.problem else None


def _begin() -> str:
    try:
        return f"--after-cursor={PLACE.read_text()}"
    except FileNotFoundError:
        return f"--since=@{time.time() - _FIRST_SECONDS:.0f}"


def _moment(seconds: float) -> str:
    return f"{moments.text(seconds).removesuffix('Z')}.{int(seconds % 1 * 1000):03}Z"
