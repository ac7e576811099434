"""Requests, certificate, disks, updates, proof and drill: the part of `status` for operators.

The answer to a preview lacks it: a preview needs the releases alone.
"""

import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

from . import asking, drill_result, measures, moments, operating_system, proxy_log
from .backup import Backup
from .drill_result import DrillResult
from .errors import ReleaseError
from .records import Record

_PERIOD_SECONDS = 3600
_SIDE_BY_SIDE = 16
_READ_SECONDS = 1.0  # the newest requests count if there are more than can be read in this time
_BUCKET_SECONDS = 1.5
_PROBES = frozenset({"/healthz", "/readyz"})
_FIRST_ERROR = 500
_LATE_PERCENT = 25  # of a certificate's life; the proxy renews it when a third is left
_REMEDY = "docs/runbook.md, `Certificates`"


def of(live: Sequence[Record]) -> dict[str, dict[str, Any]]:
    """Return requests, certificate, disks, updates, proof and drill by service, as JSON's values.

    `live` has the live release of each service. It takes about two seconds, and longer only if apt
    does, after a change of its lists; the journal and the disks are read once for all services. A
    part that can't be read is None.
    """
    parts = {"certificate": _certificate, "proof": _last_proof, "drill": _last_drill}
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        requests = pool.submit(_attempt, _requests, live)
        disks = pool.submit(_attempt, _disks)
        system = pool.submit(_attempt, operating_system.state)
        started = {
            record.desired.service: {
                name: pool.submit(_attempt, part, record) for name, part in parts.items()
            }
            for record in live
        }
    counted = requests.result() or {}
    return {
        service: {
            "requests": counted.get(service),
            "disk_percent": disks.result(),
            "os": system.result(),
            **{name: part.result() for name, part in running.items()},
        }
        for service, running in started.items()
    }


def lines(overview: Mapping[str, Any]) -> Iterator[str]:
    """Describe an overview for people; a part that can't be read has no line."""
    if requests := overview["requests"]:
        count, errors, minutes = (requests[name] for name in ("count", "errors", "minutes"))
        share = f" ({100 * errors / count:.1f} %)" if errors else ""
        yield (
            f"  requests {count:,} in the last {minutes} minutes, "
            f"{errors or 'none'} of them with an error of the server{share}"
        )
    if (certificate := overview["certificate"]) is not None:
        yield f"  TLS      {_life(**certificate)}"
    if disks := overview["disk_percent"]:
        used = ", ".join(f"{name} {percent:.0f} %" for name, percent in disks.items())
        yield f"  disks    used: {used}"
    if system := overview["os"]:
        yield f"  OS       {operating_system.line(system)}"
    if (proof := overview["proof"]) is not None:
        yield f"  proof    {f'a copy was checked at {proof}' if proof else 'none: `make proof`'}"
    if (drill := overview["drill"]) is not None:
        yield f"  drill    {DrillResult(**drill) if drill else 'none: `make drill`'}"


def _attempt(work: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return work(*arguments)
    except (OSError, ReleaseError, ValueError):
        return None


def _requests(live: Sequence[Record]) -> dict[str, dict[str, int]]:
    """Count the requests and the answers of 5xx by service, from the proxy's log, newest first.

    Probes are left out. After a flood, not the whole hour can be read: `minutes` is the counted
    time.
    """
    probes = {record.desired.service: _PROBES | {record.desired.health.path} for record in live}
    command = [
        *("journalctl", "--quiet", "--no-pager", "--all", "--reverse", "--output=cat"),
        *(f"--since=-{_PERIOD_SECONDS}s", "_SYSTEMD_UNIT=caddy.service"),
    ]
    counts, errors = Counter[str](), Counter[str]()
    minutes = _PERIOD_SECONDS // 60
    deadline = time.monotonic() + _READ_SECONDS
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace"
    ) as process:
        for line in process.stdout or ():
            entry = proxy_log.request(line)
            if entry is None:
                continue
            service = entry["service"]
            if service in probes and entry["path"] not in probes[service]:
                counts[service] += 1
                errors[service] += (entry["status"] or 0) >= _FIRST_ERROR
            if time.monotonic() > deadline:
                minutes = max(1, int(time.time() - moments.seconds(entry["time"])) // 60)
                break
        process.kill()
    return {
        service: {"count": counts[service], "errors": errors[service], "minutes": minutes}
        for service in probes
    }


def _certificate(live: Record) -> dict[str, float] | None:
    host, port, is_tls = asking.address(live.desired.site)
    life = measures.certificate_life(host, port) if is_tls else None
    return {"days": round(life.days, 4), "percent": round(life.percent, 1)} if life else None


def _life(*, days: float, percent: float) -> str:
    """Describe the rest of a certificate's life, and a renewal that is late."""
    if days <= 0:
        return f"the certificate has expired: {_REMEDY}"
    hours = 24 * days
    rest = f"{days:.1f} days" if days >= 1 else f"{hours:.1f} hours"
    if hours < 1:
        rest = f"{60 * hours:.1f} minutes"
    is_late = percent < _LATE_PERCENT
    return f"the certificate is valid for {rest}{f', its renewal is late: {_REMEDY}' * is_late}"


def _disks() -> dict[str, float]:
    return {
        each.dimensions["disk"]: round(each.value, 1)
        for each in measures.of_host()
        if each.name == "diskPercent"
    }


def _last_proof(live: Record) -> str | None:
    """Return the time of the last proof of a copy, empty without one; None without a backup."""
    service = live.desired.service
    if not Backup.is_configured(service):
        return None
    backup = Backup.of(service)
    proofs = backup.objects.list(f"{backup.prefix}/proofs/", seconds=_BUCKET_SECONDS)
    return max((stored.modified for stored in proofs), default="")


def _last_drill(live: Record) -> dict[str, Any] | None:
    """Return the result of the newest drill, empty without one; None without a backup."""
    service = live.desired.service
    if not Backup.is_configured(service):
        return None
    result = drill_result.stored(Backup.of(service), seconds=_BUCKET_SECONDS)
    return asdict(result) if result else {}
