"""A client in another language, as a process that a test steps through."""

import json
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SECONDS = 60


@dataclass
class SteppedClient:
    """A process that reads and writes a JSON document a line."""

    process: subprocess.Popen[str]

    def tell(self, **document: object) -> dict[str, Any]:
        """Send a document; return the next document, or raise AssertionError with stderr."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(document) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            _, errors = self.process.communicate(timeout=_SECONDS)
            raise AssertionError(f"the client ended with {self.process.returncode}:\n{errors}")
        return dict(json.loads(line))


@contextmanager
def stepped(*command: str, folder: Path, environment: Mapping[str, str]) -> Iterator[SteppedClient]:
    """Run a client in the folder; it ends with the block, or after a minute."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        end = threading.Timer(_SECONDS, process.kill)
        end.start()
        try:
            yield SteppedClient(process)
        finally:
            end.cancel()
            process.kill()
