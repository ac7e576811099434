"""Monitors of Oracle's Health Checks: real requests, and their results as metrics."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import oci
import pytest
from certificates import self_signed
from oci.healthchecks import models
from oci.monitoring.models import SummarizeMetricsDataDetails

from common import files
from tests.localcloud.caller import Caller, eventually, refused


class Site(BaseHTTPRequestHandler):
    """Answer with a status that the test chooses."""

    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(name="port")
def _port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture(name="checks")
def _checks(caller: Caller) -> Any:
    return caller.client(oci.healthchecks.HealthChecksClient)


def details(caller: Caller, port: int, **fields: Any) -> models.CreateHttpMonitorDetails:
    return models.CreateHttpMonitorDetails(
        **{
            "compartment_id": caller.compartment,
            "display_name": "auth",
            "targets": ["127.0.0.1"],
            "protocol": "HTTP",
            "port": port,
            "method": "GET",
            "path": "/readyz",
            "interval_in_seconds": 10,
            "timeout_in_seconds": 5,
            **fields,
        }
    )


def health(caller: Caller, monitor: str) -> set[float]:
    """Return the different results of the last minute."""
    client, now = caller.client(oci.monitoring.MonitoringClient), datetime.now(UTC)
    query = SummarizeMetricsDataDetails(
        namespace="oci_healthchecks",
        query=f'HTTP.isHealthy[1m]{{resourceId = "{monitor}"}}.min()',
        start_time=now - timedelta(minutes=1),
        end_time=now,
    )
    streams = client.summarize_metrics_data(caller.compartment, query).data
    return {point.value for stream in streams for point in stream.aggregated_datapoints}


def test_a_monitor_sees_an_answer_an_error_and_a_closed_port(
    checks: Any, caller: Caller, port: int
) -> None:
    Site.status = 200
    up = checks.create_http_monitor(details(caller, port)).data
    down = checks.create_http_monitor(details(caller, 1)).data
    off = checks.create_http_monitor(details(caller, port, is_enabled=False)).data

    eventually("the answer", lambda: health(caller, up.id), {1.0}, seconds=20)
    eventually("the closed port", lambda: health(caller, down.id), {0.0}, seconds=20)
    assert health(caller, off.id) == set(), "a disabled monitor sends nothing"
    Site.status = 503
    # streams with and without an error message
    eventually("the error", lambda: health(caller, up.id), {0.0, 1.0}, seconds=20)
    for monitor in (up, down, off):
        checks.delete_http_monitor(monitor.id)


def test_a_monitor_trusts_the_certificates_of_the_clouds_own_authority(
    checks: Any, caller: Caller, tmp_path: Path
) -> None:
    Site.status = 200
    ours, foreign = self_signed("127.0.0.1"), self_signed("127.0.0.1")
    roots = caller.home.path / "authority" / "roots.pem"
    with ExitStack() as stack:
        files.write(roots, ours.certificate)
        stack.callback(roots.unlink)
        monitors = []
        for own in (ours, foreign):
            server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Site))
            server.socket = own.server_context(tmp_path).wrap_socket(
                server.socket, server_side=True
            )
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
            wanted = details(caller, server.server_port, protocol="HTTPS")
            monitors.append(checks.create_http_monitor(wanted).data)
            stack.callback(checks.delete_http_monitor, monitors[-1].id)

        eventually("ours", lambda: health(caller, monitors[0].id), {1.0}, seconds=20)
        eventually("the other", lambda: health(caller, monitors[1].id), {0.0}, seconds=20)


def test_a_monitor_is_changed_and_deleted(checks: Any, caller: Caller) -> None:
    monitor = checks.create_http_monitor(details(caller, 80, is_enabled=False)).data
    change = models.UpdateHttpMonitorDetails(path="/healthz", interval_in_seconds=30)
    checks.update_http_monitor(monitor.id, change)
    read = checks.get_http_monitor(monitor.id).data
    assert (read.path, read.interval_in_seconds, read.port) == ("/healthz", 30, 80)

    checks.delete_http_monitor(monitor.id)

    refused(404, "NotAuthorizedOrNotFound", checks.get_http_monitor, monitor.id)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("interval_in_seconds", 7),
        ("timeout_in_seconds", 20),
        ("path", "readyz"),
        ("vantage_point_names", ["aws-fra"]),
    ],
)
def test_a_monitor_that_is_not_modelled_is_refused(
    checks: Any, caller: Caller, field: str, value: Any
) -> None:
    wrong = details(caller, 80, **{field: value})
    refused(400, "InvalidParameter", checks.create_http_monitor, wrong)
