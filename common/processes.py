"""The identity of a process: its number alone may be another process's by now."""

from pathlib import Path


def started_at(pid: int) -> str | None:
    """Return a process's start in the kernel's ticks since the machine's boot.

    None if there is no such process, or only its corpse (proc(5), /proc/pid/stat).
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, *fields = text.rpartition(")")[2].split()
    return None if state == "Z" else fields[18]
