"""The parts of a drill: real Litestream, the emulator's Object Storage, and a real HTTP server."""

import dataclasses
import http.server
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import oci
import pytest

from common.progress import StepError
from host.auth_release import backup as continuous
from host.auth_release import copies, drill_result, proof
from host.auth_release.backup import Backup
from host.auth_release.bucket import Bucket
from host.auth_release.copies import Copy
from host.auth_release.errors import ReleaseError
from host.auth_release.progress import Progress
from stack import drill, environment
from stack.drill import Drill, DrillError
from stack.errors import StackError
from tests.localcloud.caller import Caller
from tests.localcloud.copying import Systemd, register


def elsewhere(backup: Backup) -> Backup:
    return dataclasses.replace(backup, prefix=f"{backup.prefix}-local/auth")


def test_a_timeline_is_whole_in_the_bucket_of_the_local_stack(
    backup: Backup, systemd: Systemd
) -> None:
    register(backup, "ada", "grace")
    continuous.start(backup)
    continuous.wait_for_copy(backup)
    (timeline,) = copies.listed(backup)

    drill.transfer(backup, elsewhere(backup), timeline)
    systemd.kill()

    report = proof.prove(elsewhere(backup), timeline.name, Progress(print))
    assert report["rows"] == {"accounts": 2}


def test_a_whole_copy_is_in_the_bucket_of_the_local_stack_with_its_description(
    backup: Backup,
) -> None:
    register(backup, "ada")
    copy = copies.take(backup, "whole", by="ada")

    drill.transfer(backup, elsewhere(backup), copy)

    assert copies.listed(elsewhere(backup)) == [copy]


def test_a_timeline_that_is_compacted_meanwhile_is_fetched_as_it_is_then(
    backup: Backup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Litestream puts a large object in the place of small objects, which it deletes."""
    folder = f"{backup.prefix}/timelines/20261127T000000Z-aaaa"
    for name in ("1", "2"):
        backup.objects.put(f"{folder}/{name}", b"small")
    (timeline,) = copies.listed(backup)
    download = Bucket.download

    def compacted(bucket: Bucket, key: str, path: object) -> None:
        if key.endswith("/2"):
            backup.objects.put(f"{folder}/1-2", b"large")
            bucket._call("DELETE", key)
        download(bucket, key, path)  # type: ignore[arg-type]

    monkeypatch.setattr(Bucket, "download", compacted)
    target = elsewhere(backup)
    drill.transfer(backup, target, timeline)

    stored = target.objects.list(target.prefix)
    assert {each.key.rpartition("/")[2] for each in stored} == {"1", "1-2"}


def test_a_bucket_that_denies_is_the_reason_of_a_failed_drill(backup: Backup) -> None:
    copy = Copy(name="whole", begin="", end="", size=0, is_timeline=False)
    gone = dataclasses.replace(backup, bucket="gone")

    with pytest.raises(ReleaseError, match="the bucket does not exist"):
        drill.transfer(gone, elsewhere(backup), copy)


def test_rows_that_are_not_those_of_the_description_fail_the_drill() -> None:
    copy = Copy(name="c", begin="", end="", size=0, is_timeline=False, rows={"accounts": 3})

    with pytest.raises(DrillError, match=r"c has \{'accounts': 2\} once it is restored"):
        drill.compare(copy, {"accounts": 2})
    drill.compare(copy, {"accounts": 3})


class Login(http.server.BaseHTTPRequestHandler):
    """Lets a single password in."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200 if b"a horse" in body else 401)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture(name="login")
def _login() -> Iterator[str]:
    server = http.server.HTTPServer(("127.0.0.1", 0), Login)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_account_that_can_not_sign_in_fails_the_drill(login: str) -> None:
    drill.sign_in(login, "drill@example.test", "a horse")

    with pytest.raises(DrillError, match=r"drill@example.test can't sign in .*HTTP 401"):
        drill.sign_in(login, "drill@example.test", "another")


@pytest.fixture(name="values")
def _values(
    caller: Caller, backup: Backup, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> dict[str, str]:
    """Return the configuration of a stack with the name of the test, as a drill reads it."""
    user = caller.account.reporter
    values = {
        "auth:backupBucket": backup.bucket,
        "auth:metricsEndpoint": caller.home.endpoint,
        "auth:metricsUserOcid": user.ocid,
        "auth:metricsPrivateKey": user.private_key_file.read_text(),
        "auth:compartmentOcid": caller.compartment,
        "oci:tenancyOcid": caller.account.tenancy,
    }
    name = request.node.name
    configuration = SimpleNamespace(values=lambda: values, written=lambda: values)
    stack = SimpleNamespace(name=name, configuration=configuration)
    monkeypatch.setattr(environment, "recorded", lambda *_: stack)
    monkeypatch.setattr(environment, "local_stacks", lambda _: [])
    monkeypatch.setattr(drill, "backup_of", lambda *_: backup)
    return values


def metrics(caller: Caller, stack: str) -> dict[str, float]:
    """Return the drill's metrics of the last minutes, by name."""
    client: Any = caller.client(oci.monitoring.MonitoringClient)
    now = datetime.now(UTC) + timedelta(seconds=1)
    values = {}
    for name in ("drillFailed", "drillRestoreSeconds", "drillSeconds"):
        details = oci.monitoring.models.SummarizeMetricsDataDetails(
            namespace="auth",
            query=f'{name}[1m]{{stack = "{stack}"}}.max()',
            start_time=now - timedelta(minutes=2),
            end_time=now,
        )
        for each in client.summarize_metrics_data(caller.compartment, details).data:
            values[name] = each.aggregated_datapoints[-1].value
    return values


DRILLED = Drill(copy="whole", moment="", rows={}, account="", restore_seconds=12.5, seconds=114.0)


def test_the_result_of_a_drill_is_in_the_bucket_and_in_monitoring(
    backup: Backup,
    caller: Caller,
    values: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    del values
    monkeypatch.setattr(drill, "_drilled", lambda *_: DRILLED)

    drill.drill(request.node.name)

    result = drill_result.stored(backup, seconds=10)
    assert result
    assert (result.copy, result.seconds, result.problem) == ("whole", 12.5, "")
    assert metrics(caller, request.node.name) == {
        "drillFailed": 0,
        "drillRestoreSeconds": 12.5,
        "drillSeconds": 114,
    }


def test_a_drill_that_fails_leaves_its_problem_in_the_bucket_and_in_monitoring(
    backup: Backup, caller: Caller, values: dict[str, str], request: pytest.FixtureRequest
) -> None:
    del values

    with pytest.raises(DrillError, match="there is no copy"):
        drill.drill(request.node.name)

    result = drill_result.stored(backup, seconds=10)
    assert result
    assert result.problem.startswith("there is no copy in ")
    assert str(result).startswith(f"the drill failed at {result.at}: there is no copy in ")
    assert metrics(caller, request.node.name) == {"drillFailed": 1}


def test_a_step_of_the_tools_that_fails_is_a_failed_drill(
    backup: Backup,
    values: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    del values
    backup.objects.put(f"{backup.prefix}/timelines/20261127T000000Z-aaaa/1", b"")

    def no_docker(*_: object) -> None:
        raise StepError("no Docker engine answers")

    monkeypatch.setattr(environment, "prepare", no_docker)

    with pytest.raises(DrillError, match="Make a local stack: no Docker engine answers"):
        drill.drill(request.node.name)

    result = drill_result.stored(backup, seconds=10)
    assert result
    assert result.problem == "Make a local stack: no Docker engine answers"


def test_a_drill_without_its_metrics_is_a_drill_all_the_same(
    values: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.setattr(drill, "_drilled", lambda *_: DRILLED)
    values["auth:metricsEndpoint"] = "http://127.0.0.1:9"

    assert drill.drill(request.node.name) == DRILLED

    assert "Warning: the drill has no metrics. 127.0.0.1:9 gives no" in capsys.readouterr().err


def test_a_drill_that_a_local_stack_forbids_is_no_failed_drill(
    backup: Backup,
    values: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    del values
    monkeypatch.setattr(environment, "local_stacks", lambda _: ["local"])

    with pytest.raises(DrillError, match="there is a local stack"):
        drill.drill(request.node.name)

    assert drill_result.stored(backup, seconds=10) is None


@pytest.mark.parametrize(
    ("stored", "problem"),
    [
        (b"no JSON", "drill.json in the bucket is not JSON"),
        (b'{"format": 1}', "`at` is missing"),
    ],
)
def test_a_result_that_can_not_be_read_is_named(
    backup: Backup, stored: bytes, problem: str
) -> None:
    backup.objects.put(f"{backup.prefix}/drill.json", stored)

    with pytest.raises(ReleaseError, match=problem):
        drill_result.stored(backup, seconds=10)


def test_a_result_of_a_newer_format_is_read(backup: Backup) -> None:
    newer = {"format": 2, "at": "2026-11-27T04:41:00Z", "copy": "c", "seconds": 90, "more": []}
    backup.objects.put(f"{backup.prefix}/drill.json", json.dumps(newer).encode())

    result = drill_result.stored(backup, seconds=10)

    assert str(result) == "the copy c was restored at 2026-11-27T04:41:00Z, in 1.5 min"


def test_a_stack_without_a_bucket_has_nothing_to_drill() -> None:
    with pytest.raises(StackError, match="auth:backupBucket is not set"):
        drill.backup_of("dev", {})
