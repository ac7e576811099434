"""The reporter: a timer of the host that measures it once a minute.

The values go to Oracle Monitoring and to the metrics store of this host, if they are configured. A
failure stands in the journal once, and in `status` until a report succeeds. Nothing waits for a
report: releases, the supervisor and the backup go on without it.
"""

import json
import syslog
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from . import log_shipping, measures, metrics_store, moments, oracle_api
from .documents import read
from .errors import ReleaseError
from .failures import reason
from .files import write_atomically
from .measures import Measure, Snapshot
from .metrics_store import Store
from .monitoring import Log
from .oracle_api import ApiKey
from .programs import run, succeeds
from .records import STATE, Records
from .routes import live_releases

SETTINGS = Path("/etc/auth-metrics")
MEMORY = Path("/run/auth-release/reporter.json")
UNITS = Path("/etc/systemd/system")
LATE_SECONDS = 180  # three reports
_NAME = "auth-metrics"
_MOST_STREAMS = 50  # of a request, Oracle's limit
_SERVICE_TEXT = """\
[Unit]
Description=Reports the metrics of this host
After=network-online.target
Wants=network-online.target

[Service]
Type=oneshot
ExecStart=/usr/local/sbin/auth-release report-metrics
TimeoutStartSec=50
Nice=10
MemoryMax=128M
# a report in each minute is no news; a failure is
LogLevelMax=notice
"""
_TIMER_TEXT = """\
[Unit]
Description=Reports the metrics of this host once a minute

[Timer]
OnActiveSec=1s
OnUnitActiveSec=60s
AccuracySec=1s

[Install]
WantedBy=timers.target
"""


@dataclass(frozen=True, kw_only=True)
class Reporter:
    """The settings of the reports: to Oracle Monitoring, if there is an endpoint, and to a store.

    The user of the key may post metrics of the namespace and entries of the log, and needs no other
    right.
    """

    disk: str  # the VM's disks, as for a release
    endpoint: str = ""
    tenancy: str = ""
    user: str = ""
    fingerprint: str = ""
    compartment: str = ""
    namespace: str = ""
    dimensions: Mapping[str, str] = field(default_factory=dict)  # of all metrics of this host
    private_key: str = field(default="", repr=False)  # PEM; empty in the stored settings
    store: Store | None = None
    log: Log | None = None  # for the lines of the log; none: they are not shipped


@dataclass(frozen=True, kw_only=True)
class Memory:
    """The memory of the reports since the boot: `reported` in seconds since 1970, 0 for never."""

    reported: float = 0
    count: int = 0  # of values in the last report
    problem: str = ""
    snapshots: Mapping[str, list[Snapshot]] = field(default_factory=dict)  # by service

    @classmethod
    def load(cls) -> "Memory":
        """Read the memory; it begins anew if it can't be read."""
        try:
            stored = json.loads(MEMORY.read_text())
            snapshots = {
                service: [Snapshot(**each) for each in listed]
                for service, listed in stored.pop("snapshots").items()
            }
            return cls(**stored, snapshots=snapshots)
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return cls()

    def save(self) -> None:
        MEMORY.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        write_atomically(MEMORY, json.dumps(asdict(self)), mode=0o600)


def configure(document: bytes) -> str:
    """Put the settings in force and make a first report; return a sentence about the result.

    A report that fails is no failure of this: the stack is up, and the timer tries again.
    """
    try:
        settings = read(Reporter, json.loads(document), strict=True)
    except ValueError:
        raise ReleaseError("the settings of the metrics are not JSON") from None
    metrics_store.configure(settings.store)
    if not settings.endpoint and not settings.store:
        return _switch_off()
    SETTINGS.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(_key_file(), settings.private_key, mode=0o600)
    stored = asdict(_without_secrets(settings))
    write_atomically(SETTINGS / "settings.json", json.dumps(stored), mode=0o600)
    for name, text in (("service", _SERVICE_TEXT), ("timer", _TIMER_TEXT)):
        write_atomically(UNITS / f"{_NAME}.{name}", text, mode=0o644)
    run("systemctl", "daemon-reload")
    run("systemctl", "enable", "--now", "--quiet", f"{_NAME}.timer")
    succeeds("systemctl", "start", f"{_NAME}.service")
    memory, shipping = Memory.load(), log_shipping.configure(settings.log)
    reports = f"{memory.count} values reported to {_receivers(settings)}"
    if memory.problem or not memory.reported:
        reports = f"not reported yet: {memory.problem or 'the report did not end'}"
    return "; ".join(filter(None, (reports, shipping)))


def report() -> int:
    """Measure and post once; return the exit status. A failure is noted, and logged once."""
    settings, memory, now = _settings(), Memory.load(), time.time()
    if settings is None:
        print("No metrics are reported: auth:metricsUserOcid and auth:dashboard are not set.")
        return 1
    measured, snapshots = _measured(memory, now)
    problems, count = [], len(measured)
    # a receiver that fails does not keep the values from the other receiver
    for send in _senders(settings):
        try:
            send(measured, now)
        except ReleaseError as error:
            problems.append(reason(error))
    problem = "; ".join(problems)
    if problem != memory.problem:
        level = syslog.LOG_WARNING if problem else syslog.LOG_NOTICE
        syslog.syslog(level, f"Metrics: {problem or 'reported again'}")
    Memory(
        reported=memory.reported if problem else now,
        count=memory.count if problem else count,
        problem=problem,
        snapshots=snapshots,
    ).save()
    print(f"Metrics: {problem or f'{count} values reported'}.")
    return 0


def post(settings: Reporter, key_file: Path, measured: Sequence[Measure], now: float) -> None:
    """Post values of the moment `now`; raise ReleaseError unless all of them are accepted."""
    key = _key(settings, key_file)
    data: list[dict[str, Any]] = [
        {
            "namespace": settings.namespace,
            "compartmentId": settings.compartment,
            "name": each.name,
            "dimensions": {**settings.dimensions, **each.dimensions},
            "datapoints": [{"timestamp": moments.text(now), "value": round(each.value, 4)}],
        }
        for each in measured
    ]
    for first in range(0, len(data), _MOST_STREAMS):
        document = {"metricData": data[first : first + _MOST_STREAMS]}
        answer = oracle_api.post(f"{settings.endpoint}/20180401/metrics", document, key)
        _check(answer)


def ship_logs() -> int:
    """Ship the new lines of the log once; return the exit status."""
    settings = _settings()
    if settings is None or settings.log is None:
        print("The log is not shipped: auth:logOcid is not set.")
        return 1
    source = "/".join(settings.dimensions[name] for name in ("stack", "server"))
    key = _key(settings, _key_file())
    log_shipping.ship(settings.log, key, source=source, services=partial(Records.services, STATE))
    return 0


def problem() -> str | None:
    """Return the problem of the reports, for `status`; None while they arrive or are off."""
    if not (SETTINGS / "settings.json").exists():
        return None
    memory = Memory.load()
    age = int(time.time() - memory.reported)
    if memory.reported and -LATE_SECONDS <= age <= LATE_SECONDS:
        return None
    since = f"the last report is {age} s old" if memory.reported else "no report since the boot"
    return f"{since}: {memory.problem or f'see `systemctl status {_NAME}.timer`'}"


def _measured(memory: Memory, now: float) -> tuple[list[Measure], dict[str, list[Snapshot]]]:
    """Measure everything; a part that can't be measured is left out, and logged."""
    measured = list(_tried(measures.of_host))
    snapshots: dict[str, list[Snapshot]] = {}
    for record in live_releases(STATE):
        service = record.desired.service
        measured += _tried(partial(measures.of_service, record))
        counters = measures.counters(record)
        earlier = measures.recent(memory.snapshots.get(service, []), now)
        if counters is not None:
            snapshot = Snapshot(at=now, counters=counters)
            measured += measures.of_counters(service, snapshot, earlier)
            earlier.append(snapshot)
        snapshots[service] = earlier
    return measured, snapshots


def _tried(measure: Callable[[], Iterator[Measure]]) -> list[Measure]:
    try:
        return list(measure())
    except (OSError, ReleaseError, ValueError, LookupError) as error:
        syslog.syslog(syslog.LOG_WARNING, f"Metrics are left out: {reason(error)}")
        return []


def _senders(settings: Reporter) -> Iterator[Callable[[list[Measure], float], None]]:
    if settings.endpoint:
        yield partial(post, settings, _key_file())
    if settings.store:
        yield _store


def _store(measured: list[Measure], _: float) -> None:
    # a report that began before the store was removed must not bring it back
    if metrics_store.is_installed() and metrics_store.refresh(Records.services(STATE)):
        metrics_store.wait_until_ready()
    metrics_store.take_in(measured)


def _receivers(settings: Reporter) -> str:
    store = "the metrics store" if settings.store else ""
    return " and ".join(filter(None, (settings.endpoint, store)))


def _without_secrets(settings: Reporter) -> Reporter:
    store = replace(settings.store, password="") if settings.store else None
    return replace(settings, private_key="", store=store)


def _check(answer: bytes) -> None:
    """Raise ReleaseError if Oracle accepted the request, and not all its values."""
    try:
        failed = int(json.loads(answer)["failedMetricsCount"])
    except (ValueError, LookupError, TypeError):
        return
    if failed:
        raise ReleaseError(f"{failed} values were refused")


def _settings() -> Reporter | None:
    try:
        stored = json.loads((SETTINGS / "settings.json").read_text())
    except FileNotFoundError:
        return None
    return read(Reporter, stored, strict=False)


def _key(settings: Reporter, file: Path) -> ApiKey:
    key_id = f"{settings.tenancy}/{settings.user}/{settings.fingerprint}"
    return ApiKey(key_id=key_id, file=file)


def _key_file() -> Path:
    return SETTINGS / "key.pem"


def _switch_off() -> str:
    if not (SETTINGS / "settings.json").exists():
        return "neither a user who may post them nor a store is configured"
    log_shipping.configure(None)
    succeeds("systemctl", "disable", "--now", "--quiet", f"{_NAME}.timer")
    for path in (_key_file(), SETTINGS / "settings.json", MEMORY):
        path.unlink(missing_ok=True)
    for name in ("service", "timer"):
        (UNITS / f"{_NAME}.{name}").unlink(missing_ok=True)
    run("systemctl", "daemon-reload")
    return "switched off"
