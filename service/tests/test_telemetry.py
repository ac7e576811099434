"""Telemetry for operators: metrics, the audit log, traces."""

import contextlib
import json
import re
import sqlite3
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from running import Server, answering, modules_with
from users import PASSWORD, User

ADA = {"email": "ada@example.test", "password": PASSWORD}


def sample(text: str, series: str) -> float:
    """Return the value of a series, or 0 if it is absent."""
    match = re.search(rf"^{re.escape(series)} (.+)$", text, re.MULTILINE)
    return float(match[1]) if match else 0.0


def scrape(server: Server) -> str:
    answer = httpx.get(f"{server.url}/metrics")
    assert answer.status_code == 200
    return answer.text


def sign_up(server: Server, name: str) -> dict[str, str]:
    credentials = {"email": f"{name}@example.test", "password": PASSWORD}
    with httpx.Client(base_url=server.url, timeout=30) as client:
        client.post("/v1/auth/register", json=credentials)
        tokens: dict[str, str] = client.post("/v1/auth/login", json=credentials).json()
    return {**credentials, **tokens}


def test_requests_are_counted_by_template_and_never_by_path(server: Server) -> None:
    for number in range(3):
        httpx.get(f"{server.url}/v1/admin/users/{number:032x}")
        httpx.get(f"{server.url}/no/such/{number}")
        httpx.request(f"ODD{number}", f"{server.url}/healthz")

    text = scrape(server)

    route = 'method="GET",route="/v1/admin/users/{user_id}",status="401"'
    assert sample(text, f"auth_http_requests_total{{{route}}}") == 3
    assert sample(text, 'auth_http_requests_total{method="GET",route="none",status="404"}') == 3
    assert "no/such" not in text
    assert "ODD" not in text
    assert sample(text, "auth_http_requests_in_flight") == 1, "only the scrape itself"


def test_logins_tokens_and_hashing_are_counted(own_server: Server) -> None:
    own_server.settings = {"AUTH_REVISION": "abc1234", "AUTH_REFRESH_GRACE_SECONDS": "0"}
    own_server.start()
    ada = sign_up(own_server, "ada")
    with httpx.Client(base_url=own_server.url, timeout=30) as client:
        client.post("/v1/auth/login", json={**ADA, "password": "wrong password"})
        for _ in range(2):
            client.post("/v1/auth/refresh", json={"refresh_token": ada["refresh_token"]})

    text = scrape(own_server)

    assert sample(text, 'auth_logins_total{outcome="success"}') == 1
    assert sample(text, 'auth_logins_total{outcome="password"}') == 1
    assert sample(text, 'auth_tokens_total{event="issued"}') == 2
    assert sample(text, 'auth_tokens_total{event="refreshed"}') == 1
    assert sample(text, 'auth_tokens_total{event="reused"}') == 1
    assert sample(text, "auth_hash_seconds_count") == 3
    assert sample(text, "auth_hash_queue_length") == 0
    assert sample(text, 'auth_build_info{revision="abc1234"}') == 1
    assert "ada" not in text


def test_a_refusal_is_counted_by_its_limit(on_sqlite: Server) -> None:
    on_sqlite.settings = {"AUTH_RATE_LIMITS": "register=1/60"}
    on_sqlite.start()
    for name in ("ada", "grace"):
        credentials = {"email": f"{name}@example.test", "password": PASSWORD}
        httpx.post(f"{on_sqlite.url}/v1/auth/register", json=credentials)

    assert sample(scrape(on_sqlite), 'auth_rate_limited_total{limit="register"}') == 1


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
def test_metrics_are_not_there_through_a_proxy(server: Server, header: str) -> None:
    answer = httpx.get(f"{server.url}/metrics", headers={header: "127.0.0.1"})
    nowhere = httpx.get(f"{server.url}/nowhere", headers={header: "127.0.0.1"})

    assert answer.status_code == 404
    assert answer.json() == nowhere.json()


def test_metrics_are_not_there_for_networks_that_are_not_named(on_sqlite: Server) -> None:
    on_sqlite.settings = {"AUTH_METRICS_FROM": "10.0.0.0/8"}
    on_sqlite.start()

    assert httpx.get(f"{on_sqlite.url}/metrics").status_code == 404


def admin(server: Server) -> dict[str, str]:
    """Make an administrator, and return the Authorization header."""
    made = sign_up(server, "root")
    server.execute("UPDATE accounts SET role = 'admin' WHERE email = 'root@example.test'")
    return {"Authorization": f"Bearer {made['access_token']}"}


def test_an_admin_reads_the_audit_log_page_by_page(server: Server) -> None:
    bearer = admin(server)
    agent = {"User-Agent": "a browser\tof sorts", "X-Forwarded-For": "203.0.113.7"}
    agent["X-Request-Id"] = "request-of-eve"
    eve = sign_up(server, "eve")
    httpx.post(
        f"{server.url}/v1/auth/login",
        json={"email": eve["email"], "password": "wrong password"},
        headers=agent,
    )
    url, events, before = f"{server.url}/v1/admin/audit-events", [], None
    while True:
        parameters = {"limit": 2, **({"before": before} if before else {})}
        page = httpx.get(url, headers=bearer, params=parameters).json()
        events += page["events"]
        before = page["next"]
        if before is None:
            break

    refused = next(event for event in events if event["request_id"] == "request-of-eve")
    assert refused["event"] == "login"
    assert refused["outcome"] == "failure"
    assert refused["account_id"]
    assert refused["address"] == "203.0.113.7"
    assert refused["user_agent"] == "a browserof sorts"
    assert {"account.registered", "login"} <= {event["event"] for event in events}
    numbers = [event["id"] for event in events]
    assert numbers == sorted(set(numbers), reverse=True)
    only = httpx.get(url, headers=bearer, params={"event": "admin.read_audit"}).json()["events"]
    assert {event["event"] for event in only} == {"admin.read_audit"}


def test_nobody_else_reads_the_audit_log(server: Server) -> None:
    access_token = sign_up(server, "mallory")["access_token"]
    url = f"{server.url}/v1/admin/audit-events"

    assert httpx.get(url).status_code == 401
    assert httpx.get(url, headers={"Authorization": f"Bearer {access_token}"}).status_code == 403


def test_events_are_logged_with_their_request_and_hold_no_secret(on_sqlite: Server) -> None:
    on_sqlite.settings = {"AUTH_REFRESH_GRACE_SECONDS": "0"}
    on_sqlite.start()
    ada = sign_up(on_sqlite, "ada")
    for _ in range(2):
        body = {"refresh_token": ada["refresh_token"]}
        httpx.post(f"{on_sqlite.url}/v1/auth/refresh", json=body)
    on_sqlite.stop()

    lines = [json.loads(line) for line in on_sqlite.log.splitlines()]
    events = {line["event"]: line for line in lines if line["message"] == "audit"}
    assert {"account.registered", "login", "refresh_token.reused"} <= set(events)
    assert all(event["request_id"] and event["address"] for event in events.values())
    with contextlib.closing(sqlite3.connect(on_sqlite.data / "auth.sqlite")) as database:
        stored_events = str(database.execute("SELECT * FROM audit_events").fetchall())
    for secret in (PASSWORD, ada["refresh_token"], ada["access_token"], ada["email"]):
        assert secret not in on_sqlite.log
        assert secret not in stored_events


def test_a_login_that_cannot_be_written_down_does_not_happen(on_sqlite: Server) -> None:
    on_sqlite.start()
    with httpx.Client(base_url=on_sqlite.url) as client:
        ada = User.registered(client)
        on_sqlite.execute(
            "CREATE TRIGGER no_audit BEFORE INSERT ON audit_events "
            "BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
        refused = client.post("/v1/auth/login", json=ada.credentials)
    with contextlib.closing(sqlite3.connect(on_sqlite.data / "auth.sqlite")) as database:
        sessions = database.execute("SELECT count(*) FROM sessions").fetchone()[0]

    assert refused.status_code == 503
    assert sessions == 0


class Collector(ThreadingHTTPServer):
    """A collector of OpenTelemetry, as far as it takes spans over HTTP."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[ExportTraceServiceRequest] = []

    @property
    def spans(self) -> list[Any]:
        scopes = [
            scope
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
        ]
        return [span for scope in scopes for span in scope.spans]


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Collector)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append(ExportTraceServiceRequest.FromString(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Write no log."""


@pytest.fixture(name="collector")
def _collector() -> Iterator[Collector]:
    collector = Collector()
    with answering(collector):
        yield collector


def test_a_request_is_a_span_of_its_callers_trace_and_its_logs_name_it(
    on_sqlite: Server, collector: Collector
) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    on_sqlite.settings = {"AUTH_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}"}
    on_sqlite.start()
    httpx.get(
        f"{on_sqlite.url}/v1/me?token=hunter2",
        headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"},
    )
    on_sqlite.stop()

    span = next(span for span in collector.spans if span.trace_id.hex() == trace)
    assert span.name == "GET /v1/me"
    assert span.parent_span_id.hex() == "b7ad6b7169203331"
    values = {pair.key: pair.value for pair in span.attributes}
    assert values["http.response.status_code"].int_value == 401
    assert values["http.route"].string_value == "/v1/me"
    assert "hunter2" not in str(collector.spans)
    logged = [json.loads(line) for line in on_sqlite.log.splitlines()]
    assert trace in {line.get("trace_id") for line in logged if line.get("path") == "/v1/me"}


def test_a_collector_that_is_away_disturbs_no_request(on_sqlite: Server) -> None:
    on_sqlite.settings = {"AUTH_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    on_sqlite.start()

    assert httpx.get(f"{on_sqlite.url}/healthz").status_code == 200
    assert on_sqlite.stop() == 0
    assert "Traceback" not in on_sqlite.log


def test_without_a_collector_nothing_of_opentelemetry_is_loaded() -> None:
    assert [name for name in modules_with("auth.server") if "otlp" in name] == []


def test_a_successful_probe_is_not_logged_and_any_other_request_is(on_sqlite: Server) -> None:
    on_sqlite.start()
    for path in ("/healthz", "/readyz", "/version"):
        assert httpx.get(f"{on_sqlite.url}{path}", timeout=30).status_code == 200
    httpx.post(f"{on_sqlite.url}/readyz", timeout=30)
    on_sqlite.stop()

    lines = [json.loads(line) for line in on_sqlite.log.splitlines()]

    logged = [(line["path"], line["status"]) for line in lines if line["message"] == "request"]
    assert logged == [("/version", 200), ("/readyz", 405)]
