"""The lines of the proxy's log in the journal: requests by service, and Caddy's own lines."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from . import moments

_ACCESS = "http.log.access"  # how the loggers of sites begin
_ERRORS = frozenset({"error", "fatal", "panic"})


def request(line: str) -> Mapping[str, Any] | None:
    """Return the request of a line, in the form of the service's log; None for another line."""
    entry = _entry(line)
    if not str(entry.get("logger", "")).startswith(_ACCESS):
        return None
    try:
        return {
            "time": moments.text(entry["ts"]),
            "service": entry["service"],
            "request_id": entry["request_id"],
            "method": entry["request"]["method"],
            "path": entry["request"]["uri"],
            "status": entry["status"] or None,  # None: the client went away before it had an answer
            "ms": round(entry["duration"] * 1000, 1),
            "bytes": entry["size"],
            "address": entry["request"]["remote_ip"],
        }
    except (KeyError, TypeError):
        return None


def shown(line: str, services: Collection[str]) -> str | None:
    """Return a line for people, if it is a request of the services or an error of the proxy."""
    fields = request(line)
    if fields:
        return json.dumps(fields) if fields["service"] in services else None
    return line if _entry(line).get("level") in _ERRORS else None


def _entry(line: str) -> Mapping[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}
