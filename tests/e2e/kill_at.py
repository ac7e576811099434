"""Runs the release tool on the server and kills it just before its nth effect: `kill_at.py N`.

An effect is a command that changes something, or a file that is put in place. A run that survives
them all exits with the tool's own status.
"""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

TOOL = "/usr/local/sbin/auth-release"
READS = {"ps", "ls", "inspect", "validate", "is-active", "logs", "-S", "-C"}

left = int(sys.argv[1])


def effect() -> None:
    global left  # noqa: PLW0603 - a script with a single purpose
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1


def run(argv: Any, *rest: Any, **options: Any) -> Any:
    if not READS & set(argv):
        effect()
    return original_run(argv, *rest, **options)


def rename(self: Path, target: Any) -> Path:
    effect()
    return original_rename(self, target)


original_run, original_rename = subprocess.run, Path.rename
subprocess.run = run  # type: ignore[assignment]
Path.rename = rename  # type: ignore[method-assign,assignment]
sys.path.insert(0, TOOL)
from auth_release.__main__ import main  # type: ignore[import-not-found] # noqa: E402

status = main(["apply"])
# the tool ends when the release is live, and its process goes on; this script waits for it
with contextlib.suppress(ChildProcessError):
    ended = os.waitstatus_to_exitcode(os.wait()[1])
    status = status or ended
sys.exit(status)
