"""Applications of docs/frameworks.md, executed as the document writes them."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import packages
from running import free_port

_DOCUMENT = Path(__file__).parents[2] / "docs" / "frameworks.md"
_BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"(?:#|//) (?P<path>[\w./]+)(?P<appended>, at its end)?\n")
_REDIRECT_URI = re.compile(r"redirect\s+URI\s+is\s+`(?P<path>/[^`]*)`")
# The packages are there already, in the versions that the repository pins.
_INSTALLS = ("pip install ", "npm install ", "go mod init ", "go get ")
_SECONDS = 300  # the first time, Go compiles its standard library


def frameworks() -> dict[str, str]:
    """Return the text of each framework's section by its title, in the document's order."""
    parts = re.split(r"^## (.+)\n", _DOCUMENT.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@dataclass
class Application:
    """The application of a section, in a folder of its own and on a port of its own."""

    section: str
    folder: Path
    port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def redirect_uri(self) -> str:
        match = _REDIRECT_URI.search(self.section)
        assert match, f"no redirect URI in {self.section}"
        return self.url + match["path"]

    @contextmanager
    def running(self, variables: Mapping[str, str]) -> Iterator[None]:
        """Write the files and execute the commands of the section; the last command serves."""
        environment = {**self._packages(), **variables, "PORT": str(self.port)}
        *preparation, (_, serve) = self._steps()
        for language, text in preparation:
            if language == "console":
                status = self._start(text, environment).wait(timeout=_SECONDS)
                assert status == 0, f"`{text}` failed:\n{self._log}"
            else:
                self._write(text)
        process = self._start(serve, environment)
        try:
            self._wait(process)
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _packages(self) -> dict[str, str]:
        """Provide the language's packages; return the environment variables for commands."""
        if "```javascript" in self.section:
            return packages.for_node(self.folder)
        if "```go" in self.section:
            return packages.for_go(self.folder)
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return {**os.environ, "PATH": path}

    def _steps(self) -> list[tuple[str, str]]:
        """Return the files and the single commands, each with the language of its block."""
        steps = []
        for block in _BLOCK.finditer(self.section):
            language, text = block["language"], block["text"]
            parts = text.splitlines() if language == "console" else [text]
            steps += [(language, part.removeprefix("$ ")) for part in parts]
        return [(language, text) for language, text in steps if not text.startswith(_INSTALLS)]

    def _write(self, text: str) -> None:
        match = _FILE.match(text)
        assert match, f"the first line names no file: {text}"
        path = self.folder / match["path"]
        before = path.read_text() if match["appended"] else ""
        path.write_text(before + text)

    def _start(self, command: str, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                ["bash", "-c", command],
                cwd=self.folder,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            with socket.socket() as connection:
                if connection.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError(f"the application does not listen:\n{self._log}")

    @property
    def _log(self) -> str:
        return (self.folder / "log").read_text()
