"""Logs: one JSON object a line, each with the id of the request that it belongs to."""

import json
import logging
import re
import sys
import time
import uuid
from contextvars import ContextVar
from datetime import UTC, datetime

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auth import problems
from auth.problems import Code

LOG = logging.getLogger("auth")
REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
MAX_BODY = 16 << 10
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            "request_id": REQUEST_ID.get(),
            **{key: value for key, value in vars(record).items() if key not in _STANDARD},
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps({key: value for key, value in entry.items() if value not in ("", None)})


def configure() -> None:
    """Send every log of the process to stdout as JSON."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    # it tells of every plugin it sets up
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # requests are logged by RequestLog
    logging.getLogger("uvicorn.access").disabled = True


class RequestLog:
    """Names each request, logs its outcome, and refuses bodies that are too large.

    Never logs a path's query, a header or a body: they may hold secrets.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"").decode("latin-1")
        REQUEST_ID.set(given if _GIVEN_ID.fullmatch(given) else uuid.uuid4().hex)
        started, status = time.monotonic(), 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", REQUEST_ID.get().encode()),
                    (b"x-content-type-options", b"nosniff"),
                ]
            await send(message)

        try:
            body = await _body(receive, headers.get(b"content-length"))
            if body is None:
                await problems.of(Code.TOO_LARGE)(scope, receive, answer)
            else:
                await self._app(scope, _replay(body, receive), answer)
        finally:
            LOG.info(
                "request",
                extra={
                    "method": scope["method"],
                    "path": scope["path"],
                    "status": status,
                    "ms": round((time.monotonic() - started) * 1000, 1),
                },
            )


async def _body(receive: Receive, length: bytes | None) -> bytes | None:
    """Read the whole body; None if it is larger than MAX_BODY."""
    if length and length.isdigit() and int(length) > MAX_BODY:
        return None
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return body
        body += bytes(message.get("body", b""))
        if len(body) > MAX_BODY:
            return None
        if not message.get("more_body"):
            return body


def _replay(body: bytes, receive: Receive) -> Receive:
    """Give the body that was read as one message; what comes after it is the connection's end."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
