"""The kernel's limit of inotify instances, which the machines of emulated clouds meet first.

All containers count for one user, and many systems allow that user 128.
"""

from pathlib import Path

FILE = Path("/proc/sys/fs/inotify/max_user_instances")
ENOUGH = 512
RAISED = 1024
SETTING = f"fs.inotify.max_user_instances={RAISED}"


def limit() -> int:
    """Return the present limit; of a kernel without inotify, one that is enough."""
    try:
        return int(FILE.read_text())
    except FileNotFoundError:
        return ENOUGH
