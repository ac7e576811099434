"""Metrics for Prometheus.

One registry for each app and not the library's global one, so that two apps in a process, as in
tests, count apart. Labels are few and ours alone: a route's template, never a path, an account or
an address, so that no client can create series without limit.
"""

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from starlette.types import Scope

CONTENT_TYPE = CONTENT_TYPE_LATEST
# from the time of a lookup to the patience of a proxy
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The metrics. Each attribute is a metric; its help text describes it."""

    def __init__(self, *, revision: str) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = self._counter(
            "http_requests", "Requests by route template, method, status.", "route method status"
        )
        self.seconds = self._histogram(
            "http_request_seconds", "Seconds from a request's head to its answer's end.", "route"
        )
        self.in_flight = self._gauge("http_requests_in_flight", "Requests being answered.")
        self.logins = self._counter("logins", "Logins by outcome.", "outcome")
        self.tokens = self._counter("tokens", "Tokens by event.", "event")
        self.logout_notices = self._counter(
            "logout_notices", "Notices of ended sessions to clients, by outcome.", "outcome"
        )
        self.webhooks = self._counter(
            "webhook_messages", "Messages to the endpoints of webhooks, by outcome.", "outcome"
        )
        self.limited = self._counter("rate_limited", "Requests refused, by limit.", "limit")
        self.hash_queue = self._gauge("hash_queue_length", "Passwords being hashed or waiting.")
        self.hash_wait = self._histogram("hash_wait_seconds", "Seconds until hashing began.")
        self.hash_work = self._histogram("hash_seconds", "Seconds that a hash took.")
        self.events = self._counter("security_events", "Audit events by type.", "event outcome")
        self.audit_kept = self._gauge("audit_events", "Audit events in the database, at the most.")
        self.audit_removed = self._counter(
            "audit_events_removed", "Audit events deleted, by reason.", "reason"
        )
        self._gauge("build_info", "The running revision.", "revision").labels(revision).set(1)

    def text(self) -> bytes:
        return generate_latest(self.registry)

    def _counter(self, name: str, text: str, labels: str = "") -> Counter:
        return Counter(f"auth_{name}", text, labels.split(), registry=self.registry)

    def _gauge(self, name: str, text: str, labels: str = "") -> Gauge:
        return Gauge(f"auth_{name}", text, labels.split(), registry=self.registry)

    def _histogram(self, name: str, text: str, labels: str = "") -> Histogram:
        return Histogram(
            f"auth_{name}", text, labels.split(), registry=self.registry, buckets=_SECONDS
        )


def template(scope: Scope) -> str:
    """Return the route's path as it was declared; `none` without a route."""
    return str(getattr(scope.get("route"), "path", "none"))
