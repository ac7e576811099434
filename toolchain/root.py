"""Doing what only root may: installing packages, starting a daemon."""

import os
import shutil
from pathlib import Path

from toolchain import story


def command(*argv: str) -> list[str]:
    """Give the argument vector that runs as root; raise StepError where that is impossible."""
    if os.geteuid() == 0:
        return list(argv)
    if shutil.which("sudo"):
        return ["sudo", *argv]
    raise story.StepError(
        f"`{' '.join(argv[:3])}` needs root, and there is no sudo. Run it as root, then try again."
    )


def install(*packages: str, log: Path) -> None:
    """Install packages of the distribution (Debian, Ubuntu)."""
    remedy = f"Install {' and '.join(packages)} by hand, then try again."
    if not shutil.which("apt-get"):
        raise story.StepError(f"This is neither Debian nor Ubuntu. {remedy}")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    quiet = ("apt-get", "--quiet", "-o", "DPkg::Lock::Timeout=300")
    story.run(*command(*quiet, "update"), log=log, env=env, remedy=remedy)
    story.run(
        *command(*quiet, "install", "--yes", "--no-install-recommends", *packages),
        log=log,
        env=env,
        remedy=remedy,
    )
