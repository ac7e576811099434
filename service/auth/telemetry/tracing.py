"""OpenTelemetry traces, if an endpoint is configured; otherwise nothing of it is imported.

The middleware is our own, since opentelemetry-instrumentation-asgi records each URL with its query,
and our queries may hold codes and tokens.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auth.context import TRACE_ID
from auth.telemetry.metrics import template

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer

_FIRST_SERVER_ERROR = 500


class Tracing:
    """Traces of a process; `endpoint` is the collector's base URL (OTLP over HTTP), or empty.

    Other settings, such as headers for the collector, come from OTEL_EXPORTER_OTLP_*.
    """

    def __init__(self, endpoint: str, *, revision: str) -> None:
        self._provider: TracerProvider | None = None
        self._tracer: Tracer | None = None
        if endpoint:
            self._provider = _provider(endpoint, revision)
            self._tracer = self._provider.get_tracer("auth")

    @property
    def on(self) -> bool:
        return self._tracer is not None

    def close(self) -> None:
        """Send the remaining spans."""
        if self._provider is not None:
            self._provider.shutdown()

    def middleware(self) -> Callable[[ASGIApp], ASGIApp]:
        """Return the middleware that makes a span of each request; only if tracing is on."""
        tracer = self._tracer
        assert tracer is not None  # noqa: S101 - called only if tracing is on
        return lambda app: _Traced(app, tracer)


class _Traced:
    def __init__(self, app: ASGIApp, tracer: "Tracer") -> None:
        from opentelemetry import propagate, trace  # noqa: PLC0415 - costs 100 ms at the start

        self._app, self._tracer = app, tracer
        self._extract = propagate.extract
        self._kind, self._failed = trace.SpanKind.SERVER, trace.StatusCode.ERROR

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        carrier = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in scope["headers"]
            if name in {b"traceparent", b"tracestate"}
        }
        method = scope["method"]
        with self._tracer.start_as_current_span(
            method, context=self._extract(carrier), kind=self._kind
        ) as span:
            TRACE_ID.set(f"{span.get_span_context().trace_id:032x}")

            async def answer(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= _FIRST_SERVER_ERROR:
                        span.set_status(self._failed)
                await send(message)

            try:
                await self._app(scope, receive, answer)
            finally:
                route = template(scope)
                span.update_name(f"{method} {route}")
                span.set_attributes({"http.request.method": method, "http.route": route})


def _provider(endpoint: str, revision: str) -> "TracerProvider":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    resource = Resource.create({"service.name": "auth", "service.version": revision})
    provider = TracerProvider(resource=resource)
    exporter = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces", timeout=5)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider
