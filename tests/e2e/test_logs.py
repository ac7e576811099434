"""The log outlives releases and containers, and names no secret of a request."""

import json
import secrets
import threading
import time
from typing import Any

import httpx
import pytest

from localcloud.state import log_entries
from tests.localcloud.caller import eventually
from tests.testbed.clone import Clone
from tests.testbed.server import QUICK, TOOL, Server


def ask(url: str, request_id: str) -> dict[str, str]:
    """Send a request full of secrets; return them by their place."""
    values = {name: secrets.token_hex(16) for name in ("query", "token", "cookie")}
    answer = httpx.get(
        f"{url}/v1/me?code={values['query']}",
        headers={
            "X-Request-Id": request_id,
            "Authorization": f"Bearer {values['token']}",
            "Cookie": f"session={values['cookie']}",
        },
        timeout=30,
    )
    assert answer.status_code == httpx.codes.UNAUTHORIZED
    assert answer.headers["X-Request-Id"] == request_id
    return values


def entries(output: str) -> dict[str, Any]:
    """Return the JSON of the lines by their source."""
    lines = [line.partition(" | ") for line in output.splitlines() if " | {" in line]
    return {source.strip(): json.loads(text) for source, _, text in lines}


def shipped(server: Server, request_id: str) -> dict[str, Any]:
    """Return the JSON of a request's lines in the emulated Oracle Logging, by their source."""
    lines = [
        entry
        for entry in log_entries.stored(server.cloud.home.log_entries)
        if request_id in entry.data
    ]
    assert len({entry.id for entry in lines}) == len(lines), "a line is there twice"
    return {entry.subject: json.loads(entry.data) for entry in lines}


@pytest.mark.usefixtures("restored")
def test_a_request_is_found_after_its_release_is_gone(
    server: Server, clone: Clone, url: str
) -> None:
    request_id = f"request-{secrets.token_hex(8)}"
    sent = ask(url, request_id)
    container = f"auth-{server.status()['live']['release']}"
    applied = server.apply({"AUTH_LOCKOUT_AFTER": "7"}, health=QUICK)
    assert applied.status == 0, applied.output
    assert container not in server.containers_at_rest()

    shown = clone.make("logs", f"REQUEST={request_id}")

    assert shown.status == 0, shown.output
    by_source = entries(shown.output)
    assert by_source[container]["path"] == by_source["proxy"]["path"] == "/v1/me"
    assert by_source[container]["status"] == by_source["proxy"]["status"] == 401
    everything = server.must("sudo", "journalctl", "--no-pager", "--since=-10min", "--output=cat")
    for place, value in sent.items():
        assert value not in everything, f"the {place} is in the journal"
    assert f"{container} | " in clone.make("logs", "LINES=1000", "SINCE=1h", "GREP=startup").output


def test_later_lines_follow_until_the_reader_leaves(server: Server, url: str) -> None:
    request_id = f"request-{secrets.token_hex(8)}"
    command = (*TOOL, "logs", "auth", "--lines=1", "--follow", f"--request={request_id}")
    lines: list[str] = []
    reading = "pgrep --full '[-]-output=json --follow'"
    with server.start(*command) as process:
        assert process.stdout
        thread = threading.Thread(target=lines.extend, args=(process.stdout,))
        thread.start()
        try:
            eventually("a reader of the journal", lambda: server.run(reading).status, 0, seconds=30)
            ask(url, request_id)
            eventually("the line", lambda: "proxy" in entries("".join(lines)), wanted=True)
        finally:
            process.terminate()
            thread.join(20)

    eventually("no reader of the journal", lambda: server.run(reading).status, 1, seconds=20)


def test_the_status_counts_requests(server: Server, clone: Clone, url: str) -> None:
    ask(url, f"request-{secrets.token_hex(8)}")

    # after the load of another test, not the whole hour can be counted
    def is_counted() -> bool:
        return bool(server.status()["overview"]["requests"]["count"])

    eventually("the request", is_counted, wanted=True, seconds=20)
    shown = clone.make("status").output
    for name in ("requests", "disks", "backup", "proof"):
        assert f"\n  {name} " in shown


@pytest.mark.usefixtures("restored")
def test_each_request_reaches_oracle_logging_over_a_release_and_an_outage(
    server: Server, clone: Clone, url: str, request: pytest.FixtureRequest
) -> None:
    def arrives(request_id: str, *, seconds: float) -> None:
        def is_there() -> bool:
            return {*shipped(server, request_id)} >= {"proxy", container}

        eventually("both lines of the request", is_there, wanted=True, seconds=seconds)

    first, during, after = (f"request-{secrets.token_hex(8)}" for _ in range(3))
    container = f"auth-{server.status()['live']['release']}"
    began = time.monotonic()
    sent = [*ask(url, first).values()]
    arrives(first, seconds=20)
    figures = f"a line is in Oracle Logging after {time.monotonic() - began:.0f} s"
    request.node.user_properties.append(("load", figures))

    with server.cloud.control() as control:
        control.post("/faults", json={"kind": "loggingUnavailable"}).raise_for_status()
        try:
            sent += ask(url, during).values()
            eventually(
                "the problem in the status",
                lambda: "HTTP 503" in str(server.status()["shipping"]),
                wanted=True,
                seconds=30,
            )
            assert "  log      not shipped: " in clone.make("status").output
            applied = server.apply({"AUTH_LOCKOUT_AFTER": "8"}, health=QUICK)
            assert applied.status == 0, applied.output
            assert shipped(server, during) == {}
        finally:
            control.delete("/faults").raise_for_status()
    arrives(during, seconds=20)
    container = f"auth-{server.status()['live']['release']}"
    sent += ask(url, after).values()
    arrives(after, seconds=20)

    assert server.status()["shipping"] is None
    everything = [entry.data for entry in log_entries.stored(server.cloud.home.log_entries)]
    assert not [text for text in everything for value in sent if value in text], "a secret shipped"
    assert [text for text in everything if "startup" in text], "the first release's lines"
