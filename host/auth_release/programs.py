"""Other programs of the host."""

import os
import subprocess
from collections.abc import Mapping

from .errors import ReleaseError

_MESSAGE_END = 2000  # characters


def run(
    *argv: str,
    timeout: float = 300,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
) -> str:
    """Run a program and return its output; raise ReleaseError with the end of its message."""
    try:
        result = subprocess.run(
            argv,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env={**os.environ, **(env or {})},
        )
    except subprocess.TimeoutExpired:
        raise ReleaseError(f"`{' '.join(argv[:2])}` did not end within {timeout:.0f} s") from None
    except OSError as error:
        raise ReleaseError(f"`{' '.join(argv[:2])}` can't be run: {error.strerror}") from None
    if result.returncode != 0:
        message = (result.stderr.strip() or result.stdout.strip())[-_MESSAGE_END:]
        raise ReleaseError(f"`{' '.join(argv[:2])}` failed: {message}")
    return result.stdout


def succeeds(*argv: str) -> bool:
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0
