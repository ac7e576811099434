"""The Docker engine, spoken to through its client."""

import json
import subprocess
from collections.abc import Sequence
from typing import Any


class DockerError(Exception):
    """Docker refused; the text has its reason."""


def docker(*argv: str, stdin: bytes | None = None, timeout: float = 600) -> str:
    """Run `docker` and return its output; raises DockerError with the last words of a failure."""
    try:
        result = subprocess.run(
            ["docker", *argv], input=stdin, capture_output=True, timeout=timeout, check=False
        )
    except FileNotFoundError:
        raise DockerError("There is no docker client on PATH. Install Docker.") from None
    except subprocess.TimeoutExpired:
        raise DockerError(f"`docker {argv[0]}` did not end within {timeout:.0f} s") from None
    if result.returncode != 0:
        output = (result.stderr or result.stdout).decode(errors="replace").strip()
        raise DockerError(f"`docker {' '.join(argv[:2])}` failed: {output[-2000:]}")
    return result.stdout.decode(errors="replace")


def exists(kind: str, name: str) -> bool:
    """Return whether an image, container, volume or network of that name exists."""
    try:
        docker(kind, "inspect", name)
    except DockerError:
        return False
    return True


def inspect(name: str) -> dict[str, Any] | None:
    """Return Docker's description of a container, or None if it does not exist."""
    try:
        return dict(json.loads(docker("container", "inspect", name))[0])
    except DockerError:
        return None


def labelled(label: str) -> dict[str, Sequence[str]]:
    """List containers, volumes and networks that carry the label."""
    selection = ("--quiet", "--filter", f"label={label}")
    return {
        "container": docker("ps", "--all", *selection).split(),
        "volume": docker("volume", "ls", *selection).split(),
        "network": docker("network", "ls", *selection).split(),
    }
