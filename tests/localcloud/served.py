"""The API server in the foreground of a test: started, awaited, ended."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from localcloud import server
from localcloud.state.home import Home

REPOSITORY = Path(__file__).resolve().parents[2]
_START_SECONDS = 30


def serve_command(home: Home) -> list[str]:
    return [sys.executable, "-m", "localcloud", "serve", "--home", str(home.path)]


@contextmanager
def served(home: Home) -> Iterator[subprocess.Popen[bytes]]:
    log = home.path / "server.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            serve_command(home), cwd=REPOSITORY, stdout=output, stderr=output
        )
    with process:
        try:
            deadline = time.monotonic() + _START_SECONDS
            while server.status(home) is None:
                if process.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"The API server did not start. Its log: {log.read_text()}")
                time.sleep(0.05)
            yield process
        finally:
            process.terminate()
