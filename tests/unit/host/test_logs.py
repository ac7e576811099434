"""The lines of a service's log, from entries of the journal."""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from host.auth_release import engine_api, logs, proxy


def entry(message: object, **fields: object) -> dict[str, Any]:
    return {
        "MESSAGE": message,
        "__REALTIME_TIMESTAMP": "1764212345678901",
        "__CURSOR": "s=1",
        **fields,
    }


def of_container(message: object) -> dict[str, Any]:
    return entry(message, CONTAINER_NAME="auth-7", AUTH_SERVICE="auth")


def line(fields: dict[str, Any]) -> str:
    return str(logs.read(fields, ["notes", "auth"]))


def test_a_line_names_the_container_that_wrote_it() -> None:
    assert line(of_container("ready")) == "auth-7 | ready"


def test_colours_are_left_out_and_other_control_characters_are_shown_as_text() -> None:
    colourful = [*b"\x1b[1;31mfailed\x1b[0m\r\x1b]0;title\x07"]

    assert line(of_container(colourful)) == r"auth-7 | failed\r\x1b]0;title\x07"


def test_bytes_that_are_not_text_are_shown() -> None:
    assert line(of_container([0xFF, 0x41])) == "auth-7 | �A"


def test_a_line_that_was_written_while_docker_was_stopped_has_its_release() -> None:
    def written(name: str) -> str:
        return line(entry("ready", _SYSTEMD_UNIT="auth-logs.service", SYSLOG_IDENTIFIER=name))

    assert written("auth-7") == "auth-7 | ready"
    assert written("other-7") == "None"


def request_line(service: str, **fields: object) -> str:
    entry = {
        "level": "info",
        "ts": 1764212345.678901,
        "logger": "http.log.access.log0",
        "request": {
            "method": "GET",
            "uri": "/v1/me",
            "remote_ip": "192.0.2.1",
            "proto": "HTTP/2.0",
        },
        "service": service,
        "request_id": "3dfa138a-56f4",
        "duration": 0.0121,
        "size": 120,
        "status": 401,
        **fields,
    }
    return json.dumps(entry)


def of_proxy(message: str) -> str:
    return line(entry(message, _SYSTEMD_UNIT="caddy.service"))


def test_a_request_of_the_proxy_has_the_form_of_the_services_log() -> None:
    source, _, fields = of_proxy(request_line("auth")).partition(" | ")

    assert source == "proxy"
    assert json.loads(fields) == {
        "time": "2025-11-27T02:59:05Z",
        "service": "auth",
        "request_id": "3dfa138a-56f4",
        "method": "GET",
        "path": "/v1/me",
        "status": 401,
        "ms": 12.1,
        "bytes": 120,
        "address": "192.0.2.1",
    }


def test_of_the_proxys_other_lines_errors_alone_are_shown() -> None:
    error = json.dumps({"level": "error", "logger": "http.log.error"})

    assert of_proxy(error) == f"proxy | {error}"
    assert of_proxy(request_line("other")) == "None"
    # Caddy logs a failed request as an error
    assert of_proxy(request_line("other", level="error", status=502)) == "None"
    assert of_proxy(json.dumps({"level": "info", "logger": "admin.api"})) == "None"
    assert of_proxy("Caddy 2 web server") == "None"
    assert of_proxy("[]") == "None"
    assert of_proxy(request_line("auth", request="broken")) == "None"


def test_the_proxy_logs_neither_queries_nor_headers() -> None:
    text = proxy.access_log("auth")

    for field in (
        "request>headers delete",
        "resp_headers delete",
        'request>uri regexp "[?#].*" ""',
    ):
        assert f"\t\t\t\t{field}\n" in text


def parsed(*argv: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(exit_on_error=False)
    logs.add_flags(parser)
    return parser.parse_args(argv)


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--lines", "0"),
        ("--lines", "many"),
        ("--lines", "999999"),
        ("--since", "yesterday"),
        ("--since", "2026-13-40T00:00:00Z"),
        ("--since", "0h"),
        ("--grep", "("),
        ("--request", "short"),
        ("--request", "with space"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(flag: str, value: str) -> None:
    with pytest.raises(argparse.ArgumentError, match=f"argument {flag}: "):
        parsed(f"{flag}={value}")


def test_a_period_ends_now_and_a_moment_is_one_in_utc() -> None:
    before = time.time()

    assert before - 7200 <= parsed("--since=2h").since <= time.time() - 7200
    assert parsed("--since=1970-01-02T00:00:00Z").since == 86400


def test_a_line_has_both_the_pattern_and_the_request_in_either_order() -> None:
    query = logs.Query(lines=1, pattern="refused|late", request="request-7.1")
    _, flags = logs._searches("auth", query)[0]
    text = flags[0].removeprefix("--grep=")

    lines = (
        "too late, request-7.1",
        "request-7.1 is\nrefused",
        "late",
        "request-7.1",
        "late request-7x1",
    )
    fitting = [bool(re.search(text, line)) for line in lines]

    assert fitting == [True, True, False, False, False]


def test_a_pattern_is_looked_for_in_the_proxys_lines_as_they_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The journal's form has `uri` in place of `path`, and no space after a colon."""
    (tmp_path / "journalctl").write_text(_GREPPING)
    (tmp_path / "journalctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(engine_api, "SOCKET", tmp_path / "docker.sock")
    of_request = entry(request_line("auth"), _SYSTEMD_UNIT="caddy.service")
    other = entry(request_line("auth", status=200), _SYSTEMD_UNIT="caddy.service")
    (tmp_path / "proxy").write_text(f"{json.dumps(of_request)}\n{json.dumps(other)}\n")
    (tmp_path / "containers").write_text(json.dumps(of_container("status: 401")) + "\n")

    logs.show("auth", logs.Query(lines=9, pattern=r'"path": ".*"status": 401'), follow=False)
    assert [text[:7] for text in capsys.readouterr().out.splitlines()] == ["proxy |"]

    logs.show("auth", logs.Query(lines=9, pattern="status.*401"), follow=False)
    sources = {text.partition(" |")[0] for text in capsys.readouterr().out.splitlines()}
    assert sources == {"proxy", "auth-7"}


# has the entries of the proxy or of containers in a file each, and looks for a pattern in them
_GREPPING = """\
#!/bin/sh
cd "$(dirname "$0")"
case "$*" in *AUTH_SERVICE*) file=containers ;; *) file=proxy ;; esac
for flag; do case "$flag" in --grep=*) pattern=${flag#--grep=} ;; esac; done
grep -e "$pattern" "$file"
"""


# takes a begin in time or a place, not both, as systemd's does
_JOURNALCTL = """\
#!/bin/sh
cd "$(dirname "$0")"
case "$*" in
*--after-cursor*--since* | *--since*--after-cursor*) echo "only one of both" >&2; exit 1 ;;
*--follow*--after-cursor*) cat later ;;
*) cat newest ;;
esac
"""
_FOLLOW = """
import pathlib, sys
from host.auth_release import engine_api, logs
engine_api.SOCKET = pathlib.Path(sys.argv[1]) / "docker.sock"
logs.show("auth", logs.Query(lines=1, since=0), follow=True)
"""


def test_lines_since_a_moment_are_followed_by_later_lines(tmp_path: Path) -> None:
    (tmp_path / "journalctl").write_text(_JOURNALCTL)
    (tmp_path / "journalctl").chmod(0o755)
    for name in ("newest", "later"):
        (tmp_path / name).write_text(json.dumps(of_container(name)))

    shown = subprocess.run(
        [sys.executable, "-c", _FOLLOW, str(tmp_path)],
        env={**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert shown.stdout.splitlines() == ["auth-7 | newest", "auth-7 | later"], shown.stderr
