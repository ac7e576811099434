"""The name of the person who runs this program, for the records of releases."""

import getpass
import os
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

from host.auth_release.callers import cleaned

CLONE = Path(__file__).parent.parent
_GIT_SECONDS = 10


def current(environment: Mapping[str, str] = os.environ, folder: Path = CLONE) -> str:
    """Return the actor of a GitHub workflow, else git's user and this host.

    A run that somebody repeats has that person as its actor. The name is a claim: it says who
    meant to act, and the server's own record of the login says who could.
    """
    actor = environment.get("GITHUB_TRIGGERING_ACTOR") or environment.get("GITHUB_ACTOR")
    if environment.get("GITHUB_ACTIONS") == "true" and actor:
        return cleaned(f"{actor} on GitHub, run {environment.get('GITHUB_RUN_ID', 'unknown')}")
    return cleaned(f"{_git_user(folder) or _login()} on {socket.gethostname()}")


def flag(name: str) -> list[str]:
    """Return the release tool's flag that names the person, in a single word."""
    return [f"--by={name}"] if name else []


def _git_user(folder: Path) -> str:
    """Return git's `user.email` in a folder; empty without one, or without git."""
    try:
        result = subprocess.run(
            ["git", "config", "user.email"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_GIT_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.strip()


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without an entry in the system's list
        return f"user {os.getuid()}"
