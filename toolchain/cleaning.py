"""`make clean`: the caches that all clones of this user share, named before they go."""

import shutil
import subprocess
import sys
from pathlib import Path

from common import cache, docker, progress
from common.clone import has_local_stack, states
from toolchain import docker_engine

_IMAGES = "auth.localcloud.cache"  # the label of base images and machine images
_MACHINES = "auth.localcloud.home"  # the label of all parts of a local stack, of any clone


def clean(clone: Path, *, yes: bool) -> None:
    """Drop the caches after a yes; raise StepError while a local stack needs them."""
    if has_local_stack(clone):
        # none has a state yet if the first `make up` was stopped; `make down` ends that as well
        names = states(clone) or ["local"]
        commands = ", ".join(
            "make down" if name == "local" else f"make down STACK={name}" for name in names
        )
        raise progress.StepError(
            f"A local stack is up, and needs the caches: {', '.join(names)}. Take it down first: "
            f"{commands}"
        )
    has_engine = docker.engine_problem() is None
    if has_engine and _ids("ps", "--all", "--filter", f"label={_MACHINES}"):
        raise progress.StepError(
            "A local stack of another clone is up, and needs the caches. Take it down in that "
            "clone first: make down"
        )
    images = _ids("images", "--filter", f"label={_IMAGES}") if has_engine else []
    print(_inventory(clone, images), file=sys.stderr, flush=True)
    if not yes:
        _confirm()
    with progress.step("Drop the caches"):
        if images:
            subprocess.run(["docker", "rmi", "--force", *images], check=False, capture_output=True)
        docker_engine.stop_if_ours(clone)
        (clone / ".venv").unlink(missing_ok=True)
        shutil.rmtree(clone / ".local", ignore_errors=True)
        shutil.rmtree(cache.folder(), ignore_errors=True)


def _inventory(clone: Path, images: list[str]) -> str:
    lines = [
        "This removes, of this clone:",
        f"  {clone / '.venv'} and {clone / '.local'}",
        "and of all clones of this user, which each make it again when they need it:",
        f"  {cache.folder()} ({_size(cache.folder())}): engine, tools, Python packages",
    ]
    if images:
        lines.append(f"  {len(images)} Docker images: for services, and for machines")
    return "\n".join(lines)


def _confirm() -> None:
    if not sys.stdin.isatty():
        raise progress.StepError(
            "There is no terminal for the question. Nothing was removed. To agree: make clean YES=1"
        )
    print("Type yes to go on: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip() != "yes":
        raise progress.StepError("Nothing was removed.")


def _ids(*argv: str) -> list[str]:
    command = ["docker", *argv, "--quiet"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    return sorted(set(listed.stdout.split()))


def _size(folder: Path) -> str:
    if not folder.exists():
        return "not there"
    shown = subprocess.run(
        ["du", "--summarize", "--human-readable", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    return f"{shown.stdout.split()[0]}B" if shown.stdout else "of unknown size"
