"""Requests, certificate, disks, proof and drill of a service: the part of `status` for operators.

The answer to a preview lacks it: a preview needs the releases alone.
"""

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

from . import asking, drill_result, measures, moments, proxy_log
from .backup import Backup
from .drill_result import DrillResult
from .errors import ReleaseError
from .records import Record

_PERIOD_SECONDS = 3600
_READ_SECONDS = 1.0  # the newest requests count if there are more than can be read in this time
_BUCKET_SECONDS = 1.5
_PROBES = frozenset({"/healthz", "/readyz"})
_FIRST_ERROR = 500
_LATE_PERCENT = 25  # of a certificate's life; the proxy renews it when a third is left
_REMEDY = "docs/runbook.md, `Certificates`"


def of(live: Record) -> dict[str, Any]:
    """Return requests, certificate, disks, last proof and last drill, as JSON's values.

    It takes two seconds at most. A part that can't be read is None.
    """
    parts: dict[str, Callable[[], Any]] = {
        "requests": lambda: _requests(live),
        "certificate": lambda: _certificate(live),
        "disk_percent": _disks,
        "proof": lambda: _last_proof(live.desired.service),
        "drill": lambda: _last_drill(live.desired.service),
    }
    with ThreadPoolExecutor() as pool:
        started = {name: pool.submit(_attempt, work) for name, work in parts.items()}
    return {name: part.result() for name, part in started.items()}


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
    if (proof := overview["proof"]) is not None:
        yield f"  proof    {f'a copy was checked at {proof}' if proof else 'none: `make proof`'}"
    if (drill := overview["drill"]) is not None:
        yield f"  drill    {DrillResult(**drill) if drill else 'none: `make drill`'}"


def _attempt(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except (OSError, ReleaseError, ValueError):
        return None


def _requests(live: Record) -> dict[str, int]:
    """Count the requests and the answers of 5xx, from the proxy's log, newest first.

    Probes are left out. After a flood, not the whole hour can be read: `minutes` is the counted
    time.
    """
    service, probes = live.desired.service, _PROBES | {live.desired.health.path}
    command = [
        *("journalctl", "--quiet", "--no-pager", "--all", "--reverse", "--output=cat"),
        *(f"--since=-{_PERIOD_SECONDS}s", "_SYSTEMD_UNIT=caddy.service"),
    ]
    count = errors = 0
    minutes = _PERIOD_SECONDS // 60
    deadline = time.monotonic() + _READ_SECONDS
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace"
    ) as process:
        for line in process.stdout or ():
            entry = proxy_log.request(line)
            if entry is None:
                continue
            if entry["service"] == service and entry["path"] not in probes:
                count += 1
                errors += (entry["status"] or 0) >= _FIRST_ERROR
            if time.monotonic() > deadline:
                minutes = max(1, int(time.time() - moments.seconds(entry["time"])) // 60)
                break
        process.kill()
    return {"count": count, "errors": errors, "minutes": minutes}


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


def _last_proof(service: str) -> str | None:
    """Return the time of the last proof of a copy, empty without one; None without a backup."""
    if not Backup.is_configured(service):
        return None
    backup = Backup.of(service)
    proofs = backup.objects.list(f"{backup.prefix}/proofs/", seconds=_BUCKET_SECONDS)
    return max((stored.modified for stored in proofs), default="")


def _last_drill(service: str) -> dict[str, Any] | None:
    """Return the result of the newest drill, empty without one; None without a backup."""
    if not Backup.is_configured(service):
        return None
    result = drill_result.stored(Backup.of(service), seconds=_BUCKET_SECONDS)
    return asdict(result) if result else {}
