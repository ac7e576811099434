"""The Docker client on this machine: whether its engine answers, and which client builds images."""

import os
import re
import shutil
import subprocess
from pathlib import Path

_ANSWER_SECONDS = 20
_FIRST_WITHOUT_BUILDKIT = 23


def engine_problem() -> str | None:
    """Return the reason why the Docker engine does not answer; None if it answers."""
    if not shutil.which("docker"):
        return "there is no docker client on PATH"
    try:
        result = subprocess.run(
            ["docker", "version", "--format", "{{.Server.Version}}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=_ANSWER_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {_ANSWER_SECONDS} s"
    return None if result.returncode == 0 else result.stderr.strip() or "no answer"


def buildkit_client() -> Path | None:
    """Return the first `docker` on PATH that builds with BuildKit, which image builds need.

    Up to 22 the client brings BuildKit along; from 23 on it needs the buildx extension.
    """
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        client = shutil.which("docker", path=folder)
        if client and (
            _major_version(client) < _FIRST_WITHOUT_BUILDKIT or _output(client, "buildx", "version")
        ):
            return Path(client)
    return None


def _major_version(client: str) -> int:
    match = re.search(r"version (\d+)\.", _output(client, "--version"))
    return int(match[1]) if match else _FIRST_WITHOUT_BUILDKIT


def _output(*argv: str) -> str:
    result = subprocess.run(argv, capture_output=True, text=True, check=False)
    return result.stdout if result.returncode == 0 else ""
