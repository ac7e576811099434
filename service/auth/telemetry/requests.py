"""The telemetry of each request: its id, its metrics and its line in the log."""

import random
import re
import time
from functools import cache

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auth.context import CALLER, REQUEST_ID
from auth.telemetry import logs
from auth.telemetry.metrics import Metrics, template

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_PROBES = frozenset({"/healthz", "/readyz"})
_OK = 200
_GIVEN_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")


class RequestTelemetry:
    """Gives each request an id, counts and times it, and logs its outcome.

    Never logs a path's query, a header or a body: they may hold secrets. A successful probe is not
    logged either: a health check a second would hide the requests. Metrics count each.

    It is a single middleware, as each middleware handles every message of an answer.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._in_flight = 0
        metrics.in_flight.set_function(lambda: self._in_flight)
        # the lookup of a series costs more than the count; there are as many series as routes
        self._count = cache(metrics.requests.labels)
        self._time = cache(metrics.seconds.labels)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _id(scope)
        REQUEST_ID.set(request_id.decode())
        started, status = time.perf_counter(), 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id)]
                # a client that has its answer finds the line in the log
                logs.write_soon()
            await send(message)

        self._in_flight += 1
        try:
            await self._app(scope, receive, answer)
        except BaseException:
            status = status or 500
            raise
        finally:
            self._in_flight -= 1
            seconds = time.perf_counter() - started
            route, method = template(scope), scope["method"]
            known = method if method in _METHODS else "other"
            # 0: the client went away before it had an answer
            self._count(route, known, status or 500).inc()
            self._time(route).observe(seconds)
            if status != _OK or scope["path"] not in _PROBES:
                fields = {
                    "method": method,
                    "path": scope["path"],
                    "status": status or None,
                    "ms": round(seconds * 1000, 1),
                    "address": CALLER.get().address,
                }
                logs.write_line("request", fields)


def _id(scope: Scope) -> bytes:
    """Return the id that a client or a proxy gave to a request, or a new id."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _GIVEN_ID.fullmatch(value):
            given: bytes = value
            return given
    # it is no secret, and the kernel's random numbers take longer
    return b"%032x" % random.getrandbits(128)
