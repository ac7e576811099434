"""The Docker engine, spoken to through its client."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

Present = Mapping[str, Mapping[str, Any]]  # Docker's descriptions, by name
_ABSENT = "no such object"


class DockerError(Exception):
    """Docker refused; the text has its reason."""


def docker(*argv: str, stdin: bytes | None = None, timeout: float = 600) -> str:
    """Run `docker` and return its output; raises DockerError with the last words of a failure."""
    result = _run(*argv, stdin=stdin, timeout=timeout)
    if result.returncode != 0:
        output = (result.stderr or result.stdout).decode(errors="replace").strip()
        raise DockerError(f"`docker {' '.join(argv[:2])}` failed: {output[-2000:]}")
    return result.stdout.decode(errors="replace")


def present(*names: str) -> Present:
    """Describe the images, containers, volumes and networks of these names that exist.

    It takes one process, as each costs 50 ms. Raises DockerError if Docker does not answer.
    """
    result = _run("inspect", *names, stdin=None, timeout=60)
    problems = result.stderr.decode(errors="replace").splitlines()
    unexpected = [line for line in problems if line and _ABSENT not in line.lower()]
    if unexpected:
        raise DockerError(f"`docker inspect` failed: {' '.join(unexpected)[-2000:]}")
    described: dict[str, Mapping[str, Any]] = {}
    for each in json.loads(result.stdout):
        # an image has tags in a name's place, and a container's name begins with a slash
        own = each.get("RepoTags") or [each["Name"].removeprefix("/")]
        described.update(dict.fromkeys(own, each))
    return described


def _run(*argv: str, stdin: bytes | None, timeout: float) -> "subprocess.CompletedProcess[bytes]":
    try:
        return subprocess.run(
            ["docker", *argv], input=stdin, capture_output=True, timeout=timeout, check=False
        )
    except FileNotFoundError:
        raise DockerError("There is no docker client on PATH. Install Docker.") from None
    except subprocess.TimeoutExpired:
        raise DockerError(f"`docker {argv[0]}` did not end within {timeout:.0f} s") from None


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
