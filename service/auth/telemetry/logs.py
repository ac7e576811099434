"""Logs: a JSON object a line, each with the id of its request."""

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
    def write(self, line: str) -> None:
        with self.lock or nullcontext():
            self.stream.write(f"{line}\n")
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
    _OUTPUT.write(_line(time.time(), "info", message, fields))
