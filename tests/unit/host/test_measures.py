"""The measures of the host and of its services, on real sockets, files and certificates."""

import contextlib
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from certificates import self_signed

from host.auth_release import data_volume, measures
from host.auth_release.measures import Measure, Snapshot

SECONDS = "auth_http_request_seconds_bucket"


def named(measured: Iterator[Measure]) -> dict[str, float]:
    return {each.name: each.value for each in measured}


def requests(status: int, count: int, route: str = "/v1/me") -> dict[str, float]:
    key = f'auth_http_requests_total{{method="GET",route="{route}",status="{status}"}}'
    return {key: float(count)}


def logins(outcome: str, count: int) -> dict[str, float]:
    return {f'auth_logins_total{{outcome="{outcome}"}}': float(count)}


def measured(now: Mapping[str, float], *earlier: Mapping[str, float]) -> dict[str, float]:
    snapshots = [Snapshot(at=number, counters=each) for number, each in enumerate(earlier)]
    return named(measures.of_counters("auth", Snapshot(at=300, counters=now), snapshots))


def test_requests_and_failed_log_ins_are_those_since_the_last_report() -> None:
    now = {
        **requests(200, 30),
        **requests(503, 10),
        **requests(200, 500, route="/readyz"),
        **logins("success", 6),
        **logins("password", 4),
        'auth_rate_limited_total{limit="login"}': 9.0,
        'auth_rate_limited_total{limit="mail"}': 9.0,
    }

    values = measured(now, requests(200, 0), {**requests(200, 20), **logins("success", 5)})

    assert values["requests"] == 20, "a probe is no request of a user"
    assert values["errors"] == 10
    assert values["logins"] == 1
    assert values["failedLogins"] == 13, "a limit hides no attack"
    assert values["errorPercent"] == 25, "of the whole window"


def test_a_few_requests_have_no_share_and_no_percentile() -> None:
    values = measured(requests(500, 9), {})

    assert values["errors"] == 9
    assert "errorPercent" not in values


def test_the_first_report_after_a_boot_has_no_growth() -> None:
    assert measured(requests(500, 1000)) == {}


def test_latencies_are_of_all_routes_but_the_probes() -> None:
    def buckets(route: str, fast: int, slow: int) -> dict[str, float]:
        counts = {"0.1": fast, "1.0": fast + slow, "+Inf": fast + slow}
        return {
            f'{SECONDS}{{le="{le}",route="{route}"}}': float(count) for le, count in counts.items()
        }

    now = {**requests(200, 100), **buckets("/v1/me", 90, 10), **buckets("/readyz", 9000, 0)}
    values = measured(now, {})

    assert values["latencyP50"] < 100
    assert values["latencyP95"] > 100, "in milliseconds, of users' requests alone"


@pytest.mark.parametrize("now", [-1000.0, 5000.0])
def test_snapshots_from_the_other_side_of_a_jump_of_the_clock_are_left_out(now: float) -> None:
    snapshot = Snapshot(at=1000, counters={})

    assert measures.recent([snapshot], 1100) == [snapshot]
    assert measures.recent([snapshot], now) == []


def test_memory_and_disks_are_in_percent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(measures, "DATA", tmp_path)
    monkeypatch.setattr(data_volume, "problem", lambda: None)
    listed = list(measures.of_host())

    assert [each.dimensions for each in listed] == [{}, {"disk": "system"}, {"disk": "data"}]
    assert all(0 < each.value < 100 for each in listed)
    monkeypatch.setattr(data_volume, "problem", lambda: "it is not attached")
    assert len(list(measures.of_host())) == 2, "the system's disk in the volume's name"
    df = subprocess.run(["df", "--output=pcent", "/"], capture_output=True, text=True, check=True)
    assert abs(listed[1].value - float(df.stdout.split()[1].rstrip("%"))) <= 2


class Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextlib.contextmanager
def site(context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serve with or without TLS; yield the port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("age", "rest", "percent"), [(81, 9, 10), (5.5, 0.5, 8.3), (31, -1, -3.3)])
def test_the_rest_of_a_certificates_life_is_measured_after_its_end_as_well(
    tmp_path: Path, age: float, rest: float, percent: float
) -> None:
    made = self_signed("auth.test", age=timedelta(days=age), rest=timedelta(days=rest))
    context = made.server_context(tmp_path)
    with site(context) as port:
        life = measures.certificate_life("auth.test", port)

    assert life is not None
    assert life.days == pytest.approx(rest, abs=0.1)
    assert life.percent == pytest.approx(percent, abs=0.5)


def test_a_proxy_without_tls_has_no_certificate() -> None:
    with site() as port:
        assert measures.certificate_life("", port) is None
