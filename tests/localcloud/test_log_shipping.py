"""Lines of the journal, shipped by the release tool's own code to the emulated Logging."""

import json
import os
import time
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from host.auth_release import log_shipping
from host.auth_release.monitoring import Log
from host.auth_release.oracle_api import ApiKey
from localcloud.state import log_entries
from tests.localcloud.caller import Caller

# like systemd's: the entries after a place, or all of them
_JOURNALCTL = """\
#!/bin/sh
for flag; do case "$flag" in --after-cursor=*) place=${flag#--after-cursor=} ;; esac; done
echo "$*" > "$(dirname "$0")/flags"
tail -n "+$((${place:-0} + 1))" "$(dirname "$0")/journal"
"""


class Host:
    """A host with a journal and a key, without systemd."""

    def __init__(self, caller: Caller, folder: Path, logged: list[str]) -> None:
        self._caller = caller
        self._folder = folder
        self._user = caller.account.reporter
        self.logged = logged
        self.log = Log(ocid=caller.account.log, endpoint=caller.home.endpoint)
        self.key = ApiKey(key_id=self._user.key_id, file=self._user.private_key_file)
        self.journal = folder / "journal"
        self.journal.touch()
        self.source = str(folder)  # a source for each test

    def write(self, *messages: str, **fields: object) -> None:
        """Add entries of the container auth-7 to the journal, or of a unit in `fields`."""
        count = len(self.journal.read_text().splitlines())
        origin = fields or {"CONTAINER_NAME": "auth-7"}
        with self.journal.open("a") as journal:
            for number, message in enumerate(messages, count + 1):
                entry = {
                    "MESSAGE": message,
                    "__REALTIME_TIMESTAMP": str(int(time.time() * 1e6)),
                    "__CURSOR": str(number),
                    **origin,
                }
                journal.write(f"{json.dumps(entry)}\n")

    def ship(self) -> None:
        log_shipping.ship(self.log, self.key, source=self.source, services=lambda: ["auth"])

    def received(self) -> list[log_entries.LogEntry]:
        entries = log_entries.stored(self._caller.home.log_entries)
        return [entry for entry in entries if entry.source == self.source]

    def texts(self) -> list[str]:
        return [entry.data for entry in self.received()]

    def fails(self, times: int) -> None:
        fault = {"kind": "loggingUnavailable", "times": times}
        with self._caller.control() as http:
            http.post("/faults", json=fault).raise_for_status()


@pytest.fixture(name="host")
def _host(caller: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    (tmp_path / "journalctl").write_text(_JOURNALCTL)
    (tmp_path / "journalctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(log_shipping, "PLACE", tmp_path / "state" / "place")
    monkeypatch.setattr(log_shipping, "MEMORY", tmp_path / "run" / "log-shipping.json")
    monkeypatch.setattr(log_shipping, "UNITS", tmp_path / "units")
    (tmp_path / "units").mkdir()
    (tmp_path / "units" / "auth-log-shipping.timer").touch()
    lines: list[str] = []
    log = SimpleNamespace(syslog=lambda _, text: lines.append(text), LOG_WARNING=4, LOG_NOTICE=5)
    monkeypatch.setattr(log_shipping, "syslog", log)
    return Host(caller, tmp_path, lines)


def request(**fields: Any) -> str:
    """Return a line of the proxy about a request, as Caddy writes it."""
    sent = {"method": "GET", "uri": "/v1/me", "remote_ip": "192.0.2.1", "proto": "HTTP/2.0"}
    entry = {
        "logger": "http.log.access.log0",
        "ts": 1764212345.6,
        "request": sent,
        "service": "auth",
        "request_id": "3dfa138a-56f4",
        "duration": 0.01,
        "size": 120,
        "status": 401,
    }
    return json.dumps({**entry, **fields})


def test_each_line_arrives_once_with_its_source_and_time(host: Host) -> None:
    host.write("first", "\x1b[31msecond")
    host.ship()
    host.ship()
    before = time.time()
    host.write("third")
    host.ship()

    assert host.texts() == ["first", "second", "third"]
    *_, last = host.received()
    assert (last.subject, last.type) == ("auth-7", "auth.log")
    assert before - 0.01 <= last.at <= time.time()
    assert len({entry.id for entry in host.received()}) == 3
    assert log_shipping.problem() is None
    assert host.logged == []


def test_requests_arrive_as_make_logs_shows_them(host: Host) -> None:
    noise = ("Caddy begins", json.dumps({"level": "info", "logger": "admin.api"}))
    host.write(*noise, request(), request(service="other"), _SYSTEMD_UNIT="caddy.service")

    host.ship()

    (entry,) = host.received()
    assert entry.subject == "proxy"
    assert json.loads(entry.data)["path"] == "/v1/me"
    host.ship()
    assert len(host.received()) == 1


def test_an_outage_loses_no_line_and_is_logged_once(host: Host) -> None:
    host.write("before")
    host.ship()
    host.fails(2)
    host.write("during", "during, too")
    host.ship()
    host.ship()

    assert host.texts() == ["before"]
    assert log_shipping.problem() == (
        f"not shipped: {host.log.endpoint.removeprefix('http://')} refuses with HTTP 503: The "
        "service is currently unavailable."
    )
    assert len(host.logged) == 1

    host.write("after")
    host.ship()
    assert host.texts() == ["before", "during", "during, too", "after"]
    assert log_shipping.problem() is None
    assert host.logged[1:] == ["Log: shipped again"]


def test_the_age_of_the_oldest_line_that_waits_is_told(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.write("waits")
    monkeypatch.setattr("time.time", lambda now=time.time: now() + 300)
    host.fails(1)
    host.ship()

    problem = log_shipping.problem()

    assert problem is not None
    assert problem.startswith("the oldest line that is not shipped is 300 s old: 127.")


def test_a_run_that_was_killed_after_its_post_repeats_it_with_the_same_ids(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.write("line", "another")

    def killed(*_: object, **__: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(log_shipping, "write_changed", killed)
        with pytest.raises(KeyboardInterrupt):
            host.ship()
    host.ship()

    ids = [entry.id for entry in host.received()]
    assert len(ids) == 4
    assert ids[:2] == ids[2:]


def test_a_backlog_arrives_whole_and_in_order_by_bounded_posts(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_shipping, "_MOST_ENTRIES", 10)
    texts = [str(number) for number in range(25)]
    host.write(*texts)

    host.ship()

    assert host.texts() == texts


def test_a_line_that_oracle_would_refuse_is_cut(host: Host) -> None:
    host.write("ü" * 600_000, "next")

    host.ship()

    assert [len(text) for text in host.texts()] == [100_000, 4]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"log": {"endpoint": "http://127.0.0.1:9"}}, "gives no answer: Connection refused"),
        ({"log": {"ocid": "ocid1.log.oc1..other"}}, "HTTP 404"),
        ({"key": {"key_id": "tenancy/user/other"}}, "HTTP 401"),
    ],
    ids=["endpoint down", "unknown log", "unknown key"],
)
def test_a_wrong_setting_is_a_problem_until_it_is_right(
    host: Host, change: dict[str, dict[str, str]], reason: str
) -> None:
    host.write("line")
    log, key = host.log, host.key
    host.log = Log(**{**asdict(log), **change.get("log", {})})
    host.key = ApiKey(**{**asdict(key), **change.get("key", {})})
    host.ship()
    assert reason in str(log_shipping.problem())

    host.log, host.key = log, key
    host.ship()
    assert host.texts() == ["line"]
    assert log_shipping.problem() is None


def test_runs_that_ended_are_a_problem(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.ship()
    monkeypatch.setattr("time.time", lambda now=time.time: now() + 120)

    assert "systemctl status auth-log-shipping.timer" in str(log_shipping.problem())


def test_an_unreadable_journal_is_a_problem(host: Host, tmp_path: Path) -> None:
    (tmp_path / "journalctl").write_text("#!/bin/sh\necho 'Failed to seek to cursor' >&2; exit 1\n")

    host.ship()

    assert (
        log_shipping.problem() == "not shipped: the journal can't be read: Failed to seek to cursor"
    )


def test_a_line_still_waits_while_the_journal_is_unreadable(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.write("waits")
    monkeypatch.setattr("time.time", lambda now=time.time: now() + 300)
    host.fails(1)
    host.ship()
    (tmp_path / "journalctl").write_text("#!/bin/sh\necho 'Failed to seek to cursor' >&2; exit 1\n")

    host.ship()

    assert log_shipping.problem() == (
        "the oldest line that is not shipped is 300 s old: "
        "the journal can't be read: Failed to seek to cursor"
    )


def test_the_first_run_begins_an_hour_ago(host: Host, tmp_path: Path) -> None:
    host.ship()

    flags = (tmp_path / "flags").read_text().split()
    (since,) = [flag for flag in flags if flag.startswith("--since=@")]
    assert 3590 < time.time() - int(since.removeprefix("--since=@")) < 3610


def test_turned_on_it_ships_at_once_and_turned_off_it_leaves_nothing(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def systemctl(*argv: str) -> bool:
        if argv[1] == "start":
            host.ship()
        return True

    monkeypatch.setattr(log_shipping, "run", lambda *_: "")
    monkeypatch.setattr(log_shipping, "succeeds", systemctl)
    host.write("line")
    host.fails(1)

    assert "the log is not shipped yet: 127." in log_shipping.configure(host.log)
    assert log_shipping.configure(host.log) == f"the log is shipped to {host.log.endpoint}"
    assert host.texts() == ["line"]
    assert "auth-release ship-logs" in (tmp_path / "units/auth-log-shipping.service").read_text()

    assert log_shipping.configure(None) == ""
    left = [path for name in ("state", "run", "units") for path in (tmp_path / name).iterdir()]
    assert left == []
    assert log_shipping.problem() is None
