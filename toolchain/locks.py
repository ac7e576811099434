"""Locks on the local stack's state that killed Pulumi processes left behind."""

import json
import socket
import sys
from pathlib import Path


def drop_stale(state: Path) -> None:
    """Remove locks of Pulumi processes of this machine that are no more.

    Pulumi's own way out, `pulumi cancel`, would break a running update's lock as well. Its lock
    files name process and host (pulumi, pkg/backend/diy/lock.go).
    """
    for lock in (state / ".pulumi" / "locks").rglob("*.json"):
        try:
            content = json.loads(lock.read_text())
            host, pid = content["hostname"], int(content["pid"])
        except (FileNotFoundError, KeyError, ValueError):
            continue  # just released, or just being written
        if host == socket.gethostname() and not _is_pulumi(pid):
            print(
                f"Removing the lock of pulumi (process {pid}), which was killed.", file=sys.stderr
            )
            lock.unlink(missing_ok=True)
            lock.with_name(f"{lock.name}.attrs").unlink(missing_ok=True)


def _is_pulumi(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == "pulumi"
    except (FileNotFoundError, ProcessLookupError):
        return False
