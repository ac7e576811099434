"""The supervisor: real processes that hang or end are restarted, and nobody's work is disturbed."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from host.auth_release import asking, data_volume, drift, health, lock, proxy, status, supervisor
from host.auth_release.records import Record
from host.auth_release.releases import Releases
from host.auth_release.supervision import BOUND, SLOW_SECONDS, Restart, Restarts, Supervision
from host.auth_release.supervisor import Supervisor
from tests.unit.host.fakes import QUICK, Host, desired

_SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(sys.argv[2]))
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
_PROBE, _THROUGH_PROXY = health.probe, asking.through_proxy


def wait_for(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class Service:
    """The process of a live release; Docker's restart ends it and starts another."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.status = 200
        self.restarts: list[str] = []
        self.stays_dead = False
        self.start()

    def start(self) -> None:
        argv = [sys.executable, "-c", _SERVER, str(self.port), str(self.status)]
        self.process = subprocess.Popen(argv)
        wait_for(lambda: not (self.probe() or "").startswith("none"))

    def probe(self, *_: object) -> str | None:
        return _PROBE("127.0.0.1", self.port, "/readyz")

    def end(self) -> None:
        self.process.kill()
        self.process.wait()

    def restart(self, container: str) -> None:
        self.restarts.append(container)
        self.end()
        if not self.stays_dead:
            self.start()


class Rounds:
    """The supervisor's rounds, ten seconds apart on a clock of the test's."""

    def __init__(self, host: Host) -> None:
        self.now = 1000.0
        self.logged: list[str] = []
        self.supervisor = Supervisor(
            lambda _: Releases(host.parts),
            state=host.records.folder.parent,
            log=self.logged.append,
            clock=lambda: self.now,
        )

    def run(self, count: int) -> None:
        for _ in range(count):
            self.supervisor.begin_round()
            self.supervisor.end_round()
            self.now += 10


@pytest.fixture(name="service")
def _service(host: Host, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """Give the process of the release that is live on the host."""
    monkeypatch.setattr(health, "_ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(drift, "_PAUSE_SECONDS", 0)
    monkeypatch.setattr(proxy, "probe", lambda: None)
    monkeypatch.setattr(supervisor, "succeeds", lambda *_: True)
    service = Service()
    host.apply()
    monkeypatch.setattr(health, "probe", service.probe)
    monkeypatch.setattr(host.docker, "restart", service.restart, raising=False)
    yield service
    service.process.send_signal(signal.SIGCONT)
    service.end()


@pytest.fixture(name="rounds")
def _rounds(host: Host) -> Rounds:
    return Rounds(host)


def live(host: Host) -> Record:
    record = host.parts.live()
    assert record
    return record


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP])
def test_a_process_that_ends_or_stands_still_is_restarted_and_answers(
    host: Host, service: Service, rounds: Rounds, fault: signal.Signals
) -> None:
    rounds.run(1)
    service.process.send_signal(fault)
    if fault == signal.SIGKILL:
        service.process.wait()
    rounds.run(2)
    assert service.restarts == [], "two failures are not three"

    rounds.run(1)

    assert service.restarts == [live(host).container]
    assert service.probe() is None
    (restart,) = supervisor.restarts_of(host.records.folder.parent, "auth").all()
    assert restart.release == live(host).number
    assert restart.result.startswith("healthy after")
    assert restart.problem in rounds.logged[0]


def test_a_process_that_answers_with_an_error_is_not_restarted(
    host: Host, service: Service, rounds: Rounds
) -> None:
    service.status = 503
    service.end()
    service.start()

    rounds.run(10)

    assert service.restarts == []
    assert host.differences(live(host)) == []


def test_a_run_that_has_the_release_lock_is_left_alone(
    host: Host, service: Service, rounds: Rounds
) -> None:
    rounds.run(1)
    state = host.records.folder.parent
    with lock.locked(state, "auth", by="a release", seconds=1):
        service.process.send_signal(signal.SIGSTOP)
        rounds.run(5)
        assert service.restarts == []
        assert not lock.is_awaited(state, "auth"), "a watch would end early"
        assert "a release" in str(lock.holder(state, "auth"))

    rounds.run(1)
    assert service.restarts == [live(host).container]


def test_a_container_without_its_data_is_not_started(
    service: Service, rounds: Rounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_volume, "problem", lambda: "the data volume is not attached")
    rounds.run(1)
    service.end()

    rounds.run(5)

    assert service.restarts == []


def test_the_first_start_has_the_time_of_the_health_gate(
    host: Host, service: Service, rounds: Rounds
) -> None:
    host.apply(health={**QUICK, "deadline_seconds": 60})
    service.process.send_signal(signal.SIGSTOP)

    rounds.run(6)
    assert service.restarts == []

    rounds.run(1)
    assert service.restarts == [live(host).container]


def test_a_service_that_hangs_soon_after_a_restart_is_restarted_in_time(
    host: Host, service: Service, rounds: Rounds
) -> None:
    host.apply(health={**QUICK, "deadline_seconds": 60})
    rounds.run(1)
    for count in (1, 2):
        service.process.send_signal(signal.SIGSTOP)
        rounds.run(3)
        assert len(service.restarts) == count


def test_restarts_that_do_not_help_are_bounded_and_the_status_names_the_bound(
    host: Host, service: Service, rounds: Rounds
) -> None:
    host.apply(health={**QUICK, "deadline_seconds": 0.1})
    rounds.run(1)
    service.end()
    service.stays_dead = True

    rounds.run(100)

    state = host.records.folder.parent
    assert len(service.restarts) == BOUND
    (sentence,) = status.status(host.parts)["exhausted"]
    assert f"{BOUND} restarts in a row did not help" in sentence
    rounds.run(SLOW_SECONDS // 10)
    assert len(service.restarts) == BOUND + 1
    assert supervisor.restarts_of(state, "auth").total == BOUND + 1


def test_the_pause_between_restarts_doubles_and_calm_forgets_it() -> None:
    now, due = 0.0, []
    supervision = Supervision(now=now, start_seconds=0)
    while now < 400:
        supervision.note("no answer within 5 s", now=now)
        if supervision.is_due(now=now):
            due.append(now)
            supervision.restarted(now=now, start_seconds=0)
        now += 10
    assert due == [20, 50, 90, 170, 330]

    for _ in range(62):
        supervision.note(None, now=now)
        now += 10
    assert not supervision.is_exhausted


def test_a_service_that_hangs_is_drift_and_its_status_says_so(
    host: Host,
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    service.process.send_signal(signal.SIGSTOP)
    monkeypatch.setattr(asking, "through_proxy", lambda _: "no answer within 5 s")

    status.show_status(["auth"], lambda _: host.parts, as_json=False, single=True)

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Release 1 of auth is live and hangs: no answer within 5 s."
    assert "  differs: auth-1 hangs: /readyz: no answer within 0.3 s" in lines


def test_the_history_has_the_restarts_of_each_release(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    host.apply()
    restarts = Restarts(host.records.folder.parent / "supervision", "auth")
    restarts.begin(Restart(at="2026-11-27T03:00:00Z", release=1, problem="no answer within 5 s"))
    restarts.end("healthy after 1.0 s", exhausted="")

    status.show_history(host.records, restarts.all(), as_json=False)
    status.show_history(host.records, restarts.all(), as_json=True)

    *lines, as_json = capsys.readouterr().out.splitlines()
    line = "  restarted at 2026-11-27T03:00:00Z, as no answer within 5 s: healthy after 1.0 s"
    assert line in lines
    assert json.loads(as_json)[0]["restarts"][0]["release"] == 1


@pytest.mark.parametrize("text", ["", "[]", '{"restarts": [{"at": 1}]}', '{"schema": 0}'])
def test_a_damaged_file_of_restarts_is_no_restart(tmp_path: Path, text: str) -> None:
    (tmp_path / "auth.json").write_text(text)
    restarts = Restarts(tmp_path, "auth")
    assert restarts.all() == []
    assert restarts.exhausted == ""


def test_the_metrics_name_each_subject(
    service: Service, rounds: Rounds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "METRICS", tmp_path / "metrics" / "supervisor.prom")
    monkeypatch.setattr(time, "sleep", stop_the_loop)
    with pytest.raises(KeyboardInterrupt):
        rounds.supervisor.run()
    rounds.supervisor.end_round()
    monkeypatch.undo()
    assert service.restarts == []

    lines = list(rounds.supervisor._metrics())
    assert 'auth_supervised_up{name="auth"} 1' in lines
    assert 'auth_supervised_restarts_total{name="auth"} 0' in lines


def stop_the_loop(_: float) -> None:
    raise KeyboardInterrupt


def test_systemd_hears_of_each_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        monkeypatch.setitem(os.environ, "NOTIFY_SOCKET", str(tmp_path / "notify"))
        supervisor._notify("WATCHDOG=1")
        assert systemd.recv(100) == b"WATCHDOG=1"


@pytest.mark.parametrize(
    ("site", "address"),
    [
        (":80", ("", 80, False)),
        ("auth.example.com", ("auth.example.com", 443, True)),
        ("http://auth.example.com", ("auth.example.com", 80, False)),
        ("http://auth.example.com:8080", ("auth.example.com", 8080, False)),
        ("https://auth.example.com:8443", ("auth.example.com", 8443, True)),
        (":443", ("", 443, True)),
    ],
)
def test_a_site_is_asked_where_the_proxy_serves_it(
    site: str, address: tuple[str, int, bool]
) -> None:
    assert asking.address(site) == address


def test_a_service_is_asked_through_its_site() -> None:
    service = Service()
    try:
        assert _THROUGH_PROXY(desired(site=f":{service.port}")) is None
        service.status = 503
        service.end()
        service.start()
        assert _THROUGH_PROXY(desired(site=f":{service.port}")) == "HTTP 503"
    finally:
        service.end()
    assert str(_THROUGH_PROXY(desired(site=f":{service.port}"))).startswith("no answer")
