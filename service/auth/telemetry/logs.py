"""Logs: a JSON object a line, each with the id of its request."""

import json
import logging
import os
import re
import sys
import time
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import lru_cache
from typing import TextIO

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auth.context import CALLER, REQUEST_ID, TRACE_ID

LOG = logging.getLogger("auth")
_PROBES = frozenset({"/healthz", "/readyz"})
_OK = 200
_GIVEN_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
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
            self.flush()


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
    # requests are logged by RequestLog
    logging.getLogger("uvicorn.access").disabled = True


def write_line(message: str, fields: Mapping[str, object]) -> None:
    """Log a line of each request: past `logging`, whose records take longer than many requests."""
    _OUTPUT.write(_line(time.time(), "info", message, fields))


class RequestLog:
    """Gives each request an id, and logs its outcome and the address of its caller.

    Never logs a path's query, a header or a body: they may hold secrets. A successful probe is not
    logged either: a health check a second would hide the requests. Metrics count each.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = next(
            (value for name, value in scope["headers"] if name == b"x-request-id"), b""
        )
        if not _GIVEN_ID.fullmatch(request_id):
            request_id = os.urandom(16).hex().encode()
        REQUEST_ID.set(request_id.decode())
        started, status = time.monotonic(), 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id)]
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except BaseException:
            status = status or 500
            raise
        finally:
            if status != _OK or scope["path"] not in _PROBES:
                fields = {
                    "method": scope["method"],
                    "path": scope["path"],
                    # None: the client went away before it had an answer
                    "status": status or None,
                    "ms": round((time.monotonic() - started) * 1000, 1),
                    "address": CALLER.get().address,
                }
                write_line("request", fields)
