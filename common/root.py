"""Commands that need root: installing packages, starting a daemon."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from common import cache, progress


def command(*argv: str) -> list[str]:
    """Return the argument vector that runs as root; raise StepError if that is impossible."""
    if os.geteuid() == 0:
        return list(argv)
    if shutil.which("sudo"):
        # the password is asked for here: the command itself has no terminal
        ask = ["sudo", "--validate"] if sys.stdin.isatty() else ["sudo", "-n", "true"]
        if subprocess.run(ask, check=False).returncode != 0:
            raise progress.StepError(
                f"`{' '.join(argv[:3])}` needs root, and sudo refuses. Run `sudo --validate`, or "
                "have an administrator do it, then try again."
            )
        return ["sudo", "-n", *argv]
    raise progress.StepError(
        f"`{' '.join(argv[:3])}` needs root, and there is no sudo. Run it as root, then try again."
    )


def install(*packages: str, optional: Sequence[str] = (), log: Path) -> None:
    """Install packages of Debian or Ubuntu, and the `optional` packages that it has."""
    remedy = f"Install {' and '.join(packages)} by hand, then try again."
    if not shutil.which("apt-get"):
        raise progress.StepError(f"This is neither Debian nor Ubuntu. {remedy}")
    # by `env`, since sudo passes no variables on
    apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet"]
    apt += ["-o", "DPkg::Lock::Timeout=300"]
    # apt waits for another apt that installs, but not for another that updates
    with cache.lock(cache.folder() / "packages"):
        progress.run(*command(*apt, "update"), log=log, timeout=300, remedy=remedy)
        wanted = [*packages, *filter(_offered, optional)]
        progress.run(
            *command(*apt, "install", "--yes", "--no-install-recommends", *wanted),
            log=log,
            timeout=900,
            remedy=remedy,
        )


def _offered(package: str) -> bool:
    shown = subprocess.run(["apt-cache", "show", package], capture_output=True, check=False)
    return shown.returncode == 0
