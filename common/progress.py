"""The progress of a command: its steps with their duration, its errors with the way out."""

import contextlib
import os
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path

_TAIL = 15
_EVERY_SECONDS = 15
_GRACE_SECONDS = 10
_COLUMNS = 80


class StepError(Exception):
    """A step failed; the message gives the reason, the last output and the way out."""


@contextlib.contextmanager
def step(title: str) -> Iterator[None]:
    """Show a step, and at its end the seconds that it took."""
    started = time.monotonic()
    print(f"{title}...", file=sys.stderr, flush=True)
    yield
    print(f"  {time.monotonic() - started:.1f} s", file=sys.stderr, flush=True)


def run(
    *argv: str,
    log: Path,
    remedy: str,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float = 1800,
    expected_lines: int = 0,
) -> None:
    """Run a program with its output in `log`, and show its last line now and then.

    `expected_lines` adds the progress of a program that writes a line for each finished part.

    Raises StepError, with the log's last lines and the remedy, if it fails or takes more than
    `timeout` seconds.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    tail: deque[str] = deque(maxlen=_TAIL)
    with log.open("w") as file:
        try:
            process = subprocess.Popen(
                argv,
                env=dict(env or os.environ),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
        except OSError as error:
            raise StepError(f"`{argv[0]}` can't be run: {error.strerror}. {remedy}") from None
        try:
            for line in _lines(process, timeout, expected_lines):
                file.write(line)
                tail.append(line.rstrip())
        except BaseException:
            _end(process)
            raise
    shown = "\n".join(f"    {line}" for line in tail)
    command = " ".join(argv[:3])
    if process.poll() is None:
        _end(process)
        raise StepError(
            f"`{command}` did not end within {timeout:.0f} s:\n{shown}\n"
            f"  Whole output: {log}\n  {remedy}"
        )
    if process.returncode != 0:
        raise StepError(
            f"`{command}` ended with status {process.returncode}:\n{shown}\n"
            f"  Whole output: {log}\n  {remedy}"
        )


def _lines(process: subprocess.Popen[str], timeout: float, expected: int = 0) -> Iterator[str]:
    """Yield the process's lines until its end or the timeout; show its progress now and then.

    A daemon that the process leaves behind may hold the pipe for ever; that is not waited for.
    """
    lines: queue.Queue[str | None] = queue.Queue()
    output = process.stdout
    if output is None:
        raise ValueError("the process was started without a pipe for its output")

    def read() -> None:
        with output:
            for line in output:
                lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    started = shown = now = time.monotonic()
    last, count = "", 0
    while now - started < timeout:
        try:
            line = lines.get(timeout=1)
        except queue.Empty:
            if process.poll() is not None:
                return
        else:
            if line is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout - (now - started))
                return
            last, count = line.strip() or last, count + 1
            yield line
        now = time.monotonic()
        if now - shown > _EVERY_SECONDS:
            shown = now
            place = f"{min(count, expected)} of {expected}, " if expected else ""
            print(f"  {now - started:.0f} s: {place}{last}"[:_COLUMNS], file=sys.stderr, flush=True)


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
