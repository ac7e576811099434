"""The Python environment: pinned packages, kept outside of the clone and linked into it.

Runs on a bare Python, before there are any packages.
"""

import hashlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from common import cache, files, progress, root

MINIMUM = (3, 11)
# uv, which installs the rest ten times faster than pip
INSTALLER = "toolchain/requirements.txt"
PACKAGES = ("requirements-dev.txt", "service/requirements.txt")


def python(clone: Path) -> Path:
    """Return the path of the interpreter of the clone's environment, even before it is made."""
    return clone / ".venv" / "bin" / "python"


def inside(clone: Path) -> bool:
    """Check whether this process already runs in the clone's environment."""
    return python(clone).exists() and Path(sys.prefix).resolve() == (clone / ".venv").resolve()


def enter(clone: Path, module: str, argv: Sequence[str]) -> None:
    """Go on as `python -m module` with these arguments in the environment, unless there already."""
    if not inside(clone):
        command = [str(python(clone)), "-m", module, *argv]
        os.execv(command[0], command)  # noqa: S606 - no shell wanted


def ensure(clone: Path) -> None:
    """Make the environment if its requirements changed, and link `.venv` to it."""
    if sys.version_info < MINIMUM:
        wanted = ".".join(map(str, MINIMUM))
        raise progress.StepError(
            f"This is Python {sys.version.split()[0]}; {wanted} or newer is needed. "
            "Name it with: make PYTHON=/path/to/python3"
        )
    target = cache.folder() / "venv" / key(clone)
    finished = target / "finished"
    if not finished.exists():
        with cache.lock(target):
            if not finished.exists():
                with progress.step("Install the Python packages"):
                    _make(clone, target)
                finished.touch()
    _link(clone / ".venv", target)


def key(clone: Path) -> str:
    """Return the name of the environment, made of its content: requirements and interpreter."""
    digest = hashlib.sha256(f"{sys.version}{sys.base_prefix}".encode())
    for name in (INSTALLER, *PACKAGES):
        digest.update((clone / name).read_bytes())
    return digest.hexdigest()[:16]


def _make(clone: Path, target: Path) -> None:
    log = cache.folder() / "log" / "venv.log"
    if importlib.util.find_spec("ensurepip") is None:
        # Debian and Ubuntu ship it apart
        root.install("python3-venv", log=log)
    remedy = "Is the package registry reachable? Try: pip download uv"
    # --clear: a killed run may have left half an environment
    progress.run(sys.executable, "-m", "venv", "--clear", str(target), log=log, remedy=remedy)
    progress.run(
        *(str(target / "bin" / "python"), "-m", "pip", "install", "--require-hashes"),
        *("-r", str(clone / INSTALLER)),
        log=log,
        remedy=remedy,
    )
    files = [argument for name in PACKAGES for argument in ("-r", str(clone / name))]
    try:
        progress.run(
            *(str(target / "bin" / "uv"), "pip", "install", "--require-hashes"),
            *("--python", str(target / "bin" / "python"), *files),
            log=log,
            # in our cache, of which `make clean` leaves nothing
            env={
                **os.environ,
                "UV_CACHE_DIR": str(cache.folder() / "uv"),
                "UV_COMPILE_BYTECODE": "1",
            },
            remedy=remedy,
        )
    except progress.StepError as error:
        # uv ignores pip's settings, and an index or a proxy may be set for pip alone
        print(f"  {error}\n  Trying with pip.", file=sys.stderr)
        progress.run(
            *(str(target / "bin" / "python"), "-m", "pip", "install", "--require-hashes", *files),
            log=log.with_name("venv-pip.log"),
            remedy=remedy,
        )


def _link(link: Path, target: Path) -> None:
    if link.exists() and not link.is_symlink():
        raise progress.StepError(
            f"{link} is an environment of your own. Move it away, then try again."
        )
    files.link(link, target)
