"""The log outlives releases and containers, and names no secret of a request."""

import json
import secrets
import threading
from typing import Any

import httpx
import pytest

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
