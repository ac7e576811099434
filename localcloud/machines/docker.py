"""The Docker engine, spoken to through its client."""

import json
import subprocess
from collections.abc import Sequence
from typing import Any


class DockerError(Exception):
    """Docker refused; the text has its reason."""


def docker(*argv: str, stdin: bytes | None = None, timeout: float = 600) -> str:
    """Run `docker` and give its output; raise DockerError with its last words."""
    try:
        result = subprocess.run(
            ["docker", *argv], input=stdin, capture_output=True, timeout=timeout, check=False
        )
    except FileNotFoundError:
        raise DockerError("There is no docker client on PATH. Install Docker.") from None
    except subprocess.TimeoutExpired:
        raise DockerError(f"`docker {argv[0]}` did not end within {timeout:.0f} s") from None
    if result.returncode != 0:
        said = (result.stderr or result.stdout).decode(errors="replace").strip()
        raise DockerError(f"`docker {' '.join(argv[:2])}` failed: {said[-2000:]}")
    return result.stdout.decode(errors="replace")


def exists(kind: str, name: str) -> bool:
    """Tell whether an image, container, volume or network of that name is there."""
    try:
        docker(kind, "inspect", name)
    except DockerError:
        return False
    return True


def inspect(name: str) -> dict[str, Any] | None:
    """Give what Docker knows of a container; None if there is none of that name."""
    try:
        return dict(json.loads(docker("container", "inspect", name))[0])
    except DockerError:
        return None


def labelled(label: str) -> dict[str, Sequence[str]]:
    """List containers, volumes and networks that carry the label."""
    wanted = ("--quiet", "--filter", f"label={label}")
    return {
        "container": docker("ps", "--all", *wanted).split(),
        "volume": docker("volume", "ls", *wanted).split(),
        "network": docker("network", "ls", *wanted).split(),
    }
