"""Logs: a JSON object a line, each with the id of its request."""

import asyncio
import json
import logging
import sys
import time
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import lru_cache
from typing import TextIO

from auth.context import REQUEST_ID, TRACE_ID

LOG = logging.getLogger("auth")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {
    *("message", "asctime"),
    "color_message",  # uvicorn: its message again, for terminals
}


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return _line(record.created, record.levelname.lower(), record.getMessage(), fields)


def _line(at: float, level: str, message: str, fields: Mapping[str, object]) -> str:
    entry = {
        "time": f"{_second(int(at))}.{int(at * 1000) % 1000:03d}+00:00",
        "level": level,
        "message": message,
        "request_id": REQUEST_ID.get(),
        "trace_id": TRACE_ID.get(),
        **fields,
    }
    return json.dumps({key: value for key, value in entry.items() if value not in ("", None)})


@lru_cache(maxsize=2)
def _second(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class _Output(logging.StreamHandler[TextIO]):
    """Writes a record at once, and the lines of the requests of a round of the loop together.

    Each write is a system call, and wakes the reader of the log.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._lines: list[str] = []
        self._is_due = False

    def gather(self, line: str) -> None:
        with self.lock or nullcontext():
            self._lines.append(f"{line}\n")
        self.write_soon()

    def write_soon(self) -> None:
        """Write the lines of this round at its end; at once where there is no loop."""
        if self._is_due:
            return
        try:
            asyncio.get_running_loop().call_soon(self._write)
        except RuntimeError:
            self._write()
        else:
            self._is_due = True

    def emit(self, record: logging.LogRecord) -> None:
        self._write()
        super().emit(record)

    def flush(self) -> None:
        """Also at the end of the process."""
        self._write()
        super().flush()

    def _write(self) -> None:
        with self.lock or nullcontext():
            self._is_due, lines, self._lines = False, self._lines, []
            if lines:
                self.stream.write("".join(lines))
                self.stream.flush()


_OUTPUT = _Output(sys.stdout)
_OUTPUT.setFormatter(JsonFormatter())


def configure() -> None:
    """Send every log of the process to stdout as JSON."""
    _OUTPUT.setStream(sys.stdout)
    logging.basicConfig(handlers=[_OUTPUT], level=logging.INFO, force=True)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    # alembic logs every plugin that it sets up
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # requests are logged by `auth.telemetry.requests`
    logging.getLogger("uvicorn.access").disabled = True


def write_line(message: str, fields: Mapping[str, object]) -> None:
    """Log a line of each request: past `logging`, whose records take longer than many requests."""
    _OUTPUT.gather(_line(time.time(), "info", message, fields))


def write_soon() -> None:
    """Write the lines of this round of the loop before the answers that begin after this call."""
    _OUTPUT.write_soon()
