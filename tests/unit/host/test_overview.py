"""The overview of a service: what an operator reads in `make status`."""

import dataclasses
import json
import os
import time
from pathlib import Path

import pytest

from host.auth_release import operating_system, overview
from tests.unit.host.fakes import desired
from tests.unit.host.test_proxy import record


def line(*, status: int = 200, service: str = "auth", path: str = "/v1/me", age: float = 0) -> str:
    request = {"method": "GET", "uri": path, "remote_ip": "192.0.2.1"}
    entry = {
        "logger": "http.log.access.log0",
        "ts": time.time() - age,
        "request": request,
        "service": service,
        "request_id": "",
        "duration": 0.01,
        "size": 1,
        "status": status,
    }
    return json.dumps(entry)


@pytest.fixture(name="journal")
def _journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file whose lines the journal has."""
    journal = tmp_path / "journal"
    (tmp_path / "journalctl").write_text(f"#!/bin/sh\ncat {journal}\n")
    (tmp_path / "journalctl").chmod(0o755)
    monkeypatch.setattr(operating_system, "security_updates", list)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return journal


def test_requests_of_the_service_count_without_probes_and_other_services(journal: Path) -> None:
    health = desired().health.path
    lines = (line(), line(status=502), line(path=health), line(service="other"), "Caddy begins")
    journal.write_text("\n".join(lines))

    assert overview.of([record(7)])["auth"]["requests"] == {
        "count": 2,
        "errors": 1,
        "minutes": 60,
    }


def test_after_a_flood_the_counted_time_is_named(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "_READ_SECONDS", 0)
    journal.write_text("\n".join([line(age=300), line(age=900)]))

    assert overview.of([record(7)])["auth"]["requests"] == {"count": 1, "errors": 0, "minutes": 5}


def test_the_journal_is_read_once_for_all_services(journal: Path) -> None:
    journal.write_text("\n".join((line(), line(service="billing"), line(service="billing"))))
    runs = journal.with_name("runs")
    program = journal.with_name("journalctl")
    program.write_text(f"#!/bin/sh\necho run >> {runs}\ncat {journal}\n")
    billing = dataclasses.replace(record(3), desired=desired(service="billing"))

    overviews = overview.of([record(7), billing])

    assert {name: each["requests"]["count"] for name, each in overviews.items()} == {
        "auth": 1,
        "billing": 2,
    }
    assert runs.read_text() == "run\n"


def test_a_part_that_cant_be_read_has_no_line_and_hides_no_other() -> None:
    parts: dict[str, object] = {
        "requests": None,
        "certificate": None,
        "disk_percent": None,
        "os": None,
        "proof": "",
        "drill": {},
    }

    assert list(overview.lines(parts)) == [
        "  proof    none: `make proof`",
        "  drill    none: `make drill`",
    ]


@pytest.mark.parametrize(
    ("days", "percent", "text"),
    [
        (42.04, 46, "is valid for 42.0 days"),
        (0.25, 30, "is valid for 6.0 hours"),
        (0.25, 24, "is valid for 6.0 hours, its renewal is late: docs/runbook.md, `Certificates`"),
        (0.0007, 70, "is valid for 1.0 minutes"),
        (-1, -20, "has expired: docs/runbook.md, `Certificates`"),
    ],
)
def test_the_rest_of_the_certificates_life_is_shown_and_a_renewal_that_is_late(
    days: float, percent: float, text: str
) -> None:
    parts = {
        **dict.fromkeys(("requests", "disk_percent", "os", "proof", "drill")),
        "certificate": {"days": days, "percent": percent},
    }

    assert list(overview.lines(parts)) == [f"  TLS      the certificate {text}"]


def test_errors_have_a_share() -> None:
    requests = {"count": 1200, "errors": 3, "minutes": 60}
    parts = {
        "requests": requests,
        "certificate": None,
        "disk_percent": {"system": 31.2, "data": 4.0},
        "os": None,
        "proof": None,
        "drill": None,
    }

    assert list(overview.lines(parts)) == [
        "  requests 1,200 in the last 60 minutes, 3 of them with an error of the server (0.2 %)",
        "  disks    used: system 31 %, data 4 %",
    ]
