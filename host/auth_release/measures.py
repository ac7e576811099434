"""The measured values of this host and its services, as metrics have them.

Counters become the growth since the last report. Shares and percentiles are over five minutes: of
a few requests alone they would be chance.
"""

import contextlib
import http.client
import math
import shutil
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import asking, backup, data_volume, drill_result, engine_api, exposition
from .containers import DATA
from .errors import ReleaseError
from .exposition import Samples
from .programs import run
from .records import Record

WINDOW_SECONDS = 300
_LATE_SECONDS = 30  # of a snapshot that still counts as five minutes old
_FEWEST_REQUESTS = 10  # in the window, for a share or a percentile
_ANSWER_SECONDS = 5
_MOST_BYTES = 4 << 20
# probes of the supervisor, the health gate and the monitor are no requests of users
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
_REQUESTS, _SECONDS = "auth_http_requests_total", "auth_http_request_seconds_bucket"
_LOGINS, _LIMITED = "auth_logins_total", "auth_rate_limited_total"
_COUNTERS = (_REQUESTS, _SECONDS, _LOGINS, _LIMITED)
_PERCENTILES = {"P50": 0.5, "P95": 0.95, "P99": 0.99}
_MEMORY = Path("/proc/meminfo")


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A value of a metric, with its dimensions beside the host's."""

    name: str
    value: float
    dimensions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The counters of a service at a moment, in seconds since 1970."""

    at: float
    counters: Samples


def of_host() -> Iterator[Measure]:
    """Measure memory and disks, in percent."""
    sizes = {
        name: float(rest.split()[0])
        for name, _, rest in (line.partition(":") for line in _MEMORY.read_text().splitlines())
    }
    used = sizes["MemTotal"] - sizes["MemAvailable"]
    yield Measure(name="memoryPercent", value=100 * used / sizes["MemTotal"])
    disks = {"system": Path("/")}
    if data_volume.problem() is None:
        disks["data"] = DATA
    for name, path in disks.items():
        usage = shutil.disk_usage(path)
        # as df(1): root's reserve is neither used nor free
        percent = 100 * usage.used / (usage.used + usage.free)
        yield Measure(name="diskPercent", value=percent, dimensions={"disk": name})


def of_service(record: Record) -> Iterator[Measure]:
    """Measure a live release from outside: its answer, its memory, its certificate, its backup."""
    desired, dimensions = record.desired, {"service": record.desired.service}
    yield Measure(name="release", value=record.number, dimensions=dimensions)
    if (percent := container_memory_percent(record.container)) is not None:
        yield Measure(name="containerMemoryPercent", value=percent, dimensions=dimensions)
    is_up = asking.through_proxy(desired) is None
    yield Measure(name="serviceUp", value=float(is_up), dimensions=dimensions)
    host, port, is_tls = asking.address(desired.site)
    if is_tls and (life := certificate_life(host, port)) is not None:
        yield Measure(name="certificateDays", value=life.days, dimensions=dimensions)
        yield Measure(name="certificateLifePercent", value=life.percent, dimensions=dimensions)
    if copying := backup.state(desired.service):
        yield Measure(
            name="backupLate", value=float(bool(copying["problem"])), dimensions=dimensions
        )
        if copying["age_seconds"] is not None:
            age = float(copying["age_seconds"])
            yield Measure(name="backupSeconds", value=age, dimensions=dimensions)
    if (is_late := _drill_is_late(desired.service)) is not None:
        yield Measure(name="drillLate", value=float(is_late), dimensions=dimensions)


def counters(record: Record) -> dict[str, float] | None:
    """Return the counters of a live release that are reported; None without an answer.

    The question goes to the container itself: through the proxy the metrics are closed.
    """
    connection = http.client.HTTPConnection(*record.endpoint, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        if answer.status != http.client.OK:
            return None
        text = answer.read(_MOST_BYTES).decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return exposition.samples(text, _COUNTERS)


def of_counters(service: str, now: Snapshot, earlier: Sequence[Snapshot]) -> Iterator[Measure]:
    """Measure the growth of a service's counters; nothing without an earlier snapshot.

    `earlier` has the snapshots of the window, oldest first.
    """
    if not earlier:
        return
    dimensions = {"service": service}
    minute = exposition.growth(now.counters, earlier[-1].counters)
    window = exposition.growth(now.counters, earlier[0].counters)
    requests, errors = _requests(minute)
    counts = {
        "requests": requests,
        "errors": errors,
        "logins": _sum(minute, _LOGINS, outcome={"success"}),
        # with the refused attempts: otherwise a limit would hide an attack
        "failedLogins": _sum(minute, _LOGINS)
        - _sum(minute, _LOGINS, outcome={"success"})
        + _sum(minute, _LIMITED, limit={"login", "login_account"}),
    }
    for name, value in counts.items():
        yield Measure(name=name, value=value, dimensions=dimensions)
    requests, errors = _requests(window)
    if requests < _FEWEST_REQUESTS:
        return
    yield Measure(name="errorPercent", value=100 * errors / requests, dimensions=dimensions)
    buckets: dict[float, float] = {}
    for key, value in window.items():
        names = exposition.labels(key)
        if key.startswith(f"{_SECONDS}{{") and names.get("route") not in _PROBES:
            bound = math.inf if names["le"] == "+Inf" else float(names["le"])
            buckets[bound] = buckets.get(bound, 0) + value
    for name, share in _PERCENTILES.items():
        if (seconds := exposition.percentile(buckets, share)) is not None:
            milliseconds = 1000 * seconds
            yield Measure(name=f"latency{name}", value=milliseconds, dimensions=dimensions)


def recent(snapshots: Sequence[Snapshot], now: float) -> list[Snapshot]:
    """Return the snapshots of the window, without snapshots from before a jump of the clock."""
    oldest = now - WINDOW_SECONDS - _LATE_SECONDS
    return [each for each in snapshots if oldest <= each.at < now]


def _requests(grown: Samples) -> tuple[float, float]:
    """Return the number of requests of users, and that of the answers of 5xx among them."""
    requests = errors = 0.0
    for key, value in grown.items():
        names = exposition.labels(key)
        if key.startswith(f"{_REQUESTS}{{") and names.get("route") not in _PROBES:
            requests += value
            errors += value if names.get("status", "").startswith("5") else 0
    return requests, errors


def _sum(grown: Samples, name: str, **allowed: set[str]) -> float:
    return sum(
        value
        for key, value in grown.items()
        if key.startswith(f"{name}{{")
        and all(exposition.labels(key).get(label) in values for label, values in allowed.items())
    )


def _drill_is_late(service: str) -> bool | None:
    """Return whether the newest drill failed or the next is overdue; None if there was none.

    A bucket that gives no answer is the matter of another alarm.
    """
    if not backup.Backup.is_configured(service):
        return None
    now = time.time()
    with contextlib.suppress(ReleaseError, ValueError):
        if result := drill_result.recent(backup.Backup.of(service), now):
            return result.is_late(now)
    return None


def container_memory_percent(name: str) -> float | None:
    """Return the used share of a container's memory, without cached files; None if it is unknown.

    `docker stats` computes it alike.
    """
    try:
        memory = engine_api.stats(name)["memory_stats"]
        details = memory["stats"]  # by the version of the kernel's control groups, 2 or 1
        cached = details.get("inactive_file", details.get("total_inactive_file", 0))
        return 100 * float(memory["usage"] - cached) / float(memory["limit"])
    except (ReleaseError, LookupError, TypeError):  # of a container that does not run, too
        return None


@dataclass(frozen=True, kw_only=True)
class CertificateLife:
    """The rest of a certificate's life: in days, and as a share of the whole."""

    days: float
    percent: float


def certificate_life(host: str, port: int) -> CertificateLife | None:
    """Return the rest of the life of the proxy's certificate; None without a certificate."""
    try:
        certificate = asking.certificate(host, port)
        if certificate is None:
            return None
        text = run(
            *("openssl", "x509", "-noout", "-dates"),
            stdin=ssl.DER_cert_to_PEM_cert(certificate),
            timeout=_ANSWER_SECONDS,
        )
        dates = dict(line.split("=", 1) for line in text.splitlines())
        begin, end = (ssl.cert_time_to_seconds(dates[name]) for name in ("notBefore", "notAfter"))
    except (OSError, ReleaseError, ValueError, LookupError):
        return None
    left = end - time.time()
    return CertificateLife(days=left / 86400, percent=100 * left / (end - begin))
