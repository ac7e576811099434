"""The Pulumi CLI, run on a stack."""

import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from stack import log_filter, remedies, terminal
from stack.errors import StackError

# these are about the backend, or name their stack themselves
_WITHOUT_STACK = {
    ("stack", "ls"),
    ("stack", "init"),
    ("config", "cp"),
    ("whoami", "--verbose"),
}
# the CLI counts its event log as debugging; its Automation API uses it
EVENT_LOG = {"PULUMI_DEBUG_COMMANDS": "true"}
_DRAWN = {"up", "preview", "destroy"}
_TAIL = 50  # lines of an error in which a remedy is looked for


@dataclass(frozen=True, kw_only=True)
class Pulumi:
    """The CLI for a stack of the program in `clone`; `env` leads it to its plugins and state."""

    stack: str
    clone: Path
    env: Mapping[str, str]

    def run(
        self,
        *argv: str,
        stdin: str | None = None,
        cwd: Path | None = None,
        events: Path | None = None,
    ) -> None:
        """Run the CLI and show its output; raise StackError with the way out if it fails.

        The engine's events go to the file `events`.
        """
        drawn = argv[0] in _DRAWN and terminal.interactive()
        log_flags = ["--event-log", str(events)] if events else []
        with subprocess.Popen(
            [*self.command(*argv, drawn=drawn), *log_flags],
            env={**self.env, **(EVENT_LOG if events else {})},
            cwd=cwd or self.clone,
            # without the terminal as its stdin, the CLI does not draw on it
            stdin=None if drawn else subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=None if drawn else subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        ) as process:
            if process.stdin:
                process.stdin.write(stdin or "")
                process.stdin.close()
            log = threading.Thread(target=_copy_some, args=(process.stdout,))
            log.start()
            last_lines: deque[str] = deque(maxlen=_TAIL)
            for line in process.stderr or ():
                last_lines.append(line)
                print(line, end="", file=sys.stderr, flush=True)
            log.join()
        if process.returncode != 0:
            remedy = remedies.remedy("".join(last_lines), self.stack) or ""
            raise StackError(f"`pulumi {argv[0]}` failed with status {process.returncode}.{remedy}")

    def read(self, *argv: str) -> str:
        """Run the CLI and return its stdout; raise StackError with the way out if it fails."""
        result = self.result(*argv)
        if result.returncode != 0:
            remedy = remedies.remedy(result.stderr, self.stack) or ""
            error = result.stderr.strip().rstrip(".")
            raise StackError(f"`pulumi {' '.join(argv[:2])}` failed: {error}.{remedy}")
        return result.stdout

    def result(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """Run the CLI and return its status and output, whether or not it fails."""
        return subprocess.run(
            self.command(*argv),
            env=dict(self.env),
            cwd=self.clone,
            capture_output=True,
            text=True,
            check=False,
        )

    def command(self, *argv: str, drawn: bool = False) -> list[str]:
        """Return the argument vector of a command of the CLI; `drawn`: it draws on a terminal."""
        scope = [] if tuple(argv[:2]) in _WITHOUT_STACK else ["--stack", self.stack]
        display = [] if drawn else ["--non-interactive"]
        return ["pulumi", *argv, *scope, *display, "--color", "auto"]


def display_flags() -> Sequence[str]:
    """Return the flags that leave the dots of progress out of a log."""
    return () if terminal.interactive() else ("--suppress-progress",)


def _copy_some(output: IO[str] | None) -> None:
    """Copy the lines for a log from the CLI's output to stdout."""
    log = log_filter.LogFilter()
    for line in output or ():
        if log.keeps(line):
            print(line, end="", flush=True)
