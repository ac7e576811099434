"""Reports by the release tool's own code, signed by openssl, to the emulated Monitoring."""

import json
import os
import stat
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import oci
import pytest
from oci.monitoring import models

from host.auth_release import asking, backup, drill_result, log_shipping, measures, reporter
from host.auth_release.monitoring import Log
from host.auth_release.records import Record, Records
from host.auth_release.reporter import Reporter
from localcloud.state import log_entries
from tests.localcloud.caller import Caller
from tests.unit.host.fakes import desired


@pytest.fixture(name="settings")
def _settings(
    caller: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Reporter:
    """Return the settings of a host without systemd."""
    for name in ("SETTINGS", "UNITS", "STATE"):
        monkeypatch.setattr(reporter, name, tmp_path / name.lower())
    (tmp_path / "units").mkdir()
    monkeypatch.setattr(reporter, "MEMORY", tmp_path / "run" / "reporter.json")
    monkeypatch.setattr(reporter, "run", lambda *_: "")

    def systemctl(*argv: str) -> bool:
        if argv[1] == "start":
            reporter.report()
        return True

    monkeypatch.setattr(reporter, "succeeds", systemctl)
    user = caller.account.reporter
    return Reporter(
        disk="disk",
        endpoint=caller.home.endpoint,
        tenancy=caller.account.tenancy,
        user=user.ocid,
        fingerprint=user.fingerprint,
        compartment=caller.compartment,
        namespace="auth",
        dimensions={"stack": request.node.name, "server": "auth"},
        private_key=user.private_key_file.read_text(),
    )


@pytest.fixture(name="bucket")
def _bucket(backup: backup.Backup) -> backup.Backup:
    return backup


@pytest.fixture(name="logged")
def _logged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    log = SimpleNamespace(syslog=lambda _, text: lines.append(text), LOG_WARNING=4, LOG_NOTICE=5)
    monkeypatch.setattr(reporter, "syslog", log)
    return lines


def configure(settings: Reporter) -> str:
    # sorted, as the program sends it
    return reporter.configure(json.dumps(asdict(settings), sort_keys=True).encode())


def values(caller: Caller, settings: Reporter, metric: str) -> dict[str, float]:
    """Return the newest value of a metric of this test, by its further dimension."""
    client: Any = caller.client(oci.monitoring.MonitoringClient)
    now = datetime.now(UTC) + timedelta(seconds=1)
    stack = settings.dimensions["stack"]
    details = models.SummarizeMetricsDataDetails(
        namespace="auth",
        query=f'{metric}[1m]{{stack = "{stack}"}}.max()',
        start_time=now - timedelta(minutes=1),
        end_time=now,
    )
    return {
        "".join(v for name, v in each.dimensions.items() if name not in settings.dimensions): (
            each.aggregated_datapoints[-1].value
        )
        for each in client.summarize_metrics_data(caller.compartment, details).data
    }


def live(tmp_path: Path) -> str:
    """Let a service be live on this host; return its name."""
    state = tmp_path / "state"
    record = Record(
        number=1, desired=desired(), fingerprint="", by="", at="", seconds=0, outcome="live"
    )
    Records(state, record.desired.service).save(record)
    (state / "routes").mkdir()
    (state / "routes" / f"{record.desired.service}.rules").write_text("# release 1\n")
    return record.desired.service


def test_a_report_reaches_monitoring_and_its_key_is_for_root_alone(
    caller: Caller, settings: Reporter, logged: list[str]
) -> None:
    sentence = configure(settings)

    assert sentence.endswith(f"values reported to {caller.home.endpoint}")
    assert 0 < values(caller, settings, "memoryPercent")[""] < 100
    assert 0 < values(caller, settings, "diskPercent")["system"] < 100
    assert reporter.problem() is None
    assert logged == []
    key, stored = reporter.SETTINGS / "key.pem", reporter.SETTINGS / "settings.json"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert settings.private_key.splitlines()[1] not in stored.read_text()


def test_a_live_service_is_measured(
    caller: Caller, settings: Reporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = live(tmp_path)
    monkeypatch.setattr(asking, "through_proxy", lambda _: "no answer within 5 s")
    late = {"problem": "the last copy is 90 s old", "age_seconds": 90}
    monkeypatch.setattr(backup, "state", lambda _: late)
    grown = iter(({}, {'auth_logins_total{outcome="password"}': 40.0}))
    monkeypatch.setattr(measures, "counters", lambda _: next(grown))
    configure(settings)

    reporter.report()

    for metric, value in {
        "serviceUp": 0,
        "backupLate": 1,
        "backupSeconds": 90,
        "failedLogins": 40,
    }.items():
        assert values(caller, settings, metric)[service] == value, metric


def test_a_drill_that_failed_or_is_overdue_is_measured(
    caller: Caller,
    settings: Reporter,
    bucket: backup.Backup,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service = live(tmp_path)
    monkeypatch.setattr(drill_result, "CACHE", tmp_path / "run")
    monkeypatch.setattr(backup.Backup, "of", lambda _: bucket)
    monkeypatch.setattr(backup.Backup, "is_configured", lambda _: True)

    def late() -> float | None:
        """Return the value of a report in another ten minutes."""
        for cached in (tmp_path / "run").glob("drill-*.json"):
            os.utime(cached, (0, 0))
        reporter.report()
        return values(caller, settings, "drillLate").get(service)

    configure(settings)
    assert late() is None, "a stack without a drill"
    drill_result.store(bucket, copy="c", seconds=60)
    assert late() == 0
    drill_result.store(bucket, problem="the copy is broken")
    reporter.report()
    assert values(caller, settings, "drillLate")[service] == 0, "the bucket is asked each minute"
    assert late() == 1
    monkeypatch.setattr(drill_result, "LATE_SECONDS", -60)
    drill_result.store(bucket, copy="c", seconds=60)
    assert late() == 1


Change = Callable[[Reporter], Reporter]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            lambda good: replace(good, endpoint="http://127.0.0.1:9"),
            "gives no answer: Connection refused",
        ),
        (lambda good: replace(good, user=f"{good.user}x"), "HTTP 401"),
        (lambda good: replace(good, namespace="other"), "HTTP 404"),
        (lambda good: replace(good, private_key="no key"), "`openssl dgst` can't sign"),
    ],
    ids=["endpoint down", "unknown key", "no right", "broken key"],
)
def test_a_report_that_fails_is_logged_once_and_shown_until_one_succeeds(
    settings: Reporter, logged: list[str], change: Change, reason: str
) -> None:
    sentence = configure(change(settings))

    assert sentence.startswith("not reported yet: ")
    assert reason in sentence
    assert reporter.report() == 0, "the journal of systemd would fill"
    assert len(logged) == 1
    problem = reporter.problem()
    assert problem is not None
    assert problem.startswith("no report since the boot: ")
    assert reason in problem

    configure(settings)
    assert reporter.problem() is None
    assert len(logged) == 2


def test_a_clock_that_is_wrong_is_named(
    settings: Reporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = "Thu, 01 Jan 2026 00:00:00 GMT"
    monkeypatch.setattr("host.auth_release.oracle_api.formatdate", lambda **_: wrong)

    assert "the clock of this host is wrong" in configure(settings)


def test_reports_that_ended_are_a_problem_after_three_minutes(
    settings: Reporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(settings)
    later = time.time() + 200
    monkeypatch.setattr(time, "time", lambda: later)

    problem = reporter.problem()

    assert problem is not None
    assert problem.startswith("the last report is 200 s old")


def test_the_lines_of_the_log_have_the_stack_and_the_server_as_their_source(
    caller: Caller, settings: Reporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "journal").write_text(
        json.dumps(
            {
                "MESSAGE": "a line",
                "CONTAINER_NAME": f"{live(tmp_path)}-1",
                "__REALTIME_TIMESTAMP": str(int(time.time() * 1e6)),
                "__CURSOR": "1",
            }
        )
        + "\n"
    )
    (tmp_path / "journalctl").write_text(f"#!/bin/sh\ncat {tmp_path}/journal\n")
    (tmp_path / "journalctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(log_shipping, "PLACE", tmp_path / "place")
    monkeypatch.setattr(log_shipping, "MEMORY", tmp_path / "run" / "log-shipping.json")
    monkeypatch.setattr(log_shipping, "configure", lambda _: "")
    log = Log(ocid=caller.account.log, endpoint=caller.home.endpoint)
    configure(replace(settings, log=log))

    assert reporter.ship_logs() == 0

    sources = [
        entry.source
        for entry in log_entries.stored(caller.home.log_entries)
        if settings.dimensions["stack"] in entry.source
    ]
    assert sources == [f"{settings.dimensions['stack']}/auth"]


def test_without_a_log_nothing_is_shipped(
    settings: Reporter, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(settings)

    assert reporter.ship_logs() == 1
    assert "auth:logOcid is not set" in capsys.readouterr().out


def test_without_a_user_the_reports_end_and_the_key_goes(settings: Reporter) -> None:
    assert configure(Reporter(disk="disk")) == (
        "neither a user who may post them nor a store is configured"
    )
    configure(settings)

    assert configure(Reporter(disk="disk")) == "switched off"

    assert list(reporter.SETTINGS.iterdir()) == []
    assert list(reporter.UNITS.iterdir()) == []
    assert reporter.problem() is None
