"""The locks on a stack's state, also those that killed Pulumi processes left behind."""

import datetime as dt
import json
import re
import socket
import sys
from pathlib import Path

# longer than an update takes: the VM alone has 45 minutes to boot for the first time
_LONGEST = dt.timedelta(hours=2)
_EXITING = 0x4  # PF_EXITING of the kernel's include/linux/sched.h
_HOLDER = re.compile(r"created by (\S+@\S+) \(pid \d+\) at (\S+)")


def drop_stale(state: Path) -> None:
    """Remove the locks of Pulumi processes of this machine that have ended.

    Pulumi's own way out, `pulumi cancel`, would break a running update's lock as well. Its lock
    files name process and host (pulumi, pkg/backend/diy/lock.go).
    """
    for lock in (state / ".pulumi" / "locks").rglob("*.json"):
        pid = _process(lock)
        if pid is not None and not _is_pulumi(pid):
            print(
                f"Removing the lock of pulumi (process {pid}), which was killed.", file=sys.stderr
            )
            lock.unlink(missing_ok=True)
            lock.with_name(f"{lock.name}.attrs").unlink(missing_ok=True)


def none_held(backend: str, stack: str) -> bool:
    """Check that the stack has no lock, where the state is in files of this machine.

    Any other backend is unknown: only taking the lock would show it.
    """
    return backend.startswith("file://") and not _of_stack(backend, stack)


def running(backend: str, stack: str) -> list[int]:
    """Return the Pulumi processes of this machine that hold the stack in a state in files."""
    locks = _of_stack(backend, stack) if backend.startswith("file://") else []
    holders = [_process(lock) for lock in locks]
    return [pid for pid in holders if pid is not None and _is_pulumi(pid)]


def _process(lock: Path) -> int | None:
    """Return the number of the process that holds a lock of this machine, else None."""
    try:
        content = json.loads(lock.read_text())
        host, pid = content["hostname"], int(content["pid"])
    except (FileNotFoundError, KeyError, ValueError):
        return None  # just released, or just being written
    return pid if host == socket.gethostname() else None


def _of_stack(backend: str, stack: str) -> list[Path]:
    locks = Path(backend.removeprefix("file://")).expanduser() / ".pulumi" / "locks"
    return [lock for lock in locks.rglob("*.json") if lock.parent.name == stack]


def remedy(error: str, stack: str, now: dt.datetime | None = None) -> str | None:
    """Return the way out if Pulumi's error is about the locks of a stack, else None.

    The run of a lock may be on another machine. Only the lock's age shows if it can go on.
    """
    holders = _HOLDER.findall(error) if "currently locked" in error else []
    if not holders:
        return None
    holder, since = min(holders, key=lambda holder_and_moment: holder_and_moment[1])
    age = (now or dt.datetime.now(dt.UTC)) - _moment(since)
    # the CLI's error names `pulumi cancel`, and a person must not have to choose
    free = (
        f"make unlock STACK={stack}. It does what Pulumi advises above, but never to a run that "
        "still goes on, on this machine."
    )
    if age > _LONGEST:
        hours = age // dt.timedelta(hours=1)
        return (
            f" Its lock is {hours} hours old, and no update takes so long: the run of {holder} "
            f"ended without freeing it. Free it: {free}"
        )
    minutes = age // dt.timedelta(minutes=1)
    return (
        f" {holder} began to update it {minutes} minutes ago. Wait for that run; if it is over (a "
        f"job that was cancelled, a machine that is gone), free the stack: {free}"
    )


def _moment(text: str) -> dt.datetime:
    """Read Go's RFC 3339, whose fractions of a second Python 3.11 may find too long."""
    return dt.datetime.fromisoformat(re.sub(r"\.\d+", "", text))


def _is_pulumi(pid: int) -> bool:
    """Check that a process is Pulumi and not about to end.

    A killed process keeps its number until its parent has asked for its status (a zombie), and
    before that until the kernel has freed its memory. It can no longer use its lock.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    # proc(5): "pid (name) state ppid pgrp session tty tpgid flags …"; a name may contain ")"
    before, _, after = stat.rpartition(")")
    return before.partition("(")[2] == "pulumi" and not int(after.split()[6]) & _EXITING
